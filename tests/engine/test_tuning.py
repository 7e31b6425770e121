"""Studies on a real engine: they end at their budget, stop, go on, survive what is killed, and starve nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from ae_core.spec import RunSpec, changed
from ae_core.tuning import driver as driver_module
from ae_core.tuning.driver import BROKEN, REFUSALS, Driver
from ae_core.tuning.plan import Numbers, StudyPlan, Words, read_plan
from ae_core.tuning.studies import go_on, start_study, stop_study
from ae_core.tuning.trials import Reader, Trial, count
from tests.engine.lab import ENDLESS, ME, Inline, Lab, alive, family, lab_settings, real_engine, wait_for
from tests.running import running_app
from tests.studies import plan_of

QUICK = changed(RunSpec(), {"training_epochs": 2, "data_kind": "moons", "model_hidden": (8,)})
LONG = changed(RunSpec(), {"training_epochs": 200, "model_hidden": (64,)})


@contextmanager
def driven(lab: Lab) -> Iterator[Driver]:
    """A driver in a thread of its own, as the engine's host has it."""
    driver, gone = Driver(lab.store, lab.settings), threading.Event()
    thread = threading.Thread(target=driver.serve, args=(gone,), daemon=True)
    thread.start()
    yield driver
    gone.set()
    thread.join(10)


@pytest.fixture
def tuning(lab: Lab, inline: Inline) -> Iterator[Driver]:
    """An engine with a driver."""
    with driven(lab) as driver:
        yield driver


def trials(lab: Lab, study: str) -> list[Trial]:
    """All trials of a study as they are now."""
    return Reader(lab.store, study, read_plan(lab.store.groups.group(study).plan)).trials()


def state(lab: Lab, study: str) -> str:
    return lab.store.groups.group(study).state


def done(lab: Lab, study: str) -> list[Trial]:
    """The trials of a study once it is done."""
    wait_for(lambda: state(lab, study) == "done", f"study {study} done")
    return trials(lab, study)


def test_a_study_ends_at_its_budget(lab, tuning):
    """As many trials as were asked for, the present settings among them, each a run of its owner."""
    study = start_study(lab.client, plan_of(base=QUICK, trials=12, pruner="none"), ME)
    found = done(lab, study)
    assert vars(count(found)) == {"complete": 12, "pruned": 0, "failed": 0, "running": 0}
    assert lab.store.run(found[0].run).spec == QUICK
    assert {lab.store.run(trial.run).kind for trial in found} == {"trial"}
    assert lab.store.runs_of(ME) == []  # the list of people's own runs stays short
    assert len(lab.store.runs_of(ME, kinds=("trial",))) == 12


def test_one_at_a_time_a_study_can_be_repeated(lab, tuning):
    """The same plan gives the same trials with the same errors."""
    plan = plan_of(base=QUICK, trials=12, parallel=1, pruner="none", seed=5)
    first, second = (done(lab, start_study(lab.client, plan, owner)) for owner in (ME, "bob"))
    assert [trial.params for trial in second] == [trial.params for trial in first]
    assert [trial.values for trial in second] == [trial.values for trial in first]


def test_another_driver_goes_on_from_the_store(lab, inline):
    """The host is lost in mid-study: nothing finished is lost, and the rest is as if nothing had happened."""
    plan = plan_of(base=QUICK, trials=14, parallel=1, pruner="none", seed=5)
    with driven(lab):
        undisturbed = done(lab, start_study(lab.client, plan, "bob"))
        study = start_study(lab.client, plan, ME)
        wait_for(lambda: count(trials(lab, study)).complete >= 5)
    before = [trial for trial in trials(lab, study) if trial.state == "complete"]
    with driven(lab):
        after = done(lab, study)
    assert after[: len(before)] == before
    assert [trial.params for trial in after] == [trial.params for trial in undisturbed]
    assert [trial.values for trial in after] == [trial.values for trial in undisturbed]


def test_stop_lets_trials_wait_and_go_on_lets_them_train_on(lab, tuning):
    """No trial is lost or given up by stopping; more than the budget can be asked for at the end."""
    study = start_study(lab.client, plan_of("optimizer_learning_rate", base=LONG, trials=4, pruner="none"), ME)
    wait_for(lambda: any(trial.reports for trial in trials(lab, study)))
    stop_study(lab.store, study, ME)
    wait_for(lambda: all(trial.status in ("paused", "finished") for trial in trials(lab, study)))
    held = trials(lab, study)
    assert held
    go_on(lab.store, study, ME)
    found = done(lab, study)
    assert [trial.run for trial in found][: len(held)] == [trial.run for trial in held]
    assert count(found).complete == 4
    go_on(lab.store, study, ME, trials=2)
    assert count(done(lab, study)).complete == 6


def test_hopeless_trials_are_given_up(lab, tuning):
    """Steps that are far too short are seen to be so early, and cost a part of a whole trial's time."""
    sought = (Words(setting="optimizer_kind", words=("adam", "sgd")),)
    sought += (Numbers(setting="optimizer_learning_rate", low=1e-5, high=0.01, log=True),)
    plan = StudyPlan(base=LONG, sought=sought, trials=14, parallel=1, sampler="random")
    found = done(lab, start_study(lab.client, plan, ME))
    pruned = [trial for trial in found if trial.state == "pruned"]
    assert pruned
    assert all(max(trial.reports, default=0) < 100 for trial in pruned)
    assert len(found) == 14


def test_what_diverges_is_counted_and_ends_nothing(lab, tuning):
    """Failed trials have their reason; the others come to their end."""
    sought = (Numbers(setting="optimizer_learning_rate", low=0.001, high=100, log=True),)
    base = changed(QUICK, {"optimizer_kind": "sgd", "training_epochs": 30})
    found = done(lab, start_study(lab.client, StudyPlan(base=base, sought=sought, trials=12, pruner="none"), ME))
    failed = [trial for trial in found if trial.state == "failed"]
    assert failed
    assert all(trial.reason for trial in failed)
    assert count(found).complete + len(failed) == 12


def test_experiments_that_exclude_each_other_are_failed_trials(lab, tuning):
    """A code that keeps more numbers than it has is refused with its sentence, and another one is tried."""
    base = changed(QUICK, {"model_code_kind": "k_sparse", "model_code_latent_dim": 4, "model_code_k": 2})
    sought = (Numbers(setting="model_code_k", low=1, high=12, whole=True),)
    sought += (Numbers(setting="model_code_latent_dim", low=2, high=12, whole=True),)
    found = done(lab, start_study(lab.client, StudyPlan(base=base, sought=sought, trials=10, pruner="none"), ME))
    refused = [trial for trial in found if not trial.counts]
    assert refused
    assert all(trial.reason.endswith(".") for trial in refused)
    assert count(found).complete == 10


def test_a_study_of_nothing_that_can_be_run_ends_with_a_sentence(lab, tuning):
    """It does not go on proposing for ever."""
    base = changed(QUICK, {"model_code_kind": "k_sparse", "model_code_latent_dim": 2, "model_code_k": 2})
    sought = (Numbers(setting="model_code_k", low=3, high=12, whole=True),)
    plan = StudyPlan(base=base, sought=sought, trials=10, with_base=False)
    study = start_study(lab.client, plan, ME)
    assert done(lab, study) == []
    assert str(REFUSALS) in read_plan(lab.store.groups.group(study).plan).note


def test_an_error_of_the_search_ends_one_study_and_no_other(lab, tuning, monkeypatch):
    """What nobody foresaw is a sentence on that study; the next one is tended as usual."""
    usual = driver_module.next_trial

    def broken(plan, name, found):
        if plan.seed == 13:
            raise ZeroDivisionError("secret detail")
        return usual(plan, name, found)

    monkeypatch.setattr(driver_module, "next_trial", broken)
    bad = start_study(lab.client, plan_of(base=QUICK, trials=2, seed=13), ME)
    unreadable = lab.store.groups.add("study", ME, {"nothing": "fits"})
    good = start_study(lab.client, plan_of(base=QUICK, trials=2), ME)
    assert len(done(lab, good)) == 2
    wait_for(lambda: state(lab, bad) == state(lab, unreadable) == "done")
    assert lab.store.groups.group(bad).plan["note"] == BROKEN


def test_an_outage_of_the_store_is_survived(lab, inline, monkeypatch):
    """The driver waits and goes on; the study is not ended by it."""
    usual, failures = lab.store.groups.open, iter([OperationalError("look", {}, Exception("away"))])

    def away_once(kind):
        for failure in failures:
            raise failure
        return usual(kind)

    monkeypatch.setattr(lab.store.groups, "open", away_once)
    study = start_study(lab.client, plan_of(base=QUICK, trials=2), ME)
    with driven(lab):
        assert count(done(lab, study)).complete == 2


def test_a_study_that_is_deleted_while_it_searches_leaves_nothing(lab, tuning):
    """Its runs go with it, and the driver tends the next one."""
    study = start_study(lab.client, plan_of("optimizer_learning_rate", base=LONG), ME)
    wait_for(lambda: trials(lab, study))
    runs = [member.run for member in lab.store.groups.members(study)]
    lab.store.groups.delete(study, ME)
    assert len(done(lab, start_study(lab.client, plan_of(base=QUICK, trials=2), ME))) == 2
    assert lab.store.heads(runs) == {}


def test_two_people_tune_at_once(lab, tuning):
    """Both studies come to their end, and neither waits for the other's."""
    ann, bob = (start_study(lab.client, plan_of(base=QUICK, trials=10), owner) for owner in (ME, "bob"))
    wait_for(lambda: count(trials(lab, ann)).complete and count(trials(lab, bob)).complete)
    assert len(done(lab, ann)) == len(done(lab, bob)) == 10


def test_a_study_counts_against_its_owners_share(tmp_path: Path):
    """At a limit it waits and says why; it goes on as soon as there is room."""
    settings = lab_settings(tmp_path)
    lab = Lab(replace(settings, limits=replace(settings.limits, runs_per_client=4)))
    engine = Inline(lab)
    with driven(lab):
        run = lab.start(training_epochs=1)
        study = start_study(lab.client, plan_of(base=QUICK, trials=4), ME)
        wait_for(lambda: "LIMIT_RUNS_PER_CLIENT" in lab.store.groups.group(study).plan["note"])
        assert len(trials(lab, study)) == 3
        assert state(lab, study) == "open"
        lab.wait(run, "finished")
        lab.store.delete(run, ME)
        assert len(done(lab, study)) == 4
        assert lab.store.groups.group(study).plan["note"] == ""
    engine.stop()
    lab.store.close()


def test_trials_make_way_for_people(lab, tuning):
    """While somebody trains a run of their own, four trials together get no more time than that one run."""
    study = start_study(
        lab.client, plan_of("optimizer_learning_rate", base=changed(LONG, ENDLESS), trials=4, parallel=4), ME
    )
    wait_for(lambda: any(trial.seconds > 0 for trial in trials(lab, study)))
    live = lab.start("bob", **ENDLESS)
    lab.wait_step(live, 1)

    def seconds() -> tuple[float, float]:
        return lab.head(live).seconds, sum(trial.seconds for trial in trials(lab, study))

    before = seconds()
    wait_for(lambda: seconds()[0] - before[0] > 3)
    after = seconds()
    assert after[1] - before[1] < 1.3 * (after[0] - before[0])
    stop_study(lab.store, study, ME)


def test_a_killed_worker_and_a_killed_host_lose_no_finished_trial(tmp_path: Path):
    """With real processes: one worker is killed, then the host with all its workers; the study comes to its end."""
    with real_engine(lab_settings(tmp_path)) as (lab, engine):
        base = changed(RunSpec(), {"training_epochs": 60})
        study = start_study(lab.client, plan_of(base=base, trials=16), ME)

        def finished() -> dict[str, tuple[float, ...]]:
            return {trial.run: trial.values for trial in trials(lab, study) if trial.state == "complete"}

        wait_for(lambda: len(finished()) >= 2)
        assert engine.process is not None
        host = engine.process.pid
        kept = finished()
        _a_worker(host).kill()
        wait_for(lambda: len(finished()) >= len(kept) + 2)
        assert kept.items() <= finished().items()
        kept, everybody = finished(), family(host)
        psutil.Process(host).kill()
        wait_for(lambda: not alive(everybody))
        found = {trial.run: trial.values for trial in done(lab, study)}
        assert kept.items() <= found.items()
        assert len(found) == 16


def test_a_killed_server_loses_no_finished_trial(tmp_path: Path):
    """Its engine goes with it; the next server's engine goes on with the study by itself."""
    lab = Lab(lab_settings(tmp_path))
    study = start_study(lab.client, plan_of(base=changed(RunSpec(), {"training_epochs": 60}), trials=16), ME)

    def finished() -> dict[str, tuple[float, ...]]:
        return {trial.run: trial.values for trial in trials(lab, study) if trial.state == "complete"}

    with running_app(tmp_path) as app:
        wait_for(lambda: len(finished()) >= 3)
        everybody = family(app.process.pid)
        app.process.kill()
        wait_for(lambda: not alive(everybody))
    kept = finished()
    with running_app(tmp_path):
        found = {trial.run: trial.values for trial in done(lab, study)}
    assert kept.items() <= found.items()
    assert len(found) == 16
    lab.store.close()


def _a_worker(host: int) -> psutil.Process:
    """One of the host's worker processes: it listens, which its resource tracker and nanny's pipes do not."""
    for child in psutil.Process(host).children(recursive=True):
        if alive([child]) and any(not part.raddr for part in child.net_connections("tcp")):
            return child
    raise AssertionError("The host has no worker.")
