"""The engine's host: a process of its own that gives queued runs to workers. `python -m ae_core.engine.host`

It lives as long as its standard input is open (`--alone`: until it is told to end), and there is one at a time for a
home folder: a second one stands by until the first is gone. All it knows about runs stands in the store, so that the
next host can go on where this one was lost.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable

from filelock import FileLock, Timeout
from sqlalchemy.exc import OperationalError

from ae_core.engine.backend import Backend, DaskBackend
from ae_core.errors import CommandRefused, UnknownRun
from ae_core.settings import Settings
from ae_core.store import Store

log = logging.getLogger(__name__)

LOOK = 0.035  # seconds between two looks for queued runs
BEAT = 1.0
BALANCE = 2.0
SILENT = 30.0  # seconds without news after which a run that nobody has is submitted again
MOVES = 5  # runs moved between two looks at the balance


class Host:
    """Gives runs to a backend, and makes sure that none is forgotten."""

    def __init__(self, store: Store, backend: Backend) -> None:
        self.store = store
        self.backend = backend
        self._sent: set[tuple[str, int]] = set()
        self._balance_at = time.monotonic() + BALANCE

    def reconcile(self, silent: float = 0.0) -> None:
        """Submits what a worker had when the engine was lost. The same submission is never executed twice."""
        for run, generation in self.store.held(silent):
            self._send(run, generation)

    def dispatch(self) -> None:
        """One look around: queued runs go to workers, what was given up is marked as failed."""
        for run, generation in self.store.queued():
            self._send(run, generation)
        for probe, number in self.store.probes.waiting():
            self.backend.ask(probe, number)
        for ended in self.backend.ended():
            self._sent.discard((ended.run, ended.generation))
            if ended.failure:
                self.store.fail(ended.run, ended.generation, ended.failure)
        if time.monotonic() >= self._balance_at:
            self._balance_at = time.monotonic() + BALANCE
            self.reconcile(SILENT)
            self.balance()

    def balance(self) -> None:
        """Asks runs on a full worker to move when another one has at least two fewer."""
        workers = self.backend.workers()
        trained: dict[str, list[str]] = defaultdict(list)
        for run, worker, _seconds in self.store.training_on():
            trained[worker].append(run)
        loads = sorted(workers, key=lambda worker: len(trained[worker]))
        if len(loads) < 2:
            return
        surplus = (len(trained[loads[-1]]) - len(trained[loads[0]])) // 2
        for run in trained[loads[-1]][: min(surplus, MOVES)]:
            try:
                self.store.command(run, "move")
            except (CommandRefused, UnknownRun):
                log.info("Run %s ended before it could move", run)

    def serve(self, gone: threading.Event) -> None:
        """Dispatches until `gone` is set."""
        while not gone.wait(LOOK):
            try:
                self.dispatch()
            except OperationalError as error:
                log.warning("The store cannot be reached: %s", error)
                gone.wait(1.0)

    def _send(self, run: str, generation: int) -> None:
        if (run, generation) not in self._sent:
            self._sent.add((run, generation))
            self.backend.submit(run, generation)


class Heart:
    """Tells the store once a second how the engine is, in a thread of its own."""

    def __init__(self, store: Store, holder: str, overthrown: Callable[[], None]) -> None:
        """overthrown: called when another engine has taken the store over, because this one was silent for long."""
        self.state = "starting"
        self._store, self._holder, self._overthrown = store, holder, overthrown
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)
        self._thread.start()

    def say(self, state: str) -> None:
        """Tells a new state at once."""
        self.state = state
        self._store.beat(state, self._holder)

    def stop(self) -> None:
        """The engine is down."""
        self._stopped.set()
        self._thread.join(BEAT + 1)
        self.say("down")

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT):
            try:
                if not self._store.beat(self.state, self._holder):
                    self._overthrown()
                    return
            except OperationalError as error:
                log.warning("The store cannot be reached: %s", error)


def main(arguments: list[str]) -> None:
    """Waits until it is the only engine, serves until its parent is gone, leaves nothing behind."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    gone = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: gone.set())
    if "--alone" not in arguments:
        threading.Thread(target=_watch_parent, args=(gone,), name="parent-watch", daemon=True).start()
    settings = Settings.from_environment()
    os.environ.update(settings.environment())  # what the workers read
    settings.home.mkdir(parents=True, exist_ok=True)
    store = Store(settings.database_url)
    store.create()
    holder = f"{socket.gethostname()}:{settings.home}"
    lock = FileLock(settings.home / "engine.lock")
    if _stand_by(lambda: _take(lock) and store.beat("starting", holder), gone):
        heart = Heart(store, holder, gone.set)
        backend = DaskBackend(settings)
        host = Host(store, backend)
        store.tidy()
        host.reconcile()
        heart.say("ready")
        threading.Thread(target=_tune, args=(store, settings, gone), name="tuning", daemon=True).start()
        host.serve(gone)
        backend.close()
        heart.stop()
    store.close()
    sys.stderr.flush()
    os._exit(0)  # threads of Dask may still be winding down


def _tune(store: Store, settings: Settings, gone: threading.Event) -> None:
    """Looks after studies. Optuna takes a third of a second to import, for which no run should wait."""
    from ae_core.tuning.driver import Driver

    Driver(store, settings).serve(gone)


def _stand_by(ready: Callable[[], bool], gone: threading.Event) -> bool:
    """Waits until this is the engine; False if the parent went first."""
    while not ready():
        if gone.wait(0.3):
            return False
    return True


def _take(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _watch_parent(gone: threading.Event) -> None:
    """Reads the pipe that the parent holds open. Not through sys.stdin, whose lock would hang the end."""
    while os.read(0, 1024):
        pass
    gone.set()


if __name__ == "__main__":
    main(sys.argv[1:])
