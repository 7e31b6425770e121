"""What it costs to refuse files that were made to do harm, and to read large ones that were not."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ae_core import child
from ae_core.imports import door
from ae_core.imports.bounds import Bounds
from ae_core.imports.plan import Source
from tests.benchmarks.measure import table
from tests.imports.files import csv, image, npz, zipped
from tests.imports.hostile import HOSTILE

ROUNDS = 3
JOB_SECONDS, JOB_MEGABYTES = 60, 1_500


def run() -> Iterator[str]:
    """A table of refusals and one of large files."""
    with tempfile.TemporaryDirectory() as place:
        yield table(["hostile file", "MB", "refused after s", "highest memory, MB"], list(refusals(Path(place))))
        yield table(["large file", "MB", "understood after s", "made after s", "items"], list(readings(Path(place))))


def refusals(place: Path) -> Iterator[list[str]]:
    """Each hostile file, from the click to the sentence: the median of three, start of the child included."""
    for name, hostile in HOSTILE.items():
        path = place / "upload"
        path.write_bytes(hostile.made())
        job = {"sources": [Source(name=hostile.file, path=str(path)).model_dump()], "bounds": vars(Bounds())}
        took, memory = [], 0.0
        for _ in range(ROUNDS):
            began = time.perf_counter()
            told = child.run("tests.imports.measured:understood", job, seconds=JOB_SECONDS, megabytes=JOB_MEGABYTES)
            took.append(time.perf_counter() - began)
            memory = max(memory, told["megabytes"])
        yield [name, size(path), f"{sorted(took)[1]:.2f}", f"{memory:.0f}"]


def readings(place: Path) -> Iterator[list[str]]:
    """Files as large as classes bring them."""
    for name, content in LARGE.items():
        path = place / name
        made = content()
        path.write_bytes(made if isinstance(made, bytes) else made.encode())
        sources = [Source(name=name, path=str(path))]
        began = time.perf_counter()
        plan = door.understand(sources).plan
        understood = time.perf_counter()
        card = door.make(sources, plan, place / f"{name}-made")
        row = [f"{understood - began:.1f}", f"{time.perf_counter() - understood:.1f}", f"{card.count:,}"]
        yield [f"{name}, {plan.form}", size(path), *row]
        path.unlink()


def size(path: Path) -> str:
    """Megabytes."""
    return f"{path.stat().st_size / 2**20:.1f}"


def mnist_table() -> str:
    """60,000 pictures of 28 x 28 in the rows of a table; a fifth of the pixels is not black."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60_000, 784)) * (random.random((60_000, 784)) < 0.2)
    rows = np.column_stack([random.integers(0, 10, 60_000), pixels]).tolist()
    return csv([["label", *(f"pixel{number}" for number in range(784))], *rows])


def mnist_arrays() -> bytes:
    """The same as Keras ships it."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
    return npz(x_train=pixels, y_train=random.integers(0, 10, 60_000))


def numbers() -> str:
    """A million rows of eight numbers and a class."""
    rows = np.random.default_rng(0).standard_normal((1_000_000, 8)).round(5).tolist()
    return csv([[*"abcdefgh", "class"], *([*row, f"k{n % 4}"] for n, row in enumerate(rows))])


def ratings() -> str:
    """A million ratings of 6,000 people."""
    random = np.random.default_rng(0)
    things = np.minimum(random.pareto(1, 1_000_000) * 80, 3_900).astype(int).tolist()
    people, stars = (random.integers(1, most, 1_000_000).tolist() for most in (6_041, 6))
    return csv(([p, t, s, 978_300_760 + p] for p, t, s in zip(people, things, stars, strict=True)), "::")


def photos() -> bytes:
    """5,000 JPEGs of 192 x 192 in ten folders."""
    random = np.random.default_rng(0)
    blocks = (np.kron(random.integers(0, 255, (8, 8, 3)), np.ones((24, 24, 1))) for _ in range(5_000))
    return zipped({f"{n % 10}/{n}.jpg": image(block.astype(np.uint8), "JPEG") for n, block in enumerate(blocks)})


LARGE: dict[str, Callable[[], bytes | str]] = {
    "mnist.csv": mnist_table,
    "mnist.npz": mnist_arrays,
    "numbers.csv": numbers,
    "ratings.dat": ratings,
    "photos.zip": photos,
}
