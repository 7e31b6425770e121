"""A table as it lies in a file: named columns of text, read block by block, as often as one likes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import Blob
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.lines import GLANCE, Meter, extent, more_than, rows
from ae_core.imports.names import clean, columns
from ae_core.imports.numerals import Decimal
from ae_core.imports.plan import Dialect

CELLS = 400_000  # of a block: what is held as text at once
DEEPEST = 4096  # rows of a block
HEAVIEST = 8 * MEGABYTE  # characters of a block

Block = list[Sequence[str]]
"""The cells of some rows, column by column."""


class Sheet(ABC):
    """names: of the columns. losses: filled while blocks are read. unusable: columns that hold no cells, and why."""

    names: tuple[str, ...]
    losses: Losses

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """How it is read."""

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """All rows from the first on; `losses` begins anew."""

    @property
    def decimal(self) -> Decimal:
        """The mark before the fraction."""
        return self.dialect.decimal

    def places(self, names: Sequence[str]) -> list[int]:
        """Where these columns are. Raises ImportRefused for one that is not there."""
        known = {name: place for place, name in enumerate(self.names)}
        for name in names:
            if name not in known:
                raise ImportRefused(f"The file has no column called {clean(name)}. Choose one that it has.")
        return [known[name] for name in names]


@dataclass
class TextSheet(Sheet):
    """A table in a text file."""

    blob: Blob
    told: Dialect
    bounds: Bounds

    def __post_init__(self) -> None:
        self.losses = Losses()
        first = rows(self.blob, self.told)
        head = next(first, []) if self.told.header else []
        widths = Counter(len(row) for row in islice(first, GLANCE))
        if not widths and not head:
            raise ImportRefused(f"{clean(self.blob.name)} is empty. Choose a file with something in it.")
        if not widths:
            raise ImportRefused(
                f"{clean(self.blob.name)} has names of columns, but no rows below them. Choose a file with data."
            )
        self.width = widths.most_common(1)[0][0]
        if len(head) == self.width - 1:  # R writes names of rows without a name for their column
            head = ["", *head]
        self.width = max(self.width, _filled(head))
        if self.width > self.bounds.columns:
            raise ImportRefused(
                f"Expected at most {self.bounds.columns:,} columns, got {self.width:,}. Choose a part of them."
            )
        lines, cells = extent(self.blob, self.told)
        cells = min(cells, lines * self.width)
        if cells > self.bounds.cells:
            raise ImportRefused(f"Expected at most {self.bounds.cells:,} numbers, got {cells:,}. Choose fewer.")
        if more_than(self.blob, self.told, lines, self.bounds.rows + self.told.header):
            raise _too_many_rows(self.bounds)
        self.names = columns((head + [""] * self.width)[: self.width])

    @property
    def dialect(self) -> Dialect:
        return self.told

    def blocks(self) -> Iterator[Block]:
        self.losses = Losses()
        count = 0
        for taken in self._taken():
            count += len(taken)
            if count > self.bounds.rows:
                raise _too_many_rows(self.bounds)
            even = [row for row in map(self._even, taken) if row]
            self.losses.add("rows", "ragged", count=len(taken) - len(even))
            if even:
                yield list(zip(*even, strict=True))

    def _taken(self) -> Iterator[list[list[str]]]:
        """Some rows at a time: not too many, and not too long together."""
        meter = Meter()
        body = rows(self.blob, self.told, meter)
        if self.told.header:
            next(body, None)
        deep = max(1, min(DEEPEST, CELLS // self.width))
        taken: list[list[str]] = []
        begun = meter.read
        for row in body:
            taken.append(row)
            if len(taken) == deep or meter.read - begun > HEAVIEST:
                yield taken
                taken, begun = [], meter.read
        if taken:
            yield taken

    def _even(self, row: list[str]) -> list[str]:
        """The row with as many cells as there are columns, or none where that would be a guess."""
        if len(row) == self.width:
            return row
        if _filled(row) > self.width:
            return []
        if len(row) > self.width:
            return row[: self.width]
        return row + [""] * (self.width - len(row)) if len(row) >= self.width - 1 and self.width > 2 else []


def _too_many_rows(bounds: Bounds) -> ImportRefused:
    return ImportRefused(f"Expected at most {bounds.rows:,} rows, got more. Choose a part of them.")


def _filled(row: Sequence[str]) -> int:
    """Cells up to the last one that is not empty."""
    count = len(row)
    while count and not row[count - 1].strip():
        count -= 1
    return count


def glance(sheet: Sheet, count: int) -> list[tuple[str, ...]]:
    """The first rows."""
    whole = chain.from_iterable(zip(*block, strict=True) for block in sheet.blocks())
    return [tuple(row) for row in islice(whole, count)]
