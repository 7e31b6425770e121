"""Heartbeats as an electrocardiogram draws them: a sum of five bell curves, P Q R S T, and four ways to be abnormal.

After McSharry et al. (2003), who let the same five curves pass by once a beat; here each beat is an item of its own.
"""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Items
from ae_core.spec import Heartbeats

KINDS = ("normal beat", "missing P wave", "wide QRS", "flat line", "early beat")
FACTORS = ("kind", "height", "place", "P height", "QRS width", "T height")
OFFSET = np.array([-0.17, -0.045, 0.0, 0.045, 0.26])
"""Of P, Q, R, S and T from the R, in seconds. A series lasts one second."""
WIDTH = np.array([0.028, 0.016, 0.018, 0.017, 0.05])
"""Standard deviations of the bell curves, in seconds."""
HEIGHT = np.array([0.16, -0.14, 1.0, -0.24, 0.3])
"""In millivolts."""


def heartbeats(spec: Heartbeats) -> Items:
    """Normal beats, and among them at random places the share of abnormal ones; noise last. Label 0 is normal."""
    random = np.random.default_rng(0)
    count = spec.samples
    kind = np.zeros(count, dtype=np.int64)
    abnormal = random.permutation(count)[: max(1, round(spec.anomalies * count))]
    kind[abnormal] = 1 + np.arange(len(abnormal)) % (len(KINDS) - 1)
    height, place, p, qrs, t = random.random((5, count))
    factors = np.stack(
        [
            kind,
            np.where(kind == 3, 0.06, 0.85 + 0.3 * height),
            np.where(kind == 4, 0.2, 0.38) + 0.04 * place,
            np.where(kind == 1, 0.0, 0.75 + 0.5 * p),
            np.where(kind == 2, 2.2, 0.9) + 0.2 * qrs,
            0.7 + 0.6 * t,
        ],
        axis=1,
    )
    clean = draw(factors, spec.steps)
    noisy = clean + spec.noise * random.standard_normal(clean.shape)
    return Items(
        x=noisy.astype(np.float32)[..., None],
        labels=kind,
        factors=factors.astype(np.float32),
        factor_names=FACTORS,
    )


def draw(factors: np.ndarray, steps: int) -> np.ndarray:
    """The clean series of (n, 6) factors in the order of FACTORS: (n, steps), in millivolts.

    height: of the whole beat. place: of the R, in seconds. P height and T height: times the usual one. QRS width: how
    much wider Q, R and S are, and how much farther apart.
    """
    time = np.arange(steps) / steps
    one = np.ones(len(factors))
    wide = factors[:, 4]
    stretch = np.stack([one, wide, wide, wide, one])
    tall = np.stack([factors[:, 3], one, one, one, factors[:, 5]])
    series = np.zeros((len(factors), steps))
    for offset, width, height, far, high in zip(OFFSET, WIDTH, HEIGHT, stretch, tall, strict=True):
        centre = factors[:, 2] + offset * far
        series += (height * high)[:, None] * np.exp(-(((time - centre[:, None]) / (width * far[:, None])) ** 2) / 2)
    return np.asarray(factors[:, 1:2] * series)
