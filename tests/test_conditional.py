"""Conditional models: both nets are told each item's class, and everything else stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from ae_core.compatibility import check
from ae_core.data import prepare
from ae_core.errors import SpecError
from ae_core.metrics import evaluate
from ae_core.models import Autoencoder, build
from ae_core.objectives import jacobian_norm, look, terms
from ae_core.sizes import parameter_count
from ae_core.spec import RunSpec, changed
from ae_core.training import Fitted, Trainer, train
from ae_core.training.steps import AutogradSteps

torch.set_num_threads(1)

TOLD = {"model_conditional": True, "model_hidden": (12,), "model_activation": "tanh"}


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def made(**values: object) -> Autoencoder:
    return build(changed(RunSpec(), TOLD | values), seeded(1), seeded(2))


def batch(count: int = 30) -> tuple[Tensor, Tensor]:
    split = prepare(RunSpec().data, "mse")
    assert split.train_labels is not None
    return torch.from_numpy(split.train[:count]), torch.from_numpy(split.train_labels[:count])


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """A conditional VAE of digits, trained for some seconds."""
    values = {"model_code_kind": "variational", "model_conditional": True, "model_hidden": (64,), "training_epochs": 40}
    return train(changed(RunSpec(), values | {"optimizer_learning_rate": 0.005})).result()


def test_both_nets_see_the_one_hot_class_beside_their_input():
    """The network equals one written by hand, with the class put beside the item and beside the code."""
    model, (x, labels) = made().eval(), batch()
    first, code, back, last = _layers(model)
    y = torch.eye(10)[labels]
    h = torch.tanh(linear(torch.cat([x, y], 1), *first))
    z = linear(h, *code)
    h = torch.tanh(linear(torch.cat([z, y], 1), *back))

    out = model.given(labels)(x)

    torch.testing.assert_close(out.coded.z, z)
    torch.testing.assert_close(out.raw, linear(h, *last))


def _layers(model: Autoencoder) -> list[tuple[Tensor, Tensor]]:
    found = dict(model.named_parameters())
    names = ("encoder.0.dense", "code.dense", "decoder.0.dense", "last")
    return [(found[f"{name}.weight"], found[f"{name}.bias"]) for name in names]


def test_only_the_class_is_added_and_the_parameters_are_counted():
    """Ten classes add ten columns to the first layer of each net, with and without hidden layers, and nothing else."""
    for hidden in ((), (12,), (12, 7)):
        for code in ("point", "variational"):
            spec = changed(RunSpec(), {"model_hidden": hidden, "model_code_kind": code})
            told = changed(spec, {"model_conditional": True})
            columns = {(): 10 * (2 if not hidden and code == "variational" else 1) * 2 + 10 * 64}
            added = 10 * (hidden[0] + hidden[-1]) if hidden else columns[()]
            assert parameter_count(told) - parameter_count(spec) == added
            model = build(told, seeded(1), seeded(2))
            assert parameter_count(told) == sum(part.numel() for part in model.parameters())


def test_a_chosen_class_comes_out_of_any_code(fitted):
    """The same z decoded as each of the ten digits looks like that digit: nearest to the mean picture of its class."""
    split = prepare(fitted.spec.data, "mse")
    means = np.stack([split.train[split.train_labels == digit].mean(axis=0) for digit in range(10)])
    z = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    right = []
    for digit in range(10):
        apart = ((fitted.decode(z, digit)[:, None] - means) ** 2).sum(axis=2)
        right.append((apart.argmin(axis=1) == digit).mean())

    assert np.mean(right) > 0.8


def test_a_wrong_class_is_believed(fitted):
    """Reconstruction with the true class is better than with any other."""
    split = prepare(fitted.spec.data, "mse")
    assert split.val_labels is not None
    error = ((fitted.reconstruct(split.val, split.val_labels) - split.val) ** 2).mean()
    wrong = ((fitted.reconstruct(split.val, (split.val_labels + 1) % 10) - split.val) ** 2).mean()

    assert error < 0.7 * wrong


def test_measures_do_not_depend_on_how_items_are_cut(monkeypatch):
    """Each chunk of a measurement is told the classes of its own items."""
    model, (x, labels) = made(model_code_kind="variational").eval(), batch(50)
    whole = evaluate(model.given(labels), x)
    monkeypatch.setattr("ae_core.metrics.reported.CHUNK", 7)

    assert evaluate(model.given(labels), x) == pytest.approx(whole, rel=1e-5)


def test_a_step_follows_the_gradient_of_the_classes_it_is_given():
    """One step of plain gradient descent equals the one worked out with each item's own class."""
    sgd = {"optimizer_kind": "sgd", "optimizer_momentum": 0.0, "optimizer_learning_rate": 0.1}
    x, labels = batch()
    stepped, still = made(**sgd), made(**sgd)
    AutogradSteps(stepped, seeded(3)).step(x, torch.arange(len(x)), 0.1, labels)
    loss = sum(value.mean() for value in terms(look(still, x, labels=labels)).values())
    assert isinstance(loss, Tensor)
    loss.backward()

    for one, other in zip(stepped.parameters(), still.parameters(), strict=True):
        assert other.grad is not None
        torch.testing.assert_close(one, other - 0.1 * other.grad)


def test_the_contractive_term_is_of_the_item_alone():
    """The Jacobian is dz/dx at each item's own class; the class is no direction in which an item moves."""
    model, (x, labels) = made().eval(), batch(5)
    term = jacobian_norm(look(model, x, labels=labels))
    for i in range(5):
        told = model.given(labels[i : i + 1])
        jacobian = torch.autograd.functional.jacobian(lambda item, told=told: told.encode(item[None]).centre[0], x[i])
        assert isinstance(jacobian, Tensor)
        torch.testing.assert_close(term[i], jacobian.square().sum())


def test_models_that_are_not_conditional_are_left_alone():
    """A plain model given labels is the same object."""
    model = build(RunSpec(), seeded(1), seeded(2))
    assert model.given(batch()[1]) is model
    assert model.rows(slice(3)) is model


@pytest.mark.parametrize(
    ("values", "words"), [({"data_kind": "swiss_roll"}, "swiss_roll have none"), ({"model_tied": True}, "mirror")]
)
def test_what_cannot_be_conditional_is_refused(values, words):
    """Items without classes, and a decoder that mirrors its encoder, are refused with a way out."""
    with pytest.raises(SpecError, match=words) as refused:
        check(changed(RunSpec(), {"model_conditional": True} | values))
    assert str(refused.value).endswith(".")


def test_labels_are_asked_for_and_checked(fitted):
    """Missing, superfluous, too many, fractional and unknown labels are refused in a sentence."""
    x, z = np.zeros((3, 64), np.float32), np.zeros((3, 2), np.float32)
    for labels in (None, [1, 2], [0.5, 1, 2], 10, [-1, 0, 1]):
        for ask in (fitted.encode, fitted.reconstruct):
            with pytest.raises(SpecError, match="0 to 9"):
                ask(x, labels)
        with pytest.raises(SpecError, match="0 to 9"):
            fitted.decode(z, labels)
    plain = Trainer(RunSpec()).model
    with pytest.raises(SpecError, match="no labels"):
        Fitted(RunSpec(), plain, prepare(RunSpec().data, "mse").scaling, (64,)).decode(z, 1)
    with pytest.raises(SpecError, match="labels"):
        made()(torch.zeros(2, 64))
