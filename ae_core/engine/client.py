"""What the web process calls: start a run, tell it something, keep the engine alive. Imports neither torch nor Dask."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO

from ae_core.compatibility import check
from ae_core.data.shelf import Shelf
from ae_core.errors import CommandRefused, LimitError, NotYours, SpecError
from ae_core.probes.questions import probe_id
from ae_core.settings import Settings
from ae_core.sizes import item_numbers, parameter_count
from ae_core.spec import RunSpec, Spec, changed
from ae_core.store import ACTIVE, Probe, Run, Store
from ae_core.sweep import SweepPlan, cells

VERBS = ("pause", "resume", "step", "stop", "set")
MOST_STEPS = 1_000_000
_NOTHING_TO_DO = {("paused", "pause"), ("queued", "resume"), ("running", "resume")}
_FOLDER = Path(__file__).resolve().parents[2]  # where ae_core is found
_LOG_BYTES = 5_000_000


class Client:
    """A browser's hand on the engine: who may do what, within which limits."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings

    def start_run(
        self,
        spec: RunSpec,
        owner: str,
        *,
        paused: bool = False,
        title: str = "",
        parent: str | None = None,
        kind: str = "live",
    ) -> str:
        """A new run's id. Raises LimitError for one run too many, and SpecError for a spec that cannot be run here."""
        self.admit(spec)
        return self.store.add_run(
            spec, owner, title=title, paused=paused, parent=parent, kind=kind, limits=self.settings.limits
        )

    def start_sweep(self, plan: SweepPlan, owner: str, title: str = "") -> str:
        """The id of a new group of runs, one for each cell and seed of the sweep, all queued or none.

        Raises SpecError for a cell that cannot be run here, LimitError for more runs than this browser may have.
        """
        runs = list(cells(plan))
        for spec, _ in runs:
            self.admit(spec)
        group = self.store.groups.add("sweep", owner, plan.model_dump(mode="json"), title)
        try:
            places = [(spec, asdict(place)) for spec, place in runs]
            self.store.add_members(group, places, owner, kind="cell", limits=self.settings.limits)
        except LimitError:
            self.store.groups.delete(group, owner)
            raise
        return group

    def stop_group(self, group: str, owner: str) -> None:
        """Stops every run of the group that waits or trains. Raises UnknownGroup, NotYours."""
        self.store.groups.own(group, owner)
        for _, run in self.store.runs_in(group):
            if run.status in (*ACTIVE, "paused"):
                self.store.command(run.id, "stop")

    def command(
        self, run_id: str, owner: str, verb: str, *, learning_rate: float | None = None, steps: int = 1
    ) -> None:
        """Tells a run to pause, resume, step, stop, or set its learning rate. Takes effect within a moment.

        resume goes on with paused, interrupted, stopped, failed and diverged runs, from their last checkpoint, with
        another learning rate if one is given. step trains so many batches and pauses again. To pause what is paused, or
        resume what trains, is fine and does nothing.
        Raises UnknownRun, NotYours, CommandRefused, LimitError, and SpecError for a number out of bounds.
        """
        if verb not in VERBS:
            raise CommandRefused(f"Expected one of {', '.join(VERBS)}, got {verb[:40]!r}.")
        run = self._own(run_id, owner)
        if learning_rate is not None and verb in ("resume", "set"):
            changed(run.spec, {"optimizer_learning_rate": learning_rate})  # raises SpecError
        elif verb == "set":
            raise SpecError("set expects a learning_rate, got none.")
        if verb == "step" and not 1 <= steps <= MOST_STEPS:
            raise SpecError(f"step expects 1 to {MOST_STEPS:,} batches, got {steps}.")
        if (run.status, verb) in _NOTHING_TO_DO:
            if learning_rate is None or verb != "resume":
                return
            verb = "set"
        if verb == "stop" and run.status == "stopped":
            return
        argument = {"resume": learning_rate, "set": learning_rate, "step": float(steps)}.get(verb)
        self.store.command(run_id, verb, argument, limits=self.settings.limits)

    def continue_run(self, run_id: str, owner: str, epochs: int) -> str:
        """A finished run's child: it begins with the parent's last state and trains up to `epochs` in all.

        Raises UnknownRun, NotYours, LimitError, SpecError, and CommandRefused where there is nothing more to train.
        """
        run = self._own(run_id, owner)
        longer = changed(run.spec, {"training_epochs": epochs})
        if run.status != "finished" or epochs <= run.spec.training.epochs:
            raise CommandRefused(f"Expected a finished run and more epochs than it had, got {run.status} and {epochs}.")
        self.admit(longer)
        return self.store.add_run(
            longer,
            owner,
            title=run.title,
            parent=run.id,
            parent_checkpoint=run.checkpointed_step,
            limits=self.settings.limits,
        )

    def ask(self, run_id: str, owner: str, question: Spec, step: int | None = None) -> Probe:
        """Asks a question about the model of a run at that step, by default at its newest milestone. Anybody may.

        Raises UnknownRun, LimitError, and CommandRefused for a run that has no milestone yet.
        """
        if step is None:
            kept = self.store.probes.milestones(run_id)
            if not kept:
                raise CommandRefused("This run has no model to look into yet. Wait until it has trained for a moment.")
            step = kept[-1].step
        probe = probe_id(run_id, step, question)
        text = question.model_dump_json()
        return self.store.probes.ask(probe, run_id, owner, step, text, limits=self.settings.limits)

    def delete_run(self, run_id: str, owner: str) -> None:
        """Deletes a run and all that belongs to it; one that trains ends. Raises UnknownRun, NotYours."""
        self.store.delete(run_id, owner)

    def keep_dataset(self, folder: Path, owner: str) -> str:
        """Puts a dataset that was written into `folder` on the shelf, as this owner's: its digest. The folder goes.

        Raises LimitError for more than one browser, or everybody together, may keep.
        """
        self.forget_unused()
        shelf = Shelf(self.settings.home)
        digest = shelf.put(folder)
        card = shelf.card(digest)
        try:
            self.store.datasets.add(digest, owner, card.title, shelf.size(digest), self.settings.limits)
        except LimitError:
            if not self.store.datasets.owned(digest):
                shelf.remove(digest)
            raise
        return digest

    def share_dataset(self, digest: str, owner: str) -> None:
        """Keeps a dataset that somebody else made, too. Raises DataMissing, LimitError."""
        shelf = Shelf(self.settings.home)
        card = shelf.require(digest)
        self.store.datasets.add(digest, owner, card.title, shelf.size(digest), self.settings.limits)

    def delete_dataset(self, digest: str, owner: str) -> None:
        """Takes a dataset from this owner. Its items go when nobody keeps it; runs on it keep their models."""
        if self.store.datasets.remove(digest, owner):
            Shelf(self.settings.home).remove(digest)

    def forget_unused(self) -> None:
        """Takes away the datasets that nobody used for as many days as the limits say."""
        shelf = Shelf(self.settings.home)
        for digest in self.store.datasets.expire(self.settings.limits.dataset_days):
            shelf.remove(digest)

    def _own(self, run_id: str, owner: str) -> Run:
        run = self.store.run(run_id)
        if run.owner != owner:
            raise NotYours("This run belongs to another browser. You may look at it, or start one like it.")
        return run

    def admit(self, spec: RunSpec) -> None:
        """Raises SpecError for choices that exclude each other, and for an experiment too large for this place."""
        check(spec)
        sizes = {
            "parameters": parameter_count(spec),
            "batch_numbers": spec.training.batch_size * item_numbers(spec),
            "epochs": spec.training.epochs,
            "seconds": spec.training.max_seconds or 0,
        }
        try:
            for name, size in sizes.items():
                self.settings.limits.check(name, size)
        except LimitError as error:
            raise SpecError(str(error)) from None


class EngineProcess:
    """The engine's host as a child process, alive as long as this object's pipe to it.

    engine = EngineProcess(settings)
    engine.start()  # returns at once; the store's engine_state() tells when it is ready
    engine.stop()

    A host that dies is started again, after a pause that doubles each time up to half a minute.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Starts the host and keeps it alive."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self._stopping.clear()
        self._spawn()
        self._keeper = threading.Thread(target=self._keep, name="engine-keeper", daemon=True)
        self._keeper.start()

    def stop(self, timeout: float = 15.0) -> None:
        """Closes the pipe, which lets runs save themselves and the host leave; ends it by force after `timeout`."""
        with self._lock:
            self._stopping.set()
            process = self.process
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._keeper is not None:
            self._keeper.join(timeout)

    @property
    def log(self) -> Path:
        """Where the engine writes what it has to say."""
        return self.settings.home / "engine.log"

    def _spawn(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            path = os.pathsep.join(part for part in (str(_FOLDER), os.environ.get("PYTHONPATH", "")) if part)
            environment = os.environ | self.settings.environment() | {"PYTHONPATH": path}
            with self._open_log() as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "ae_core.engine.host"],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self.settings.home,
                    # a Ctrl-C in the terminal is for the server; the engine hears of it when its pipe closes
                    start_new_session=os.name != "nt",
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )

    def _keep(self) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            assert self.process is not None
            began = time.monotonic()
            self.process.wait()
            if self.process.stdin is not None:
                self.process.stdin.close()
            if time.monotonic() - began > 60:
                pause = 0.5
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, 30.0)
            self._spawn()

    def _open_log(self) -> IO[bytes]:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        return self.log.open("ab")
