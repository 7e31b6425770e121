"""Masked autoencoders: only entries that were hidden are judged, in training and when it is measured."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ae_core.data import prepare
from ae_core.events import Progress
from ae_core.metrics import evaluate, mean_squared_error
from ae_core.models import Autoencoder, build
from ae_core.objectives import RECONSTRUCTIONS, corrupt, damage, fixed_damage, look, terms
from ae_core.spec import changed
from ae_core.training import Trainer
from ae_core.training.steps import AutogradSteps
from ae_core.variants import spec_of

torch.set_num_threads(1)

KINDS = ("masking", "salt_pepper")
QUICK = {"model_hidden": (24,), "training_epochs": 6, "optimizer_learning_rate": 0.005}
X = 0.1 + 0.8 * torch.rand(50, 64, generator=torch.Generator().manual_seed(3))  # nowhere what damage puts there


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def made(**values: object) -> Autoencoder:
    return build(changed(spec_of("masked"), QUICK | values), seeded(1), seeded(2))


@pytest.mark.parametrize("kind", KINDS)
def test_damage_tells_which_entries_it_hit(kind):
    """An entry is marked where it was changed and nowhere else, in about the share that was asked for."""
    done = damage(X, kind, 0.4, seeded(0))

    assert torch.equal(done.hit, (done.seen != X).float())
    assert done.hit.mean().item() == pytest.approx(0.4, abs=0.03)
    assert torch.equal(corrupt(X, kind, 0.4, seeded(0)), done.seen)


@pytest.mark.parametrize("reconstruction", ["mse", "bce"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_mean_over_damaged_entries_times_the_width(kind, reconstruction):
    """Averaged over damaged entries only, and as large as a loss over all D features would be."""
    model = made(objective_corruption_kind=kind, objective_reconstruction=reconstruction)
    done = damage(X, kind, 0.3, seeded(0))
    raw = model(done.seen).raw
    each = RECONSTRUCTIONS[reconstruction](raw, X, model)

    found = terms(look(model, X, done.seen, weights=done.weights))["reconstruction"]

    torch.testing.assert_close(found.mean(), 64 * each[done.hit == 1].mean())


def test_entries_that_were_shown_send_no_gradient():
    """What the decoder says of an entry that it was shown changes nothing."""
    model = made()
    done = damage(X, "masking", 0.5, seeded(0))
    batch = look(model, X, done.seen, weights=done.weights)
    (gradient,) = torch.autograd.grad(terms(batch)["reconstruction"].sum(), batch.out.raw)

    assert (gradient[done.hit == 0] == 0).all()
    assert (gradient[done.hit == 1] != 0).all()


def test_each_step_hides_other_entries_and_judges_those():
    """The steps of training draw fresh masks from the run's chance, and follow the loss over exactly these."""
    model, still, chance = made(optimizer_kind="sgd"), made(optimizer_kind="sgd"), seeded(9)
    steps = AutogradSteps(model, seeded(9))
    hidden = []
    for _ in range(2):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        still.load_state_dict(before)
        done = damage(X, "masking", 0.5, chance)
        hidden.append(done.hit)
        steps.step(X, torch.arange(len(X)), 0.01)
        there = terms(look(still, X, done.seen, weights=done.weights))["reconstruction"].sum()
        assert steps.take()["reconstruction"] == pytest.approx(there.item(), rel=1e-5)

    assert not torch.equal(*hidden)


@torch.no_grad()
def test_it_is_measured_on_hidden_entries_and_always_the_same(monkeypatch):
    """Loss and mse of a measurement are those of filling in one fixed mask, however the items are cut up."""
    model = made().eval()
    done = fixed_damage(model.spec, 0.5, X)
    wrong = (model.reconstruct(done.seen) - X)[done.hit == 1].square().mean().item()
    whole = evaluate(model, X)

    assert whole["mse"] == pytest.approx(wrong, rel=1e-5)
    assert whole["reconstruction"] == pytest.approx(32 * wrong, rel=1e-5)
    assert mean_squared_error(model, X) == pytest.approx(wrong, rel=1e-5)
    assert evaluate(model, X) == whole
    monkeypatch.setattr("ae_core.metrics.reported.CHUNK", 7)
    assert evaluate(model, X) == pytest.approx(whole, rel=1e-5)
    assert mean_squared_error(model, X) == pytest.approx(wrong, rel=1e-5)


def test_it_fills_in_better_than_the_column_mean():
    """On digits, half hidden, the error on hidden pixels falls well below that of each pixel's mean."""
    trainer = Trainer(changed(spec_of("masked"), {"training_epochs": 20, "optimizer_learning_rate": 0.003}))
    events = trainer.start() + trainer.advance()
    found, split = events[-1].metrics, prepare(trainer.spec.data, "mse")
    train, val = torch.from_numpy(split.train), torch.from_numpy(split.val)
    hit = fixed_damage(trainer.spec, 0.5, val).hit == 1
    mean = (train.mean(dim=0) - val)[hit].square().mean().item()
    last = [event for event in events if isinstance(event, Progress)][-1]

    assert found["val_mse_column_mean"] == pytest.approx(mean, rel=1e-4)
    assert found["val_mse"] < 0.75 * mean
    assert last.val is not None
    assert last.val["mse"] == pytest.approx(found["val_mse"], rel=1e-5)


def test_a_level_that_moves_is_the_level_of_the_mask():
    """A schedule on the amount hidden is followed by steps and by measurements."""
    start = changed(spec_of("masked"), QUICK)
    trainer = Trainer(changed(start, {"schedules": ("objective_corruption_level~linear~0~0.9~1~4",)}))
    first = [event for event in trainer.start() if isinstance(event, Progress)][0]
    last = [event for event in trainer.advance() if isinstance(event, Progress)][-1]

    assert first.val is not None
    assert last.val is not None
    assert first.val["reconstruction"] == 0  # nothing is hidden yet
    assert last.val["reconstruction"] > 0


def test_denoising_is_judged_on_the_whole_item():
    """Without the target `damaged` nothing changes: all entries count, one each."""
    model = build(spec_of("denoising"), seeded(1), seeded(2)).eval()
    batch = look(model, X)
    assert batch.weights is None
    error: Tensor = 0.5 * (batch.out.raw - X).square().sum(dim=1)
    torch.testing.assert_close(terms(batch)["reconstruction"], error)
