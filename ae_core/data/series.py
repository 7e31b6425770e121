"""Waves: short series, each made from known factors.

Every item is drawn by itself, so no two share a sample, and none leaks across the split as overlapping windows of one
long series would.
"""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Floats, Items
from ae_core.spec import Waves

SHAPES = ("sine", "triangle", "square", "sawtooth")
FACTORS = ("shape", "cycles", "amplitude", "cos phase", "sin phase")
"""The phase as a point on the circle, so that equal series have equal factors."""
PARTIALS = 7
"""Highest multiple of the frequency that a shape has: its first sines (Fourier), so that edges are steep but smooth."""


def waves(spec: Waves) -> Items:
    """Shapes in turn, every other factor uniform: 1..3 cycles a series, amplitude 0.5..1, any phase; noise last."""
    random = np.random.default_rng(0)
    shape = np.arange(spec.samples, dtype=np.int64) % len(SHAPES)
    cycles, amplitude, turn = random.random((3, spec.samples))
    phase = 2 * np.pi * turn
    factors = np.stack([shape, 1 + 2 * cycles, 0.5 + 0.5 * amplitude, np.cos(phase), np.sin(phase)], axis=1)
    clean = draw(factors, spec.steps)
    noisy = clean + spec.noise * random.standard_normal(clean.shape)
    return Items(
        x=noisy.astype(np.float32)[..., None],
        labels=shape,
        factors=factors.astype(np.float32),
        factor_names=FACTORS,
    )


def draw(factors: np.ndarray, steps: int) -> np.ndarray:
    """The clean series of (n, 5) factors in the order of FACTORS: (n, steps), within -1.3..1.3."""
    time = np.arange(steps) / steps
    angle = 2 * np.pi * factors[:, 1:2] * time + np.arctan2(factors[:, 4], factors[:, 3])[:, None]
    series = np.zeros_like(angle)
    for number in range(1, PARTIALS + 1):
        series += np.sin(number * angle) * partials(number)[factors[:, 0].astype(np.int64)][:, None]
    return np.asarray(factors[:, 2:3] * series)


def partials(number: int) -> Floats:
    """Weight of the sine with that multiple of the frequency in each shape (Fourier series): (4,)."""
    odd = number % 2
    first = 1.0 if number == 1 else 0.0
    triangle = 8 / np.pi**2 * odd * (-1) ** ((number - 1) // 2) / number**2
    square = 4 / np.pi * odd / number
    sawtooth = 2 / np.pi * (-1) ** (number + 1) / number
    return np.array([first, triangle, square, sawtooth], dtype=np.float32)
