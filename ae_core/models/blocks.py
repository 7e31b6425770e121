"""The layers that models are made of. Every random number comes from a generator that is handed in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ae_core.dials import Dials
from ae_core.spec import Feedforward, RunSpec

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "identity": lambda x: x,
}


@dataclass(frozen=True)
class Kit:
    """What every part of a network is made with. init: draws the first weights. chance: drives dropout and sampling.
    dials: settings that may move while it trains.
    """

    spec: RunSpec
    init: torch.Generator
    chance: torch.Generator
    dials: Dials


class Dense(nn.Module):
    """x W^T + b with PyTorch's usual start, U(-1/sqrt(inputs), 1/sqrt(inputs)), drawn from `generator`.

    tied_to: use that layer's weights, transposed (not a copy of them), with a bias of its own.
    (batch, inputs) -> (batch, outputs).
    """

    def __init__(
        self, inputs: int, outputs: int, bias: bool, generator: torch.Generator, tied_to: Dense | None = None
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self._tied = [tied_to] if tied_to else []  # in a list, so that it is not registered as a part of this layer
        if not tied_to:
            self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound, generator=generator)) if bias else None

    @property
    def matrix(self) -> Tensor:
        """(outputs, inputs), whoever owns it."""
        return self._tied[0].weight.t() if self._tied else self.weight

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.matrix, self.bias)


class Dropout(nn.Module):
    """Sets a share of the numbers to zero while training and scales the rest up (Srivastava et al., 2014)."""

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self.kit = kit

    def forward(self, x: Tensor) -> Tensor:
        share = self.kit.dials("model_dropout")
        if not self.training or share == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - share, generator=self.kit.chance)
        return x * keep / (1 - share)


class Hidden(nn.Module):
    """Dense, batch norm where asked for, activation, dropout. (batch, inputs) -> (batch, outputs)."""

    def __init__(self, dense: Dense, width: int, kit: Kit) -> None:
        super().__init__()
        model = cast(Feedforward, kit.spec.model)
        self.dense = dense
        self.norm = nn.BatchNorm1d(width) if model.batch_norm else None
        self.activate = ACTIVATIONS[model.activation]
        self.dropout = Dropout(kit)

    @property
    def matrix(self) -> Tensor:
        """(outputs, inputs)."""
        return self.dense.matrix

    def forward(self, x: Tensor) -> Tensor:
        x = self.dense(x)
        if self.norm is not None:
            x = self.norm(x)
        return self.dropout(self.activate(x))  # type: ignore[no-any-return]


def through(blocks: nn.ModuleList, x: Tensor, layers: dict[str, Tensor] | None, side: str) -> Tensor:
    """x through one block after the other. What each gives goes into `layers` as `side.number`, if that is given."""
    for i, block in enumerate(blocks):
        x = block(x)
        if layers is not None:
            layers[f"{side}.{i}"] = x
    return x
