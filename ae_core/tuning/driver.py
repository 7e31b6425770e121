"""Keeps studies going, in a thread of the engine's host: proposes trials, gives up the hopeless, ends at the budget.

Whatever it knows stands in the store, so the next host goes on where this one was lost.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.exc import OperationalError

from ae_core.engine.client import Client
from ae_core.errors import AeError, CommandRefused, DataMissing, LimitError, SpecError, UnknownGroup, UnknownRun
from ae_core.settings import Settings
from ae_core.spec import RunSpec
from ae_core.store import Group, Store
from ae_core.tuning.plan import StudyPlan, read_plan
from ae_core.tuning.space import Proposal
from ae_core.tuning.study import PRIVATE, hopeless, next_trial
from ae_core.tuning.trials import Reader, Trial, place, spent

log = logging.getLogger(__name__)

LOOK = 0.2  # seconds between two looks at the studies
AGAIN = 2.0  # seconds before a run is told the same again, or a refused trial is tried again
REFUSALS = 20  # proposals in a row that cannot be run before a study ends
Marks = dict[str, Any]

BROKEN = "The search stopped with an error of its own; the engine's log has the details."


@dataclass
class _Memory:
    """What is kept of an open study between two looks; all of it can be had from the store again, or done without.

    judged: the report at which each running trial was judged last. marks: the sampler's that are not stored, by run.
    until: when it tries again after a refusal.
    """

    reader: Reader
    judged: dict[str, int] = field(default_factory=dict)
    marks: dict[str, dict[str, Any]] = field(default_factory=dict)
    until: float = 0.0

    def trials(self) -> list[Trial]:
        """The study's trials with all their marks."""
        return [
            replace(trial, marks={**trial.marks, **more}) if (more := self.marks.get(trial.run)) else trial
            for trial in self.reader.trials()
        ]


class Driver:
    """Looks after all open studies of a store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.client = Client(store, settings)
        self._memories: dict[str, _Memory] = {}
        self._told: dict[tuple[str, str], float] = {}

    def serve(self, gone: threading.Event) -> None:
        """Looks after studies until `gone` is set."""
        while not gone.wait(LOOK):
            try:
                self.look()
            except OperationalError as error:
                log.warning("The store cannot be reached: %s", error)
                gone.wait(1.0)

    def look(self) -> None:
        """One look around: trials of studies that were stopped wait, open studies go on."""
        for run in self.store.groups.strays("study"):
            self._tell(run, "pause")
        for group in self.store.groups.open("study"):
            try:
                self._tend(group)
            except OperationalError:
                raise
            except AeError as error:
                self._end(group, str(error))
            except Exception:
                log.exception("Study %s failed", group.id)
                self._end(group, BROKEN)

    # -------------------------------------------------------------------------------------------- one study

    def _tend(self, group: Group) -> None:
        plan = read_plan(group.plan)
        memory = self._memories.setdefault(group.id, _Memory(Reader(self.store, group.id, plan)))
        trials = memory.trials()
        self._give_up(group, plan, memory, trials)
        for trial in trials:
            if trial.status == "paused":
                self._tell(trial.run, "resume")
        while not spent(plan, trials):
            running = sum(trial.state == "running" for trial in trials)
            if running >= plan.parallel or time.monotonic() < memory.until:
                return
            found = self._next(group, plan, trials)
            if found is None:
                break
            self._start(group, plan, memory, *found)
            trials = memory.trials()
        if all(trial.state != "running" for trial in trials):
            self._close(group)

    def _give_up(self, group: Group, plan: StudyPlan, memory: _Memory, trials: list[Trial]) -> None:
        """Stops what the pruner finds hopeless. A trial is judged once a report."""
        news = {trial.run: max(trial.reports) for trial in trials if trial.state == "running" and trial.reports}
        if news.items() <= memory.judged.items():
            return
        memory.judged = news
        for trial in hopeless(plan, group.id, trials):
            self._tell(trial.run, "stop")

    def _next(self, group: Group, plan: StudyPlan, trials: list[Trial]) -> tuple[Proposal, Marks, list[Trial]] | None:
        """What to try next, the sampler's marks, and what was proposed before but cannot be run; None where there is
        nothing left. Raises SpecError after REFUSALS proposals that cannot be run.
        """
        refused: list[Trial] = []
        while len(refused) < REFUSALS:
            found = next_trial(plan, group.id, [*trials, *refused])
            if found is None:
                return None
            proposal, marks = found
            reason = self._refusal(proposal.spec)
            if not reason:
                return proposal, marks, refused
            refused.append(Trial(number=len(trials), run="", state="failed", params=proposal.params, reason=reason))
        raise SpecError(f"{REFUSALS} experiments in a row could not be run, the last one because: {refused[-1].reason}")

    def _refusal(self, spec: RunSpec) -> str:
        """Why this experiment cannot be run here, or nothing."""
        try:
            self.client.admit(spec)
        except (SpecError, DataMissing) as error:
            return str(error)
        return ""

    def _start(
        self, group: Group, plan: StudyPlan, memory: _Memory, proposal: Proposal, marks: Marks, refused: list[Trial]
    ) -> None:
        """Starts a trial; at a limit the study waits and says why."""
        kept = {name: value for name, value in marks.items() if not name.startswith(PRIVATE)}
        before = [{"params": dict(one.params), "reason": one.reason} for one in refused]
        cell = (proposal.spec, place(proposal.params, kept, before))
        limits = self.client.settings.limits
        try:
            (run,) = self.store.add_members(group.id, [cell], group.owner, kind="trial", limits=limits)
        except LimitError as error:
            memory.until = time.monotonic() + AGAIN
            self._note(group.id, str(error))
            return
        memory.marks[run] = {name: value for name, value in marks.items() if name.startswith(PRIVATE)}
        if plan.note:
            self._note(group.id, "")

    # ------------------------------------------------------------------------------------------- what is written

    def _tell(self, run: str, verb: str) -> None:
        """Commands a run, and not again until the command has had time to take effect."""
        now = time.monotonic()
        self._told = {told: until for told, until in self._told.items() if until > now}
        if (run, verb) in self._told:
            return
        self._told[run, verb] = now + AGAIN
        try:
            self.store.command(run, verb)
        except (CommandRefused, UnknownRun):
            log.info("Run %s ended before it was told to %s", run, verb)

    def _note(self, group: str, sentence: str) -> None:
        """Writes down why nothing happens, where it is not written yet."""
        plan = self.store.groups.group(group).plan
        if plan.get("note", "") != sentence:
            self.store.groups.set_plan(group, {**plan, "note": sentence})

    def _end(self, group: Group, reason: str) -> None:
        """The study ends early; one that was deleted a moment ago just ends."""
        with suppress(UnknownGroup):
            self._note(group.id, reason)
        self._close(group)

    def _close(self, group: Group) -> None:
        """The study is done, and what was remembered of it is let go."""
        self.store.groups.set_state(group.id, "done")
        self._memories.pop(group.id, None)
