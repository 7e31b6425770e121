"""Sprites: small white shapes on black, each made from five known factors.

After dSprites (Matthey et al., 2017), drawn from signed distances. A square looks the same after 90 degrees and an
ellipse after 180, so the angle is always given within one period of its shape: equal pictures have equal factors.
"""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Floats, Items
from ae_core.spec import Sprites

SIDE = 32
SHAPES = ("square", "ellipse", "heart")
PERIODS = (np.pi / 2, np.pi, 2 * np.pi)
"""Turn in radians after which each shape looks the same again."""
FACTORS = ("shape", "scale", "angle", "x", "y")
REACH = 9.5
"""Half of the largest shape's diagonal in pixels: how near to the edge a centre may come."""


def sprites(spec: Sprites) -> Items:
    """Shapes in turn, every other factor uniform: scale 0.5..1, angle over the shape's period, x and y 0..1."""
    random = np.random.default_rng(0)
    shape = np.arange(spec.samples, dtype=np.int64) % len(SHAPES)
    scale, turn, x, y = random.random((4, spec.samples))
    factors = np.stack([shape, 0.5 + 0.5 * scale, turn * np.asarray(PERIODS)[shape], x, y], axis=1)
    return Items(x=draw(factors), labels=shape, factors=factors.astype(np.float32), factor_names=FACTORS)


def draw(factors: np.ndarray) -> Floats:
    """The pictures of (n, 5) factors in the order of FACTORS: (n, 32, 32, 1) in 0..1, edges smoothed over one pixel.

    x and y: 0..1, the share of the way that the centre can go, to the right and downwards.
    """
    pictures = np.empty((len(factors), SIDE, SIDE, 1), dtype=np.float32)
    for start in range(0, len(factors), 256):  # keeps the temporary arrays of a block at a few MB
        for shape, distance in enumerate((_square, _ellipse, _heart)):
            rows = start + np.flatnonzero(factors[start : start + 256, 0] == shape)
            p, q = _own_axes(factors[rows])
            size = factors[rows, 1][:, None, None]
            pictures[rows, ..., 0] = np.clip(0.5 - distance(p, q, size), 0, 1)
    return pictures


def _own_axes(factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel's place as seen from the shape: right and up of its centre, in pixels, (n, 32, 32) each."""
    centre = np.arange(SIDE) + 0.5
    x, y = REACH + (SIDE - 2 * REACH) * factors[:, 3:].T
    dx = (centre - x[:, None])[:, None, :]
    dy = (y[:, None] - centre)[:, :, None]
    cos, sin = (f(factors[:, 2])[:, None, None] for f in (np.cos, np.sin))
    return cos * dx + sin * dy, cos * dy - sin * dx


def _square(p: np.ndarray, q: np.ndarray, size: np.ndarray) -> np.ndarray:
    p, q = np.abs(p) - 6.7 * size, np.abs(q) - 6.7 * size
    return np.asarray(np.hypot(np.maximum(p, 0), np.maximum(q, 0)) + np.minimum(np.maximum(p, q), 0))


def _ellipse(p: np.ndarray, q: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Distance to first order, which is exact at the edge, where alone it is seen."""
    wide, high = 9.4 * size, 5.6 * size
    level = np.hypot(p / wide, q / high)
    slope = np.hypot(p / wide**2, q / high**2)
    return np.asarray(np.where(level > 0, level * (level - 1) / np.maximum(slope, 1e-9), -high))


def _heart(p: np.ndarray, q: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Quilez's heart: a square on its tip with two half discs, exact; here 14 sizes to its unit."""
    unit = 14 * size
    p, q = np.abs(p) / unit, q / unit + 0.55
    lobe = np.hypot(p - 0.25, q - 0.75) - np.sqrt(2) / 4
    along = 0.5 * np.maximum(p + q, 0)
    edge = np.sqrt(np.minimum(p**2 + (q - 1) ** 2, (p - along) ** 2 + (q - along) ** 2)) * np.sign(p - q)
    return np.asarray(np.where(p + q > 1, lobe, edge) * unit)
