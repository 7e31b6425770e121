"""Runs beside each other: what differs between their experiments, which differ only by chance, and which is best."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ae_core.spec import RunSpec, changed, in_effect

Way = Literal["less", "more"]

BETTER: Mapping[str, Way] = {
    "val_mse": "less",
    "train_mse": "less",
    "val_elbo": "more",
    "rmse_hidden": "less",
    "recall_20": "more",
    "ndcg_100": "more",
    "parameters": "less",
    "seconds": "less",
    "samples_per_second": "more",
}
"""Of each number that a run ends with, which way is better; those that are not here are neither."""


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same everywhere. values: one a run, None where the setting has no effect."""

    key: str
    values: tuple[Any, ...]


def differences(specs: Sequence[RunSpec]) -> list[Difference]:
    """The settings in which the experiments differ, as far as they have an effect, in the order of the spec."""
    known = [{leaf.key: leaf.value for leaf in in_effect(spec)} for spec in specs]
    keys = dict.fromkeys(key for values in known for key in values)
    rows = [Difference(key, tuple(values.get(key) for values in known)) for key in keys]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]


def families(specs: Sequence[RunSpec]) -> list[list[int]]:
    """Which experiments differ in nothing but the seed, by number, in the order of the first of each."""
    found: dict[str, list[int]] = {}
    for number, spec in enumerate(specs):
        found.setdefault(changed(spec, {"training_seed": 0}).model_dump_json(), []).append(number)
    return list(found.values())


@dataclass(frozen=True)
class Spread:
    """Of one number over runs that differ only in the seed: mean, standard deviation (n - 1), how many runs."""

    mean: float
    deviation: float
    count: int


def spread(values: Sequence[float]) -> Spread | None:
    """None for fewer than two values."""
    if len(values) < 2:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values), len(values))


def best(name: str, values: Sequence[float | None]) -> int | None:
    """The number of the run with the best value; None where neither way is better, or nothing is to be compared."""
    known = [(value, number) for number, value in enumerate(values) if value is not None]
    if name not in BETTER or len(known) < 2 or len({value for value, _ in known}) < 2:
        return None
    return min(known)[1] if BETTER[name] == "less" else max(known, key=lambda pair: pair[0])[1]


def same_items(specs: Sequence[RunSpec]) -> bool:
    """Whether all experiments are about the same items, divided and scaled alike, so that their errors compare."""
    scaled = {(spec.data.model_dump_json(), spec.objective.reconstruction == "cross_entropy") for spec in specs}
    return len(scaled) == 1
