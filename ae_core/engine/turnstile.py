"""Who computes next: one baton a process, passed on by people, not by runs.

PyTorch trains one small model fastest on one thread, and two trainers in one process only fight for Python's lock. So
the runs of a process take turns of about a tenth of a second. A person with five runs gets the same share as a person
with one; trials of a search wait until no live run does, except for every eighth turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BACKGROUND_EVERY = 8
GRACE = 0.01  # seconds that the background lets pass after a live run's turn, which may want the next one at once


@dataclass(eq=False)
class _Waiter:
    """One run that waits. arrival: its place in the line. go: set when it holds the baton."""

    owner: str
    run: str
    background: bool
    urgent: bool
    arrival: int
    go: threading.Event = field(default_factory=threading.Event)


class Turnstile:
    """A baton for one holder at a time; round robin over owners, then over an owner's runs.

    with turnstile.turn("ann", "run-1"):
        ...  # nobody else computes now
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiter] = []
        self._held = False
        self._clock = 0  # counts turns and arrivals
        self._owner_turn: dict[str, int] = {}
        self._run_turn: dict[str, int] = {}
        self._live_turns = 0  # since the last one of the background
        self._grace_ends = 0.0

    @contextmanager
    def turn(self, owner: str, run: str, *, urgent: bool = False, background: bool = False) -> Iterator[None]:
        """Waits for the baton, holds it, passes it on. urgent: before all who are not."""
        with self._lock:
            self._clock += 1
            me = _Waiter(owner, run, background, urgent, self._clock)
            self._waiting.append(me)
            if not self._held:
                self._pass_on()
        me.go.wait()
        try:
            yield
        finally:
            with self._lock:
                if not background:
                    self._grace_ends = time.monotonic() + GRACE
                self._pass_on()

    def expedite(self, run: str) -> None:
        """Puts a waiting run before the others: somebody has just told it something."""
        with self._lock:
            for waiter in self._waiting:
                if waiter.run == run:
                    waiter.urgent = True

    def waiting(self) -> int:
        """How many runs wait for the baton now."""
        return len(self._waiting)

    def forget(self, run: str) -> None:
        """Drops what is remembered of a run that is over."""
        with self._lock:
            self._run_turn.pop(run, None)

    def _pass_on(self) -> None:
        """Hands the baton to the next one, or lays it down. The lock is held."""
        self._held = bool(self._waiting)
        if not self._held:
            return
        chosen = min(self._line(), key=self._place)
        if chosen.background and self._live_turns < BACKGROUND_EVERY - 1 and time.monotonic() < self._grace_ends:
            self._held = False
            threading.Timer(GRACE, self._take_up).start()
            return
        self._waiting.remove(chosen)
        self._clock += 1
        self._owner_turn[chosen.owner] = self._run_turn[chosen.run] = self._clock
        self._live_turns = 0 if chosen.background else self._live_turns + 1
        chosen.go.set()

    def _take_up(self) -> None:
        """Hands out a baton that was laid down while the background waited a moment."""
        with self._lock:
            if not self._held:
                self._pass_on()

    def _line(self) -> list[_Waiter]:
        """Those among whom the next one is chosen: urgent ones if any, else live runs, else the background."""
        urgent = [waiter for waiter in self._waiting if waiter.urgent]
        live = [waiter for waiter in self._waiting if not waiter.background]
        background = [waiter for waiter in self._waiting if waiter.background]
        if background and self._live_turns >= BACKGROUND_EVERY - 1:
            return background
        return urgent or live or background

    def _place(self, waiter: _Waiter) -> tuple[int, int, int]:
        """Longest without a turn first: the owner, then the run, then whoever came first. New ones count as longest."""
        return self._owner_turn.get(waiter.owner, 0), self._run_turn.get(waiter.run, 0), waiter.arrival
