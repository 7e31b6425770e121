"""Sweeps: what they vary, which runs that makes, and what is said of the results."""

from __future__ import annotations

import math
import statistics

import pytest

from ae_core.compatibility import check
from ae_core.errors import SpecError
from ae_core.plots.sweep import draw_errors, draw_heat
from ae_core.spec import RunSpec, changed, settings
from ae_core.starter import STARTER
from ae_core.sweep import (
    MOST_VALUES,
    PRESETS,
    Axis,
    Place,
    SweepPlan,
    asked,
    cells,
    results,
    suggested,
    varied,
    verdict,
)
from ae_core.training import train_many
from ae_core.variants import VARIANTS, spec_of

RATES = Axis(key="optimizer_learning_rate", values=(0.001, 0.01))
CODES = Axis(key="model_code_latent_dim", values=(1, 2, 3))
WORDS = dict.fromkeys(("setting", "error", "val", "train", "pca", "column", "row"), "word") | {"val": "kept"}


def test_every_cell_differs_from_the_base_in_what_is_varied_and_in_nothing_else():
    """Columns, rows and seeds: each pair of values once, each seed once."""
    plan = SweepPlan(base=changed(RunSpec(), {"training_seed": 2**31 - 1}), axes=(RATES, CODES), seeds=3)
    found = list(cells(plan))
    assert len(found) == 2 * 3 * 3 == len({place for _, place in found})
    for spec, place in found:
        values = {RATES.key: RATES.values[place.column], CODES.key: CODES.values[place.row]}
        seed = (2**31 - 1 + place.seed) % 2**31
        assert spec == changed(plan.base, values | {"training_seed": seed})


def test_a_setting_that_is_varied_follows_no_schedule():
    """A schedule would overrule the values; those of other settings stay."""
    plans = ("model_code_beta~linear~0~1~1~4", "model_dropout~linear~0~0.5~1~4")
    base = changed(RunSpec(), {"model_code_kind": "variational", "schedules": plans})
    (spec, _), _ = cells(SweepPlan(base=base, axes=(Axis(key="model_code_beta", values=(0.5, 1.0)),)))
    assert [plan.setting for plan in spec.schedules] == ["model_dropout"]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ((Axis(key="model_code_latent_dim", values=(2, 2000)),), "model_code_latent_dim = 2000"),
        ((RATES, RATES), "two different settings"),
        ((Axis(key="model_wings", values=(2,)),), "model_wings"),
    ],
)
def test_what_cannot_be_trained_is_said(axes, said):
    """The sentence names the cell."""
    with pytest.raises(SpecError, match=said):
        list(cells(SweepPlan(axes=axes)))


@pytest.mark.parametrize("name", VARIANTS)
def test_suggested_values_fit_every_setting_that_can_be_varied(name):
    """Up to six, all within the setting's bounds; and the experiment accepts them where they stand alone."""
    spec = spec_of(name)
    for leaf in varied(spec):
        values = suggested(leaf)
        assert 2 <= len(values) <= MOST_VALUES, leaf.key
        assert len(set(values)) == len(values)
        for value in values:
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert leaf.low is None or leaf.low <= value, leaf.key
                assert leaf.high is None or value <= leaf.high, leaf.key
    assert {leaf.key for leaf in varied(spec)} <= {leaf.key for leaf in settings(spec)}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_trained(name):
    """On the starter's dataset and on a table; each question varies its own setting."""
    for spec in (STARTER, changed(STARTER, {"data_kind": "wine"})):
        plan = asked(name, spec)
        found = list(cells(plan))
        assert len(found) == len(plan.columns.values)
        for cell, _ in found:
            check(cell)
            assert cell.data == spec.data
    assert SweepPlan.model_validate(plan.model_dump(mode="json")) == plan


def ended(*errors: float | str) -> list[tuple[Place, str, dict[str, float]]]:
    """Runs of a row, each with its error or its status."""
    return [
        (Place(0, column, 0), error, {})
        if isinstance(error, str)
        else (Place(0, column, 0), "finished", {"val_mse": error, "train_mse": error / 2})
        for column, error in enumerate(errors)
    ]


def row_plan(count: int, seeds: int = 1) -> SweepPlan:
    return SweepPlan(
        axes=(Axis(key="optimizer_learning_rate", values=tuple(0.001 * 2**n for n in range(count))),), seeds=seeds
    )


def test_the_verdict_names_the_best_the_worst_and_the_lost():
    """Runs that still train are no result; a cell of which all runs diverged is lost."""
    (row,) = results(row_plan(5), ended(0.5, 0.1, 0.4, "diverged", "running"))
    found = verdict(row)
    assert (found.best.error, found.worst.error, found.last.error) == (0.1, 0.5, 0.4)
    assert found.rises
    assert [cell.values for cell in found.lost] == [(0.008,)]
    assert verdict(results(row_plan(2), ended("queued", "failed"))[0]) is None


def test_an_error_that_only_rises_for_items_kept_aside_is_no_sign_of_being_held_back():
    """That is overfitting: the training error falls."""
    runs = [
        (Place(0, n, 0), "finished", {"val_mse": val, "train_mse": train})
        for n, (val, train) in enumerate([(0.1, 0.09), (0.2, 0.01)])
    ]
    assert not verdict(results(row_plan(2), runs)[0]).rises


def test_seeds_of_a_cell_give_mean_and_spread():
    """The spread is that of a sample; of one run there is none."""
    errors = [0.2, 0.3, 0.25]
    runs = [
        (Place(0, 0, seed), "finished", {"val_mse": error, "train_mse": error}) for seed, error in enumerate(errors)
    ]
    ((cell, other),) = results(
        row_plan(2, seeds=3), [*runs, (Place(0, 1, 0), "finished", {"val_mse": 1.0, "train_mse": 1.0})]
    )
    assert cell.error == pytest.approx(statistics.fmean(errors))
    assert cell.spread == pytest.approx(statistics.stdev(errors))
    assert math.isnan(other.spread)


def test_the_chart_has_gaps_where_nothing_came_of_it():
    """Errors of both kinds and PCA's; a lost cell is a gap, and spread is drawn where there are seeds."""
    (row,) = results(row_plan(3), ended(0.5, "diverged", 0.1))
    figure = draw_errors(("a", "b", "c"), row, (0.2, 0.2, None), WORDS)
    kept = next(trace for trace in figure.data if trace.name == "kept")
    assert list(kept.y) == [0.5, None, 0.1]
    assert len(figure.data) == 3
    assert figure.layout.yaxis.type == "log"
    assert not draw_errors(("a",), results(row_plan(1), [])[0], (None,), WORDS).data


def test_the_heat_map_says_each_error():
    """Colour by the logarithm, the number written in; empty where there is none."""
    plan = SweepPlan(axes=(RATES, CODES))
    runs = [
        (Place(row, column, 0), "finished", {"val_mse": 10.0**-row, "train_mse": 1.0})
        for row in range(3)
        for column in (0,)
    ]
    figure = draw_heat(("a", "b"), ("x", "y", "z"), results(plan, runs), WORDS)
    assert [list(line) for line in figure.data[0].z] == [[0, None], [-1, None], [-2, None]]
    assert figure.data[0].text[1][0] == "0.1"


def test_the_bottleneck_question_finds_pca():
    """The linear network's error is PCA's at every width (the textbook's claim, Baldi and Hornik 1989)."""
    specs = [spec for spec, _ in cells(asked("bottleneck", STARTER))]
    many = train_many(specs)
    rivals = [0.0] * len(specs)
    for number, event in many:
        if hasattr(event, "reference"):
            rivals[number] = event.reference["val_mse"]
        if hasattr(event, "metrics"):
            assert event.metrics["val_mse"] == pytest.approx(rivals[number], rel=0.005)
