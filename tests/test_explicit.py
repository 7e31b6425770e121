"""Explicit gradients are those of autograd: the same numbers step by step, for every choice they cover."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_core.compatibility import beyond_explicit, check, gradients_of
from ae_core.dials import Dials
from ae_core.errors import SpecError
from ae_core.events import Progress
from ae_core.models import Autoencoder, build
from ae_core.spec import RunSpec, Schedule, changed
from ae_core.training import Trainer
from ae_core.training.optimizers import schedule
from ae_core.training.steps import AutogradSteps, ExplicitSteps, Steps
from ae_core.variants import VARIANTS, spec_of

torch.set_num_threads(1)

FEATURES, ITEMS, BATCH, STEPS = 64, 90, 16, 50
USUAL = {"model_hidden": (7, 5), "model_code_latent_dim": 3, "training_batch_size": BATCH}


def spec_with(**values: Any) -> RunSpec:
    return changed(RunSpec(), USUAL | values)


def trained(
    spec: RunSpec, way: type[AutogradSteps] | type[ExplicitSteps], kind: torch.dtype
) -> tuple[Autoencoder, Steps, Any]:
    """The spec's model after some epochs on random items, the last batch of each smaller, and what was added up."""
    chance, dials = torch.Generator().manual_seed(1), Dials(spec)
    model = build(spec, torch.Generator().manual_seed(2), chance, dials).to(kind)
    steps = way(model, chance)
    order = torch.Generator().manual_seed(3)
    items = torch.rand(ITEMS, FEATURES, generator=torch.Generator().manual_seed(4), dtype=kind)
    step, sums = 0, []
    while step < STEPS:
        for rows in torch.randperm(ITEMS, generator=order).split(BATCH):
            dials.turn(step / STEPS)
            rate = spec.optimizer.learning_rate * schedule(spec.optimizer.schedule, min(step, STEPS), STEPS)
            steps.step(items, rows, rate)
            step += 1
        sums.append(steps.take())
    return model, steps, sums


def agree(spec: RunSpec) -> None:
    """Parameters, sums and chance after 50 steps in float64, explicit against autograd."""
    assert beyond_explicit(spec) == ""
    (one, first, a), (other, second, b) = (trained(spec, way, torch.float64) for way in (AutogradSteps, ExplicitSteps))
    for (name, x), y in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(y, x, rtol=1e-10, atol=1e-10, msg=name)
    for x, y in zip(a, b, strict=True):
        assert set(x) == set(y)
        for name in x:
            assert y[name] == pytest.approx(x[name], rel=1e-10, abs=1e-10), name
    assert torch.equal(first.chance.get_state(), second.chance.get_state()), "the same random numbers"


CHOICES: dict[str, tuple[Any, ...]] = {
    "model_activation": ("relu", "tanh", "sigmoid", "gelu", "identity"),
    "model_hidden": ((7, 5), (6,), (), (4, 5, 6)),
    "model_tied": (False, True),
    "model_bias": (True, False),
    "model_dropout": (0.0, 0.3),
    "model_output": ("auto", "sigmoid"),
    "model_code_kind": ("point", "variational"),
    "objective_reconstruction": ("mse", "bce"),
    "objective_corruption_kind": ("none", "gaussian", "masking", "salt_pepper"),
    "objective_corruption_level": (0.0, 0.4),
    "objective_weight_decay": (0.0, 0.02),
    "objective_weight_l1": (0.0, 0.001),
    "objective_code_l1": (0.0, 0.1),
    "optimizer_kind": ("adam", "adamw", "sgd", "rmsprop"),
    "optimizer_learning_rate": (0.001,),
    "optimizer_momentum": (0.9, 0.0),
    "optimizer_schedule": ("constant", "cosine", "step", "linear", "warm_up", "cyclic"),
}
OF_A_POINT = {"model_code_activation": ("identity", "relu", "sigmoid", "tanh")}
OF_A_CLOUD = {"model_code_beta": (1.0, 0.0, 4.0)}
MOVING = ("model_dropout", "objective_corruption_level", "objective_weight_l1", "objective_code_l1")


@st.composite
def covered(draw: st.DrawFn) -> RunSpec:
    """Any spec that explicit gradients cover, with up to two settings that move."""
    values = {key: draw(st.sampled_from(among)) for key, among in CHOICES.items()}
    cloud = values["model_code_kind"] == "variational"
    values |= {key: draw(st.sampled_from(among)) for key, among in (OF_A_CLOUD if cloud else OF_A_POINT).items()}
    able = (*MOVING, *(OF_A_CLOUD if cloud else ()))
    moved = draw(st.lists(st.sampled_from(able), max_size=2, unique=True))
    plans = tuple(Schedule(setting=key, way="linear", start=0, end=0.5, share=0.7) for key in moved)
    return spec_with(**values, schedules=plans)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(spec=covered())
def test_fifty_steps_are_those_of_autograd(spec):
    """In float64 every parameter, every sum and every random number agrees with autograd to 1e-10 after 50 steps, over
    combinations of all that is covered.
    """
    agree(spec)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_that_is_covered_agrees(name):
    """A variant of the catalogue that would be trained explicitly has the numbers of autograd: nothing that it turns on
    is left out.
    """
    spec = changed(spec_of(name), {"training_batch_size": BATCH})
    if gradients_of(spec) == "explicit":
        agree(spec)


def test_what_is_not_covered_is_left_to_autograd():
    """A term, a block or a word beyond the written gradients is trained by autograd, and refused where they are asked
    for, in a sentence that names it.
    """
    beyond = {
        "model_batch_norm": True,
        "objective_contractive": 0.1,
        "objective_reconstruction": "cross_entropy",
    }
    assert gradients_of(RunSpec()) == "explicit"
    assert gradients_of(changed(RunSpec(), {"training_gradients": "autograd"})) == "autograd"
    for key, value in beyond.items():
        spec = changed(RunSpec(), {key: value})
        assert gradients_of(spec) == "autograd", key
        with pytest.raises(SpecError, match=f"not {key} = .* Set training.gradients to auto"):
            check(changed(spec, {"training_gradients": "explicit"}))


def test_what_a_schedule_moves_must_be_covered_too():
    """A term that only a schedule switches on is found as well."""
    plan = Schedule(setting="objective_contractive", end=0.1)

    assert gradients_of(changed(RunSpec(), {"schedules": (plan,)})) == "autograd"


@pytest.mark.parametrize("values", [{}, {"model_code_kind": "variational", "model_tied": True}], ids=str)
def test_events_do_not_depend_on_the_way(values):
    """In float32 both ways tell the same run, up to rounding, and the first event tells which one it was."""
    spec = changed(RunSpec(), {"model_hidden": (12,), "training_epochs": 3, **values})
    told = {}
    for way in ("explicit", "autograd"):
        trainer = Trainer(changed(spec, {"training_gradients": way}))
        told[way] = trainer.start() + trainer.advance()
        assert told[way][0].gradients == trainer.introduction()[0]["gradients"] == way
    for one, other in zip(*told.values(), strict=True):
        assert (one.kind, one.step) == (other.kind, other.step)
        if isinstance(one, Progress):
            assert one.train == pytest.approx(other.train, rel=1e-3)
            assert one.val == pytest.approx(other.val, rel=1e-3)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd", "rmsprop"])
def test_each_way_goes_on_from_a_checkpoint_of_the_other(kind):
    """A run parked in the middle of an epoch under one way is taken up by the other, with its momenta and its sums."""
    spec = changed(RunSpec(), {"model_hidden": (12,), "training_epochs": 2, "optimizer_kind": kind})
    ways = [changed(spec, {"training_gradients": way}) for way in ("explicit", "autograd")]
    first = Trainer(ways[0])
    first.advance(steps=9)
    straight = Trainer(ways[0], first.checkpoint())
    crossed = Trainer(ways[0], Trainer(ways[1], first.checkpoint()).checkpoint())
    by_autograd = Trainer(ways[1], first.checkpoint())
    for trainer in (straight, crossed, by_autograd):
        trainer.advance(steps=9)

    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, crossed.model.state_dict()[name])
        torch.testing.assert_close(value, by_autograd.model.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_the_public_optimiser_stands_in_for_the_kernel(monkeypatch):
    """Where torch has no fused kernel of that form, its own Adam does the same on the same vectors."""
    spec = spec_with(optimizer_kind="adam")
    one, _, _ = trained(spec, ExplicitSteps, torch.float64)

    def other_form(*_values: Any) -> None:
        raise TypeError("got an unexpected keyword argument")

    monkeypatch.setattr(torch, "_fused_adam_", other_form)
    other, steps, _ = trained(spec, ExplicitSteps, torch.float64)

    for x, y in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-10, atol=1e-10)
    assert float(steps.keep()()["optimizer/0/step"]) > STEPS - 1


def test_the_model_stays_an_ordinary_module():
    """Its parameters share one vector, yet they can be loaded, read and copied like those of any module."""
    model, _, _ = trained(spec_with(), ExplicitSteps, torch.float32)
    copy = build(spec_with(), torch.Generator(), torch.Generator())
    copy.load_state_dict(model.state_dict())
    x = torch.rand(5, FEATURES)

    torch.testing.assert_close(model.eval().reconstruct(x), copy.eval().reconstruct(x))
    assert len({part.untyped_storage().data_ptr() for part in model.parameters()}) == 1
