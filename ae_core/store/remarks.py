"""What the owner of a run writes beside it: tags and a note."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sa

from ae_core.errors import SpecError
from ae_core.store.owners import require_own
from ae_core.store.tables import remarks

TAGS, TAG, NOTE = 12, 40, 2000  # tags of a run, characters of a tag and of a note
Opens = Callable[[], AbstractContextManager[sa.Connection]]


@dataclass(frozen=True)
class Remark:
    """tags: each once, trimmed. note: as it was written; both are the owner's words and never markup."""

    tags: tuple[str, ...] = ()
    note: str = ""


class Remarks:
    """A part of the store, with its ways to read and write. Every method is one transaction."""

    def __init__(self, reading: Opens, writing: Opens) -> None:
        self._reading, self._writing = reading, writing

    def write(self, run: str, owner: str, tags: Iterable[str], note: str) -> None:
        """Puts these in the place of what stood there. Raises UnknownRun, NotYours, and SpecError for too much."""
        kept = _kept(tags, note)
        with self._writing() as db:
            require_own(db, run, owner)
            db.execute(remarks.delete().where(remarks.c.run == run))
            if kept != Remark():
                db.execute(remarks.insert().values(run=run, tags=",".join(kept.tags), note=kept.note))

    def of(self, ids: Iterable[str]) -> dict[str, Remark]:
        """What stands beside these runs; those without a word are left out. One query."""
        query = sa.select(remarks).where(remarks.c.run.in_(list(ids)))
        with self._reading() as db:
            return {row.run: Remark(tagged(row.tags), row.note) for row in db.execute(query)}


def tagged(text: str) -> tuple[str, ...]:
    """The tags in a text with commas between them, trimmed and each once."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := part.strip())))


def _kept(tags: Iterable[str], note: str) -> Remark:
    """Raises SpecError for more than a run may have."""
    found = Remark(tagged(",".join(tags)), note.strip())
    if len(found.tags) > TAGS:
        raise SpecError(f"A run has at most {TAGS} tags, got {len(found.tags):,}. Take some away.")
    if (longest := max(map(len, found.tags), default=0)) > TAG:
        raise SpecError(f"A tag has at most {TAG} characters, got {longest:,}. Shorten it.")
    if len(found.note) > NOTE:
        raise SpecError(f"A note has at most {NOTE:,} characters, got {len(found.note):,}. Shorten it.")
    return found
