"""How near reconstructions come to their items."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ae_core.data.columns import Span
from ae_core.metrics.evidence import Array, Evidence
from ae_core.metrics.record import Metric

WINDOW = 7  # side of SSIM's window; smaller pictures get the largest odd one that fits


def mean_square(x: Array, x_hat: Array, weights: Array | None = None) -> float:
    """Mean over items and features of (x_hat - x)^2, in squared feature units.

    weights: like x, what each entry counts; their mean is 1.
    """
    errors = np.square(x_hat - x, dtype=np.float64)
    return float((errors if weights is None else errors * weights).mean())


def mean_absolute(x: Array, x_hat: Array, weights: Array | None = None) -> float:
    """Mean over items and features of |x_hat - x|, in feature units; weights as above."""
    errors = np.abs(x_hat - x, dtype=np.float64)
    return float((errors if weights is None else errors * weights).mean())


def cross_entropy_excess(x: Array, logits: Array) -> float:
    """-x ln p - (1 - x) ln(1 - p), less the same at p = x, summed over features, mean over items; nats, 0 at best.

    p = sigmoid(logits), x in 0..1, both (items, features). From logits, so it is exact for any of them. Grey pixels
    keep an entropy of their own that no reconstruction can take away; without it zero means perfect.
    """
    from scipy.special import entr

    x, logits = x.astype(np.float64), logits.astype(np.float64)
    told = np.logaddexp(0, logits) - x * logits
    return float((told - entr(x) - entr(1 - x)).sum(axis=1).mean())


def peak_signal_to_noise(mse: Array | float, peak: float) -> Array:
    """10 log10(peak^2 / mse), decibels, mse above 0. peak: width of the range of values."""
    return np.asarray(10 * np.log10(peak**2 / mse))


def structural_similarity(x: Array, x_hat: Array, shape: tuple[int, ...], peak: float) -> float:
    """Mean over pictures of SSIM, at most 1, in a uniform window of 7 pixels or the largest odd one that fits.

    x, x_hat: (items, features). shape: (h, w, c). peak: width of the range of values. On small pictures the value
    depends strongly on the window. Source: Wang et al. 2004, by scikit-image.
    """
    side = min(WINDOW, *shape[:2])
    window = side if side % 2 else side - 1
    ours, theirs = (part.reshape(-1, *shape).astype(np.float64) for part in (x, x_hat))
    pairs = zip(ours, theirs, strict=True)
    return float(np.mean([_ssim(a, b, window, peak) for a, b in pairs]))


def _ssim(a: Array, b: Array, window: int, peak: float) -> float:
    from skimage.metrics import structural_similarity as ssim

    return float(ssim(a, b, win_size=window, data_range=peak, channel_axis=-1))  # type: ignore[no-untyped-call]


def determination(x: Array, x_hat: Array) -> float:
    """R^2 = 1 - squared error / squared distance from the mean item, both over all features; 1 at best.

    Errors on features that never vary count, which scikit-learn's variance-weighted score leaves out.
    """
    total = np.square(x - x.mean(axis=0, dtype=np.float64)).sum()
    return float(1 - np.square(x_hat - x, dtype=np.float64).sum() / total)


def explained_variance(x: Array, x_hat: Array) -> float:
    """`determination` once the mean error of each feature is forgiven; so never below it."""
    error = x_hat.astype(np.float64)
    error -= x
    error -= error.mean(axis=0)
    return float(1 - np.square(error, out=error).sum() / np.square(x - x.mean(axis=0, dtype=np.float64)).sum())


def columns_right(x: Array, x_hat: Array, spans: Sequence[Span]) -> float:
    """Share of the cells of binary and category columns that are reconstructed as what they are, 0..1.

    x, x_hat: (items, features); a binary cell is told at 1/2, a category is the likeliest one.
    """
    right = []
    for kind, start, stop in spans:
        ours, theirs = x[:, start:stop], x_hat[:, start:stop]
        if kind == "binary":
            right += list(((theirs >= 0.5) == (ours >= 0.5)).mean(axis=0))
        elif kind == "category":
            right.append((theirs.argmax(axis=1) == ours.argmax(axis=1)).mean())
    return float(np.mean(right))


def _mean_square(evidence: Evidence) -> float:
    return mean_square(evidence.x, evidence.x_hat, evidence.weights)


def _psnr_of_each(evidence: Evidence) -> float:
    """Mean over pictures of each one's PSNR. The few that are exact have none and are left out."""
    each = np.square(evidence.x_hat - evidence.x, dtype=np.float64).mean(axis=1)
    return float(np.mean(peak_signal_to_noise(each[each > 0], evidence.peak or 1.0)))


WHOLE = ("whole", "varied_items")
PICTURES = ("whole", "pictures", "peak")

RECONSTRUCTION: dict[str, Metric] = {
    "mse": Metric("reconstruction", "squared units", "lower", _mean_square),
    "sse": Metric("reconstruction", "squared units per item", "lower", lambda e: e.x.shape[1] * _mean_square(e)),
    "rmse": Metric("reconstruction", "units", "lower", lambda e: math.sqrt(_mean_square(e))),
    "mae": Metric("reconstruction", "units", "lower", lambda e: mean_absolute(e.x, e.x_hat, e.weights)),
    "bce_excess": Metric(
        "reconstruction",
        "nats per item",
        "lower",
        lambda e: cross_entropy_excess(e.x, np.asarray(e.logits)),
        ("whole", "probabilities"),
        rival=False,
    ),
    "psnr": Metric(
        "reconstruction",
        "dB",
        "higher",
        lambda e: float(peak_signal_to_noise(mean_square(e.x, e.x_hat), e.peak or 1.0)),
        (*PICTURES, "inexact"),
    ),
    "psnr_each": Metric("reconstruction", "dB", "higher", _psnr_of_each, (*PICTURES, "inexact")),
    "ssim": Metric(
        "reconstruction",
        "",
        "higher",
        lambda e: structural_similarity(e.x, e.x_hat, e.shape, e.peak or 1.0),
        PICTURES,
        most=1000,
    ),
    "r2": Metric("reconstruction", "", "higher", lambda e: determination(e.x, e.x_hat), WHOLE),
    "explained_variance": Metric("reconstruction", "", "higher", lambda e: explained_variance(e.x, e.x_hat), WHOLE),
    "columns_right": Metric(
        "reconstruction", "", "higher", lambda e: columns_right(e.x, e.x_hat, e.spans), ("columns",)
    ),
    "compression_ratio": Metric(
        "reconstruction", "", "none", lambda e: 32.0 * e.x.shape[1] / e.bits, rival=False
    ),  # float32 before, and after unless the code is made of choices
}
