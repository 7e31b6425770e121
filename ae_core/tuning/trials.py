"""The trials of a study as the run store knows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ae_core.errors import UnknownRun
from ae_core.store import OVER, Member, Run, Store
from ae_core.tuning.plan import Objective, StudyPlan

State = Literal["running", "complete", "pruned", "failed"]
STATES: tuple[State, ...] = ("complete", "pruned", "failed", "running")
REPORTS = 10  # of a trial to its pruner; each is named by the share of the training in percent
Reports = Mapping[int, float]

_STATE: Mapping[str, State] = {"finished": "complete", "stopped": "pruned", "failed": "failed", "diverged": "failed"}


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One experiment of a study. number: its place in the study, from 0 up; a refused one has that of the trial that
    was made in its stead. run: its run's id, "" for a refused one.

    params: as `space.proposed` asked for them. marks: what the sampler wants to find again. reports: the first
    objective, by percent of the training. values: one an objective, once it is complete. reason: why it failed.
    started, finished: seconds since 1970. seconds: of training.
    """

    number: int
    run: str
    state: State
    params: Mapping[str, Any]
    marks: Mapping[str, Any] = field(default_factory=dict)
    reports: Reports = field(default_factory=dict)
    values: tuple[float, ...] = ()
    reason: str = ""
    status: str = "failed"
    started: float | None = None
    finished: float | None = None
    seconds: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it takes part in the budget: a refused one was never trained."""
        return bool(self.run)


def place(params: Mapping[str, Any], marks: Mapping[str, Any], refused: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What a study's group knows of a trial. refused: {"params", "reason"} of experiments proposed before it that
    cannot be run.
    """
    return {"params": dict(params), "marks": dict(marks), "refused": list(refused)}


class Reader:
    """Reads the trials of one study; what is over is read once."""

    def __init__(self, store: Store, group: str, plan: StudyPlan) -> None:
        self._store, self._group, self._objectives = store, group, plan.objectives
        self._over: dict[str, Trial] = {}

    def trials(self) -> list[Trial]:
        """All trials in order, refused ones among them. Those whose runs were deleted are left out."""
        found: list[Trial] = []
        members = self._store.groups.members(self._group)
        heads = self._store.heads([one.run for one in members if one.run not in self._over])
        for one in members:
            if one.run not in self._over and one.run not in heads:
                continue
            found += [_refused(one, before) for before in one.place["refused"]]
            found.append(self._over.get(one.run) or self._read(one))
        return found

    def _read(self, member: Member) -> Trial:
        try:
            run = self._store.run(member.run)
        except UnknownRun:  # deleted a moment ago
            return Trial(number=member.number, run=member.run, state="failed", params=member.place["params"])
        bodies = [body for _, body in self._store.events_after(run.id, 0)]
        trial = read_trial(member, run, bodies, self._objectives)
        if run.status in OVER:
            self._over[run.id] = trial
        return trial


def read_trial(
    member: Member, run: Run, events: Iterable[Mapping[str, Any]], objectives: tuple[Objective, ...]
) -> Trial:
    """A trial from its run and the run's events, as JSON."""
    values = tuple(run.metrics.get(name, math.nan) for name in objectives)
    state, reason = _STATE.get(run.status, "running"), run.error
    if state == "complete" and not all(value is not None and math.isfinite(value) for value in values):
        state, reason = "failed", "It ended without a number for what is searched for."
    return Trial(
        number=member.number,
        run=run.id,
        state=state,
        params=member.place["params"],
        marks=member.place["marks"],
        reports=reports(events, run.spec.training.epochs, objectives[0]),
        values=values if state == "complete" else (),
        reason=reason,
        status=run.status,
        started=run.started,
        finished=run.finished,
        seconds=run.seconds,
    )


def reports(events: Iterable[Mapping[str, Any]], epochs: int, objective: Objective) -> dict[int, float]:
    """At each tenth of the training the first measure on the items kept aside, by percent of the training."""
    found: dict[int, float] = {}
    for body in events:
        value = _measured(body, objective)
        tenth = int(REPORTS * body["epoch"] / epochs + 1e-9)
        if value is not None and tenth >= 1:
            found.setdefault(tenth * 100 // REPORTS, value)
    return found


def _measured(body: Mapping[str, Any], objective: Objective) -> float | None:
    """The objective as far as an event tells it; the bound without its constant."""
    val = body.get("val") if body["kind"] == "progress" else None
    if not val:
        return None
    if objective == "val_mse":
        return _number(val.get("mse"))
    if objective == "val_elbo" and None not in (val.get("reconstruction"), val.get("kl")):
        return -float(val["reconstruction"]) - float(val["kl"])
    return None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _refused(member: Member, before: Mapping[str, Any]) -> Trial:
    return Trial(number=member.number, run="", state="failed", params=before["params"], reason=before["reason"])


@dataclass(frozen=True)
class Count:
    """How many trials of a study are in each state."""

    complete: int
    pruned: int
    failed: int
    running: int


def count(trials: Iterable[Trial]) -> Count:
    """Counts them; refused ones are failed ones."""
    states = [trial.state for trial in trials]
    return Count(**{state: states.count(state) for state in STATES})


def spent(plan: StudyPlan, trials: Iterable[Trial]) -> bool:
    """Whether the budget allows no further trial."""
    trained = [trial for trial in trials if trial.counts]
    seconds = sum(trial.seconds for trial in trained)
    return len(trained) >= plan.trials or (plan.minutes is not None and seconds >= 60 * plan.minutes)


def ranked(plan: StudyPlan, trials: Iterable[Trial]) -> list[Trial]:
    """Complete trials, best first by the first objective."""
    complete = [trial for trial in trials if trial.state == "complete"]
    return sorted(complete, key=lambda trial: trial.values[0], reverse=plan.directions[0] == "maximize")
