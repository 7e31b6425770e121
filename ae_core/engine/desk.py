"""Where questions about runs are answered: a desk a process, at which a few are worked on at a time."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch

from ae_core.data.cache import Cache
from ae_core.errors import AeError
from ae_core.probes.answers import answer
from ae_core.probes.questions import read_question
from ae_core.probes.specimen import Specimen, revive
from ae_core.store import Inquiry, Store

log = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")

AT_ONCE = 3  # questions worked on in one process; the others wait
SPECIMEN_BYTES = 128 * 2**20  # of models kept at hand for the next question about them
TELL = 0.4  # seconds between two signs of life of a question


class Patiently(Protocol):
    """Does something with the store, and tries again until the store can be reached."""

    def __call__(self, act: Callable[[], Outcome]) -> Outcome: ...


class Desk:
    """Answers questions that the store holds, and puts the answers there."""

    def __init__(self, store: Store, patiently: Patiently) -> None:
        self.store, self.patiently = store, patiently
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._specimens: Cache[Specimen] = Cache(SPECIMEN_BYTES)

    def answer(self, probe: str) -> None:
        """Puts the answer to a question about a run, or why there is none, into the store."""
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)  # both hold for one thread only
        with Alive(self, probe) as alive, self._places:  # one that waits for a place is alive too
            inquiry = self.patiently(lambda: self.store.probes.take(probe))
            if inquiry is None:
                return
            try:
                frame = answer(read_question(json.loads(inquiry.question)), self._specimen(inquiry), alive.tell)
            except AeError as error:
                reason = str(error)
            except Exception:
                log.exception("Question %s about run %s could not be answered", inquiry.question, inquiry.run)
                reason = "The engine could not answer this; its log has the details."
            else:
                self.patiently(lambda: self.store.probes.answer(probe, frame))
                return
            self.patiently(lambda: self.store.probes.fail(probe, reason))

    def _specimen(self, inquiry: Inquiry) -> Specimen:
        run, step = inquiry.run, inquiry.step

        def path() -> list[tuple[int, bytes]]:
            return self.patiently(lambda: self.store.probes.models(run))

        def rates() -> list[tuple[int, float]]:
            return self.patiently(lambda: self.store.rates_set(run))

        def make() -> Specimen:
            return revive(run, inquiry.spec, step, inquiry.blob, inquiry.goal, path, rates)

        return self._specimens.get((run, step), make)


class Alive:
    """Gives signs of life of a question, in a thread of its own, until it is left."""

    def __init__(self, desk: Desk, probe: str) -> None:
        self.desk, self.probe, self.progress = desk, probe, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"probe-beat-{probe}", daemon=True)

    def __enter__(self) -> Alive:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def tell(self, progress: float) -> None:
        """Notes the share of the work that is done."""
        self.progress = progress

    def _beat(self) -> None:
        while not self._over.wait(TELL):
            self.desk.patiently(lambda: self.desk.store.probes.touch(self.probe, self.progress))
