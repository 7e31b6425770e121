"""Sparse codes: how many numbers speak, which, and what becomes of those that never do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ae_core.compatibility import features
from ae_core.errors import SpecError
from ae_core.events import Progress
from ae_core.models import Autoencoder, build
from ae_core.models.sparse import KSparseCode, largest
from ae_core.objectives import auxiliary, look, readings, terms
from ae_core.spec import (
    MLP,
    KSparse,
    Objective,
    Optimizer,
    Point,
    RunSpec,
    Schedule,
    Sequence,
    Training,
    Waves,
    changed,
)
from ae_core.training import Trainer, train
from ae_core.variants import spec_of

torch.set_num_threads(1)

X = torch.rand(40, 64, generator=torch.Generator().manual_seed(3))


def made(code: KSparse, **settings: Any) -> Autoencoder:
    spec = RunSpec(model=MLP(**{"hidden": (), "code": code} | settings))
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def code_of(model: Autoencoder) -> KSparseCode:
    assert isinstance(model.code, KSparseCode)
    return model.code


def died(model: Autoencoder, *units: int) -> None:
    """Lets those units have been silent for long."""
    code = code_of(model)
    code.silent[list(units)] = code.spec.dead_after


@pytest.mark.parametrize("k", [1, 3, 20])
def test_exactly_k_numbers_of_each_code_are_not_zero(k):
    """Linear units keep k numbers, whatever the input, in training and afterwards (models.md E12)."""
    model = made(KSparse(latent_dim=20, k=k))
    for x in (X, 1000 * X, X - 5, -X):
        for mode in (True, False):
            z = model.train(mode).encode(x).z
            assert ((z != 0).sum(dim=1) == k).all()


def test_the_numbers_kept_are_the_largest_and_stay_as_they_are():
    """The k largest by value, not by size, as sorting in NumPy finds them; nothing else of them is changed."""
    coded = made(KSparse(latent_dim=20, k=4)).encode(X)
    full, z = coded.full.detach().numpy(), coded.z.detach().numpy()
    kept = np.argsort(-full, axis=1)[:, :4]
    expected = np.zeros_like(full)
    np.put_along_axis(expected, kept, np.take_along_axis(full, kept, axis=1), axis=1)
    np.testing.assert_array_equal(z, expected)
    assert (full < 0).any()


def test_among_equal_numbers_the_first_are_kept():
    """Ties do not depend on chance, batch or machine, and never let more than k through."""
    ties = torch.tensor([[1.0, 2.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert largest(ties, 2).tolist() == [[0, 1, 1, 0, 0], [1, 1, 0, 0, 0]]


def test_gradients_pass_through_the_kept_numbers_alone():
    """A unit that no item keeps gets no gradient; a kept one gets all of it."""
    model = made(KSparse(latent_dim=20, k=3))
    coded = model.encode(X)
    (gradient,) = torch.autograd.grad(coded.z.sum(), coded.full)
    assert torch.equal(gradient, (coded.z != 0).float())


def test_more_numbers_are_kept_once_trained():
    """alpha k of them at test time (Makhzani and Frey 2013, section 2.2), never more than there are."""
    for factor, kept in ((1.0, 4), (2.5, 10), (8.0, 20)):
        model = made(KSparse(latent_dim=20, k=4, test_factor=factor))
        assert ((model.train().encode(X).z != 0).sum(dim=1) == 4).all()
        assert ((model.eval().encode(X).z != 0).sum(dim=1) == kept).all()


def test_rectified_units_may_keep_fewer():
    """With relu no number is negative, so fewer than k may speak, never more."""
    z = made(KSparse(latent_dim=20, k=12, activation="relu")).encode(X).z
    counts = (z != 0).sum(dim=1)
    assert (z >= 0).all()
    assert (counts <= 12).all()
    assert (counts < 12).any()


def test_k_can_fall_over_the_run():
    """A schedule moves k, rounded to whole numbers."""
    spec = RunSpec(
        model=MLP(hidden=(), code=KSparse(latent_dim=20, k=4)),
        schedules=(Schedule(setting="model_code_k", start=20, end=4, share=0.5),),
    )
    trainer = Trainer(spec)
    for done, kept in ((0.0, 20), (0.25, 12), (0.26, 12), (1.0, 4)):
        trainer.dials.turn(done)
        assert ((trainer.model.encode(X).z != 0).sum(dim=1) == kept).all()


def test_no_more_numbers_can_be_kept_than_there_are():
    """k beyond the width of the code is refused, by hand and by schedule."""
    for spec in (
        RunSpec(model=MLP(code=KSparse(latent_dim=4, k=5))),
        RunSpec(
            model=MLP(code=KSparse(latent_dim=4, k=2)),
            schedules=(Schedule(setting="model_code_k", start=9, end=2),),
        ),
    ):
        with pytest.raises(SpecError, match=r"model\.code\.k: of 4 numbers"):
            Trainer(spec)


def test_a_word_that_the_new_code_does_not_know_is_dropped():
    """From a sigmoid point code to k-sparse: the activation becomes the usual one; asked for by name it is refused."""
    before = changed(RunSpec(), {"model_code_activation": "sigmoid"})
    assert changed(before, {"model_code_kind": "k_sparse"}).model.code.activation == "identity"
    with pytest.raises(SpecError, match="activation"):
        changed(before, {"model_code_kind": "k_sparse", "model_code_activation": "sigmoid"})


# ------------------------------------------------------------------------------------------------ dead units


def test_silence_is_counted_in_training_steps():
    """Each unit's count is the number of training steps since any item of a batch kept it; looking does not count."""
    spec = changed(RunSpec(), {"model_code_kind": "k_sparse", "model_code_latent_dim": 40, "training_epochs": 1})
    trainer = Trainer(spec)
    expected = np.zeros(40, int)
    trainer.start()
    for _ in range(6):
        before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.advance(steps=1)
        rows = trainer._order_of_items[trainer._course.position - 64 : trainer._course.position]
        after = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        trainer.model.load_state_dict(before)
        fired = (trainer.model.encode(trainer.train_items[rows]).z != 0).any(dim=0).numpy()
        trainer.model.load_state_dict(after)
        expected = np.where(fired, 0, expected + 1)
        trainer.snapshot()
        np.testing.assert_array_equal(code_of(trainer.model).silent.numpy(), expected)
    assert expected.max() > 1


def test_dead_units_rebuild_what_the_others_left_over():
    """With a linear decoder: half the squared distance from x - x' to the dead units' W z (Gao et al. 2024)."""
    model = made(KSparse(latent_dim=20, k=3))
    died(model, 4, 7, 19)
    batch = look(model.eval(), X)
    weight, full = model.last.matrix, batch.out.coded.full
    rebuilt = full[:, [4, 7, 19]] @ weight[:, [4, 7, 19]].t()
    expected = 0.5 * ((X - batch.out.raw) - rebuilt).square().sum(dim=1)
    torch.testing.assert_close(auxiliary(batch), expected)


def test_only_so_many_dead_units_answer():
    """Of many dead units those that answer most, half as many as an item has numbers."""
    model = made(KSparse(latent_dim=100, k=3))
    died(model, *range(50, 100))
    batch = look(model.eval(), X)
    full = batch.out.coded.full.detach().clone()
    order = full[:, 50:].argsort(dim=1, descending=True)[:, 32:] + 50
    full.scatter_(1, order, 0.0)
    full[:, :50] = 0.0
    expected = 0.5 * ((X - batch.out.raw) - full @ model.last.matrix.t()).square().sum(dim=1)
    torch.testing.assert_close(auxiliary(batch), expected)


def test_revival_moves_the_dead_alone():
    """The residual is a fixed target: rows of living units in the code's layer get no gradient from it."""
    model = made(KSparse(latent_dim=20, k=3))
    died(model, 4, 7)
    auxiliary(look(model.eval(), X)).mean().backward()
    moved = model.code.dense.weight.grad.abs().sum(dim=1) > 0
    assert moved.nonzero().flatten().tolist() == [4, 7]


def test_nothing_is_added_while_every_unit_lives():
    """No dead unit, no term."""
    assert auxiliary(look(made(KSparse(latent_dim=20, k=3)), X)).abs().sum() == 0


def test_revival_leaves_no_trace_in_batch_norm():
    """The second look through the decoder changes no running mean and draws no dropout."""
    model = made(KSparse(latent_dim=20, k=3), hidden=(12,), batch_norm=True, dropout=0.5)
    batch = look(model, X)
    died(model, 4, 7)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.testing.assert_close(auxiliary(batch), auxiliary(batch), rtol=0, atol=0)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_revival_brings_units_back():
    """With the task for dead units fewer of them are dead at the end of the same run, for each of two seeds."""
    for seed in range(2):
        spec = RunSpec(
            model=MLP(hidden=(), code=KSparse(latent_dim=64, k=8, dead_after=20)),
            optimizer=Optimizer(learning_rate=0.005),
            training=Training(epochs=8, seed=seed),
        )
        with_task, without = (Trainer(changed(spec, {"model_code_auxiliary": weight})) for weight in (1.0, 0.0))
        with_task.advance()
        without.advance()
        assert code_of(with_task.model).dead.sum() < code_of(without.model).dead.sum() / 2


def test_a_reading_is_shown_but_weighs_nothing():
    """The share of dead units stands beside the terms, for training and validation, and is no part of the loss."""
    code = KSparse(latent_dim=64, k=1, dead_after=4)
    trainer = Trainer(RunSpec(model=MLP(hidden=(), code=code), training=Training(epochs=2)))
    events = trainer.start() + trainer.advance()
    reports = [event for event in events if isinstance(event, Progress)]
    assert reports[-1].val["dead"] == pytest.approx(float(code_of(trainer.model).dead.float().mean()))
    assert reports[-1].val["dead"] > 0
    for terms_now in (side for report in reports for side in (report.train, report.val) if side):
        assert 0 <= terms_now["dead"] <= 1
        assert terms_now["loss"] == pytest.approx(terms_now["reconstruction"] + terms_now["auxiliary"])
    assert set(readings(look(trainer.model, X))).isdisjoint(terms(look(trainer.model, X)))


def test_codes_of_a_finished_run_are_sparse():
    """The fitted model's codes have exactly k numbers for items that it never saw."""
    training = train(RunSpec(model=MLP(hidden=(16,), code=KSparse(latent_dim=24, k=5)), training=Training(epochs=2)))
    fitted = training.result()
    z = fitted.encode(np.random.default_rng(0).random((30, 64)))
    assert ((z != 0).sum(axis=1) == 5).all()


# ------------------------------------------------------------------------------------------------ dictionaries


def dictionary(**settings: Any) -> Autoencoder:
    """An overcomplete code of rectified units that is charged by what it does."""
    objective = Objective(code_l1=0.5, code_l1_by_decoder=True)
    code = Point(latent_dim=100, activation="relu", centred=True)
    spec = RunSpec(model=MLP(**{"hidden": (), "code": code} | settings), objective=objective)
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def test_a_centred_code_sees_what_differs_from_the_constant():
    """Encoding x is what a plain code with the same weights makes of x minus the decoder's bias."""
    model = dictionary()
    plain = dictionary(code=Point(latent_dim=100, activation="relu"))
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model.encode(X).z, plain.encode(X - model.last.bias).z)
    assert not torch.equal(model.encode(X).z, plain.encode(X).z)


def test_each_number_is_charged_by_its_effect():
    """sum z_j times the length of column j of the decoder, by NumPy."""
    model = dictionary()
    batch = look(model, X)
    lengths = np.linalg.norm(model.last.weight.detach().numpy(), axis=0)
    expected = 0.5 * batch.out.coded.z.detach().numpy() @ lengths
    np.testing.assert_allclose(terms(batch)["code_l1"].detach().numpy(), expected, rtol=1e-5)


def test_a_recurrent_decoder_reads_the_code_by_what_begins_its_layers():
    """Columns of all its start weights, one below the other, by NumPy."""
    code = Point(latent_dim=5, activation="relu")
    spec = RunSpec(
        data=Waves(samples=200),
        model=Sequence(width=8, layers=2, code=code),
        objective=Objective(code_l1=0.5, code_l1_by_decoder=True),
    )
    model = build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))
    batch = look(model, torch.rand(6, features(spec), generator=torch.Generator().manual_seed(3)))
    starts = np.concatenate([block.start.weight.detach().numpy() for block in model.decoder])
    expected = 0.5 * batch.out.coded.z.detach().numpy() @ np.linalg.norm(starts, axis=0)
    np.testing.assert_allclose(terms(batch)["code_l1"].detach().numpy(), expected, rtol=1e-5)


def test_shrinking_the_code_saves_nothing():
    """A code ten times smaller, read by weights ten times larger, rebuilds and costs the same."""
    model = dictionary()
    before = terms(look(model, X))
    with torch.no_grad():
        model.code.dense.weight /= 10
        model.code.dense.bias /= 10
        model.last.weight *= 10
    after = terms(look(model, X))
    for name in ("reconstruction", "code_l1"):
        torch.testing.assert_close(before[name], after[name], rtol=1e-4, atol=1e-5)


def test_the_effect_is_that_of_the_first_layer_after_the_code():
    """With hidden layers the lengths are those of the decoder's first layer, without what it is told of the class."""
    model = dictionary(hidden=(20, 10), conditional=True)
    first = next(iter(model.decoder.children())).dense.weight
    assert first.shape == (10, 110)
    assert torch.equal(model.readers, first[:, :100])


@pytest.mark.parametrize("values", [{"model_bias": False}, {"objective_reconstruction": "bce"}])
def test_a_centred_code_needs_a_constant_to_take_off(values):
    """Without biases, or with an output that bends, there is none among the items, and it is refused."""
    with pytest.raises(SpecError, match="centred"):
        Trainer(changed(RunSpec(model=MLP(code=Point(centred=True))), values))


def test_a_finished_run_tells_how_sparse_it_is():
    """L0, dead fraction and explained variance on the items kept aside, as NumPy counts them."""
    spec = changed(spec_of("sae"), {"training_epochs": 2, "model_code_latent_dim": 80})
    trainer = Trainer(spec)
    metrics = trainer.advance()[-1].metrics
    model = trainer.model.eval()
    with torch.inference_mode():
        z, x_hat = model.encode(trainer.val_items).z.numpy(), model.reconstruct(trainer.val_items).numpy()
    x = trainer.val_items.numpy()
    assert metrics["val_l0"] == pytest.approx((z > 0).sum(axis=1).mean())
    assert metrics["val_dead_fraction"] == pytest.approx(1 - (z > 0).any(axis=0).mean())
    expected = 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert metrics["val_explained_variance"] == pytest.approx(expected, rel=1e-4)
    assert 0 < metrics["val_l0"] < 80


def test_only_codes_that_can_rest_tell_how_sparse_they_are():
    """A linear point code has no such numbers among its metrics."""
    trainer = Trainer(RunSpec(training=Training(epochs=1)))
    assert "val_l0" not in trainer.advance()[-1].metrics
