"""Metrics of the code space, against exact figures, scikit-learn and one another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors

from ae_core.metrics import METRICS
from ae_core.metrics import latent as ours
from tests.metrics.evidences import evidence

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((80, 6))
Z = X[:, :2] + 0.3 * RANDOM.standard_normal((80, 2))


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All digits in 0..1, their first two principal coordinates, their labels."""
    x, labels = load_digits(return_X_y=True)
    return x / 16, PCA(2, svd_solver="full").fit_transform(x / 16), labels


@pytest.mark.parametrize(
    ("neighbours", "trusted", "continuous"),
    [(5, 0.83043, 0.95692), (12, 0.82961, 0.94829), (20, 0.82901, 0.94213), (50, 0.83296, 0.92877)],
)
def test_trust_and_continuity_of_two_components_of_digits(digits, neighbours, trusted, continuous):
    """E9: the figures of PCA-2 on all digits. Pixels have 17 levels, so many distances are equal, and which of equal
    neighbours comes first is decided by rounding, which moves continuity by up to 2e-5.
    """
    x, z, _ = digits

    assert ours.trustworthiness(x, z, neighbours) == pytest.approx(trusted, abs=1.5e-5)
    assert ours.continuity(x, z, neighbours) == pytest.approx(continuous, abs=4e-5)


def test_silhouette_of_digits(digits):
    """E9: two components have a lower silhouette than the pixels, though their picture looks better."""
    x, z, labels = digits

    assert ours.silhouette(z, labels) == pytest.approx(0.1051, abs=1e-4)
    assert ours.silhouette(x, labels) == pytest.approx(0.1629, abs=1e-4)


def test_the_variance_ratio_is_an_f_statistic(digits):
    """Sums of squares between and within the classes, added up by hand."""
    _, z, labels = digits
    groups = [z[labels == label].astype(np.float64) for label in np.unique(labels)]
    between = sum(len(group) * np.square(group.mean(axis=0) - z.mean(axis=0)).sum() for group in groups)
    within = sum(np.square(group - group.mean(axis=0)).sum() for group in groups)

    found = ours.variance_ratio(z, labels)

    assert found == pytest.approx(between / (len(groups) - 1) / (within / (len(z) - len(groups))), rel=1e-6)


def test_continuity_is_trustworthiness_turned_round():
    """Swapping the spaces swaps the two."""
    assert ours.continuity(X, Z, 7) == ours.trustworthiness(Z, X, 7)
    assert ours.trustworthiness(X, X, 7) == 1.0


def test_coranking_counts_every_pair_once():
    """Rows and columns add up to n; a map that keeps all ranks has everything on the diagonal."""
    ranking = ours.coranking(X, Z)

    assert (ranking.sum(axis=0) == 80).all()
    assert (ranking.sum(axis=1) == 80).all()
    np.testing.assert_array_equal(ours.coranking(X, 3 * X), 80 * np.eye(79, dtype=int))
    np.testing.assert_array_equal(ours.coranking(Z, X), ranking.T)


@pytest.mark.parametrize("neighbours", [1, 7, 12, 78])
def test_shared_neighbours_are_those_that_both_spaces_name(neighbours):
    """Q_NX is the mean overlap of both lists of neighbours, and LCMC is what is above chance."""
    named = [NearestNeighbors(n_neighbors=neighbours).fit(rows).kneighbors()[1] for rows in (X, Z)]
    overlap = np.mean([len(set(a) & set(b)) / neighbours for a, b in zip(*named, strict=True)])
    ranking = ours.coranking(X, Z)

    assert ours.shared_neighbours(ranking, neighbours) == pytest.approx(overlap)
    assert ours.local_continuity(ranking, neighbours) == pytest.approx(overlap - neighbours / 79)


def test_trustworthiness_follows_from_the_coranking_matrix():
    """The same number a second way: the ranks of those that come into the neighbourhood from outside."""
    ranking, k, n = ours.coranking(X, Z), 10, 80
    late = (np.arange(k, n - 1) + 1 - k) @ ranking[k:, :k].sum(axis=1)

    assert 1 - 2 * late / (n * k * (2 * n - 3 * k - 1)) == pytest.approx(ours.trustworthiness(X, Z, k))


def test_tree_distortion_is_free_of_scale():
    """A turned and scaled copy has none; a shuffled one has much; equal items do not break the tree."""
    turn = np.linalg.qr(RANDOM.standard_normal((6, 6)))[0]
    twice = np.concatenate([X, X])

    assert ours.tree_distortion(X, 7 * X @ turn) == pytest.approx(0, abs=1e-9)
    assert ours.tree_distortion(X, RANDOM.permutation(X)) > 0.2
    assert ours.tree_distortion(twice, twice) == pytest.approx(0, abs=1e-9)


def test_tree_distortion_of_three_points_by_hand():
    """On a line at 0, 1, 3 and in the code at 0, 2, 3: distances in units of their mean are 2 apart by halves."""
    x, z = np.array([[0.0], [1.0], [3.0]]), np.array([[0.0], [2.0], [3.0]])

    # both means are 2, the trees' edges are 0-1 and 1-2, lengths 1/2, 1 against 1, 1/2
    assert ours.tree_distortion(x, z) == pytest.approx(0.5)


def test_order_of_distances():
    """Any monotone map of distances keeps the order: 1; items against noise have about none."""
    assert ours.distance_correlation(X, 5 * X) == pytest.approx(1)
    assert abs(ours.distance_correlation(X, RANDOM.standard_normal((80, 2)))) < 0.1


def test_probes_tell_what_the_code_tells():
    """Separate blobs are told apart by all of them; noise is not."""
    labels = np.arange(300) % 3
    apart = np.eye(3)[labels] * 9 + RANDOM.standard_normal((300, 3))
    noise = RANDOM.standard_normal((300, 3))
    names = ("knn_accuracy", "linear_probe", "cluster_nmi", "cluster_ari", "retrieval_precision", "retrieval_map")
    for name in names:
        metric = METRICS[name]
        good = evidence(apart[:150], apart[:150], labels=labels[:150], train_z=apart[150:])
        bad = evidence(noise[:150], noise[:150], labels=labels[:150], train_z=noise[150:])
        assert metric.value(good) > 0.97, name
        assert metric.value(bad) < 0.5, name


def test_probes_learn_from_the_training_side_alone():
    """With training labels of another meaning the answers are wrong, however well the codes lie apart."""
    labels = np.arange(60) % 2
    z = 9.0 * labels[:, None] + RANDOM.standard_normal((60, 1))
    turned = evidence(z, z, labels=labels, train_labels=1 - labels)

    assert METRICS["knn_accuracy"].value(turned) == 0
    assert METRICS["linear_probe"].value(turned) == 0


def test_retrieval_equals_scikit_learn():
    """Mean average precision is the mean of scikit-learn's, and precision at 10 counts by hand."""
    labels, gallery = RANDOM.integers(3, size=40), RANDOM.integers(3, size=80)
    queries = RANDOM.standard_normal((40, 2))
    distances = cdist(queries, Z)
    right = gallery[None, :] == labels[:, None]
    first = [right[i, np.argsort(distances[i])[:10]].mean() for i in range(40)]
    each = [average_precision_score(right[i], -distances[i]) for i in range(40)]

    precision, average = ours.retrieval(Z, gallery, queries, labels)

    assert precision == pytest.approx(np.mean(first))
    assert average == pytest.approx(np.mean(each))


def test_retrieval_leaves_out_what_cannot_be_found():
    """Queries of a class that the gallery lacks are not asked."""
    here = ours.retrieval(Z, np.zeros(80, int), Z[:2], np.array([0, 5]))

    assert here == (1.0, 1.0)
    assert ours.retrieval(Z, np.zeros(80, int), Z[:2], np.array([5, 5])) == (0.0, 0.0)
