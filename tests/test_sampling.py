"""Samplers: what they draw, where they apply, and that they know the training items alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from ae_core.data import prepare
from ae_core.errors import SpecError
from ae_core.models.code import CODES
from ae_core.sampling import SAMPLERS, USUAL, Choices, Codes, Mixture, draw, sampler_of
from ae_core.spec import RunSpec, Training, changed
from ae_core.training import Fitted, train
from ae_core.training import fitted as room

torch.set_num_threads(1)

KINDS: dict[str, dict[str, Any]] = {
    "point": {"model_code_latent_dim": 4},
    "variational": {"model_code_latent_dim": 4, "model_code_beta": 0.01},
    "k_sparse": {"model_code_latent_dim": 12, "model_code_k": 3},
    "quantised": {"model_code_latent_dim": 6, "model_code_slots": 3, "model_code_codebook_size": 8},
    "categorical": {
        "model_code_latent_dim": 4,
        "model_code_classes": 5,
        "model_code_beta": 0.0,
        "optimizer_learning_rate": 0.02,
        "training_epochs": 10,
    },
}


def spec_with(kind: str, **values: Any) -> RunSpec:
    start = RunSpec(training=Training(epochs=3))
    usual = {"model_hidden": (24,), "optimizer_learning_rate": 0.005, "model_code_kind": kind}
    return changed(start, usual | KINDS[kind] | values)


@pytest.fixture(scope="module")
def trained() -> dict[str, Fitted]:
    return {kind: train(spec_with(kind)).result() for kind in KINDS}


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """||m1 - m2||^2 + tr(S1 + S2 - 2 (S1 S2)^0.5)."""
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * sqrtm(s @ t).real))


def cloud() -> Codes:
    """Codes in two clumps, far from the middle."""
    chance = np.random.default_rng(1)
    sides = chance.integers(2, size=2000)[:, None]
    return Codes(np.where(sides, [[3.0, 1.0]], [[-3.0, 2.0]]) + 0.3 * chance.standard_normal((2000, 2)))


# ------------------------------------------------------------------------------------------------- moments


def test_the_standard_normal_has_mean_0_and_covariance_1():
    """Whatever the codes are like."""
    z = draw(cloud(), 50_000, sampler_of(RunSpec(), "normal"))
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(z, rowvar=False), np.eye(2), atol=0.02)


@pytest.mark.parametrize("name", ["gaussian", "gmm", "empirical"])
def test_fitted_samplers_have_the_moments_of_the_codes(name):
    """Mean and full covariance are those of the codes that they were fitted to."""
    codes = cloud()
    z = draw(codes, 50_000, sampler_of(RunSpec(), name))
    np.testing.assert_allclose(z.mean(axis=0), codes.z.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(z, rowvar=False), np.cov(codes.z, rowvar=False), atol=0.15)


def test_a_mixture_draws_from_the_clumps_and_not_between_them():
    """Nothing lies in the gap that one Gaussian fills; the order of draws tells nothing of the component."""
    mixture, one = (draw(cloud(), 2000, sampler_of(RunSpec(), name)) for name in (Mixture(components=2), "gaussian"))
    assert (np.abs(mixture[:, 0]) < 1).mean() < 0.01
    assert (np.abs(one[:, 0]) < 1).mean() > 0.2
    assert abs(np.corrcoef(mixture[:, 0], np.arange(2000))[0, 1]) < 0.1


def test_a_code_of_one_number_can_be_drawn():
    """The covariance of one number is a number."""
    codes = Codes(np.random.default_rng(0).normal(5, 2, (4000, 1)))
    for name in ("normal", "gaussian", "gmm"):
        assert draw(codes, 7, sampler_of(RunSpec(), name)).shape == (7, 1)
    assert draw(codes, 20_000, sampler_of(RunSpec(), "gaussian")).std() == pytest.approx(2, rel=0.05)


def test_the_aggregated_posterior_adds_the_clouds_of_the_items():
    """Its variance is that of the means plus the mean of the variances."""
    chance = np.random.default_rng(2)
    codes = Codes(chance.normal(1, 2, (3000, 2)), spread=np.full((3000, 2), [0.5, 3.0]))
    z = draw(codes, 50_000, SAMPLERS["posterior"]())
    np.testing.assert_allclose(z.var(axis=0), codes.z.var(axis=0) + [0.25, 9.0], rtol=0.05)


def test_draws_stay_within_the_bounds_of_the_code():
    """A rectified code is never negative, a sigmoid one lies in 0..1."""
    codes = Codes(np.random.default_rng(0).random((500, 3)) * 0.2, bounds=(0.0, 1.0))
    z = draw(codes, 1000, sampler_of(RunSpec(), "normal"))
    assert z.min() == 0
    assert z.max() == 1


CHOSEN = np.array([[0, 2], [0, 2], [0, 3], [3, 2]])


def test_frequencies_are_those_of_each_slot():
    """Every word comes as often in a slot as training items have it there, slots apart from each other."""
    words = np.arange(5.0)[:, None]
    z = draw(
        Codes(words[CHOSEN][..., 0], choices=Choices(words, CHOSEN, np.unique(CHOSEN))),
        40_000,
        SAMPLERS["frequencies"](),
    )
    for slot, shares in enumerate(([0.75, 0, 0, 0.25], [0, 0, 0.75, 0.25])):
        np.testing.assert_allclose(np.bincount(z[:, slot].astype(int), minlength=4) / 40_000, shares, atol=0.01)
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.02


def test_uniform_draws_usable_words_alike():
    """Of a codebook only the words in use come, each as often; of a categorical code every class."""
    words = np.arange(5.0)[:, None]
    z = draw(
        Codes(words[CHOSEN][..., 0], choices=Choices(words, CHOSEN, np.unique(CHOSEN))), 30_000, SAMPLERS["uniform"]()
    )
    np.testing.assert_allclose(
        np.bincount(z[:, 0].astype(int), minlength=5) / 30_000, [1 / 3, 0, 1 / 3, 1 / 3, 0], atol=0.01
    )


# ------------------------------------------------------------------------------------------- trained models


def test_every_code_has_a_sampler_that_belongs_to_it():
    """The list of usual samplers knows every code that models can have."""
    assert set(USUAL) == set(CODES)
    assert set(USUAL.values()) <= set(SAMPLERS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws_or_says_why_not(trained, kind, name):
    """Items come back in their number and in the data's units, the same for the same seed; or a sentence comes."""
    model = trained[kind]
    if objection := SAMPLERS[name].objection(model.spec):
        assert objection.endswith(".")
        with pytest.raises(SpecError, match=r"For this model there are .*empirical"):
            model.sample(3, name)
        return
    items = model.sample(11, name, seed=4)
    assert items.shape == (11, 64)
    assert np.isfinite(items).all()
    np.testing.assert_array_equal(items, model.sample(11, name, seed=4))
    assert not np.array_equal(items, model.sample(11, name, seed=5))
    np.testing.assert_array_equal(items, model.decode(model.draw(11, name, seed=4)))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_name_the_usual_sampler_draws(trained, kind):
    """Each code has one that belongs to it."""
    name = USUAL[type(trained[kind].spec.model.code)]
    np.testing.assert_array_equal(trained[kind].sample(5), trained[kind].sample(5, name))


def test_what_is_drawn_of_a_sparse_code_is_sparse(trained):
    """Exactly k numbers of each draw are not zero, each as some training item has it."""
    z, known = trained["k_sparse"].draw(200, "pattern"), trained["k_sparse"].codes().z.astype(np.float32)
    assert ((z != 0).sum(axis=1) == 3).all()
    for j in range(z.shape[1]):
        assert set(z[:, j]) <= set(known[:, j]) | {0.0}
    assert len({tuple(row) for row in z} - {tuple(row) for row in known}) > 100, "most are new"


def test_what_is_drawn_of_a_discrete_code_is_spelled_with_its_words(trained):
    """Every slot of a draw is an entry of the codebook, every choice is one-hot."""
    entries = {tuple(word) for word in trained["quantised"].codes().choices.words.astype(np.float32)}
    for name in ("uniform", "frequencies"):
        assert {tuple(slot) for slot in trained["quantised"].draw(50, name).reshape(-1, 2)} <= entries
        choices = trained["categorical"].draw(50, name).reshape(50, 4, 5)
        assert (np.sort(choices, axis=-1) == [0, 0, 0, 0, 1]).all()


def test_samples_are_in_the_units_of_the_data():
    """On a standardised table the draws have about the mean and spread of the table itself, not 0 and 1."""
    spec = changed(spec_with("point", training_epochs=40), {"data_kind": "wine"})
    made = train(spec).result().sample(2000, "gaussian")
    split = prepare(spec.data, "mse")
    table = split.scaling.undo(split.train)
    assert made.shape == (2000, 13)
    np.testing.assert_allclose(made.mean(axis=0), table.mean(axis=0), atol=0.35 * table.std(axis=0).max(), rtol=0.2)
    assert made[:, 12].mean() > 100, "proline is counted in hundreds"


def test_a_mixture_comes_nearer_to_the_codes_than_the_standard_normal(trained):
    """Of a plain autoencoder: Frechet distance to codes of items kept aside, several times smaller, for three seeds."""
    model = trained["point"]
    split = prepare(model.spec.data, "mse")
    kept = model.encode(split.scaling.undo(split.val))
    for seed in range(3):
        near, far = (frechet(kept, model.draw(2000, name, seed)) for name in ("gmm", "normal"))
        assert near < far / 4


def test_items_kept_aside_are_never_used(trained, monkeypatch):
    """Draws are the same when there is nothing but numbers that are none among the items kept aside."""
    expected = {kind: model.sample(6, seed=2) for kind, model in trained.items()}

    def spoiled(data, reconstruction):
        split = prepare(data, reconstruction)
        return dataclasses.replace(split, val=np.full_like(split.val, np.nan))

    monkeypatch.setattr(room, "prepare", spoiled)
    for kind, model in trained.items():
        np.testing.assert_array_equal(model.sample(6, seed=2), expected[kind])
        assert len(model.codes().z) == len(prepare(model.spec.data, "mse").train)


def test_a_conditional_model_draws_any_class():
    """The code is drawn, the class is asked for."""
    model = train(changed(spec_with("variational"), {"model_conditional": True})).result()
    assert model.sample(4, labels=7).shape == (4, 64)
    with pytest.raises(SpecError, match="labels"):
        model.sample(4)


def test_an_unknown_sampler_is_refused_with_the_known_ones(trained):
    """By name, with what there is."""
    with pytest.raises(SpecError, match="normal, gaussian, gmm"):
        trained["point"].sample(3, "magic")


def test_codes_that_are_no_numbers_are_refused():
    """A model that diverged gives no samples, but a sentence."""
    with pytest.raises(SpecError, match="not finite"):
        draw(Codes(np.full((5, 2), np.nan)), 3, sampler_of(RunSpec(), "gaussian"))
