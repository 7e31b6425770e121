"""Damage done to the input of a denoising autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor


def corrupt(x: Tensor, kind: str, level: float, generator: torch.Generator) -> Tensor:
    """The input damaged afresh (Vincent et al., 2008); the target stays clean. (batch, features) in and out.

    gaussian: adds noise of standard deviation `level`. masking: sets a share `level` of the features to 0.
    salt_pepper: sets a share `level` to 0 or 1, half each.
    """
    if kind == "gaussian":
        return x + level * torch.empty_like(x).normal_(generator=generator)
    if kind == "masking":
        return x * torch.empty_like(x).bernoulli_(1 - level, generator=generator)
    if kind == "salt_pepper":
        chance = torch.rand(x.shape, generator=generator, dtype=x.dtype)
        salted = torch.where(chance < level / 2, torch.zeros_like(x), x)
        return torch.where(chance > 1 - level / 2, torch.ones_like(x), salted)
    return x
