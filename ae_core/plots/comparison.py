"""Many runs in one picture: their courses, and their settings against what came of them."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from ae_core.plots.palette import MARKERS, PALETTE

Along = Literal["epoch", "step", "seconds"]
MOST_POINTS = 600  # of one line
DASHES = ("solid", "dash", "dot", "dashdot")  # a second cue once the colours begin again
MARGINS = {"l": 10, "r": 10, "t": 10, "b": 10}


@dataclass(frozen=True)
class Course:
    """One term of one run: where it was measured, and the values."""

    name: str
    along: list[float]
    values: list[float]


def course(name: str, events: Sequence[Mapping[str, Any]], side: str, term: str, along: Along) -> Course:
    """A run's course out of its events as JSON. side: train or val. Nothing measured yet is a valid answer."""
    rows = [event for event in events if event["kind"] == "progress" and (event[side] or {}).get(term) is not None]
    kept = rows[:: max(1, len(rows) // MOST_POINTS)]
    if rows and kept[-1] is not rows[-1]:
        kept.append(rows[-1])
    return Course(name, [float(event[along]) for event in kept], [float(event[side][term]) for event in kept])


def draw_courses(courses: Sequence[Course], words: Mapping[str, str], log: bool = True) -> go.Figure:
    """A line a run. Names may be anybody's words, and Plotly reads markup. words: `along`, `value`."""
    figure = go.Figure()
    for number, one in enumerate(courses):
        line = {
            "color": PALETTE[number % len(PALETTE)],
            "dash": DASHES[number // len(PALETTE) % len(DASHES)],
            "width": 2,
        }
        figure.add_scatter(x=one.along, y=one.values, name=html.escape(one.name), mode="lines", line=line)
    figure.update_xaxes(title=words["along"])
    figure.update_yaxes(title=words["value"], type="log" if log and _positive(courses) else "linear")
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02}
    return figure.update_layout(margin=MARGINS, height=420, hovermode="x unified", legend=legend)


def _positive(courses: Sequence[Course]) -> bool:
    return all(value > 0 for one in courses for value in one.values)


@dataclass(frozen=True)
class Dimension:
    """A setting or a result over all runs, one value each: numbers, or words, or None where it has no value."""

    name: str
    values: Sequence[Any]

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self._known)

    @property
    def _known(self) -> list[Any]:
        return [value for value in self.values if value is not None]

    @property
    def words(self) -> list[str]:
        """What its values are called, each once, in order."""
        return sorted({str(value) for value in self._known})

    def places(self) -> list[float | None]:
        """Its values as numbers: words by their place among the words."""
        if self.numeric:
            return [None if value is None else float(value) for value in self.values]
        order = {word: place for place, word in enumerate(self.words)}
        return [None if value is None else float(order[str(value)]) for value in self.values]


def draw_parallel(dimensions: Sequence[Dimension], chosen: Sequence[bool]) -> go.Figure:
    """A line for each run through all dimensions, the last of which gives the colour; a range drawn on an axis leaves
    the runs outside it grey. chosen: runs that are drawn in colour at once.
    """
    lines = []
    for dimension in dimensions:
        line: dict[str, Any] = {"label": dimension.name, "values": _with_gaps(dimension)}
        if not dimension.numeric:
            line |= {"tickvals": list(range(len(dimension.words))), "ticktext": dimension.words}
        lines.append(line)
    if any(chosen) and not all(chosen):
        lines[-1]["constraintrange"] = _ranges(dimensions[-1].places(), chosen)
    shade = {"color": _with_gaps(dimensions[-1]), "colorscale": "Viridis", "reversescale": True}
    figure = go.Figure(
        go.Parcoords(line=shade, dimensions=lines, unselected={"line": {"color": "#9a9aa5", "opacity": 0.25}})
    )
    return figure.update_layout(margin={"l": 60, "r": 60, "t": 60, "b": 20}, height=380)


def _with_gaps(dimension: Dimension) -> list[float]:
    """Its places, NaN where it has no value."""
    return [math.nan if place is None else place for place in dimension.places()]


def _ranges(places: Sequence[float | None], chosen: Sequence[bool]) -> list[list[float]]:
    """A narrow range round the value of each chosen run."""
    known = [place for place in places if place is not None]
    width = max((max(known) - min(known)) * 0.004, 1e-9) if known else 0.0
    picked = [place for place, one in zip(places, chosen, strict=True) if one and place is not None]
    return [[place - width, place + width] for place in picked]


def draw_scatter(
    across: Dimension,
    up: Dimension,
    names: Sequence[str],
    chosen: Sequence[bool],
    log: tuple[bool, bool] = (False, False),
) -> go.Figure:
    """A point a run; those that are not chosen are grey."""
    figure = go.Figure()
    groups = (("", False, "#9a9aa5", 7, "circle-open"), ("", True, PALETTE[0], 11, MARKERS[0]))
    for _, wanted, colour, size, symbol in groups:
        rows = [
            number
            for number, one in enumerate(chosen)
            if one == wanted and across.values[number] is not None and up.values[number] is not None
        ]
        if rows:
            figure.add_scatter(
                x=[across.values[row] if across.numeric else str(across.values[row]) for row in rows],
                y=[up.values[row] for row in rows],
                text=[html.escape(names[row]) for row in rows],
                hovertemplate="%{text}<br>%{x}<br>%{y:.4g}<extra></extra>",
                mode="markers",
                marker={"color": colour, "size": size, "symbol": symbol},
                showlegend=False,
            )
    figure.update_xaxes(title=across.name, type="category" if not across.numeric else "log" if log[0] else "linear")
    figure.update_yaxes(title=up.name, type="log" if log[1] else "linear")
    return figure.update_layout(margin=MARGINS, height=380)
