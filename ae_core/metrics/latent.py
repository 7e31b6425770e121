"""What the space of codes keeps of the space of items: neighbours, distances, classes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from ae_core.metrics.evidence import Array, Evidence
from ae_core.metrics.record import NEIGHBOURS, Metric
from ae_core.objectives.topological import spanning_edges

PAIRS = 2000  # items at most where every pair is looked at
PROBED = 5000  # items at most on either side of a probe
VOTES = 5  # nearest neighbours that vote on a label
FOUND = 10  # nearest items that a search shows


def trustworthiness(x: Array, z: Array, neighbours: int = NEIGHBOURS) -> float:
    """1 at best: how few neighbours among the codes are none among the items, by how far they are off.

    x: (n, features), z: (n, k), neighbours < n / 2. Source: Venna and Kaski 2001, by scikit-learn.
    """
    from sklearn.manifold import trustworthiness as score

    return float(score(x, z, n_neighbors=neighbours))


def continuity(x: Array, z: Array, neighbours: int = NEIGHBOURS) -> float:
    """1 at best: how few neighbours among the items are torn apart among the codes; `trustworthiness` turned round."""
    return trustworthiness(z, x, neighbours)


def coranking(x: Array, z: Array) -> Array:
    """Q[i, j]: how many ordered pairs are neighbour number i+1 among the items and number j+1 among the codes.

    (n - 1, n - 1), rows and columns each add up to n. Equal distances are ranked in the items' order.
    Source: Lee and Verleysen 2009.
    """
    count = len(x)
    ranks = [_ranks(rows) for rows in (x, z)]
    off = ~np.eye(count, dtype=bool)
    cells = ranks[0][off] * (count - 1) + ranks[1][off]
    return np.bincount(cells, minlength=(count - 1) ** 2).reshape(count - 1, count - 1)


def shared_neighbours(ranking: Array, neighbours: int = NEIGHBOURS) -> float:
    """Q_NX(K), 0..1: the share of the K nearest items that are among the K nearest codes. ranking: `coranking`.

    Source: Lee and Verleysen 2009.
    """
    return float(ranking[:neighbours, :neighbours].sum() / (neighbours * (len(ranking) + 1)))


def local_continuity(ranking: Array, neighbours: int = NEIGHBOURS) -> float:
    """LCMC(K): `shared_neighbours` less what chance gives, K / (n - 1). Source: Chen and Buja 2009."""
    return shared_neighbours(ranking, neighbours) - neighbours / len(ranking)


def distance_correlation(x: Array, z: Array) -> float:
    """Spearman's rank correlation of all distances between items with those between their codes, -1..1."""
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    return float(spearmanr(pdist(x), pdist(z)).statistic)


def tree_distortion(x: Array, z: Array) -> float:
    """Mean of |d_x - d_z| over the edges of both minimum spanning trees, distances in units of their space's mean.

    0 where the codes are a scaled copy of the items' tree. These edges are the pairs of 0-dimensional persistent
    homology that the topological autoencoder looks at. Source: Moor et al. 2020, eq. 2 and 3, made free of scale.
    """
    from scipy.spatial.distance import pdist, squareform

    spaces = [squareform(pdist(rows) / pdist(rows).mean()) for rows in (x, z)]
    apart = 0.0
    for space in spaces:
        ends = tuple(end.numpy() for end in spanning_edges(torch.from_numpy(space)))
        apart += float(np.abs(spaces[0] - spaces[1])[ends].sum())
    return apart / (2 * (len(x) - 1))


def neighbour_accuracy(train_z: Array, train_labels: Array, z: Array, labels: Array) -> float:
    """Share of items whose label is that of most of their 5 nearest training codes."""
    from sklearn.neighbors import KNeighborsClassifier

    judge = KNeighborsClassifier(min(VOTES, len(train_z))).fit(train_z, train_labels)
    return float(judge.score(z, labels))


def linear_accuracy(train_z: Array, train_labels: Array, z: Array, labels: Array) -> float:
    """Share of items whose label logistic regression on the training codes, scaled, tells right."""
    return float(linear_probe(train_z, train_labels).score(z, labels))


def linear_probe(x: Array, labels: Array) -> Any:
    """Logistic regression on scaled rows, fitted."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # separable classes: the weights grow, the labels stay
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(x.astype(np.float64), labels)


def silhouette(z: Array, labels: Array) -> float:
    """Mean of (b - a) / max(a, b), -1..1: distance to the own class against the next one. Rousseeuw 1987."""
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(z, labels))


def variance_ratio(z: Array, labels: Array) -> float:
    """Spread of the class means beside the spread within classes, each by its degrees of freedom: 0 or more, the larger
    the better apart. z: (n, k). Source: Calinski and Harabasz 1974.
    """
    from sklearn.metrics import calinski_harabasz_score

    return float(calinski_harabasz_score(z, labels))


def clusters(evidence: Evidence) -> Array:
    """The k-means cluster of each code, as many clusters as classes, fitted on the training codes: (n,)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    count = len(np.unique(np.asarray(evidence.train_labels)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different codes than classes
        fitted = KMeans(count, n_init=5, random_state=evidence.seed).fit(evidence.train_z.astype(np.float64))
    return np.asarray(fitted.predict(evidence.z.astype(np.float64)))


def retrieval(train_z: Array, train_labels: Array, z: Array, labels: Array) -> tuple[float, float]:
    """(precision at 10, mean average precision) of a search among the training codes by Euclidean distance.

    Right are items of the query's class. Queries of a class that is not there are left out; if all are, both are 0.
    scikit-learn's average_precision_score takes one query at a time, and a hundred times as long.
    """
    from scipy.spatial.distance import cdist

    asked = np.isin(labels, train_labels)
    if not asked.any():
        return 0.0, 0.0
    order = np.argsort(cdist(z[asked], train_z), axis=1, kind="stable")
    right = train_labels[order] == labels[asked][:, None]  # (queries, training items), the nearest first
    share_so_far = right.cumsum(axis=1) / np.arange(1, right.shape[1] + 1)
    average = (share_so_far * right).sum(axis=1) / right.sum(axis=1)
    return float(right[:, :FOUND].mean()), float(average.mean())


def _ranks(rows: Array) -> Array:
    """ranks[i, j]: how many others are nearer to i than j is (itself not counted)."""
    from scipy.spatial.distance import cdist

    distances = cdist(rows, rows)
    np.fill_diagonal(distances, -1)
    order = np.argsort(distances, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(len(rows))[None, :] - 1, axis=1)
    return ranks


def _coranking(evidence: Evidence) -> Array:
    return coranking(evidence.x, evidence.z)


def _sides(evidence: Evidence) -> tuple[Array, Array, Array, Array]:
    """Training codes and labels, then those kept aside."""
    return evidence.train_z, np.asarray(evidence.train_labels), evidence.z, np.asarray(evidence.labels)


def _retrieval(evidence: Evidence) -> tuple[float, float]:
    return retrieval(*_sides(evidence))


def _agreement(evidence: Evidence, name: str) -> float:
    from sklearn import metrics

    return float(getattr(metrics, name)(evidence.labels, evidence.once(clusters)))


VARIED = ("varied_items", "varied_codes")

LATENT: dict[str, Metric] = {
    "trustworthiness": Metric(
        "latent", "", "higher", lambda e: trustworthiness(e.x, e.z), ("neighbours", *VARIED), PAIRS
    ),
    "continuity": Metric("latent", "", "higher", lambda e: continuity(e.x, e.z), ("neighbours", *VARIED), PAIRS),
    "qnn": Metric(
        "latent", "", "higher", lambda e: shared_neighbours(e.once(_coranking)), ("neighbours", *VARIED), PAIRS
    ),
    "lcmc": Metric(
        "latent", "", "higher", lambda e: local_continuity(e.once(_coranking)), ("neighbours", *VARIED), PAIRS
    ),
    "distance_correlation": Metric(
        "latent", "", "higher", lambda e: distance_correlation(e.x, e.z), ("neighbours", *VARIED), PAIRS
    ),
    "tree_distortion": Metric("latent", "", "lower", lambda e: tree_distortion(e.x, e.z), VARIED, PAIRS),
    "knn_accuracy": Metric("latent", "", "higher", lambda e: neighbour_accuracy(*_sides(e)), ("classes",), PROBED),
    "linear_probe": Metric("latent", "", "higher", lambda e: linear_accuracy(*_sides(e)), ("classes",), PROBED),
    "silhouette": Metric(
        "latent", "", "higher", lambda e: silhouette(e.z, np.asarray(e.labels)), ("classes", "varied_codes"), PAIRS
    ),
    "variance_ratio": Metric(
        "latent", "", "higher", lambda e: variance_ratio(e.z, np.asarray(e.labels)), ("classes", "varied_codes"), PAIRS
    ),
    "cluster_nmi": Metric(
        "latent", "", "higher", lambda e: _agreement(e, "normalized_mutual_info_score"), ("classes",), PROBED
    ),
    "cluster_ari": Metric("latent", "", "higher", lambda e: _agreement(e, "adjusted_rand_score"), ("classes",), PROBED),
    "retrieval_precision": Metric("latent", "", "higher", lambda e: e.once(_retrieval)[0], ("classes",), PAIRS),
    "retrieval_map": Metric("latent", "", "higher", lambda e: e.once(_retrieval)[1], ("classes",), PAIRS),
}
