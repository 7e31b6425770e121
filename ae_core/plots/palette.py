"""Ten colours that people with any kind of colour vision can tell apart, and a marker for each as a second cue."""

PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#8C6BB1",
    "#7F7F7F",
    "#B8A400",
    "#332288",
)
"""Okabe and Ito 2008, extended."""

MARKERS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "triangle-down", "star", "hexagon", "pentagon")
