"""How features are brought to a common scale, fitted on training items only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ae_core.data.columns import Column, numeric
from ae_core.data.dataset import Dataset, Floats
from ae_core.errors import SpecError

ScalingKind = Literal["none", "standard", "minmax", "distribution"]
Doubles = npt.NDArray[np.float64]
PORTION = 3_000_000
"""Numbers that are made float64 at once (24 MB). All of MNIST as float64 would be 439 MB, several times."""


@dataclass(frozen=True, eq=False)
class Scaling:
    """A fitted change of scale: `apply` brings items to it, `undo` brings items or reconstructions back.

    shift, scale: (d,), float64. bounds: the range that scaled numbers lie in, None where there is no bound.
    For minmax, numbers outside the training range are cut off at it, so that the bounds hold for every item.
    For distribution, an item's sum is lost; `undo` gives back items with the training items' mean sum (the `scale`).
    """

    kind: ScalingKind
    shift: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    bounds: tuple[float, float] | None

    def apply(self, x: npt.ArrayLike, out: Floats | None = None) -> Floats:
        """(n, d) items in the data's own units, scaled: float32, C-contiguous. out: where to put them; may be x."""
        return _by_portions(np.asarray(x), self._scaled, out)

    def undo(self, x: npt.ArrayLike) -> Floats:
        """(n, d) scaled items, or reconstructions of them, in the data's own units again."""
        return _by_portions(np.asarray(x), lambda values: values * self.scale + self.shift)

    def _scaled(self, values: Doubles) -> Doubles:
        if self.kind == "none":
            return values
        if self.kind == "distribution":
            return _as_distributions(values)
        scaled = (values - self.shift) / self.scale
        return np.clip(scaled, 0, 1) if self.kind == "minmax" else scaled


def resolve_scaling(dataset: Dataset, standardise: str, reconstruction: str) -> ScalingKind:
    """What "auto" means for this dataset and this loss; every other choice stands as it is.

    Items become distributions for cross-entropy; else data with a declared range (pictures) stay in it, and all other
    data get mean 0 and variance 1.
    """
    if standardise in ("none", "standard", "minmax", "distribution"):
        return standardise  # type: ignore[return-value]  # mypy does not narrow str by `in`
    if reconstruction == "cross_entropy":
        return "distribution"
    return "none" if dataset.value_range is not None else "standard"


def fit(
    kind: ScalingKind, train: Floats, value_range: tuple[float, float] | None, columns: Sequence[Column] = ()
) -> Scaling:
    """The scaling of these (n, d) training items. Constant features are shifted only. value_range: of the raw data.
    columns: of a table that has them; only its numbers are scaled, what is 0 or 1 stays so.

    Raises SpecError for a distribution of numbers of which some are negative.
    """
    width = train.shape[1]
    shift, scale = np.zeros(width), np.ones(width)
    if kind == "none":
        return Scaling(kind, shift, scale, value_range)
    scaled = np.array(numeric(columns) or [True] * width)
    if kind == "standard":
        mean = _sum(train) / len(train)
        spread = np.sqrt(_sum(train, lambda values: np.square(values - mean)) / len(train))
        return Scaling(kind, np.where(scaled, mean, 0), np.where(scaled, _divisor(spread, train), 1), None)
    if kind == "minmax":
        low, high = train.min(axis=0).astype(np.float64), train.max(axis=0).astype(np.float64)
        return Scaling(kind, np.where(scaled, low, 0), np.where(scaled, _divisor(high - low, train), 1), (0.0, 1.0))
    require_nonnegative(train)
    total = float(np.concatenate([values.sum(axis=1) for values in _portions(train)]).mean())
    return Scaling(kind, shift, np.full(width, total or 1.0), (0.0, 1.0))


def require_nonnegative(x: npt.NDArray[np.floating]) -> None:
    """Refuse, with a SpecError, items that cannot be read as distributions."""
    if x.size and (lowest := float(x.min())) < 0:
        raise SpecError(
            f"As distributions, items must have no number below 0, but these go down to {lowest:.3g}. "
            "Choose another dataset, or mse as the reconstruction loss with another scaling."
        )


def _divisor(spread: Doubles, values: Floats) -> Doubles:
    """The spread, but 1 for features that are constant up to rounding."""
    largest = np.maximum(np.abs(values.max(axis=0)), np.abs(values.min(axis=0))).astype(np.float64)
    return np.where(spread <= 1e-7 * largest, 1.0, spread)


def _portions(x: npt.NDArray[np.generic]) -> Iterator[Doubles]:
    """The rows of (n, d) as float64, so many at a time that they are at most PORTION numbers."""
    rows = max(1, PORTION // max(1, math.prod(x.shape[1:])))
    for start in range(0, max(len(x), 1), rows):
        yield x[start : start + rows].astype(np.float64)


def _sum(x: Floats, of: Callable[[Doubles], Doubles] = lambda values: values) -> Doubles:
    """(d,): the sum over rows of what `of` makes of them. What fits into one portion is summed as NumPy's mean does."""
    total: Doubles | None = None
    for values in _portions(x):
        part = np.asarray(of(values).sum(axis=0))
        total = part if total is None else total + part
    assert total is not None
    return total


def _by_portions(x: npt.NDArray[np.generic], make: Callable[[Doubles], Doubles], out: Floats | None = None) -> Floats:
    """What `make` makes of the rows of x, as float32."""
    made = np.empty(x.shape, dtype=np.float32) if out is None else out
    start = 0
    for values in _portions(x):
        made[start : start + len(values)] = make(values)
        start += len(values)
    return made


def _as_distributions(values: Doubles) -> Doubles:
    """Each row divided by its sum; a row of zeros becomes the uniform distribution."""
    total = values.sum(axis=1, keepdims=True)
    empty = total == 0
    return np.where(empty, 1 / values.shape[1], values / np.where(empty, 1, total))
