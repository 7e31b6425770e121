"""A second network that judges codes, with an aim and an optimiser of its own."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from ae_core.models.blocks import Dense, Kit
from ae_core.spec import Adversarial, Factor

SLOPE = 0.2  # of the leaky ReLU below zero (Kim and Mnih 2018, appendix)
DECAYS = (0.5, 0.9)  # of Adam's two averages (the same)
EPSILON = 1e-8


class Critic(nn.Module):
    """Dense layers with leaky ReLU from a code to one logit. (batch, latent) -> (batch,).

    Adam's averages are buffers, so they are saved and resumed with the weights. Source: Kim and Mnih 2018, algorithm 2.
    """

    steps: Tensor

    def __init__(self, inputs: int, kit: Kit) -> None:
        super().__init__()
        matching = cast("Factor | Adversarial", kit.spec.objective.matching)
        self.rate = matching.learning_rate
        sizes = (inputs, *[matching.width] * matching.depth, 1)
        self.layers = nn.ModuleList(Dense(a, b, True, kit.init) for a, b in zip(sizes, sizes[1:], strict=False))
        self.register_buffer("steps", torch.zeros(()))
        for number, part in enumerate(self.parameters()):
            self.register_buffer(f"mean_{number}", torch.zeros_like(part))
            self.register_buffer(f"square_{number}", torch.zeros_like(part))

    def forward(self, z: Tensor) -> Tensor:
        for layer in list(self.layers)[:-1]:
            z = F.leaky_relu(layer(z), SLOPE)
        return self.layers[-1](z).squeeze(-1)  # type: ignore[no-any-return]

    def judge(self, z: Tensor) -> Tensor:
        """The same logits, through which gradients reach the codes and never the critic's weights."""
        fixed = {name: part.detach() for name, part in self.named_parameters()}
        return cast(Tensor, functional_call(self, fixed, (z,)))

    def learn(self, loss: Tensor) -> None:
        """One step of Adam (Kingma and Ba, 2015) against the gradient of its own loss, a scalar."""
        parts = list(self.parameters())
        with torch.no_grad():
            self.steps += 1
            first, second = (1 - decay ** float(self.steps) for decay in DECAYS)
            for number, (part, slope) in enumerate(zip(parts, torch.autograd.grad(loss, parts), strict=True)):
                mean, square = self.get_buffer(f"mean_{number}"), self.get_buffer(f"square_{number}")
                mean.lerp_(slope, 1 - DECAYS[0])
                square.lerp_(slope.square(), 1 - DECAYS[1])
                part.addcdiv_(mean, square.sqrt() / math.sqrt(second) + EPSILON, value=-self.rate / first)
