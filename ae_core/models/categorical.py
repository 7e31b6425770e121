"""A code made of choices among classes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_core.models.blocks import Dense, Kit
from ae_core.models.coded import Bottleneck, Coded
from ae_core.spec import Categorical


class CategoricalCode(Bottleneck):
    """One dense layer gives logits of `latent_dim` choices among `classes` each.

    While training, a soft draw from each (Gumbel-softmax); in evaluation the likeliest class, one-hot. The decoder sees
    all classes of all choices side by side. Source: Jang et al. 2017, eq. 1 and 2.
    """

    def __init__(self, inputs: int, kit: Kit) -> None:
        super().__init__()
        self.spec, self.chance, self.dials = cast(Categorical, kit.spec.model.code), kit.chance, kit.dials
        self.width = self.spec.latent_dim * self.spec.classes
        self.dense = Dense(inputs, self.width, kit.spec.model.bias, kit.init)

    def forward(self, h: Tensor) -> Coded:
        logits = self.dense(h).reshape(-1, self.spec.latent_dim, self.spec.classes)
        if self.training:
            z = gumbel_softmax(logits, self.dials("model_code_temperature"), self.chance)
        else:
            z = F.one_hot(logits.argmax(dim=-1), self.spec.classes).to(logits.dtype)
        return Coded(z.flatten(1), logits=logits)


def gumbel_softmax(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """A soft draw from each categorical distribution, through which gradients pass. (..., classes) in and out.

    softmax((logits + g) / temperature) with g = -ln E, E exponential; its largest class is an exact draw.
    Source: Jang et al. 2017, eq. 2; Maddison et al. 2017.
    """
    waiting = torch.empty_like(logits).exponential_(generator=generator).clamp_min(torch.finfo(logits.dtype).tiny)
    return torch.softmax((logits - waiting.log()) / temperature, dim=-1)
