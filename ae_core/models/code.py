"""The bottleneck: from the encoder's last hidden layer to a code, and what may be known about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from ae_core.models.blocks import ACTIVATIONS, Dense, Kit
from ae_core.models.categorical import CategoricalCode
from ae_core.models.coded import Bottleneck, Coded
from ae_core.models.quantised import QuantisedCode
from ae_core.models.sparse import KSparseCode
from ae_core.spec import Categorical, Code, KSparse, Point, Quantised, Variational

LOG_VAR_RANGE = (-30.0, 20.0)  # beyond it exp() leaves float32


class PointCode(Bottleneck):
    """One dense layer and its activation: the code is a point."""

    def __init__(self, inputs: int, kit: Kit) -> None:
        super().__init__()
        self.width = kit.spec.model.code.latent_dim
        self.dense = Dense(inputs, self.width, kit.spec.model.bias, kit.init)
        self.activate = ACTIVATIONS[cast(Point, kit.spec.model.code).activation]

    def forward(self, h: Tensor) -> Coded:
        return Coded(self.activate(self.dense(h)))


class GaussianCode(Bottleneck):
    """Two dense layers, mean and log variance; while training z = mu + sigma * noise (Kingma and Welling, 2014)."""

    def __init__(self, inputs: int, kit: Kit) -> None:
        super().__init__()
        self.width = kit.spec.model.code.latent_dim
        self.dense = Dense(inputs, self.width, kit.spec.model.bias, kit.init)
        self.spread = Dense(inputs, self.width, kit.spec.model.bias, kit.init)
        self.chance = kit.chance

    def forward(self, h: Tensor) -> Coded:
        mu, log_var = self.dense(h), self.spread(h).clamp(*LOG_VAR_RANGE)
        if not self.training:
            return Coded(mu, mu, log_var)
        return Coded(sample(mu, log_var, self.chance), mu, log_var)


def sample(mu: Tensor, log_var: Tensor, generator: torch.Generator) -> Tensor:
    """One draw from N(mu, exp(log_var)), through which gradients pass. All (batch, latent)."""
    noise = torch.empty_like(mu).normal_(generator=generator)
    return mu + (0.5 * log_var).exp() * noise


CODES: dict[type[Code], Callable[[int, Kit], Bottleneck]] = {
    Point: PointCode,
    Variational: GaussianCode,
    KSparse: KSparseCode,
    Quantised: QuantisedCode,
    Categorical: CategoricalCode,
}
"""Each makes its module for that many inputs."""
