"""Where the host sends runs: to Dask workers, started here or elsewhere, or to threads of its own process.

Nothing here imports torch: the host stays small, the workers import it.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ae_core.settings import Settings

if TYPE_CHECKING:
    from ae_core.engine.worker import Workshop

log = logging.getLogger(__name__)

STARTS = 3  # tries to start a cluster; on a swamped machine Dask gives up after ten seconds
SPARE_THREADS = 24  # a worker's, beyond its share of the runs that may be active: for paused ones
CLOSING = 4.0  # seconds that runs have to save themselves


@dataclass(frozen=True)
class Ended:
    """A submission that no worker has any more. failure: a sentence if it was given up. lost: the engine forgot it."""

    run: str
    generation: int
    failure: str = ""
    lost: bool = False


class Backend(Protocol):
    """Something that executes `Workshop.run` for a run, once for each generation."""

    def submit(self, run: str, generation: int) -> None:
        """Sends a run to a worker, unless this generation of it is there already."""

    def ask(self, probe: str, number: int) -> None:
        """Sends a question to a worker. number: of the try. What becomes of it stands in the store alone."""

    def ended(self) -> list[Ended]:
        """What has ended since the last call."""

    def workers(self) -> list[str]:
        """Names of the workers, as the runs they train bear them; empty where there is nothing to balance."""

    def close(self) -> None:
        """Lets runs save themselves, as far as the workers end with this process."""


class InlineBackend:
    """Threads in this process: for tests, and where processes cannot be started."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self._threads: dict[tuple[str, int], threading.Thread] = {}
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

    def submit(self, run: str, generation: int) -> None:
        """Starts a thread."""
        if (run, generation) not in self._threads:
            thread = threading.Thread(target=self._work, args=(run, generation), name=f"run-{run}", daemon=True)
            self._threads[run, generation] = thread
            thread.start()

    def ask(self, probe: str, number: int) -> None:
        """Starts a thread."""
        threading.Thread(target=self.shop.answer, args=(probe,), name=f"probe-{probe}", daemon=True).start()

    def ended(self) -> list[Ended]:
        """What has ended since the last call."""
        found = []
        while not self._ended.empty():
            ended = self._ended.get()
            self._threads.pop((ended.run, ended.generation), None)
            found.append(ended)
        return found

    def workers(self) -> list[str]:
        """One process, nothing to balance."""
        return []

    def close(self) -> None:
        """Lets every run save itself."""
        self.shop.leave()
        for thread in list(self._threads.values()):
            thread.join(CLOSING)
        self.shop.close()

    def _work(self, run: str, generation: int) -> None:
        try:
            self.shop.run(run, generation)
            self._ended.put(Ended(run, generation))
        except Exception as error:
            log.exception("Run %s could not be worked on", run)
            self._ended.put(Ended(run, generation, failure=f"The engine could not work on this run: {error}"))


class DaskBackend:
    """Workers of a Dask cluster: started here as child processes, or those behind the scheduler of the settings."""

    def __init__(self, settings: Settings) -> None:
        import dask

        dask.config.set(_configuration())
        from distributed import Client  # reads the configuration of logging as it is imported

        self._cluster = None if settings.scheduler else _start_cluster(settings)
        self._client: Any = Client(  # type: ignore[no-untyped-call]
            settings.scheduler or self._cluster, set_as_default=False
        )
        self._client.wait_for_workers(1 if self._cluster is None else settings.workers, timeout=120)
        self._client.register_plugin(_warm_plugin())
        self._futures: dict[tuple[str, int], Any] = {}
        self._ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def submit(self, run: str, generation: int) -> None:
        """Submits the run to whichever worker Dask finds least occupied.

        Not to one that is named here: a task that prefers a worker is never taken up again when all workers were lost
        at the same time, even where it may go to others.
        """
        from distributed import fire_and_forget

        if (run, generation) in self._futures:
            return
        future = self._client.submit(run_job, run, generation, key=f"run-{run}-{generation}", pure=False)
        fire_and_forget(future)  # type: ignore[no-untyped-call]  # on a cluster of its own the run outlives this process
        self._futures[run, generation] = future
        future.add_done_callback(lambda _future: self._ended.put((run, generation)))

    def ask(self, probe: str, number: int) -> None:
        """Submits the question to whichever worker Dask finds least occupied."""
        from distributed import fire_and_forget

        future = self._client.submit(probe_job, probe, key=f"probe-{probe}-{number}", pure=False)
        fire_and_forget(future)  # type: ignore[no-untyped-call]  # nobody waits for it: the answer goes to the store

    def ended(self) -> list[Ended]:
        """What has ended since the last call."""
        found = []
        while not self._ended.empty():
            run, generation = self._ended.get()
            found.append(_ending(run, generation, self._futures.pop((run, generation))))
        return found

    def workers(self) -> list[str]:
        """Addresses of the workers that are alive."""
        return list(self._client.scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        """Runs on workers of our own save themselves; those on another cluster go on."""
        if self._cluster is not None:
            try:
                self._client.run(_leave)
                until = time.monotonic() + CLOSING
                while time.monotonic() < until and not all(future.done() for future in self._futures.values()):
                    time.sleep(0.02)
            except Exception:
                log.exception("Not every worker could be asked to save its runs")
            self._cluster.close(timeout=5)
        self._client.close(timeout=5)


def run_job(run: str, generation: int) -> str:
    """The task: works on a run in the worker's workshop. Its arguments say nothing but which run."""
    from distributed import get_worker

    from ae_core.engine.worker import workshop

    return workshop(get_worker().address).run(run, generation)


def probe_job(probe: str) -> None:
    """The task: answers a question in the worker's workshop."""
    from distributed import get_worker

    from ae_core.engine.worker import workshop

    workshop(get_worker().address).answer(probe)


def _leave() -> None:
    from ae_core.engine.worker import workshop

    workshop().leave()


def _ending(run: str, generation: int, future: Any) -> Ended:
    if future.status == "error":
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            reason = "This run was lost with its worker process several times. Resume goes on from the last checkpoint."
        else:
            log.error("Run %s ended with %r", run, error)
            reason = "The engine could not work on this run; its log has the details."
        return Ended(run, generation, failure=reason)
    return Ended(run, generation, lost=future.status in ("cancelled", "lost"))


def _configuration() -> dict[str, Any]:
    return {
        "logging": {"distributed": "warning", "distributed.scheduler": "error"},
        "distributed.worker.profile.enabled": False,  # it would look at every thread 100 times a second
        "distributed.scheduler.allowed-failures": 3,
        "distributed.scheduler.worker-ttl": "30s",
        "distributed.scheduler.work-stealing": False,  # no task waits for a thread here
        "distributed.admin.tick.interval": "1s",  # its default, 20 ms, keeps idle processes busy
        "distributed.admin.tick.limit": "30s",  # a worker's loop stands still while it warms
        # as glibc would without Dask, whose 64 KiB makes every large tensor a system call, half as fast again
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 268_435_456,
        "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 33_554_432,
        "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": 1,
        "distributed.nanny.pre-spawn-environ.MKL_NUM_THREADS": 1,
        "distributed.nanny.pre-spawn-environ.OPENBLAS_NUM_THREADS": 1,
    }


def _start_cluster(settings: Settings) -> Any:
    """Worker processes on this machine, reachable from this machine only."""
    from distributed import LocalCluster

    threads = math.ceil(settings.limits.active_total / settings.workers) + SPARE_THREADS
    for start in range(1, STARTS + 1):
        try:
            return LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=settings.workers,
                threads_per_worker=threads,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                memory_limit=0,
                silence_logs=logging.ERROR,
            )
        except Exception:
            if start == STARTS:
                raise
            log.exception("The workers did not start; trying again")
            time.sleep(2.0 * start)
    raise AssertionError("unreachable")


def _warm_plugin() -> Any:
    from distributed import WorkerPlugin

    class Warm(WorkerPlugin):
        """Makes each worker ready before its first run, the restarted ones as well."""

        name = "latent-lab"

        def setup(self, worker: Any) -> None:
            from ae_core.engine.worker import end_with_parent, workshop

            end_with_parent()
            workshop(worker.address)

        def teardown(self, worker: Any) -> None:
            os._exit(0)  # its runs are saved; Python's own end of 100 threads would take three seconds

    return Warm()
