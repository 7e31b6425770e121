"""Runs beside each other: what differs, which belong together, and which is best."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_core.comparison import (
    ABSENT,
    REPORTED,
    best,
    differences,
    items_of,
    on_one_scale,
    reported,
    seed_families,
    spread,
)
from ae_core.metrics import METRICS
from ae_core.spec import MLP, Digits, RunSpec, Schedule, Training, Variational, changed, in_effect
from tests.strategies import specs

PLAIN = RunSpec()


def rows(*specs: RunSpec) -> dict[str, tuple[object, ...]]:
    return {row.key: row.values for row in differences(specs)}


def test_only_what_differs_is_listed():
    """Two runs that differ in two settings have two rows, with a value for each run."""
    other = changed(PLAIN, {"training_epochs": 7, "optimizer_learning_rate": 0.01})
    assert rows(PLAIN, other) == {
        "optimizer_learning_rate": (PLAIN.optimizer.learning_rate, 0.01),
        "training_epochs": (PLAIN.training.epochs, 7),
    }


def test_a_setting_without_effect_has_no_value():
    """The weight of a KL term is told of the run that has one; of the other it is absent, not zero."""
    found = rows(PLAIN, changed(PLAIN, {"model_code_kind": "variational", "model_code_beta": 4}))
    assert found["model_code_kind"] == ("point", "variational")
    assert found["model_code_beta"] == (ABSENT, 4)


def test_idle_settings_do_not_differ():
    """A momentum that Adam never looks at is no difference."""
    assert rows(PLAIN, changed(PLAIN, {"optimizer_momentum": 0.1})) == {}


def test_a_setting_that_moves_differs_from_one_that_stands_still():
    """A schedule is the value of the setting that it moves."""
    gaussian = changed(PLAIN, {"model_code_kind": "variational"})
    plan = Schedule(setting="model_code_beta", start=0, end=1)
    moving = changed(gaussian, {"schedules": (plan,)})
    assert rows(gaussian, moving)["model_code_beta"] == (1.0, plan)
    assert "schedules" not in rows(gaussian, moving)


@pytest.mark.parametrize("alone", [[], [PLAIN]])
def test_nothing_and_one_run_do_not_differ(alone):
    """There is nothing to list."""
    assert differences(alone) == []
    assert seed_families(alone) == []


@given(specs(), specs())
def test_differences_are_what_two_lists_of_settings_say(one, other):
    """The oracle: settings in effect of both as plain dictionaries, compared key by key."""
    first, second = ({leaf.key: leaf.value for leaf in in_effect(spec)} for spec in (one, other))
    moved = {plan.setting for spec in (one, other) for plan in spec.schedules}
    wanted = {key for key in first.keys() | second.keys() if first.get(key, ABSENT) != second.get(key, ABSENT)}
    assert set(rows(one, other)) - moved == wanted - moved - {"schedules"}


def test_runs_that_differ_by_seed_alone_are_a_family():
    """The seed of the weights makes a family, every other setting parts it, and one run is none."""
    seeds = [changed(PLAIN, {"training_seed": seed}) for seed in (0, 1, 2)]
    other = changed(PLAIN, {"training_epochs": 7})
    assert seed_families([seeds[0], other, seeds[1], seeds[2]]) == [(0, 2, 3)]
    assert seed_families([seeds[0], other]) == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
def test_spread_is_mean_and_sample_deviation(values):
    """As the statistics module of Python has it; values that are missing do not count."""
    found = spread([None, *values, float("nan")])
    assert found is not None
    assert found.count == len(values)
    assert found.mean == pytest.approx(statistics.mean(values), abs=1e-6)
    assert found.deviation == pytest.approx(statistics.variance(values) ** 0.5, rel=1e-6, abs=1e-4)


def test_spread_of_nothing_and_of_one():
    """No value has no spread; one value has none around it."""
    assert spread([None, None]) is None
    assert spread([0.5]).deviation == 0


def test_the_best_follows_the_direction_of_the_metric():
    """Small errors and large bounds are good, ties are all best, and of a lone value nobody knows."""
    assert best("val_mse", [0.3, None, 0.1, 0.1]) == {2, 3}
    assert best("val_elbo", [-3.0, -1.0, float("nan")]) == {1}
    assert best("val_kl", [1.0, 2.0]) == set()
    assert best("val_mse", [0.1, None]) == set()


def test_directions_agree_with_the_registry_of_metrics():
    """What a run reports of the items kept aside is better in the direction that the metric of that name has."""
    shared = {name.removeprefix("val_") for name in REPORTED if name.startswith("val_")} & METRICS.keys()
    assert {"recall_20", "ndcg_100", "rmse_hidden"} <= shared
    assert {name: REPORTED[f"val_{name}"] for name in shared} == {name: METRICS[name].direction for name in shared}


def test_every_reported_number_has_its_place():
    """Metrics come in one order, and one that nobody knows yet is shown last."""
    assert reported([{"parameters": 1, "brand_new": 2}, {"val_mse": 3}]) == ["val_mse", "parameters", "brand_new"]


def test_items_are_the_same_however_they_are_scaled():
    """Scaling moves no item; another split does. Errors want both to be alike."""
    scaled = changed(PLAIN, {"data_standardise": "standard"})
    parted = changed(PLAIN, {"data_split_seed": 1})
    assert items_of(PLAIN) == items_of(scaled) != items_of(parted)
    assert not on_one_scale([PLAIN, scaled])
    assert on_one_scale([PLAIN, RunSpec(data=Digits(), model=MLP(code=Variational()), training=Training(epochs=1))])
