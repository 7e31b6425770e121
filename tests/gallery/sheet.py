"""The sheet on which thumbnails are drawn: its size, its colours, its paints."""

from __future__ import annotations

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 240, 160
FINE = 3
"""Everything is drawn this much larger, then shrunk: Pillow's own lines and discs have hard edges."""
CLASSES = ("#3d8fd9", "#e69f00", "#12a37f", "#d3609b", "#8b75d7", "#d9622b", "#5fb8e8", "#a98a16")
"""After Okabe and Ito (2008), evened out in lightness."""
RAMP = ("#4468e0", "#9a55cf", "#dd5a8c", "#f08a3c", "#e9b932")
INK, PAPER = (26, 35, 58), (246, 248, 252)


def blank() -> Image.Image:
    """A clear sheet at drawing size."""
    return Image.new("RGBA", (WIDTH * FINE, HEIGHT * FINE), (128, 136, 150, 0))


def rgb(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` as three bytes."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def ramp(share: float) -> tuple[int, int, int]:
    """The colour at a share 0..1 of the ramp."""
    stops = np.array([rgb(stop) for stop in RAMP])
    at = np.linspace(0, 1, len(stops))
    red, green, blue = (int(np.interp(share, at, stops[:, i])) for i in range(3))
    return red, green, blue


def over(ground: np.ndarray, colour: tuple[int, ...], alpha: np.ndarray) -> np.ndarray:
    """Paint of one colour laid over a clear ground: Porter and Duff's `over`, straight alpha in 0..1."""
    below = ground[..., 3] * (1 - alpha)
    total = alpha + below
    mixed = (np.array(colour) / 255 * alpha[..., None] + ground[..., :3] * below[..., None]) / np.maximum(total, 1e-9)[
        ..., None
    ]
    return np.concatenate([mixed, total[..., None]], axis=2)
