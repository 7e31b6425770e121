"""Disentanglement scores on codes whose answer is known, and the grid that factors are drawn on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ae_core.data import DATASETS
from ae_core.data.worlds import SPRITES, WORLDS, World
from ae_core.metrics import METRICS
from ae_core.metrics import disentanglement as ours
from tests.metrics.evidences import evidence

TEN = World(tuple("abcdefghij"), (10,) * 10, (True,) * 10, lambda factors: factors.astype(np.float32))
POINTS, TESTS = 600, 300


def seeded() -> np.random.Generator:
    return np.random.default_rng(0)


def identity(factors: np.ndarray) -> np.ndarray:
    return factors.astype(np.float32)


def nothing(factors: np.ndarray) -> np.ndarray:
    return np.zeros(factors.shape, np.float32)


def doubled(factors: np.ndarray) -> np.ndarray:
    return np.concatenate([factors, factors], axis=1).astype(np.float32)


def gap(represent) -> float:
    factors = TEN.sample(3000, seeded())
    return ours.mutual_information_gap(represent(factors), factors)


def predictability(represent) -> float:
    factors = TEN.sample(6000, seeded())
    z = represent(factors)
    return ours.separated_predictability(z[:3000], factors[:3000], z[3000:], factors[3000:], TEN.ordered)


def beta(represent) -> float:
    return ours.beta_vae_score(TEN, represent, seeded(), POINTS, TESTS)


def factor(represent) -> float:
    return ours.factor_vae_score(TEN, represent, seeded(), POINTS, TESTS).score


@pytest.mark.parametrize("score", [gap, predictability, beta, factor])
def test_factors_themselves_are_a_perfect_code(score):
    """E8: the identity scores 0.9 to 1 everywhere."""
    assert 0.9 <= score(identity) <= 1


@pytest.mark.parametrize("score", [gap, predictability, beta, factor])
def test_a_code_of_zeros_knows_nothing(score):
    """E8: at most 0.2, chance included."""
    assert 0 <= score(nothing) <= 0.2


def test_a_doubled_code_has_no_gap():
    """E8: where two numbers say the same there is no best one."""
    assert 0 <= gap(doubled) <= 0.1
    assert 0 <= predictability(doubled) <= 0.2


def test_only_numbers_that_vary_vote():
    """`dimensions` counts the numbers in use (disentanglement_lib counts all of them)."""

    def some(factors: np.ndarray) -> np.ndarray:
        return np.concatenate([factors[:, :3], 1e-3 * factors[:, 3:]], axis=1).astype(np.float32)

    assert ours.factor_vae_score(TEN, some, seeded(), 50, 50).dimensions == 3
    assert ours.factor_vae_score(TEN, identity, seeded(), 50, 50).dimensions == 10
    assert ours.factor_vae_score(TEN, nothing, seeded(), 50, 50) == ours.FactorScore(0.0, 0)


def test_numbers_that_hardly_vary_do_not_win_votes():
    """Variances count in units of a number's own, so a small scale is no advantage."""

    def scaled(factors: np.ndarray) -> np.ndarray:
        blurred = factors + np.random.default_rng(1).standard_normal(factors.shape)
        return (blurred * np.logspace(-1, 1, 10)).astype(np.float32)

    assert factor(scaled) >= 0.9


LN2_OF_10 = 1 - math.log(2) / math.log(10)


@pytest.mark.parametrize(
    ("importance", "d", "c"),
    [
        (5 * np.eye(5), 1.0, 1.0),
        (np.concatenate([np.eye(5), np.eye(5)]), 1.0, LN2_OF_10),
        (np.concatenate([np.eye(5), np.eye(5)], axis=1), LN2_OF_10, 1.0),
        (np.zeros((5, 5)), 0.0, 0.0),
    ],
    ids=["diagonal", "codes twice", "factors twice", "zero"],
)
def test_disentanglement_and_completeness_by_hand(importance, d, c):
    """E7: the four cases of disentanglement_lib's own test."""
    assert ours.disentanglement(importance) == pytest.approx(d, abs=1e-9)
    assert ours.completeness(importance) == pytest.approx(c, abs=1e-9)


def test_importances_find_the_number_that_tells():
    """Trees on mixed factors: the diagonal stands out, and what they tell is nearly all there is."""
    random = seeded()
    factors = random.integers((3, 8), size=(600, 2))
    z = factors[:, ::-1] + 0.01 * random.standard_normal((600, 2))

    found, told = ours.importances(z[:400], factors[:400], z[400:], factors[400:], (False, True))

    assert found.shape == (2, 2)
    assert found[1, 0] > 0.98
    assert found[0, 1] > 0.98
    assert told > 0.98


def test_classes_without_order_are_told_by_a_separating_line():
    """SAP of an unordered factor: two classes on one number are separated, on a constant one they are not."""
    factors = seeded().integers(2, size=(400, 1))
    z = np.concatenate([factors * 2.0 - 1, np.zeros((400, 1))], axis=1)

    assert ours.separated_predictability(z[:200], factors[:200], z[200:], factors[200:], (False,)) == 1.0


def test_mig_does_not_care_for_scale_or_order():
    """Turning a number round or stretching it changes nothing; one number alone has zero beside it."""
    factors = TEN.sample(2000, seeded())[:, :2]

    assert ours.mutual_information_gap(-3.0 * factors[:, ::-1], factors) == pytest.approx(
        ours.mutual_information_gap(factors.astype(float), factors)
    )
    assert ours.mutual_information_gap(factors[:, :1].astype(float), factors) == pytest.approx(0.5, abs=0.05)


def test_total_correlation_of_two_numbers_in_closed_form():
    """-1/2 ln(1 - r^2) for two numbers of correlation r, whatever their scales."""
    a, b = seeded().standard_normal((2, 500))
    z = np.stack([a, 40 * (0.6 * a + 0.8 * b) + 3], axis=1)
    r = np.corrcoef(z.T)[0, 1]

    assert ours.gaussian_total_correlation(z) == pytest.approx(-0.5 * math.log(1 - r**2))


@pytest.mark.parametrize("z", [np.ones((50, 2)), np.arange(50.0)[:, None], np.arange(100.0).reshape(50, 2)])
def test_total_correlation_is_not_asked_of_numbers_that_follow_from_others(z):
    """Constant, single or repeated numbers have no finite one."""
    assert METRICS["total_correlation"].lacks(evidence(np.arange(100).reshape(50, 2), z)) == ("independent",)


# ---------------------------------------------------------------------------------------------- the grid


@pytest.mark.parametrize("kind", WORLDS)
def test_a_world_draws_its_dataset(kind):
    """A grid item has the dataset's shape and range, its first factor is the label, and no two are the same."""
    world = WORLDS[kind]
    dataset = DATASETS[kind]
    factors = world.sample(40, seeded())
    items = world.draw(factors)

    assert items.shape == (40, *dataset.shape(dataset.spec()))
    assert 0 <= items.min() <= items.max() <= 1
    assert world.counts[0] == len(dataset.label_names)
    assert len(world.names) == len(world.counts) == len(world.ordered)
    assert len(np.unique(items.reshape(40, -1), axis=0)) == len(np.unique(factors, axis=0))


def test_rows_find_factors_on_the_grid():
    """Each combination stands once on the grid, at its own row."""
    grid = SPRITES.grid()

    assert len(np.unique(grid, axis=0)) == SPRITES.size == 9216
    np.testing.assert_array_equal(SPRITES.rows(grid), np.arange(SPRITES.size))
    np.testing.assert_array_equal(SPRITES.labels(), grid[:, 0])


@pytest.mark.parametrize("name", ["mig", "beta_vae_score", "factor_vae_score", "sap", "dci_disentanglement"])
def test_factors_of_sprites_as_their_own_code(monkeypatch, name):
    """Through the grid, as measuring does it: the factors themselves score high, noise low; n is what was drawn."""
    monkeypatch.setattr(ours, "POINTS", 300)
    monkeypatch.setattr(ours, "TREED", 300)
    monkeypatch.setattr(ours, "TREE_TESTS", 100)
    items = np.zeros((30, 4), np.float32)
    perfect = evidence(items, items, world=SPRITES, grid=lambda: SPRITES.grid().astype(np.float32))
    noise = seeded().standard_normal((SPRITES.size, 5)).astype(np.float32)
    metric = METRICS[name]

    assert metric.value(perfect) > 0.55
    assert metric.value(evidence(items, items, world=SPRITES, grid=lambda: noise)) < 0.45
    assert metric.drawn in (SPRITES.size, 1500, 500)
