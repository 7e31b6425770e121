"""How the codes of all items together are shaped: terms that compare codes with each other or with a prior.

Each is a property of the batch, given to each of its items: (batch,), nats unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from ae_core.compatibility import training_items
from ae_core.objectives.batch import Batch
from ae_core.objectives.code import kl, log_normal
from ae_core.spec import TotalCorrelation


def capacity_gap(batch: Batch) -> Tensor:
    """|KL - C|, KL the mean over the batch and C the capacity at this step of training.

    The absolute value of the mean, not the mean of each item's: items may differ in what they need. C moves by a
    schedule, which counts training steps only. Source: Burgess et al. 2018.
    """
    gap = kl(batch).mean() - batch.dials("objective_matching_capacity")
    return gap.abs().expand(len(batch.x))


def part_of_kl(name: str) -> Callable[[Batch], Tensor]:
    """The term that is this part of `split_kl`."""
    return lambda batch: batch.once(parts_of_kl)[name].expand(len(batch.x))


def parts_of_kl(batch: Batch) -> dict[str, Tensor]:
    """`split_kl` of one draw from each item's Gaussian, by the estimator that the spec asks for."""
    estimate = ESTIMATORS[cast(TotalCorrelation, batch.spec.objective.matching).estimator]
    log_weights = estimate(len(batch.x), training_items(batch.spec))
    return split_kl(batch.draws()[0], *batch.posterior, log_weights)


def split_kl(z: Tensor, mu: Tensor, log_var: Tensor, log_weights: Tensor) -> dict[str, Tensor]:
    """ln q(z|x) - ln p(z) in three parts that add up to it: what a code tells of its item, what its numbers tell of
    each other, and how far each of them is from N(0, 1). Means over the batch, nats.

    z, mu, log_var: (batch, latent), z drawn from the Gaussians. log_weights: (batch, batch), of item j in the density
    of all codes at z_i. Source: Chen et al. 2018, eq. 2 and appendix C.
    """
    joint, product = log_weights, torch.zeros(len(z))
    for here, centre, spread in zip(z.t(), mu.t(), log_var.t(), strict=True):
        pairs = log_normal(here[:, None], centre[None], spread[None])  # (batch, batch): of z_i under the Gaussian of j
        joint = joint + pairs
        product = product + (log_weights + pairs).logsumexp(dim=1)
    whole = joint.logsumexp(dim=1)
    own = log_normal(z, mu, log_var).sum(dim=-1)
    prior = log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(dim=-1)
    return {
        "mutual_information": (own - whole).mean(),
        "total_correlation": (whole - product).mean(),
        "dimension_wise": (product - prior).mean(),
    }


def weighted_sample(batch: int, items: int) -> Tensor:
    """ln 1/(batch x items) for every pair: minibatch weighted sampling, a lower bound of the density in expectation.

    (batch, batch). Source: Chen et al. 2018, appendix C.
    """
    return torch.full((batch, batch), -math.log(batch * items))


def stratified_sample(batch: int, items: int) -> Tensor:
    """Log weights of minibatch stratified sampling, unbiased: 1/items for an item's own Gaussian, on the diagonal, and
    for the others weights that stand for the rest of the items. Every row of weights adds up to 1.

    (batch, batch). With M = batch - 1, one other item weighs (items - M)/(items M) and the rest 1/M each.
    Source: Chen et al. 2018, appendix C.
    """
    others, items = max(batch - 1, 1), max(items, batch)
    weights = torch.full((batch, batch), 1 / others)
    rows = torch.arange(batch)
    weights[rows, (rows + 1) % batch] = (items - others) / (items * others)
    weights[rows, rows] = 1 / items if batch > 1 else 1.0
    return weights.log()


ESTIMATORS: dict[str, Callable[[int, int], Tensor]] = {"mws": weighted_sample, "mss": stratified_sample}
