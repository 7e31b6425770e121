"""What can happen in a run, as frozen records. A run is its spec plus the list of these.

Two equal specs give equal lists: `seconds` tells how long it took and does not take part in comparison, and every
event falls on a step that follows from the spec alone (`training.cadence`). As JSON an event is one flat object with
its `kind`; numbers that are not finite become null.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

Terms = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Event:
    """step: optimiser steps done. epoch: the same in passes over the training items. seconds: of training so far."""

    kind: ClassVar[str]
    step: int
    epoch: float
    seconds: float = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The model stands, nothing is learned yet.

    parameters: numbers to learn. reference: PCA with the same width of code, fitted on the training items:
    `train_mse` and `val_mse`, mean over items and features. gradients: how they are found, explicit or autograd.
    """

    kind: ClassVar[str] = "started"
    parameters: int
    train_items: int
    val_items: int
    steps_per_epoch: int
    reference: Terms
    gradients: str = "autograd"


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """How well it does now.

    train: each objective term in nats per item (`loss` is their weighted sum), `mse` (mean over items and features) and
    what is watched beside them (`objectives.READINGS`, no part of the loss), averaged over the items seen since the
    event before. val: the same names on the items kept aside, without corruption and dropout; None where this event
    does not measure it.
    """

    kind: ClassVar[str] = "progress"
    train: Terms
    val: Terms | None
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class LearningRateSet(Event):
    """The learning rate was changed by hand."""

    kind: ClassVar[str] = "learning_rate_set"
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Recovered(Event):
    """A worker was lost; the run went on from its checkpoint at `step`."""

    kind: ClassVar[str] = "recovered"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Diverged(Event):
    """The loss or a weight is no longer a finite number, or left every bound. `good_step`: the last state kept."""

    kind: ClassVar[str] = "diverged"
    reason: str
    good_step: int


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The last event. reason: epochs, target_loss, patience, max_seconds, stopped or diverged.

    metrics: `train_mse`, `val_mse` (mean over items and features, on the scaled data), `seconds`, `samples_per_second`,
    `parameters`, and what `metrics.final` adds for some codes, as `val_elbo` and `val_kl` (nats per item).
    """

    kind: ClassVar[str] = "finished"
    reason: str
    metrics: Terms = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Snapshot(Event):
    """What the model makes of a fixed set of items at one moment, as named arrays (`training.pictures` lists them)."""

    kind: ClassVar[str] = "snapshot"
    arrays: Mapping[str, np.ndarray] = field(compare=False)


KINDS: dict[str, type[Event]] = {
    cls.kind: cls for cls in (Started, Progress, LearningRateSet, Recovered, Diverged, Finished, Snapshot)
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as one flat object that JSON can hold. Arrays of a Snapshot are left out."""
    names = [part.name for part in dataclasses.fields(event) if part.name != "arrays"]
    return {"kind": event.kind} | {name: _finite(getattr(event, name)) for name in names}


def from_json(value: Mapping[str, Any]) -> Event:
    """Undoes `to_json`."""
    rest = {name: part for name, part in value.items() if name not in ("kind", "seq")}
    return KINDS[value["kind"]](**rest)


def _finite(value: Any) -> Any:
    """Numbers that JSON does not know become None."""
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
