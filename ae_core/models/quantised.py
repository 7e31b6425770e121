"""A code made of words from a codebook."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ae_core.models.blocks import Dense, Kit
from ae_core.models.coded import Bottleneck, Coded
from ae_core.spec import Quantised


def nearest(vectors: Tensor, entries: Tensor) -> Tensor:
    """The number of the entry nearest to each vector; of equally near ones the first. (n, d), (k, d) -> (n,)."""
    return (entries.square().sum(dim=1) - 2 * vectors @ entries.t()).argmin(dim=1)


class QuantisedCode(Bottleneck):
    """One dense layer whose output is cut into `slots` vectors, each replaced by the nearest entry of the codebook.

    Gradients pass straight through, from the entry to what the encoder said. Where `ema` is above 0 the entries follow
    the mean of what chose them, else they are parameters. Entries are placed on codes of the first batch, and again on
    codes of the batch at hand when nothing chose them for `restart` steps; all of this in training alone.
    Source: van den Oord et al. 2017, eq. 1 to 3 and appendix A.1.

    codebook: (entries, numbers of a slot). count: (entries,), moving mean of how many vectors chose each. silent:
    (entries,), training steps since any did. placed: whether the entries are where codes are.
    """

    codebook: Tensor
    count: Tensor
    silent: Tensor
    placed: Tensor

    def __init__(self, inputs: int, kit: Kit) -> None:
        super().__init__()
        self.spec, self.chance = cast(Quantised, kit.spec.model.code), kit.chance
        self.width = self.spec.latent_dim
        self.dense = Dense(inputs, self.width, kit.spec.model.bias, kit.init)
        size, bound = self.spec.codebook_size, 1 / self.spec.codebook_size
        entries = torch.empty(size, self.width // self.spec.slots).uniform_(-bound, bound, generator=kit.init)
        if self.spec.ema:
            self.register_buffer("codebook", entries)
        else:
            self.codebook = nn.Parameter(entries)
        self.register_buffer("count", torch.ones(size))
        self.register_buffer("silent", torch.zeros(size, dtype=torch.int64))
        self.register_buffer("placed", torch.zeros((), dtype=torch.bool))

    def forward(self, h: Tensor) -> Coded:
        full = self.dense(h)
        chosen = nearest(self.vectors(full.detach()), self.codebook.detach()).reshape(len(full), self.spec.slots)
        return Coded(self.look_up(chosen).detach() + (full - full.detach()), full=full, chosen=chosen)

    def vectors(self, full: Tensor) -> Tensor:
        """(batch, latent) -> (batch * slots, numbers of a slot)."""
        return full.reshape(-1, self.codebook.shape[1])

    def look_up(self, chosen: Tensor) -> Tensor:
        """(batch, slots) -> (batch, latent): the entries with these numbers, side by side."""
        return F.embedding(chosen, self.codebook).flatten(1)

    def use(self, chosen: Tensor) -> Tensor:
        """(batch, slots) -> (entries,): each entry's share of all choices."""
        return torch.bincount(chosen.flatten(), minlength=len(self.codebook)) / chosen.numel()

    @torch.no_grad()
    def witness(self, coded: Coded) -> None:
        """Entries follow what chose them, and those that nothing chooses are moved."""
        vectors, chosen = self.vectors(cast(Tensor, coded.full).detach()), cast(Tensor, coded.chosen).flatten()
        if not self.placed:
            self.move(torch.ones_like(self.silent, dtype=torch.bool), vectors)
            self.placed.fill_(True)
            return
        found = torch.bincount(chosen, minlength=len(self.codebook))
        self.silent.add_(1).masked_fill_(found > 0, 0)
        if self.spec.ema:
            self.follow(vectors, chosen, found.to(vectors.dtype))
        if self.spec.restart:
            self.move(self.silent >= self.spec.restart, vectors)

    def follow(self, vectors: Tensor, chosen: Tensor, found: Tensor) -> None:
        """The moving mean m / N of the vectors that chose each entry, N <- ema N + (1 - ema) n and m alike.

        Written as a step towards the batch's mean, so that an entry which nothing chooses stays exactly where it is.
        """
        fresh = 1 - self.spec.ema
        self.count.mul_(self.spec.ema).add_(found, alpha=fresh)
        sums = torch.zeros_like(self.codebook).index_add_(0, chosen, vectors)
        apart = sums - found[:, None] * self.codebook
        self.codebook.add_(fresh * apart / self.count.clamp_min(torch.finfo(apart.dtype).tiny)[:, None])

    def move(self, these: Tensor, vectors: Tensor) -> None:
        """Puts these entries on vectors drawn from the batch, no vector twice while there are enough."""
        if not these.any():
            return
        order = torch.randperm(len(vectors), generator=self.chance)
        rows = order[torch.arange(len(these)) % len(vectors)]
        self.codebook[these] = vectors[rows][these]
        self.count[these] = 1.0
        self.silent[these] = 0
