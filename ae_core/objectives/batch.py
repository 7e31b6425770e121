"""What a term of the objective may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from ae_core.dials import Dials
from ae_core.models import Autoencoder, Pass, sample
from ae_core.objectives.reconstruction import observed
from ae_core.spec import RunSpec

Found = TypeVar("Found")


@dataclass(frozen=True)
class Batch:
    """Some items and what the model made of them. x: (batch, features), the targets. seen: what the encoder was given,
    x itself or x damaged. model: told the items' classes, if it is conditional. weights: (batch, features), what the
    error of each entry counts; without them, one each. shared: what several terms need, computed once (see `once`).
    """

    model: Autoencoder
    x: Tensor
    seen: Tensor
    out: Pass
    weights: Tensor | None = None
    shared: dict[Callable[[Batch], Any], Any] = field(default_factory=dict)

    @property
    def spec(self) -> RunSpec:
        """The experiment."""
        return self.model.spec

    @property
    def dials(self) -> Dials:
        """Its numbers as they stand now."""
        return self.model.dials

    @property
    def chance(self) -> torch.Generator:
        """Drives what a term draws: the run's own stream while training, else one that starts afresh from the seed, so
        that the same items cost the same.
        """
        return self.model.chance if self.model.training else self.once(_from_the_seed)

    @property
    def posterior(self) -> tuple[Tensor, Tensor]:
        """(mu, log_var) of each item's Gaussian, (batch, latent) each. Raises TypeError for a code that has none."""
        coded = self.out.coded
        if coded.mu is None or coded.log_var is None:
            raise TypeError("This term needs a Gaussian code.")
        return coded.mu, coded.log_var

    def once(self, find: Callable[[Batch], Found]) -> Found:
        """find(batch), computed by the first term that asks and kept for the others."""
        if find not in self.shared:
            self.shared[find] = find(self)
        found: Found = self.shared[find]
        return found

    @property
    def codes(self) -> Tensor:
        """(batch, latent): the codes as the decoder sees them while training, drawn where they are clouds."""
        return self.out.coded.z if self.out.coded.mu is None else self.draws()[0]

    def prior(self) -> Tensor:
        """As many draws of N(0, I) as there are codes: (batch, latent)."""
        return torch.empty_like(self.out.coded.z).normal_(generator=self.chance)

    def draws(self, count: int = 1) -> Tensor:
        """(count, batch, latent) from each item's Gaussian; while training, the first is what the decoder saw."""
        mu, log_var = self.posterior
        chance, drawn = self.chance, [self.out.coded.z] if self.model.training else []
        return torch.stack(drawn + [sample(mu, log_var, chance) for _ in range(count - len(drawn))])


def _from_the_seed(batch: Batch) -> torch.Generator:
    return torch.Generator().manual_seed(batch.spec.training.seed)


def look(
    model: Autoencoder,
    x: Tensor,
    seen: Tensor | None = None,
    labels: Tensor | None = None,
    weights: Tensor | None = None,
) -> Batch:
    """One pass of x, or of its damaged form `seen`, through the model. labels: (batch,), for a conditional one."""
    told, given = model.given(labels), x if seen is None else seen
    if weights is None and model.spec.objective.observed_only:
        weights = observed(x)
    return Batch(told, x, given, told(given), weights)
