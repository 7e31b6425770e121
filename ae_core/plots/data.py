"""What a dataset looks like, drawn: out of a `Preview`, on a light ground or a dark one.

Names come from people's files and Plotly reads markup, so every name passes `shown` on its way into a figure.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ae_core.data.preview import BINS, Class, Cloud, ColumnView, Heavy, Histogram, Lines, Matrix
from ae_core.plots.palette import DARK, MARKERS, PALETTE

MARGINS = {"l": 10, "r": 10, "t": 10, "b": 10}
ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
FROM_THE_FRONT = {"eye": {"x": 0.7, "y": -1.8, "z": 0.7}}  # rolls are seen along their axis
LONGEST = 40  # letters of a name
MOST_BARS = 30
TILE, GAP = 64, 4  # pixels
SOLID = {"circle", "square", "diamond", "cross", "x"}  # the markers that Plotly has in space


def shown(name: str) -> str:
    """A name as it may stand in a figure: one line, at most 40 letters, no markup."""
    line = " ".join(name.split())
    cut = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    return html.escape(cut, quote=False)  # Plotly shows &quot; as it stands


def colours(dark: bool) -> tuple[str, ...]:
    """Of the classes, on that ground."""
    return DARK if dark else PALETTE


# --------------------------------------------------------------------------------------------------------- pictures


def mosaic(pictures: np.ndarray, across: int = 10, tile: int = TILE) -> np.ndarray:
    """Pictures (k, h, w, c) side by side: (height, width, 4) bytes, the gaps clear, so that it fits any ground.

    0 is black. Small pictures are enlarged to about `tile` pixels, every pixel a whole square. None gives one clear
    pixel.
    """
    count, height, width, channels = pictures.shape
    if not count or not height or not width or not channels:
        return np.zeros((1, 1, 4), np.uint8)
    times = max(1, round(tile / max(height, width)))
    across = min(across, count)
    down = -(-count // across)
    tall, wide = height * times + GAP, width * times + GAP
    sheet = np.zeros((down * tall - GAP, across * wide - GAP, 4), np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // across * tall, number % across * wide
        large = picture.repeat(times, axis=0).repeat(times, axis=1)
        place = sheet[top : top + height * times, left : left + width * times]
        place[..., :3] = large[..., :3] if channels >= 3 else large[..., :1]
        place[..., 3] = 255
    return sheet


def png_url(picture: np.ndarray) -> str:
    """A picture (h, w, 3 or 4) of bytes as the address of a PNG that holds itself."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


# ---------------------------------------------------------------------------------------------------------- figures


def draw_balance(classes: Sequence[Class], words: Mapping[str, str], dark: bool = False) -> go.Figure:
    """A bar a class, in their order; of very many the largest. Each has the colour that it has elsewhere. words:
    `items`.
    """
    rows = [(one.name, one.count, number) for number, one in enumerate(classes)]
    if len(rows) > MOST_BARS:
        rows = sorted(rows, key=lambda row: -row[1])[:MOST_BARS]
    palette = colours(dark)
    marks = [palette[number % len(palette)] for _, _, number in rows]
    return _bars([name for name, _, _ in rows], [count for _, count, _ in rows], marks, words["items"])


def draw_words(heavy: Sequence[Heavy], words: Mapping[str, str], dark: bool = False) -> go.Figure:
    """Words or goods, with the share of the items that have them. words: `share`."""
    figure = _bars([one.name for one in heavy], [one.weight for one in heavy], colours(dark)[0], words["share"])
    return figure.update_xaxes(tickformat=".0%").update_traces(hovertemplate="%{text}<br>%{x:.1%}<extra></extra>")


def draw_points(cloud: Cloud, classes: Sequence[Class], dark: bool = False) -> go.Figure:
    """The points in the plane or in space, one trace a class; a colour that is no class is one shaded trace. A single
    coordinate has a lane for each class.
    """
    figure = go.Figure()
    if len(cloud.colour):
        shade = {"color": cloud.colour, "colorscale": "Viridis"}
        _add_points(figure, cloud.points, 0, "", shade)
    else:
        labels = np.array(cloud.labels or (0,) * len(cloud.points), dtype=np.int64)
        for label in np.unique(labels):
            name = shown(classes[label].name) if label < len(classes) else ""
            marker = {"color": colours(dark)[label % len(PALETTE)], "symbol": MARKERS[label % len(MARKERS)]}
            _add_points(figure, cloud.points[labels == label], int(label), name, marker)
    several = len(classes) > 1 and not len(cloud.colour)
    figure.update_layout(margin=MARGINS, height=420, showlegend=several, legend={**ABOVE, "itemsizing": "constant"})
    axes = [shown(axis) for axis in cloud.axes]
    if len(axes) == 3:
        return figure.update_scenes(
            xaxis_title=axes[0], yaxis_title=axes[1], zaxis_title=axes[2], aspectmode="data", camera=FROM_THE_FRONT
        )
    figure.update_xaxes(title=axes[0] if axes else "")
    if len(axes) == 2:
        return figure.update_yaxes(title=axes[1], scaleanchor="x")
    return figure.update_yaxes(visible=False)


def _add_points(figure: go.Figure, points: np.ndarray, lane: int, name: str, marker: Mapping[str, Any]) -> None:
    if points.shape[1] == 3:
        symbol = marker.get("symbol", "circle")
        three = {**marker, "size": 2.5, "symbol": symbol if symbol in SOLID else "circle"}
        figure.add_scatter3d(x=points[:, 0], y=points[:, 1], z=points[:, 2], mode="markers", name=name, marker=three)
        return
    up = points[:, 1] if points.shape[1] == 2 else np.full(len(points), lane)
    figure.add_scattergl(x=points[:, 0], y=up, mode="markers", name=name, marker={**marker, "size": 6, "opacity": 0.8})


def draw_series(lines: Lines, classes: Sequence[Class], words: Mapping[str, str], dark: bool = False) -> go.Figure:
    """A line a series, in the colour of its class; channels below each other. words: `step`, `value`."""
    channels = max(len(lines.channels), 1)
    figure = make_subplots(rows=channels, cols=1, shared_xaxes=True, vertical_spacing=0.05)
    labels = lines.labels or (0,) * len(lines.series)
    steps = np.arange(lines.series.shape[1]) * lines.every
    named: set[int] = set()
    for label, one in zip(labels, lines.series, strict=True):
        name = shown(classes[label].name) if label < len(classes) else ""
        line = {"color": colours(dark)[label % len(PALETTE)], "width": 1.5}
        for channel in range(one.shape[1]):
            figure.add_scatter(
                x=steps,
                y=one[:, channel],
                mode="lines",
                line=line,
                opacity=0.75,
                name=name,
                legendgroup=str(label),
                showlegend=label not in named and len(classes) > 1,
                row=channel + 1,
                col=1,
            )
            named.add(label)
    figure.update_xaxes(title=words["step"], row=channels, col=1)
    for channel in range(channels):
        title = words["value"] if channels == 1 else shown(lines.channels[channel])
        figure.update_yaxes(title=title, row=channel + 1, col=1)
    return figure.update_layout(margin=MARGINS, height=160 + 140 * channels, legend=ABOVE)


def draw_column(column: ColumnView, words: Mapping[str, str], dark: bool = False) -> go.Figure:
    """How often each value of a column is there: a histogram, or a bar a category. words: `items`, `share`."""
    if column.kind == "number":
        return draw_histogram(column.histogram, column.name, words, dark)
    figure = _bars(list(column.categories), list(column.shares), colours(dark)[0], words["share"])
    return figure.update_xaxes(tickformat=".0%").update_traces(hovertemplate="%{text}<br>%{x:.1%}<extra></extra>")


def draw_histogram(found: Histogram, title: str, words: Mapping[str, str], dark: bool = False) -> go.Figure:
    """How many values lie between one edge and the next. title: what is measured. words: `items`."""
    edges = np.array(found.edges)
    figure = go.Figure()
    if len(edges) > 1:
        middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        figure.add_bar(
            x=middles,
            y=list(found.counts),
            width=widths * 0.94,
            marker={"color": colours(dark)[0]},
            hovertemplate="%{x:.4g}<br>%{y}<extra></extra>",
        )
        if len(middles) <= BINS // 2 and np.all(widths == 1) and np.all(middles == np.rint(middles)):
            figure.update_xaxes(tickvals=middles)  # stars, people: nothing lies between
    figure.update_xaxes(title=shown(title))
    figure.update_yaxes(title=words["items"])
    return figure.update_layout(margin=MARGINS, height=200, showlegend=False)


def draw_excerpt(matrix: Matrix, words: Mapping[str, str]) -> go.Figure:
    """A part of a matrix, a row an item. What is not known, and what is 0, is a gap. words: `items`,
    `columns`."""
    cells = [[None if value == 0 else float(value) for value in row] for row in matrix.excerpt]
    names = [shown(name) for name in matrix.names]
    figure = go.Figure()
    if cells and names:
        figure.add_heatmap(
            z=cells,
            text=[names for _ in cells],
            colorscale="Viridis",
            xgap=1,
            ygap=1,
            hovertemplate="%{text}<br>%{z:.4g}<extra></extra>",
            hoverongaps=False,
            showscale=len(set(matrix.excerpt[matrix.excerpt != 0].tolist())) > 1,
        )
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False}  # the names are too many; they are hovered
    figure.update_xaxes(title=words["columns"], **bare)
    figure.update_yaxes(title=words["items"], autorange="reversed", **bare)
    return figure.update_layout(margin=MARGINS, height=120 + 14 * len(cells))


def _bars(names: Sequence[str], values: Sequence[float], colour: Any, title: str) -> go.Figure:
    """Bars to the right, the first one on top. Named by ticks, since two names may be the same once they are cut."""
    texts = [shown(name) for name in names]
    places = list(range(len(texts)))
    figure = go.Figure()
    if texts:
        figure.add_bar(
            x=list(values),
            y=places,
            text=texts,
            textposition="none",
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{text}<br>%{x}<extra></extra>",
        )
    figure.update_xaxes(title=title, rangemode="tozero")
    figure.update_yaxes(tickvals=places, ticktext=texts, autorange="reversed", showgrid=False, automargin=True)
    return figure.update_layout(margin=MARGINS, height=80 + 24 * max(len(texts), 1), bargap=0.25, showlegend=False)
