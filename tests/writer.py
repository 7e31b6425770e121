"""A stand-in for a worker: publishes made-up events and pictures through the real store."""

from __future__ import annotations

import numpy as np

from ae_core import frames
from ae_core.events import Diverged, Event, Finished, LearningRateSet, Progress, Started, to_json
from ae_core.spec import RunSpec
from ae_core.store import Publication, Store

ITEMS = 5


class Writer:
    """One run and the attempt that writes it. `crash` takes back what came after the last `save`."""

    def __init__(self, store: Store, owner: str = "somebody-else-abcdef", spec: RunSpec | None = None) -> None:
        self.store = store
        self.id = store.add_run(spec or RunSpec(), owner)
        self.step = self.saved = 0
        self.attempt = 0

    def begin(self) -> None:
        """Take the run up: introduction, Started, the first picture."""
        self.take_over()
        meta = {"form": "image", "label_names": ["zero", "one"], "projection": "none"}
        arrays = {"labels": np.array([0, 1, -1, 0, 1], np.int16), "is_val": np.array([1, 1, 0, 0, 0], np.uint8)}
        started = Started(
            **self.now, parameters=9, train_items=3, val_items=2, steps_per_epoch=10, reference={"val_mse": 0.1}
        )
        self.publish([started], introduction=frames.encode(meta, arrays), snapshot=self.picture())

    def take_over(self) -> None:
        run = self.store.run(self.id)
        attempt = self.store.begin_attempt(self.id, run.generation)
        assert attempt is not None
        self.attempt = attempt.number

    def crash(self) -> None:
        """The worker is lost, and another goes on from the last save."""
        self.step = self.saved
        self.take_over()

    def save(self) -> None:
        self.saved = self.step
        self.publish(checkpoint=b"checkpoint")

    def mark(self, model: bytes) -> None:
        """Keeps this as the model of the moment."""
        self.publish(milestone=model)

    def train(self, rows: int = 1, *, measured: bool = True, picture: bool = False, status: str = "running") -> None:
        """Some Progress events, and perhaps a picture."""
        events: list[Event] = []
        for _ in range(rows):
            self.step += 1
            terms = {"loss": 1 / self.step + self.attempt / 8, "mse": 0.5 / self.step}
            events.append(Progress(**self.now, train=terms, val=terms if measured else None, learning_rate=0.01))
        self.publish(events, snapshot=self.picture() if picture else None, status=status)

    def set_rate(self, value: float) -> None:
        self.publish([LearningRateSet(**self.now, learning_rate=value)])

    def diverge(self) -> None:
        nothing = {"loss": float("nan"), "mse": float("inf")}
        self.step += 1
        events = [
            Progress(**self.now, train=nothing, val=None, learning_rate=0.01),
            Diverged(**self.now, reason="The loss grew without bound.", good_step=self.saved),
        ]
        self.publish(events, status="diverged", error="The loss grew without bound.")

    def finish(self) -> None:
        self.publish([Finished(**self.now, reason="epochs", metrics={"val_mse": 0.25})], status="finished")

    def picture(self) -> bytes:
        return frames.encode({"step": self.step}, {"latent": np.full((ITEMS, 2), self.step, np.float32)})

    def publish(self, events: list[Event] | None = None, *, status: str = "running", **more: object) -> None:
        self.store.publish(
            Publication(
                run=self.id,
                attempt=self.attempt,
                status=status,
                goal=1000,
                learning_rate=0.01,
                events=[to_json(event) for event in events or []],
                **self.now,  # type: ignore[arg-type]
                **more,  # type: ignore[arg-type]
            )
        )

    @property
    def now(self) -> dict[str, float]:
        return {"step": self.step, "epoch": self.step / 10, "seconds": self.step / 100}  # type: ignore[dict-item]
