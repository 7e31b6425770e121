"""What came of a sweep: errors along one setting, or over two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from ae_core.plots.palette import PALETTE
from ae_core.sweep import Cell

TRAIN, VAL, RIVAL = PALETTE[0], PALETTE[3], PALETTE[8]
MARGINS = {"l": 10, "r": 10, "t": 30, "b": 10}


def draw_errors(
    names: Sequence[str], cells: Sequence[Cell], rivals: Sequence[float | None], words: Mapping[str, str]
) -> go.Figure:
    """Errors at each value, on a log scale: of items kept aside with the spread over seeds, of those learned from, and
    of PCA with the same code. Values without a result are gaps. words: `setting`, `error`, `val`, `train`, `pca`.
    """
    figure = go.Figure()
    spread = [0.0 if math.isnan(cell.spread) else cell.spread for cell in cells]
    bars = {"type": "data", "array": spread, "visible": any(spread)}
    lines: list[tuple[str, list[float | None], dict[str, object], str]] = [
        (words["train"], [_known(cell.train_error) for cell in cells], {"color": TRAIN, "dash": "dash"}, "square"),
        (words["val"], [_known(cell.error) for cell in cells], {"color": VAL}, "circle"),
        (words["pca"], list(rivals), {"color": RIVAL, "dash": "dot"}, "x"),
    ]
    for name, values, line, symbol in lines:
        if any(value is not None for value in values):
            extra = {"error_y": bars} if name == words["val"] else {}
            marker = {"symbol": symbol, "size": 9}
            figure.add_scatter(
                x=list(names), y=values, name=name, mode="lines+markers", line=line, marker=marker, **extra
            )
    figure.update_xaxes(type="category", title=words["setting"], categoryorder="array", categoryarray=list(names))
    shown = [value for _, values, _, _ in lines for value in values if value]
    ends = [math.log10(min(shown)) - 0.06, math.log10(max(shown)) + 0.06] if shown else None
    figure.update_yaxes(type="log", title=words["error"], range=ends)
    return figure.update_layout(margin=MARGINS, height=340, legend={"orientation": "h", "y": 1.12})


def draw_heat(
    columns: Sequence[str], rows: Sequence[str], cells: Sequence[Sequence[Cell]], words: Mapping[str, str]
) -> go.Figure:
    """Mean error of each cell as a colour on a log scale, written into it. words: `column`, `row`, `error`."""
    errors = [[_known(cell.error) for cell in row] for row in cells]
    shades = [[None if error is None else math.log10(max(error, 1e-12)) for error in row] for row in errors]
    texts = [["" if error is None else f"{error:.3g}" for error in row] for row in errors]
    heat = go.Heatmap(
        x=list(columns),
        y=list(rows),
        z=shades,
        text=texts,
        texttemplate="%{text}",
        colorscale="Viridis_r",
        showscale=False,
        hovertemplate=f"{words['column']} %{{x}}<br>{words['row']} %{{y}}<br>{words['error']} %{{text}}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_xaxes(type="category", title=words["column"])
    figure.update_yaxes(type="category", title=words["row"], autorange="reversed")
    return figure.update_layout(margin=MARGINS, height=90 + 60 * max(len(rows), 2))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
