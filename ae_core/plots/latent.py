"""Where items lie in the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ae_core.plots.palette import MARKERS, PALETTE


@dataclass(frozen=True)
class LatentMap:
    """codes: (items, 1..3). labels: (items,), -1 without. colour: (items,) or None. names: of the labels."""

    codes: np.ndarray
    labels: np.ndarray
    colour: np.ndarray | None
    names: Sequence[str]


def latent_map(
    introduction: Mapping[str, np.ndarray], snapshot: Mapping[str, np.ndarray], names: Sequence[str]
) -> LatentMap:
    """The map out of a run's introduction and one of its snapshots. No items yet is a valid answer."""
    codes = snapshot.get("latent", np.zeros((0, 2), np.float32))
    labels = introduction.get("labels", np.full(len(codes), -1, np.int16))
    return LatentMap(codes, labels, introduction.get("colour"), names)


def draw_latent(found: LatentMap, words: Mapping[str, str]) -> go.Figure:
    """One trace a class (or one continuous colour); a 1-D code has one lane a class. words: `axis`, `class`."""
    figure = go.Figure()
    if found.colour is not None:
        shade = {"color": found.colour, "colorscale": "Viridis", "showscale": True}
        _add(figure, found.codes, np.zeros(len(found.codes)), "", shade)
    else:
        for label in np.unique(found.labels):
            rows = found.labels == label
            name = found.names[label] if 0 <= label < len(found.names) else ""
            marker = {"color": PALETTE[label % len(PALETTE)], "symbol": MARKERS[label % len(MARKERS)]}
            _add(figure, found.codes[rows], np.full(rows.sum(), label), name, marker)
    figure.update_layout(legend_title=words["class"], margin={"l": 10, "r": 10, "t": 10, "b": 10}, height=640)
    names = [f"{words['axis']} {number}" for number in (1, 2, 3)]
    if found.codes.shape[1] == 3:
        figure.update_scenes(xaxis_title=names[0], yaxis_title=names[1], zaxis_title=names[2])
        return figure
    figure.update_xaxes(title=names[0])
    if found.codes.shape[1] == 2:
        return figure.update_yaxes(title=names[1], scaleanchor="x")
    if found.colour is None:
        lanes = [int(label) for label in np.unique(found.labels)]
        lane_names = [found.names[label] if 0 <= label < len(found.names) else "" for label in lanes]
        figure.update_yaxes(title=words["class"], tickvals=lanes, ticktext=lane_names)
    return figure


def _add(figure: go.Figure, codes: np.ndarray, lane: np.ndarray, name: str, marker: Mapping[str, object]) -> None:
    if codes.shape[1] == 3:
        solid = {"circle", "square", "diamond", "cross", "x"}
        symbol = marker.get("symbol", "circle")
        three = {**marker, "size": 3, "symbol": symbol if symbol in solid else "circle"}
        figure.add_scatter3d(x=codes[:, 0], y=codes[:, 1], z=codes[:, 2], mode="markers", name=name, marker=three)
    else:
        second = codes[:, 1] if codes.shape[1] == 2 else lane
        figure.add_scattergl(
            x=codes[:, 0], y=second, mode="markers", name=name, marker={**marker, "size": 6, "opacity": 0.8}
        )
