"""A sweep of 5 x 5 cells through the real engine, beside one run of its base through the same engine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ae_core.spec import RunSpec, changed
from ae_core.sweep import Axis, SweepPlan
from tests.benchmarks.measure import table
from tests.engine.lab import ME, Lab, lab_settings, real_engine

SIDE = 5
ROUNDS = 5
LOOK = 0.02  # seconds between two looks into the store
NETWORKS = {"64-128-64-2, batch 64": {}, "64-32-2, batch 64": {"model_hidden": (32,)}}
RATES = tuple(0.0005 * 2**k for k in range(SIDE))
DECAYS = tuple(0.0001 * 2**k for k in range(SIDE))


def run() -> Iterator[str]:
    """The table: seconds until there is something to see of all cells, until all are done, and that over one run."""
    rows = []
    with tempfile.TemporaryDirectory() as home, real_engine(lab_settings(Path(home))) as (lab, _):
        for name, values in NETWORKS.items():
            base = changed(RunSpec(), values)
            axes = tuple(
                Axis(key=key, values=steps)
                for key, steps in (("optimizer_learning_rate", RATES), ("objective_weight_decay", DECAYS))
            )
            found = [(one(lab, base), *all_cells(lab, SweepPlan(base=base, axes=axes))) for _ in range(ROUNDS + 1)][1:]
            alone, seen, done = (statistics.median(column) for column in zip(*found, strict=True))
            ratio = statistics.median(done / alone for alone, _, done in found)
            rows.append((f"digits, {name}", f"{alone:.2f}", f"{seen:.2f}", f"{done:.2f}", f"{ratio:.1f}"))
    yield table((f"{SIDE} x {SIDE} cells, seconds", "one run", "first pictures", "all done", "x one run"), rows)


def one(lab: Lab, spec: RunSpec) -> float:
    """Seconds from the start of a run to its end."""
    began = time.perf_counter()
    run = lab.client.start_run(spec, ME)
    _until(lambda: lab.head(run).status == "finished")
    return time.perf_counter() - began


def all_cells(lab: Lab, plan: SweepPlan) -> tuple[float, float]:
    """Seconds from the start of a sweep to the last cell's first picture, and to the last one's end."""
    began = time.perf_counter()
    runs = [member.run for member in lab.store.groups.members(lab.client.start_sweep(plan, ME))]
    _until(lambda: all(lab.store.introduction(run) for run in runs))
    seen = time.perf_counter() - began
    _until(lambda: all(head.status == "finished" for head in lab.store.heads(runs).values()))
    return seen, time.perf_counter() - began


def _until(true: Callable[[], bool]) -> None:
    """Looks so rarely that it takes nothing from the two cores that train."""
    while not true():
        time.sleep(LOOK)
