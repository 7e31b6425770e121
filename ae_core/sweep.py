"""One or two settings varied, all else equal: what is varied, the runs that this makes, and what came of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ae_core.compatibility import check
from ae_core.errors import SpecError
from ae_core.spec import RunSpec, Setting, Spec, changed, in_effect, settings

MOST_VALUES = 6  # of one setting
SEEDS = (1, 3, 5)
FIXED = (
    "training_seed",
    "data_split_seed",
    "training_max_seconds",
    "training_target_loss",
    "training_patience",
    "schedules",
    "data_kind",
)
"""Settings that are not varied: the seed is repeated instead, and a stop by itself would compare unlike runs."""


Value = Annotated[Any, BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]


class Axis(Spec):
    """A setting and the values that it takes. key: as in `spec.Setting`."""

    key: Annotated[str, Field(max_length=80)]
    values: Annotated[tuple[Value, ...], Field(min_length=1, max_length=MOST_VALUES)]


class SweepPlan(Spec):
    """base: the experiment that is varied. axes: along the columns, and if there are two, along the rows. seeds: how
    many runs each cell gets, with rising seeds. preset: the classic question that it asks, "" for one's own.
    """

    base: RunSpec = RunSpec()
    axes: Annotated[tuple[Axis, ...], Field(min_length=1, max_length=2)]
    seeds: Annotated[int, Field(ge=1, le=SEEDS[-1])] = 1
    preset: Annotated[str, Field(max_length=40)] = ""

    @property
    def columns(self) -> Axis:
        """What changes from left to right."""
        return self.axes[0]

    @property
    def rows(self) -> Axis | None:
        """What changes from top to bottom, if anything does."""
        return self.axes[1] if len(self.axes) > 1 else None


@dataclass(frozen=True)
class Place:
    """Where a run stands in its sweep, each from 0 up."""

    row: int
    column: int
    seed: int


def cells(plan: SweepPlan) -> Iterator[tuple[RunSpec, Place]]:
    """The experiment of each run of the sweep, row by row, a cell's seeds one after the other.

    Raises SpecError with the cell's values where they exclude each other.
    """
    if plan.rows is not None and plan.rows.key == plan.columns.key:
        raise SpecError(f"A sweep expects two different settings, got {plan.rows.key} twice. Choose another one.")
    rows = plan.rows.values if plan.rows else (None,)
    for (row, down), (column, across) in product(enumerate(rows), enumerate(plan.columns.values)):
        values = {plan.columns.key: across} | ({plan.rows.key: down} if plan.rows else {})
        spec = _cell(plan.base, values)
        for seed in range(plan.seeds):
            yield changed(spec, {"training_seed": seeded(plan, seed)}), Place(row, column, seed)


def seeded(plan: SweepPlan, number: int) -> int:
    """The seed of a cell's run of that number, from 0 up."""
    return (plan.base.training.seed + number) % 2**31


def _cell(base: RunSpec, values: Mapping[str, Any]) -> RunSpec:
    try:
        moved = tuple(plan for plan in base.schedules if plan.setting not in values)
        spec = changed(base, {**values, "schedules": moved})
        check(spec)
    except SpecError as error:
        here = ", ".join(f"{key} = {value}" for key, value in values.items())
        raise SpecError(f"The cell with {here} cannot be trained. {error}") from None
    return spec


def varied(spec: RunSpec) -> list[Setting]:
    """The settings that can be varied, those for beginners first."""
    able = [leaf for leaf in in_effect(spec) if leaf.key not in FIXED and _many(leaf)]
    return sorted(able, key=lambda leaf: (leaf.knob.level != "beginner", leaf.path[0] == "data"))


def _many(leaf: Setting) -> bool:
    """Whether the setting can take several values that are told apart by a word or a number."""
    return len(leaf.choices) > 1 or isinstance(leaf.default, bool | int | float) or leaf.key in LADDERS


LADDERS: dict[str, tuple[Any, ...]] = {
    "model_hidden": ((), (64,), (128, 64), (128, 64, 32), (128, 64, 64, 32)),
    "model_channels": ((8,), (16,), (16, 32), (8, 16, 32)),
}
"""Values of settings that are lists."""


def suggested(leaf: Setting, count: int = 5) -> tuple[Any, ...]:
    """Values worth comparing: all words, or numbers on both sides of the setting's own, as its slider is spaced."""
    if leaf.key in LADDERS:
        return LADDERS[leaf.key]
    if leaf.choices:
        return tuple(leaf.choices)[:MOST_VALUES]
    if isinstance(leaf.default, bool):
        return (False, True)
    kind, low = type(leaf.default), leaf.low or 0.0
    high = math.inf if leaf.high is None else leaf.high
    factor = {"log": 10.0 if kind is float else 2.0, "log2": 4.0}.get(leaf.knob.scale, 2.0)
    if kind is float and leaf.knob.scale == "linear":
        top = min(high, max(4 * leaf.value, low + 0.8 * (high - low)))
        wanted = [low + (top - low) * place / (count - 1) for place in range(count)]
    else:
        middle = leaf.value or max(low, 0.001)
        below = next(place for place in range(count) if place == count // 2 or middle / factor ** (place + 1) < low)
        wanted = [middle * factor ** (place - below) for place in range(count)]
    within = [min(max(value, low), high) for value in wanted]
    return tuple(sorted({round(value) if kind is int else float(f"{value:.3g}") for value in within}))


@dataclass(frozen=True)
class Preset:
    """A classic question. axis: what is varied. settings: of the experiment that it is asked with, over those on the
    knobs.
    """

    axis: Axis
    settings: Mapping[str, Any]


def _preset(key: str, values: Sequence[Any], **fixed: Any) -> Preset:
    return Preset(Axis(key=key, values=tuple(values)), fixed)


_PLAIN = {"model_kind": "mlp", "model_code_kind": "point", "objective_reconstruction": "mse", "schedules": ()}
_NARROW = _PLAIN | {"model_hidden": (64, 32)}

PRESETS: dict[str, Preset] = {
    "learning_rate": _preset("optimizer_learning_rate", (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 100.0), **_NARROW),
    "batch_size": _preset("training_batch_size", (4, 16, 64, 256, 1024), **_NARROW),
    "regularisation": _preset("objective_weight_decay", (0.0, 0.0001, 0.001, 0.01, 0.1, 1.0), **_NARROW),
    "depth": _preset("model_hidden", ((), (64,), (64, 64), (64, 64, 64), (64, 64, 64, 64)), **_PLAIN),
    "width": _preset("model_hidden", ((4,), (8,), (16,), (32,), (128,), (512,)), **_PLAIN),
    "bottleneck": _preset(
        "model_code_latent_dim",
        (1, 2, 4, 8, 16, 32),
        **(_PLAIN | {"model_hidden": (), "model_activation": "identity", "training_batch_size": 32}),
        optimizer_learning_rate=0.02,
        optimizer_schedule="cosine",
    ),
    "dropout": _preset("model_dropout", (0.0, 0.1, 0.2, 0.4, 0.6, 0.8), **_NARROW),
    "activation": _preset("model_activation", ("identity", "sigmoid", "tanh", "relu", "gelu"), **_NARROW),
    "noise": _preset(
        "objective_corruption_level", (0.0, 0.1, 0.2, 0.4, 0.8), **_NARROW, objective_corruption_kind="gaussian"
    ),
    "beta": _preset(
        "model_code_beta",
        (0.0, 0.1, 0.3, 1.0, 4.0, 16.0),
        **(_NARROW | {"model_code_kind": "variational", "model_code_latent_dim": 2}),
    ),
}
"""The textbook's questions. What each claims is copy, under `sweep.claim_<name>`."""

EPOCHS = 100  # of a preset's runs


def asked(name: str, spec: RunSpec) -> SweepPlan:
    """The plan of a preset on the dataset, the split and the seed of this experiment."""
    preset = PRESETS[name]
    base = changed(RunSpec(data=spec.data), dict(preset.settings) | {"training_epochs": EPOCHS})
    return SweepPlan(base=changed(base, {"training_seed": spec.training.seed}), axes=(preset.axis,), preset=name)


# ------------------------------------------------------------------------------------------------- what came of it


@dataclass(frozen=True)
class Cell:
    """A cell when its runs are over. values: of the axes. errors: val_mse of each seed that ended well, train_errors
    alike. lost: runs that diverged or failed.
    """

    values: tuple[Any, ...]
    errors: tuple[float, ...]
    train_errors: tuple[float, ...]
    lost: int

    @property
    def error(self) -> float:
        """Mean val_mse over seeds; NaN where no run ended well."""
        return _mean(self.errors)

    @property
    def train_error(self) -> float:
        """Mean train_mse over seeds; NaN where no run ended well."""
        return _mean(self.train_errors)

    @property
    def spread(self) -> float:
        """Standard deviation of val_mse over seeds (n - 1); NaN for fewer than two."""
        return statistics.stdev(self.errors) if len(self.errors) > 1 else math.nan


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


ENDED_WELL = ("finished", "stopped")
LOST = ("diverged", "failed")


def results(plan: SweepPlan, ended: Sequence[tuple[Place, str, Mapping[str, float]]]) -> list[list[Cell]]:
    """The sweep's cells, rows of columns. ended: (place, status, metrics) of each run."""
    rows = plan.rows.values if plan.rows else (None,)

    def cell(row: int, column: int) -> Cell:
        here = [(status, metrics) for place, status, metrics in ended if (place.row, place.column) == (row, column)]
        well = [metrics for status, metrics in here if status in ENDED_WELL and metrics]
        values = (plan.columns.values[column],) + ((rows[row],) if plan.rows else ())
        errors = tuple(metrics["val_mse"] for metrics in well)
        return Cell(values, errors, tuple(metrics["train_mse"] for metrics in well), sum(s in LOST for s, _ in here))

    return [[cell(row, column) for column in range(len(plan.columns.values))] for row in range(len(rows))]


@dataclass(frozen=True)
class Verdict:
    """What a sweep along one setting showed. best, worst: cells with the smallest and largest error. last: the last one
    that has a result. rises: whether both errors, of items learned from and of those kept aside, are larger there than
    at the best one by more than RISE. lost: cells of which no run ended well.
    """

    best: Cell
    worst: Cell
    last: Cell
    rises: bool
    lost: tuple[Cell, ...]


RISE = 0.1  # of the smallest error


def verdict(row: Sequence[Cell]) -> Verdict | None:
    """None where no cell has a result."""
    known = [cell for cell in row if cell.errors]
    if not known:
        return None
    best, worst = min(known, key=lambda cell: cell.error), max(known, key=lambda cell: cell.error)
    end = known[-1]
    rises = end.error > (1 + RISE) * best.error and end.train_error > (1 + RISE) * best.train_error
    return Verdict(best, worst, end, rises, tuple(cell for cell in row if cell.lost and not cell.errors))


def setting_of(spec: RunSpec, key: str) -> Setting:
    """A setting of this experiment. Raises SpecError where it has none of that name."""
    found = next((leaf for leaf in settings(spec) if leaf.key == key), None)
    if found is None:
        raise SpecError(f"This experiment has no setting {key[:60]!r}. Choose one that it has.")
    return found
