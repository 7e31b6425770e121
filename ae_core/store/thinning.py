"""Which of a run's snapshots stay when there are too many."""

from __future__ import annotations

import math
from collections.abc import Sequence


def surplus(steps: Sequence[int], keep: int, newest: int = 1) -> list[int]:
    """Positions in `steps` (rising) to let go, so that `keep` are left, evenly spaced in log(1 + step).

    The first and the `newest` last ones always stay. Again and again the one goes whose neighbours are closest to each
    other, so what stays after many small thinnings is close to what one large thinning would leave.
    """
    places = [math.log1p(step) for step in steps]
    left = list(range(len(steps)))
    while len(left) > max(keep, newest + 1, 2):
        inner = range(1, len(left) - max(newest, 1))
        closest = min(inner, key=lambda at: places[left[at + 1]] - places[left[at - 1]])
        del left[closest]
    return sorted(set(range(len(steps))) - set(left))
