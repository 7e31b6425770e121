"""Runs that belong together: the cells of a sweep, the trials of a study."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa

from ae_core.errors import NotYours, UnknownGroup
from ae_core.spec import RunSpec
from ae_core.store.records import ACTIVE
from ae_core.store.tables import groups, members, runs

Kind = Literal["sweep", "study"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Opens = Callable[[], AbstractContextManager[sa.Connection]]
Insert = Callable[[sa.Connection, RunSpec], str]


@dataclass(frozen=True, kw_only=True)
class Group:
    """plan: what was asked for, as JSON that whoever made the group understands. state: open, stopped or done; what it
    means is up to the kind. runs: how many belong to it. created: seconds since 1970.
    """

    id: str
    owner: str
    kind: Kind
    title: str
    plan: Mapping[str, Any]
    state: str
    created: float
    runs: int


@dataclass(frozen=True)
class Member:
    """A run's place in its group: its number, from 0 up, and what the group knows of it as JSON."""

    number: int
    run: str
    place: Mapping[str, Any]


class Groups:
    """A part of the store, with its ways to read and write. Every method is one transaction."""

    def __init__(self, reading: Opens, writing: Opens) -> None:
        self._reading, self._writing = reading, writing

    def add(self, kind: Kind, owner: str, plan: Mapping[str, Any], title: str = "") -> str:
        """A new group without runs, open. Its id cannot be guessed."""
        group = secrets.token_urlsafe(12)
        with self._writing() as db:
            db.execute(
                groups.insert().values(
                    id=group,
                    owner=owner,
                    kind=kind,
                    title=title,
                    plan=json.dumps(plan),
                    state="open",
                    created=time.time(),
                )
            )
        return group

    def join(self, group: str, insert: Insert, cells: Sequence[tuple[RunSpec, Mapping[str, Any]]]) -> list[str]:
        """Adds a run to the group for each (spec, place), all of them or none: their ids. insert: makes a run's row.

        Raises UnknownGroup, and what `insert` raises.
        """
        with self._writing() as db:
            self._row(db, group)
            last = db.execute(sa.select(sa.func.max(members.c.number)).where(members.c.group == group)).scalar()
            first, made = 0 if last is None else last + 1, []
            for number, (spec, place) in enumerate(cells, first):
                run = insert(db, spec)
                made.append(run)
                db.execute(members.insert().values(group=group, run=run, number=number, place=json.dumps(place)))
        return made

    def group(self, group: str) -> Group:
        """Raises UnknownGroup."""
        with self._reading() as db:
            return _to_group(self._row(db, group))

    def own(self, group: str, owner: str) -> Group:
        """The group, for its owner alone. Raises UnknownGroup, NotYours."""
        with self._reading() as db:
            return _to_group(self._own(db, group, owner))

    def of(self, owner: str, kind: Kind, limit: int = 100) -> list[Group]:
        """A browser's groups, newest first."""
        query = _GROUPS.where(groups.c.owner == owner, groups.c.kind == kind)
        with self._reading() as db:
            return [_to_group(row) for row in db.execute(query.order_by(groups.c.created.desc()).limit(limit))]

    def open(self, kind: Kind) -> list[Group]:
        """All groups of a kind that are open, oldest first."""
        query = _GROUPS.where(groups.c.kind == kind, groups.c.state == "open").order_by(groups.c.created)
        with self._reading() as db:
            return [_to_group(row) for row in db.execute(query)]

    def members(self, group: str) -> list[Member]:
        """The group's runs in the order in which they joined. Those that were deleted are left out."""
        query = sa.select(members).where(members.c.group == group).order_by(members.c.number)
        with self._reading() as db:
            return [Member(row.number, row.run, json.loads(row.place)) for row in db.execute(query)]

    def strays(self, kind: Kind) -> list[str]:
        """Runs that wait or train although their group of that kind is not open."""
        query = (
            sa.select(runs.c.id)
            .join(members, members.c.run == runs.c.id)
            .join(groups, groups.c.id == members.c.group)
            .where(groups.c.kind == kind, groups.c.state != "open", runs.c.status.in_(ACTIVE))
        )
        with self._reading() as db:
            return list(db.execute(query).scalars())

    def set_state(self, group: str, state: str) -> None:
        """Nothing where the group is gone."""
        with self._writing() as db:
            db.execute(groups.update().where(groups.c.id == group).values(state=state))

    def set_plan(self, group: str, plan: Mapping[str, Any]) -> None:
        """Nothing where the group is gone."""
        with self._writing() as db:
            db.execute(groups.update().where(groups.c.id == group).values(plan=json.dumps(plan)))

    def delete(self, group: str, owner: str) -> None:
        """The group with all its runs. Raises UnknownGroup, NotYours."""
        with self._writing() as db:
            self._own(db, group, owner)
            belong = sa.select(members.c.run).where(members.c.group == group)
            db.execute(runs.delete().where(runs.c.id.in_(belong.scalar_subquery())))
            db.execute(groups.delete().where(groups.c.id == group))

    def _row(self, db: sa.Connection, group: str) -> Any:
        row = db.execute(_GROUPS.where(groups.c.id == group)).first()
        if row is None:
            raise UnknownGroup(f"There is no group of runs {group[:40]!r}. It was deleted, or the link is incomplete.")
        return row

    def _own(self, db: sa.Connection, group: str, owner: str) -> Any:
        row = self._row(db, group)
        if row.owner != owner:
            raise NotYours("These runs belong to another browser. You may look at them, or start some like them.")
        return row


_COUNT = sa.select(sa.func.count()).where(members.c.group == groups.c.id).scalar_subquery()
_GROUPS = sa.select(groups, _COUNT.label("runs"))


def _to_group(row: Any) -> Group:
    values = dict(row._mapping) | {"plan": json.loads(row.plan)}
    return Group(**{name: values[name] for name in Group.__dataclass_fields__})
