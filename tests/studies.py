"""Studies for tests: plans, trials that never trained, and whole studies written straight into a store."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ae_core.spec import RunSpec, changed
from ae_core.store import Publication, Store
from ae_core.tuning.plan import StudyPlan
from ae_core.tuning.space import proposed, searchable, usual
from ae_core.tuning.study import next_trial
from ae_core.tuning.trials import State, Trial, place

USUALLY = ("optimizer_learning_rate", "model_hidden", "model_activation")
STATUS = {"complete": "finished", "pruned": "stopped", "failed": "diverged"}


def plan_of(*keys: str, base: RunSpec | None = None, **more: Any) -> StudyPlan:
    """A plan that searches these settings as usual."""
    base = base or changed(RunSpec(), {"training_epochs": 10})
    known = searchable(base)
    return StudyPlan(base=base, sought=tuple(usual(known[key], base) for key in keys or USUALLY), **more)


def made_up(plan: StudyPlan, states: Sequence[State], name: str = "x") -> list[Trial]:
    """Trials in those states, proposed as in earnest, with values out of the air."""
    dice, found = random.Random(0), list[Trial]()
    for number, state in enumerate(states):
        next_one = next_trial(plan, name, found)
        assert next_one is not None
        (proposal, marks), value = next_one, dice.random()
        measured = {percent: value + 1 / percent for percent in range(10, 110 if state == "complete" else 40, 10)}
        found.append(
            Trial(
                number=number,
                run=f"run-{number}",
                state=state,
                params=proposal.params,
                marks=marks,
                reports={} if state == "failed" else measured,
                values=(value,) * len(plan.objectives) if state == "complete" else (),
                reason="The loss is no number." if state == "failed" else "",
                started=1e9 + number,
                finished=None if state == "running" else 1e9 + number + 2,
                seconds=2.0,
            )
        )
    return found


def write(store: Store, plan: StudyPlan, trials: Sequence[Trial], owner: str, state: str = "done") -> str:
    """A study of these trials in the store, as the engine would have left it: its id."""
    study = store.groups.add("study", owner, plan.model_dump(mode="json"))
    for trial in trials:
        spec = proposed(plan, lambda name, _, of=trial: of.params[name]).spec
        (run,) = store.add_members(study, [(spec, place(trial.params, trial.marks, []))], owner, kind="trial")
        attempt = store.begin_attempt(run, 0, "somebody")
        assert attempt is not None
        store.publish(_news(trial, run, attempt.number, spec, plan.objectives))
    store.groups.set_state(study, state)
    return study


def _news(trial: Trial, run: str, attempt: int, spec: RunSpec, objectives: Sequence[str]) -> Publication:
    epochs = spec.training.epochs
    started = {"kind": "started", "step": 0, "epoch": 0.0, "reference": {"val_mse": 0.05}}
    measured = [
        {"kind": "progress", "step": percent, "epoch": percent * epochs / 100, "val": {"mse": value}}
        for percent, value in trial.reports.items()
    ]
    return Publication(
        run=run,
        attempt=attempt,
        status=STATUS.get(trial.state, "running"),
        step=100,
        epoch=float(epochs),
        seconds=trial.seconds,
        goal=100,
        learning_rate=spec.optimizer.learning_rate,
        events=[started, *measured],
        error=trial.reason,
        metrics=dict(zip(objectives, trial.values, strict=False)),
    )
