"""How a setting moves over a run, as a small curve."""

from __future__ import annotations

from dataclasses import dataclass

from ae_core.dials import scheduled
from ae_core.spec import Schedule

WIDTH, HEIGHT, EDGE = 220, 52, 3
POINTS = 241
INK = "#6D6AF0"  # seen on a light and on a dark ground


@dataclass(frozen=True)
class Course:
    """epochs, values: of the same length, from the start of the run to its end."""

    epochs: list[float]
    values: list[float]


def course(plan: Schedule, epochs: int) -> Course:
    """The setting's value throughout a run of so many epochs."""
    shares = [i / (POINTS - 1) for i in range(POINTS)]
    return Course([share * epochs for share in shares], [scheduled(plan, share) for share in shares])


def draw_course(found: Course) -> str:
    """One line, value against epoch, as an SVG picture that may be stretched to any size."""
    low, high = min(found.values), max(found.values)
    tall, wide, last = HEIGHT - 2 * EDGE, WIDTH - 2 * EDGE, found.epochs[-1] or 1.0
    places = [
        (EDGE + wide * epoch / last, EDGE + tall * (1 - (value - low) / ((high - low) or 1.0)))
        for epoch, value in zip(found.epochs, found.values, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'<polyline points="{line}" fill="none" stroke="{INK}" stroke-width="2" stroke-linejoin="round" '
        f'vector-effect="non-scaling-stroke"/></svg>'
    )
