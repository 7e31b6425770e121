"""Engines for tests: one in this process with threads, and the real one with its host and worker processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors.torch import load

from ae_core.engine.backend import InlineBackend
from ae_core.engine.client import Client, EngineProcess
from ae_core.engine.host import Host
from ae_core.engine.worker import Workshop
from ae_core.events import to_json
from ae_core.settings import Settings
from ae_core.spec import RunSpec, changed
from ae_core.store import OVER, Head, Store
from ae_core.training import Trainer
from tests.waiting import wait_for

ME = "ann"
ENDLESS = {"training_epochs": 10_000}


class Lab:
    """A store with an engine, and what tests ask of the two."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        settings.home.mkdir(parents=True, exist_ok=True)
        self.store = Store(settings.database_url)
        self.store.create()
        self.client = Client(self.store, settings)

    def start(self, owner: str = ME, *, paused: bool = False, kind: str = "live", **values: Any) -> str:
        """A run of the default spec with some settings changed."""
        return self.client.start_run(changed(RunSpec(), values), owner, paused=paused, kind=kind)

    def tell(self, run: str, verb: str, **more: Any) -> None:
        """A command of the owner."""
        self.client.command(run, ME, verb, **more)

    def head(self, run: str) -> Head:
        """Where the run stands."""
        return self.store.heads([run])[run]

    def wait(self, run: str, status: str) -> Head:
        """The run's head once it has that status; fails at once if it ended otherwise."""

        def there() -> Head | None:
            head = self.head(run)
            assert head.status == status or head.status not in OVER, head
            return head if head.status == status else None

        return wait_for(there, f"{run} {status}, is {self.head(run)}")

    def wait_step(self, run: str, step: int) -> Head:
        """The run's head once it has done so many steps."""
        return wait_for(lambda: self.head(run) if self.head(run).step >= step else None, f"{run} at step {step}")

    def events(self, run: str) -> list[dict[str, Any]]:
        """All its events, without what depends on the clock and without tales of recovery."""
        return [timeless(body) for _, body in self.store.events_after(run, 0) if body["kind"] != "recovered"]

    def recoveries(self, run: str) -> list[dict[str, Any]]:
        """What the run says about lost workers."""
        return [body for _, body in self.store.events_after(run, 0) if body["kind"] == "recovered"]


def timeless(body: dict[str, Any]) -> dict[str, Any]:
    """An event as JSON without seconds and speeds."""
    rest = {name: value for name, value in body.items() if name != "seconds"}
    if "metrics" in rest:
        rest["metrics"] = {
            name: value for name, value in rest["metrics"].items() if name not in ("seconds", "samples_per_second")
        }
    return rest


def undisturbed(spec: RunSpec, rates: dict[int, float] | None = None) -> tuple[list[dict[str, Any]], Trainer]:
    """What the trainer alone makes of the spec, with the learning rate changed at some steps."""
    torch.set_num_threads(1)
    trainer = Trainer(spec)
    events = trainer.start()
    for step, rate in sorted((rates or {}).items()):
        events += trainer.advance(steps=step - trainer.step) if step > trainer.step else []
        events.append(trainer.set_learning_rate(rate))
    events += trainer.advance()
    return [timeless(to_json(event)) for event in events], trainer


def same_weights(one: bytes, other: bytes) -> bool:
    """Whether two checkpoints hold the same tensors, bit for bit."""
    first, second = load(one), load(other)
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


class Inline:
    """A host and a workshop in this process; `crash` loses the workshop as a killed worker would be lost."""

    def __init__(self, lab: Lab, park_after: float = 20.0) -> None:
        self.lab = lab
        self.shop = Workshop(lab.store, lab.settings, name="inline", park_after=park_after)
        self.backend = InlineBackend(self.shop)
        self.host = Host(lab.store, self.backend)
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self.host.serve, args=(self.gone,), daemon=True)
        self.host.reconcile()
        lab.store.beat("ready", "inline")
        self.thread.start()

    def stop(self) -> None:
        """The graceful end: runs save themselves."""
        self.gone.set()
        self.thread.join(10)
        self.backend.close()
        self.lab.store.beat("down", "inline")

    def abandon(self) -> None:
        """The engine stops looking after its runs without saving them; their threads go on as zombies."""
        self.gone.set()
        self.thread.join(10)


def lab_settings(home: Path, workers: int = 2) -> Settings:
    """Settings with a home of their own."""
    return Settings.from_environment(
        {
            "LATENT_LAB_HOME": str(home),
            "LATENT_LAB_WORKERS": str(workers),
            "LATENT_LAB_LIMIT_ACTIVE_PER_CLIENT": "50",
        }
    )


@contextmanager
def real_engine(settings: Settings) -> Iterator[tuple[Lab, EngineProcess]]:
    """The engine as the web process runs it: a host process and Dask workers, ready."""
    lab = Lab(settings)
    engine = EngineProcess(settings)
    engine.start()
    try:
        wait_for(lambda: lab.store.engine_state()["state"] == "ready", "engine ready")
        yield lab, engine
    finally:
        engine.stop()
        lab.store.close()


def family(pid: int) -> list[psutil.Process]:
    """A process and everything it has started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie, which nobody has buried yet, does not."""

    def runs(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return [process for process in processes if runs(process)]
