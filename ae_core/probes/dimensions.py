"""The numbers of the code one by one: how much each says, and whether the model uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ae_core.metrics.generative import ACTIVE, kl_per_dimension
from ae_core.probes.codes import coded
from ae_core.probes.questions import Dimensions
from ae_core.probes.specimen import Specimen

UNUSED = 0.01  # of the mean variance of all numbers: one that varies less is not used
PORTION = 5000  # items of which the KL divergence is taken


def dimensions(
    question: Dimensions, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`variance` f4 (width,), over the items, of the code's centre; `used` u1 (width,); of a Gaussian code with a
    normal prior also `kl` f4 (width,), nats per item.

    A number of a Gaussian code is used where its variance is above 0.01 (Burda et al. 2016, section 5), one of any
    other code where it is above 1 % of the mean over all numbers. header: `rule` "gaussian" or "share", `width`.
    """
    z, _ = coded(specimen, question.most, tell)
    variance = z.var(axis=0, dtype=np.float64)
    divergence = _divergence(specimen)
    least = UNUSED * variance.mean() if divergence is None else ACTIVE
    arrays = {"variance": variance.astype(np.float32), "used": (variance > least).astype(np.uint8)}
    if divergence is not None:
        arrays["kl"] = np.nan_to_num(divergence).astype(np.float32)
    return {"rule": "share" if divergence is None else "gaussian", "width": z.shape[1], "items": len(z)}, arrays


def _divergence(specimen: Specimen) -> np.ndarray | None:
    """KL(q(z|x) || N(0, 1)) of each number, (width,), nats; None for a code that has no such prior."""
    rows = slice(0, min(PORTION, specimen.count))
    if specimen.model.prior is not None:
        return None
    with torch.inference_mode():
        found = specimen.told(rows).encode(torch.from_numpy(specimen.items(rows)))
    if found.mu is None or found.log_var is None:
        return None
    return np.asarray(kl_per_dimension(found.mu.numpy(), found.log_var.numpy()))
