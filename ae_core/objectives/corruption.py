"""Damage done to the input of a denoising autoencoder, and which entries it hit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ae_core.spec import RunSpec

FIXED = 0  # seed of the damage on which a model is measured, the same for every run


@dataclass(frozen=True)
class Damage:
    """seen: (batch, features), the damaged items. hit: (batch, features), 1 where an entry was damaged, else 0."""

    seen: Tensor
    hit: Tensor

    @property
    def weights(self) -> Tensor:
        """What the error of each entry counts if only damaged ones do: (batch, features), 0 or features x batch / hits.

        So that the weighted sum over features, averaged over the batch, is features times the mean over damaged
        entries (He et al., 2022), as large as if all entries counted.
        """
        return self.hit * (self.hit.numel() / self.hit.sum().clamp(min=1))


def damage(x: Tensor, kind: str, level: float, generator: torch.Generator) -> Damage:
    """The input damaged afresh (Vincent et al., 2008); the target stays clean. x: (batch, features).

    gaussian: adds noise of standard deviation `level`, which hits every entry. masking: sets a share `level` of the
    features to 0. salt_pepper: sets a share `level` to 0 or 1, half each.
    """
    if kind == "gaussian":
        return Damage(x + level * torch.empty_like(x).normal_(generator=generator), torch.ones_like(x))
    if kind == "masking":
        kept = torch.empty_like(x).bernoulli_(1 - level, generator=generator)
        return Damage(x * kept, 1 - kept)
    if kind == "salt_pepper":
        chance = torch.rand(x.shape, generator=generator, dtype=x.dtype)
        salted, peppered = chance < level / 2, chance > 1 - level / 2
        seen = torch.where(peppered, torch.ones_like(x), torch.where(salted, torch.zeros_like(x), x))
        return Damage(seen, (salted | peppered).to(x.dtype))
    return Damage(x, torch.zeros_like(x))


def corrupt(x: Tensor, kind: str, level: float, generator: torch.Generator) -> Tensor:
    """The damaged items alone (see `damage`). (batch, features) in and out."""
    return damage(x, kind, level, generator).seen


def imputes(spec: RunSpec) -> bool:
    """Whether only the damaged entries are judged: a masked autoencoder."""
    corruption = spec.objective.corruption
    return corruption.kind != "none" and corruption.target == "damaged"


def fixed_damage(spec: RunSpec, level: float, x: Tensor) -> Damage:
    """The damage on which a masked autoencoder is measured: always the same for the same items."""
    return damage(x, spec.objective.corruption.kind, level, torch.Generator().manual_seed(FIXED))
