"""Several runs beside each other: what differs among them, which differ by their seed alone, and which is best.

for row in differences([run.spec for run in runs]):
    print(row.key, *row.values)
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ae_core.spec import RunSpec, Schedule, Setting, changed, in_effect

Direction = Literal["higher", "lower", "none"]
SEED = "training_seed"
KEPT = 2048  # specs whose settings stay at hand

REPORTED: dict[str, Direction] = {
    "val_mse": "lower",
    "train_mse": "lower",
    "val_mse_column_mean": "none",
    "val_mse_denoised": "lower",
    "val_mse_denoised_pca": "none",
    "val_mse_damaged": "none",
    "val_elbo": "higher",
    "val_kl": "none",
    "val_explained_variance": "higher",
    "val_l0": "lower",
    "val_dead_fraction": "lower",
    "val_rmse_hidden": "lower",
    "train_rmse_hidden": "lower",
    "val_rmse_hidden_means": "none",
    "train_rmse_hidden_means": "none",
    "val_recall_20": "higher",
    "train_recall_20": "higher",
    "val_ndcg_100": "higher",
    "train_ndcg_100": "higher",
    "val_ndcg_100_popular": "none",
    "train_ndcg_100_popular": "none",
    "seconds": "none",
    "samples_per_second": "none",
    "parameters": "none",
}
"""Which way is better, of every number that finished runs report; "none" where neither is. In the order of a table."""


@dataclass(frozen=True)
class Absent:
    """Stands for the value of a setting that has no effect in a run."""


ABSENT = Absent()


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in all runs. values: one a run; a Schedule where it moves, ABSENT where it has no
    effect.
    """

    setting: Setting
    values: tuple[Any, ...]

    @property
    def key(self) -> str:
        return self.setting.key


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of `count` values, in their unit; of one value the deviation is 0."""

    mean: float
    deviation: float
    count: int


@lru_cache(KEPT)
def working(spec: RunSpec) -> Mapping[str, Setting]:
    """The settings in effect by key, without the list of schedules, which belong to the settings that they move."""
    return {leaf.key: leaf for leaf in in_effect(spec) if leaf.key != "schedules"}


def value_of(spec: RunSpec, key: str) -> Any:
    """A setting's value; its Schedule where it moves, ABSENT where it has no effect."""
    moving: Mapping[str, Schedule] = {plan.setting: plan for plan in spec.schedules}
    if key in moving:
        return moving[key]
    found = working(spec)
    return found[key].value if key in found else ABSENT


def differences(specs: Sequence[RunSpec]) -> list[Difference]:
    """Only what differs among settings in effect, in the order of the settings. Nothing for less than two specs."""
    leaves: dict[str, Setting] = {}
    for spec in specs:
        leaves |= {key: leaf for key, leaf in working(spec).items() if key not in leaves}
    places = {key: place for place, key in enumerate(_order(specs))}
    rows = [Difference(leaf, tuple(value_of(spec, key) for spec in specs)) for key, leaf in leaves.items()]
    differing = [row for row in rows if any(value != row.values[0] for value in row.values)]
    return sorted(differing, key=lambda row: places[row.key])


def _order(specs: Sequence[RunSpec]) -> list[str]:
    """Keys of all settings in effect; those that only later specs have stand behind the one that they follow there."""
    order: list[str] = []
    for spec in specs:
        last = -1
        for key in working(spec):
            if key in order:
                last = order.index(key)
            else:
                last += 1
                order.insert(last, key)
    return order


def seed_families(specs: Sequence[RunSpec]) -> list[tuple[int, ...]]:
    """Places of the specs that differ from each other in the seed alone, two or more together."""
    families: dict[RunSpec, list[int]] = {}
    for place, spec in enumerate(specs):
        families.setdefault(_seedless(spec), []).append(place)
    return [tuple(places) for places in families.values() if len(places) > 1]


@lru_cache(KEPT)
def _seedless(spec: RunSpec) -> RunSpec:
    return changed(spec, {SEED: 0})


def spread(values: Sequence[float | None]) -> Spread | None:
    """Of the values that there are; None where there are none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else 0.0, len(known))


def best(metric: str, values: Sequence[float | None]) -> set[int]:
    """Places of the best value, all of them where several are equal. None where neither way is better, and where fewer
    than two values can be compared.
    """
    known = {place: value for place, value in enumerate(values) if value is not None and math.isfinite(value)}
    way = REPORTED.get(metric, "none")
    if way == "none" or len(known) < 2:
        return set()
    top = max(known.values()) if way == "higher" else min(known.values())
    return {place for place, value in known.items() if value == top}


def reported(metrics: Sequence[Mapping[str, float]]) -> list[str]:
    """Names of the metrics that any of these runs has, in the order of a table; unknown ones come last."""
    names = dict.fromkeys(name for found in metrics for name in found)
    return [name for name in REPORTED if name in names] + [name for name in names if name not in REPORTED]


def items_of(spec: RunSpec) -> str:
    """Equal for runs that look at the same items in the same order, however these are scaled."""
    return spec.data.model_dump_json(exclude={"standardise"})


def on_one_scale(specs: Sequence[RunSpec]) -> bool:
    """Whether errors can be compared: the same data, scaled in the same way."""
    return (
        len(
            {
                (items_of(spec), spec.data.standardise, spec.objective.reconstruction == "cross_entropy")
                for spec in specs
            }
        )
        < 2
    )
