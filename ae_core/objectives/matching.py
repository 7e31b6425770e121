"""How the codes of all items together are shaped: terms that compare codes with each other or with a prior.

Each is a property of the batch, given to each of its items: (batch,), nats unless said otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from ae_core.compatibility import training_items
from ae_core.models.prior import log_normal
from ae_core.objectives.batch import Batch
from ae_core.objectives.code import kl
from ae_core.spec import DIP, MMD, Info, Sliced, TotalCorrelation


def capacity_gap(batch: Batch) -> Tensor:
    """|KL - C|, KL the mean over the batch and C the capacity at this step of training.

    The absolute value of the mean, not the mean of each item's: items may differ in what they need. C moves by a
    schedule, which counts training steps only. Source: Burgess et al. 2018.
    """
    gap = kl(batch).mean() - batch.dials("objective_matching_capacity")
    return gap.abs().expand(len(batch.x))


def off_diagonal(batch: Batch) -> Tensor:
    """sum over i != j of C_ij^2, C the covariance of the codes. Source: Kumar et al. 2018."""
    covariance = batch.once(code_covariance)
    return (covariance - covariance.diagonal().diag()).square().sum().expand(len(batch.x))


def diagonal(batch: Batch) -> Tensor:
    """sum over i of (C_ii - 1)^2. Source: Kumar et al. 2018."""
    return (batch.once(code_covariance).diagonal() - 1).square().sum().expand(len(batch.x))


def code_covariance(batch: Batch) -> Tensor:
    """(latent, latent), over the batch: of the centres (version i), to which version ii adds the clouds' own mean
    variances, as a diagonal matrix. Divided by the number of items. Source: Kumar et al. 2018.
    """
    mu, log_var = batch.posterior
    centred = mu - mu.mean(dim=0)
    covariance = centred.t() @ centred / len(mu)
    if cast(DIP, batch.spec.objective.matching).version == "ii":
        covariance = covariance + log_var.exp().mean(dim=0).diag()
    return covariance


def mmd(batch: Batch) -> Tensor:
    """`discrepancy` between the codes and as many draws of N(0, I)."""
    matching = cast("MMD | Info", batch.spec.objective.matching)
    z = batch.codes
    reach = 2 * z.shape[1] * matching.bandwidth**2
    widths = [reach * scale for scale in SCALES[matching.scales]]
    return discrepancy(z, batch.prior(), KERNELS[matching.kernel], widths).expand(len(z))


KERNELS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "rbf": lambda squares, width: (-squares / width).exp(),
    "imq": lambda squares, width: width / (width + squares),
}
"""Of squared distances; width: 2 x latent x bandwidth^2, the mean squared distance of two draws of the prior."""

SCALES = {"one": (1.0,), "seven": (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)}


def discrepancy(z: Tensor, prior: Tensor, kernel: Callable[[Tensor, float], Tensor], widths: Sequence[float]) -> Tensor:
    """Squared maximum mean discrepancy of two samples, (items, latent) each: no unit, summed over widths.

    The unbiased estimate: an item's likeness to itself is left out within each sample, and only there. So it is 0 on
    average for samples of one distribution, and may then be a little below 0. Source: Gretton et al. 2012, eq. 3;
    Tolstikhin et al. 2018, algorithm 2 (kernels and widths).
    """

    def likeness(squares: Tensor) -> Tensor:
        return torch.stack([kernel(squares, width) for width in widths]).sum(dim=0)

    def within(sample: Tensor) -> Tensor:
        pairs = likeness(squared_distances(sample, sample))
        return (pairs.sum() - pairs.diagonal().sum()) / max(len(sample) * (len(sample) - 1), 1)

    return within(z) + within(prior) - 2 * likeness(squared_distances(z, prior)).mean()


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """||a_i - b_j||^2, summed over the code: (n, latent), (m, latent) -> (n, m)."""
    squares = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)[None] - 2 * a @ b.t()
    return squares.clamp(min=0)


def sliced(batch: Batch) -> Tensor:
    """`sliced_distance` between the codes and as many draws of N(0, I), along fresh random lines."""
    matching = cast(Sliced, batch.spec.objective.matching)
    z = batch.codes
    lines = torch.empty(z.shape[1], matching.projections).normal_(generator=batch.chance)
    return sliced_distance(z, batch.prior(), lines / lines.norm(dim=0), matching.power).expand(len(z))


def sliced_distance(z: Tensor, prior: Tensor, lines: Tensor, power: int) -> Tensor:
    """Mean over lines and items of |sorted z - sorted prior|^power, the transport along each line (Wasserstein).

    z, prior: (items, latent). lines: (latent, lines), columns of length 1. Source: Kolouri et al. 2018.
    """
    apart = (z @ lines).sort(dim=0).values - (prior @ lines).sort(dim=0).values
    return apart.abs().pow(power).mean()


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
