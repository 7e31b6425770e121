"""The transactions of the run store."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ae_core.errors import AeError, CommandRefused, Fenced, SpecError, UnknownRun
from ae_core.settings import Limits
from ae_core.sizes import parameter_count
from ae_core.spec import Own, RunSpec, read
from ae_core.store import tables
from ae_core.store.admission import admit
from ae_core.store.datasets import Datasets, note_use
from ae_core.store.groups import Groups, Member
from ae_core.store.keeping import keep_checkpoint, keep_milestone, keep_snapshot
from ae_core.store.owners import require_own, unknown
from ae_core.store.probes import Probes
from ae_core.store.records import ACTIVE, OVER, Attempt, Command, EngineState, Head, Publication, Run
from ae_core.store.remarks import Remarks
from ae_core.store.tables import (
    checkpoints,
    clients,
    commands,
    engine,
    events,
    introductions,
    members,
    milestones,
    runs,
    snapshots,
)

STALE_SECONDS = 10.0  # without a heartbeat for so long, an engine counts as down
TITLE = 120  # characters
KEPT = 2048  # specs that have been read and stay at hand


class Store:
    """Runs in a database. Safe to use from many threads and processes; every method is one transaction.

    A run that trains according to the database reads as `interrupted` while no engine is up and nobody has written
    about it for STALE_SECONDS. This is worked out when it is read, never stored: the next engine goes on with the run.
    probes: questions about runs, and their answers. groups: runs that belong together.
    remarks: what their owners write beside runs. datasets: whose each imported or drawn dataset is.
    """

    def __init__(self, url: str) -> None:
        """url: `sqlite:///path` or `postgresql+psycopg://...`. Nothing is opened yet."""
        self.url = url
        self._database = tables.connect(url)
        self._writer = self._database.execution_options(writes=True)
        self._driver: Any = self._database.dialect.loaded_dbapi
        self.probes = Probes(self._reading, self._writing, self._any)
        self.groups = Groups(self._reading, self._writing)
        self.remarks = Remarks(self._reading, self._writing)
        self.datasets = Datasets(self._reading, self._writing)

    def create(self) -> None:
        """Makes the tables where they are missing. Raises AeError for a database of another version."""
        with self._writing() as db:
            if db.dialect.name == "postgresql":  # two processes that create at once wait for each other here
                db.execute(sa.text("SELECT pg_advisory_xact_lock(7042310)"))
            tables.TABLES.create_all(db)
            version = db.execute(sa.select(tables.schema.c.version)).scalar()
            if version is None:
                db.execute(tables.schema.insert().values(version=tables.VERSION))
                db.execute(engine.insert().values(id=1, state="down", holder="", heartbeat=0.0, facts="{}"))
            elif version != tables.VERSION:
                raise AeError(
                    f"The run store has version {version}, this program expects version {tables.VERSION}. "
                    "Point LATENT_LAB_HOME at another folder, or use the program that made it."
                )

    def close(self) -> None:
        """Lets go of every connection."""
        self._database.dispose()

    # ------------------------------------------------------------------------------------------ what people do

    def add_run(
        self,
        spec: RunSpec,
        owner: str,
        *,
        title: str = "",
        kind: str = "live",
        paused: bool = False,
        parent: str | None = None,
        parent_checkpoint: int | None = None,
        limits: Limits | None = None,
    ) -> str:
        """A new run that waits for the engine; its id cannot be guessed.

        paused: it shows its first picture at step 0 and waits. parent_checkpoint: the step of the parent's checkpoint
        that it begins with. Raises LimitError if it would exceed `limits`, UnknownRun without that checkpoint.
        """
        with self._writing() as db:
            run = self._insert(db, spec, owner, limits, title=_title(title), kind=kind, parent=parent, hold=paused)
            if parent_checkpoint is not None:
                found = db.execute(
                    sa.select(checkpoints).where(checkpoints.c.run == parent, checkpoints.c.step == parent_checkpoint)
                ).first()
                if found is None:
                    raise UnknownRun(f"Run {parent} has no checkpoint at step {parent_checkpoint}.")
                db.execute(checkpoints.insert().values(**(dict(found._mapping) | {"run": run, "seq": 0})))
        return run

    def add_members(
        self,
        group: str,
        cells: Sequence[tuple[RunSpec, Mapping[str, Any]]],
        owner: str,
        *,
        kind: str,
        limits: Limits | None = None,
    ) -> list[str]:
        """A new run of the group for each (spec, its place in the group), all or none: their ids.

        Raises UnknownGroup, and LimitError if they would exceed `limits`.
        """

        def insert(db: sa.Connection, spec: RunSpec) -> str:
            return self._insert(db, spec, owner, limits, title="", kind=kind, parent=None, hold=False)

        return self.groups.join(group, insert, cells)

    def adopt(self, run: str, spec: RunSpec, owner: str, kind: str, news: Sequence[Publication]) -> None:
        """Takes in a run that was trained elsewhere, under the id it has; its news are of attempt 1, the last ends it.

        It stays parked until then, so no worker takes it up. What an adoption that was cut short left is replaced.
        """
        with self._writing() as db:
            db.execute(runs.delete().where(runs.c.id == run))
            db.execute(
                runs.insert().values(
                    id=run,
                    owner=owner,
                    title="",
                    kind=kind,
                    spec=spec.model_dump_json(),
                    status="paused",
                    parked=True,
                    attempt=1,
                    learning_rate=spec.optimizer.learning_rate,
                    created=time.time(),
                )
            )
        for part in news:
            self.publish(part)

    def run(self, run: str) -> Run:
        """Raises UnknownRun."""
        with self._reading() as db:
            row = db.execute(_read_now(_RUNS.where(runs.c.id == run))).first()
        if row is None:
            raise unknown(run)
        return _to_run(row)

    def runs_of(self, owner: str, limit: int = 200, kinds: Sequence[str] = ("live",)) -> list[Run]:
        """A browser's runs of these kinds, newest first."""
        mine = _RUNS.where(runs.c.owner == owner, runs.c.kind.in_(kinds))
        query = mine.order_by(runs.c.created.desc(), runs.c.id).limit(limit)
        with self._reading() as db:
            return [_to_run(row) for row in db.execute(_read_now(query))]

    def runs_called(self, ids: Sequence[str]) -> list[Run]:
        """These runs in this order; unknown ones are left out. One query."""
        query = _RUNS.where(runs.c.id.in_(ids))
        with self._reading() as db:
            found = {row.id: _to_run(row) for row in db.execute(_read_now(query))}
        return [found[run] for run in dict.fromkeys(ids) if run in found]

    def runs_in(self, group: str) -> list[tuple[Member, Run]]:
        """The runs of a group with their places, in the order in which they joined."""
        places = {member.run: member for member in self.groups.members(group)}
        query = _RUNS.where(runs.c.id.in_(sa.select(members.c.run).where(members.c.group == group)))
        with self._reading() as db:
            found = [_to_run(row) for row in db.execute(_read_now(query))]
        return sorted(((places[run.id], run) for run in found if run.id in places), key=lambda pair: pair[0].number)

    def rename(self, run: str, owner: str, title: str) -> None:
        """Raises UnknownRun, NotYours, and SpecError for a title that is too long."""
        with self._writing() as db:
            require_own(db, run, owner)
            db.execute(runs.update().where(runs.c.id == run).values(title=_title(title)))

    def delete(self, run: str, owner: str) -> None:
        """The run and all that belongs to it. A worker that still trains it is fenced at its next write."""
        with self._writing() as db:
            require_own(db, run, owner)
            db.execute(runs.delete().where(runs.c.id == run))

    def command(self, run: str, verb: str, argument: float | None = None, *, limits: Limits | None = None) -> int:
        """Writes down a command and returns its id. A run that no worker holds is queued again, to carry it out.

        Raises UnknownRun; CommandRefused if the run is over (one that did not finish can still be resumed); LimitError
        if resuming it would exceed `limits`.
        """
        with self._writing() as db:
            row = db.execute(sa.select(runs).where(runs.c.id == run).with_for_update()).first()
            if row is None:
                raise unknown(run)
            if row.status == "finished" or (row.status in OVER and verb != "resume"):
                raise CommandRefused(f"{verb} means nothing here: this run is {row.status}. Start a new one.")
            if limits and verb == "resume" and row.status not in ACTIVE:
                admit(db, row.owner, limits, row.parameters)
            if row.parked or row.status in OVER:
                db.execute(
                    runs.update()
                    .where(runs.c.id == run)
                    .values(status="queued", hold=True, parked=False, generation=row.generation + 1, finished=None)
                )
            made = commands.insert().values(run=run, verb=verb, argument=argument, created=time.time())
            return int(db.execute(made.returning(commands.c.id)).scalar_one())

    def touch_client(self, client: str) -> None:
        """Notes that this browser was here."""
        now = time.time()
        with self._writing() as db:
            if not db.execute(clients.update().where(clients.c.id == client).values(seen=now)).rowcount:
                db.execute(clients.insert().values(id=client, created=now, seen=now))

    # -------------------------------------------------------------------------------------- what viewers read

    def heads(self, ids: Iterable[str]) -> dict[str, Head]:
        """Where these runs stand; unknown ones are left out. One query."""
        with self._reading() as db:
            rows = db.execute(_HEADS, {"ids": list(ids), "stale": time.time() - STALE_SECONDS})
            return {row.id: Head(**{name: getattr(row, name) for name in _HEAD}) for row in rows}

    def events_after(self, run: str, seq: int, limit: int = 5000) -> list[tuple[int, dict[str, Any]]]:
        """Events with a higher number than `seq`, in order, each with its number."""
        with self._reading() as db:
            rows = db.execute(_EVENTS, {"run": run, "seq": seq, "limit": limit})
            return [(row.seq, json.loads(row.body)) for row in rows]

    def rates_set(self, run: str) -> list[tuple[int, float]]:
        """Step and learning rate of each change by hand, in order."""
        query = sa.select(events.c.step, events.c.body).where(events.c.run == run, events.c.kind == "learning_rate_set")
        with self._reading() as db:
            rows = db.execute(query.order_by(events.c.seq))
            return [(row.step, float(json.loads(row.body)["learning_rate"])) for row in rows]

    def snapshot_after(self, run: str, serial: int) -> tuple[int, bytes] | None:
        """The newest snapshot and its serial, if it is newer than `serial`."""
        with self._reading() as db:
            row = db.execute(_SNAPSHOT, {"run": run, "serial": serial}).first()
        return (row.serial, bytes(row.frame)) if row else None

    def snapshots(self, run: str) -> list[tuple[int, int]]:
        """Serial and step of each snapshot that is kept."""
        query = sa.select(snapshots.c.serial, snapshots.c.step).where(snapshots.c.run == run)
        with self._reading() as db:
            return [(row.serial, row.step) for row in db.execute(query.order_by(snapshots.c.serial))]

    def snapshot(self, run: str, serial: int) -> bytes:
        """Raises UnknownRun if this snapshot is not kept."""
        query = sa.select(snapshots.c.frame).where(snapshots.c.run == run, snapshots.c.serial == serial)
        frame = self._scalar(query)
        if frame is None:
            raise UnknownRun(f"Run {run[:40]} keeps no snapshot {serial}. Ask for the list of those it keeps.")
        return bytes(frame)

    def introduction(self, run: str) -> bytes | None:
        """What never changes in the run's pictures, as a frame; None until a worker has begun."""
        frame = self._scalar(sa.select(introductions.c.frame).where(introductions.c.run == run))
        return None if frame is None else bytes(frame)

    def checkpoint(self, run: str) -> bytes | None:
        """The newest checkpoint."""
        query = sa.select(checkpoints.c.blob).where(checkpoints.c.run == run).order_by(checkpoints.c.step.desc())
        blob = self._scalar(query.limit(1))
        return None if blob is None else bytes(blob)

    def checkpoint_steps(self, run: str) -> list[int]:
        """The steps at which a checkpoint is kept."""
        query = sa.select(checkpoints.c.step).where(checkpoints.c.run == run).order_by(checkpoints.c.step)
        with self._reading() as db:
            return list(db.execute(query).scalars())

    def engine_state(self) -> EngineState:
        """Whether there is an engine that takes runs, and how fast it is."""
        with self._reading() as db:
            row = db.execute(sa.select(engine)).one()
        fresh = row.heartbeat > time.time() - STALE_SECONDS
        return {
            "state": row.state if fresh else "down",
            "heartbeat": row.heartbeat,
            "facts": json.loads(row.facts),
        }

    # ----------------------------------------------------------------------------------------- what workers do

    def begin_attempt(self, run: str, generation: int, worker: str = "") -> Attempt | None:
        """Takes the run over: fences every earlier attempt and takes back all that came after the last checkpoint.

        The run's status stays until the attempt's first publication, which has something to show for it.
        None if there is nothing to do: the run is gone, over or parked, or this submission is outdated.
        """
        now = time.time()
        with self._writing() as db:
            row = db.execute(sa.select(runs).where(runs.c.id == run).with_for_update()).first()
            if row is None or row.generation != generation or row.parked or row.status not in (*ACTIVE, "paused"):
                return None
            saved = db.execute(
                sa.select(checkpoints).where(checkpoints.c.run == run).order_by(checkpoints.c.step.desc()).limit(1)
            ).first()
            seq, step = (saved.seq, saved.step) if saved else (0, 0)
            pending = [_to_command(found) for found in db.execute(_PENDING.where(commands.c.run == run))]
            db.execute(events.delete().where(events.c.run == run, events.c.seq > seq))
            for kept in (snapshots, milestones):
                db.execute(kept.delete().where(kept.c.run == run, kept.c.step > (step if saved else -1)))
            db.execute(
                runs.update()
                .where(runs.c.id == run)
                .values(
                    attempt=row.attempt + 1,
                    worker=worker,
                    seq=seq,
                    step=step,
                    epoch=saved.epoch if saved else 0.0,
                    seconds=saved.seconds if saved else 0.0,
                    error="",
                    metrics="{}",
                    started=row.started or now,
                    heartbeat=now,
                )
            )
        return Attempt(
            run=run,
            number=row.attempt + 1,
            owner=row.owner,
            kind=row.kind,
            spec=read(row.spec),
            hold=row.hold or row.status == "paused",
            lost=row.status != "queued",
            checkpoint=bytes(saved.blob) if saved else None,
            commands=pending,
        )

    def publish(self, news: Publication) -> None:
        """Writes news of a run. Raises Fenced, having written nothing, if another attempt has taken it over."""
        now = time.time()
        over = news.status in OVER
        values = {
            "run_id": news.run,
            "fence": news.attempt,
            "events": len(news.events),
            "pictures": int(news.snapshot is not None),
            "up": int(news.generation_up),
            "status": news.status,
            "step": news.step,
            "epoch": news.epoch,
            "seconds": news.seconds,
            "goal": news.goal,
            "learning_rate": news.learning_rate,
            "error": news.error,
            "metrics": json.dumps(dict(news.metrics)),
            "heartbeat": now,
            "finished": now if over else None,
        }
        with self._writing() as db:
            row = db.execute(_ADVANCE, values).first()
            if row is None:
                raise Fenced(f"Attempt {news.attempt} at run {news.run} is over; another one has taken it up.")
            if news.events:
                first = row.seq - len(news.events) + 1
                db.execute(
                    _ADD_EVENT,
                    [
                        {
                            "run": news.run,
                            "seq": seq,
                            "step": event["step"],
                            "kind": event["kind"],
                            "body": json.dumps(event, separators=(",", ":")),
                        }
                        for seq, event in enumerate(news.events, first)
                    ],
                )
            if news.introduction is not None:
                db.execute(introductions.delete().where(introductions.c.run == news.run))
                db.execute(introductions.insert(), {"run": news.run, "frame": news.introduction})
            keep_snapshot(db, news, row.serial, over=over)
            if news.milestone is not None:
                keep_milestone(db, news)
            if news.checkpoint is not None:
                keep_checkpoint(db, news)
            if over:
                db.execute(commands.update().where(commands.c.run == news.run, _OPEN).values(done=now))
            elif news.done:
                db.execute(commands.update().where(commands.c.id.in_(news.done)).values(done=now))

    def park(self, run: str, attempt: int) -> bool:
        """Lets a paused run go without a worker; False if there are commands for it, or a newer attempt."""
        waiting = sa.exists().where(commands.c.run == run, _OPEN)
        with self._writing() as db:
            # the row is locked first, so that a command is either seen here or finds the run parked
            db.execute(sa.select(runs.c.id).where(runs.c.id == run).with_for_update())
            parked = runs.update().where(runs.c.id == run, runs.c.attempt == attempt, ~waiting)
            return bool(db.execute(parked.values(parked=True)).rowcount)

    def pending_commands(self) -> list[Command]:
        """Commands of all runs that are not carried out yet, oldest first. Cheap while there are none."""
        if not self._any("SELECT 1 FROM commands WHERE done IS NULL LIMIT 1"):
            return []
        with self._reading() as db:
            return [_to_command(row) for row in db.execute(_PENDING)]

    def note_facts(self, facts: Mapping[str, float]) -> None:
        """How fast a worker of this engine is."""
        with self._writing() as db:
            db.execute(engine.update().values(facts=json.dumps(dict(facts))))

    # ------------------------------------------------------------------------------------------ what hosts do

    def beat(self, state: str, holder: str) -> bool:
        """The engine's sign of life. False, and nothing is written, while another holder's heart still beats."""
        mine = sa.or_(
            engine.c.holder == holder, engine.c.state == "down", engine.c.heartbeat < time.time() - STALE_SECONDS
        )
        with self._writing() as db:
            update = engine.update().where(mine).values(state=state, holder=holder, heartbeat=time.time())
            return bool(db.execute(update).rowcount)

    def queued(self) -> list[tuple[str, int]]:
        """Runs that wait for a worker, oldest first, each with its generation. Cheap while there are none."""
        if not self._any("SELECT 1 FROM runs WHERE status = 'queued' LIMIT 1"):
            return []
        with self._reading() as db:
            return [(row.id, row.generation) for row in db.execute(_QUEUED)]

    def held(self, silent: float = 0.0) -> list[tuple[str, int]]:
        """Runs that a worker has, or had when it was lost, and their generation.

        silent: only those that nobody has written about for so many seconds.
        """
        query = sa.select(runs.c.id, runs.c.generation).where(
            sa.or_(runs.c.status == "running", sa.and_(runs.c.status == "paused", ~runs.c.parked)),
            runs.c.heartbeat <= time.time() - silent,
        )
        with self._reading() as db:
            return [(row.id, row.generation) for row in db.execute(query.order_by(runs.c.created))]

    def training_on(self) -> list[tuple[str, str, float]]:
        """Each training run with its worker and the seconds since it was taken up or moved there, oldest first."""
        query = sa.select(runs.c.id, runs.c.worker, runs.c.seconds).where(runs.c.status == "running")
        with self._reading() as db:
            return [(row.id, row.worker, row.seconds) for row in db.execute(query.order_by(runs.c.created))]

    def fail(self, run: str, generation: int, reason: str) -> None:
        """Marks a run that the engine gave up as failed, unless it was submitted again meanwhile."""
        with self._writing() as db:
            db.execute(
                runs.update()
                .where(runs.c.id == run, runs.c.generation == generation, runs.c.status.in_((*ACTIVE, "paused")))
                .values(status="failed", error=reason, attempt=runs.c.attempt + 1, finished=time.time())
            )

    def tidy(self) -> None:
        """Gives room that deleted runs took back to the disk, and forgets commands that are carried out."""
        with self._writing() as db:
            db.execute(commands.delete().where(commands.c.done < time.time() - 3600))
        if self._database.dialect.name == "sqlite":
            raw = self._database.raw_connection()
            try:
                raw.cursor().execute("PRAGMA incremental_vacuum").fetchall()
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                raw.close()

    # ------------------------------------------------------------------------------------------------- inside

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._writer.begin() as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._database.connect() as db:
            yield db

    def _any(self, query: str) -> bool:
        """Whether the query finds a row, asked straight of the driver: for questions asked many times a second.

        SQLAlchemy's own work around such a question takes nine times as long as the question, and in a worker it holds
        Python's lock, which the training wants.
        """
        raw = self._database.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(query)
            return cursor.fetchone() is not None
        except self._driver.OperationalError as error:
            raise OperationalError(query, None, error) from error
        finally:
            raw.close()

    def _scalar(self, query: sa.Select[Any]) -> Any:
        with self._reading() as db:
            return db.execute(query).scalar()

    def _insert(
        self, db: sa.Connection, spec: RunSpec, owner: str, limits: Limits | None, *, hold: bool, **facts: str | None
    ) -> str:
        """A new run's row, and its id. facts: title, kind and parent. Raises LimitError."""
        run, parameters = secrets.token_urlsafe(12), parameter_count(spec)
        if limits:
            admit(db, owner, limits, parameters, more=1)
        if isinstance(spec.data, Own):
            note_use(db, spec.data.digest)
        db.execute(
            runs.insert().values(
                id=run,
                owner=owner,
                spec=spec.model_dump_json(),
                parameters=parameters,
                status="queued",
                hold=hold,
                learning_rate=spec.optimizer.learning_rate,
                created=time.time(),
                **facts,
            )
        )
        return run


# --------------------------------------------------------------------------------------- statements and rows

_HEAD = tuple(Head.__dataclass_fields__)
_UP = sa.select(sa.literal(1)).where(engine.c.state == "ready", engine.c.heartbeat > sa.bindparam("stale")).exists()
_STATUS = sa.case(
    (sa.and_(runs.c.status == "running", runs.c.heartbeat <= sa.bindparam("stale"), ~_UP), "interrupted"),
    else_=runs.c.status,
).label("status")
_HEADS = sa.select(runs.c.id, *(_STATUS if name == "status" else runs.c[name] for name in _HEAD)).where(
    runs.c.id.in_(sa.bindparam("ids", expanding=True))
)
_EVENTS = (
    sa.select(events.c.seq, events.c.body)
    .where(events.c.run == sa.bindparam("run"), events.c.seq > sa.bindparam("seq"))
    .order_by(events.c.seq)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_SNAPSHOT = (
    sa.select(snapshots.c.serial, snapshots.c.frame)
    .where(snapshots.c.run == sa.bindparam("run"), snapshots.c.serial > sa.bindparam("serial"))
    .order_by(snapshots.c.serial.desc())
    .limit(1)
)
_OPEN = commands.c.done.is_(None)
_PENDING = (
    sa.select(commands.c.id, commands.c.run, commands.c.verb, commands.c.argument).where(_OPEN).order_by(commands.c.id)
)
_QUEUED = sa.select(runs.c.id, runs.c.generation).where(runs.c.status == "queued").order_by(runs.c.created)
_ADVANCE = (
    runs.update()
    .where(runs.c.id == sa.bindparam("run_id"), runs.c.attempt == sa.bindparam("fence"))
    .values(
        seq=runs.c.seq + sa.bindparam("events"),
        serial=runs.c.serial + sa.bindparam("pictures"),
        generation=runs.c.generation + sa.bindparam("up"),
        hold=False,
        **{
            name: sa.bindparam(name, type_=runs.c[name].type)
            for name in ("status", "step", "epoch", "seconds", "goal", "learning_rate", "error", "metrics")
        },
        heartbeat=sa.bindparam("heartbeat", type_=sa.Float),
        finished=sa.bindparam("finished", type_=sa.Float),
    )
    .returning(runs.c.seq, runs.c.serial)
)
_ADD_EVENT = events.insert()
_RUNS = sa.select(runs, _STATUS.label("now"))


def _read_now(query: sa.Select[Any]) -> sa.Select[Any]:
    """The query with the moment before which a heartbeat is stale filled in."""
    return query.params(stale=time.time() - STALE_SECONDS)


@lru_cache(KEPT)
def _kept(spec: str) -> RunSpec:
    """The spec of that text. It never changes, so all who ask get the same one, which is soon compared."""
    return read(spec)


def _to_run(row: Any) -> Run:
    values = dict(row._mapping)
    values |= {"status": row.now, "spec": _kept(row.spec), "metrics": json.loads(row.metrics)}
    return Run(**{name: values[name] for name in Run.__dataclass_fields__})


def _to_command(row: Any) -> Command:
    return Command(row.id, row.run, row.verb, row.argument)


def _title(title: str) -> str:
    if len(title) > TITLE:
        raise SpecError(f"A name has at most {TITLE} characters, got {len(title):,}. Shorten it.")
    return title
