"""How well the model stands for the distribution of the items: bounds of ln p(x), and new items beside real ones.

Distances between sets of items are taken in the first 32 principal coordinates of the training items, and named so:
they are not comparable with figures from other features, such as those of an Inception network.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ae_core.metrics.evidence import Array, Evidence
from ae_core.metrics.latent import PAIRS, linear_probe
from ae_core.metrics.record import BALLS, FEATURES, Metric
from ae_core.metrics.reported import chunks, evidence_lower_bound
from ae_core.models import Autoencoder, sample
from ae_core.models.prior import log_normal
from ae_core.objectives import kl_to_unit_normal, log_likelihood_constant, observed, reconstruction
from ae_core.objectives.matching import KERNELS, discrepancy
from ae_core.pca import portions

ACTIVE = 0.01  # variance of a mean over the items above which a number of the code is in use
FEW_DRAWS, MANY_DRAWS = 8, 200  # of z for each item
WEIGHED = 500  # items at most where each is drawn many times


def importance_weighted_bound(model: Autoencoder, x: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    """ln 1/K sum_k p(x, z_k) / q(z_k | x) for each item, z_k drawn from q, K = draws exactly: (items,), nats.

    A lower bound of ln p(x) in expectation that rises with K; K = 1 is the ELBO with its KL drawn too. ln q and ln p
    are those of the draws, never the closed-form KL. The model must have a Gaussian code and be in evaluation mode.
    Source: Burda et al. 2016, eq. 8.
    """
    found = []
    for told, part in chunks(model, x):
        coded = told.encode(part)
        if coded.mu is None or coded.log_var is None:
            raise TypeError("The importance-weighted bound needs a Gaussian code.")
        drawn = [_log_weights(told, part, coded.mu, coded.log_var, generator) for _ in range(draws)]
        found.append(torch.logsumexp(torch.stack(drawn), dim=0) - math.log(draws))
    if model.spec.objective.observed_only:
        return torch.cat(found) - observed(x).sum(dim=1) * log_likelihood_constant(model.spec, 1)
    return torch.cat(found) - log_likelihood_constant(model.spec, x.shape[1])


def _log_weights(model: Autoencoder, x: Tensor, mu: Tensor, log_var: Tensor, generator: torch.Generator) -> Tensor:
    """ln p(x | z) p(z) / q(z | x) of one draw of z for each item, without the constant of ln p(x | z): (items,)."""
    z = sample(mu, log_var, generator)
    log_ratio = model.log_prior(z) - log_normal(z, mu, log_var).sum(dim=-1)
    return log_ratio - reconstruction(model, model.decode_raw(z), x)


def kl_per_dimension(mu: Array, log_var: Array) -> Array:
    """Mean over items of KL(q || N(0, I)) of each number of the code: (k,), nats."""
    return kl_to_unit_normal(torch.from_numpy(mu), torch.from_numpy(log_var)).double().mean(dim=0).numpy()


def active_units(mu: Array) -> int:
    """Numbers of the code whose mean varies over the items by more than 0.01. Source: Burda et al. 2016, section 5."""
    return int((mu.var(axis=0, dtype=np.float64) > ACTIVE).sum())


def drawn_items(evidence: Evidence) -> Array:
    """As many new items as are kept aside: (n, features).

    Codes are drawn from its prior for a Gaussian code, N(0, I) or learned; where a code is made of choices, each choice
    by itself from those of the training items; else, and for PCA, from the Gaussian with the training codes' mean and
    covariance. A conditional model is told the labels of the items kept aside. What is decoded is the mean item,
    without noise.
    """
    return evidence.decode(_drawn_codes(evidence), evidence.labels)


def _drawn_codes(evidence: Evidence) -> Array:
    n, k = evidence.z.shape
    random, train_z = evidence.random, evidence.train_z
    if evidence.log_var is not None:
        return _from_prior(evidence.model, random.standard_normal((n, k)), random)
    if evidence.slot is not None:
        rows = random.integers(len(train_z), size=(n, k // evidence.slot))
        return train_z[np.repeat(rows, evidence.slot, axis=1), np.arange(k)]
    spread = np.atleast_2d(np.cov(train_z, rowvar=False, bias=True))
    return random.multivariate_normal(train_z.mean(axis=0, dtype=np.float64), spread, n, method="eigh")


def _from_prior(model: Autoencoder | None, standard: Array, random: np.random.Generator) -> Array:
    """Draws of N(0, I) turned into draws of the model's prior: of a learned one each goes to one of its Gaussians."""
    if model is None or model.prior is None:
        return standard
    with torch.inference_mode():
        mu, log_var = (part.numpy() for part in model.prior.components(model.encode))
    rows = random.integers(len(mu), size=len(standard))
    return np.asarray(mu[rows] + np.exp(0.5 * log_var[rows]) * standard)


def frechet_distance(a: Array, b: Array) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of two sets' means and covariances, in squared units.

    a, b: (n, d), n well above d. Source: Dowson and Landau 1982.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    spreads = [np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (a, b)]
    values, vectors = np.linalg.eigh(spreads[0])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # S_a S_b has the eigenvalues of the symmetric root(S_a) S_b root(S_a)
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ spreads[1] @ root), 0)).sum()
    means = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    return float(means + np.trace(spreads[0]) + np.trace(spreads[1]) - 2 * shared)


def kernel_distance(a: Array, b: Array, width: float) -> float:
    """Squared maximum mean discrepancy under exp(-|u - v|^2 / (2 width^2)), without bias: 0 in the mean for equal
    distributions, so at times a little below 0.

    a: (n, d), b: (m, d). Source: Gretton et al. 2012, eq. 3.
    """
    one, other = (torch.from_numpy(np.asarray(rows, np.float64)) for rows in (a, b))
    return float(discrepancy(one, other, KERNELS["rbf"], [2 * width**2]))


def overlap(real: Array, made: Array, neighbours: int = BALLS) -> dict[str, float]:
    """precision, recall, density and coverage of made items among real ones, by balls that reach to the 5th neighbour.

    precision: share of made items inside some real one's ball; recall: the other way round. density: real balls around
    a made item, in units of `neighbours`, may exceed 1. coverage: share of real balls with a made item in them.
    Sources: Kynkaanniemi et al. 2019, eq. 1 and 2; Naeem et al. 2020, eq. 5 and 6.
    """
    from scipy.spatial.distance import cdist

    reach_real, reach_made = (np.sort(cdist(rows, rows), axis=1)[:, neighbours] for rows in (real, made))
    distances = cdist(real, made)
    inside = distances <= reach_real[:, None]  # (real, made)
    return {
        "precision": float(inside.any(axis=0).mean()),
        "recall": float((distances <= reach_made[None, :]).any(axis=1).mean()),
        "density": float(inside.sum() / (neighbours * len(made))),
        "coverage": float(inside.any(axis=1).mean()),
    }


def nearest_distance(made: Array, train: Array) -> float:
    """Mean over made items of the distance to the nearest training item, as a root mean square over features."""
    from sklearn.neighbors import NearestNeighbors

    nearest, _ = NearestNeighbors(n_neighbors=1).fit(train).kneighbors(made)
    return float(nearest.mean() / math.sqrt(made.shape[1]))


def label_entropy(made: Array, train: Array, labels: Array) -> float:
    """Entropy of the labels that a linear probe of the training items gives to made ones: 0..ln(classes), nats."""
    _, counts = np.unique(linear_probe(train, labels).predict(made.astype(np.float64)), return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum() + 0.0)  # + 0.0: no minus sign for a single label


def _features(evidence: Evidence, x: Array) -> Array:
    """The first 32 principal coordinates, or all where there are fewer."""
    axes, mean = evidence.principal.axes[:, :FEATURES], evidence.principal.mean
    return np.concatenate([(x[rows] - mean) @ axes for rows in portions(x)]).astype(np.float64)


def _real(evidence: Evidence) -> Array:
    return _features(evidence, evidence.x)


def _made(evidence: Evidence) -> Array:
    return _features(evidence, evidence.once(drawn_items))


def _overlap(evidence: Evidence) -> dict[str, float]:
    return overlap(evidence.once(_real), evidence.once(_made))


def _kernel_distance(evidence: Evidence) -> float:
    """The kernel is as wide as the median distance between real items."""
    from scipy.spatial.distance import pdist

    apart = pdist(evidence.once(_real))
    return kernel_distance(evidence.once(_real), evidence.once(_made), float(np.median(apart[apart > 0])))


def _label_entropy(evidence: Evidence) -> float:
    train = _features(evidence, evidence.train_x)
    return label_entropy(evidence.once(_made), train, np.asarray(evidence.train_labels))


def network(evidence: Evidence) -> Autoencoder:
    if evidence.model is None:
        raise TypeError("This metric needs a network.")
    return evidence.model


def _bounds(evidence: Evidence) -> tuple[float, float]:
    model, generator = network(evidence), torch.Generator().manual_seed(evidence.seed)
    with torch.inference_mode():
        return evidence_lower_bound(model.spec, model, torch.from_numpy(evidence.x), generator)


def _weighted_bound(evidence: Evidence, draws: int) -> float:
    generator = torch.Generator().manual_seed(evidence.seed)
    with torch.inference_mode():
        each = importance_weighted_bound(network(evidence), torch.from_numpy(evidence.x), draws, generator)
    return float(each.double().mean())


def _kl_per_dimension(evidence: Evidence) -> Array:
    return kl_per_dimension(evidence.z, np.asarray(evidence.log_var))


GAUSSIAN = ("gaussian",)
BALLED = ("balls", "varied_items")

GENERATIVE: dict[str, Metric] = {
    "elbo": Metric("generative", "nats per item", "higher", lambda e: e.once(_bounds)[0], GAUSSIAN, rival=False),
    "kl": Metric("generative", "nats per item", "none", lambda e: e.once(_bounds)[1], GAUSSIAN, rival=False),
    "kl_per_dimension": Metric(
        "generative", "nats", "none", lambda e: float(e.once(_kl_per_dimension).mean()), GAUSSIAN, rival=False
    ),
    "active_units": Metric("generative", "", "none", lambda e: float(active_units(e.z)), GAUSSIAN, rival=False),
    "iwae": Metric(
        "generative", "nats per item", "higher", lambda e: _weighted_bound(e, FEW_DRAWS), GAUSSIAN, WEIGHED, False
    ),
    "nll": Metric(
        "generative", "nats per item", "lower", lambda e: -_weighted_bound(e, MANY_DRAWS), GAUSSIAN, WEIGHED, False
    ),
    "frechet_pca32": Metric(
        "generative",
        "squared units",
        "lower",
        lambda e: frechet_distance(e.once(_real), e.once(_made)),
        ("many",),
        PAIRS,
    ),
    "kernel_distance": Metric("generative", "", "lower", _kernel_distance, BALLED, PAIRS),
    "precision": Metric("generative", "", "higher", lambda e: e.once(_overlap)["precision"], BALLED, PAIRS),
    "recall": Metric("generative", "", "higher", lambda e: e.once(_overlap)["recall"], BALLED, PAIRS),
    "density": Metric("generative", "", "higher", lambda e: e.once(_overlap)["density"], BALLED, PAIRS),
    "coverage": Metric("generative", "", "higher", lambda e: e.once(_overlap)["coverage"], BALLED, PAIRS),
    "nearest_train": Metric(
        "generative", "units", "none", lambda e: nearest_distance(e.once(drawn_items), e.train_x), (), PAIRS
    ),
    "label_entropy": Metric("generative", "nats", "higher", _label_entropy, ("classes",), PAIRS),
}
