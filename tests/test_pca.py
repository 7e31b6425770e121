"""Principal components against scikit-learn and the published residuals of digits (models.md, E1 and E2)."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ae_core.data import prepare
from ae_core.pca import components, project, reference
from ae_core.spec import Blobs, DataSpec, Digits, SwissRoll, Wine


def digits() -> np.ndarray:
    """All 1,797 digits in 0..1."""
    split = prepare(Digits(), "mse")
    return np.concatenate([split.train, split.val])


@pytest.mark.parametrize(
    ("width", "residual"),
    [(1, 0.062413), (2, 0.052426), (3, 0.043777), (8, 0.023913), (10, 0.019196), (16, 0.011044), (32, 0.002467)],
)
def test_residual_of_all_digits(width, residual):
    """PCA of all digits leaves the mean squared error that models.md E1 tells."""
    x = digits()
    found = components(x)
    rebuilt = project(x, width) @ found.axes[:, :width].T + found.mean

    assert float(((rebuilt - x) ** 2).mean()) == pytest.approx(residual, abs=1.5e-6)


@pytest.mark.parametrize(
    ("width", "train", "val"),
    [(2, 0.052290, 0.053018), (8, 0.023755, 0.024614), (16, 0.010961, 0.011539), (32, 0.002450, 0.002636)],
)
def test_reference_of_the_split_digits(width, train, val):
    """The reference line is PCA fitted on the training items, with the figures of models.md E2 at split seed 0."""
    assert reference(Digits(), "mse", width) == pytest.approx({"train_mse": train, "val_mse": val}, abs=1.5e-6)


@pytest.mark.parametrize("data", [Digits(), SwissRoll(samples=300), Blobs(samples=200), Wine()], ids=lambda d: d.kind)
def test_reference_equals_scikit_learn(data: DataSpec):
    """Fitted on the training items and asked about the others, it is scikit-learn's PCA."""
    split = prepare(data, "mse")
    for width in range(1, min(split.train.shape[1], 5) + 1):
        pca = PCA(width, svd_solver="full").fit(split.train.astype(np.float64))
        there = {
            name: float(((pca.inverse_transform(pca.transform(x)) - x) ** 2).mean())
            for name, x in (("train_mse", split.train), ("val_mse", split.val))
        }
        assert reference(data, "mse", width) == pytest.approx(there, rel=1e-4, abs=1e-7)


def test_projection_equals_scikit_learn_up_to_signs():
    """The coordinates drawn for wide codes are scikit-learn's, up to the sign of an axis."""
    x = digits()
    there = PCA(3, svd_solver="full").fit_transform(x.astype(np.float64))

    here = project(x, 3)

    assert here.shape == (1797, 3)
    np.testing.assert_allclose(np.abs(here), np.abs(there), atol=1e-3)


def test_axes_are_orthonormal_and_strongest_first():
    """Axes are columns of length one at right angles, in falling order of variance."""
    x = digits()
    found = components(x)
    spread = ((x - found.mean) @ found.axes).var(axis=0)

    np.testing.assert_allclose(found.axes.T @ found.axes, np.eye(64), atol=1e-5)
    assert (np.diff(spread) <= 1e-6).all()


def test_a_code_as_wide_as_the_item_or_wider_leaves_nothing():
    """With as many components as features, or more, PCA's error is zero and never negative."""
    for width in (13, 14, 256):
        errors = reference(Wine(), "mse", width)
        assert all(0 <= value < 1e-8 for value in errors.values()), width


def test_constant_items_have_no_residual():
    """Items that are all equal, and a single item, have a mean and nothing else."""
    for x in (np.full((5, 3), 2.0, np.float32), np.ones((1, 3), np.float32)):
        np.testing.assert_allclose(project(x, 2), 0, atol=1e-6)
