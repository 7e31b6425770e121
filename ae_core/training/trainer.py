"""One run in progress: steps, what they cost, and what they bring about, as events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ae_core.compatibility import check, classes, compares_items, gradients_of
from ae_core.data import prepare
from ae_core.dials import Dials
from ae_core.errors import CheckpointError, SpecError
from ae_core.events import Diverged, Event, Finished, LearningRateSet, Progress, Snapshot, Started
from ae_core.metrics import entries, final, recommending, rival, with_total
from ae_core.models import build
from ae_core.sizes import item_products, parameter_count, step_flops
from ae_core.spec import Optimizer, RunSpec
from ae_core.training.cadence import cadence
from ae_core.training.checkpoint import pack, unpack
from ae_core.training.optimizers import schedule
from ae_core.training.pictures import Exhibition
from ae_core.training.steps import make_steps, measuring

OVERHEAD = 3e6  # operations that could be done in the time that the calls of a step take by themselves
START_ITEMS = 500  # training items on which the untrained model is measured
SOUND_ITEMS = 500  # items kept aside on which a checkpoint looks whether it is worth going back to
GROWTH = 30.0  # weights that grew more than this, while the loss is hardly better than before the first step, diverged
HARDLY = 0.9  # of the first loss
EXPLODED = 1e4  # a loss this many times the first one diverged


@dataclass
class Course:
    """The state of a run that is not a tensor. Everything here is saved and comes back with the same bits."""

    step: int = 0
    position: int = 0  # items of this epoch already used
    seconds: float = 0.0
    learning_rate: float = 0.0  # before the schedule
    counted: int = 0  # items since the last report
    start_loss: float = math.inf
    start_norm: float = math.inf
    best_loss: float = math.inf
    best_epoch: float = 0.0
    ended: str = ""  # why it is over, or empty


@dataclass
class State:
    """A copy of everything that a run is at one step. tensors: gives them by name."""

    tensors: Callable[[], dict[str, Tensor]]
    course: dict[str, Any] = field(default_factory=dict)


class Trainer:
    """Trains what a spec describes. One thread at a time may use it; nothing outside it is touched, no global seed.

    Two trainers of equal specs give equal events, and `Trainer(spec, blob)` goes on with the same bits as the trainer
    whose `checkpoint()` the blob is (on the same machine type, torch build and number of threads).
    Raises SpecError where the choices of the spec exclude each other, CheckpointError where the blob is of another one.
    """

    def __init__(self, spec: RunSpec, checkpoint: bytes | None = None) -> None:
        check(spec)
        self.spec = spec
        split = self._split = prepare(spec.data, spec.objective.reconstruction)
        self.train_items, self.val_items = torch.from_numpy(split.train), torch.from_numpy(split.val)
        self._train_labels, self._val_labels = (
            torch.from_numpy(labels) if classes(spec) and labels is not None else None
            for labels in (split.train_labels, split.val_labels)
        )
        init, self._chance, self._order = _generators(spec.training.seed)
        self.dials = Dials(spec)
        self.model = build(spec, init, self._chance, self.dials)
        if spec.objective.observed_only:
            self.model.begin_at(self.train_items)
        self.steps = make_steps(self.model, self._chance)
        self._entries = entries(spec, self.train_items)
        count, batch = len(self.train_items), spec.training.batch_size
        self._usable = count - 1 if compares_items(spec) and count % batch == 1 else count
        steps = math.ceil(self._usable / batch)
        measure = 2 * item_products(spec) * len(self.val_items) / (steps * (step_flops(spec) + OVERHEAD))
        self.cadence = cadence(spec.training.epochs, steps, measure)
        self.exhibition = Exhibition(spec, split)
        self._order_of_items = torch.zeros(0, dtype=torch.int64)
        self._course = Course(learning_rate=spec.optimizer.learning_rate)
        self.rate = spec.optimizer.learning_rate
        self._moves = bool(spec.schedules) or spec.optimizer.schedule != "constant"
        if checkpoint is None:
            self._course.start_norm = self.steps.norm()
            self._good = self._copy()
        else:
            self._good = self._resume(checkpoint)

    # -- where it stands

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self._course.step

    @property
    def goal(self) -> int:
        """Optimiser steps planned."""
        return self.cadence.goal

    @property
    def epoch(self) -> float:
        """Passes over the training items done."""
        return self._course.step / self.cadence.steps_per_epoch

    @property
    def seconds(self) -> float:
        """Time spent training."""
        return self._course.seconds

    @property
    def learning_rate(self) -> float:
        """As it was set, before the schedule."""
        return self._course.learning_rate

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self._course.ended) or self.step >= self.goal

    @property
    def status(self) -> str:
        """running, finished, stopped or diverged."""
        if self._course.ended in ("stopped", "diverged"):
            return self._course.ended
        return "finished" if self.done else "running"

    # -- what it does

    def start(self, measured: tuple[dict[str, float], dict[str, float]] | None = None) -> list[Event]:
        """What is known before the first step; nothing the second time, or for a run that was resumed.

        measured: terms on the first START_ITEMS to learn from and on those kept aside, where somebody else has done so.
        """
        if self.step or math.isfinite(self._course.start_loss):
            return []
        if measured:
            train, val = (self._whole(means) for means in measured)
        else:
            train = self._measured(self.train_items[:START_ITEMS], self._train_labels)
            val = self._measured(self.val_items, self._val_labels)
        self._course.start_loss = train["loss"]
        self._good = self._copy()
        facts = self._now()
        return [
            Started(
                **facts,
                parameters=parameter_count(self.spec),
                train_items=len(self.train_items),
                val_items=len(self.val_items),
                steps_per_epoch=self.cadence.steps_per_epoch,
                reference=self._reference(),
                gradients=gradients_of(self.spec),
            ),
            Progress(**facts, train=train, val=val, learning_rate=self._scheduled()),
        ]

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> list[Event]:
        """Trains for so long or for so many steps, at least one step unless it is done. The last event is Finished."""
        torch.set_flush_denormal(True)  # of this thread: Adam's moments of dead units otherwise halve the speed
        events: list[Event] = []
        last = self.goal if steps is None else min(self.goal, self.step + steps)
        began = clock = time.perf_counter()
        late = False
        while not self.done and self.step < last and not late:
            steps = items = 0
            for rows in self.upcoming(min(self.stretch, last - self.step)):
                self.steps.step(self.train_items, rows, self.rate, self._train_labels)
                steps, items = steps + 1, items + len(rows)
                if late := seconds is not None and time.perf_counter() - began >= seconds:
                    break
            now = time.perf_counter()
            events += self.passed(steps, items, now - clock)
            clock = time.perf_counter()
        return events

    @property
    def stretch(self) -> int:
        """Steps from here in which nothing is turned, and nothing happens before the last of them: at least one."""
        apart = self._moves or self.spec.training.max_seconds is not None
        return 1 if apart else self.cadence.stretch(self.step)

    def upcoming(self, steps: int = 1) -> tuple[Tensor, ...]:
        """Rows of the training items in each of the next batches. The dials and `rate` are turned to where the first
        of them stands. steps: not above `stretch`.
        """
        course, batch = self._course, self.spec.training.batch_size
        if course.position == 0:
            self._order_of_items = torch.randperm(len(self.train_items), generator=self._order)[: self._usable]
        self.dials.turn(course.step / self.goal)
        self.rate = self._scheduled()
        return torch.split(self._order_of_items[course.position : course.position + steps * batch], batch)

    def passed(self, steps: int, items: int, seconds: float, val: dict[str, float] | None = None) -> list[Event]:
        """What steps on so many items, which took so long, bring about. val: terms on the items kept aside, where the
        last of them measures them and somebody else has done so.
        """
        course, limit = self._course, self.spec.training.max_seconds
        course.seconds += seconds
        course.counted += items
        course.step += steps
        course.position = (course.position + items) % self._usable
        events: list[Event] = []
        if self.cadence.reports(course.step):
            began = time.perf_counter()
            events += self._report(val)
            self._course.seconds += time.perf_counter() - began
        elif limit is None:
            return events
        if limit is not None and self.seconds >= limit and not self.done:
            events += self._ended("max_seconds")
        if self.done and not isinstance(events[-1] if events else None, Finished):
            events.append(self._finished())
        return events

    def stop(self) -> list[Event]:
        """Ends the run where it stands. It can be resumed from its checkpoint."""
        return [] if self.done else self._ended("stopped")

    def set_learning_rate(self, value: float) -> LearningRateSet:
        """Changes the learning rate from the next step on; the schedule goes on from there."""
        try:
            Optimizer(learning_rate=value)
        except ValueError:
            raise SpecError(f"The learning rate must be between 0.000001 and 100, got {value}.") from None
        self._course.learning_rate = self._good.course["learning_rate"] = value
        return LearningRateSet(**self._now(), learning_rate=value)

    def introduction(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What never changes in the pictures of this run (see `training.pictures`)."""
        facts, arrays = self.exhibition.introduction()
        known = {
            "reference": self._reference(),
            "train_items": len(self.train_items),
            "val_items": len(self.val_items),
            "steps_per_epoch": self.cadence.steps_per_epoch,
        }
        return facts | known, arrays

    def snapshot(self) -> Snapshot:
        """What the model makes of its fixed items now."""
        with measuring(self.model):
            return Snapshot(**self._now(), arrays=self.exhibition.arrays(self.model))

    def weights(self) -> bytes:
        """The model as it stands, as safetensors: which `probes.specimen` opens again."""
        return save({name: value.detach().clone() for name, value in self.model.state_dict().items()})

    def checkpoint(self) -> bytes:
        """The whole state. After a divergence: the last good one. In a run about to diverge: both."""
        state = self._copy()
        tensors = state.tensors()
        if self._course.ended in ("stopped", "diverged"):
            state.course["ended"] = ""
        loss = self._measured(self.val_items[:SOUND_ITEMS], self._val_labels)["loss"]
        if not self._sound(loss):
            tensors |= {f"good/{name}": value.clone() for name, value in self._good.tensors().items()}
            state.course["good"] = self._good.course
        return pack(tensors, {"spec": self.spec.model_dump_json(), **state.course})

    def _scheduled(self) -> float:
        """The learning rate of the next step."""
        return self._course.learning_rate * schedule(self.spec.optimizer.schedule, self.step, self.goal)

    # -- what it reports

    def _report(self, measured: dict[str, float] | None) -> list[Event]:
        """A Progress event, and the end of the run where one of its conditions holds."""
        train = self._averages()
        val = None
        if self.cadence.measures(self.step):
            val = self._whole(measured) if measured else self._measured(self.val_items, self._val_labels)
        if reason := self._trouble(train, val):
            return self._diverge(reason)
        event = Progress(**self._now(), train=train, val=val, learning_rate=self.rate)
        if val is not None:
            self._judge(val["loss"])
            if self._sound(val["loss"]):
                self._good = self._copy()
        return [event]

    def _averages(self) -> dict[str, float]:
        """Terms per item since the last report."""
        counted = max(self._course.counted, 1)
        means = {name: value / counted for name, value in self.steps.take().items()}
        squares = means.pop("squares", 2 * means.get("reconstruction", math.nan))
        self._course.counted = 0
        return with_total(self.model, means, squares / self._entries)

    def _measured(self, x: Tensor, labels: Tensor | None) -> dict[str, float]:
        """Terms per item on x, as the model stands. labels: of these items, or of more that begin with them."""
        return self._whole(self.steps.measure(x, None if labels is None else labels[: len(x)]))

    def _whole(self, means: dict[str, float]) -> dict[str, float]:
        return with_total(self.model, means, means.pop("mse"))

    def _judge(self, loss: float) -> None:
        """Early stopping on the loss of the items kept aside. Losses under a schedule that moves cannot be compared."""
        course, training = self._course, self.spec.training
        if loss < course.best_loss or course.step < self.dials.arrival * self.goal:
            course.best_loss, course.best_epoch = loss, self.epoch
        if training.target_loss is not None and loss <= training.target_loss:
            course.ended = "target_loss"
        elif training.patience is not None and self.epoch - course.best_epoch >= training.patience:
            course.ended = "patience"

    def _trouble(self, train: dict[str, float], val: dict[str, float] | None) -> str:
        """Why this is no longer learning, as a reason's name, or nothing."""
        losses = [train["loss"]] + ([val["loss"]] if val else [])
        norm = self.steps.norm()
        if not all(math.isfinite(value) for value in (*losses, norm)):
            return "not_finite"
        if max(losses) > EXPLODED * max(abs(self._course.start_loss), 1.0):
            return "exploded"
        if norm > GROWTH * self._course.start_norm and min(losses) >= HARDLY * self._course.start_loss:
            return "weights_exploded"
        return ""

    def _sound(self, loss: float) -> bool:
        """Whether a state with this loss is worth going back to: it is no worse than before the first step."""
        return math.isfinite(loss) and loss <= self._course.start_loss

    def _ended(self, reason: str) -> list[Event]:
        """The end of the run where it stands, or its divergence, if it broke since the last report."""
        measured = self._measured(self.val_items, self._val_labels)
        if trouble := self._trouble(measured, None):
            return self._diverge(trouble)
        self._course.ended = reason
        return [self._finished()]

    def _diverge(self, reason: str) -> list[Event]:
        """Goes back to the last good state and says so."""
        facts = self._now()
        good = self._good
        self._restore(good.tensors(), good.course)
        self._course.seconds = facts["seconds"]
        event = Diverged(**facts, reason=reason, good_step=self.step)
        self._course.ended = "diverged"
        return [event, self._finished(facts)]

    def _finished(self, facts: dict[str, Any] | None = None) -> Finished:
        self._course.ended = self._course.ended or "epochs"
        with measuring(self.model):
            metrics = final(
                self.spec, self.model, self.train_items, self.val_items, self._train_labels, self._val_labels
            )
            metrics |= recommending(self.spec, self.model, self._split)
        metrics |= {
            "seconds": self.seconds,
            "samples_per_second": self.step / self.cadence.steps_per_epoch * self._usable / max(self.seconds, 1e-9),
            "parameters": float(parameter_count(self.spec)),
        }
        return Finished(**(facts or self._now()), reason=self._course.ended, metrics=metrics)

    def _now(self) -> dict[str, Any]:
        return {"step": self.step, "epoch": self.epoch, "seconds": self.seconds}

    def _reference(self) -> dict[str, float]:
        return rival(self.spec, self.dials("objective_corruption_level"), self.train_items, self.val_items)

    # -- its whole state

    def _copy(self) -> State:
        kept = self.steps.keep()
        rest = {"random/chance": self._chance.get_state(), "random/order": self._order.get_state()}
        rest["order"] = self._order_of_items
        return State(lambda: kept() | rest, dict(vars(self._course)))

    def _resume(self, checkpoint: bytes) -> State:
        """Goes on from a checkpoint. Returns the last good state: where it stands, unless it is about to diverge."""
        tensors, course = unpack(checkpoint)
        good = {name.removeprefix("good/"): tensors.pop(name) for name in list(tensors) if name.startswith("good/")}
        of_good = course.pop("good", None)
        try:
            self._restore(tensors, course)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"Expected a whole checkpoint of Latent Lab, got one with gaps: {error}") from None
        return State(lambda: good, {**of_good, "spec": course["spec"]}) if of_good else self._copy()

    def _restore(self, tensors: dict[str, Tensor], course: dict[str, Any]) -> None:
        """Takes a state over, from memory or from a checkpoint (which also holds its spec)."""
        course = dict(course)
        if "spec" in course:
            saved = RunSpec.model_validate_json(course.pop("spec"))
            if (saved.data, saved.model) != (self.spec.data, self.spec.model):
                raise CheckpointError(
                    "Expected a checkpoint of the same data and model, got one of another experiment."
                )
            if saved.optimizer.kind != self.spec.optimizer.kind:
                tensors = {name: value for name, value in tensors.items() if not name.startswith("optimizer/")}
            if saved.training.epochs != self.spec.training.epochs and course["ended"] != "target_loss":
                course["ended"] = ""
        parts = {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}
        self.model.load_state_dict(parts)
        self.steps.restore(tensors)
        self._chance.set_state(tensors["random/chance"])
        self._order.set_state(tensors["random/order"])
        self._order_of_items = tensors["order"]
        self._course = Course(**course)
        self.dials.turn(self._course.step / self.goal)


def _generators(seed: int) -> tuple[torch.Generator, torch.Generator, torch.Generator]:
    """Independent streams for first weights, chance while training, and the order of items, from one seed."""
    seeds = np.random.SeedSequence(seed).generate_state(3, np.uint64)
    first, second, third = (torch.Generator().manual_seed(int(value >> np.uint64(1))) for value in seeds)
    return first, second, third
