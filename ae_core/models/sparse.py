"""Codes of which only a few numbers speak."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ae_core.models.blocks import ACTIVATIONS, Dense, Kit
from ae_core.models.coded import Bottleneck, Coded
from ae_core.spec import KSparse


def largest(z: Tensor, k: int) -> Tensor:
    """1 at the k largest numbers of each row and 0 elsewhere; among equal ones the first count. (batch, latent)."""
    least = z.topk(k, dim=-1).values[:, -1:]
    above, level = z > least, z == least
    room = k - above.sum(dim=-1, keepdim=True)
    return (above | (level & (level.cumsum(dim=-1) <= room))).to(z.dtype)


class KSparseCode(Bottleneck):
    """One dense layer and its activation, of which each item keeps the k largest numbers; gradients pass through those
    alone. In evaluation `test_factor` times as many are kept. Source: Makhzani and Frey 2013, algorithm 1.

    silent: (latent,), training steps since each unit was kept, and not zero, for any item.
    """

    silent: Tensor

    def __init__(self, inputs: int, kit: Kit) -> None:
        super().__init__()
        self.spec, self.dials = cast(KSparse, kit.spec.model.code), kit.dials
        self.width = self.spec.latent_dim
        self.dense = Dense(inputs, self.width, kit.spec.model.bias, kit.init)
        self.activate = ACTIVATIONS[self.spec.activation]
        self.register_buffer("silent", torch.zeros(self.width, dtype=torch.int64))

    def forward(self, h: Tensor) -> Coded:
        full = self.activate(self.dense(h))
        return Coded(full * largest(full.detach(), self.kept), full=full)

    @property
    def kept(self) -> int:
        """How many numbers of an item's code are kept now."""
        k = self.dials("model_code_k")
        return round(k) if self.training else min(self.width, round(self.spec.test_factor * k))

    @property
    def dead(self) -> Tensor:
        """(latent,), bool: the units that have been silent for `dead_after` steps."""
        return self.silent >= self.spec.dead_after

    @torch.no_grad()
    def witness(self, coded: Coded) -> None:
        """A step more for every unit that no item of the batch kept."""
        self.silent.add_(1).masked_fill_((coded.z != 0).any(dim=0), 0)
