"""Cells of a sweep, trained side by side by the engine: each is what it is alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ae_core.engine.client import Client
from ae_core.engine.formation import Formation
from ae_core.errors import LimitError, NotYours, SpecError
from ae_core.events import Event
from ae_core.settings import Limits
from ae_core.spec import RunSpec, changed
from ae_core.sweep import Axis, SweepPlan, cells
from ae_core.training.many import Team
from tests.engine.lab import ME, undisturbed, wait_for

BASE = changed(RunSpec(), {"training_epochs": 12, "model_hidden": (24, 12)})
RATES = (0.0001, 0.001, 0.01)
PLAN = SweepPlan(base=BASE, axes=(Axis(key="optimizer_learning_rate", values=RATES),), seeds=2)


def started(lab, plan=PLAN):
    """A sweep in the lab: its group and its runs."""
    group = lab.client.start_sweep(plan, ME)
    return group, [member.run for member in lab.store.groups.members(group)]


def test_a_cell_is_what_its_spec_is_alone(lab, inline):
    """All events are those of the trainer alone, up to rounding, though the cells take their steps together."""
    _, runs = started(lab)
    for run, (spec, place) in zip(runs, cells(PLAN), strict=True):
        head = lab.wait(run, "finished")
        alone, trainer = undisturbed(spec)
        assert head.step == trainer.goal
        assert lab.store.run(run).spec == spec
        assert lab.store.run(run).metrics["val_mse"] == pytest.approx(alone[-1]["metrics"]["val_mse"], rel=1e-5), place
        here = [event for event in lab.events(run) if event["kind"] == "progress"]
        there = [event for event in alone if event["kind"] == "progress"]
        assert [event["step"] for event in here] == [event["step"] for event in there]
        assert here[-1]["val"]["loss"] == pytest.approx(there[-1]["val"]["loss"], rel=1e-5)


def test_cells_take_most_of_their_steps_together(lab, inline, monkeypatch):
    """Whoever has the turn trains all that stand where it does; nobody trains ahead alone."""
    sizes, advance = [], Team.advance

    def counted(team: Team, *limits: float | None) -> list[list[Event]]:
        before = team.trainers[0].step
        happened = advance(team, *limits)
        sizes.extend([len(team.trainers)] * (team.trainers[0].step - before))
        return happened

    monkeypatch.setattr(Team, "advance", counted)
    _, runs = started(lab, PLAN.model_copy(update={"base": changed(BASE, {"training_epochs": 100})}))
    for run in runs:
        lab.wait(run, "finished")
    assert sum(size == len(runs) for size in sizes) > 0.7 * len(sizes)


def test_a_paused_cell_stays_behind_and_catches_up(lab, inline):
    """The others go on without it; when it resumes they wait until it stands where they do."""
    longer = PLAN.model_copy(update={"base": changed(BASE, {"training_epochs": 400})})
    _, runs = started(lab, longer)
    lab.wait_step(runs[0], 30)
    lab.tell(runs[0], "pause")
    there = lab.wait(runs[0], "paused").step
    lab.wait_step(runs[1], there + 500)
    assert lab.head(runs[0]).step == there
    lab.tell(runs[0], "resume")
    behind = lab.wait_step(runs[0], lab.head(runs[1]).step).step
    assert behind >= there + 500
    for run in runs:
        lab.tell(run, "stop")
        lab.wait(run, "stopped")


def test_a_cell_that_diverges_leaves_the_others_alone(lab, inline):
    """It goes back to its last good state; the rest end as they would have."""
    wild = SweepPlan(
        base=changed(BASE, {"optimizer_kind": "sgd"}),
        axes=(Axis(key="optimizer_learning_rate", values=(0.001, 100.0, 0.01)),),
    )
    _, runs = started(lab, wild)
    assert lab.wait(runs[1], "diverged").status == "diverged"
    for run, (spec, place) in zip(runs, cells(wild), strict=True):
        if place.column != 1:
            lab.wait(run, "finished")
            error = undisturbed(spec)[0][-1]["metrics"]["val_mse"]
            assert lab.store.run(run).metrics["val_mse"] == pytest.approx(error, rel=1e-5)


def test_cells_of_unlike_shapes_train_in_turn(lab, inline):
    """Batch norm is left to autograd, so such cells are not trained side by side; they end all the same."""
    plan = SweepPlan(
        base=changed(BASE, {"training_epochs": 2}), axes=(Axis(key="model_batch_norm", values=(False, True)),)
    )
    _, runs = started(lab, plan)
    for run in runs:
        lab.wait(run, "finished")


def test_a_sweep_is_stopped_as_a_whole_by_its_owner(lab, inline):
    """Runs that wait or train stop; a stranger may not."""
    group, runs = started(lab, PLAN.model_copy(update={"base": changed(BASE, {"training_epochs": 5000})}))
    lab.wait_step(runs[0], 5)
    with pytest.raises(NotYours):
        lab.client.stop_group(group, "bob")
    lab.client.stop_group(group, ME)
    wait_for(lambda: all(lab.head(run).status == "stopped" for run in runs))


def test_a_sweep_that_cannot_be_run_leaves_nothing(lab):
    """One run too many, or one cell that excludes itself: a sentence, and no group."""
    with pytest.raises(LimitError, match="LATENT_LAB_LIMIT_ACTIVE_PER_CLIENT"):
        Client(lab.store, replace(lab.settings, limits=Limits(active_per_client=3))).start_sweep(PLAN, ME)
    few = changed(BASE, {"model_code_kind": "k_sparse", "model_code_latent_dim": 4})
    with pytest.raises(SpecError, match="model_code_k = 9"):
        started(lab, SweepPlan(base=few, axes=(Axis(key="model_code_k", values=(1, 9)),)))
    assert lab.store.groups.of(ME, "sweep") == lab.store.runs_of(ME, kinds=("cell",)) == []


def test_a_formation_forgets_those_who_leave(lab, inline):
    """When all cells are over nothing is kept of them."""
    _, runs = started(lab)
    for run in runs:
        lab.wait(run, "finished")
    formation: Formation = inline.shop.formation
    wait_for(lambda: not formation._cells and not formation._teams)
