"""The honest rival: principal components with as many numbers as the code has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ae_core.data import prepare
from ae_core.spec import DataSpec

PORTION = 3_000_000
"""Numbers of the items that are worked on at once, so that a large dataset is never copied whole."""


@dataclass(frozen=True)
class Components:
    """mean: (features,). axes: (features, features), one principal axis a column, the strongest first."""

    mean: np.ndarray
    axes: np.ndarray


def components(x: np.ndarray) -> Components:
    """Principal axes of (items, features), from the covariance's eigenvectors (Pearson, 1901)."""
    mean = x.mean(axis=0, dtype=np.float64)
    products: list[np.ndarray] = []  # one, in double precision once it is a sum
    for rows in portions(x):
        centred = x[rows] - mean.astype(x.dtype)
        part = centred.T @ centred
        products = [products[0].astype(np.float64) + part] if products else [part]
    _, vectors = np.linalg.eigh(products[0])
    return Components(mean.astype(np.float32), np.ascontiguousarray(vectors[:, ::-1], dtype=np.float32))


def project(x: np.ndarray, width: int) -> np.ndarray:
    """The items' first `width` principal coordinates, (items, width)."""
    found = components(x)
    return np.concatenate([(x[rows] - found.mean) @ found.axes[:, :width] for rows in portions(x)])


def portions(x: np.ndarray) -> Iterator[slice]:
    """Slices that go through the rows of (items, features); a small dataset is one."""
    rows = max(1, PORTION // max(1, x.shape[1]))
    for start in range(0, max(1, len(x)), rows):
        yield slice(start, start + rows)


def rebuilt(found: Components, x: np.ndarray, width: int) -> np.ndarray:
    """The items through their first `width` principal coordinates and back, (items, features)."""
    axes = found.axes[:, :width]
    return np.asarray((x - found.mean) @ axes @ axes.T + found.mean)


@lru_cache(maxsize=32)
def reference(data: DataSpec, reconstruction: str, width: int) -> dict[str, float]:
    """`train_mse` and `val_mse` (mean over items and features) of PCA with `width` components of the training items."""
    split = prepare(data, reconstruction)
    found = principal(data, reconstruction)
    axes = found.axes[:, :width]
    errors = {}
    for name, x in (("train_mse", split.train), ("val_mse", split.val)):
        left = 0.0
        for rows in portions(x):
            centred = (x[rows] - found.mean).astype(np.float64)
            kept = centred @ axes
            left += (centred**2).sum() - (kept**2).sum()
        errors[name] = float(np.maximum(left, 0) / x.size)
    return errors


@lru_cache(maxsize=16)
def principal(data: DataSpec, reconstruction: str) -> Components:
    """The components of a run's training items."""
    return components(prepare(data, reconstruction).train)
