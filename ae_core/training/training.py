"""A run from its first event to its last, with pictures on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ae_core.data import prepare
from ae_core.events import Event
from ae_core.sizes import step_flops
from ae_core.spec import RunSpec
from ae_core.training.fitted import Fitted
from ae_core.training.pictures import log_spaced, snapshot_flops
from ae_core.training.trainer import Trainer

SNAPSHOT_SHARE = 1 / 60  # of the operations of training
MOST_SNAPSHOTS = 24


class Training(Iterator[Event]):
    """A run as an iterator of its events, the last of which is Finished; `result()` gives the fitted model."""

    def __init__(self, spec: RunSpec) -> None:
        self.trainer = Trainer(spec)
        self._events = self._happen()

    def __next__(self) -> Event:
        with one_thread():
            return next(self._events)

    def result(self) -> Fitted:
        """Trains to the end, if it is not there yet, and gives the model to work with."""
        for _ in self:
            pass
        return fitted(self.trainer)

    def _happen(self) -> Iterator[Event]:
        trainer = self.trainer
        yield from trainer.start()
        for stop in snapshot_steps(trainer):
            if not trainer.done:
                yield from self._until(stop)

    def _until(self, step: int) -> Iterator[Event]:
        """Events up to that step, and a snapshot there, before Finished."""
        trainer = self.trainer
        events: list[Event] = []
        while not trainer.done and trainer.step < step:
            yield from events
            events = trainer.advance(steps=min(step - trainer.step, trainer.cadence.steps_per_epoch))
        if trainer.done:
            yield from events[:-1]
            yield trainer.snapshot()
            yield events[-1]
        else:
            yield from events
            yield trainer.snapshot()


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread, as the engine's workers have it: another number of threads gives other last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(spec: RunSpec) -> Training:
    """Trains what the spec describes: an iterator of events. Runs anywhere, without server, store or engine.

    Snapshots are taken at steps that follow from the spec, so rarely that they cost at most a sixtieth of training.
    Raises SpecError before the first event where the choices of the spec exclude each other.
    """
    return Training(spec)


def fitted(trainer: Trainer) -> Fitted:
    """What a trainer has learned, to work with."""
    trainer.model.eval()
    split = prepare(trainer.spec.data, trainer.spec.objective.reconstruction)
    return Fitted(trainer.spec, trainer.model, split.scaling, split.shape)


def snapshot_steps(trainer: Trainer) -> tuple[int, ...]:
    """Steps after which a snapshot is taken."""
    affordable = SNAPSHOT_SHARE * trainer.goal * step_flops(trainer.spec) / snapshot_flops(trainer.spec)
    return log_spaced(trainer.goal, min(MOST_SNAPSHOTS, int(affordable)))
