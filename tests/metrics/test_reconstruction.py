"""Reconstruction metrics, each against a second way of computing it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import explained_variance_score, mean_absolute_error, mean_squared_error, r2_score

from ae_core.metrics import METRICS
from ae_core.metrics import reconstruction as ours
from tests.metrics.evidences import evidence

RANDOM = np.random.default_rng(0)
X = RANDOM.random((20, 64), dtype=np.float32)
X_HAT = X + 0.1 * RANDOM.standard_normal(X.shape, dtype=np.float32)


def value(name: str, x=X, x_hat=X_HAT, **parts) -> float:
    return METRICS[name].value(evidence(x, x[:, :4], x_hat=x_hat, shape=(8, 8, 1), peak=1.0, **parts))


def test_errors_equal_scikit_learn():
    """MSE and MAE are scikit-learn's, the root is the root, and the sum per item is features times the mean."""
    assert value("mse") == pytest.approx(mean_squared_error(X, X_HAT), rel=1e-5)
    assert value("mae") == pytest.approx(mean_absolute_error(X, X_HAT), rel=1e-5)
    assert value("rmse") ** 2 == pytest.approx(value("mse"))
    assert value("sse") == pytest.approx(((X_HAT - X) ** 2).sum() / 20, rel=1e-5)


def test_entries_count_as_their_weights_say():
    """With half of the entries hidden and counting double, errors elsewhere are not seen."""
    weights = np.zeros_like(X)
    weights[:, ::2] = 2
    hidden = np.abs(X_HAT - X)[:, ::2]

    assert value("mae", weights=weights) == pytest.approx(hidden.mean(), rel=1e-5)
    assert value("mse", weights=weights) == pytest.approx((hidden**2).mean(), rel=1e-5)


def test_psnr_follows_from_the_error():
    """PSNR of the set is that of its mean squared error; the mean of each picture's is higher, and scikit-image's."""
    each = [peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in zip(X, X_HAT, strict=True)]

    assert value("psnr") == pytest.approx(-10 * math.log10(value("mse")))
    assert value("psnr_each") == pytest.approx(np.mean(each), rel=1e-5)
    assert value("psnr_each") > value("psnr")


def test_psnr_needs_an_error_and_leaves_exact_pictures_out():
    """A perfect copy has no PSNR; among others it is left out, so nothing is infinite."""
    some = np.concatenate([X[:5], X_HAT[5:]])

    assert METRICS["psnr"].lacks(evidence(X, X, shape=(8, 8, 1), peak=1.0)) == ("inexact",)
    assert value("psnr_each", x_hat=some) == pytest.approx(value("psnr_each", x=X[5:], x_hat=X_HAT[5:]))


def test_psnr_knows_the_range():
    """Twice the range of values and twice the error are the same PSNR."""
    errors = np.array([0.01, 0.04])

    np.testing.assert_allclose(
        ours.peak_signal_to_noise(errors, 1.0), ours.peak_signal_to_noise(4 * errors, 2.0), rtol=1e-12
    )


@pytest.mark.parametrize(("side", "window"), [(3, 3), (6, 5), (8, 7), (12, 7)])
def test_ssim_is_scikit_images_in_the_largest_window_that_fits(side, window):
    """1 for equal pictures; else scikit-image's with the range told, also for pictures smaller than the window."""
    a, b = RANDOM.random((2, side, side))
    there = structural_similarity(a, b, win_size=window, data_range=1.0)
    shape = (side, side, 1)

    assert ours.structural_similarity(a.reshape(1, -1), b.reshape(1, -1), shape, 1.0) == pytest.approx(there)
    assert ours.structural_similarity(a.reshape(1, -1), a.reshape(1, -1), shape, 1.0) == pytest.approx(1.0)


def test_ssim_takes_colour():
    """Three channels are compared one by one, so colour that fails in one of them is seen."""
    a = RANDOM.random((1, 8 * 8 * 3))
    b = a.copy()
    b[:, ::3] = 0

    assert ours.structural_similarity(a, b, (8, 8, 3), 1.0) < 0.9


def test_explained_variance_equals_scikit_learn():
    """R^2 and explained variance are scikit-learn's weighted by variance, where every feature varies."""
    shifted = X_HAT + 0.2

    assert value("r2", x_hat=shifted) == pytest.approx(r2_score(X, shifted, multioutput="variance_weighted"), rel=1e-4)
    assert value("explained_variance", x_hat=shifted) == pytest.approx(
        explained_variance_score(X, shifted, multioutput="variance_weighted"), rel=1e-4
    )
    assert value("explained_variance", x_hat=shifted) > value("r2", x_hat=shifted)


def test_r2_of_the_mean_item_is_zero():
    """Who always answers with the mean item explains nothing; a perfect copy explains all."""
    assert value("r2", x_hat=np.broadcast_to(X.mean(axis=0), X.shape)) == pytest.approx(0, abs=1e-6)
    assert value("r2", x_hat=X) == 1.0


def test_r2_counts_errors_on_features_that_never_vary():
    """A constant pixel that is drawn wrong costs, which scikit-learn's score passes over."""
    x = X.copy()
    x[:, 0] = 0.0
    wrong = x.copy()
    wrong[:, 0] = 1.0

    assert value("r2", x=x, x_hat=wrong) < 0.9
    assert r2_score(x, wrong, multioutput="variance_weighted") == pytest.approx(1.0)


def test_cross_entropy_excess_starts_at_zero():
    """Less the pixels' own entropy it is 0 at p = x, and torch's cross-entropy less entropy elsewhere."""
    x = X[:, :10].astype(np.float64)
    logits = 3 * RANDOM.standard_normal(x.shape)
    told = torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor(logits), torch.tensor(x), reduction="sum")
    entropy = torch.distributions.Bernoulli(torch.tensor(x)).entropy().sum()

    assert ours.cross_entropy_excess(x, np.log(x / (1 - x))) == pytest.approx(0, abs=1e-9)
    assert ours.cross_entropy_excess(x, logits) == pytest.approx((told - entropy).item() / 20)
    assert ours.cross_entropy_excess(np.zeros((1, 1)), np.full((1, 1), 200.0)) == pytest.approx(200)
    assert ours.cross_entropy_excess(np.ones((1, 1)), np.full((1, 1), 200.0)) == pytest.approx(0)


def test_compression_counts_bits():
    """64 numbers in 4 are 16 to 1, and in 8 choices of 5 bits 51 to 1."""
    assert value("compression_ratio") == 16.0
    assert value("compression_ratio", bits=40.0) == pytest.approx(51.2)
