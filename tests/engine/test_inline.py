"""The course of runs: commands, turns, crashes, with threads in this process and the real trainer."""

from __future__ import annotations

import pytest

from ae_core import frames
from ae_core.engine import worker
from ae_core.errors import CommandRefused, DataMissing, NotYours, SpecError, UnknownRun
from ae_core.spec import RunSpec, changed
from tests.engine.lab import ENDLESS, ME, Inline, lab_settings, same_weights, timeless, undisturbed, wait_for

SHORT = {"training_epochs": 4}


def test_a_run_is_what_the_trainer_alone_makes_of_it(lab, inline):
    """Events, metrics and final weights do not depend on slices, pictures and neighbours."""
    run = lab.start(**SHORT)
    neighbour = lab.start("bob", **SHORT, training_seed=5)
    head = lab.wait(run, "finished")
    lab.wait(neighbour, "finished")
    events, trainer = undisturbed(changed(RunSpec(), SHORT))
    assert lab.events(run) == events
    assert same_weights(lab.store.checkpoint(run), trainer.checkpoint())
    assert (head.step, head.goal) == (trainer.goal, trainer.goal)
    assert lab.store.run(run).metrics["val_mse"] == events[-1]["metrics"]["val_mse"]
    assert lab.events(neighbour) != events


def test_the_first_picture_is_that_of_step_0_and_the_last_that_of_the_end(lab, inline):
    """Introduction and pictures are frames; the untrained model is on show first."""
    run = lab.start(**SHORT)
    head = lab.wait(run, "finished")
    meta, arrays = frames.decode(lab.store.introduction(run))
    assert meta["form"] == "image"
    assert "labels" in arrays
    kept = lab.store.snapshots(run)
    assert kept[0] == (1, 0)
    assert kept[-1] == (head.serial, head.goal)
    header, pictures = frames.decode(lab.store.snapshot(run, 1))
    assert header["step"] == 0
    assert "latent" in pictures


def test_a_paused_start_shows_step_0_and_steps_one_batch_at_a_time(lab, inline):
    """Reset and Step: nothing trains until it is told to, and then exactly so many batches."""
    run = lab.start(paused=True, **SHORT)
    lab.wait(run, "paused")
    assert lab.head(run).serial == 1
    lab.tell(run, "step")
    assert lab.wait_step(run, 1).step == 1
    lab.tell(run, "step", steps=7)
    lab.wait_step(run, 8)
    head = lab.wait(run, "paused")
    assert head.step == 8
    lab.tell(run, "pause")
    lab.tell(run, "resume")
    lab.wait(run, "finished")
    assert lab.events(run) == undisturbed(changed(RunSpec(), SHORT))[0]


def test_pause_and_resume_leave_no_trace_in_the_events(lab, inline):
    """A run that was paused is bit for bit the run that was not; a pause saves it."""
    values = {"training_epochs": 60}
    run = lab.start(**values)
    lab.wait_step(run, 20)
    lab.tell(run, "pause")
    head = lab.wait(run, "paused")
    assert lab.store.run(run).checkpointed_step == head.step
    lab.tell(run, "resume")
    lab.wait(run, "finished")
    events, trainer = undisturbed(changed(RunSpec(), values))
    assert lab.events(run) == events
    assert same_weights(lab.store.checkpoint(run), trainer.checkpoint())


def test_stop_saves_and_resume_goes_on_as_if_nothing_had_been(lab, inline):
    """The word `finished` of a stopped run is taken back when it goes on."""
    values = {"training_epochs": 60}
    run = lab.start(**values)
    lab.wait_step(run, 20)
    lab.tell(run, "stop")
    lab.wait(run, "stopped")
    assert lab.events(run)[-1]["reason"] == "stopped"
    lab.tell(run, "stop")
    with pytest.raises(CommandRefused):
        lab.tell(run, "step")
    lab.tell(run, "resume")
    wait_for(lambda: lab.head(run).status == "finished")
    assert lab.events(run) == undisturbed(changed(RunSpec(), values))[0]
    assert lab.recoveries(run) == []
    with pytest.raises(CommandRefused):
        lab.tell(run, "resume")


def test_the_learning_rate_changes_in_flight_and_in_a_pause(lab, inline):
    """Each change is an event at its step, and the training behind it is that of the trainer told the same."""
    run = lab.start(paused=True, **SHORT)
    lab.wait(run, "paused")
    lab.tell(run, "step", steps=10)
    lab.wait_step(run, 10)
    lab.tell(run, "set", learning_rate=0.01)
    wait_for(lambda: lab.head(run).learning_rate == 0.01)
    assert lab.store.run(run).checkpointed_step == 10
    lab.tell(run, "resume", learning_rate=0.02)
    lab.wait(run, "finished")
    events, trainer = undisturbed(changed(RunSpec(), SHORT), {10: 0.01})
    changes = [body for body in lab.events(run) if body["kind"] == "learning_rate_set"]
    assert [(body["step"], body["learning_rate"]) for body in changes] == [(10, 0.01), (10, 0.02)]
    assert lab.head(run).learning_rate == 0.02


def test_a_crash_behind_a_change_of_the_learning_rate_is_replayed_exactly(lab):
    """The change is saved with the state it was made in, so the second attempt goes the same way."""
    values = {"training_epochs": 40}
    first = Inline(lab)
    run = lab.start(paused=True, **values)
    lab.wait(run, "paused")
    lab.tell(run, "step", steps=30)
    lab.wait_step(run, 30)
    lab.tell(run, "set", learning_rate=0.004)
    wait_for(lambda: lab.head(run).learning_rate == 0.004)
    lab.tell(run, "resume")
    lab.wait_step(run, 60)
    first.abandon()
    second = Inline(lab)  # takes the run over; the first one's thread is fenced
    lab.wait(run, "finished")
    events, trainer = undisturbed(changed(RunSpec(), values), {30: 0.004})
    assert lab.events(run) == events
    assert same_weights(lab.store.checkpoint(run), trainer.checkpoint())
    assert lab.head(run).attempt == 2
    assert [body["step"] for body in lab.recoveries(run)] == [30]
    first.backend.close()
    second.stop()


@pytest.mark.parametrize("crashes", [1, 3])
def test_crashes_are_replayed_exactly_and_told(lab, crashes):
    """Whatever was lost after the checkpoint comes again, event for event; the run says that it was recovered."""
    values = {"training_epochs": 80, "objective_corruption_kind": "gaussian", "objective_corruption_level": 0.2}
    engines = [Inline(lab)]
    run = lab.start(**values)
    for crash in range(1, crashes + 1):
        lab.wait_step(run, 100 * crash)
        lab.store.command(run, "checkpoint")
        saved = wait_for(lambda crash=crash: lab.store.run(run).checkpointed_step >= 100 * crash)
        assert saved
        lab.wait_step(run, lab.store.run(run).checkpointed_step + 1)
        engines[-1].abandon()
        engines.append(Inline(lab))
        wait_for(lambda crash=crash: lab.head(run).attempt == crash + 1)
    lab.wait(run, "finished")
    events, trainer = undisturbed(changed(RunSpec(), values))
    assert lab.events(run) == events
    assert same_weights(lab.store.checkpoint(run), trainer.checkpoint())
    told = lab.recoveries(run)
    assert told[-1]["reason"] == f"A worker process was lost; the run goes on from step {told[-1]['step']}."
    for engine in engines[:-1]:
        engine.backend.close()
    engines[-1].stop()


def test_an_engine_that_goes_down_in_order_loses_nothing(lab):
    """Runs save themselves and wait; the next engine goes on, and nobody was lost."""
    values = {"training_epochs": 80}
    first = Inline(lab)
    run, paused = lab.start(**values), lab.start(paused=True, **values)
    lab.wait(paused, "paused")
    lab.wait_step(run, 30)
    first.stop()
    assert lab.head(run).status == "queued"
    assert lab.store.run(run).checkpointed_step == lab.head(run).step
    assert lab.head(paused).status == "paused"
    assert lab.store.held() == []
    second = Inline(lab)
    lab.wait(run, "finished")
    assert lab.recoveries(run) == []
    assert lab.events(run) == undisturbed(changed(RunSpec(), values))[0]
    lab.tell(paused, "step")
    assert lab.wait_step(paused, 1).step == 1
    second.stop()


def test_a_run_that_was_paused_stays_paused_after_a_crash(lab):
    """The next engine shows it where it stood, and it goes on when it is told to."""
    first = Inline(lab)
    run = lab.start(paused=True, **SHORT)
    lab.wait(run, "paused")
    lab.tell(run, "step", steps=5)
    lab.wait_step(run, 5)
    wait_for(lambda: lab.head(run).status == "paused")
    first.abandon()
    second = Inline(lab)
    wait_for(lambda: lab.head(run).attempt == 2)
    assert lab.wait(run, "paused").step == 5
    lab.tell(run, "resume")
    lab.wait(run, "finished")
    assert lab.events(run) == undisturbed(changed(RunSpec(), SHORT))[0]
    first.backend.close()
    second.stop()


def test_a_paused_run_parks_and_is_woken_by_every_command(lab):
    """A pause costs no thread for long; step, set, resume and stop find the run again."""
    engine = Inline(lab, park_after=0.05)
    values = {"training_epochs": 40}
    run = lab.start(paused=True, **values)

    def parked() -> None:
        wait_for(lambda: lab.store.held() == [] and lab.head(run).status == "paused")

    parked()
    lab.tell(run, "step", steps=3)
    assert lab.wait_step(run, 3).step == 3
    parked()
    lab.tell(run, "set", learning_rate=0.005)
    wait_for(lambda: lab.head(run).learning_rate == 0.005)
    parked()
    assert lab.head(run).step == 3
    lab.tell(run, "resume")
    lab.wait_step(run, 4)
    lab.tell(run, "pause")
    parked()
    lab.tell(run, "stop")
    lab.wait(run, "stopped")
    lab.tell(run, "resume")
    wait_for(lambda: lab.head(run).status == "finished")
    assert lab.events(run) == undisturbed(changed(RunSpec(), values), {3: 0.005})[0]
    assert lab.recoveries(run) == []
    engine.stop()


def test_a_diverged_run_says_so_and_goes_on_from_its_last_good_state(lab, inline):
    """A learning rate of 100 with SGD is a lesson, with a way back."""
    run = lab.start(optimizer_kind="sgd", optimizer_learning_rate=100.0, optimizer_momentum=0.0, training_epochs=30)
    lab.wait(run, "diverged")
    found = lab.store.run(run)
    assert "diverged at step" in found.error
    kinds = [body["kind"] for body in lab.events(run)]
    assert kinds[-2:] == ["diverged", "finished"]
    lab.tell(run, "resume", learning_rate=0.001)
    wait_for(lambda: lab.head(run).status == "finished")
    kinds = [body["kind"] for body in lab.events(run)]
    assert "diverged" not in kinds
    assert "learning_rate_set" in kinds
    assert lab.store.run(run).error == ""


def test_forty_runs_of_forty_people_all_show_something_before_one_is_done(lab, inline):
    """Nobody waits for the runs of those who came earlier."""
    runs = [lab.start(f"student {number}", **ENDLESS) for number in range(40)]
    wait_for(lambda: all(lab.head(run).step > 0 and lab.head(run).serial > 0 for run in runs))
    assert {lab.head(run).status for run in runs} == {"running"}
    for number, run in enumerate(runs):
        lab.store.delete(run, f"student {number}")
    wait_for(lambda: inline.shop._inboxes == {}, "all fenced")


def test_two_people_get_the_same_share_however_many_runs_each_has(lab, inline):
    """Four runs of one person together train about as long as the one run of another."""
    many = [lab.start("ann", **ENDLESS) for _ in range(4)]
    one = lab.start("bob", **ENDLESS)
    wait_for(lambda: lab.head(one).seconds > 2)
    together = sum(lab.head(run).seconds for run in many)
    alone = lab.head(one).seconds
    assert 0.5 < together / alone < 2
    assert all(lab.head(run).seconds > 0 for run in many)


def test_a_deleted_run_ends(lab, inline):
    """The thread that trained it is free again."""
    run = lab.start(**ENDLESS)
    lab.wait_step(run, 1)
    lab.client.delete_run(run, ME)
    wait_for(lambda: inline.shop._inboxes == {})
    with pytest.raises(UnknownRun):
        lab.store.run(run)


def test_a_failure_of_the_trainer_is_a_sentence(lab, inline, monkeypatch):
    """What nobody foresaw fails the one run, without a traceback in its row; it can be resumed."""

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(worker.Trainer, "advance", broken)
    run = lab.start(**SHORT)
    lab.wait(run, "failed")
    error = lab.store.run(run).error
    assert error.endswith(".")
    assert "secret" not in error
    assert "Traceback" not in error
    monkeypatch.undo()
    lab.tell(run, "resume")
    wait_for(lambda: lab.head(run).status == "finished")
    assert lab.events(run) == undisturbed(changed(RunSpec(), SHORT))[0]


def test_a_run_may_not_train_for_ever(tmp_path):
    """The limit on seconds stops a run with a sentence; what it learned is kept, and it can go on."""
    from dataclasses import replace

    from tests.engine.lab import Lab

    settings = lab_settings(tmp_path)
    lab = Lab(replace(settings, limits=replace(settings.limits, seconds=0.2)))  # type: ignore[arg-type]
    engine = Inline(lab)
    run = lab.start(**ENDLESS)
    lab.wait(run, "stopped")
    assert "LATENT_LAB_LIMIT_SECONDS" in lab.store.run(run).error
    step = lab.head(run).step
    lab.tell(run, "resume")
    wait_for(lambda: lab.head(run).step > step)
    engine.stop()
    lab.store.close()


def test_an_ended_run_leaves_a_thinned_record(lab, inline):
    """First and final state can be had after the end."""
    run = lab.start(training_epochs=100)
    lab.wait(run, "finished")
    steps = lab.store.checkpoint_steps(run)
    assert steps[-1] == lab.head(run).goal
    assert len(steps) <= 4
    assert len(lab.store.snapshots(run)) <= 200


def test_strangers_and_nonsense_are_refused(lab):
    """Whose run it is, which words there are, and which numbers fit is checked before anything is written."""
    run = lab.start(**SHORT)
    with pytest.raises(NotYours):
        lab.client.command(run, "bob", "pause")
    with pytest.raises(UnknownRun):
        lab.tell("x" * 2000, "pause")
    with pytest.raises(CommandRefused):
        lab.tell(run, "move")
    with pytest.raises(SpecError):
        lab.tell(run, "set", learning_rate=1e9)
    with pytest.raises(SpecError):
        lab.tell(run, "set", learning_rate=float("nan"))
    with pytest.raises(SpecError):
        lab.tell(run, "set")
    with pytest.raises(SpecError):
        lab.tell(run, "step", steps=0)
    assert lab.store.pending_commands() == []


def test_what_is_too_large_is_refused_before_it_is_stored(lab):
    """Limits are checked by the spec alone; the refusal names the variable that changes them."""
    with pytest.raises(SpecError, match="LATENT_LAB_LIMIT_PARAMETERS"):
        lab.start(data_kind="faces", model_hidden=(2048, 2048, 2048))
    with pytest.raises(SpecError, match="LATENT_LAB_LIMIT_BATCH_NUMBERS"):
        lab.start(data_kind="faces", model_hidden=(1200,) * 2, training_batch_size=4096)
    with pytest.raises(SpecError, match="LIMIT_BATCH_NUMBERS"):
        lab.start(data_kind="sprites", model_kind="conv", model_channels=(64,), training_batch_size=512)
    with pytest.raises((SpecError, DataMissing)):
        lab.start(data_kind="wine", objective_reconstruction="bce")
    assert lab.store.runs_of(ME) == []


def test_timeless_events_still_tell_the_steps():
    """The comparison of these tests does not throw away what it compares."""
    body = {"kind": "finished", "step": 3, "seconds": 1.0, "metrics": {"seconds": 1.0, "val_mse": 0.5}}
    assert timeless(body) == {"kind": "finished", "step": 3, "metrics": {"val_mse": 0.5}}
