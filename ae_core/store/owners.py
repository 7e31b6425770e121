"""Whose a run is: asked before anything of it is changed."""

from __future__ import annotations

import sqlalchemy as sa

from ae_core.errors import NotYours, UnknownRun
from ae_core.store.tables import runs


def require_own(db: sa.Connection, run: str, owner: str) -> None:
    """Raises UnknownRun, NotYours."""
    found = db.execute(sa.select(runs.c.owner).where(runs.c.id == run)).scalar()
    if found is None:
        raise unknown(run)
    if found != owner:
        raise NotYours("This run belongs to another browser. You may look at it, or start one like it.")


def unknown(run: str) -> UnknownRun:
    """The refusal for a run that there is not."""
    return UnknownRun(f"There is no run {run[:40]!r}. It was deleted, or the link is incomplete.")
