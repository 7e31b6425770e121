"""What is read from the store and written to it, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ae_core.spec import RunSpec

STATUSES = ("queued", "running", "paused", "finished", "stopped", "failed", "diverged", "interrupted")
ACTIVE = ("queued", "running")  # takes part in the limits; a paused run does not
OVER = ("finished", "stopped", "failed", "diverged")


@dataclass(frozen=True, kw_only=True)
class Head:
    """Where a run stands now: all that a viewer asks 20 times a second.

    attempt: how many workers have taken it up. seq: number of its last event, serial: of its last snapshot, both from
    1 up. When `attempt` rises, events after a checkpoint have gone and `seq` may have fallen; `serial` never falls.
    goal: steps planned, 0 until known. seconds: of training. status: one of STATUSES.
    """

    attempt: int
    seq: int
    serial: int
    status: str
    step: int
    epoch: float
    seconds: float
    goal: int
    learning_rate: float
    error: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Run(Head):
    """A run without its events and pictures. kind: live, starter, cell (of a sweep), trial (of a study) or bench. Times
    are seconds since 1970.
    """

    id: str
    owner: str
    kind: str
    parent: str | None
    spec: RunSpec
    generation: int
    created: float
    started: float | None
    finished: float | None
    metrics: Mapping[str, float]
    checkpointed_step: int


@dataclass(frozen=True)
class Command:
    """Something a person wants of a run: pause, resume, step, stop, set or checkpoint.

    argument: batches for step; the learning rate for set, and if it is to change, for resume.
    The engine itself adds `move`: checkpoint, let go, and be submitted again to a worker that is less busy.
    """

    id: int
    run: str
    verb: str
    argument: float | None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A worker's right to write about a run, until somebody takes the next attempt.

    hold: wait for commands instead of training. lost: the worker before was lost, it did not let go.
    checkpoint: where to go on from, None for the beginning. commands: those not carried out yet.
    """

    run: str
    number: int
    owner: str
    kind: str
    spec: RunSpec
    hold: bool
    lost: bool
    checkpoint: bytes | None
    commands: Sequence[Command]


@dataclass(frozen=True, kw_only=True)
class Publication:
    """News of a run that become visible together or not at all.

    events: as `events.to_json` makes them; the store numbers them. introduction, snapshot: frames of `ae_core.frames`.
    state_step: the step that snapshot and checkpoint show, if it is not `step` (a diverged run goes back to a good
    state). milestone: the model at that step, as safetensors, to walk back to. done: ids of the commands that are
    hereby carried out.
    generation_up: the run lets go of its worker and wants to be submitted again (status queued).
    """

    run: str
    attempt: int
    status: str
    step: int
    epoch: float
    seconds: float
    goal: int
    learning_rate: float
    events: Sequence[Mapping[str, Any]] = ()
    introduction: bytes | None = None
    snapshot: bytes | None = None
    checkpoint: bytes | None = None
    milestone: bytes | None = None
    state_step: int | None = None
    error: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    done: Sequence[int] = ()
    generation_up: bool = False


@dataclass(frozen=True)
class Milestone:
    """A step of a run at which its model is kept. epoch: passes over the training items by then."""

    step: int
    epoch: float


@dataclass(frozen=True)
class Probe:
    """A question about a run, and how far it is. status: queued, working, done or failed. progress: 0 to 1.

    error: why it failed, a sentence. frame: the answer, once it is done.
    """

    id: str
    status: str
    progress: float
    error: str
    frame: bytes | None


@dataclass(frozen=True)
class Inquiry:
    """A question that a worker has taken up. question: JSON. blob: the model at that step, as safetensors. goal: steps
    planned for the run.
    """

    id: str
    run: str
    spec: RunSpec
    step: int
    goal: int
    question: str
    blob: bytes


class EngineState(TypedDict):
    """state: starting, ready or down. facts: see `sizes.seconds_per_epoch`."""

    state: str
    heartbeat: float
    facts: dict[str, float]
