"""Tables of several kinds of columns: their features, likelihoods, outputs, scaling and metric."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import distributions

from ae_core.compatibility import check, column_spans, gradients_of, on_data
from ae_core.data import DATASETS, prepare
from ae_core.data.columns import Column, feature_names, numeric, spans
from ae_core.data.split import items
from ae_core.data.tables import TIPS
from ae_core.errors import SpecError
from ae_core.metrics.reconstruction import columns_right
from ae_core.models import build
from ae_core.models.outputs import shaped
from ae_core.objectives.reconstruction import log_likelihood_constant, mixed
from ae_core.spec import RunSpec, Tips, changed
from ae_core.training import train

COLUMNS = (
    Column(name="a"),
    Column(name="b"),
    Column(name="c", kind="category", categories=("x", "y", "z")),
    Column(name="d", kind="category", categories=("u", "v", "w")),
    Column(name="e", kind="binary", categories=("no", "yes")),
    Column(name="f", kind="binary", categories=("no", "yes")),
    Column(name="g"),
)
ON_TIPS = on_data(RunSpec(), "tips")


def some() -> tuple[torch.Tensor, torch.Tensor]:
    """Raw outputs and items of COLUMNS, 40 of each."""
    chance = np.random.default_rng(0)
    x = [chance.normal(size=(40, 2)), *(np.eye(3)[chance.integers(3, size=40)] for _ in range(2))]
    x += [chance.integers(2, size=(40, 2)), chance.normal(size=(40, 1))]
    raw = torch.from_numpy(chance.normal(size=(40, 11))).float()
    return raw, torch.from_numpy(np.concatenate(x, axis=1)).float()


def test_columns_become_features_in_order() -> None:
    """Neighbours of one kind are one span, each category is one by itself, and every feature has a name."""
    assert [tuple(span) for span in spans(COLUMNS)] == [
        ("number", 0, 2),
        ("category", 2, 5),
        ("category", 5, 8),
        ("binary", 8, 10),
        ("number", 10, 11),
    ]
    assert feature_names(COLUMNS)[1:4] == ("b", "c = x", "c = y")
    assert feature_names(COLUMNS)[8] == "e = yes"
    assert numeric(COLUMNS) == [True] * 2 + [False] * 8 + [True]
    assert spans(()) == ()


def test_each_column_has_the_likelihood_of_its_kind() -> None:
    """The sum over features is -ln p of torch.distributions, less the constant of each unit Gaussian."""
    raw, x = some()
    whole = distributions.Normal(raw[:, [0, 1, 10]], 1).log_prob(x[:, [0, 1, 10]]).sum(dim=1)
    whole += distributions.Bernoulli(logits=raw[:, 8:10]).log_prob(x[:, 8:10]).sum(dim=1)
    for start in (2, 5):
        part = slice(start, start + 3)
        whole += distributions.OneHotCategorical(logits=raw[:, part]).log_prob(x[:, part])
    ours = mixed(raw, x, spans(COLUMNS)).sum(dim=1) + 1.5 * np.log(2 * np.pi)
    torch.testing.assert_close(ours, -whole)


def test_the_output_is_numbers_and_probabilities() -> None:
    """Numbers stay as they are, binary columns become probabilities, and each category's add up to 1."""
    raw, _ = some()
    shown = shaped("mixed", raw, spans(COLUMNS))
    torch.testing.assert_close(shown[:, [0, 1, 10]], raw[:, [0, 1, 10]])
    torch.testing.assert_close(shown[:, 8:10], torch.sigmoid(raw[:, 8:10]))
    torch.testing.assert_close(shown[:, 2:5].sum(dim=1), torch.ones(40))
    torch.testing.assert_close(shown[:, 5:8], torch.softmax(raw[:, 5:8], dim=1))


@pytest.mark.parametrize("standardise", ["auto", "standard", "minmax", "none"])
def test_only_numbers_are_scaled(standardise: str) -> None:
    """What is 0 or 1 stays so under every scaling, and undoing gives the file's own units back."""
    data = Tips.model_validate({"standardise": standardise})
    split = prepare(data, "mixed")
    whole = items(data).x
    assert set(np.unique(split.train[:, 3:])) == {0.0, 1.0}
    np.testing.assert_allclose(split.scaling.undo(split.train), whole[split.train_index], atol=1e-5)
    if standardise in ("auto", "standard"):
        np.testing.assert_allclose(split.train[:, :3].std(axis=0), 1, atol=1e-5)


def test_choosing_a_mixed_table_chooses_its_loss_and_leaving_it_gives_it_up() -> None:
    """Nobody has to know that mixed columns want another loss."""
    assert ON_TIPS.objective.reconstruction == "mixed"
    assert on_data(ON_TIPS, "digits").objective.reconstruction == "mse"
    assert on_data(changed(RunSpec(), {"objective_reconstruction": "bce"}), "mnist5k").objective.reconstruction == "bce"


def test_what_cannot_be_mixed_is_refused_in_a_sentence() -> None:
    """A dataset without columns, a distribution, and an output of another kind."""
    with pytest.raises(SpecError, match="digits has no such columns"):
        check(changed(RunSpec(), {"objective_reconstruction": "mixed"}))
    with pytest.raises(SpecError, match="Columns of several kinds"):
        check(changed(ON_TIPS, {"data_standardise": "distribution"}))
    with pytest.raises(SpecError, match="needs the output auto"):
        check(changed(ON_TIPS, {"model_output": "sigmoid"}))
    check(changed(ON_TIPS, {"objective_reconstruction": "mse"}))


def test_tips_are_the_known_bills() -> None:
    """Facts of the file: 244 bills, their sums, and how many of each kind."""
    found = items(Tips())
    assert found.x.shape == (244, 9)
    assert found.x[0].tolist() == pytest.approx([16.99, 1.01, 2, 1, 0, 0, 0, 0, 1])
    assert found.x[:, 0].sum() == pytest.approx(4827.77, abs=0.01)
    assert found.x[:, 1].sum() == pytest.approx(731.58, abs=0.01)
    assert found.x[:, 3:].sum(axis=0).tolist() == [87, 93, 62, 19, 87, 76]
    assert np.bincount(found.labels).tolist() == [176, 68]
    assert DATASETS["tips"].feature_names == feature_names(TIPS)


def test_a_mixed_table_is_learned_column_by_column() -> None:
    """With four numbers a code holds bill, tip and people well and nearly all of sex, smoker and day."""
    spec = changed(ON_TIPS, {"model_code_latent_dim": 6, "training_epochs": 300, "optimizer_learning_rate": 0.003})
    model = train(spec).result()
    split = prepare(spec.data, "mixed")
    rebuilt = model.reconstruct(items(spec.data).x[split.val_index])
    told = split.scaling.apply(rebuilt)
    assert gradients_of(spec) == "autograd"
    assert columns_right(split.val, told, column_spans(spec)) > 0.9
    assert np.corrcoef(rebuilt[:, 0], split.scaling.undo(split.val)[:, 0])[0, 1] > 0.9
    np.testing.assert_allclose(rebuilt[:, 5:].sum(axis=1), 1, atol=1e-5)


def test_columns_right_counts_cells() -> None:
    """By hand: two binary cells of three right, and one category of three."""
    of = spans((Column(name="a"), COLUMNS[4], COLUMNS[2]))
    x = np.array([[9, 0, 1, 0, 0], [9, 1, 0, 1, 0], [9, 1, 0, 0, 1]], dtype=float)
    x_hat = np.array([[0, 0.4, 0.5, 0.3, 0.2], [0, 0.4, 0.5, 0.3, 0.2], [0, 0.9, 0.5, 0.3, 0.2]])
    assert columns_right(x, x_hat, of) == pytest.approx((2 / 3 + 1 / 3) / 2)


def test_the_constant_counts_numbers_only() -> None:
    """Probabilities of yes or no and of categories have no constant to leave out."""
    assert log_likelihood_constant(ON_TIPS, 9) == pytest.approx(1.5 * np.log(2 * np.pi))


def test_a_built_network_knows_its_columns() -> None:
    """The spans come from the dataset's record."""
    model = build(ON_TIPS, torch.Generator().manual_seed(0), torch.Generator())
    assert model.spans == spans(TIPS)
    assert model.output == "mixed"
