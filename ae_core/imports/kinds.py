"""What a file is: its first bytes decide, and the ending of its name must agree."""

from __future__ import annotations

from typing import Literal

from ae_core.errors import ImportRefused
from ae_core.imports.blobs import Blob
from ae_core.imports.names import clean

Kind = Literal["text", "png", "jpeg", "zip", "gzip", "npy", "parquet"]

MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
)
OTHERS = (
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"RIFF", "a WebP picture, a sound or a film"),
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB", "a MATLAB file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"ARROW1", "an Arrow file"),
)
ENDINGS: dict[str, Kind] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".tab", ".data", ".dat"), "text"),
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".zip": "zip",
    ".npz": "zip",
    ".npy": "npy",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".gz": "gzip",
}
PICTURES = (".png", ".jpg", ".jpeg")
TABLES = (".csv", ".tsv", ".tab", ".data", ".dat")
SAID: dict[Kind, str] = {
    "text": "text",
    "png": "a PNG picture",
    "jpeg": "a JPEG picture",
    "zip": "a ZIP archive",
    "gzip": "a gzip archive",
    "npy": "a NumPy array",
    "parquet": "a Parquet table",
}
TAKEN = "CSV, TSV, Parquet, NPY, NPZ, PNG, JPEG, TXT, or a ZIP of pictures or texts"


def kind_of(blob: Blob) -> Kind:
    """Its kind. Raises ImportRefused for one that is not taken, or where name and content disagree."""
    head = blob.head
    found = content(head)
    name = clean(blob.name)
    if pickled(head):
        raise pickle(name)
    if found is None:
        raise ImportRefused(f"{name} is {other(head)}, which is not taken here. Expected {TAKEN}.")
    expected = ENDINGS.get(blob.end)
    if expected is None:
        raise ImportRefused(f"Expected {TAKEN}; got {name}. Save it as one of these.")
    if expected != found:
        raise ImportRefused(
            f"The name {name} promises {SAID[expected]}, but its content is {SAID[found]}. "
            "Give it its right ending, or export it again."
        )
    return found


def content(head: bytes) -> Kind | None:
    """The kind that these first bytes are of: text where none is known, None for one that is not taken."""
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    return None if other(head) else "text"


def other(head: bytes) -> str:
    """What it is instead, or ""."""
    if pickled(head):
        return "a Python pickle"
    for magic, name in OTHERS:
        if head.startswith(magic) and not _is_prose(head):
            return name
    return ""


def pickled(head: bytes) -> bool:
    """Whether these are the first bytes of a Python pickle of protocol 2 or later."""
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


def pickle(name: str) -> ImportRefused:
    """The refusal of one."""
    return ImportRefused(
        f"{name} is a Python pickle, and reading one can run any program. Save its numbers as CSV, or with numpy.save."
    )


def _is_prose(head: bytes) -> bool:
    """A table whose first column is called BMI is no bitmap."""
    return len(head) > 6 and all(32 <= byte < 127 or byte in (9, 10, 13) for byte in head[:40])
