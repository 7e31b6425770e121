"""The turnstile: who computes next."""

from __future__ import annotations

import threading
from collections import Counter

from ae_core.engine.turnstile import BACKGROUND_EVERY, Turnstile


class Queue:
    """Threads that all wait for the baton of one turnstile, and the order in which they got it."""

    def __init__(self) -> None:
        self.turnstile = Turnstile()
        self.order: list[str] = []
        self.threads: list[threading.Thread] = []

    def join(self, owner: str, run: str, turns: int = 1, **how: bool) -> None:
        """A run that wants so many turns; returns when it stands in the line."""
        before = self.turnstile.waiting()

        def work() -> None:
            for _ in range(turns):
                with self.turnstile.turn(owner, run, **how):
                    self.order.append(run)

        thread = threading.Thread(target=work)
        thread.start()
        self.threads.append(thread)
        while self.turnstile.waiting() == before:
            threading.Event().wait(0.001)

    def drain(self) -> list[str]:
        """Waits until everybody has had all turns."""
        for thread in self.threads:
            thread.join(10)
        return self.order


def test_one_at_a_time():
    """Never do two hold the baton, however many want it."""
    turnstile, inside, most = Turnstile(), 0, 0

    def work(name: str) -> None:
        nonlocal inside, most
        for _ in range(200):
            with turnstile.turn(name, name):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert most == 1
    assert turnstile.waiting() == 0


def test_owners_take_turns_before_their_runs_do():
    """A person with three runs gets no more turns than a person with one."""
    queue = Queue()
    with queue.turnstile.turn("teacher", "t"):
        for run in ("a1", "a2", "a3"):
            queue.join("ann", run, turns=20)
        queue.join("bob", "b1", turns=20)
    order = queue.drain()

    shared = order[: 2 * order.count("b1") - 1]
    counts = Counter(run[0] for run in shared)
    assert abs(counts["a"] - counts["b"]) <= 2
    assert len({run for run in shared if run[0] == "a"}) == 3


def test_an_expedited_run_is_next():
    """Whoever was just told something computes next, and only once before the others."""
    queue = Queue()
    with queue.turnstile.turn("teacher", "t"):
        for run in ("a", "b", "c", "d"):
            queue.join(run, run)
        queue.turnstile.expedite("c")
    assert queue.drain() == ["c", "a", "b", "d"]


def test_an_urgent_newcomer_is_next():
    """A run that wants to show its first picture does not wait for all others."""
    queue = Queue()
    with queue.turnstile.turn("teacher", "t"):
        for run in ("a", "b"):
            queue.join(run, run)
        queue.join("new", "new", urgent=True)
    assert queue.drain() == ["new", "a", "b"]


def test_the_background_waits_but_does_not_starve():
    """Trials of a search get one turn in eight while live runs want theirs."""
    queue = Queue()
    with queue.turnstile.turn("teacher", "t"):
        queue.join("tuner", "trial", turns=4, background=True)
        for owner in ("ann", "bob"):
            queue.join(owner, owner, turns=16)
    order = queue.drain()

    places = [place for place, run in enumerate(order) if run == "trial"]
    assert places[0] >= BACKGROUND_EVERY - 2
    assert all(later - earlier >= BACKGROUND_EVERY for earlier, later in zip(places[:2], places[1:3], strict=True))
    assert places[1] < 2 * BACKGROUND_EVERY + 1


def test_the_baton_survives_an_exception():
    """A run that fails while it computes passes the baton on."""
    turnstile = Turnstile()
    try:
        with turnstile.turn("ann", "a"):
            raise ValueError("broken")
    except ValueError:
        pass
    with turnstile.turn("bob", "b"):
        assert turnstile.waiting() == 0


def test_the_background_gets_every_eighth_turn_beside_one_live_run(monkeypatch):
    """Also though the live run is not in the line for the moment between two turns, however slow its thread is."""
    monkeypatch.setattr("ae_core.engine.turnstile.GRACE", 0.5)
    turnstile, turns = Turnstile(), Counter()

    def live() -> None:
        while turns["trial"] < 10:
            with turnstile.turn("ann", "live"):
                turns["live"] += 1

    def trial() -> None:
        while turns["trial"] < 10:
            with turnstile.turn("bob", "trial", background=True):
                turns["trial"] += turns["live"] > 0

    threads = [threading.Thread(target=work) for work in (trial, live)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert turns["live"] >= 9 * (BACKGROUND_EVERY - 1)
