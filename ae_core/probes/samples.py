"""New items: codes drawn at random, and what the decoder makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ae_core.compatibility import classes
from ae_core.probes.questions import Samples
from ae_core.probes.specimen import Specimen
from ae_core.sampling import SAMPLERS, draw, sampler_of


def samples(
    question: Samples, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`z` f4 (n, width), `x` f4 (n, features) in the network's units, `nearest` i4 (n,), the row in the dataset of the
    nearest item that was trained on, `distance` f4 (n,) to it. header: `sampler`, `samplers` that apply to this model.

    A conditional model draws items of the classes in turn.
    """
    sampler = sampler_of(specimen.spec, question.sampler or None)
    known = classes(specimen.spec)
    z = draw(specimen.fitted.codes(), question.count, sampler, question.seed).astype(np.float32)
    tell(0.5)
    model = specimen.model
    if known:
        model = model.given(torch.arange(question.count) % known)
    with torch.inference_mode():
        x = model.decode(torch.from_numpy(z)).numpy()
    nearest, distance = closest(x, specimen.split.train)
    able = [name for name, kind in SAMPLERS.items() if not kind.objection(specimen.spec)]
    name = next(name for name, kind in SAMPLERS.items() if isinstance(sampler, kind))
    header = {"sampler": name, "samplers": able, "seed": question.seed}
    rows = specimen.split.train_index[nearest].astype(np.int32)
    return header, {"z": z, "x": np.nan_to_num(x), "nearest": rows, "distance": distance.astype(np.float32)}


def closest(x: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row of x the row of `among` at the least Euclidean distance, and that distance. (n,) and (n,)."""
    squares = np.square(among, dtype=np.float64).sum(axis=1)
    apart = squares - 2 * x.astype(np.float64) @ among.T.astype(np.float64)
    row = apart.argmin(axis=1)
    return row, np.linalg.norm(x.astype(np.float64) - among[row], axis=1)
