"""Questions about runs, and their answers: asked by pages, taken up by the engine, kept for whoever asks again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import sqlalchemy as sa

from ae_core.errors import UnknownRun
from ae_core.settings import Limits
from ae_core.spec import read
from ae_core.store.records import Inquiry, Milestone, Probe
from ae_core.store.tables import checkpoints, milestones, probes, runs

SILENT = 15.0  # seconds without a sign of life after which a question is given to another worker
TRIES = 3
KEPT_BYTES = 96_000_000  # of answers about one run
OPEN = ("queued", "working")

Opens = Callable[[], AbstractContextManager[sa.Connection]]


class Probes:
    """A part of the store, with its ways to read and write. Every method is one transaction."""

    def __init__(self, reading: Opens, writing: Opens, any_row: Callable[[str], bool]) -> None:
        self._reading, self._writing, self._any = reading, writing, any_row

    def milestones(self, run: str) -> list[Milestone]:
        """The steps at which the run's model is kept, rising. A checkpoint counts as one."""
        kept = sa.union(*(sa.select(part.c.step, part.c.epoch).where(part.c.run == run) for part in _MODELS))
        with self._reading() as db:
            found = {row.step: row.epoch for row in db.execute(kept)}
        return [Milestone(step, found[step]) for step in sorted(found)]

    def models(self, run: str) -> list[tuple[int, bytes]]:
        """The steps at which the run's model is kept, rising, each with its weights as safetensors."""
        with self._reading() as db:
            kept = [
                (row.step, bytes(row.blob))
                for part in _MODELS
                for row in db.execute(sa.select(part.c.step, part.c.blob).where(part.c.run == run))
            ]
        return sorted(dict(reversed(kept)).items())  # of a step that is kept twice, the milestone

    def ask(self, probe: str, run: str, owner: str, step: int, question: str, *, limits: Limits | None = None) -> Probe:
        """The question's answer so far; it begins to wait for a worker unless it was asked before.

        One that failed is tried again. Raises UnknownRun for a run that is gone or a step that is not kept, LimitError
        for one question too many.
        """
        now = time.time()
        with self._writing() as db:
            db.execute(probes.delete().where(probes.c.id == probe, probes.c.status == "failed"))
            found = db.execute(_PROBE.where(probes.c.id == probe)).first()
            if found is not None:
                if found.status == "done":
                    db.execute(probes.update().where(probes.c.id == probe).values(touched=now))
                return Probe(*found)
            if not any(_has(db, part, run, step) for part in _MODELS):
                raise UnknownRun(f"Run {run[:40]!r} keeps no model of step {step:,}. Ask for one of its milestones.")
            if limits:
                _admit(db, owner, limits)
            db.execute(
                probes.insert().values(
                    id=probe, run=run, owner=owner, step=step, question=question, status="queued", touched=now
                )
            )
        return Probe(probe, "queued", 0.0, "", None)

    def look(self, run: str, probe: str) -> Probe:
        """How far the question is. Raises UnknownRun where nobody asked it."""
        with self._reading() as db:
            found = db.execute(_PROBE.where(probes.c.id == probe, probes.c.run == run)).first()
        if found is None:
            raise UnknownRun(f"Nobody asked {probe[:40]!r} of this run. Ask it first.")
        return Probe(*found)

    # -- the engine

    def waiting(self) -> list[tuple[str, int]]:
        """Questions to send to a worker now, each with the number of the try. Cheap while there are none.

        Those whose worker has been silent for long go to another one, a few times, and are given up then.
        """
        now = time.time()
        silent = f"status = 'working' AND touched < {now - SILENT}"
        if not self._any(f"SELECT 1 FROM probes WHERE status = 'queued' OR ({silent}) LIMIT 1"):
            return []
        lost = sa.and_(probes.c.status == "working", probes.c.touched < now - SILENT)
        given_up = {"status": "failed", "error": "The worker was lost several times over this. Ask for less."}
        with self._writing() as db:
            db.execute(probes.update().where(lost, probes.c.tries >= TRIES).values(**given_up))
            claim = probes.update().where(sa.or_(probes.c.status == "queued", lost))
            claim = claim.values(status="working", tries=probes.c.tries + 1, touched=now)
            return [(row.id, row.tries) for row in db.execute(claim.returning(probes.c.id, probes.c.tries))]

    def take(self, probe: str) -> Inquiry | None:
        """What a worker needs to answer; None where the question or its run has gone."""
        with self._reading() as db:
            row = db.execute(
                sa.select(probes.c.id, probes.c.run, runs.c.spec, runs.c.goal, probes.c.step, probes.c.question)
                .join(runs, runs.c.id == probes.c.run)
                .where(probes.c.id == probe)
            ).first()
            if row is None:
                return None
            for part in _MODELS:
                blob = db.execute(sa.select(part.c.blob).where(part.c.run == row.run, part.c.step == row.step)).scalar()
                if blob is not None:
                    return Inquiry(row.id, row.run, read(row.spec), row.step, row.goal, row.question, bytes(blob))
        self.fail(probe, "This step of the run is not kept any more. Choose another one.")
        return None

    def touch(self, probe: str, progress: float) -> None:
        """A sign of life, and how far it is."""
        with self._writing() as db:
            mine = probes.update().where(probes.c.id == probe, probes.c.status == "working")
            db.execute(mine.values(progress=progress, touched=time.time()))

    def answer(self, probe: str, frame: bytes) -> None:
        """The answer. The oldest answers about the same run go where there are too many."""
        with self._writing() as db:
            done = {"status": "done", "progress": 1.0, "frame": frame, "size": len(frame), "touched": time.time()}
            db.execute(probes.update().where(probes.c.id == probe).values(**done))
            run = sa.select(probes.c.run).where(probes.c.id == probe).scalar_subquery()
            kept = sa.select(probes.c.id, probes.c.size).where(probes.c.run == run, probes.c.status == "done")
            room, away = KEPT_BYTES, []
            for row in db.execute(kept.order_by(probes.c.touched.desc())):
                room -= row.size
                if room < 0 and row.id != probe:
                    away.append(row.id)
            if away:
                db.execute(probes.delete().where(probes.c.id.in_(away)))

    def fail(self, probe: str, reason: str) -> None:
        """There is no answer. reason: a sentence."""
        with self._writing() as db:
            db.execute(probes.update().where(probes.c.id == probe).values(status="failed", error=reason))


_MODELS = (milestones, checkpoints)
_PROBE = sa.select(probes.c.id, probes.c.status, probes.c.progress, probes.c.error, probes.c.frame)


def _admit(db: sa.Connection, owner: str, limits: Limits) -> None:
    """Raises LimitError if one more open question is too many."""
    counts = sa.select(sa.func.count(), sa.func.count().filter(probes.c.owner == owner))
    everybody, mine = db.execute(counts.where(probes.c.status.in_(OPEN))).one()
    if mine >= limits.questions_per_client:
        raise limits.refusal("questions_per_client", f"{mine} of your questions are being answered; wait a moment")
    if everybody >= limits.questions_total:
        raise limits.refusal("questions_total", f"{everybody} questions are being answered; wait a moment")


def _has(db: sa.Connection, part: sa.Table, run: str, step: int) -> bool:
    return db.execute(sa.select(part.c.step).where(part.c.run == run, part.c.step == step)).first() is not None
