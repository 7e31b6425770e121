"""The real engine: a host process, Dask workers, and what happens when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ae_core.engine.client import EngineProcess
from ae_core.spec import RunSpec, changed
from ae_core.store import Store
from tests.engine.lab import (
    ENDLESS,
    ME,
    Lab,
    alive,
    family,
    lab_settings,
    real_engine,
    same_weights,
    undisturbed,
    wait_for,
)

MEDIUM = {"training_epochs": 150, "objective_corruption_kind": "masking", "objective_corruption_level": 0.1}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, EngineProcess]]:
    """One engine for all tests of this file, for it takes seconds to start."""
    with real_engine(lab_settings(tmp_path_factory.mktemp("engine"))) as made:
        yield made


@pytest.fixture
def lab(engine: tuple[Lab, EngineProcess]) -> Iterator[Lab]:
    """The engine's store; runs of a test are deleted after it."""
    lab, _ = engine
    yield lab
    for owner in (ME, *(f"student {number}" for number in range(40))):
        for run in lab.store.runs_of(owner):
            lab.store.delete(run.id, owner)
    wait_for(lambda: lab.store.training_on() == [])


def worker_of(lab: Lab, run: str) -> psutil.Process:
    """The worker process that trains the run, found by the port that it listens on."""
    address = next(worker for other, worker, _ in lab.store.training_on() if other == run)
    port = int(address.rsplit(":", 1)[1])
    host = psutil.Process(lab_host(lab))
    return next(
        child
        for child in host.children(recursive=True)
        if alive([child]) and any(part.laddr.port == port for part in child.net_connections("tcp") if not part.raddr)
    )


HOSTS: dict[Path, int] = {}


def lab_host(lab: Lab) -> int:
    """Process id of the lab's engine host."""
    return HOSTS[lab.settings.home]


@pytest.fixture(autouse=True)
def _host(engine: tuple[Lab, EngineProcess]) -> None:
    lab, process = engine
    assert process.process is not None
    HOSTS[lab.settings.home] = process.process.pid


def test_the_engine_says_how_fast_it_is(lab):
    """Facts for the page's estimate of an epoch's duration."""
    facts = lab.store.engine_state()["facts"]
    assert 0 < facts["overhead_seconds"] < 1
    assert facts["flops_per_second"] > 1e6


def test_nothing_listens_on_other_interfaces(lab):
    """Whoever reaches a Dask port may run code, so there is none but on this machine's own loop."""
    listening = [
        connection.laddr.ip
        for process in alive(family(lab_host(lab)))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) == {"127.0.0.1"}


def test_forty_runs_at_once_all_show_something_before_one_is_done(lab):
    """A whole class presses Train: everybody sees a first picture and progress, nobody starves."""
    runs = [lab.start(f"student {number}", **ENDLESS) for number in range(40)]
    wait_for(lambda: all(head.serial > 0 and head.step > 0 for head in lab.store.heads(runs).values()))
    assert {head.status for head in lab.store.heads(runs).values()} == {"running"}

    def shares() -> list[int]:
        return sorted(Counter(worker for _, worker, _ in lab.store.training_on()).values())

    wait_for(lambda: shares() == [20, 20])  # Dask spreads them, the host evens them out


def test_commands_reach_a_worker(lab):
    """Pause, step, set, resume, stop and resume again, through the store and back."""
    run = lab.start(**ENDLESS)
    lab.wait_step(run, 1)
    lab.tell(run, "pause")
    step = lab.wait(run, "paused").step
    lab.tell(run, "step")
    lab.wait_step(run, step + 1)
    assert lab.wait(run, "paused").step == step + 1
    lab.tell(run, "set", learning_rate=0.002)
    wait_for(lambda: lab.head(run).learning_rate == 0.002)
    lab.tell(run, "resume")
    lab.wait_step(run, step + 2)
    lab.tell(run, "stop")
    lab.wait(run, "stopped")
    lab.tell(run, "resume")
    wait_for(lambda: lab.head(run).status == "running")


def test_a_killed_worker_costs_nothing_but_time(lab):
    """The run goes on from its checkpoint, says so, and ends as if nothing had happened."""
    run = lab.start(**MEDIUM)
    lab.wait_step(run, 200)
    lab.store.command(run, "checkpoint")
    saved = wait_for(lambda: lab.store.run(run).checkpointed_step)
    lab.wait_step(run, saved + 1)
    worker_of(lab, run).kill()
    wait_for(lambda: lab.head(run).attempt == 2)
    lab.wait(run, "finished")
    events, trainer = undisturbed(changed(RunSpec(), MEDIUM))
    assert lab.events(run) == events
    assert same_weights(lab.store.checkpoint(run), trainer.checkpoint())
    told = lab.recoveries(run)
    assert [body["reason"] for body in told] == [
        f"A worker process was lost; the run goes on from step {told[0]['step']}."
    ]


def test_runs_spread_out_again_after_a_worker_came_back(lab):
    """Runs that fled to the other worker move to the new one, without a word about losses."""
    runs = [lab.start(**ENDLESS) for _ in range(4)]
    wait_for(lambda: all(lab.store.run(run).checkpointed_step for run in runs))
    worker_of(lab, runs[0]).kill()
    wait_for(lambda: len({worker for _, worker, _ in lab.store.training_on()}) == 1)

    def spread() -> bool:
        workers = [worker for _, worker, _ in lab.store.training_on()]
        return sorted(workers.count(worker) for worker in set(workers)) == [2, 2]

    wait_for(spread)
    assert sum(len(lab.recoveries(run)) for run in runs) <= 2


def test_a_killed_host_leaves_no_orphans_and_is_replaced(engine, lab):
    """SIGKILL of the host: its workers end with it, a new host goes on with the run."""
    _, process = engine
    run = lab.start(**ENDLESS)
    lab.wait_step(run, 1)
    lab.store.command(run, "checkpoint")
    wait_for(lambda: lab.store.run(run).checkpointed_step)
    old = family(lab_host(lab))
    os.kill(lab_host(lab), signal.SIGKILL)
    wait_for(lambda: alive(old) == [], "no orphans")
    wait_for(lambda: lab.head(run).attempt == 2, "taken up again")
    step = lab.head(run).step
    lab.wait_step(run, step + 1)
    assert process.process.pid != old[0].pid
    assert len(lab.recoveries(run)) == 1


def test_a_second_host_stands_by(engine, lab):
    """Two servers on one home folder share one engine; the second host waits and ends with its own parent."""
    second = EngineProcess(lab.settings)
    second.start()
    run = lab.start(training_epochs=3)
    lab.wait(run, "finished")
    assert len(family(second.process.pid)) == 1
    second.stop()
    assert second.process.returncode == 0
    assert lab.store.engine_state()["state"] == "ready"


SERVER = """
import sys, time
from pathlib import Path
from ae_core.engine.client import EngineProcess
from ae_core.settings import Settings
engine = EngineProcess(Settings.from_environment())
engine.start()
print(engine.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_gone_takes_its_engine_along(tmp_path, ending):
    """However the server ends: no process stays, the database is whole, and the next engine goes on with the run."""
    settings = lab_settings(tmp_path, workers=1)
    root = str(Path(__file__).parents[2])
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | settings.environment() | {"PYTHONPATH": root},
    )
    host = int(server.stdout.readline())
    server.stdout.close()
    lab = Lab(settings)
    run = lab.start(**MEDIUM)
    lab.wait_step(run, 100)
    lab.store.command(run, "checkpoint")
    wait_for(lambda: lab.store.run(run).checkpointed_step)
    everybody = family(host)
    server.send_signal(ending)
    server.wait()
    wait_for(lambda: alive(everybody) == [], "no orphans")
    seen = lab.events(run)
    with lab.store._reading() as db:
        assert db.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    saved = lab.store.run(run).checkpointed_step
    assert saved >= 100
    assert lab.store.engine_state()["state"] == "down"
    if ending == signal.SIGKILL:
        with real_engine(settings):
            lab.wait(run, "finished")
        events, trainer = undisturbed(changed(RunSpec(), MEDIUM))
        assert lab.events(run) == events
        assert seen == events[: len(seen)]
        assert same_weights(lab.store.checkpoint(run), trainer.checkpoint())
    lab.store.close()


def test_the_web_process_stays_light():
    """The client's side imports neither torch nor Dask, so the first page does not wait for them."""
    code = "import sys, ae_core.engine.client; print([m for m in ('torch', 'dask', 'sklearn') if m in sys.modules])"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_host_that_loses_its_parent_while_it_starts_ends(tmp_path):
    """The pipe is watched from the first moment on."""
    engine = EngineProcess(lab_settings(tmp_path, workers=1))
    engine.start()
    store = Store(engine.settings.database_url)
    wait_for(lambda: (tmp_path / "lab.db").exists())
    engine.stop(60)
    assert engine.process.returncode is not None
    store.close()
