"""How a run's losses went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from ae_core.events import Event, Progress
from ae_core.plots.palette import PALETTE


@dataclass(frozen=True)
class Curves:
    """One row a Progress event. train and val hold a list for each term; val has None where it was not measured."""

    epochs: list[float]
    train: dict[str, list[float]]
    val: dict[str, list[float | None]]


def curves(events: Iterable[Event]) -> Curves:
    """Folds a run's events into its curves. No progress yet is a valid answer."""
    done = [event for event in events if isinstance(event, Progress)]
    names = list(done[0].train) if done else []
    return Curves(
        [event.epoch for event in done],
        {name: [event.train[name] for event in done] for name in names},
        {name: [event.val[name] if event.val else None for event in done] for name in names},
    )


def draw_curves(found: Curves, term: str, words: Mapping[str, str], log: bool = True) -> go.Figure:
    """Train and validation of one term against the epoch. words: `train`, `val`, `epoch`, and the term's axis title."""
    figure = go.Figure()
    sides = (("train", found.train.get(term, []), "solid"), ("val", found.val.get(term, []), "dash"))
    for (side, values, dash), colour in zip(sides, PALETTE, strict=False):
        line = {"dash": dash, "color": colour, "width": 2}
        figure.add_scatter(x=found.epochs, y=values, name=words[side], mode="lines", connectgaps=True, line=line)
    figure.update_layout(
        xaxis_title=words["epoch"],
        yaxis_title=words[term],
        yaxis_type="log" if log else "linear",
        hovermode="x unified",
    )
    return figure
