"""How good the model is, in numbers: every metric, with PCA and the raw items beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ae_core.metrics import METRICS
from ae_core.metrics.evidence import Evidence, gather, rival
from ae_core.metrics.measure import measured
from ae_core.probes.questions import Numbers
from ae_core.probes.specimen import Specimen


def numbers(
    question: Numbers, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """header: `metrics`, a list of {name, family, unit, direction, value, n, pca, raw, lacks}; a value that has no
    meaning here is null, and `lacks` names the needs that are not met.
    """
    evidence = gather(specimen.model, specimen.spec)
    beside, plain = rival(evidence, specimen.spec), uncoded(evidence)
    raw = {found.name: found.value for found in measured(plain, None, [name for name in METRICS if _of_raw(name)])}
    lines = []
    for number, found in enumerate(measured(evidence, beside, METRICS), 1):
        metric = METRICS[found.name]
        facts = {"family": metric.family, "unit": metric.unit, "direction": metric.direction}
        lines.append({**vars(found), **facts, "lacks": list(found.lacks), "raw": raw.get(found.name)})
        tell(number / len(METRICS))
    return {"metrics": lines, "items": len(evidence.x)}, {}


def uncoded(evidence: Evidence) -> Evidence:
    """The same items with each as its own code: what a metric of codes says of no coding at all."""
    x, train_x = evidence.x, evidence.train_x
    return replace(
        evidence, z=x, train_z=train_x, x_hat=x, slot=None, log_var=None, logits=None, model=None, grid=None, _known={}
    )


def _of_raw(name: str) -> bool:
    """Metrics that look at codes and labels alone say something of raw items too."""
    return METRICS[name].family == "latent" and "classes" in METRICS[name].needs
