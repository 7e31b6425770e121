"""The record of a metric, what it may need, and what measuring gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ae_core.metrics.evidence import Evidence

Direction = Literal["higher", "lower", "none"]
Family = Literal["reconstruction", "latent", "generative", "disentanglement", "sparsity", "recommendation"]

NEIGHBOURS = 12  # of each item, for everything that compares neighbourhoods of items with those of codes
BALLS = 5  # neighbours that a ball around an item reaches, for precision, recall, density and coverage
FEATURES = 32  # principal coordinates in which drawn items are compared with real ones


@dataclass(frozen=True)
class Metric:
    """unit: of the value ("" = a pure number). direction: which way is better; "none" where neither is.

    needs: names in NEEDS, all of which must hold, or there is no value. value: the number itself, a pure function.
    most: items at most, drawn by the seed, for what is dear. rival: whether PCA beside it says something.
    drawn: how many items it draws for itself from known factors, which are then its n.
    Title and meaning are copy, under `metric.<name>`.
    """

    family: Family
    unit: str
    direction: Direction
    value: Callable[[Evidence], float]
    needs: tuple[str, ...] = ()
    most: int | None = None
    rival: bool = True
    drawn: int | None = None

    def lacks(self, evidence: Evidence) -> tuple[str, ...]:
        """The needs that this evidence does not meet, in order; the first one that fails hides those after it."""
        return next(((need,) for need in ("finite", *self.needs) if not NEEDS[need](evidence)), ())


@dataclass(frozen=True)
class Measured:
    """One finished measurement. value: None where it has no meaning here, and then `lacks` says what is missing.

    n: the items it was computed on. pca: the same of PCA with as many numbers, None where that says nothing.
    """

    name: str
    value: float | None
    n: int
    pca: float | None = None
    lacks: tuple[str, ...] = ()


def _varied(rows: np.ndarray) -> bool:
    """Whether the rows are not all the same, up to rounding."""
    return len(rows) > 1 and bool(np.ptp(rows, axis=0).max() > 1e-6 * np.abs(rows).max())


def _classes(evidence: Evidence) -> bool:
    if evidence.labels is None or evidence.train_labels is None:
        return False
    held = len(np.unique(evidence.labels))
    return 2 <= held < len(evidence.labels) and len(np.unique(evidence.train_labels)) >= 2


def _rests(evidence: Evidence) -> bool:
    """Codes that are ever exactly zero, or whose unit has its rest there."""
    code = evidence.model.spec.model.code if evidence.model is not None else None
    rests = getattr(code, "activation", "") in ("relu", "sigmoid")
    return (rests or bool((evidence.z == 0).any())) and bool(evidence.z.any())


def _independent(evidence: Evidence) -> bool:
    """Whether no number of the code is fixed by the others, nor constant."""
    if evidence.z.shape[1] < 2 or len(evidence.z) <= evidence.z.shape[1]:
        return False
    centred = evidence.z - evidence.z.mean(axis=0, dtype=np.float64)
    spread = np.sqrt((centred**2).mean(axis=0))
    if spread.min() <= 1e-6 * max(np.abs(evidence.z).max(), 1e-30):
        return False
    scaled = centred / spread
    return bool(np.linalg.eigvalsh(scaled.T @ scaled / len(scaled)).min() > 1e-6)


NEEDS: dict[str, Callable[[Evidence], bool]] = {
    "finite": lambda e: all(bool(np.isfinite(part).all()) for part in (e.x_hat, e.z, e.train_z)),
    "whole": lambda e: e.weights is None,
    "classes": _classes,
    "pictures": lambda e: len(e.shape) == 3 and min(e.shape[:2]) >= 3,
    "peak": lambda e: e.peak is not None,
    "inexact": lambda e: bool((e.x != e.x_hat).any()),
    "probabilities": lambda e: e.logits is not None and e.x.min() >= 0 and e.x.max() <= 1,
    "gaussian": lambda e: e.log_var is not None and e.model is not None,
    "varied_items": lambda e: _varied(e.x),
    "varied_codes": lambda e: _varied(e.z),
    "neighbours": lambda e: len(e.x) > 2 * NEIGHBOURS,
    "balls": lambda e: len(e.x) > BALLS,
    "many": lambda e: min(len(e.x), len(e.train_x)) >= 2 * min(FEATURES, e.x.shape[1]),
    "wide": lambda e: e.z.shape[1] >= 2,
    "independent": _independent,
    "rests": _rests,
    "network": lambda e: e.model is not None,
    "smooth": lambda e: e.slot is None,
    "factors": lambda e: e.world is not None,
    "taken": lambda e: e.hidden is not None and not e.stars,
    "stars": lambda e: e.hidden is not None and e.stars,
    "columns": lambda e: any(kind != "number" for kind, _, _ in e.spans),
}
"""What a metric may need of the evidence; each has a sentence under `need.<name>` in the copy."""
