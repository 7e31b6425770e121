"""Questions about runs: asked, worked out in the engine, kept, and found again."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load

from ae_core import frames
from ae_core.engine import desk, worker
from ae_core.engine.client import Client
from ae_core.errors import CommandRefused, LimitError, SpecError, UnknownRun
from ae_core.probes import answers
from ae_core.probes.questions import Codes, Items, probe_id, read_question
from ae_core.probes.specimen import revive
from ae_core.spec import RunSpec, changed
from ae_core.store import Probe
from ae_core.store import probes as store_probes
from ae_core.training import Trainer
from tests.engine.lab import ME, Lab, wait_for

SHORT = {"training_epochs": 4}
QUESTION = Codes()


def answered(lab: Lab, run: str, probe: str) -> Probe:
    """The question, once it is not worked on any more."""

    def over() -> Probe | None:
        found = lab.store.probes.look(run, probe)
        return found if found.status in ("done", "failed") else None

    return wait_for(over, f"an answer to {probe}")


def frame_of(lab: Lab, run: str, question: Codes | Items, step: int | None = None):
    """Header and arrays of the answer."""
    found = answered(lab, run, lab.client.ask(run, ME, question, step).id)
    assert found.status == "done", found.error
    return frames.decode(found.frame)


def test_the_model_is_kept_at_the_start_at_the_end_and_between(lab, inline):
    """Milestones rise, begin with the untrained model and end with the finished one, whose weights they hold."""
    run = lab.start(training_epochs=60)
    head = lab.wait(run, "finished")
    steps = [kept.step for kept in lab.store.probes.milestones(run)]
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, head.goal)
    trainer = Trainer(changed(RunSpec(), {"training_epochs": 60}))
    trainer.start()
    trainer.advance()
    whole = load(lab.store.checkpoint(run))
    for name, value in load(trainer.weights()).items():
        assert torch.equal(whole[f"model/{name}"], value), name


def test_codes_are_those_of_the_model_and_carry_the_rows_of_the_dataset(lab, inline):
    """Place, error and name of every item agree with the model put together by hand."""
    run = lab.start(**SHORT)
    head = lab.wait(run, "finished")
    header, arrays = frame_of(lab, run, QUESTION)
    trainer = Trainer(changed(RunSpec(), SHORT))
    trainer.start()
    trainer.advance()
    model = trainer.model.eval()
    split = trainer._split
    with torch.inference_mode():
        z = model.encode(trainer.val_items).centre.numpy()
        error = (model.reconstruct(trainer.val_items) - trainer.val_items).square().mean(dim=1).numpy()
    count = len(split.val)
    assert (header["kind"], header["run"], header["step"], header["axes"]) == ("codes", run, head.goal, "code")
    np.testing.assert_allclose(arrays["place"][:count], z, atol=1e-6)
    np.testing.assert_allclose(arrays["error"][:count], error, atol=1e-6)
    assert (arrays["item"][:count] == split.val_index).all()
    assert (arrays["label"][:count] == split.val_labels).all()
    assert sorted(arrays["item"]) == list(range(header["items"]))


def test_an_earlier_milestone_has_the_codes_of_then(lab, inline):
    """Walking back shows the untrained model, not the finished one."""
    run = lab.start(**SHORT)
    lab.wait(run, "finished")
    _, first = frame_of(lab, run, QUESTION, 0)
    _, last = frame_of(lab, run, QUESTION)
    assert not np.allclose(first["place"], last["place"])
    assert first["error"].mean() > last["error"].mean()


def test_wide_codes_are_told_on_their_principal_axes(lab, inline):
    """A code of 16 numbers is drawn on two axes, the stronger first, each with its share of the variance."""
    run = lab.start(**SHORT, model_code_latent_dim=16)
    lab.wait(run, "finished")
    header, arrays = frame_of(lab, run, QUESTION)
    assert (header["axes"], header["width"], arrays["place"].shape[1]) == ("pca", 16, 2)
    assert 1 > header["explained"][0] > header["explained"][1] > 0


def test_items_come_back_exactly_in_whole_levels_of_grey(lab, inline):
    """Digits have 16 levels, so a byte an entry tells them without loss."""
    run = lab.start(**SHORT)
    lab.wait(run, "finished")
    header, arrays = frame_of(lab, run, Items(first=3, most=400))
    split = Trainer(changed(RunSpec(), SHORT))._split
    assert (header["levels"], arrays["x"].dtype) == (16, np.uint8)
    whole = np.concatenate([split.val, split.train])[3:403]
    np.testing.assert_array_equal(arrays["x"].astype(np.float32) / 16, whole)
    assert (arrays["item"] == np.concatenate([split.val_index, split.train_index])[3:403]).all()


def test_points_come_back_as_numbers(lab, inline):
    """What is no picture is told in float32."""
    run = lab.start(**SHORT, data_kind="rings")
    lab.wait(run, "finished")
    header, arrays = frame_of(lab, run, Items())
    assert (header["form"], header["levels"], arrays["x"].dtype) == ("points", 0, np.float32)


def test_the_same_question_is_worked_out_once(lab, inline):
    """Whoever asks again, whoever it is, gets the answer that is kept."""
    run = lab.start(**SHORT)
    lab.wait(run, "finished")
    first = lab.client.ask(run, ME, QUESTION)
    answered(lab, run, first.id)
    again = lab.client.ask(run, "bob", QUESTION)
    assert (again.id, again.status) == (first.id, "done")
    assert again.frame is not None


def test_a_paused_run_can_be_looked_into(lab, inline):
    """It is enough that the run stands still."""
    run = lab.start(paused=True)
    lab.wait(run, "paused")
    header, _ = frame_of(lab, run, QUESTION)
    assert header["step"] == 0


def test_questions_that_make_no_sense_are_refused(lab):
    """An unknown kind, a number out of bounds, a step that is not kept, an unknown run, a run without model."""
    for wrong in ({"kind": "nonsense"}, {"kind": "codes", "most": 1}, {"kind": "codes", "more": 1}, {}):
        with pytest.raises(SpecError):
            read_question(wrong)
    run = lab.start()
    with pytest.raises(CommandRefused, match="no model"):
        lab.client.ask(run, ME, QUESTION)
    with pytest.raises(UnknownRun, match="keeps no model of step 7"):
        lab.client.ask(run, ME, QUESTION, 7)
    with pytest.raises(UnknownRun):
        lab.client.ask("nobody", ME, QUESTION, 7)


def test_one_browser_cannot_ask_without_end(lab, inline):
    """Questions that wait are limited, for one browser and for all; the refusal names the limit."""
    run = lab.start(paused=True)
    lab.wait(run, "paused")
    inline.stop()
    limits = dataclasses.replace(lab.settings.limits, questions_per_client=2, questions_total=3)
    client = Client(lab.store, dataclasses.replace(lab.settings, limits=limits))
    for first in range(2):
        client.ask(run, ME, Items(first=first))
    with pytest.raises(LimitError, match="QUESTIONS_PER_CLIENT"):
        client.ask(run, ME, Items(first=5))
    assert client.ask(run, "bob", Items(first=5)).status == "queued"
    with pytest.raises(LimitError, match="QUESTIONS_TOTAL"):
        client.ask(run, "eve", Items(first=6))


def test_a_question_that_waits_for_a_place_is_not_taken_for_lost(lab, inline, monkeypatch):
    """While others are worked on it gives signs of life, so nobody else takes it up and it is answered in the end."""
    run = lab.start(paused=True)
    lab.wait(run, "paused")
    monkeypatch.setattr(desk, "TELL", 0.02)
    places = inline.shop._desk._places
    for _ in range(desk.AT_ONCE):
        places.acquire()
    probe = lab.client.ask(run, ME, QUESTION).id
    wait_for(lambda: lab.store.probes.look(run, probe).status == "working", "it to be taken up")
    monkeypatch.setattr(store_probes, "SILENT", 0.5)
    still = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > still, "three times that silence")
    assert lab.store.probes.waiting() == []
    for _ in range(desk.AT_ONCE):
        places.release()
    assert answered(lab, run, probe).status == "done"


def test_the_milestone_of_a_diverged_run_is_of_the_step_that_is_good(lab, inline):
    """Step and epoch of what is kept belong together, whatever the run had reached when it broke."""
    run = lab.start(optimizer_kind="sgd", optimizer_learning_rate=100.0)
    lab.wait(run, "diverged")
    steps = Trainer(changed(RunSpec(), {})).cadence.steps_per_epoch
    kept = lab.store.probes.milestones(run)
    assert [one.epoch for one in kept] == [pytest.approx(one.step / steps) for one in kept]
    assert kept[-1].step < lab.head(run).step


def test_a_question_that_cannot_be_answered_says_why_and_may_be_asked_again(lab, inline, monkeypatch):
    """What the library refuses is told in its own words, what it cannot foresee in ours; neither is for ever."""
    run = lab.start(paused=True)
    lab.wait(run, "paused")

    def refuse(*_: object) -> None:
        raise SpecError("Not on a Thursday.")

    with monkeypatch.context() as patch:
        patch.setitem(answers.ANSWERS, Codes, refuse)
        found = answered(lab, run, lab.client.ask(run, ME, QUESTION).id)
        assert (found.status, found.error) == ("failed", "Not on a Thursday.")
        patch.setitem(answers.ANSWERS, Codes, lambda *_: 1 / 0)
        found = answered(lab, run, lab.client.ask(run, ME, QUESTION).id)
        assert (found.status, "log" in found.error) == ("failed", True)
    assert answered(lab, run, lab.client.ask(run, ME, QUESTION).id).status == "done"


def test_a_question_whose_worker_is_lost_goes_to_another_one_and_is_given_up_at_last(lab, inline, monkeypatch):
    """Silence for long means that the worker is gone; three of them are enough."""
    run = lab.start(paused=True)
    lab.wait(run, "paused")
    inline.stop()
    probe = lab.client.ask(run, ME, QUESTION).id
    assert lab.store.probes.waiting() == [(probe, 1)]
    assert lab.store.probes.waiting() == []
    monkeypatch.setattr(store_probes, "SILENT", -1.0)
    assert lab.store.probes.waiting() == [(probe, 2)]
    assert lab.store.probes.waiting() == [(probe, 3)]
    assert lab.store.probes.waiting() == []
    assert lab.store.probes.look(run, probe).status == "failed"


def test_answers_about_a_run_are_kept_up_to_a_size_and_go_with_it(lab, inline, monkeypatch):
    """The one that was wanted last stays; with the run, all go."""
    run = lab.start(paused=True)
    lab.wait(run, "paused")
    monkeypatch.setattr(store_probes, "KEPT_BYTES", 20_000)
    first = answered(lab, run, lab.client.ask(run, ME, Items(most=200)).id)
    second = answered(lab, run, lab.client.ask(run, ME, Items(most=201)).id)
    with pytest.raises(UnknownRun):
        lab.store.probes.look(run, first.id)
    assert lab.store.probes.look(run, second.id).status == "done"
    lab.client.delete_run(run, ME)
    with pytest.raises(UnknownRun):
        lab.store.probes.look(run, second.id)


def test_the_name_of_a_question_says_all_that_its_answer_depends_on():
    """Run, step and every setting; nothing else."""
    names = {
        probe_id("a", 1, Codes()),
        probe_id("b", 1, Codes()),
        probe_id("a", 2, Codes()),
        probe_id("a", 1, Codes(most=200)),
        probe_id("a", 1, Items()),
    }
    assert len(names) == 5
    assert probe_id("a", 1, Codes()) == probe_id("a", 1, read_question({"kind": "codes"}))


def test_milestones_are_thinned_evenly_and_by_size(lab, inline, monkeypatch):
    """A long run keeps few of them, the first and the last among them."""
    monkeypatch.setattr("ae_core.store.keeping.MILESTONES", 9)
    monkeypatch.setattr(worker, "SLICE", 0.001)
    monkeypatch.setattr(worker, "MILESTONES", ((1.08, 1.0),))
    monkeypatch.setattr(worker, "SNAPSHOT_SHARE", 1.0)
    run = lab.start(training_epochs=200)
    head = lab.wait(run, "finished")
    steps = [kept.step for kept in lab.store.probes.milestones(run)]
    assert 6 <= len(steps) <= 9 + 3  # checkpoints count too
    assert (steps[0], steps[-1]) == (0, head.goal)


def test_weights_of_another_network_are_refused():
    """Nothing is guessed."""
    blob = Trainer(changed(RunSpec(), {"model_hidden": (7,)})).weights()
    with pytest.raises(Exception, match="network"):
        revive("run", RunSpec(), 0, blob, 10)
