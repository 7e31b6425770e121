"""The numbers of a spec as they stand at this moment of a run: fixed, or moved by a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable

from ae_core.spec import RunSpec, Schedule, settings


def _ramp(done: float, plan: Schedule) -> float:
    return min(done / plan.share, 1.0)


WAYS: dict[str, Callable[[float, Schedule], float]] = {
    "linear": _ramp,
    "cosine": lambda done, plan: 0.5 - 0.5 * math.cos(math.pi * min(done / plan.share, 1.0)),
    "cyclic": lambda done, plan: min((done * plan.cycles % 1.0) / plan.share, 1.0),
    "warm_up": _ramp,  # what linear is called where it ends early
    "step": lambda done, plan: 1.0 if done >= plan.share else 0.0,
}
"""How far from `start` (0) to `end` (1) a schedule has come after a share `done` of the run."""


def scheduled(plan: Schedule, done: float) -> float:
    """The setting's value after a share `done` (0..1) of the run.

    Sources: Bowman et al. 2016 (warm-up of the KL weight), Fu et al. 2019 (cyclic), Loshchilov and Hutter 2017
    (cosine).
    """
    return plan.start + (plan.end - plan.start) * WAYS[plan.way](done, plan)


def arrival(plan: Schedule) -> float:
    """Share of the run after which the setting stands still."""
    return (plan.cycles - 1 + plan.share) / plan.cycles if plan.way == "cyclic" else plan.share


class Dials:
    """dials("model_code_beta") is that setting's value now; 0 for a setting that this spec does not have.

    The trainer turns them before each step; terms and layers read them, so nothing else knows of schedules.
    """

    def __init__(self, spec: RunSpec) -> None:
        numbers = {leaf.key: leaf.value for leaf in settings(spec) if isinstance(leaf.value, int | float)}
        self._now: dict[str, float] = {key: float(value) for key, value in numbers.items()}
        self._plans = spec.schedules
        self.arrival = max((arrival(plan) for plan in spec.schedules), default=0.0)  # of the last one that moves
        self.turn(0.0)

    def __call__(self, key: str) -> float:
        return self._now.get(key, 0.0)

    def turn(self, done: float) -> None:
        """Sets every scheduled number to its value after a share `done` (0..1) of the run."""
        for plan in self._plans:
            self._now[plan.setting] = scheduled(plan, done)

    def ever(self, key: str) -> bool:
        """Whether the setting is above zero at any moment of the run."""
        plans = [plan for plan in self._plans if plan.setting == key]
        return any(max(plan.start, plan.end) > 0 for plan in plans) if plans else self(key) > 0
