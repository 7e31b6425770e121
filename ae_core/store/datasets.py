"""Whose each imported or drawn dataset is. Its items lie on the shelf (`data.shelf`); several may own the same one."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import sqlalchemy as sa

from ae_core.settings import Limits
from ae_core.store.tables import datasets

Opens = Callable[[], AbstractContextManager[sa.Connection]]
DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class Owned:
    """One browser's dataset. size: bytes on the shelf. used: when a run was last started on it, or it was made."""

    digest: str
    title: str
    size: int
    created: float
    used: float


class Datasets:
    """A part of the store, with its ways to read and write. Every method is one transaction."""

    def __init__(self, reading: Opens, writing: Opens) -> None:
        self._reading, self._writing = reading, writing

    def add(self, digest: str, owner: str, title: str, size: int, limits: Limits | None = None) -> None:
        """Makes it theirs; again does nothing. Raises LimitError for more than one browser, or all, may keep."""
        now = time.time()
        with self._writing() as db:
            if db.execute(sa.select(datasets.c.size).where(_is(digest, owner))).first():
                db.execute(datasets.update().where(_is(digest, owner)).values(used=now))
                return
            if limits:
                _require_room(db, digest, owner, size, limits)
            row = {"digest": digest, "owner": owner, "title": title, "size": size, "created": now, "used": now}
            db.execute(datasets.insert().values(**row))

    def of(self, owner: str) -> list[Owned]:
        """Theirs, newest first."""
        query = sa.select(datasets).where(datasets.c.owner == owner).order_by(datasets.c.created.desc())
        with self._reading() as db:
            return [Owned(row.digest, row.title, row.size, row.created, row.used) for row in db.execute(query)]

    def owned(self, digest: str) -> bool:
        """Whether anybody keeps it."""
        with self._reading() as db:
            return db.execute(sa.select(datasets.c.owner).where(datasets.c.digest == digest)).first() is not None

    def remove(self, digest: str, owner: str) -> bool:
        """Takes it from this owner. Whether nobody owns it any more."""
        with self._writing() as db:
            db.execute(datasets.delete().where(_is(digest, owner)))
            return db.execute(sa.select(datasets.c.owner).where(datasets.c.digest == digest)).first() is None

    def expire(self, days: float) -> list[str]:
        """Takes those away that nobody used for so long: the digests that nobody owns any more."""
        old = datasets.c.used < time.time() - days * DAY
        with self._writing() as db:
            gone = {row.digest for row in db.execute(sa.select(datasets.c.digest).where(old))}
            db.execute(datasets.delete().where(old))
            left = set(db.execute(sa.select(datasets.c.digest).where(datasets.c.digest.in_(gone))).scalars())
        return sorted(gone - left)


def note_use(db: sa.Connection, digest: str) -> None:
    """It is used now, for whoever owns it."""
    db.execute(datasets.update().where(datasets.c.digest == digest).values(used=time.time()))


def _is(digest: str, owner: str) -> sa.ColumnElement[bool]:
    return sa.and_(datasets.c.digest == digest, datasets.c.owner == owner)


def _require_room(db: sa.Connection, digest: str, owner: str, size: int, limits: Limits) -> None:
    """Raises LimitError for one dataset, or one megabyte, too many."""
    count, held = db.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(datasets.c.size), 0)).where(datasets.c.owner == owner)
    ).one()
    if count >= limits.datasets_per_client:
        raise limits.refusal("datasets_per_client", f"You keep {count} datasets already; delete one first")
    limits.check("dataset_megabytes_per_client", (held + size) / 2**20)
    sizes = sa.select(sa.func.max(datasets.c.size).label("size")).where(datasets.c.digest != digest)
    each = sizes.group_by(datasets.c.digest).subquery()
    total = db.execute(sa.select(sa.func.coalesce(sa.func.sum(each.c.size), 0))).scalar_one()
    limits.check("dataset_megabytes_total", (total + size) / 2**20)
