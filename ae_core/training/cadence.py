"""When a run reports: steps that follow from the spec alone, so that equal specs give equal events."""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_REPORTS = 4000  # events of a run, whatever its length
MAX_MEASURES = 1000  # of them measured on the items kept aside, once the run is no longer young
YOUNG = 30  # measures at the start of a run that come as often as they may, however long it is
YOUNG_AND_COSTLY = 10  # the same where a measure costs more than COSTLY epochs
COSTLY = 0.1
MEASURING = 0.04  # of the time of a run, at most, goes into measuring once it is no longer young
LEAST_STEPS = 8  # between two measures, so that tiny epochs are not spent on measuring
STRIDE = 25  # steps between two reports inside a long epoch


@dataclass(frozen=True)
class Cadence:
    """stride: steps between reports inside an epoch. measure: epochs between measures on the items kept aside, and
    young_measure the same for the first `young` measures.
    """

    steps_per_epoch: int
    goal: int
    stride: int
    measure: int
    young_measure: int
    young: int

    def measures(self, step: int) -> bool:
        """Whether this step ends an epoch that is measured; the last step always is."""
        often = self.young_measure * self.steps_per_epoch
        rare = self.measure * self.steps_per_epoch
        return step == self.goal or step % (often if step <= self.young * often else rare) == 0

    def stretch(self, step: int) -> int:
        """Steps from here up to the next report or the end of the epoch, whichever comes first: at least one."""
        done = step % self.steps_per_epoch
        return min((done // self.stride + 1) * self.stride, self.steps_per_epoch) - done

    def reports(self, step: int) -> bool:
        """Whether this step has an event at all."""
        return self.measures(step) or (step % self.steps_per_epoch) % self.stride == 0 < step % self.steps_per_epoch


def cadence(epochs: int, steps_per_epoch: int, cost: float = 0.0) -> Cadence:
    """The cadence of a run of that length. cost: of one measure, in epochs of training."""
    goal = epochs * steps_per_epoch
    often = max(1, math.ceil(LEAST_STEPS / steps_per_epoch))
    return Cadence(
        steps_per_epoch=steps_per_epoch,
        goal=goal,
        stride=max(STRIDE, math.ceil(goal / MAX_REPORTS)),
        measure=max(often, math.ceil(epochs / MAX_MEASURES), math.ceil(cost / MEASURING)),
        young_measure=often,
        young=YOUNG if cost <= COSTLY * often else YOUNG_AND_COSTLY,
    )
