"""A dataset that somebody drew: what the drawing board sends, checked and made into items."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ae_core.data.card import Card
from ae_core.data.dataset import Floats, Integers, Items
from ae_core.errors import ImportRefused

LEAST, MOST = 20, 5000
"""Points of a drawing."""
CLASSES = 5


def drawn(value: object, title: str) -> tuple[Card, Items]:
    """The card and items of {"points": [[x, y, class], ...]}: x and y in -1..1, class 0..4, 20 to 5000 points.

    Classes that were drawn keep their order and are named by their numbers on the board, 1 to 5; a single one is no
    label. Raises ImportRefused for anything else: the value comes from a browser, and may be anybody's.
    """
    table = _table(value)
    labels, names = _classes(table[:, 2])
    x: Floats = table[:, :2].astype(np.float32)
    card = Card(title=title, form="points", shape=(2,), count=len(x), label_names=names, feature_names=("x", "y"))
    return card, Items(x=x, labels=labels)


def _table(value: object) -> np.ndarray:
    """(n, 3) finite numbers that are in range."""
    points = value.get("points") if isinstance(value, Mapping) else None
    if not isinstance(points, list):
        raise ImportRefused(NO_DRAWING)
    if not LEAST <= len(points) <= MOST:
        raise ImportRefused(
            f"A drawing has {LEAST} to {MOST:,} points, this one has {len(points):,}. Draw more points, or erase some."
        )
    if not all(map(_is_point, points)):
        raise ImportRefused(NO_DRAWING)
    if not all(-1 <= number <= 1 for point in points for number in point[:2]):  # nothing is NaN that passes this
        raise ImportRefused(
            "Points lie between -1 and 1 both ways, and this drawing has one that does not. Draw it anew."
        )
    if not all(point[2] in range(CLASSES) for point in points):
        raise ImportRefused(f"A drawing has {CLASSES} classes, and this one has a point of another. Draw it anew.")
    return np.array(points, dtype=np.float64)


NO_DRAWING = "A drawing is a list of points, each of x, y and a class, and this is none. Draw it anew."


def _is_point(point: object) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 3
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in point)
    )


def _classes(drawn: np.ndarray) -> tuple[Integers | None, tuple[str, ...]]:
    """Labels without gaps, and their names; none for a single class."""
    found, labels = np.unique(drawn.astype(np.int64), return_inverse=True)
    if len(found) < 2:
        return None, ()
    return labels.astype(np.int64), tuple(str(number + 1) for number in found)
