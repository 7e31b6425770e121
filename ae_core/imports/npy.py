"""NumPy files: headers are looked at first, then only those items of what is read are kept that are asked for. No
pickles.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as layout

from ae_core.data.dataset import Floats
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import Blob, damaged
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.draw import at_most
from ae_core.imports.kinds import pickle, pickled
from ae_core.imports.names import clean
from ae_core.imports.plan import FEWEST, ArrayFacts

HEADER = 10_000  # characters of a header, as numpy itself allows
KINDS = "buif"  # of numbers that are taken: yes or no, whole, fractions
CLASS_KINDS = "buifUS"
AT_ONCE = 8 * MEGABYTE


@dataclass(frozen=True)
class Array:
    """What a header says. offset: of the numbers in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    blob: Blob
    offset: int

    @property
    def width(self) -> int:
        """Numbers of an item."""
        return math.prod(self.shape[1:])

    @property
    def turned(self) -> bool:
        """Whether it lies column by column."""
        return self.fortran and self.width > 1

    def facts(self) -> ArrayFacts:
        """For the reader."""
        return ArrayFacts(name=self.name, shape=self.shape, dtype=str(self.dtype))


def arrays(blobs: list[Blob], bounds: Bounds, losses: Losses) -> dict[str, Array]:
    """The arrays that can be read. One that cannot is left out beside others; alone it is refused with the reason."""
    found: dict[str, Array] = {}
    refused: ImportRefused | None = None
    for blob in blobs:
        try:
            array = header(blob)
            _look_for_bombs(array, bounds)
            found[array.name] = array
        except ImportRefused as error:
            refused = error
            losses.add("files", "other_array", blob.name)
    if not found:
        raise refused or ImportRefused("There is no array in this file. Choose another one.")
    return found


def header(blob: Blob) -> Array:
    """What a .npy file says of itself. Raises ImportRefused for objects, whose reading could run a program."""
    name = clean(blob.name.removesuffix(".npy"))
    with damaged(blob.name), blob.open() as stream:
        beginning = io.BytesIO(stream.read(HEADER + 12))
    if pickled(beginning.getvalue()):
        raise pickle(name)
    with damaged(blob.name):
        version = layout.read_magic(beginning)
        read = layout.read_array_header_1_0 if version == (1, 0) else layout.read_array_header_2_0
        try:
            shape, fortran, dtype = read(beginning, max_header_size=HEADER)
        except MemoryError:  # so Python says that brackets are nested too deeply
            raise ValueError from None
        offset = beginning.tell()
    if dtype.hasobject or dtype.kind not in CLASS_KINDS or dtype.itemsize > 1000:
        raise ImportRefused(
            f"{name} holds {clean(str(dtype))}, not plain numbers. Save it as an array of numbers, without objects."
        )
    if any(not 0 <= size < 2**63 for size in shape) or len(shape) > 32:
        raise ImportRefused(f"{name} has an impossible shape. Save it again with numpy.save.")
    return Array(name, tuple(map(int, shape)), dtype, fortran, blob, offset)


def _look_for_bombs(array: Array, bounds: Bounds) -> None:
    """A header may promise anything; the bytes that are there tell whether it is so."""
    if not array.shape or not math.prod(array.shape):
        raise ImportRefused(f"{array.name} has no items in it. Choose another array.")
    size = math.prod(array.shape) * array.dtype.itemsize
    if array.shape[0] > bounds.rows:
        raise ImportRefused(f"Expected at most {bounds.rows:,} rows, got {array.shape[0]:,}. Choose a part of them.")
    if size != array.blob.size - array.offset:
        raise ImportRefused(
            f"{array.name} promises {size:,} bytes of numbers and has {array.blob.size - array.offset:,}. "
            "It is damaged, or was not uploaded completely; save it again."
        )
    if array.width > bounds.pixels:
        at_most(FEWEST, array.width, bounds)
    if size > bounds.unpacked:
        raise ImportRefused(
            f"{array.name} has {size / MEGABYTE:,.0f} MB of numbers, expected at most "
            f"{bounds.unpacked // MEGABYTE:,} MB. Save a part of it."
        )


def taken(array: Array, places: npt.NDArray[np.int64], each: Callable[[Floats], Floats] | None = None) -> Floats:
    """The items at these places, in rising order. each: what becomes of some of them, before others are read."""
    width = array.shape[1:] if each is None else each(np.zeros((1, *array.shape[1:]), np.float32)).shape[1:]
    each = each or _unchanged
    with damaged(array.blob.name):
        if array.turned:
            return each(_from_columns(array, places))
        found = np.empty((len(places), *width), dtype=np.float32)
        done = begin = 0
        for block in blocks(array):
            end = begin + len(block)
            until = int(np.searchsorted(places, end))
            if until > done:
                found[done:until] = each(_numbers(block[places[done:until] - begin]))
            done, begin = until, end
            if done == len(places):
                break
        if done < len(places):
            raise EOFError
        return found


def _unchanged(x: Floats) -> Floats:
    return x


def _from_columns(array: Array, places: npt.NDArray[np.int64]) -> Floats:
    """The same of an array that lies column by column, some columns at a time."""
    count = array.shape[0]
    deep = max(AT_ONCE // (count * array.dtype.itemsize), 1)
    found = np.empty((len(places), array.width), dtype=np.float32)
    with array.blob.open() as stream:
        stream.read(array.offset)
        for begin in range(0, array.width, deep):
            many = min(deep, array.width - begin)
            block = np.frombuffer(_exactly(stream, many * count * array.dtype.itemsize), array.dtype)
            found[:, begin : begin + many] = _numbers(block.reshape(many, count)[:, places].T)
    backwards = found.reshape(len(places), *array.shape[:0:-1])
    return backwards.transpose(0, *range(len(array.shape) - 1, 0, -1))


def blocks(array: Array) -> Iterator[npt.NDArray[np.generic]]:
    item = max(array.width * array.dtype.itemsize, 1)
    deep = max(AT_ONCE // item, 1)
    with array.blob.open() as stream:
        stream.read(array.offset)
        for begin in range(0, array.shape[0], deep):
            count = min(deep, array.shape[0] - begin)
            yield np.frombuffer(_exactly(stream, count * item), array.dtype).reshape(count, *array.shape[1:])


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _numbers(values: npt.NDArray[np.generic]) -> Floats:
    """As float32, NaN where a number is too large for it."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = values.astype(np.float32, order="C")
    if values.dtype.kind == "f":
        found[~np.isfinite(found)] = np.nan
    return found
