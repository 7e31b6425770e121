"""Digits as lines: each of ten strokes is padded, stretched, shifted, bent and made noisy, so that it fits 40 steps.

Our own small version of MNIST-1D (Greydanus and Kobak, "Scaling down deep learning", 2020), with its ten strokes. It is
easier: less noise, and no stroke is cut in two.
"""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Items
from ae_core.spec import Strokes1d

STEPS = 40
FACTORS = ("digit", "length", "place", "height", "shear")
STROKES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
"""How far each digit's stroke, read from top to bottom, lies from the middle (which is 5). Of MNIST-1D, Apache-2.0."""


def strokes1d(spec: Strokes1d) -> Items:
    """Digits in turn, every other factor uniform; smooth noise on the stroke, then noise on each step."""
    random = np.random.default_rng(0)
    count = spec.samples
    digit = np.arange(count, dtype=np.int64) % len(STROKES)
    length, place, height, shear = random.random((4, count))
    long = 8 + 6 * length
    factors = np.stack([digit, long, place * (STEPS - 1 - long), 0.8 + 0.4 * height, shear - 0.5], axis=1)
    clean = draw(factors)
    wobble = random.standard_normal((count, STEPS + 4))
    smooth = sum(wobble[:, i : i + STEPS] for i in range(5)) / np.sqrt(5)
    noisy = clean + 2 * spec.noise * smooth * (clean != 0) + spec.noise * random.standard_normal(clean.shape)
    return Items(
        x=noisy.astype(np.float32)[..., None],
        labels=digit,
        factors=factors.astype(np.float32),
        factor_names=FACTORS,
    )


def draw(factors: np.ndarray) -> np.ndarray:
    """The clean lines of (n, 5) factors in the order of FACTORS: (n, 40); 0 before and after the stroke.

    length: of the stroke, in steps. place: step at which it begins. height: of the whole stroke. shear: how far its end
    is pulled against its beginning.
    """
    strokes = (STROKES - STROKES.mean(axis=1, keepdims=True)) / STROKES.std(axis=1, keepdims=True)
    strokes = (strokes - strokes[:, :1]) / 3
    along = (np.arange(STEPS) - factors[:, 2:3]) / factors[:, 1:2]  # 0 where the stroke begins, 1 where it ends
    at = np.clip(along, 0, 1) * (STROKES.shape[1] - 1)
    left = np.minimum(at.astype(np.int64), STROKES.shape[1] - 2)
    own = strokes[factors[:, 0].astype(np.int64)]
    low, high = (np.take_along_axis(own, left + step, axis=1) for step in (0, 1))
    line = low + (high - low) * (at - left) - factors[:, 4:5] * (along - 0.5) / 2
    return np.asarray(np.where((along >= 0) & (along <= 1), factors[:, 3:4] * line, 0.0))
