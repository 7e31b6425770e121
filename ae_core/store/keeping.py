"""What is kept of a run: so many snapshots, models to walk back to, and checkpoints. The rest goes, evenly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import sqlalchemy as sa

from ae_core.store.records import Publication
from ae_core.store.tables import checkpoints, events, milestones, runs, snapshots

SNAPSHOTS = 200  # kept of one run
MILESTONES = 100  # kept of one run
MILESTONE_BYTES = 32_000_000  # of one run, unless fewer than LEAST_MILESTONES would be left
LEAST_MILESTONES = 8
_BATCH = 8  # snapshots between two thinnings
_NEWEST = 20  # kept at full rate while the run is live
_LAST_WORDS = ("finished", "diverged")  # events that a run which goes on takes back
_ADD_SNAPSHOT = snapshots.insert()


def keep_snapshot(db: sa.Connection, news: Publication, serial: int, *, over: bool) -> None:
    """Stores the snapshot, if there is one, under that serial, and now and then thins those that are kept."""
    if news.snapshot is not None:
        picture = {"run": news.run, "serial": serial, "step": _state_step(news), "frame": news.snapshot}
        db.execute(_ADD_SNAPSHOT, picture)
    if over or (news.snapshot is not None and serial % _BATCH == 0):
        _thin(db, news.run, live=not over)


def _thin(db: sa.Connection, run: str, live: bool) -> None:
    """Leaves so few snapshots that SNAPSHOTS are not exceeded before the next thinning."""
    query = sa.select(snapshots.c.serial, snapshots.c.step).where(snapshots.c.run == run)
    kept = db.execute(query.order_by(snapshots.c.serial)).all()
    keep, newest = (SNAPSHOTS - _BATCH, _NEWEST) if live else (SNAPSHOTS, 1)
    away = [kept[at].serial for at in surplus([row.step for row in kept], keep, newest)]
    if away:
        db.execute(snapshots.delete().where(snapshots.c.run == run, snapshots.c.serial.in_(away)))


def keep_milestone(db: sa.Connection, news: Publication) -> None:
    """Keeps the model of this step, and lets go of as many as are too many, evenly over the run."""
    assert news.milestone is not None
    step, size = _state_step(news), len(news.milestone)
    db.execute(milestones.delete().where(milestones.c.run == news.run, milestones.c.step >= step))
    here = {"run": news.run, "step": step, "epoch": _state_epoch(news), "size": size, "blob": news.milestone}
    db.execute(milestones.insert(), here)
    kept = sa.select(milestones.c.step).where(milestones.c.run == news.run).order_by(milestones.c.step)
    steps = list(db.execute(kept).scalars())
    keep = min(MILESTONES, max(LEAST_MILESTONES, MILESTONE_BYTES // size))
    away = [steps[at] for at in surplus(steps, keep)]
    if away:
        db.execute(milestones.delete().where(milestones.c.run == news.run, milestones.c.step.in_(away)))


def _state_step(news: Publication) -> int:
    return news.step if news.state_step is None else news.state_step


def _state_epoch(news: Publication) -> float:
    """The epoch of the state's own step, which in a diverged run is an earlier one: all epochs have as many steps."""
    return news.epoch * _state_step(news) / news.step if news.step else news.epoch


def keep_checkpoint(db: sa.Connection, news: Publication) -> None:
    """Stores the checkpoint, and lets go of all but the first and the newest two.

    Its seq is that of the last event up to its step, without last words: a run that goes on from here takes back the
    rest. (The state kept of a diverged run is older than the run's last events.)
    """
    step = _state_step(news)
    earlier = sa.select(events.c.seq).where(
        events.c.run == news.run, events.c.step <= step, events.c.kind.not_in(_LAST_WORDS)
    )
    seq = db.execute(earlier.order_by(events.c.seq.desc()).limit(1)).scalar() or 0
    db.execute(checkpoints.delete().where(checkpoints.c.run == news.run, checkpoints.c.step >= step))
    db.execute(
        checkpoints.insert(),
        {
            "run": news.run,
            "step": step,
            "seq": seq,
            "epoch": _state_epoch(news),
            "seconds": news.seconds,
            "blob": news.checkpoint,
        },
    )
    db.execute(runs.update().where(runs.c.id == news.run).values(checkpointed_step=step))
    query = sa.select(checkpoints.c.step).where(checkpoints.c.run == news.run).order_by(checkpoints.c.step)
    between = list(db.execute(query).scalars())[1:-2]
    if between:
        db.execute(checkpoints.delete().where(checkpoints.c.run == news.run, checkpoints.c.step.in_(between)))


def surplus(steps: Sequence[int], keep: int, newest: int = 1) -> list[int]:
    """Positions in `steps` (rising) to let go, so that `keep` are left, evenly spaced in log(1 + step).

    The first and the `newest` last ones always stay. Again and again the one goes whose neighbours are closest to each
    other, so what stays after many small thinnings is close to what one large thinning would leave.
    """
    places = [math.log1p(step) for step in steps]
    left = list(range(len(steps)))
    while len(left) > max(keep, newest + 1, 2):
        inner = range(1, len(left) - max(newest, 1))
        closest = min(inner, key=lambda at: places[left[at + 1]] - places[left[at - 1]])
        del left[closest]
    return sorted(set(range(len(steps))) - set(left))
