"""Shapes of the last layer's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ae_core.data.columns import Span


def unit_mean(raw: Tensor) -> Tensor:
    """Mean of the continuous Bernoulli on 0..1 whose parameter is sigmoid(raw): 1/(1 - e^-raw) - 1/raw, 1/2 at 0.

    Written as 1/2 + (coth(raw/2) - 2/raw)/2, with a series near 0. Source: Loaiza-Ganem and Cunningham 2019.
    """
    near = raw.abs() < 0.3
    far = torch.where(near, torch.ones_like(raw), raw)
    close = torch.where(near, raw, torch.zeros_like(raw))
    series = 0.5 + close * (1 / 12 - close.square() * (1 / 720 - close.square() / 30240))
    return torch.where(near, series, 0.5 + 0.5 / (0.5 * far).tanh() - 1 / far)


OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda raw: raw,
    "sigmoid": torch.sigmoid,
    "softmax": lambda raw: torch.softmax(raw, dim=-1),
    "unit_mean": unit_mean,
}
"""Of all features alike."""

OF_COLUMNS: dict[str, str] = {"number": "identity", "binary": "sigmoid", "category": "softmax"}
"""Of the features of one kind of column, where each has its own (`mixed`)."""


def shaped(output: str, raw: Tensor, spans: Sequence[Span]) -> Tensor:
    """(..., features) -> the same in the output's shape. spans: of the features, for `mixed`."""
    if output != "mixed":
        return OUTPUTS[output](raw)
    parts = [OUTPUTS[OF_COLUMNS[kind]](raw[..., start:stop]) for kind, start, stop in spans]
    return torch.cat(parts, dim=-1)
