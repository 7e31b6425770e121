"""What training makes small: named terms, each one value for each item, in nats; their weighted sum.

Convention: sums over features and over code dimensions, the mean over the batch is taken once, in training. So a
weight means the same for every batch size and every width, and beta = 1 is the evidence lower bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_core.models import OUTPUTS, Autoencoder, Pass
from ae_core.spec import RunSpec, Variational


def squared_error(raw: Tensor, x: Tensor, output: str) -> Tensor:
    """-ln N(x | x_hat, I) without its constant: half the squared error, summed over features.

    raw, x: (batch, features). Returns (batch,), nats. Source: Bishop 2006, eq. 5.12.
    """
    return 0.5 * (OUTPUTS[output](raw) - x).square().sum(dim=-1)


def bernoulli(raw: Tensor, x: Tensor, output: str) -> Tensor:
    """-x ln p - (1 - x) ln(1 - p) with p = sigmoid(raw), summed over features; exact for any logit.

    raw, x: (batch, features), x in 0..1. Returns (batch,), nats. Source: Bishop 2006, eq. 5.21.
    """
    return F.binary_cross_entropy_with_logits(raw, x, reduction="none").sum(dim=-1)


def cross_entropy(raw: Tensor, x: Tensor, output: str) -> Tensor:
    """-sum_i x_i ln softmax(raw)_i for items that are distributions.

    raw, x: (batch, features), rows of x add up to 1. Returns (batch,), nats. Source: Bishop 2006, eq. 5.24.
    """
    return -(x * F.log_softmax(raw, dim=-1)).sum(dim=-1)


RECONSTRUCTIONS: dict[str, Callable[[Tensor, Tensor, str], Tensor]] = {
    "mse": squared_error,
    "bce": bernoulli,
    "cross_entropy": cross_entropy,
}


def kl_to_unit_normal(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) || N(0, I)) for each dimension of the code.

    mu, log_var: (batch, latent). Returns (batch, latent), nats, never negative.
    Source: Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (mu.square() + log_var.expm1() - log_var)  # expm1: exp() - 1 rounds below zero near log_var = 0


def code_l1(out: Pass) -> Tensor:
    """sum |z_j|, one value for each item: (batch,)."""
    return out.coded.centre.abs().sum(dim=-1)


def _kl(out: Pass) -> Tensor:
    if out.coded.mu is None or out.coded.log_var is None:
        raise TypeError("The KL term needs a Gaussian code.")
    return kl_to_unit_normal(out.coded.mu, out.coded.log_var).sum(dim=-1)


@dataclass(frozen=True)
class Term:
    """A penalty on a pass. weight: from the spec, 0 = not there. value: (batch,), nats before weighting."""

    weight: Callable[[RunSpec], float]
    value: Callable[[Pass], Tensor]


PENALTIES: dict[str, Term] = {
    "kl": Term(lambda spec: spec.model.code.beta if isinstance(spec.model.code, Variational) else 0.0, _kl),
    "code_l1": Term(lambda spec: spec.objective.code_l1, code_l1),
}


def terms(spec: RunSpec, out: Pass, x: Tensor, output: str) -> dict[str, Tensor]:
    """Each term of the spec's objective times its weight, (batch,) each, `reconstruction` first."""
    found = {"reconstruction": RECONSTRUCTIONS[spec.objective.reconstruction](out.raw, x, output)}
    for name, term in PENALTIES.items():
        if weight := term.weight(spec):
            found[name] = weight * term.value(out)
    return found


def weight_terms(spec: RunSpec, model: Autoencoder) -> dict[str, Tensor]:
    """Penalties on the weights alone, as scalars: lambda/2 sum w^2 and lambda sum |w|, biases left out.

    Their gradients, lambda w and lambda sign(w), are added without autograd (`training.trainer`). The decoupled decay
    of AdamW (Loshchilov and Hutter, 2019) is no part of any loss, so it is not among them.
    """
    found: dict[str, Tensor] = {}
    weights = model.weights()
    if spec.objective.weight_decay and spec.optimizer.kind != "adamw":
        norms = torch.stack([weight.detach().square().sum() for weight in weights])
        found["weight_decay"] = 0.5 * spec.objective.weight_decay * norms.sum()
    if spec.objective.weight_l1:
        sums = torch.stack([weight.detach().abs().sum() for weight in weights])
        found["weight_l1"] = spec.objective.weight_l1 * sums.sum()
    return found


def log_likelihood_constant(spec: RunSpec, features: int) -> float:
    """What `reconstruction` leaves out of -ln p(x | z): D/2 ln(2 pi) for the unit Gaussian of mse, else 0; nats."""
    return 0.5 * features * math.log(2 * math.pi) if spec.objective.reconstruction == "mse" else 0.0


def corrupt(x: Tensor, kind: str, level: float, generator: torch.Generator) -> Tensor:
    """The input damaged afresh (Vincent et al., 2008); the target stays clean. (batch, features) in and out.

    gaussian: adds noise of standard deviation `level`. masking: sets a share `level` of the features to 0.
    salt_pepper: sets a share `level` to 0 or 1, half each.
    """
    if kind == "gaussian":
        return x + level * torch.empty_like(x).normal_(generator=generator)
    if kind == "masking":
        return x * torch.empty_like(x).bernoulli_(1 - level, generator=generator)
    if kind == "salt_pepper":
        chance = torch.rand(x.shape, generator=generator, dtype=x.dtype)
        salted = torch.where(chance < level / 2, torch.zeros_like(x), x)
        return torch.where(chance > 1 - level / 2, torch.ones_like(x), salted)
    return x
