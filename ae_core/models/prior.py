"""What the codes of a variational autoencoder are pulled to, where it is learned too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from ae_core.compatibility import features
from ae_core.models.blocks import Kit
from ae_core.models.coded import Coded
from ae_core.spec import Variational


def log_normal(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """ln N(z | mu, exp(log_var)) of each number, nats; shapes broadcast. Source: Bishop 2006, eq. 1.46."""
    return -0.5 * ((z - mu).square() * (-log_var).exp() + log_var + math.log(2 * math.pi))


class VampPrior(nn.Module):
    """The mean of the posteriors of learned pseudo-inputs (Tomczak and Welling 2018, eq. 9).

    pseudo_inputs: (components, features), which pass through the encoder with gradient.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        count = cast(Variational, kit.spec.model.code).pseudo_inputs
        self.pseudo_inputs = nn.Parameter(torch.rand(count, features(kit.spec), generator=kit.init))

    def components(self, encode: Callable[[Tensor], Coded]) -> tuple[Tensor, Tensor]:
        """(mu, log_var) of its Gaussians, (components, latent) each, as the encoder has them now."""
        coded = encode(self.pseudo_inputs)
        return cast(Tensor, coded.mu), cast(Tensor, coded.log_var)

    def log_density(self, z: Tensor, encode: Callable[[Tensor], Coded]) -> Tensor:
        """ln p(z): (..., latent) -> (...), nats."""
        mu, log_var = self.components(encode)
        each = log_normal(z.unsqueeze(-2), mu, log_var).sum(dim=-1)
        return each.logsumexp(dim=-1) - math.log(len(mu))
