"""Many runs at once are the same runs: each has the events that it has when it is trained alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ae_core.errors import SpecError
from ae_core.events import Diverged, Event, Finished, Progress, Snapshot, Started
from ae_core.models import build
from ae_core.spec import MLP, RunSpec, Schedule, Training, Wine, changed
from ae_core.training import many, train, train_many
from ae_core.training.explicit import Explicit

torch.set_num_threads(1)

TIMED = ("seconds", "samples_per_second")


def small(**values: Any) -> RunSpec:
    start = RunSpec(data=Wine(), model=MLP(hidden=(10,)), training=Training(batch_size=16, epochs=4))
    return changed(start, values)


def streams(specs: list[RunSpec]) -> list[list[Event]]:
    """Each spec's events, out of the one stream of all."""
    found: list[list[Event]] = [[] for _ in specs]
    for number, event in train_many(specs):
        found[number].append(event)
    return found


def same_run(one: list[Event], other: list[Event]) -> None:
    """Equal kinds at equal steps, and every number equal up to the rounding of float32."""
    assert [(event.kind, event.step) for event in one] == [(event.kind, event.step) for event in other]
    for a, b in zip(one, other, strict=True):
        if isinstance(a, Started):
            assert a == b
        if isinstance(a, Progress):
            assert a.learning_rate == b.learning_rate
            assert dict(b.train) == pytest.approx(dict(a.train), rel=1e-4, abs=1e-5)
            assert (a.val is None) == (b.val is None)
            assert dict(b.val or {}) == pytest.approx(dict(a.val or {}), rel=1e-4, abs=1e-5)
        if isinstance(a, Finished):
            assert a.reason == b.reason
            metrics = [{name: value for name, value in event.metrics.items() if name not in TIMED} for event in (a, b)]
            assert metrics[1] == pytest.approx(metrics[0], rel=1e-4, abs=1e-5)


GROUPS: dict[str, list[RunSpec]] = {
    "rates and seeds": [small(training_seed=k, optimizer_learning_rate=0.001 * (k + 1)) for k in range(3)],
    "penalties": [
        small(objective_weight_decay=0.01 * k, objective_weight_l1=0.001 * (2 - k), objective_code_l1=0.1 * k)
        for k in range(3)
    ],
    "decoupled decay": [small(optimizer_kind="adamw", objective_weight_decay=0.1 * k) for k in range(3)],
    "clouds": [
        small(model_code_kind="variational", model_code_beta=float(k), model_dropout=0.1 * k, model_tied=True)
        for k in range(3)
    ],
    "noise": [
        small(objective_corruption_kind="gaussian", objective_corruption_level=0.2 * k, model_bias=False)
        for k in range(3)
    ],
    "widths": [
        small(model_hidden=(6 + k, 4), model_code_latent_dim=1 + k, model_code_kind="variational", model_dropout=0.2)
        for k in range(3)
    ],
    "momenta": [
        small(optimizer_kind="sgd", optimizer_learning_rate=0.001, optimizer_momentum=0.4 * k) for k in range(3)
    ],
    "schedules": [
        small(
            objective_code_l1=0.1,
            schedules=(Schedule(setting="objective_code_l1", end=0.2 * k),),
            optimizer_schedule=("constant", "cosine", "step")[k],
        )
        for k in range(3)
    ],
    "pixels": [
        small(data_kind="digits", objective_reconstruction="bce", optimizer_kind="rmsprop", training_seed=k)
        for k in range(2)
    ],
}


@pytest.mark.parametrize("specs", GROUPS.values(), ids=list(GROUPS))
def test_each_has_the_events_that_it_has_alone(specs):
    """Trained side by side, runs that differ in all that may differ keep their own events, terms and metrics."""
    assert many.groups(specs) == [list(range(len(specs)))]
    for spec, events in zip(specs, streams(specs), strict=True):
        same_run(list(train(spec)), events)


def test_what_cannot_go_together_is_trained_in_turn():
    """Other data, other activations, other ways to find gradients and large networks each go their own way, and the
    results come in the order of the specs.
    """
    specs = [
        small(),
        small(data_kind="moons"),
        small(model_batch_norm=True),
        small(model_activation="sigmoid"),
        small(model_activation="sigmoid", model_hidden=(11,)),
        small(training_seed=1),
        small(data_kind="digits", model_hidden=(1000,), training_epochs=1),
    ]
    assert many.groups(specs) == [[0, 5], [1], [2], [3], [4], [6]]
    training = train_many(specs)
    told = [number for number, _ in training]
    assert set(told) == set(range(len(specs)))
    for spec, model in zip(specs, training.results(), strict=True):
        assert model.spec == spec


def test_who_is_done_leaves_and_the_others_go_on():
    """One run diverges, one reaches its target, one is left: each ends as it does alone, with a model of its own."""
    specs = [
        small(optimizer_kind="sgd", optimizer_learning_rate=100.0, training_epochs=6),
        small(optimizer_kind="sgd", optimizer_learning_rate=0.01, training_target_loss=6.0, training_epochs=6),
        small(optimizer_kind="sgd", optimizer_learning_rate=0.003, training_epochs=6),
    ]
    training = train_many(specs)
    found: list[list[Event]] = [[] for _ in specs]
    for number, event in training:
        found[number].append(event)

    assert [events[-1].reason for events in found] == ["diverged", "target_loss", "epochs"]
    assert isinstance(found[0][-3], Diverged)
    for spec, events in zip(specs[1:], found[1:], strict=True):
        same_run(list(train(spec)), events)
    for model in training.results():
        assert torch.isfinite(torch.from_numpy(model.encode(torch.rand(3, 13).numpy()))).all()


def test_snapshots_belong_to_their_runs():
    """Each run has its own last picture, and they differ."""
    specs = [small(training_seed=k) for k in range(2)]
    pictures = [[event for event in events if isinstance(event, Snapshot)] for events in streams(specs)]

    assert all(pictures)
    assert abs(pictures[0][-1].arrays["latent"] - pictures[1][-1].arrays["latent"]).max() > 0.01


def test_side_by_side_is_alone_in_double_precision():
    """In float64 the parameters of models side by side, with rates of their own and padded to the widest, are those of
    each alone to 1e-12 after 40 steps.
    """
    specs = [
        changed(RunSpec(), {"model_hidden": (5 + k,), "model_code_latent_dim": 2 + k, "model_dropout": 0.1 * k})
        for k in range(3)
    ]
    rates, items = [0.001, 0.003, 0.01], torch.rand(60, 64, generator=torch.Generator().manual_seed(0)).double()

    def fresh() -> tuple[list[Any], list[torch.Generator]]:
        chances = [torch.Generator().manual_seed(k) for k in range(3)]
        return [
            build(spec, torch.Generator().manual_seed(9), chance).double()
            for spec, chance in zip(specs, chances, strict=True)
        ], chances

    (models, chances), (alone, own) = fresh(), fresh()
    engine = Explicit(models, chances)
    singles = [Explicit([model], [chance]) for model, chance in zip(alone, own, strict=True)]
    orders = [torch.Generator().manual_seed(20 + k) for k in range(3)]
    for _ in range(10):
        rows = [torch.randperm(60, generator=order).split(16) for order in orders]
        for parts in zip(*rows, strict=True):
            engine.step(items, torch.cat(parts), engine.factor(rates, 2))
            for single, part, rate in zip(singles, parts, rates, strict=True):
                single.step(items, part, rate)

    for one, other in zip(models, alone, strict=True):
        for x, y in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)
    for row, single in enumerate(singles):
        assert engine.take(row) == pytest.approx(single.take(0), rel=1e-12)


def test_none_at_all_is_refused():
    """An empty list is no experiment, and choices that exclude each other are refused before anything is trained."""
    with pytest.raises(SpecError, match="at least one experiment"):
        train_many([])
    with pytest.raises(SpecError, match="bce"):
        train_many([small(), small(objective_reconstruction="bce")])


def test_specs_may_come_one_by_one():
    """From a generator too, which can be read only once."""
    specs = (changed(RunSpec(), {"training_epochs": 1, "training_seed": seed}) for seed in range(2))
    assert sorted(number for number, event in train_many(specs) if event.kind == "finished") == [0, 1]
