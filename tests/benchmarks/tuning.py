"""Whether searching pays and what it costs: TPE beside random trials, studies made anew, reruns of the page."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest  # noqa: TID251  the page is measured as its tests drive it

from ae_core import services
from ae_core.events import Finished, Progress, to_json
from ae_core.spec import RunSpec, changed
from ae_core.training import train
from ae_core.tuning.charts import View, charts, picture
from ae_core.tuning.plan import StudyPlan
from ae_core.tuning.study import hopeless, next_trial, rebuilt
from ae_core.tuning.trials import Reader, Trial, reports
from tests.benchmarks.measure import table
from tests.studies import made_up, plan_of, write

SEEDS = range(5)
TRIALS = 30
EPOCHS = 20
SOUGHT = ("optimizer_learning_rate", "model_hidden", "model_activation", "training_batch_size")
MANY = ["complete", "pruned", "complete", "failed"] * 50
RERUNS = 40
SHELL = Path(__file__).resolve().parents[2] / "pages" / "_shell.py"


def run() -> Iterator[str]:
    """The tables, on one torch thread."""
    torch.set_num_threads(1)
    head = ["val_mse on digits, code of 2", "TPE, best of 30", "random, best of 30", "random, median of 30"]
    yield table([*head, "TPE, median pruner, best of 30", "epochs that the pruner saved"], list(comparison()))
    yield table(["200 trials", "ms"], list(costs()))


def comparison() -> Iterator[list[str]]:
    """A row a seed: what each way of searching came to with as many trials."""
    base = changed(RunSpec(), {"training_epochs": EPOCHS})
    for seed in SEEDS:
        tpe, random, pruned = (
            searched(
                plan_of(*SOUGHT, base=base, trials=TRIALS, sampler=sampler, pruner=pruner, seed=seed, with_base=False)
            )
            for sampler, pruner in (("tpe", "none"), ("random", "none"), ("tpe", "median"))
        )
        found = [errors(tpe)[0], errors(random)[0], statistics.median(errors(random)), errors(pruned)[0]]
        trained = sum(max(trial.reports, default=100) for trial in pruned)
        saved = 1 - trained / (100 * TRIALS)
        yield [f"seed {seed}", *(f"{error:.4f}" for error in found), f"{saved:.0%}"]


def errors(trials: list[Trial]) -> list[float]:
    """Of complete trials, smallest first."""
    return sorted(trial.values[0] for trial in trials if trial.values)


def searched(plan: StudyPlan) -> list[Trial]:
    """A study one trial at a time, in this process, without engine and store."""
    trials: list[Trial] = []
    while len(trials) < plan.trials:
        found = next_trial(plan, "benchmark", trials)
        assert found is not None
        proposal, marks = found
        trial = Trial(number=len(trials), run="-", state="running", params=proposal.params, marks=marks)
        trials.append(trained(plan, proposal.spec, trials, trial))
    return trials


def trained(plan: StudyPlan, spec: RunSpec, before: list[Trial], trial: Trial) -> Trial:
    """The trial as it ended: by itself, or given up."""
    bodies = []
    for event in train(spec):
        bodies.append(to_json(event))
        if isinstance(event, Progress):
            told = replace(trial, reports=reports(bodies, spec.training.epochs, plan.objectives[0]))
            if told.reports != trial.reports and hopeless(plan, "benchmark", [*before, told]):
                return replace(told, state="pruned")
            trial = told
        if isinstance(event, Finished) and event.reason == "epochs":
            return replace(trial, state="complete", values=(event.metrics["val_mse"],))
    return replace(trial, state="failed", reason="It diverged.")


def costs() -> Iterator[list[str]]:
    """What it takes to make a study of 200 trials anew, to propose, to draw, and to rerun the page."""
    plan = plan_of(sampler="tpe")
    trials = made_up(plan_of(sampler="random"), MANY)
    yield ["Optuna's study made anew", timed(lambda: rebuilt(plan, "x", trials))]
    yield ["made anew and asked for the next trial", timed(lambda: next_trial(plan, "x", trials))]
    for chart in charts(plan):
        view = View(plan, "x", trials, {}, 0, ("optimizer_learning_rate", "model_hidden_count"), 0.05)
        yield [f"picture: {chart}", timed(lambda view=view, chart=chart: picture(view, chart))]
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENT_LAB_HOME", home)
        study = write(services.current().store, plan, trials, "ann")
        yield [
            "read from the store the first time",
            timed(lambda: Reader(services.current().store, study, plan).trials()),
        ]
        reader = Reader(services.current().store, study, plan)
        yield ["read again", timed(reader.trials)]
        yield ["rerun of the page, p95", f"{1000 * reruns(study):.0f}"]
        services.current().store.close()


def timed(work: Callable[[], object]) -> str:
    """Milliseconds, the median of seven after one that is not counted."""
    work()
    took = []
    for _ in range(7):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return f"{1000 * statistics.median(took):.0f}"


def reruns(study: str) -> float:
    """Seconds in which 95 of 100 reruns of the page with that study are done, each with another picture than before."""
    logging.disable(logging.WARNING)  # Streamlit has much to say outside of a server
    app = AppTest.from_file(str(SHELL), default_timeout=60)
    app.run()
    app.switch_page("tune.py").run()
    app.query_params["study"] = study
    names, took = charts(plan_of()), []
    for number in range(RERUNS + len(names)):
        if number:
            app.button_group(key="tune_chart").set_value(names[number % len(names)])
        began = time.perf_counter()
        app.run()
        took.append(time.perf_counter() - began)
    warm = sorted(took[len(names) :])
    return warm[int(0.95 * len(warm))]
