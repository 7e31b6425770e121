"""A trained model to work with: NumPy in, NumPy out, in the dataset's own units."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from ae_core.compatibility import classes, code_width
from ae_core.data import Scaling
from ae_core.errors import SpecError
from ae_core.metrics import Measured, measure
from ae_core.models import Autoencoder
from ae_core.spec import RunSpec


class Fitted:
    """encode, decode and reconstruct on arrays. Items may come flat (n, features) or shaped (n, h, w, c).

    labels: for a conditional model, the class of each item, (n,) integers, or one class for all of them.
    """

    def __init__(self, spec: RunSpec, model: Autoencoder, scaling: Scaling, shape: tuple[int, ...]) -> None:
        self.spec, self.shape = spec, shape
        self._model, self._scaling = model, scaling

    def encode(self, x: np.ndarray, labels: npt.ArrayLike | None = None) -> np.ndarray:
        """(n, features) or (n, *shape) -> codes (n, latent); for a Gaussian code its mean."""
        with torch.inference_mode():
            taken = self._taken(x)
            return self._told(labels, len(taken)).encode(taken).centre.numpy()

    def decode(self, z: np.ndarray, labels: npt.ArrayLike | None = None) -> np.ndarray:
        """(n, latent) -> items (n, features)."""
        width = code_width(self.spec)
        if z.ndim != 2 or z.shape[1] != width:
            raise SpecError(f"decode expects (n, {width}), got {z.shape}.")
        with torch.inference_mode():
            given = torch.as_tensor(z, dtype=torch.float32)
            return self._scaling.undo(self._told(labels, len(z)).decode(given).numpy())

    def reconstruct(self, x: np.ndarray, labels: npt.ArrayLike | None = None) -> np.ndarray:
        """Items through the code and back, in the shape in which they came."""
        with torch.inference_mode():
            taken = self._taken(x)
            rebuilt = self._told(labels, len(taken)).reconstruct(taken)
            return self._scaling.undo(rebuilt.numpy()).reshape(np.shape(x))

    def measure(self, names: Iterable[str] | None = None) -> list[Measured]:
        """The metrics of that name, or all, on the items that the run kept aside; see `ae_core.metrics.METRICS`."""
        return measure(self._model, self.spec, names)

    def _told(self, labels: npt.ArrayLike | None, count: int) -> Autoencoder:
        """The model that knows the classes of so many items."""
        known = classes(self.spec)
        if (labels is not None) != (known > 0):
            raise SpecError(
                f"This model is conditional and needs labels: integers from 0 to {known - 1}."
                if known
                else "This model is not conditional, so it takes no labels."
            )
        if labels is None:
            return self._model
        given = np.asarray(labels)
        fits = given.dtype.kind in "iu" and given.shape in ((), (count,))
        if not fits or (given.size and not 0 <= given.min() <= given.max() < known):
            raise SpecError(f"labels: expected one integer, or {count} of them, from 0 to {known - 1}, got {given}.")
        return self._model.given(torch.from_numpy(np.broadcast_to(given, (count,)).astype(np.int64)))

    def _taken(self, x: np.ndarray) -> torch.Tensor:
        items, features = np.asarray(x, np.float32), math.prod(self.shape)
        if items.ndim == 0 or items.shape[1:] not in ((features,), self.shape):
            shaped = "" if len(self.shape) == 1 else f" or (n, {', '.join(map(str, self.shape))})"
            raise SpecError(f"Expected items of shape (n, {features}){shaped}, got {items.shape}.")
        return torch.from_numpy(np.ascontiguousarray(self._scaling.apply(items.reshape(-1, features)), np.float32))
