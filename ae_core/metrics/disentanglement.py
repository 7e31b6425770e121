"""Whether single numbers of the code stand for single known factors.

Factors are drawn on a grid of pictures that were never trained on (`data.worlds`). Protocols are those of Locatello et
al. 2019 (disentanglement_lib) with fewer points, so that each takes seconds; the numbers stand beside each constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ae_core.data.worlds import World
from ae_core.metrics.evidence import Array, Evidence
from ae_core.metrics.latent import linear_probe
from ae_core.metrics.record import Metric

BATCH = 64  # pictures looked at for one point, as in the paper
POINTS, TESTS = 3000, 1500  # points that the two scores learn from and are tested on; 10,000 and 5,000 in the paper
BINS = 20  # of the histogram of each number of the code
SPREAD = 0.05  # standard deviation below which a number of the code counts as constant
TREED, TREE_TESTS = 1000, 500  # points for boosted trees; 10,000 and 5,000 in the paper, which take minutes

Represent = Callable[[Array], Array]
"""(n, factors) -> codes (n, k)."""


def beta_vae_score(world: World, represent: Represent, random: np.random.Generator, points: int, tests: int) -> float:
    """Accuracy of logistic regression that tells which factor pairs of items share, from mean |z - z'| over 64 pairs.

    0..1; chance is one over the number of factors. Source: Higgins et al. 2017, section 3.
    """
    seen = [_shared(world, represent, random, count) for count in (points, tests)]
    return float(linear_probe(*seen[0]).score(*seen[1]))


@dataclass(frozen=True)
class FactorScore:
    """score: 0..1. dimensions: numbers of the code that vary at all, and so may vote."""

    score: float
    dimensions: int


def factor_vae_score(
    world: World, represent: Represent, random: np.random.Generator, points: int, tests: int
) -> FactorScore:
    """Accuracy of a majority vote: which factor is held, from the number of the code that varies least over 64 items.

    Variances are in units of the number's own over all factors; numbers with a standard deviation below 0.05 do not
    vote, and if all are so the score is 0. Source: Kim and Mnih 2018, section 4.
    """
    variances = represent(world.sample(10_000, random)).var(axis=0, dtype=np.float64)
    usable = np.flatnonzero(np.sqrt(variances) >= SPREAD)
    if not len(usable):
        return FactorScore(0.0, 0)
    votes, answers = (np.zeros((len(world.counts), len(usable)), np.int64) for _ in range(2))
    for table, count in ((votes, points), (answers, tests)):
        held, codes = _held(world, represent, random, count)
        least = (codes[:, :, usable].var(axis=1) / variances[usable]).argmin(axis=1)
        np.add.at(table, (held, least), 1)
    chosen = votes.argmax(axis=0)
    return FactorScore(float(answers[chosen, np.arange(len(usable))].sum() / answers.sum()), len(usable))


def mutual_information_gap(z: Array, factors: Array) -> float:
    """MIG: mean over factors of (first - second largest mutual information with one number of the code) / entropy.

    0..1. z: (n, k), in a histogram of 20 bins each. factors: (n, f) whole numbers. Source: Chen et al. 2018, eq. 6,
    with the histogram of disentanglement_lib instead of samples of q, so values differ from the paper's.
    """
    from sklearn.metrics import mutual_info_score

    binned = [np.digitize(column, np.histogram(column, BINS)[1][:-1]) for column in z.T]
    gaps = []
    for factor in factors.T:
        told = sorted(float(mutual_info_score(factor, column)) for column in binned)
        entropy = float(mutual_info_score(factor, factor))
        if entropy > 0:
            gaps.append((told[-1] - (told[-2] if len(told) > 1 else 0.0)) / entropy)
    return float(np.mean(gaps)) if gaps else 0.0


def separated_predictability(
    z: Array, factors: Array, test_z: Array, test_factors: Array, ordered: Sequence[bool]
) -> float:
    """SAP: mean over factors of how much better the best single number of the code tells it than the second best.

    0..1. Ordered factors by the squared correlation, others by the accuracy of a linear SVM with C = 0.01 and balanced
    classes. Source: Kumar et al. 2018, section 3.
    """
    gaps = []
    for j, in_order in enumerate(ordered):
        if in_order:
            scores = [_squared_correlation(column, factors[:, j]) for column in z.T]
        else:
            scores = [
                _separates(column, factors[:, j], test_column, test_factors[:, j])
                for column, test_column in zip(z.T, test_z.T, strict=True)
            ]
        best = sorted([*scores, 0.0])
        gaps.append(best[-1] - best[-2])
    return float(np.mean(gaps))


def disentanglement(importance: Array) -> float:
    """D of DCI: whether each number of the code matters for one factor only, weighed by how much it matters. 0..1.

    importance: (k, factors), never negative. Source: Eastwood and Williams 2018, section 2.
    """
    return _concentration(importance)


def completeness(importance: Array) -> float:
    """C of DCI: whether each factor is told by one number of the code only. 0..1; importance as above."""
    return _concentration(importance.T)


def importances(
    z: Array, factors: Array, test_z: Array, test_factors: Array, ordered: Sequence[bool]
) -> tuple[Array, float]:
    """Importance of each number of the code for each factor, (k, factors), and how well factors are told, 0..1.

    Boosted trees: for ordered factors a regression, told by R^2 (0 where it is below), for others a classifier, told
    by its accuracy.
    """
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    columns, told = [], []
    for j, in_order in enumerate(ordered):
        trees = (GradientBoostingRegressor if in_order else GradientBoostingClassifier)(random_state=0)
        trees.fit(z, factors[:, j])
        columns.append(trees.feature_importances_)
        told.append(max(0.0, float(trees.score(test_z, test_factors[:, j]))))
    return np.stack(columns, axis=1), float(np.mean(told))


def gaussian_total_correlation(z: Array) -> float:
    """1/2 (sum ln diag C - ln det C) of the codes' covariance C, nats: 0 where numbers are uncorrelated.

    z: (n, k), no number a function of the others. Source: Locatello et al. 2019, section 5.3.
    """
    scaled = (z - z.mean(axis=0, dtype=np.float64)) / z.std(axis=0, dtype=np.float64)
    return float(-0.5 * np.linalg.slogdet(scaled.T @ scaled / len(scaled))[1] + 0.0)


def _shared(world: World, represent: Represent, random: np.random.Generator, points: int) -> tuple[Array, Array]:
    """Mean |z - z'| over pairs that share one factor, (points, k), and which factor it is, (points,)."""
    which = random.integers(len(world.counts), size=points)
    one, other = (world.sample(points * BATCH, random) for _ in range(2))
    rows, column = np.arange(points * BATCH), np.repeat(which, BATCH)
    other[rows, column] = one[rows, column]
    apart = np.abs(represent(one) - represent(other))
    return apart.reshape(points, BATCH, -1).mean(axis=1), which


def _held(world: World, represent: Represent, random: np.random.Generator, points: int) -> tuple[Array, Array]:
    """Which factor is held, (points,), and the codes of 64 items that share its value, (points, 64, k)."""
    which = random.integers(len(world.counts), size=points)
    factors = world.sample(points * BATCH, random).reshape(points, BATCH, -1)
    point = np.arange(points)
    factors[point, :, which] = factors[point, 0, which][:, None]
    codes = represent(factors.reshape(points * BATCH, -1))
    return which, codes.reshape(points, BATCH, -1)


def _squared_correlation(column: Array, factor: Array) -> float:
    spread = column.std(dtype=np.float64) * factor.std(dtype=np.float64)
    if spread <= 1e-12:
        return 0.0
    return float((np.mean((column - column.mean()) * (factor - factor.mean()), dtype=np.float64) / spread) ** 2)


def _separates(column: Array, factor: Array, test_column: Array, test_factor: Array) -> float:
    from sklearn.svm import LinearSVC

    if column.std() <= 1e-6 or len(np.unique(factor)) < 2:
        return 0.0
    judge = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=0)
    return float(judge.fit(column[:, None], factor).score(test_column[:, None], test_factor))


def _concentration(importance: Array) -> float:
    """1 less the entropy of each row in units of its largest, averaged by the rows' weight; 0 if nothing matters."""
    total = importance.sum()
    if total == 0:
        return 0.0
    if importance.shape[1] == 1:
        return 1.0
    weight = importance.sum(axis=1)
    shares = importance / np.maximum(weight, 1e-300)[:, None]
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1) / np.log(importance.shape[1])
    return float(((1 - entropy) * weight).sum() / total)


# ------------------------------------------------------------------------------------ on the codes of a grid


def _world(evidence: Evidence) -> tuple[World, Represent]:
    """The grid and its codes, found by row, so that a picture is encoded once however often it is drawn."""
    world = evidence.world
    if world is None or evidence.grid is None:
        raise TypeError("This metric needs items that can be drawn from known factors.")
    codes = evidence.once(_grid_codes)
    return world, lambda factors: codes[world.rows(factors)]


def _grid_codes(evidence: Evidence) -> Array:
    return evidence.grid() if evidence.grid is not None else evidence.z


def _mig(evidence: Evidence) -> float:
    world, represent = _world(evidence)
    return mutual_information_gap(represent(world.grid()), world.grid())


def _sap(evidence: Evidence) -> float:
    world, represent = _world(evidence)
    drawn = world.sample(POINTS + TESTS, evidence.random)
    factors, tests = drawn[:POINTS], drawn[POINTS:]
    return separated_predictability(represent(factors), factors, represent(tests), tests, world.ordered)


def _importances(evidence: Evidence) -> tuple[Array, float]:
    world, represent = _world(evidence)
    rows = evidence.random.permutation(world.size)[: TREED + TREE_TESTS]
    factors = world.grid()[rows]
    z = represent(factors)
    return importances(z[:TREED], factors[:TREED], z[TREED:], factors[TREED:], world.ordered)


def _factor_vae(evidence: Evidence) -> FactorScore:
    return factor_vae_score(*_world(evidence), evidence.random, POINTS, TESTS)


FACTORS = ("factors",)
GRID = 9216

DISENTANGLEMENT: dict[str, Metric] = {
    "beta_vae_score": Metric(
        "disentanglement",
        "",
        "higher",
        lambda e: beta_vae_score(*_world(e), e.random, POINTS, TESTS),
        FACTORS,
        drawn=TESTS,
    ),
    "factor_vae_score": Metric(
        "disentanglement", "", "higher", lambda e: e.once(_factor_vae).score, FACTORS, drawn=TESTS
    ),
    "factor_vae_dimensions": Metric(
        "disentanglement", "", "none", lambda e: float(e.once(_factor_vae).dimensions), FACTORS, drawn=TESTS
    ),
    "mig": Metric("disentanglement", "", "higher", _mig, FACTORS, drawn=GRID),
    "sap": Metric("disentanglement", "", "higher", _sap, FACTORS, drawn=TESTS),
    "dci_disentanglement": Metric(
        "disentanglement", "", "higher", lambda e: disentanglement(e.once(_importances)[0]), FACTORS, drawn=TREE_TESTS
    ),
    "dci_completeness": Metric(
        "disentanglement", "", "higher", lambda e: completeness(e.once(_importances)[0]), FACTORS, drawn=TREE_TESTS
    ),
    "dci_informativeness": Metric(
        "disentanglement", "", "higher", lambda e: e.once(_importances)[1], FACTORS, drawn=TREE_TESTS
    ),
    "total_correlation": Metric(
        "disentanglement", "nats", "lower", lambda e: gaussian_total_correlation(e.z), ("independent",)
    ),
}
