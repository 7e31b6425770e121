"""Parquet tables: their footer is looked at first, then they are read some rows at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from ae_core.child import hold_back
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import RATIO, SUSPECT, Blob, bomb, damaged
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.lines import LONGEST_CELL
from ae_core.imports.names import clean, columns
from ae_core.imports.plan import Dialect
from ae_core.imports.sheets import CELLS, DEEPEST, HEAVIEST, Block, Sheet

MAGIC = b"PAR1"
FOOTER = 8 * MEGABYTE
CELL = 2  # bytes of a cell as text, at least: a character and what divides it from the next
MORE = 400  # megabytes of address space that reading may take, whatever the file says of its sizes
FEW = 16  # rows that are read at once of texts whose length cannot be known before


class ParquetSheet(Sheet):
    """A Parquet file of plain columns; nested ones and bytes are left out."""

    def __init__(self, blob: Blob, bounds: Bounds) -> None:
        self.blob, self.bounds = blob, bounds
        self.losses = Losses()
        _look_at_footer(blob)
        with damaged(blob.name):
            file = self._file([])
            self._look_for_bombs(file.metadata)
            schema = file.schema_arrow
            shared = _with_shared_beginnings(file.metadata)
        import pyarrow as pa

        kinds = pa.types
        unusable = [kinds.is_nested, kinds.is_null]
        unusable += [kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary]
        plain: list[str] = []
        self._texts: list[str] = []
        self._nested: list[str] = []
        for field in schema:
            kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
            if any(test(kind) for test in unusable):
                self._nested.append(field.name)
                continue
            plain.append(field.name)
            if kinds.is_string(kind) or kinds.is_large_string(kind):
                self._texts.append(field.name)
        self._words = frozenset(self._texts)
        self._shares = bool(shared & self._words)
        self._texts = [name for name in self._texts if name not in shared]
        odd = set(self._nested)
        self._chosen = [name for name in plain if name not in odd]
        if not self._chosen:
            raise ImportRefused(f"{clean(blob.name)} has no column of numbers or text. Choose another file.")
        self.names = columns(self._chosen)

    @property
    def dialect(self) -> Dialect:
        return Dialect()

    def blocks(self) -> Iterator[Block]:
        self.losses = Losses()
        for name in self._nested:
            self.losses.add("columns", "nested", name)
        deep = max(1, min(DEEPEST, CELLS // len(self.names)))
        count = letters = 0
        words = [place for place, name in enumerate(self._chosen) if name in self._words]
        suspect = SUSPECT if self._shares else self.bounds.megabytes * MEGABYTE  # what no text file could hold
        hold_back(MORE)
        with damaged(self.blob.name):
            file = self._file(self._texts)
            size = sum(file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups))
            deep = max(1, min(deep, HEAVIEST * file.metadata.num_rows // max(size, 1), FEW if self._shares else deep))
            for batch in file.iter_batches(
                batch_size=deep, columns=list(dict.fromkeys(self._chosen)), use_threads=False
            ):
                count += batch.num_rows
                if count > self.bounds.rows:
                    raise ImportRefused(f"Expected at most {self.bounds.rows:,} rows, got more. Choose a part of them.")
                block: Block = [_cells(column) for column in batch.columns]
                letters += sum(sum(map(len, block[place])) for place in words)
                if letters > suspect and letters > RATIO * self.blob.size:
                    raise bomb(self.blob.name)
                if batch.num_rows:
                    yield block

    def _file(self, dictionaries: list[str]) -> Any:
        from pyarrow import parquet

        return parquet.ParquetFile(self.blob.path, read_dictionary=dictionaries, memory_map=True)

    def _look_for_bombs(self, told: Any) -> None:
        rows, width = told.num_rows, told.num_columns
        if rows > self.bounds.rows:
            raise ImportRefused(f"Expected at most {self.bounds.rows:,} rows, got {rows:,}. Choose a part of them.")
        if width > self.bounds.columns:
            raise ImportRefused(
                f"Expected at most {self.bounds.columns:,} columns, got {width:,}. Choose a part of them."
            )
        if rows * width > self.bounds.cells:
            raise ImportRefused(f"Expected at most {self.bounds.cells:,} numbers, got {rows * width:,}. Choose fewer.")
        groups = [told.row_group(number) for number in range(min(told.num_row_groups, 100_000))]
        if sum(group.total_byte_size for group in groups) > self.bounds.unpacked:
            raise bomb(self.blob.name)
        most = max((group.total_byte_size for group in groups), default=0)
        if most > SUSPECT and most > RATIO * self.blob.size:
            raise bomb(self.blob.name)
        cells = rows * width  # pages of one value again and again have hardly any bytes of their own
        if cells > SUSPECT and CELL * cells > RATIO * self.blob.size:
            raise bomb(self.blob.name)


def _with_shared_beginnings(told: Any) -> set[str]:
    """Columns of texts that are stored by what they do not have in common: Arrow cannot read these as dictionaries, and
    little of them can become very much.
    """
    groups = (told.row_group(number) for number in range(told.num_row_groups))
    chunks = (group.column(place) for group in groups for place in range(group.num_columns))
    return {chunk.path_in_schema for chunk in chunks if "DELTA_BYTE_ARRAY" in chunk.encodings}


def _look_at_footer(blob: Blob) -> None:
    with blob.open() as stream:
        stream.seek(max(blob.size - 8, 0))
        tail = stream.read(8)
    if blob.size >= 12 and tail[4:] == MAGIC and FOOTER < struct.unpack("<I", tail[:4])[0] <= blob.size - 12:
        raise ImportRefused(f"{clean(blob.name)} has far more columns than can be used. Choose a part of them.")
    length = struct.unpack("<I", tail[:4])[0] if len(tail) == 8 else 0
    if tail[4:] != MAGIC or blob.size < 12 or not 0 < length <= min(FOOTER, blob.size - 12):
        raise ImportRefused(
            f"{clean(blob.name)} is damaged, or was not uploaded completely. Save or export it again, "
            "then choose it again."
        )


def _cells(column: Any) -> list[str]:
    """Values as text, "" where there is none; moments as in ISO 8601. Equal words of a dictionary are one object."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        words = _cells(column.dictionary)
        return ["" if place is None else words[place] for place in column.indices.to_pylist()]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"), safe=False)
    return ["" if value is None else str(value)[:LONGEST_CELL] for value in column.to_pylist()]
