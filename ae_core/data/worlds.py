"""Datasets that can be drawn anew from their known factors, on a grid of all their values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ae_core.data.dataset import Floats
from ae_core.data.sprites import FACTORS, PERIODS, SHAPES, draw


@dataclass(frozen=True)
class World:
    """names, counts: of each factor, its name and how many values it has. ordered: whether they come in an order.
    draw: (n, factors) whole numbers, each below its count -> items (n, ...), before any scaling.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    ordered: tuple[bool, ...]
    draw: Callable[[np.ndarray], Floats]

    @property
    def size(self) -> int:
        """Items on the whole grid."""
        return math.prod(self.counts)

    def grid(self) -> np.ndarray:
        """Every combination of values once, the last factor moving fastest: (size, factors)."""
        return np.stack(np.unravel_index(np.arange(self.size), self.counts), axis=1)

    def rows(self, factors: np.ndarray) -> np.ndarray:
        """Where on the grid these factors stand: (n, factors) -> (n,)."""
        return np.asarray(np.ravel_multi_index(tuple(factors.T), self.counts))

    def labels(self) -> np.ndarray:
        """The label of each item of the grid, which is its first factor: (size,)."""
        return self.grid()[:, 0]

    def sample(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Factors drawn uniformly and independently: (count, factors)."""
        return random.integers(self.counts, size=(count, len(self.counts)))


def _sprites(factors: np.ndarray) -> Floats:
    """Scales 0.5..1, turns over the shape's own period, places from edge to edge: after dSprites, in fewer values."""
    shape, scale, turn, x, y = factors.T
    angle = turn / SPRITES.counts[2] * np.asarray(PERIODS)[shape]
    ends = [count - 1 for count in SPRITES.counts]
    return draw(np.stack([shape, 0.5 + 0.5 * scale / ends[1], angle, x / ends[3], y / ends[4]], axis=1))


SPRITES = World(FACTORS, (len(SHAPES), 6, 8, 8, 8), (False, True, True, True, True), _sprites)

WORLDS: dict[str, World] = {"sprites": SPRITES}
"""By the kind of the dataset. Its grid is made of pictures that no run was trained on."""


@lru_cache(maxsize=1)
def whole_grid(kind: str) -> Floats:
    """The items of the whole grid, (size, features), kept for the next one who asks (sprites: 38 MB, about 3 s)."""
    world = WORLDS[kind]
    items = world.draw(world.grid()).reshape(world.size, -1)
    items.flags.writeable = False
    return items
