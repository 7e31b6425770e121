"""Ratings and what is learned from them: only observed entries count, and hidden ones are foretold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Multinomial

from ae_core.compatibility import check
from ae_core.data import Split, prepare
from ae_core.data.preferences import CENTRE, CHOOSY, NOISE, SPREAD, expected, world
from ae_core.data.split import items
from ae_core.errors import SpecError
from ae_core.events import Finished
from ae_core.metrics import entries, evaluate, mean_squared_error, measure
from ae_core.metrics.ranking import ndcg_at, recall_at, rmse_hidden
from ae_core.metrics.recommender import by_means
from ae_core.models import Autoencoder, build
from ae_core.objectives import look, reconstruction, terms
from ae_core.spec import Baskets, Ratings, RunSpec, changed
from ae_core.training import Trainer, train
from ae_core.variants import spec_of

torch.set_num_threads(1)

SMALL = {"data_users": 300, "data_things": 40, "model_code_latent_dim": 8}


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def made(**values: object) -> tuple[Autoencoder, Tensor]:
    spec = changed(spec_of("autorec"), SMALL | values)
    split = prepare(spec.data, "mse")
    return build(spec, seeded(1), seeded(2)).eval(), torch.from_numpy(split.val)


# ------------------------------------------------------------------------------------------------------ the data


@pytest.mark.parametrize("data", [Ratings(), Baskets()], ids=["ratings", "baskets"])
def test_hidden_entries_are_nowhere_in_the_items(data):
    """About a fifth of what each person has met is hidden, none of it is in x, and everybody keeps something."""
    whole = items(data)
    assert whole.hidden is not None
    known, hidden = whole.x > 0, whole.hidden > 0

    assert not (known & hidden).any()
    assert known.sum(axis=1).min() >= 1
    assert hidden.sum(axis=1).min() >= 1
    assert hidden.sum() / (known | hidden).sum() == pytest.approx(0.2, abs=0.02)
    assert (known | hidden).mean() == pytest.approx(data.density, rel=0.1)
    split = prepare(data, "mse")
    assert split.val_hidden is not None
    np.testing.assert_array_equal(split.val_hidden, whole.hidden[split.val_index])


def test_stars_are_whole_and_their_truth_has_the_rank_that_was_asked_for():
    """Stars are 1 to 5; what they come from is tastes times qualities plus a person's and a thing's own level."""
    data = Ratings(rank=3)
    whole, truth = items(data), expected(world(data, np.random.default_rng(0)))
    assert whole.hidden is not None
    stars = whole.x + whole.hidden

    assert set(np.unique(stars)) == {0, 1, 2, 3, 4, 5}
    assert np.linalg.matrix_rank(truth - truth.mean(axis=0) - (truth - truth.mean(axis=0)).mean(axis=1)[:, None]) == 3
    assert (truth.mean(), truth.std()) == (pytest.approx(CENTRE), pytest.approx(SPREAD))
    apart = (stars - np.clip(truth, 1, 5))[stars > 0]
    assert apart.std() == pytest.approx(math.sqrt(NOISE**2 + 1 / 12), abs=0.06)


# ------------------------------------------------------------------------------------------------- the objective


def test_the_loss_is_the_sum_over_observed_entries():
    """An entry of 0 adds nothing and sends no gradient, whatever the decoder says of it; every other counts once."""
    model, x = made()
    batch = look(model, x)
    found = terms(batch)["reconstruction"]
    there = torch.stack(
        [0.5 * (raw[row > 0] - row[row > 0]).square().sum() for raw, row in zip(batch.out.raw, x, strict=True)]
    )
    (gradient,) = torch.autograd.grad(found.sum(), batch.out.raw)

    torch.testing.assert_close(found, there)
    torch.testing.assert_close(reconstruction(model, batch.out.raw, x), there)
    assert (gradient[x == 0] == 0).all()
    assert (gradient[x > 0] != 0).all()


@torch.no_grad()
def test_the_squared_error_is_the_mean_over_observed_entries(monkeypatch):
    """Reported in stars squared for each entry that is there, however the items are cut up."""
    for loss in ("mse", "gaussian"):
        model, x = made(objective_reconstruction=loss)
        wrong = (model.reconstruct(x) - x)[x > 0].square().mean().item()
        assert entries(model.spec, x) == pytest.approx((x > 0).sum().item() / len(x))
        for chunk in (2048, 7):
            monkeypatch.setattr("ae_core.metrics.reported.CHUNK", chunk)
            assert evaluate(model, x)["mse"] == pytest.approx(wrong, rel=1e-5)
            assert mean_squared_error(model, x) == pytest.approx(wrong, rel=1e-5)


def test_training_reports_the_error_that_it_makes_small():
    """Train and validation error of a report are both means over observed entries, of the same size."""
    trainer = Trainer(changed(spec_of("autorec"), SMALL | {"training_epochs": 3}))
    trainer.start()
    report = trainer.advance()[-2]
    x = trainer.train_items
    with torch.no_grad():
        assert report.train["mse"] == pytest.approx(mean_squared_error(trainer.model.eval(), x), rel=0.25)
    assert report.train["mse"] == pytest.approx(2 * report.train["reconstruction"] / ((x > 0).sum().item() / len(x)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"data_kind": "digits", "model_code_activation": "sigmoid"}, "digits a 0 is a number"),
        ({"data_standardise": "standard"}, "standardise = none"),
        ({"objective_reconstruction": "cross_entropy"}, "standardise = none"),
        (
            {
                "objective_corruption_kind": "masking",
                "objective_corruption_level": 0.5,
                "objective_corruption_target": "damaged",
            },
            "Either",
        ),
    ],
)
def test_what_has_no_unobserved_entries_is_refused(values, words):
    """Where 0 is a number, or no longer 0 after scaling, observed entries cannot be told."""
    with pytest.raises(SpecError, match=words) as refused:
        check(changed(RunSpec(data=Ratings()), {"objective_observed_only": True} | values))
    assert str(refused.value).endswith(".")


def test_stars_do_not_lie_between_0_and_1():
    """A range that is declared is not yet the unit range: bce is refused on stars."""
    with pytest.raises(SpecError, match="minmax"):
        check(changed(RunSpec(data=Ratings()), {"objective_reconstruction": "bce"}))


# ------------------------------------------------------------------------------------------------ what it foretells


def test_means_are_what_is_known_without_a_model():
    """With nothing else than a person's and a thing's level, the means find both, up to the damping."""
    person, thing = np.linspace(-1, 1, 200)[:, None], np.linspace(-0.5, 0.5, 80)[None]
    stars = 3 + person + thing
    half = np.random.default_rng(0).random(stars.shape) < 0.5

    found = by_means(np.where(half, stars, 0), np.where(half, stars, 0))
    assert np.abs(found - stars).max() < 0.3
    assert rmse_hidden(found, np.where(half, 0, stars)) < 0.12


@pytest.fixture(scope="module")
def autorec() -> tuple[Finished, Split]:
    """AutoRec as the catalogue has it, on its own ratings."""
    trainer = Trainer(changed(spec_of("autorec"), {"training_epochs": 30}))
    trainer.start()
    last = trainer.advance()[-1]
    assert isinstance(last, Finished)
    return last, trainer._split


def test_autorec_beats_the_means_and_not_the_noise(autorec):
    """Hidden stars, also of people never learned from, are foretold well better than by means, and no better than by
    the truth itself.
    """
    metrics = autorec[0].metrics
    data = Ratings()
    whole, truth = items(data), expected(world(data, np.random.default_rng(0)))
    assert whole.hidden is not None
    floor = rmse_hidden(np.clip(truth, 1, 5), whole.hidden)

    for side in ("train", "val"):
        assert floor < metrics[f"{side}_rmse_hidden"] < 0.95 * metrics[f"{side}_rmse_hidden_means"], side


def test_what_nobody_rated_is_predicted_with_the_mean():
    """Of things without a single known star, nothing can be learned but how many stars are usual."""
    spec = changed(spec_of("autorec"), {"data_users": 60, "data_things": 300, "data_density": 0.02})
    split = prepare(spec.data, spec.objective.reconstruction)
    unrated = (split.train == 0).all(axis=0)
    usual = split.train[split.train > 0].mean()
    assert unrated.sum() > 50

    guesses = train(spec).result().reconstruct(split.val)[:, unrated]

    assert np.abs(guesses.mean() - usual) < 0.2
    assert np.abs(guesses - usual).max() < 1


def test_hidden_stars_are_measured_on_hidden_stars(autorec):
    """The figure is the root of the mean squared error of the fitted model on `Items.hidden`, worked out again."""
    last, split = autorec
    assert split.val_hidden is not None
    assert last.metrics["val_rmse_hidden_means"] == pytest.approx(
        math.sqrt(np.mean((by_means(split.train, split.val) - split.val_hidden)[split.val_hidden > 0] ** 2))
    )


# ---------------------------------------------------------------------------------------------------------- ranks


SCORES = [[9.0, 8.0, 7.0, 6.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0]]
SEEN = [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
SOUGHT = [[0, 1, 0, 1, 0], [1, 0, 0, 0, 0]]


def test_recall_by_hand():
    """Seen things are passed over; the first user's list is 1 2 3 4 (finds 1 and 3), the second's 3 2 1 0 (finds 0)."""
    for k, first, second in ((1, 1 / 1, 0), (2, 1 / 2, 0), (3, 2 / 2, 0), (4, 1, 1), (10, 1, 1)):
        assert recall_at(SCORES, SEEN, SOUGHT, k) == pytest.approx((first + second) / 2), k


def test_recall_divides_by_what_a_list_can_hold():
    """With more things to find than places, a full list of hits is 1: the divisor is min(k, positives)."""
    assert recall_at([[4.0, 3, 2, 1]], [[0, 0, 0, 0]], [[1, 1, 1, 0]], 2) == 1
    assert recall_at([[4.0, 3, 2, 1]], [[0, 0, 0, 0]], [[1, 1, 1, 0]], 4) == 1


def test_ndcg_by_hand():
    """Gains of 1/log2(rank + 1) over those of the best order."""
    gain = [1 / math.log2(rank + 1) for rank in range(1, 6)]
    first, second = (gain[0] + gain[2]) / (gain[0] + gain[1]), gain[3] / gain[0]

    assert ndcg_at(SCORES, SEEN, SOUGHT, 5) == pytest.approx((first + second) / 2)
    assert ndcg_at(SCORES, SEEN, SOUGHT, 1) == pytest.approx((1 + 0) / 2)
    assert ndcg_at([[3.0, 2, 1]], [[0, 0, 0]], [[1, 1, 1]], 2) == pytest.approx(1)


def test_users_with_nothing_hidden_are_left_out():
    """They would count as failures; where nobody has anything hidden there is no figure."""
    assert recall_at([*SCORES, SCORES[0]], [*SEEN, SEEN[0]], [*SOUGHT, [0] * 5], 3) == recall_at(
        SCORES, SEEN, SOUGHT, 3
    )
    assert math.isnan(ndcg_at(SCORES, SEEN, np.zeros((2, 5)), 3))
    assert math.isnan(rmse_hidden(SCORES, np.zeros((2, 5))))


def test_rmse_is_over_hidden_entries_alone():
    """Entries that are not hidden do not count, however wrong they are."""
    assert rmse_hidden([[3.0, 99.0], [5.0, 4.0]], [[1, 0], [0, 4]]) == pytest.approx(math.sqrt(2))


# ----------------------------------------------------------------------------------------------------- multinomial


def test_counts_are_judged_by_the_multinomial_likelihood():
    """The term is the multinomial's -ln p without its constant, so a basket of twice as much counts twice."""
    spec = changed(spec_of("multi_dae"), {"data_users": 100, "data_things": 40})
    model = build(spec, seeded(1), seeded(2)).eval()
    x = torch.from_numpy(prepare(spec.data, "cross_entropy").val)
    raw = model(x).raw
    constant = torch.lgamma(x.sum(dim=1) + 1) - torch.lgamma(x + 1).sum(dim=1)
    there = torch.stack(
        [-Multinomial(int(row.sum()), logits=logits).log_prob(row) for row, logits in zip(x, raw, strict=True)]
    )

    torch.testing.assert_close(reconstruction(model, raw, x), there + constant, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(reconstruction(model, raw, 2 * x), 2 * reconstruction(model, raw, x))


@torch.no_grad()
def test_the_input_has_length_1_and_the_output_the_total_of_the_item():
    """How many articles a person has plays no part in the code; a reconstruction is of as many as the item holds."""
    spec = changed(spec_of("multi_dae"), {"data_users": 100, "data_things": 40})
    model = build(spec, seeded(1), seeded(2)).eval()
    x = torch.from_numpy(prepare(spec.data, "cross_entropy").val)
    plain = build(changed(spec, {"model_unit_input": False}), seeded(1), seeded(2)).eval()

    torch.testing.assert_close(model.encode(3 * x).z, model.encode(x).z)
    torch.testing.assert_close(model.encode(x).z, plain.encode(x / x.norm(dim=1, keepdim=True)).z)
    torch.testing.assert_close(model.reconstruct(x).sum(dim=1), x.sum(dim=1))
    wrong = (x.sum(dim=1, keepdim=True) * model(x).raw.softmax(dim=1) - x).square().mean().item()
    assert evaluate(model, x)["mse"] == pytest.approx(wrong, rel=1e-5)
    assert mean_squared_error(model, x) == pytest.approx(wrong, rel=1e-5)


@pytest.mark.parametrize("name", ["multi_dae", "multi_vae"])
def test_it_ranks_better_than_popularity_and_not_better_than_the_truth(name):
    """Hidden articles of people never learned from are ranked above what is popular, and below what tastes say."""
    trainer = Trainer(changed(spec_of(name), {"training_epochs": 30}))
    trainer.start()
    metrics = trainer.advance()[-1].metrics
    data, split = Baskets(), trainer._split
    of = world(data, np.random.default_rng(0))
    assert split.val_hidden is not None
    truth = ndcg_at((of.popular + CHOOSY * of.liking)[split.val_index], split.val, split.val_hidden, 100)

    assert 1.05 * metrics["val_ndcg_100_popular"] < metrics["val_ndcg_100"] < truth
    assert 0 < metrics["val_recall_20"] < 1
    assert trainer.dials("model_code_beta") == (0 if name == "multi_dae" else pytest.approx(0.2))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("multi_dae", {"recall_20": "val_recall_20", "ndcg_100": "val_ndcg_100"}),
        ("autorec", {"rmse_hidden": "val_rmse_hidden"}),
    ],
)
def test_the_metrics_are_what_a_finished_run_reports(name, told):
    """Asked for later, recommendations are as good as they were when the run ended, and PCA stands beside them."""
    trainer = Trainer(changed(spec_of(name), {"training_epochs": 2}))
    trainer.start()
    last = trainer.advance()[-1]
    assert isinstance(last, Finished)
    names = ("recall_20", "ndcg_100", "rmse_hidden")
    found = {one.name: one for one in measure(trainer.model, trainer.spec, names)}
    for metric, reported in told.items():
        assert found[metric].value == pytest.approx(last.metrics[reported], rel=1e-6)
        assert found[metric].pca is not None
    assert [found[metric].value for metric in names if metric not in told] == [None] * (3 - len(told))
