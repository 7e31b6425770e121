"""Penalties on the code: what it may cost to say something about an item."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor

from ae_core.models.prior import log_normal
from ae_core.objectives.batch import Batch
from ae_core.objectives.reconstruction import reconstruction
from ae_core.spec import Variational


def kl_to_unit_normal(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp(log_var)) || N(0, I)) for each dimension of the code.

    mu, log_var: (batch, latent). Returns (batch, latent), nats, never negative.
    Source: Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (mu.square() + log_var.expm1() - log_var)  # expm1: exp() - 1 rounds below zero near log_var = 0


def kl_to_uniform(logits: Tensor) -> Tensor:
    """KL(Categorical(softmax(logits)) || uniform) for each choice of the code: ln(classes) minus its entropy.

    logits: (batch, choices, classes). Returns (batch, choices), nats, never negative.
    Source: Jang et al. 2017, section 3.1 with equal prior chances.
    """
    log_p = torch.log_softmax(logits, dim=-1)
    return (log_p.exp() * (log_p + math.log(logits.shape[-1]))).sum(dim=-1).clamp_min(0)  # rounds below 0 near uniform


def kl(batch: Batch) -> Tensor:
    """KL of each item's posterior to the prior, N(0, I) or equal chances: (batch,), nats.

    To a learned prior it has no closed form, so it is ln q(z|x) - ln p(z) of one draw, which is right on average and
    may be below 0 (Tomczak and Welling 2018, eq. 2).
    """
    return batch.once(_kl)


def _kl(batch: Batch) -> Tensor:
    logits = batch.out.coded.logits
    if logits is not None:
        return kl_to_uniform(logits).sum(dim=-1)
    if batch.model.prior is None:
        return kl_to_unit_normal(*batch.posterior).sum(dim=-1)
    z = batch.draws()[0]
    return log_normal(z, *batch.posterior).sum(dim=-1) - batch.model.log_prior(z)


def importance(batch: Batch) -> Tensor:
    """What weighing K draws together changes: -ln (1/K) sum_k w_k less the reconstruction and KL terms beside it, so
    that the three add up to the importance-weighted bound. (batch,), nats.

    w_k = p(x, z_k)/q(z_k|x) from sampled densities, never the closed-form KL; beta weighs ln p(z) - ln q(z|x) as it
    weighs the KL. The gradient of logsumexp weighs each draw by w_k/sum w. Source: Burda et al. 2016, eq. 8.
    """
    z = batch.draws(cast(Variational, batch.spec.model.code).samples)
    beta = batch.dials("model_code_beta")
    apart = batch.model.log_prior(z) - log_normal(z, *batch.posterior).sum(dim=-1)
    likelihood = -reconstruction(batch.model, batch.model.decode_raw(z), batch.x, batch.weights)
    bound = (likelihood + beta * apart).logsumexp(dim=0) - math.log(len(z))
    return -bound - reconstruction(batch.model, batch.out.raw, batch.x, batch.weights) - beta * kl(batch)


def code_l1(batch: Batch) -> Tensor:
    """sum |z_j|, one value for each item: (batch,). By decoder: sum |z_j| ||w_j||, w_j the decoder's weights that read
    number j, so that a smaller code with larger weights costs the same.

    Source: Bricken et al. 2023, Towards monosemanticity; weighted as in Conerly et al. 2024, Update on how we train
    SAEs.
    """
    size = batch.out.coded.centre.abs()
    if batch.spec.objective.code_l1_by_decoder:
        size = size * batch.model.readers.norm(dim=0)
    return size.sum(dim=-1)


def code_l2(batch: Batch) -> Tensor:
    """||z||^2 / 2, one value for each item: (batch,). Source: Ghosh et al. 2020."""
    return 0.5 * batch.out.coded.centre.square().sum(dim=-1)


RARE = 1e-6  # an activity is at least so far from 0 and from 1, where its logarithm ends


def kl_sparsity(batch: Batch) -> Tensor:
    """sum_j KL(target || r_j) of Bernoulli variables, r_j the mean activity of unit j over the batch, in 0..1.

    A property of the batch, given to each of its items: (batch,), nats. Source: Ng 2011, CS294A notes, section 2.
    """
    activity = batch.out.coded.centre.mean(dim=0).clamp(RARE, 1 - RARE)
    target = torch.full_like(activity, batch.dials("objective_sparsity_target"))
    apart = target * (target / activity).log() + (1 - target) * ((1 - target) / (1 - activity)).log()
    return apart.sum().expand(len(batch.x))


def jacobian_norm(batch: Batch) -> Tensor:
    """||dz/dx||_F^2, the squared length of the code's whole Jacobian at each item: (batch,).

    By one backward pass for each number of the code, so it is exact for every encoder (not the product with a vector of
    ones, which is a fraction of it). Dropout is as the model is. Source: Rifai et al. 2011, eq. 3.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = batch.seen.detach().clone().requires_grad_()
        z = batch.model.encode(x).centre
        rows = [torch.autograd.grad(z[:, j].sum(), x, create_graph=True)[0] for j in range(z.shape[1])]
        return torch.stack([row.square().sum(dim=-1) for row in rows]).sum(dim=0)


def decoder_jacobian_norm(batch: Batch) -> Tensor:
    """||dx'/dz||_F^2, the squared length of the decoder's whole Jacobian at each item's code: (batch,).

    Exact, one number of the code after the other: a backward pass with a free cotangent u gives J^T u, and the gradient
    of its j-th number with respect to u is column j of J. Source: Ghosh et al. 2020.
    """
    with torch.inference_mode(False), torch.enable_grad():
        centre = batch.out.coded.centre
        z = centre if centre.requires_grad else centre.clone().requires_grad_()
        x_hat = batch.model.decode(z)
        u = torch.zeros_like(x_hat, requires_grad=True)
        product = torch.autograd.grad(x_hat, z, u, create_graph=True)[0]
        columns = [torch.autograd.grad(product[:, j].sum(), u, create_graph=True)[0] for j in range(z.shape[1])]
        return torch.stack([column.square().sum(dim=-1) for column in columns]).sum(dim=0)
