"""A trained model to work with: NumPy in, NumPy out, in the dataset's own units."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from ae_core.compatibility import classes, code_width
from ae_core.data import Scaling, prepare
from ae_core.errors import SpecError
from ae_core.metrics import Measured, measure
from ae_core.metrics.reported import chunks
from ae_core.models import Autoencoder
from ae_core.models.quantised import QuantisedCode
from ae_core.sampling import Choices, Codes, Sampler, draw, sampler_of
from ae_core.spec import Categorical, RunSpec, Variational

BOUNDS = {
    "identity": (-math.inf, math.inf),
    "relu": (0.0, math.inf),
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
}
"""Between which a code with that activation lies."""


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

    def decode(self, z: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> np.ndarray:
        """(n, latent) -> items (n, features)."""
        z, width = np.asarray(z, np.float32), code_width(self.spec)
        if z.ndim != 2 or z.shape[1] != width:
            raise SpecError(f"decode expects (n, {width}), got {z.shape}.")
        with torch.inference_mode():
            return self._scaling.undo(self._told(labels, len(z)).decode(torch.from_numpy(z)).numpy())

    def reconstruct(self, x: np.ndarray, labels: npt.ArrayLike | None = None) -> np.ndarray:
        """Items through the code and back, in the shape in which they came."""
        with torch.inference_mode():
            taken = self._taken(x)
            rebuilt = self._told(labels, len(taken)).reconstruct(taken)
            return self._scaling.undo(rebuilt.numpy()).reshape(np.shape(x))

    def measure(self, names: Iterable[str] | None = None) -> list[Measured]:
        """The metrics of that name, or all, on the items that the run kept aside; see `ae_core.metrics.METRICS`."""
        return measure(self._model, self.spec, names)

    def codes(self) -> Codes:
        """What the model makes of the items that it was trained on, for samplers to be fitted to."""
        split = prepare(self.spec.data, self.spec.objective.reconstruction)
        told = None if split.train_labels is None else torch.from_numpy(split.train_labels.astype(np.int64))
        with torch.inference_mode():
            coded = [part.encode(x) for part, x in chunks(self._model.given(told), torch.from_numpy(split.train))]
        z = _joined([part.centre for part in coded])
        code, module = self.spec.model.code, self._model.code
        if isinstance(code, Variational):
            spread = _joined([(0.5 * part.log_var).exp() for part in coded if part.log_var is not None])
            return Codes(z, spread, prior=self._prior())
        if isinstance(module, QuantisedCode):
            chosen = torch.cat([part.chosen for part in coded if part.chosen is not None]).numpy()
            return Codes(z, choices=Choices(module.codebook.detach().double().numpy(), chosen, np.unique(chosen)))
        if isinstance(code, Categorical):
            chosen = torch.cat([part.logits.argmax(dim=-1) for part in coded if part.logits is not None]).numpy()
            return Codes(z, choices=Choices(np.eye(code.classes), chosen, np.arange(code.classes)))
        return Codes(z, bounds=BOUNDS[getattr(code, "activation", "identity")])

    def _prior(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Centres and standard deviations of the clouds that a learned prior is made of."""
        if self._model.prior is None:
            return None
        with torch.inference_mode():
            mu, log_var = self._model.prior.components(self._model.encode)
            return mu.double().numpy(), (0.5 * log_var).exp().double().numpy()

    def draw(self, count: int, sampler: str | Sampler | None = None, seed: int = 0) -> np.ndarray:
        """(count, latent): new codes from that sampler, by name or made to measure (see `ae_core.sampling`).

        Without one, from the sampler that belongs to the code. Raises SpecError where it does not apply.
        """
        return draw(self.codes(), count, sampler_of(self.spec, sampler), seed).astype(np.float32)

    def sample(
        self,
        count: int,
        sampler: str | Sampler | None = None,
        seed: int = 0,
        labels: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """(count, features): new items, what the decoder makes of codes drawn as `draw` does."""
        return self.decode(self.draw(count, sampler, seed), labels)

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


def _joined(parts: list[torch.Tensor]) -> np.ndarray:
    return torch.cat(parts).double().numpy()
