"""What every code has in common: the value that it gives, and the shape of what makes it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ae_core.models.blocks import Dense


@dataclass(frozen=True)
class Coded:
    """A batch of codes. z: (batch, latent), what the decoder sees. mu, log_var: of a Gaussian posterior, or None.

    full: (batch, latent), what the encoder said before a part of it was kept, or before it was replaced by the nearest
    entries of a codebook. chosen: (batch, slots), those entries' numbers. logits: (batch, choices, classes), of a
    categorical posterior.
    """

    z: Tensor
    mu: Tensor | None = None
    log_var: Tensor | None = None
    full: Tensor | None = None
    chosen: Tensor | None = None
    logits: Tensor | None = None

    @property
    def centre(self) -> Tensor:
        """The code without chance: the mean where there is one."""
        return self.z if self.mu is None else self.mu


class Bottleneck(nn.Module):
    """width: numbers that the decoder sees. dense: the layer that makes the code (its weights are what is tied)."""

    width: int
    dense: Dense

    def witness(self, coded: Coded) -> None:
        """Counts what is to be counted of the codes of one training step; called once in each."""
