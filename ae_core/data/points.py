"""Points on known shapes, in units in which the shapes measure about 1: sheets, rings, moons, blobs.

Every shape is drawn from the fixed seed 0, positions first and noise last, so that moving the noise knob moves the same
points, and the split's seed moves none.
"""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Floats, Integers, Items
from ae_core.spec import Blobs, DataSpec, Moons, Rings, SCurve, SwissRoll


def swiss_roll(spec: SwissRoll) -> Items:
    """A sheet rolled up: (t cos t, height, t sin t) / 14 for t in 1.5 pi .. 4.5 pi. Colour is t, as 0..1.

    Source: Marsland 2009, with scikit-learn's proportions, divided by 14 so that the roll's radius is about 1.
    """
    random = np.random.default_rng(0)
    along, across = random.random((2, spec.samples))
    t = 1.5 * np.pi * (1 + 2 * along)
    clean = np.stack([t * np.cos(t), 21 * across - 10.5, t * np.sin(t)], axis=1) / 14
    return Items(x=_noisy(clean, spec.noise, random), colour=along.astype(np.float32))


def s_curve(spec: SCurve) -> Items:
    """A sheet bent into an S: (sin t, height, sign(t) (cos t - 1)) for t in -1.5 pi .. 1.5 pi. Colour is t, as 0..1."""
    random = np.random.default_rng(0)
    along, across = random.random((2, spec.samples))
    t = 3 * np.pi * (along - 0.5)
    clean = np.stack([np.sin(t), 2 * across - 1, np.sign(t) * (np.cos(t) - 1)], axis=1)
    return Items(x=_noisy(clean, spec.noise, random), colour=along.astype(np.float32))


def rings(spec: Rings) -> Items:
    """Rings around one centre, radii k / rings; in three dimensions a chain of unit rings, each through the next."""
    random = np.random.default_rng(0)
    labels = _turns(spec.samples, spec.rings)
    angle = 2 * np.pi * random.random(spec.samples)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if spec.dimensions == 2:
        clean = circle * (1 + labels[:, None]) / spec.rings
    else:
        clean = _upright_in_turn(circle, labels)
        clean[:, 0] += 1.4 * (labels - (spec.rings - 1) / 2)  # under 2, so neighbours link; over 1, so others are clear
    return Items(x=_noisy(clean, spec.noise, random), labels=labels)


def moons(spec: Moons) -> Items:
    """Two half circles that interlock; in three dimensions the second stands upright on the first one's plane."""
    random = np.random.default_rng(0)
    labels = _turns(spec.samples, 2)
    angle = np.pi * random.random(spec.samples)
    side = 1 - 2 * labels  # the second is the first one turned by 180 degrees
    arc = np.stack([side * np.cos(angle), side * (np.sin(angle) - 0.25)], axis=1)
    clean = arc if spec.dimensions == 2 else _upright_in_turn(arc, labels)
    clean[:, 0] += labels - 0.5
    return Items(x=_noisy(clean, spec.noise, random), labels=labels)


def blobs(spec: Blobs) -> Items:
    """Round Gaussian clusters with their centres spread evenly over the unit circle or sphere; noise is their width."""
    random = np.random.default_rng(0)
    labels = _turns(spec.samples, spec.clusters)
    clean = _centres(spec.clusters, spec.dimensions)[labels]
    return Items(x=_noisy(clean, spec.noise, random), labels=labels)


def width(spec: DataSpec) -> int:
    """How many coordinates a point has."""
    return int(getattr(spec, "dimensions", 3))


def _turns(samples: int, classes: int) -> Integers:
    return np.arange(samples, dtype=np.int64) % classes


def _upright_in_turn(plane: np.ndarray, labels: Integers) -> np.ndarray:
    """Points of the plane in space: even labels lie in the xy plane, odd ones stand in the xz plane."""
    odd = labels % 2 == 1
    return np.stack([plane[:, 0], np.where(odd, 0, plane[:, 1]), np.where(odd, plane[:, 1], 0)], axis=1)


def _centres(count: int, dimensions: int) -> np.ndarray:
    """Evenly spread unit vectors, (count, dimensions), with their mean at the origin.

    On the sphere a Fibonacci spiral: equal steps in height, the golden angle between one and the next.
    """
    i = np.arange(count)
    if dimensions == 2:
        angle = 2 * np.pi * i / count + np.pi / 4
        centres = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        angle, height = np.pi * (3 - np.sqrt(5)) * i, 1 - (2 * i + 1) / count
        radius = np.sqrt(1 - height**2)
        centres = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return np.asarray(centres - centres.mean(axis=0))


def _noisy(clean: np.ndarray, noise: float, random: np.random.Generator) -> Floats:
    return (clean + noise * random.standard_normal(clean.shape)).astype(np.float32)
