"""Cells of a sweep that are in one process take their steps together, whoever of them has the turn.

Small networks of one shape are trained side by side in less time than in turn (`training.many`). The one that holds
the turnstile's baton trains those of its siblings that are furthest behind until they have caught up, and then all. So
they need not begin at the same moment, and one that was lost with its worker finds its place again. Each still
publishes in its own turn, and is paused, stopped or moved by itself.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import Protocol

from ae_core.events import Event
from ae_core.training import Trainer
from ae_core.training.many import MOST_TOGETHER, Team, shape_of


class Cell(Protocol):
    """An attempt at a run that may be trained by others. news: what has happened and is not published."""

    news: list[Event]

    @property
    def trainer(self) -> Trainer:
        """What learns."""

    @property
    def ready(self) -> bool:
        """Whether it trains on without an end in sight, and waits for nothing but its turn."""


class Formation:
    """The cells of a process. Every method is called by a thread that holds the baton."""

    def __init__(self) -> None:
        self._cells: dict[Hashable, list[Cell]] = {}
        self._teams: dict[Hashable, tuple[tuple[Cell, ...], Team]] = {}

    def enter(self, owner: str, cell: Cell) -> Hashable:
        """Takes a cell in, if it can be trained beside others: the key of its siblings, None if it cannot."""
        shape = shape_of(cell.trainer.spec)
        if shape is None:
            return None
        key = (owner, shape)
        self._cells.setdefault(key, []).append(cell)
        return key

    def leave(self, key: Hashable, cell: Cell) -> None:
        """The cell goes on alone, or ends."""
        if cell in self._cells.get(key, []):
            self._cells[key].remove(cell)
            self._part(key)
            if not self._cells[key]:
                del self._cells[key]

    def advance(self, key: Hashable, cell: Cell, seconds: float) -> None:
        """Trains the cell with those of its siblings that stand where it does, after those behind it have caught up,
        for about so long in all. What happens is in the news of each.
        """
        until = time.perf_counter() + seconds
        while cell.ready and time.perf_counter() < until:
            ready = sorted((one for one in self._cells[key] if one.ready), key=lambda one: one.trainer.step)
            last = ready[0].trainer.step
            row = [one for one in ready if one.trainer.step == last][:MOST_TOGETHER]
            ahead = next((one.trainer.step for one in ready if one.trainer.step > last), None)
            self._train(key, row, ahead, until)

    def _train(self, key: Hashable, row: Sequence[Cell], ahead: int | None, until: float) -> None:
        """Trains a row of cells up to the step of those ahead, until the time is up or one of them is done."""
        team = self._team(key, row)
        while not team.over and (ahead is None or row[0].trainer.step < ahead):
            most = None if ahead is None else ahead - row[0].trainer.step
            for one, events in zip(row, team.advance(most, until), strict=True):
                one.news += events
            if time.perf_counter() >= until:
                break
        if team.over:
            self._part(key)

    def _team(self, key: Hashable, row: Sequence[Cell]) -> Team:
        """The cells side by side; those of another row part first."""
        members, team = self._teams.get(key, ((), None))
        if team is None or members != tuple(row):
            self._part(key)
            team = Team([one.trainer for one in row])
            self._teams[key] = (tuple(row), team)
        return team

    def _part(self, key: Hashable) -> None:
        if key in self._teams:
            self._teams.pop(key)[1].part()
