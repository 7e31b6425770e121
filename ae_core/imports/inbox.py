"""Where uploaded files lie until they are a dataset: a folder each time, under names of our own."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ae_core.errors import ImportRefused
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.plan import Source

ROOM = 10  # times what one import may bring, for all that wait together
KEPT = 24 * 3600  # seconds that files wait for somebody who went away
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Parcel:
    """Files that came together. token: names them, and cannot be guessed."""

    token: str
    sources: tuple[Source, ...]


class Inbox:
    """The uploads of one installation. home: its folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "uploads"

    def receive(self, files: Iterable[tuple[str, bytes | memoryview]], bounds: Bounds) -> Parcel:
        """Writes (name, content) of each file down. Raises ImportRefused for more than one import may bring."""
        self.tidy(ROOM * bounds.megabytes * MEGABYTE)
        token = secrets.token_hex(16)
        room = self.folder / token
        sources, size = [], 0
        try:
            room.mkdir(parents=True)
            for number, (name, content) in enumerate(files):
                size += memoryview(content).nbytes
                if number >= bounds.files or size > bounds.megabytes * MEGABYTE:
                    raise ImportRefused(
                        f"An import brings at most {bounds.files:,} files of {bounds.megabytes:,} megabytes together. "
                        "Choose fewer or smaller files."
                    )
                path = room / str(number)
                path.write_bytes(content)
                sources.append(Source(name=name[:200], path=str(path)))
        except OSError as error:
            shutil.rmtree(room, ignore_errors=True)
            raise ImportRefused("There is no room for these files on this machine. Tell whoever runs it.") from error
        except BaseException:
            shutil.rmtree(room, ignore_errors=True)
            raise
        return Parcel(token, tuple(sources))

    def room(self, token: str) -> Path:
        """A folder beside the files, in which the dataset can be made. It goes with them."""
        return self.folder / token / "made"

    def forget(self, token: str) -> None:
        """Removes the files."""
        if _TOKEN.fullmatch(token):
            shutil.rmtree(self.folder / token, ignore_errors=True)

    def tidy(self, most: int) -> None:
        """Removes what nobody came back for, and of more than `most` bytes the oldest."""
        rooms = [room for room in self.folder.glob("*") if _TOKEN.fullmatch(room.name)]
        held = 0
        for room in sorted(rooms, key=_age):
            held += sum(file.stat().st_size for file in room.glob("*") if file.is_file())
            if _age(room) > KEPT or held > most:
                self.forget(room.name)


def _age(room: Path) -> float:
    """Seconds since files were put there."""
    return time.time() - room.stat().st_mtime
