"""Ten colours that people with any kind of colour vision can tell apart, and a marker for each as a second cue."""

PALETTE = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#a89a00",
    "#882255",
    "#666673",
    "#4f3fb0",
)
"""Okabe and Ito 2008, extended; the stage's own on a light ground."""

DARK = (
    "#3d9be0",
    "#f5b83d",
    "#1fc79a",
    "#f5762f",
    "#e79bc6",
    "#86d0fa",
    "#efe34a",
    "#cf4f8d",
    "#b3b3bf",
    "#9a8ef5",
)
"""The same on a dark ground."""

MARKERS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "hexagon", "star", "x", "pentagon")
"""The stage's shapes, in its order."""
