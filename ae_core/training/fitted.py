"""A trained model to work with: NumPy in, NumPy out, in the dataset's own units."""

from __future__ import annotations

import math

import numpy as np
import torch

from ae_core.data import Scaling
from ae_core.errors import SpecError
from ae_core.models import Autoencoder
from ae_core.spec import RunSpec


class Fitted:
    """encode, decode and reconstruct on arrays. Items may come flat (n, features) or shaped (n, h, w, c)."""

    def __init__(self, spec: RunSpec, model: Autoencoder, scaling: Scaling, shape: tuple[int, ...]) -> None:
        self.spec, self.shape = spec, shape
        self._model, self._scaling = model, scaling

    def encode(self, x: np.ndarray) -> np.ndarray:
        """(n, features) or (n, *shape) -> codes (n, latent); for a Gaussian code its mean."""
        with torch.inference_mode():
            return self._model.encode(self._taken(x)).centre.numpy()

    def decode(self, z: np.ndarray) -> np.ndarray:
        """(n, latent) -> items (n, features)."""
        width = self.spec.model.code.latent_dim
        if z.ndim != 2 or z.shape[1] != width:
            raise SpecError(f"decode expects (n, {width}), got {z.shape}.")
        with torch.inference_mode():
            return self._scaling.undo(self._model.decode(torch.as_tensor(z, dtype=torch.float32)).numpy())

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Items through the code and back, in the shape in which they came."""
        with torch.inference_mode():
            return self._scaling.undo(self._model.reconstruct(self._taken(x)).numpy()).reshape(np.shape(x))

    def _taken(self, x: np.ndarray) -> torch.Tensor:
        items, features = np.asarray(x, np.float32), math.prod(self.shape)
        if items.ndim == 0 or items.shape[1:] not in ((features,), self.shape):
            shaped = "" if len(self.shape) == 1 else f" or (n, {', '.join(map(str, self.shape))})"
            raise SpecError(f"Expected items of shape (n, {features}){shaped}, got {items.shape}.")
        return torch.from_numpy(np.ascontiguousarray(self._scaling.apply(items.reshape(-1, features)), np.float32))
