"""Bytes with a name: an uploaded file, a member of a ZIP, what is in a gzip. Read in pieces, never all unasked."""

from __future__ import annotations

import gzip
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ae_core.errors import AeError, ImportRefused
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.names import clean
from ae_core.imports.plan import Source

HEAD = 64
RATIO = 100  # text of the most boring kind shrinks to a hundredth; what shrinks more was made to
SUSPECT = 32 * MEGABYTE  # from here on it matters
MEMBERS = 50_000  # of a gzip file; large ones that are packed in blocks have some thousand

Damage = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    SyntaxError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    tokenize.TokenError,  # of a header of a NumPy file
)
"""What readers of files raise at damaged ones; not MemoryError, which the parent turns into a sentence."""


@dataclass(frozen=True)
class Blob:
    """name: for people. size: of its bytes as they are read. folder: the class that its place tells, or "". path:
    where it lies, if it is a plain file.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    folder: str = ""
    path: Path | None = None

    @property
    def head(self) -> bytes:
        """Its first bytes, by which its kind is known."""
        with self.open() as stream:
            return stream.read(HEAD)

    @property
    def end(self) -> str:
        """The ending of its name, in small letters with the dot, or ""."""
        dot = self.name.rfind(".")
        return self.name[dot:].lower() if dot > 0 else ""


@contextmanager
def damaged(name: str) -> Iterator[None]:
    """Whatever a reader raises at a damaged file becomes one sentence."""
    try:
        yield
    except AeError:
        raise
    except Damage as error:
        raise ImportRefused(
            f"{clean(name)} is damaged, or was not uploaded completely. Save or export it again, then choose it again."
        ) from error


def uploaded(sources: list[Source], bounds: Bounds) -> list[Blob]:
    """The files themselves. Raises ImportRefused for none, too many, too much, or an empty one."""
    if not sources:
        raise ImportRefused("No file was chosen. Choose one.")
    if len(sources) > bounds.files:
        raise ImportRefused(f"Expected at most {bounds.files:,} files, got {len(sources):,}. Choose fewer.")
    found = [_file(source) for source in sources]
    total = sum(blob.size for blob in found)
    if total > bounds.megabytes * MEGABYTE:
        raise ImportRefused(
            f"Expected at most {bounds.megabytes:,} MB, got {total / MEGABYTE:,.0f} MB. Choose a part of it."
        )
    for blob in found:
        if not blob.size:
            raise ImportRefused(f"{clean(blob.name)} is empty. Choose a file with something in it.")
    return found


def unzipped(blob: Blob, bounds: Bounds) -> Blob:
    """What is in a gzip file, measured once by reading it through; a bomb is refused on the way."""
    size = 0
    if _members(blob) > MEMBERS:
        raise bomb(blob.name)
    with damaged(blob.name), blob.open() as packed, gzip.GzipFile(fileobj=packed) as stream:
        while block := stream.read(MEGABYTE):
            size += len(block)
            if size > bounds.unpacked or (size > SUSPECT and size > RATIO * packed.tell()):
                raise bomb(blob.name)

    def opened() -> IO[bytes]:
        assert blob.path is not None  # gzip in a ZIP is not taken
        return cast(IO[bytes], gzip.open(blob.path, "rb"))

    return Blob(blob.name.removesuffix(".gz").removesuffix(".GZ"), size, opened)


def _members(blob: Blob) -> int:
    """About how many gzip files it is one behind the other, each of which costs time even when it is empty."""
    with blob.open() as packed:
        return sum(block.count(b"\x1f\x8b\x08") for block in iter(lambda: packed.read(MEGABYTE), b""))


def bomb(name: str) -> ImportRefused:
    """The refusal of a file that becomes very much when it is unpacked."""
    return ImportRefused(f"{clean(name)} is small, but becomes far too much when it is unpacked. Choose another file.")


def _file(source: Source) -> Blob:
    path = Path(source.path)
    return Blob(source.name, path.stat().st_size, lambda: path.open("rb"), path=path)
