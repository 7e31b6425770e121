"""How features are brought to a common scale, fitted on training items only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ae_core.data.columns import Column, numeric
from ae_core.data.dataset import Dataset, Floats
from ae_core.errors import SpecError

ScalingKind = Literal["none", "standard", "minmax", "distribution"]


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

    def apply(self, x: npt.ArrayLike) -> Floats:
        """(n, d) items in the data's own units, scaled: float32, C-contiguous."""
        values = np.asarray(x, dtype=np.float64)
        if self.kind == "none":
            return np.ascontiguousarray(values, dtype=np.float32)
        if self.kind == "distribution":
            return np.ascontiguousarray(_as_distributions(values), dtype=np.float32)
        scaled = (values - self.shift) / self.scale
        if self.kind == "minmax":
            scaled = np.clip(scaled, 0, 1)
        return np.ascontiguousarray(scaled, dtype=np.float32)

    def undo(self, x: npt.ArrayLike) -> Floats:
        """(n, d) scaled items, or reconstructions of them, in the data's own units again."""
        values = np.asarray(x, dtype=np.float64)
        return np.ascontiguousarray(values * self.scale + self.shift, dtype=np.float32)


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
    values = train.astype(np.float64)
    if kind == "none":
        return Scaling(kind, shift, scale, value_range)
    scaled = np.array(numeric(columns) or [True] * width)
    if kind == "standard":
        mean, spread = values.mean(axis=0), _divisor(values.std(axis=0), values)
        return Scaling(kind, np.where(scaled, mean, 0), np.where(scaled, spread, 1), None)
    if kind == "minmax":
        low, high = values.min(axis=0), values.max(axis=0)
        return Scaling(kind, np.where(scaled, low, 0), np.where(scaled, _divisor(high - low, values), 1), (0.0, 1.0))
    require_nonnegative(values)
    total = float(values.sum(axis=1).mean())
    return Scaling(kind, shift, np.full(width, total or 1.0), (0.0, 1.0))


def require_nonnegative(x: npt.NDArray[np.floating]) -> None:
    """Refuse, with a SpecError, items that cannot be read as distributions."""
    if x.size and (lowest := float(x.min())) < 0:
        raise SpecError(
            f"As distributions, items must have no number below 0, but these go down to {lowest:.3g}. "
            "Choose another dataset, or mse as the reconstruction loss with another scaling."
        )


def _divisor(spread: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The spread, but 1 for features that are constant up to rounding."""
    constant = spread <= 1e-7 * np.abs(values).max(axis=0)
    return np.where(constant, 1.0, spread)


def _as_distributions(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each row divided by its sum; a row of zeros becomes the uniform distribution."""
    total = values.sum(axis=1, keepdims=True)
    empty = total == 0
    return np.where(empty, 1 / values.shape[1], values / np.where(empty, 1, total))
