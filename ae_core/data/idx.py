"""MNIST, Fashion-MNIST and KMNIST from their four files in IDX form, each plain or gzipped, wherever they are.

    00 00 08 nd | nd sizes, big-endian | the bytes, row by row        (LeCun, Cortes and Burges, 1998)

Nothing is unpickled, and nothing is believed: sizes are checked before anything of that size is read, a file must hold
exactly as many bytes as it says, and labels must fit their pictures. So a small file that unpacks to a large one stops
at the size that it declares, and is refused if that is more than a full set has.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ae_core.data.dataset import Items
from ae_core.data.files import downloads, named
from ae_core.spec import FullSet

Bytes = npt.NDArray[np.uint8]

SIDE, CLASSES, WHOLE = 28, 10, 70_000
NAMES = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
"""Pictures and labels of the two sides; here they are one set, and the split is our own."""
TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST"}
"""Folder of each set as torchvision lays it out."""
DEBIAN = {"fashion_mnist": Path("/usr/share/datasets/fashion-mnist")}
"""Debian's package dataset-fashion-mnist."""


def places(kind: str) -> Iterator[Path]:
    """Folders in which a set may lie, the likeliest first. A folder with the files alone must bear the set's name, for
    the files of all three sets are called the same.
    """
    for folder in (*named(), downloads()):
        yield folder / kind
        yield folder / TORCHVISION[kind] / "raw"
        if folder.name in (kind, kind.replace("_", "-"), TORCHVISION[kind]):
            yield from (folder, folder / "raw")
    if kind in DEBIAN:
        yield DEBIAN[kind]


def found(kind: str) -> Path | None:
    """The first folder that has all four files, or None."""
    return next((folder for folder in places(kind) if all(_there(folder, n) for pair in NAMES for n in pair)), None)


def full_set(spec: FullSet) -> Items:
    """28 x 28 grey pictures in 0..1 and their classes: all, or of each class its share, drawn by a fixed seed."""
    folder = found(str(getattr(spec, "kind", "")))
    if folder is None:
        raise FileNotFoundError("its files are gone")
    sides = [pair(*(_there(folder, name) or folder / name for name in names)) for names in NAMES]
    every = np.concatenate([labels for _, labels in sides])
    rows = share(every, spec.samples)
    x = np.empty((len(rows), SIDE, SIDE, 1), dtype=np.float32)
    first = 0
    for pictures, _ in sides:  # one side after the other, so that bytes are never copied whole
        here = (rows >= first) & (rows < first + len(pictures))
        x[here, ..., 0] = pictures[rows[here] - first]
        first += len(pictures)
    x /= np.float32(255)
    return Items(x=x, labels=every[rows].astype(np.int64))


def share(labels: Bytes, count: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """`count` rows in rising order, of each class its share (largest remainders); all of them if there are no more."""
    if count >= len(labels):
        return np.arange(len(labels))
    random = np.random.default_rng(seed)
    sizes = np.bincount(labels)
    exact = sizes * count / len(labels)
    take = np.floor(exact).astype(np.int64)
    take[np.argsort(take - exact, kind="stable")[: count - take.sum()]] += 1
    rows = [random.permutation(np.flatnonzero(labels == label))[:few] for label, few in enumerate(take)]
    return np.sort(np.concatenate(rows))


def pair(images: Path, labels: Path) -> tuple[Bytes, Bytes]:
    """(n, 28, 28) pictures and (n,) labels below 10. Raises ValueError with what is wrong."""
    pictures, classes = read(images, 3, WHOLE * SIDE * SIDE), read(labels, 1, WHOLE)
    if pictures.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"{images.name} holds pictures of {pictures.shape[1]} x {pictures.shape[2]}, not 28 x 28")
    if len(pictures) != len(classes):
        raise ValueError(f"{images.name} holds {len(pictures)} pictures, and there are {len(classes)} labels")
    if len(classes) and classes.max() >= CLASSES:
        raise ValueError(f"{labels.name} holds the label {classes.max()}, labels are 0 to 9")
    return pictures, classes


def read(path: Path, rank: int, most: int) -> Bytes:
    """The array of a file, plain or gzipped, of that rank and at most so many bytes. Raises ValueError or OSError."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if zipped else path.open("rb") as file:
        return _array(file, path.name, rank, most)  # type: ignore[arg-type]  # GzipFile reads like any other


def _array(file: BinaryIO, name: str, rank: int, most: int) -> Bytes:
    head = file.read(4)
    if head != bytes((0, 0, 8, rank)):
        raise ValueError(
            f"{name} is no IDX file of bytes with {rank} sizes: it begins with {head.hex(' ') or 'nothing'}"
        )
    sizes = np.frombuffer(_exactly(file, 4 * rank, name), dtype=">u4").tolist()
    if math.prod(sizes) > most:
        raise ValueError(f"{name} claims {' x '.join(map(str, sizes))} bytes, at most {most:,} were expected")
    array = np.empty(sizes, dtype=np.uint8)
    view = memoryview(array.reshape(-1).data) if array.size else memoryview(bytearray())
    done = 0
    while done < len(view) and (got := file.readinto(view[done : done + 2**20])):  # type: ignore[attr-defined]
        done += got
    if done < len(view):
        raise ValueError(f"{name} ends after {done:,} of {len(view):,} bytes")
    if file.read(1):
        raise ValueError(f"{name} holds more than the {len(view):,} bytes that it declares")
    return array


def _exactly(file: BinaryIO, count: int, name: str) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError(f"{name} ends within its sizes")
    return data


def _there(folder: Path, name: str) -> Path | None:
    """The file of that name, plain or gzipped, or None."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
