"""Ordinary files, as people bring them, made from numbers that are known."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_iris

from ae_core.data.card import Card
from ae_core.data.dataset import Items
from ae_core.data.shelf import ARRAYS
from ae_core.imports import reading
from ae_core.imports.bounds import Bounds
from ae_core.imports.plan import Dialect, Plan, Source, Understanding
from tests.imports.hostile import zipped

__all__ = ["Desk", "csv", "digits", "image", "iris", "npy", "npz", "prose", "stars", "zipped"]


class Desk:
    """Somebody with some files. What they ask for is done in this process, which is quicker than in a child."""

    def __init__(self, place: Path, **files: bytes | str) -> None:
        self.place = place
        self.sources: list[Source] = []
        self.made = 0
        for name, content in files.items():
            self.bring(name, content)

    def bring(self, name: str, content: bytes | str) -> Desk:
        """One more file."""
        path = self.place / f"upload-{len(self.sources)}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.sources.append(Source(name=name, path=str(path)))
        return self

    def understand(self, bounds: Bounds = Bounds(), dialect: Dialect | None = None) -> Understanding:  # noqa: B008
        """What they are."""
        told = None if dialect is None else dialect.model_dump()
        found = reading.understood([s.model_dump() for s in self.sources], vars(bounds), told)
        return Understanding.model_validate(found)

    def make(self, plan: Plan, bounds: Bounds = Bounds()) -> tuple[Card, Items]:  # noqa: B008
        """The dataset that they become."""
        self.made += 1
        folder = self.place / f"made-{self.made}"
        told = reading.made([s.model_dump() for s in self.sources], plan.model_dump(), str(folder), vars(bounds))
        arrays = {name: np.load(folder / f"{name}.npy") for name in ARRAYS if (folder / f"{name}.npy").exists()}
        return Card.model_validate(told), Items(**arrays)

    def first_try(self) -> tuple[Card, Items]:
        """The dataset, when nothing is changed."""
        return self.make(self.understand().plan)


def csv(rows: Iterable[Sequence[object]], delimiter: str = ",") -> str:
    """Rows as text."""
    return "\n".join(delimiter.join(map(str, row)) for row in rows) + "\n"


def iris() -> list[list[object]]:
    """150 flowers with the names of their columns above them."""
    found = load_iris()
    head: list[object] = ["sepal length", "sepal width", "petal length", "petal width", "species"]
    rows = zip(found.data.tolist(), found.target, strict=True)
    return [head, *([*row, str(found.target_names[target])] for row, target in rows)]


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 pictures in 0..16, (n, 8, 8), and their digits."""
    found = load_digits()
    return found.images, found.target


def stars(people: int = 60, things: int = 40, each: int = 15) -> list[list[object]]:
    """Who gave what how many stars, and when; everybody rates so many things."""
    random = np.random.default_rng(0)
    return [
        [person, 100 + int(thing), int(random.integers(1, 6)), 880_000_000 + person]
        for person in range(1, people + 1)
        for thing in random.choice(things, each, replace=False)
    ]


WORDS = ("apple", "banana", "cherry", "garden", "winter", "river", "stone", "cloud", "music", "train", "light", "shape")


def prose(count: int) -> list[str]:
    """Documents of twelve words each."""
    random = np.random.default_rng(0)
    return [" ".join(random.choice(WORDS, 12)) for _ in range(count)]


def image(pixels: np.ndarray | Image.Image, form: str = "PNG", **how: object) -> bytes:
    """A picture's file."""
    whole = io.BytesIO()
    picture = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    picture.save(whole, form, **how)
    return whole.getvalue()


def npy(array: np.ndarray) -> bytes:
    """An array's file."""
    whole = io.BytesIO()
    np.save(whole, array, allow_pickle=False)
    return whole.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """A file of several arrays."""
    whole = io.BytesIO()
    np.savez_compressed(whole, **arrays)
    return whole.getvalue()
