"""How much an import may take, so that no file hurts the others."""

from __future__ import annotations

from dataclasses import dataclass

from ae_core.settings import Limits

MEGABYTE = 2**20


@dataclass(frozen=True)
class Bounds:
    """megabytes: of all files together. rows, columns: of a table. files: uploaded or in a ZIP. megapixels: of a
    picture. numbers: items x features of the dataset. seconds, memory (megabytes): of the process that reads.
    """

    megabytes: int = Limits.import_megabytes
    rows: int = Limits.import_rows
    columns: int = Limits.import_columns
    files: int = Limits.import_files
    megapixels: int = Limits.import_megapixels
    numbers: int = Limits.import_numbers
    seconds: int = Limits.import_seconds
    memory: int = Limits.import_memory

    @staticmethod
    def of(limits: Limits) -> Bounds:
        """Those of an installation."""
        return Bounds(
            limits.import_megabytes,
            limits.import_rows,
            limits.import_columns,
            limits.import_files,
            limits.import_megapixels,
            limits.import_numbers,
            limits.import_seconds,
            limits.import_memory,
        )

    @property
    def unpacked(self) -> int:
        """Bytes that all files together may become when they are unpacked."""
        return 5 * self.megabytes * MEGABYTE

    @property
    def cells(self) -> int:
        """Cells of a table: as many as a text file can have."""
        return self.megabytes * MEGABYTE // 2

    @property
    def pixels(self) -> int:
        """Pixels of one picture."""
        return self.megapixels * 1_000_000

    @property
    def all_pixels(self) -> int:
        """Pixels of all pictures together: what decoding costs."""
        return 100 * self.pixels
