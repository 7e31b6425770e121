"""The run store, on a real SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ae_core.errors import AeError, CommandRefused, Fenced, LimitError, NotYours, SpecError, UnknownGroup, UnknownRun
from ae_core.settings import Limits
from ae_core.sizes import parameter_count
from ae_core.spec import RunSpec, changed
from ae_core.store import Publication, Store, keeping
from ae_core.store import store as store_module
from ae_core.store.keeping import surplus
from ae_core.store.tables import TABLES
from tests import postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """One PostgreSQL for all tests of this file."""
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request, tmp_path) -> Iterator[Store]:
    """A fresh store of each kind."""
    in_file = request.param == "sqlite"
    made = Store(f"sqlite:///{tmp_path}/lab.db" if in_file else request.getfixturevalue("cluster"))
    if not in_file:  # one database for all tests; making one for each would take half a second
        TABLES.drop_all(made._database)
    made.create()
    yield made
    made.close()


def event(step: int, kind: str = "progress", **more: Any) -> dict[str, Any]:
    """An event as JSON."""
    return {"kind": kind, "step": step, "epoch": step / 10, "seconds": step / 100, **more}


def news(run: str, attempt: int, step: int, **more: Any) -> Publication:
    """A publication of a running run, with one event unless told otherwise."""
    usual = {"status": "running", "epoch": step / 10, "seconds": step / 100, "goal": 100, "learning_rate": 0.001}
    return Publication(run=run, attempt=attempt, step=step, **({"events": [event(step)]} | usual | more))


def begun(store: Store, owner: str = "ann", **more: Any) -> str:
    """A run whose first attempt has begun and said so."""
    run = store.add_run(RunSpec(), owner, **more)
    assert store.begin_attempt(run, 0) is not None
    store.publish(news(run, 1, 0, events=[]))
    return run


def test_a_run_comes_back_as_it_was_stored(store):
    """Spec, title, owner, kind and parent survive the way through the database."""
    spec = changed(RunSpec(), {"model_code_kind": "variational", "optimizer_learning_rate": 0.03})
    run = store.add_run(spec, "ann", title="mine", kind="trial", parent="p")
    found = store.run(run)
    assert (found.spec, found.title, found.owner, found.kind, found.parent) == (spec, "mine", "ann", "trial", "p")
    assert (found.status, found.step, found.seq, found.attempt, found.error) == ("queued", 0, 0, 0, "")
    assert found.learning_rate == 0.03
    assert store.heads([run, "nobody"])[run].status == "queued"
    assert list(store.heads([run, "nobody"])) == [run]
    assert store.queued() == [(run, 0)]
    assert len(run) >= 16


def test_create_can_be_called_by_everybody_at_once(store):
    """The web process and the engine both make sure that the tables are there."""
    errors: list[Exception] = []

    def create() -> None:
        other = Store(store.url)
        try:
            other.create()
        except Exception as error:
            errors.append(error)
        finally:
            other.close()

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []


def test_a_store_of_another_version_is_refused_with_a_sentence(store):
    """A newer program's database is not touched."""
    with store._writing() as db:
        db.execute(sa.text("UPDATE schema SET version = 99"))
    with pytest.raises(AeError, match="version 99"):
        store.create()


def test_events_are_numbered_from_one_and_read_from_a_number_on(store):
    """A reader asks for what is newer than the last number it has."""
    run = begun(store)
    store.publish(news(run, 1, 2, events=[event(1), event(2)]))
    store.publish(news(run, 1, 3))
    assert store.events_after(run, 0) == [(1, event(1)), (2, event(2)), (3, event(3))]
    assert store.events_after(run, 2) == [(3, event(3))]
    assert store.events_after(run, 0, limit=1) == [(1, event(1))]
    assert store.events_after(run, 3) == []
    head = store.heads([run])[run]
    assert (head.seq, head.step, head.goal, head.status) == (3, 3, 100, "running")


def test_the_newest_snapshot_is_read_once(store):
    """A viewer that has the newest picture gets nothing."""
    run = begun(store)
    assert store.snapshot_after(run, 0) is None
    store.publish(news(run, 1, 1, snapshot=b"one", introduction=b"hello"))
    store.publish(news(run, 1, 2, snapshot=b"two"))
    assert store.introduction(run) == b"hello"
    assert store.snapshot_after(run, 0) == (2, b"two")
    assert store.snapshot_after(run, 2) is None
    assert store.snapshots(run) == [(1, 1), (2, 2)]
    assert store.snapshot(run, 1) == b"one"
    with pytest.raises(UnknownRun):
        store.snapshot(run, 3)


def test_a_publication_is_seen_whole_or_not_at_all(store):
    """If one part of it cannot be written, nothing is."""
    run = begun(store)
    broken = [event(1), event(2) | {"step": None}]
    with pytest.raises(sa.exc.IntegrityError):
        store.publish(news(run, 1, 1, events=broken, snapshot=b"x", checkpoint=b"y"))
    head = store.heads([run])[run]
    assert (head.seq, head.serial, head.step) == (0, 0, 0)
    assert store.events_after(run, 0) == []
    assert store.snapshots(run) == []


def test_an_older_attempt_is_fenced(store):
    """A worker that was thought dead cannot write into a run that another one has taken up."""
    run = begun(store)
    store.publish(news(run, 1, 1))
    assert store.begin_attempt(run, 0).number == 2
    with pytest.raises(Fenced):
        store.publish(news(run, 1, 2))
    store.publish(news(run, 2, 1))
    assert [body["step"] for _, body in store.events_after(run, 0)] == [1]


def test_an_outdated_submission_does_not_begin(store):
    """A task of an older generation, or of a run that is over, has nothing to do."""
    run = begun(store)
    store.publish(news(run, 1, 5, status="stopped", checkpoint=b"c"))
    assert store.begin_attempt(run, 0) is None
    store.command(run, "resume")
    assert store.begin_attempt(run, 0) is None
    assert store.begin_attempt(run, 1).number == 2
    assert store.begin_attempt("nobody", 0) is None


def test_a_new_attempt_takes_back_what_came_after_the_checkpoint(store):
    """Events and pictures after the checkpoint go; the serial never falls, so viewers see the next picture as new."""
    run = begun(store)
    store.publish(news(run, 1, 1, snapshot=b"1"))
    store.publish(news(run, 1, 2, snapshot=b"2", checkpoint=b"at 2"))
    store.publish(news(run, 1, 3, snapshot=b"3"))
    attempt = store.begin_attempt(run, 0)
    assert (attempt.checkpoint, attempt.lost, attempt.hold) == (b"at 2", True, False)
    head = store.heads([run])[run]
    assert (head.attempt, head.seq, head.step, head.serial) == (2, 2, 2, 3)
    assert head.epoch == 0.2
    assert [seq for seq, _ in store.events_after(run, 0)] == [1, 2]
    assert store.snapshots(run) == [(1, 1), (2, 2)]
    store.publish(news(run, 2, 3, snapshot=b"again"))
    assert store.snapshot_after(run, 3) == (4, b"again")
    assert [seq for seq, _ in store.events_after(run, 0)] == [1, 2, 3]


def test_without_a_checkpoint_a_new_attempt_begins_at_nothing(store):
    """All events go, and so does the picture of step 0."""
    run = begun(store)
    store.publish(news(run, 1, 0, snapshot=b"0"))
    assert store.begin_attempt(run, 0).checkpoint is None
    assert store.heads([run])[run].seq == 0
    assert store.snapshots(run) == []


def test_a_run_that_goes_on_takes_back_its_last_words(store):
    """Finished and Diverged are no part of the state that a checkpoint holds, nor is what came after a good state."""
    run = begun(store)
    words = [event(1), event(2), event(3), event(4, "diverged"), event(4, "finished", metrics={})]
    store.publish(news(run, 1, 4, events=words, status="diverged", checkpoint=b"good", state_step=2, error="why"))
    found = store.run(run)
    assert (found.status, found.step, found.checkpointed_step, found.error) == ("diverged", 4, 2, "why")
    assert found.finished is not None
    store.command(run, "resume", 0.01)
    attempt = store.begin_attempt(run, 1)
    assert (attempt.checkpoint, attempt.hold, attempt.lost) == (b"good", True, False)
    assert [(command.verb, command.argument) for command in attempt.commands] == [("resume", 0.01)]
    assert [body["step"] for _, body in store.events_after(run, 0)] == [1, 2]
    assert store.run(run).error == ""


def test_the_first_and_the_newest_two_checkpoints_stay(store):
    """The one at the beginning for a way back, two at the end in case the newest is of no use."""
    run = begun(store)
    for step in range(1, 8):
        store.publish(news(run, 1, step, checkpoint=b"at %d" % step))
    assert store.checkpoint_steps(run) == [1, 6, 7]
    assert store.checkpoint(run) == b"at 7"


def test_a_run_can_begin_with_a_checkpoint_of_another_one(store):
    """A fork starts where its parent was, with events of its own."""
    parent = begun(store)
    store.publish(news(parent, 1, 5, checkpoint=b"at 5"))
    fork = store.add_run(RunSpec(), "bob", parent=parent, parent_checkpoint=5)
    assert store.begin_attempt(fork, 0).checkpoint == b"at 5"
    assert store.events_after(fork, 0) == []
    with pytest.raises(UnknownRun):
        store.add_run(RunSpec(), "bob", parent=parent, parent_checkpoint=6)


def test_never_more_snapshots_than_are_allowed(store, monkeypatch):
    """As a run grows, pictures are thinned: the first and the last stay, and the newest while it lives."""
    monkeypatch.setattr(keeping, "SNAPSHOTS", 40)
    run = begun(store)
    for step in range(130):
        store.publish(news(run, 1, step, events=[], snapshot=b"x"))
        kept = [found for _, found in store.snapshots(run)]
        assert len(kept) <= 40
        assert kept[0] == 0
        newest = range(max(0, step - 19), step + 1)
        assert set(newest) <= set(kept)
    store.publish(news(run, 1, 130, status="finished", snapshot=b"x"))
    steps = [found for _, found in store.snapshots(run)]
    assert (steps[0], steps[-1]) == (0, 130)
    assert len(steps) <= 40


@given(
    steps=st.lists(st.integers(0, 10**6), min_size=1, max_size=80, unique=True).map(sorted),
    keep=st.integers(1, 60),
    newest=st.integers(1, 20),
)
def test_thinning_keeps_the_ends_and_the_number(steps, keep, newest):
    """Whatever the steps: the first and the newest ones stay, and no more go than must."""
    away = surplus(steps, keep, newest)
    left = [step for at, step in enumerate(steps) if at not in away]
    assert len(left) == min(len(steps), max(keep, newest + 1, 2))
    assert left[0] == steps[0]
    assert left[-min(newest, len(steps)) :] == steps[-min(newest, len(steps)) :]


def test_thinning_spaces_evenly_in_the_logarithm():
    """Small steps, where most is learned, keep more pictures than large ones."""
    away = set(surplus(range(1500), 50))
    left = [step for step in range(1500) if step not in away]
    gaps = [math.log1p(b) - math.log1p(a) for a, b in zip(left, left[1:], strict=False)]
    assert max(gaps[12:]) < 3 * min(gaps[12:])  # the first gaps are single steps, which cannot be any smaller


def test_commands_are_found_until_they_are_carried_out(store):
    """What a worker has not published as done is told to the next one."""
    run = begun(store)
    first, second = store.command(run, "set", 0.5), store.command(run, "pause")
    assert [(command.id, command.verb, command.argument) for command in store.pending_commands()] == [
        (first, "set", 0.5),
        (second, "pause", None),
    ]
    store.publish(news(run, 1, 1, done=[first]))
    assert [command.id for command in store.begin_attempt(run, 0).commands] == [second]
    store.publish(news(run, 2, 2, status="finished"))
    assert store.pending_commands() == []
    with pytest.raises(UnknownRun):
        store.command("nobody", "pause")


def test_a_paused_run_parks_unless_it_was_told_something(store):
    """A command either finds the run with its worker or finds it parked; it is never lost between the two."""
    run = begun(store)
    store.publish(news(run, 1, 1, status="paused", checkpoint=b"c"))
    told = store.command(run, "step", 1)
    assert not store.park(run, 1)
    store.publish(news(run, 1, 2, status="paused", done=[told], checkpoint=b"c"))
    assert not store.park(run, 7)
    assert store.park(run, 1)
    assert store.held() == []
    store.command(run, "resume")
    assert store.queued() == [(run, 1)]
    attempt = store.begin_attempt(run, 1)
    assert (attempt.hold, attempt.lost) == (True, False)


@pytest.mark.parametrize("status", ["stopped", "failed", "diverged"])
def test_runs_that_ended_early_can_only_be_resumed(store, status):
    """Everything else means nothing to them; a finished run cannot even be resumed."""
    run = begun(store)
    store.publish(news(run, 1, 1, status=status, checkpoint=b"c"))
    with pytest.raises(CommandRefused):
        store.command(run, "pause")
    store.command(run, "resume")
    assert store.queued() == [(run, 1)]
    finished = begun(store)
    store.publish(news(finished, 1, 1, status="finished"))
    with pytest.raises(CommandRefused):
        store.command(finished, "resume")


def test_a_run_that_starts_paused_holds_until_it_is_told_to_go(store):
    """Reset shows the first picture and waits, also after its worker was lost."""
    run = store.add_run(RunSpec(), "ann", paused=True)
    assert store.begin_attempt(run, 0).hold
    assert store.heads([run])[run].status == "queued"
    assert store.begin_attempt(run, 0).hold
    store.publish(news(run, 2, 0, status="paused"))
    assert store.heads([run])[run].status == "paused"
    store.command(run, "resume")
    attempt = store.begin_attempt(run, 0)
    assert (attempt.hold, [command.verb for command in attempt.commands]) == (True, ["resume"])


def test_only_the_owner_renames_and_deletes(store):
    """Everybody may look, the owner may act; a deleted run takes all its rows along."""
    run = begun(store)
    store.publish(news(run, 1, 1, snapshot=b"s", introduction=b"i", checkpoint=b"c"))
    store.command(run, "pause")
    for act in (lambda: store.rename(run, "bob", "x"), lambda: store.delete(run, "bob")):
        with pytest.raises(NotYours):
            act()
    with pytest.raises(SpecError, match="2,000"):
        store.rename(run, "ann", "x" * 2000)
    store.rename(run, "ann", "naïve 自编码器")
    assert store.run(run).title == "naïve 自编码器"
    store.delete(run, "ann")
    with store._reading() as db:
        for table in ("runs", "events", "snapshots", "introductions", "checkpoints", "commands"):
            assert db.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() == 0
    with pytest.raises(Fenced):
        store.publish(news(run, 1, 2))
    with pytest.raises(UnknownRun):
        store.delete(run, "ann")
    with pytest.raises(UnknownRun):
        store.run(run)


def test_a_browser_sees_its_own_runs_newest_first(store):
    """The list of runs is per owner."""
    mine = [store.add_run(RunSpec(), "ann") for _ in range(3)]
    store.add_run(RunSpec(), "bob")
    assert [run.id for run in store.runs_of("ann")] == mine[::-1]
    assert [run.id for run in store.runs_of("ann", limit=1)] == mine[-1:]


def test_runs_of_a_group_come_and_go_together(store):
    """A group's runs are added all or none, keep their places, and stay out of the list of single runs."""
    plan = {"knob": "optimizer_learning_rate"}
    sweep = store.groups.add("sweep", "ann", plan, title="rates")
    cells = [(RunSpec(), {"row": 0, "column": column}) for column in range(3)]
    made = store.add_members(sweep, cells, "ann", kind="cell")
    assert [(one.number, one.run, one.place["column"]) for one in store.groups.members(sweep)] == [
        (number, run, number) for number, run in enumerate(made)
    ]
    with pytest.raises(LimitError):
        store.add_members(sweep, cells, "ann", kind="cell", limits=Limits(runs_per_client=5))
    found = store.groups.group(sweep)
    assert (found.runs, found.plan, found.state, found.title) == (3, plan, "open", "rates")
    assert store.runs_of("ann") == []
    assert {run.id for run in store.runs_of("ann", kinds=("cell",))} == set(made)
    store.delete(made[1], "ann")
    assert [one.run for one in store.groups.members(sweep)] == [made[0], made[2]]
    assert store.add_members(sweep, cells[:1], "ann", kind="cell")[0] == store.groups.members(sweep)[-1].run
    assert store.groups.members(sweep)[-1].number == 3
    assert [one.id for one in store.groups.of("ann", "sweep")] == [sweep]
    assert [one.id for one in store.groups.open("sweep")] == [sweep]
    store.groups.set_state(sweep, "done")
    assert store.groups.open("sweep") == store.groups.of("bob", "sweep") == store.groups.of("ann", "study") == []
    with pytest.raises(NotYours):
        store.groups.delete(sweep, "bob")
    with pytest.raises(NotYours):
        store.groups.own(sweep, "bob")
    assert store.groups.own(sweep, "ann") == store.groups.group(sweep)
    store.groups.delete(sweep, "ann")
    for gone in (store.groups.group, lambda group: store.add_members(group, cells, "ann", kind="cell")):
        with pytest.raises(UnknownGroup):
            gone(sweep)
    assert store.runs_of("ann", kinds=("cell",)) == []


def test_strays_are_active_runs_of_groups_that_are_not_open(store):
    """Ended and paused runs, single runs, other kinds of groups and open ones are none."""
    study, other = (store.groups.add("study", "ann", {}) for _ in range(2))
    waits, paused = store.add_members(study, [(RunSpec(), {})] * 2, "ann", kind="trial")
    store.add_members(other, [(RunSpec(), {})], "ann", kind="trial")
    store.add_run(RunSpec(), "ann")
    store.begin_attempt(paused, 0)
    store.publish(news(paused, 1, 1, status="paused"))
    assert store.groups.strays("study") == []
    store.groups.set_state(study, "stopped")
    assert store.groups.strays("study") == [waits]
    assert store.groups.strays("sweep") == []


def test_limits_count_active_and_stored_runs(store):
    """A refusal comes before the run is stored; a pause makes room for another run, a resume takes it."""
    limits = Limits(active_per_client=2, active_total=3, runs_per_client=4)
    first = store.add_run(RunSpec(), "ann", limits=limits)
    store.add_run(RunSpec(), "ann", limits=limits)
    with pytest.raises(LimitError, match="LATENT_LAB_LIMIT_ACTIVE_PER_CLIENT"):
        store.add_run(RunSpec(), "ann", limits=limits)
    store.begin_attempt(first, 0)
    store.publish(news(first, 1, 1, status="paused"))
    store.add_run(RunSpec(), "ann", limits=limits)
    with pytest.raises(LimitError, match="LATENT_LAB_LIMIT_ACTIVE_PER_CLIENT"):
        store.command(first, "resume", limits=limits)
    store.add_run(RunSpec(), "bob", limits=limits)
    with pytest.raises(LimitError, match="LATENT_LAB_LIMIT_ACTIVE_TOTAL"):
        store.add_run(RunSpec(), "cyd", limits=limits)
    with pytest.raises(LimitError, match="LATENT_LAB_LIMIT_RUNS_PER_CLIENT"):
        store.add_run(RunSpec(), "ann", limits=Limits(runs_per_client=3))
    assert len(store.runs_of("ann")) == 3


def test_limits_count_the_numbers_that_are_learned_at_once(store):
    """Models are counted by their size, so that many large ones do not fill the memory."""
    size = parameter_count(RunSpec())
    store.add_run(RunSpec(), "ann", limits=Limits(active_parameters=2 * size))
    store.add_run(RunSpec(), "bob", limits=Limits(active_parameters=2 * size))
    with pytest.raises(LimitError, match="LATENT_LAB_LIMIT_ACTIVE_PARAMETERS"):
        store.add_run(RunSpec(), "cyd", limits=Limits(active_parameters=2 * size))


def test_a_run_whose_engine_is_gone_reads_as_interrupted(store, monkeypatch):
    """No engine and no news for a while: the run is interrupted, until the engine is back. Nothing is stored for it."""
    run = begun(store)
    assert store.heads([run])[run].status == "running"
    later = store_module.time.time() + 60
    monkeypatch.setattr(store_module.time, "time", lambda: later)
    assert store.heads([run])[run].status == "interrupted"
    assert store.run(run).status == "interrupted"
    assert store.runs_of("ann")[0].status == "interrupted"
    assert store.held() == [(run, 0)]
    store.beat("starting", "me")
    assert store.run(run).status == "interrupted"
    store.beat("ready", "me")
    assert store.run(run).status == "running"


def test_one_engine_at_a_time_holds_the_store(store, monkeypatch):
    """A second engine gets the store when the first says goodbye, or has been silent for long."""
    assert store.engine_state()["state"] == "down"
    assert store.beat("ready", "first")
    store.note_facts({"overhead_seconds": 0.001})
    assert not store.beat("starting", "second")
    assert store.engine_state()["state"] == "ready"
    assert store.engine_state()["facts"] == {"overhead_seconds": 0.001}
    store.beat("down", "first")
    assert store.beat("ready", "second")
    later = store_module.time.time() + 60
    monkeypatch.setattr(store_module.time, "time", lambda: later)
    assert store.engine_state()["state"] == "down"
    assert store.beat("starting", "third")


def test_a_given_up_run_fails_with_a_reason_unless_it_was_submitted_again(store):
    """The engine's verdict on an older submission does not touch the newer one."""
    run = begun(store)
    store.fail(run, 5, "old news")
    assert store.run(run).status == "running"
    store.fail(run, 0, "lost three times")
    assert (store.run(run).status, store.run(run).error) == ("failed", "lost three times")
    with pytest.raises(Fenced):
        store.publish(news(run, 1, 2))


def test_clients_are_noted(store):
    """A browser's first and latest visit."""
    store.touch_client("ann")
    store.touch_client("ann")
    store.touch_client("bob")
    with store._reading() as db:
        rows = db.execute(sa.text("SELECT id, created, seen FROM clients ORDER BY id")).all()
    assert [row.id for row in rows] == ["ann", "bob"]
    assert all(row.seen >= row.created for row in rows)


def test_many_threads_write_and_none_is_lost(store):
    """Eight writers on eight runs at once: every publication arrives, in its own run's order."""
    runs = [begun(store, owner=str(number)) for number in range(8)]

    def write(run: str) -> None:
        for step in range(1, 26):
            store.publish(news(run, 1, step, snapshot=b"x" * 1000))

    threads = [threading.Thread(target=write, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for run in runs:
        assert [body["step"] for _, body in store.events_after(run, 0)] == list(range(1, 26))


def test_tidying_keeps_what_is_needed(store):
    """Room is given back to the disk, runs and open commands stay."""
    run = begun(store)
    store.command(run, "pause")
    store.tidy()
    assert len(store.pending_commands()) == 1
    assert store.run(run).status == "running"


WRITER = """
import sys
from ae_core.store import Publication, Store
store, run = Store(sys.argv[1]), sys.argv[2]
attempt = store.begin_attempt(run, 0)
step = store.heads([run])[run].step
while True:
    step += 1
    event = {"kind": "progress", "step": step, "epoch": 0.0, "seconds": 0.0}
    store.publish(Publication(run=run, attempt=attempt.number, status="running", step=step, epoch=0.0, seconds=0.0,
        goal=0, learning_rate=0.1, events=[event] * 3, snapshot=b"x" * 30000, checkpoint=b"y" * 50000))
    print(step, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_was_told_is_stored(tmp_path):
    """SIGKILL in the middle of writing, again and again: the file is whole, and every acknowledged event is there."""
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    store.create()
    run = store.add_run(RunSpec(), "ann")
    chance = random.Random(0)
    for _ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, store.url, run],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        for _ in range(chance.randrange(20, 60)):
            told = int(writer.stdout.readline())
        threading.Event().wait(chance.random() * 0.003)
        writer.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
        head = store.heads([run])[run]
        stored = store.events_after(run, 0)
        assert head.step in (told, told + 1)  # one more may be stored than was told
        assert [seq for seq, _ in stored] == list(range(1, head.seq + 1))
        assert head.seq == 3 * head.step
        assert json.dumps(stored[-1][1])
        with sqlite3.connect(tmp_path / "lab.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
    store.close()
