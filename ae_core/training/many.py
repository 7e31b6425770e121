"""Many runs at once: those whose networks have one shape learn side by side, as one model with one dimension more.

A small network is bound by the overhead of its calls, and side by side they share it. A large one is bound by its
products, and many of them do not fit into the cache together, so large ones are trained one after the other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import cast

import torch

from ae_core.compatibility import check, gradients_of, output_of
from ae_core.errors import SpecError
from ae_core.events import Event
from ae_core.sizes import parameter_count
from ae_core.spec import MLP, Point, RunSpec
from ae_core.training.fitted import Fitted
from ae_core.training.steps import ExplicitSteps, side_by_side
from ae_core.training.trainer import START_ITEMS, Trainer
from ae_core.training.training import Training, fitted, one_thread, snapshot_steps

MOST_PARAMETERS = 100_000  # of a model, up to which it pays to train many side by side
MOST_TOGETHER = 32  # models side by side: more are no faster, and hold their events back
KEEP_ZERO = {"relu", "tanh", "gelu", "identity"}  # activations under which what is padded with zeros stays zero


class TrainingMany(Iterator[tuple[int, Event]]):
    """Many runs as one iterator of (which of the specs, event). The events of each are those that `train` gives, in
    their order, up to rounding; `results()` gives the fitted models.
    """

    def __init__(self, specs: Iterable[RunSpec]) -> None:
        self.specs = tuple(specs)
        if not self.specs:
            raise SpecError("train_many expects at least one experiment, got none.")
        for spec in self.specs:
            check(spec)
        self._trainers: dict[int, Trainer] = {}
        self._events = self._happen()

    def __next__(self) -> tuple[int, Event]:
        with one_thread():
            return next(self._events)

    def results(self) -> list[Fitted]:
        """Trains to the end, if it is not there yet, and gives the models in the order of their specs."""
        for _ in self:
            pass
        return [fitted(self._trainers[number]) for number in range(len(self.specs))]

    def _happen(self) -> Iterator[tuple[int, Event]]:
        for group in groups(self.specs):
            if len(group) > 1:
                members = {number: Trainer(self.specs[number]) for number in group}
                self._trainers |= members
                yield from _together(members)
            else:
                (number,) = group
                training = Training(self.specs[number])
                self._trainers[number] = training.trainer
                yield from ((number, event) for event in training)


def train_many(specs: Iterable[RunSpec]) -> TrainingMany:
    """Trains all the specs, those of one shape at the same time: an iterator of (which of them, event).

    They may differ in seed, learning rate, penalties, noise, beta, dropout and schedules, and where the activations
    keep zero also in their widths. Raises SpecError where there is none, or where the choices of one exclude each
    other.
    """
    return TrainingMany(specs)


def groups(specs: Sequence[RunSpec]) -> list[list[int]]:
    """Which of the specs are trained together, by number: in the order of the first of each group."""
    found: dict[Hashable, list[int]] = {}
    for number, spec in enumerate(specs):
        found.setdefault(shape_of(spec) or number, []).append(number)
    return [
        group[start : start + MOST_TOGETHER]
        for group in found.values()
        for start in range(0, len(group), MOST_TOGETHER)
    ]


def shape_of(spec: RunSpec) -> Hashable:
    """What specs trained side by side have in common; None for one that is trained alone."""
    if gradients_of(spec) != "explicit" or parameter_count(spec) > MOST_PARAMETERS:
        return None
    model, objective, training = cast(MLP, spec.model), spec.objective, spec.training
    bend = model.code.activation if isinstance(model.code, Point) else "identity"
    exact = None if {model.activation, bend} <= KEEP_ZERO else (model.hidden, model.code.latent_dim)
    return (
        (spec.data, exact, len(model.hidden), model.activation, model.tied, model.bias, output_of(spec)),
        (model.code.kind, bend, objective.reconstruction, objective.corruption.kind, spec.optimizer.kind),
        (training.batch_size, training.epochs),
    )


def _together(members: dict[int, Trainer]) -> Iterator[tuple[int, Event]]:
    """All events of runs that take their steps at the same time. Who is done leaves, and the others go on."""
    while members:
        yield from _until_one_is_done(members)
        members = {number: trainer for number, trainer in members.items() if not trainer.done}


def _until_one_is_done(members: dict[int, Trainer]) -> Iterator[tuple[int, Event]]:
    trainers = list(members.values())
    pictured = [frozenset(snapshot_steps(trainer)) for trainer in trainers]
    team = Team(trainers)
    for number, events in zip(members, team.start(), strict=True):
        yield from ((number, event) for event in events)
    while not team.over:
        here = trainers[0].step
        picture = min(stop for stops in pictured for stop in stops if stop > here)
        happened = team.advance(picture - here)
        for number, trainer, events, stops in zip(members, trainers, happened, pictured, strict=True):
            if trainer.done:
                events.insert(-1, trainer.snapshot())
            elif trainer.step in stops:
                events.append(trainer.snapshot())
            yield from ((number, event) for event in events)
    team.part()


class Team:
    """Trainers of one shape (see `shape_of`) that stand at the same step and take their steps together.

    A trainer that goes back to an earlier state has left the others by itself; the others go on after `part`.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        """All trainers must stand at the same step and have explicit gradients."""
        self.trainers = tuple(trainers)
        self._steps = [cast(ExplicitSteps, trainer.steps) for trainer in trainers]
        self._engine = side_by_side(self._steps)

    @property
    def over(self) -> bool:
        """Whether one of them is done, so that they must part."""
        return any(trainer.done for trainer in self.trainers)

    def start(self) -> list[list[Event]]:
        """What each has to say before its first step, measured for all at once; nothing later."""
        first = self.trainers[0]
        if first.step:
            return [[] for _ in self.trainers]
        known = zip(
            self._engine.measure(first.train_items[:START_ITEMS]), self._engine.measure(first.val_items), strict=True
        )
        return [trainer.start(measured) for trainer, measured in zip(self.trainers, known, strict=True)]

    def advance(self, most: int | None = None, until: float = math.inf) -> list[list[Event]]:
        """Steps of all of them, up to the first that has an event, to so many, or to the first that ends at or after
        the moment `until` (`time.perf_counter`). The events of each.
        """
        began, first = time.perf_counter(), self.trainers[0]
        stretch = min(trainer.stretch for trainer in self.trainers)
        batches = [trainer.upcoming(min(stretch, most or stretch)) for trainer in self.trainers]
        rates = self._engine.factor([trainer.rate for trainer in self.trainers], 2)
        steps = items = 0
        for rows in zip(*batches, strict=True):
            self._engine.step(first.train_items, torch.cat(rows), rates)
            steps, items = steps + 1, items + len(rows[0])
            if time.perf_counter() >= until:
                break
        vals: Sequence[dict[str, float] | None] = [None] * len(self.trainers)
        if first.cadence.measures(first.step + steps):
            vals = self._engine.measure(first.val_items)
        each = (time.perf_counter() - began) / len(self.trainers)
        return [trainer.passed(steps, items, each, val) for trainer, val in zip(self.trainers, vals, strict=True)]

    def part(self) -> None:
        """Each goes on alone from where it stands."""
        for member in self._steps:
            member.leave()
