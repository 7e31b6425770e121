"""Every metric of a trained model, computed on items that it never learned from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ae_core.errors import SpecError
from ae_core.metrics.disentanglement import DISENTANGLEMENT
from ae_core.metrics.evidence import Evidence, gather, rival
from ae_core.metrics.generative import GENERATIVE
from ae_core.metrics.latent import LATENT
from ae_core.metrics.recommender import RECOMMENDATION
from ae_core.metrics.reconstruction import RECONSTRUCTION
from ae_core.metrics.record import Measured, Metric
from ae_core.metrics.sparsity import SPARSITY
from ae_core.models import Autoencoder
from ae_core.spec import RunSpec

METRICS: dict[str, Metric] = RECONSTRUCTION | LATENT | GENERATIVE | DISENTANGLEMENT | SPARSITY | RECOMMENDATION
"""Every metric by name, in the order in which they are shown."""


def measure(model: Autoencoder, spec: RunSpec | None = None, names: Iterable[str] | None = None) -> list[Measured]:
    """The metrics of that name, or all, on the items that the run keeps aside, PCA with as many numbers beside each.

    spec: of the run whose items are looked at, the model's own if left out. The model is left in the mode it came in.
    Equal arguments give equal numbers. All of them take seconds; a few on sprites, more.
    Raises SpecError for a name that is none.
    """
    chosen = list(METRICS if names is None else names)
    if unknown := [name for name in chosen if name not in METRICS]:
        raise SpecError(f"There is no metric {', '.join(unknown)}. There are: {', '.join(METRICS)}.")
    training = model.training
    model.eval()
    try:
        experiment = spec or model.spec
        evidence = gather(model, experiment)
        return list(measured(evidence, rival(evidence, experiment), chosen))
    finally:
        model.train(training)


def measured(evidence: Evidence, beside: Evidence | None, names: Iterable[str]) -> Iterator[Measured]:
    """The metrics of that name on this evidence, and on that of a rival, one after the other."""
    sizes: dict[int | None, tuple[Evidence, Evidence | None]] = {}
    for name in names:
        most = METRICS[name].most
        if most not in sizes:
            sizes[most] = (evidence.at_most(most), beside.at_most(most) if beside else None)
        yield _one(name, *sizes[most])


def _one(name: str, evidence: Evidence, beside: Evidence | None) -> Measured:
    metric = METRICS[name]
    n = metric.drawn or len(evidence.x)
    if lacks := metric.lacks(evidence):
        return Measured(name, None, n, None, lacks)
    pca = None
    if beside is not None and metric.rival and not metric.lacks(beside):
        pca = metric.value(beside)
    value = metric.value(evidence)
    if not math.isfinite(value):
        return Measured(name, None, n, pca, ("finite",))
    return Measured(name, value, n, pca)
