"""The layers that models are made of. Every random number comes from a generator that is handed in."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "identity": lambda x: x,
}


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

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share, self.generator = share, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.share, generator=self.generator)
        return x * keep / (1 - self.share)


class Hidden(nn.Module):
    """Dense, batch norm where asked for, activation, dropout. (batch, inputs) -> (batch, outputs)."""

    def __init__(self, dense: Dense, width: int, activation: str, batch_norm: bool, dropout: Dropout) -> None:
        super().__init__()
        self.dense = dense
        self.norm = nn.BatchNorm1d(width) if batch_norm else None
        self.activate = ACTIVATIONS[activation]
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        x = self.dense(x)
        if self.norm is not None:
            x = self.norm(x)
        return self.dropout(self.activate(x))  # type: ignore[no-any-return]
