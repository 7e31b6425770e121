"""ZIP files, opened by people who know what strangers put into them. Nothing is ever written to the disk."""

from __future__ import annotations

import struct
import zipfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import IO

from ae_core.data.card import Dropped
from ae_core.errors import ImportRefused
from ae_core.imports.blobs import RATIO, SUSPECT, Blob, bomb, damaged
from ae_core.imports.bounds import Bounds
from ae_core.imports.names import clean
from ae_core.imports.plan import Why

END, TAIL = b"PK\x05\x06", 22 + 65_535  # the record at the end of every ZIP, and how far from the end it may begin
WIDE = 56 + 20  # bytes of the same in 64 bits, and of what tells where it is, right in front of it
ENTRY = 46  # bytes of an entry of the directory, without its name
ROOM = 400  # bytes of an entry with its name, on average, at most
LOCAL = 30  # bytes in front of a member's content, without its name
LINK, FORMAT = 0o120000, 0o170000  # Unix modes: a symbolic link, and where the mode tells it
ENCRYPTED, UTF8 = 0x1, 0x800
NAMED = 5  # of what is left out, so many are named
RUBBISH = ("__macosx", "thumbs.db", "desktop.ini")
ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".npz", ".jar", ".docx", ".xlsx")


class Losses:
    """What is left out while one reads: counted, and some of it named."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = defaultdict(int)
        self._names: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, what: str, why: Why, name: str = "", count: int = 1) -> None:
        """One more, or several, of that kind for that reason."""
        if not count:
            return
        self._counts[what, why] += count
        if name and len(self._names[what, why]) < NAMED:
            self._names[what, why].append(clean(name))

    def take(self, others: Losses) -> None:
        """All that others have, too."""
        for key, count in others._counts.items():
            self._counts[key] += count
            self._names[key] = (self._names[key] + others._names[key])[:NAMED]

    def report(self) -> tuple[Dropped, ...]:
        """All of it."""
        return tuple(
            Dropped(what=what, why=why, count=count, names=tuple(self._names[what, why]))  # type: ignore[arg-type]
            for (what, why), count in self._counts.items()
        )


def members(blob: Blob, bounds: Bounds, losses: Losses, until: ExitStack) -> list[Blob]:
    """What is in it and can be read safely, in the order of the names; the rest goes into `losses`. until: closes it.

    Raises ImportRefused for a ZIP that is damaged, has too many members, is locked, or was made to do harm.
    """
    _look_at_directory(blob, bounds)
    with damaged(blob.name):
        archive = until.enter_context(zipfile.ZipFile(until.enter_context(blob.open())))
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if any(info.filename == "[Content_Types].xml" for info in infos):
        raise ImportRefused(f"{clean(blob.name)} is an Excel or Word file. Save its table as CSV, then choose that.")
    _look_for_bombs(blob, infos, bounds)
    found = []
    for info in infos:
        name = _decoded(info)
        path = PurePosixPath(name)
        if path.name.startswith(".") or any(part.lower() in RUBBISH for part in path.parts):
            continue
        if why := _wrong(info, name):
            losses.add("files", why, path.name)
        else:
            folder = clean(path.parent.name)
            found.append(Blob(path.name, info.file_size, _opener(archive, info), folder))
    if infos and not found and all(info.flag_bits & ENCRYPTED for info in infos):
        raise ImportRefused(f"{clean(blob.name)} is locked with a password. Make a ZIP without one.")
    return sorted(found, key=lambda member: (member.folder, member.name))


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _look_at_directory(blob: Blob, bounds: Bounds) -> None:
    """Counts members by the few bytes at the end, before anything is built from them."""
    with blob.open() as stream:
        stream.seek(max(blob.size - TAIL, 0))
        tail = stream.read(TAIL)
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < 22:
        raise ImportRefused(
            f"{clean(blob.name)} is no complete ZIP: its list of files is missing. Choose it again, or pack it anew."
        )
    count, size = struct.unpack("<HI", tail[at + 10 : at + 16])
    with blob.open() as stream:  # the 64-bit form counts wherever it is there, as it does for zipfile
        stream.seek(max(blob.size - len(tail) + at - WIDE, 0))
        wide = stream.read(WIDE)
    if len(wide) == WIDE and wide.startswith(b"PK\x06\x06") and wide[56:].startswith(b"PK\x06\x07"):
        count, size = struct.unpack("<QQ", wide[32:48])
    if count > bounds.files or size > bounds.files * ROOM:
        raise _too_many(blob, max(count, size // ROOM), bounds)


def _too_many(blob: Blob, count: int, bounds: Bounds) -> ImportRefused:
    return ImportRefused(
        f"{clean(blob.name)}: expected at most {bounds.files:,} files in it, got {count:,}. Pack fewer of them."
    )


def _look_for_bombs(blob: Blob, infos: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    """Declared sizes are a safe bound, for no more than that is ever read; members may not share bytes."""
    if len(infos) > bounds.files:
        raise _too_many(blob, len(infos), bounds)
    total = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if total > bounds.unpacked or (total > SUSPECT and total > RATIO * min(packed, blob.size)):
        raise bomb(blob.name)
    taken = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < taken:
            raise ImportRefused(
                f"{clean(blob.name)} has members that lie over each other, as only harmful files have. Pack it anew."
            )
        taken = info.header_offset + LOCAL + info.compress_size


def _wrong(info: zipfile.ZipInfo, name: str) -> Why | None:
    path = PurePosixPath(name)
    if ".." in path.parts or path.is_absolute() or name[1:2] == ":":
        return "path"
    if (info.external_attr >> 16) & FORMAT == LINK:
        return "link"
    if info.flag_bits & ENCRYPTED:
        return "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "kind"
    if path.suffix.lower() in ARCHIVES:
        return "archive"
    return None if info.file_size else "empty"


def _decoded(info: zipfile.ZipInfo) -> str:
    """Its name with slashes; old programs wrote names in the encoding of their country."""
    name = info.orig_filename
    if not info.flag_bits & UTF8 and not name.isascii():
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            raw = b""
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding) if raw else name
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/").split("\0")[0]
