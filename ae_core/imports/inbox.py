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
        self.tidy()
        token = secrets.token_hex(16)
        room = self.folder / token
        room.mkdir(parents=True)
        sources, size = [], 0
        try:
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

    def tidy(self) -> None:
        """Removes what nobody came back for."""
        for room in self.folder.glob("*"):
            if _TOKEN.fullmatch(room.name) and room.stat().st_mtime < time.time() - KEPT:
                self.forget(room.name)
