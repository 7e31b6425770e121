"""Which rows become items: those that can be used, and of too many a share of each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ae_core.data.dataset import Floats, Integers
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.bounds import Bounds
from ae_core.imports.names import clean, unique
from ae_core.imports.numerals import KEPT, is_missing, ordered, tidied
from ae_core.imports.numerals import number as read
from ae_core.imports.plan import CLASSES, FEWEST
from ae_core.imports.sheets import Sheet

Places = npt.NDArray[np.int64]

KNOWN = 400_000  # cells whose numbers are kept in mind while a table is read


@dataclass(frozen=True, eq=False)
class Chosen:
    """take: for each row of the sheet, whether it is an item. labels, names: of those that are."""

    take: npt.NDArray[np.bool_]
    labels: Integers | None
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """Items."""
        return int(self.take.sum())


def at_most(most: int, width: int, bounds: Bounds) -> int:
    """Items of that many features that a dataset may have. Raises ImportRefused where not even a few fit."""
    if width * FEWEST > bounds.numbers:
        raise ImportRefused(
            f"Expected items of at most {bounds.numbers // FEWEST:,} numbers, got {width:,}. Choose smaller ones."
        )
    return min(most, bounds.numbers // max(width, 1))


def enough(count: int) -> None:
    """Raises ImportRefused where nothing could be learned."""
    if count < FEWEST:
        raise ImportRefused(f"Expected at least {FEWEST} items that can be used, got {count}. Choose a file with more.")


def draw(labels: Integers | None, count: int, most: int) -> Places:
    """At most so many of `count` places, in order: each class gives about its share, and at least one."""
    if count <= most:
        return np.arange(count)
    random = np.random.default_rng(0)
    if labels is None:
        return np.sort(random.choice(count, most, replace=False))
    sizes = np.bincount(labels)
    exact = sizes * most / count
    shares = np.maximum(np.floor(exact), sizes > 0).astype(np.int64)
    for place in np.argsort(shares - exact, kind="stable"):
        if shares.sum() >= most:
            break
        shares[place] += shares[place] < sizes[place]
    drawn = [random.choice(np.flatnonzero(labels == place), share, replace=False) for place, share in enumerate(shares)]
    return np.sort(np.concatenate(drawn))


def named(values: Sequence[str], decimal: str = ".") -> tuple[Integers, tuple[str, ...]]:
    """Each value's place among the different ones, and those as names of classes. Raises ImportRefused for too many."""
    found = ordered(set(values), "," if decimal == "," else ".")
    if len(found) > CLASSES:
        raise ImportRefused(
            f"Expected at most {CLASSES} classes, got {len(found):,}. Choose another column for the classes, or none."
        )
    if len(found) == len(values) > 1:
        raise ImportRefused("Each item has a class of its own. Choose another column for the classes, or none.")
    place = {name: number for number, name in enumerate(found)}
    codes = np.array([place[value] for value in values], dtype=np.int64)
    return codes, unique([clean(name) or "?" for name in found])


def choose(
    sheet: Sheet, label: str, complete: Sequence[str], most: int, losses: Losses, *, filled: bool = False
) -> Chosen:
    """Looks through the sheet for rows that tell their class and a number, or a word, in each column of `complete`.

    filled: those columns need any word, not a number.
    """
    [at] = sheet.places([label]) if label else [-1]
    needed = sheet.places(complete)
    values: list[str] = []
    usable: list[npt.NDArray[np.bool_]] = []
    for block in sheet.blocks():
        good = np.ones(len(block[0]), dtype=bool)
        for place in needed:
            good &= [bool(cell) and not cell.isspace() for cell in block[place]] if filled else told(block[place])
        losses.add("rows", "gap", count=int((~good).sum()))
        if label:
            answers = tidied(block[at])
            known = np.array([bool(answer) for answer in answers])
            losses.add("rows", "unlabelled", count=int((good & ~known).sum()))
            good &= known
            values += [answer for answer, fine in zip(answers, good, strict=True) if fine]
        usable.append(good)
    take = np.concatenate(usable) if usable else np.empty(0, dtype=bool)
    where = np.flatnonzero(take)
    enough(len(where))
    labels, names = named(values, sheet.decimal) if label else (None, ())
    drawn = draw(labels, len(where), most)
    losses.add("rows", "sample", count=len(where) - len(drawn))
    take[:] = False
    take[where[drawn]] = True
    if labels is not None:
        labels, names = present(labels[drawn], names)
    return Chosen(take, labels, names)


def present(labels: Integers, names: tuple[str, ...]) -> tuple[Integers | None, tuple[str, ...]]:
    """Labels of the classes that there are; of one class alone, none."""
    found, codes = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        return None, ()
    return codes.astype(np.int64), tuple(names[place] for place in found)


def told(cells: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each cell says something."""
    void = {cell for cell in set(cells) if is_missing(cell)}
    return np.array([cell not in void for cell in cells]) if void else np.ones(len(cells), dtype=bool)


def numbers(sheet: Sheet, places: Sequence[int], take: npt.NDArray[np.bool_], slips: Places | None = None) -> Floats:
    """(taken rows, places) numbers, NaN where there is none. slips: counts, for each place, what is no number but says
    something, in its first row, and what is too large to be kept, in its second.
    """
    found = np.empty((int(take.sum()), len(places)), dtype=np.float32)
    known: list[dict[str, float]] = [{} for _ in places]
    most = min(KNOWN // max(len(places), 1), 1000)
    row = begin = 0
    for block in sheet.blocks():
        mine = np.flatnonzero(take[begin : begin + len(block[0])]).tolist()
        begin += len(block[0])
        if not mine:
            continue
        for at, place in enumerate(places):
            cells = block[place] if len(mine) == len(block[place]) else [block[place][i] for i in mine]
            values = _read(cells, sheet, known[at], most, None if slips is None else slips[:, at])
            found[row : row + len(mine), at] = values
        row += len(mine)
    return found


def _read(cells: Sequence[str], sheet: Sheet, known: dict[str, float], most: int, slips: Places | None) -> Floats:
    """The numbers of some cells. known: what was read before, since most tables say few things often; `most` of it."""
    values = list(map(known.get, cells))
    for place, value in enumerate(values) if None in values else ():
        if value is None:
            values[place] = value = _finite(read(cells[place], sheet.decimal))
            if len(known) < most and len(cells[place]) <= KEPT:
                known[cells[place]] = value
    found = np.array(values, dtype=np.float32)
    if slips is not None and np.isnan(found).any():
        said = [read(cells[place], sheet.decimal) for place in np.flatnonzero(np.isnan(found)).tolist()]
        slips[0] += sum(value is None for value in said)
        slips[1] += sum(map(_infinite, said))
    return found


LARGEST = float(np.finfo(np.float32).max)


def _finite(value: float | None) -> float:
    return value if value is not None and abs(value) <= LARGEST else float("nan")


def _infinite(value: float | None) -> bool:
    return value is not None and abs(value) > LARGEST


def texts(sheet: Sheet, place: int, take: npt.NDArray[np.bool_]) -> Iterator[str]:
    """The taken cells of a column, as they stand."""
    begin = 0
    for block in sheet.blocks():
        cells = block[place]
        yield from (cells[i] for i in np.flatnonzero(take[begin : begin + len(cells)]).tolist())
        begin += len(cells)
