"""The schema, the same on SQLite and PostgreSQL, and how each of them is opened."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Text

VERSION = 1
TABLES = sa.MetaData()


def _run() -> Column[str]:
    """The run that a row belongs to; the row goes when the run goes."""
    return Column("run", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


schema = sa.Table("schema", TABLES, Column("version", Integer, nullable=False))

clients = sa.Table(
    "clients",
    TABLES,
    Column("id", String(64), primary_key=True),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
)

# attempt: the fence, raised by every worker that takes the run over. generation: raised by every request to go on,
# so that one submission is never executed twice. hold: start, but wait for commands. parked: paused, no worker has it.
runs = sa.Table(
    "runs",
    TABLES,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("parent", String(32)),
    Column("spec", Text, nullable=False),
    Column("parameters", BigInteger, nullable=False, default=0),
    Column("status", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("generation", Integer, nullable=False, default=0),
    Column("hold", Boolean, nullable=False, default=False),
    Column("parked", Boolean, nullable=False, default=False),
    Column("worker", String(128), nullable=False, default=""),
    Column("seq", Integer, nullable=False, default=0),
    Column("serial", Integer, nullable=False, default=0),
    Column("step", Integer, nullable=False, default=0),
    Column("epoch", Float, nullable=False, default=0.0),
    Column("goal", Integer, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("learning_rate", Float, nullable=False),
    Column("checkpointed_step", Integer, nullable=False, default=0),
    Column("metrics", Text, nullable=False, default="{}"),
    Column("error", Text, nullable=False, default=""),
    Column("heartbeat", Float, nullable=False, default=0.0),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Index("runs_by_owner", "owner", "created"),
    Index("runs_by_status", "status", "created"),
)

events = sa.Table(
    "events",
    TABLES,
    _run(),
    _number("seq"),
    Column("step", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

introductions = sa.Table("introductions", TABLES, _run(), Column("frame", LargeBinary, nullable=False))

snapshots = sa.Table(
    "snapshots",
    TABLES,
    _run(),
    _number("serial"),
    Column("step", Integer, nullable=False),
    Column("frame", LargeBinary, nullable=False),
)

# seq: the run's last event at the moment that the checkpoint holds.
checkpoints = sa.Table(
    "checkpoints",
    TABLES,
    _run(),
    _number("step"),
    Column("seq", Integer, nullable=False),
    Column("epoch", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

# the model at some of the run's steps, so that one can walk back to them; size: of the blob, in bytes.
milestones = sa.Table(
    "milestones",
    TABLES,
    _run(),
    _number("step"),
    Column("epoch", Float, nullable=False),
    Column("size", Integer, nullable=False),
    Column("blob", LargeBinary, nullable=False),
)

# questions about a run, and their answers. tries: how many workers have taken it up. touched: last sign of life of the
# worker that has it, then last time that somebody wanted the answer.
probes = sa.Table(
    "probes",
    TABLES,
    Column("id", String(32), primary_key=True),
    Column("run", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("step", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("progress", Float, nullable=False, default=0.0),
    Column("error", Text, nullable=False, default=""),
    Column("size", Integer, nullable=False, default=0),
    Column("frame", LargeBinary),
    Column("touched", Float, nullable=False),
    Index("probes_by_run", "run"),
    Index(
        "probes_open",
        "id",
        sqlite_where=sa.text("status IN ('queued', 'working')"),
        postgresql_where=sa.text("status IN ('queued', 'working')"),
    ),
)

# runs that belong together. plan, place: JSON, whose meaning is up to the kind of the group.
groups = sa.Table(
    "groups",
    TABLES,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Float, nullable=False),
    Index("groups_by_owner", "owner", "created"),
)

members = sa.Table(
    "members",
    TABLES,
    Column("run", ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("group", ForeignKey("groups.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("place", Text, nullable=False),
    Index("members_by_group", "group", "number"),
)

# what the owner writes beside a run. tags: parted by commas.
remarks = sa.Table(
    "remarks",
    TABLES,
    _run(),
    Column("tags", Text, nullable=False),
    Column("note", Text, nullable=False),
)

# who keeps which dataset of the shelf. size: bytes there. used: when somebody last started a run on it.
datasets = sa.Table(
    "datasets",
    TABLES,
    Column("digest", String(32), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created", Float, nullable=False),
    Column("used", Float, nullable=False),
    Index("datasets_by_owner", "owner", "created"),
)

commands = sa.Table(
    "commands",
    TABLES,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run", ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("argument", Float),
    Column("created", Float, nullable=False),
    Column("done", Float),
    Index("commands_by_run", "run"),
    Index("commands_pending", "id", sqlite_where=sa.text("done IS NULL"), postgresql_where=sa.text("done IS NULL")),
)

engine = sa.Table(
    "engine",
    TABLES,
    _number("id"),
    Column("state", String(16), nullable=False),
    Column("holder", String(300), nullable=False),
    Column("heartbeat", Float, nullable=False),
    Column("facts", Text, nullable=False),
)


def connect(url: str) -> sa.Engine:
    """The database behind the URL. On SQLite: WAL, foreign keys, and writers that queue up from their first statement.

    A transaction of a connection with the execution option `writes` begins as BEGIN IMMEDIATE, so that it never has
    to turn from a reader into a writer half-way, which SQLite refuses at once instead of waiting.
    """
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=20, max_overflow=80, pool_pre_ping=True)
    database = sa.create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=20, max_overflow=200
    )

    @sa.event.listens_for(database, "connect")
    def _open(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            "busy_timeout=30000",
            "auto_vacuum=INCREMENTAL",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(database, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return database
