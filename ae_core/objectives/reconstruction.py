"""How a reconstruction is compared with its original: -ln p(x | z) of each feature, in nats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_core.compatibility import column_spans
from ae_core.data.columns import Span
from ae_core.models import OUTPUTS, Autoencoder
from ae_core.spec import RunSpec


def squared_error(raw: Tensor, x: Tensor, output: str) -> Tensor:
    """-ln N(x | x_hat, I) without its constant: half the squared error.

    raw, x: (..., features). Returns the same shape, nats. Source: Bishop 2006, eq. 5.12.
    """
    return 0.5 * (OUTPUTS[output](raw) - x).square()


def bernoulli(raw: Tensor, x: Tensor) -> Tensor:
    """-x ln p - (1 - x) ln(1 - p) with p = sigmoid(raw); exact for any logit.

    raw, x: (..., features), x in 0..1. Returns the same shape, nats. Source: Bishop 2006, eq. 5.21.
    """
    return F.binary_cross_entropy_with_logits(raw, x.expand_as(raw), reduction="none")


def gaussian(raw: Tensor, x: Tensor, output: str, log_variance: Tensor) -> Tensor:
    """-ln N(x | x_hat, exp(log_variance)), whole, with its constant.

    raw, x: (..., features). log_variance: one number, learned with the network. Returns (..., features), nats; less
    than 0 where the density is above 1. Source: Rybkin et al. 2021.
    """
    error = (OUTPUTS[output](raw) - x).square()
    return 0.5 * (error * (-log_variance).exp() + log_variance + math.log(2 * math.pi))


SMALL = 0.3  # logits nearer to 0 take the series: its first term left out is below 1e-7 there


def log_normaliser(raw: Tensor) -> Tensor:
    """ln C of the continuous Bernoulli C p^x (1 - p)^(1 - x) on 0..1, p = sigmoid(raw): ln(raw / tanh(raw / 2)).

    Both the quotient and its gradient break at p = 1/2, so a series takes over there, whose value is ln 2 at 0.
    Source: Loaiza-Ganem and Cunningham 2019.
    """
    near = raw.abs() < SMALL
    far = torch.where(near, torch.ones_like(raw), raw.abs())
    square = torch.where(near, raw, torch.zeros_like(raw)).square()
    series = math.log(2) + square * (1 / 12 - square * (7 / 1440 - square * 31 / 90720))
    return torch.where(near, series, far.log() - (0.5 * far).tanh().log())


def continuous_bernoulli(raw: Tensor, x: Tensor) -> Tensor:
    """-ln p(x) of a density on 0..1, where bce leaves out what makes it one.

    raw, x: (..., features), x in 0..1. Returns the same shape, nats. Source: Loaiza-Ganem and Cunningham 2019.
    """
    return bernoulli(raw, x) - log_normaliser(raw)


def cross_entropy(raw: Tensor, x: Tensor) -> Tensor:
    """-x_i ln softmax(raw)_i for items that are distributions or counts.

    raw, x: (..., features); rows of x add up to 1, or are counts: then it is the multinomial's -ln p without its
    constant. Returns the same shape, nats. Source: Bishop 2006, eq. 5.24; Liang et al. 2018, eq. 2.
    """
    return -(x * F.log_softmax(raw, dim=-1))


def mixed(raw: Tensor, x: Tensor, spans: Sequence[Span]) -> Tensor:
    """Each column by its own likelihood: numbers by half the squared error, binary ones by `bernoulli`, categories by
    the cross-entropy of a softmax over their own features.

    raw, x: (..., features), x 0 or 1 but for numbers. Returns the same shape, nats. Source: Nazabal et al. 2020, 3.
    """
    parts = [OF_COLUMNS[kind](raw[..., start:stop], x[..., start:stop]) for kind, start, stop in spans]
    return torch.cat(parts, dim=-1)


OF_COLUMNS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "number": lambda raw, x: squared_error(raw, x, "identity"),
    "binary": bernoulli,
    "category": cross_entropy,
}

RECONSTRUCTIONS: dict[str, Callable[[Tensor, Tensor, Autoencoder], Tensor]] = {
    "mse": lambda raw, x, model: squared_error(raw, x, model.output),
    "gaussian": lambda raw, x, model: gaussian(raw, x, model.output, model.log_variance),
    "bce": lambda raw, x, _model: bernoulli(raw, x),
    "continuous_bernoulli": lambda raw, x, _model: continuous_bernoulli(raw, x),
    "cross_entropy": lambda raw, x, _model: cross_entropy(raw, x),
    "mixed": lambda raw, x, model: mixed(raw, x, model.spans),
}


def observed(x: Tensor) -> Tensor:
    """1 where something is known, 0 where x is 0: what counts where only observed entries do (Sedhain et al., 2015).

    x: (..., features), not scaled. Returns the same shape.
    """
    return (x != 0).to(x.dtype)


def reconstruction(model: Autoencoder, raw: Tensor, x: Tensor, weights: Tensor | None = None) -> Tensor:
    """-ln p(x | z) as the model's objective has it, summed over features.

    raw: (..., batch, features), before the output's shape. x: (batch, features). weights: (batch, features), what each
    entry counts; without them, one each, or only observed ones (see `observed`). Returns (..., batch), nats.
    """
    if weights is None and model.spec.objective.observed_only:
        weights = observed(x)
    each = RECONSTRUCTIONS[model.spec.objective.reconstruction](raw, x, model)
    return (each if weights is None else each * weights).sum(dim=-1)


def log_likelihood_constant(spec: RunSpec, features: float) -> float:
    """What `reconstruction` leaves out of -ln p(x | z): D/2 ln(2 pi) for the unit Gaussian of mse, else 0; nats.

    Of mixed columns only the numbers count.
    """
    loss = spec.objective.reconstruction
    if loss == "mixed":
        features = sum(stop - start for kind, start, stop in column_spans(spec) if kind == "number")
    return 0.5 * features * math.log(2 * math.pi) if loss in ("mse", "mixed") else 0.0
