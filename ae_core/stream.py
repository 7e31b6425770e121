"""The hub: tails the runs that somebody watches, and hands each viewer binary frames of them.

One task reads the store for all watched runs together (`Store.heads`, one query a tick), then only what is new of the
runs that changed. What a run looks like now is kept once, in its `_Channel`; a viewer keeps only *how much of it has
been sent* (`Seen`). A viewer that is ready for more asks for the difference between the two. So nothing is queued, a
slow viewer skips pictures but never a row of a curve, and all viewers that are equally far share the same bytes.
"""

from __future__ import annotations

import asyncio
import logging
import math
from array import array
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ae_core import frames
from ae_core.errors import FrameError, LimitError, UnknownRun
from ae_core.settings import Limits
from ae_core.store import Head, Store

FAST = 0.03
"""Seconds between two looks at the store while a watched run may change."""
IDLE = 0.25
"""The same while every watched run has come to an end: they can still be resumed, deleted or renamed."""
MOST_ROWS = 20_000
"""Rows of a curve in a full frame; longer curves are thinned."""
MOST_MARKS = 200
PAGE = 5000
SETTLED = frozenset({"finished", "stopped", "failed", "diverged", "interrupted"})
MARKS = frozenset({"learning_rate_set", "recovered", "diverged"})

_log = logging.getLogger(__name__)


class Curves:
    """Progress events as columns that grow: one row an event, NaN where a term was not measured."""

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, array[Any]] = {"curve.step": array("i")}

    def append(self, event: Mapping[str, Any]) -> None:
        """One more row, from the JSON of a Progress event."""
        row = {f"curve.{name}": event[name] for name in ("step", "epoch", "seconds", "learning_rate")}
        for side in ("train", "val"):
            row |= {f"curve.{side}.{term}": value for term, value in (event[side] or {}).items()}
        for name in row.keys() - self._columns.keys():
            self._columns[name] = array("f", [math.nan]) * self.rows
        for name, column in self._columns.items():
            value = row.get(name)
            column.append(math.nan if value is None else value)
        self.rows += 1

    def extend(self, later: Curves) -> None:
        """All rows of another, behind these."""
        for name in later._columns.keys() - self._columns.keys():
            self._columns[name] = array("f", [math.nan]) * self.rows
        for name, column in self._columns.items():
            column.extend(later._columns[name] if name in later._columns else array("f", [math.nan]) * later.rows)
        self.rows += later.rows

    def arrays(self, start: int = 0) -> dict[str, np.ndarray]:
        """The rows from `start` on as new arrays by name: step i4, everything else f4, never infinite."""
        if start >= self.rows:
            return {}
        columns = {name: np.array(column[start:]) for name, column in self._columns.items()}
        for values in columns.values():
            if values.dtype.kind == "f":
                values[np.isinf(values)] = np.nan
        return columns

    def same_as(self, other: Curves) -> int:
        """How many rows, from the first on, are equal in both."""
        rows = min(self.rows, other.rows)
        for name in self._columns.keys() | other._columns.keys():
            mine, theirs = self._column(name, rows), other._column(name, rows)
            differ = np.flatnonzero((mine != theirs) & ~(np.isnan(mine) & np.isnan(theirs)))
            rows = min(rows, int(differ[0]) if differ.size else rows)
        return rows

    def _column(self, name: str, rows: int) -> np.ndarray:
        return np.array(self._columns[name][:rows]) if name in self._columns else np.full(rows, np.nan)


def thinned(columns: dict[str, np.ndarray], most: int) -> dict[str, np.ndarray]:
    """At most `most` rows: half of them evenly over all, half evenly over those with a validation loss."""
    rows = len(columns["curve.step"])
    if rows <= most:
        return columns
    measured = np.flatnonzero(~np.isnan(columns.get("curve.val.loss", np.full(rows, np.nan))))
    evenly = [
        wanted[np.linspace(0, len(wanted) - 1, min(most // 2, len(wanted))).astype(int)]
        for wanted in (np.arange(rows), measured)
        if len(wanted)
    ]
    keep = np.unique(np.concatenate(evenly))
    return {name: values[keep] for name, values in columns.items()}


@dataclass(frozen=True)
class Seen:
    """How much of its channel a viewer has been sent. Equal values may share a frame.

    introduced: the full frame. rows: of the curves. picture: number of the snapshot. marks: edition of the marks.
    thin: the curves of the full frame were thinned, so they cannot be cut at a row.
    """

    introduced: bool | None = None
    rows: int = 0
    picture: int = 0
    marks: int = 0
    thin: bool = False


@dataclass
class _News:
    """What one look at the store found in one run. `anew`: everything was read again, from the first event."""

    head: Head
    anew: bool
    seq: int
    serial: int
    curves: Curves = field(default_factory=Curves)
    marks: list[dict[str, Any]] = field(default_factory=list)
    note: str | None = None
    train: Mapping[str, float] | None = None
    val: Mapping[str, float] | None = None
    introduction: tuple[dict[str, Any], dict[str, np.ndarray]] | None = None
    snapshot: tuple[dict[str, Any], dict[str, np.ndarray]] | None = None


class _Channel:
    """One watched run as it is now, and who watches it. Lives in the event loop; only `read` is for other threads."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.viewers: set[Viewer] = set()
        self.head: Head | None = None
        self.loaded: asyncio.Future[None]
        self.version = 0
        self._curves = Curves()
        self._marks: list[dict[str, Any]] = []
        self._edition = 0
        self._note = ""
        self._terms: dict[str, Mapping[str, float] | None] = {"train": None, "val": None}
        self._seq = 0
        self._serial = 0
        self._picture = 0
        self._snapshot: dict[str, np.ndarray] = {}
        self._snapshot_step: int | None = None
        self._introduction: tuple[dict[str, Any], dict[str, np.ndarray]] | None = None
        self._encoded: dict[Seen, tuple[bytes, Seen]] = {}

    def read(self, store: Store, head: Head) -> _News:
        """What the store holds beyond what this channel knows. Changes nothing.

        A new attempt may have taken events back (the replay after a crash), so then all are read again.
        """
        anew = self.head is not None and head.attempt != self.head.attempt
        news = _News(head, anew, seq=0 if anew else self._seq, serial=self._serial)
        while head.seq > news.seq:
            page = store.events_after(self.run, news.seq, limit=PAGE)
            for seq, event in page:
                _fold(news, event)
                news.seq = seq
            if len(page) < PAGE:
                break
        if self._introduction is None and (introduction := store.introduction(self.run)):
            news.introduction = _decoded(introduction, self.run)
        if anew or head.serial > self._serial:
            newest = store.snapshot_after(self.run, 0 if anew else self._serial)
            news.serial = max(head.serial, newest[0] if newest else 0)
            news.snapshot = _decoded(newest[1], self.run) if newest else None
        return news

    def take(self, news: _News) -> None:
        """Become what was read, and wake the viewers."""
        if news.anew:
            keep = self._curves.same_as(news.curves)
            self._curves = news.curves
            self._terms = {"train": news.train, "val": news.val}
            self._note = news.note or ""
            for viewer in self.viewers:
                viewer.rewind(keep)
        else:
            self._curves.extend(news.curves)
            self._terms = {"train": news.train or self._terms["train"], "val": news.val or self._terms["val"]}
            self._note = self._note if news.note is None else news.note
        if news.anew or news.marks:
            self._marks = ([] if news.anew else self._marks) + news.marks
            self._marks = self._marks[-MOST_MARKS:]
            self._edition += 1
        if news.introduction is not None:
            self._introduction = news.introduction
        if news.snapshot is not None:
            about, self._snapshot = news.snapshot
            self._snapshot_step = about.get("step")
            self._picture += 1
        self._seq, self._serial, self.head = news.seq, news.serial, news.head
        self.version += 1
        self._encoded.clear()
        for viewer in self.viewers:
            viewer.wake()

    def frame(self, seen: Seen) -> tuple[bytes, Seen]:
        """The frame that brings a viewer from `seen` to now, encoded once for all viewers that are equally far."""
        if seen not in self._encoded:
            self._encoded[seen] = self._encode(seen)
        return self._encoded[seen]

    def _encode(self, seen: Seen) -> tuple[bytes, Seen]:
        head = self.head
        assert head is not None  # viewers wait for `loaded`
        introduced = self._introduction is not None
        full = seen.introduced != introduced
        if full:
            seen = Seen(thin=self._curves.rows > MOST_ROWS)
        arrays: dict[str, np.ndarray] = {}
        header: dict[str, Any] = {
            "run": self.run,
            "seq": self._seq,
            "step": head.step,
            "epoch": head.epoch,
            "status": head.status,
            "seconds": head.seconds,
            "goal": head.goal,
            "full": full,
            "learning_rate": head.learning_rate,
            "terms": self._terms,
            "note": self._note,
            "error": head.error,
            "curve_from": seen.rows,
            "snapshot_step": self._snapshot_step,
        }
        if full:
            meta, fixed = self._introduction or (None, {})
            header["meta"] = meta
            arrays |= fixed
        if full or seen.marks != self._edition:
            header["marks"] = self._marks
        columns = self._curves.arrays(seen.rows)
        arrays |= thinned(columns, MOST_ROWS) if full and columns else columns
        if seen.picture != self._picture:
            arrays |= self._snapshot
        now = Seen(introduced, self._curves.rows, self._picture, self._edition, seen.thin)
        return frames.encode(_finite(header), arrays), now


class Viewer:
    """One pair of eyes on a run: iterate over it for frames. It ends when there will be no more.

    farewell: then the reason, as a sentence. deleted: the reason is that the run is no more.
    """

    def __init__(self, channel: _Channel) -> None:
        self.farewell = ""
        self.deleted = False
        self._channel = channel
        self._seen = Seen()
        self._version = 0
        self._awake = asyncio.Event()

    def __aiter__(self) -> Viewer:
        return self

    async def __anext__(self) -> bytes:
        """The difference between what this viewer has been sent and now, as soon as there is one."""
        while not self.farewell and self._version == self._channel.version:
            self._awake.clear()
            await self._awake.wait()
        if self.farewell:
            raise StopAsyncIteration
        self._version = self._channel.version
        frame, self._seen = self._channel.frame(self._seen)
        return frame

    def wake(self) -> None:
        self._awake.set()

    def rewind(self, rows: int) -> None:
        """The channel's curves have changed from this row on."""
        if rows < self._seen.rows:
            self._seen = Seen() if self._seen.thin else replace(self._seen, rows=rows)

    def dismiss(self, farewell: str, *, deleted: bool = False) -> None:
        """No more frames, for this reason."""
        self.farewell, self.deleted = farewell, deleted
        self.wake()


class Hub:
    """All channels and the task that keeps them up to date. Costs nothing while nobody watches."""

    def __init__(
        self, store: Store, *, most_viewers: int = Limits.viewers, fast: float = FAST, idle: float = IDLE
    ) -> None:
        self._store = store
        self._most = most_viewers
        self._fast, self._idle = fast, idle
        self._channels: dict[str, _Channel] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._tail: asyncio.Task[None] | None = None
        self._nudged: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def viewers(self) -> int:
        """How many watch now."""
        return sum(len(channel.viewers) for channel in self._channels.values())

    @asynccontextmanager
    async def watch(self, run: str) -> AsyncIterator[Viewer]:
        """A viewer of this run; its first frame is a full one.

        Raises UnknownRun, and LimitError when this server has as many viewers as it allows.
        """
        if self.viewers >= self._most:
            raise LimitError(
                f"This server shows runs to at most {self._most} viewers at once. Close another tab and try again."
            )
        channel = self._channels.get(run)
        if channel is None:
            channel = self._channels[run] = _Channel(run)
            channel.loaded = asyncio.ensure_future(self._load(channel))
            channel.loaded.add_done_callback(lambda done: done.cancelled() or done.exception())
        viewer = Viewer(channel)
        channel.viewers.add(viewer)
        try:
            await asyncio.shield(channel.loaded)
            self._keep_tailing()
            yield viewer
        finally:
            channel.viewers.discard(viewer)
            if not channel.viewers and self._channels.get(run) is channel:
                del self._channels[run]

    def nudge(self) -> None:
        """Look at the store now, from any thread: something was just commanded."""
        if self._loop is not None and self._nudged is not None:
            with suppress(RuntimeError):  # the loop is closed, so nobody watches
                self._loop.call_soon_threadsafe(self._nudged.set)

    async def stop(self) -> None:
        """Dismiss every viewer and end the task."""
        for channel in list(self._channels.values()):
            self._dismiss(channel, "The server is going down.")
        if self._tail is not None:
            self._tail.cancel()
            with suppress(asyncio.CancelledError):
                await self._tail
        self._thread.shutdown(wait=True)

    async def _load(self, channel: _Channel) -> None:
        news = (await self._in_thread(_look, self._store, [channel])).get(channel.run)
        if news is None:
            raise UnknownRun(f"There is no run {channel.run[:40]}. It may have been deleted.")
        channel.take(news)

    def _keep_tailing(self) -> None:
        if self._tail is None or self._tail.done():
            self._loop, self._nudged = asyncio.get_running_loop(), asyncio.Event()
            self._tail = self._loop.create_task(self._follow(self._nudged), name="hub")

    async def _follow(self, nudged: asyncio.Event) -> None:
        while self._channels:
            nudged.clear()
            try:
                pause = await self._tick()
            except Exception:  # a busy or absent store must not end the stream: it is asked again
                _log.exception("The live stream could not read the store; trying again.")
                pause = 1.0
            with suppress(TimeoutError):
                await asyncio.wait_for(nudged.wait(), pause)

    async def _tick(self) -> float:
        """One look at the store for all channels. Returns how long to wait before the next."""
        channels = [channel for channel in self._channels.values() if channel.head is not None]
        found = await self._in_thread(_look, self._store, channels)
        for channel in channels:
            if channel.run not in found:
                self._dismiss(channel, "This run was deleted.", deleted=True)
            elif news := found[channel.run]:
                channel.take(news)
        busy = any(channel.head is None or channel.head.status not in SETTLED for channel in channels)
        return self._fast if busy else self._idle

    def _dismiss(self, channel: _Channel, farewell: str, *, deleted: bool = False) -> None:
        self._channels.pop(channel.run, None)
        for viewer in channel.viewers:
            viewer.dismiss(farewell, deleted=deleted)

    async def _in_thread(self, call: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)


def _look(store: Store, channels: Iterable[_Channel]) -> dict[str, _News | None]:
    """What is new in each of the runs that still exist; None where nothing is."""
    known = {channel.run: channel for channel in channels}
    found: dict[str, _News | None] = {}
    for run, head in store.heads(list(known)).items():
        channel = known[run]
        found[run] = None if head == channel.head else channel.read(store, head)
    return found


def _decoded(frame: bytes, run: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """A stored frame; None for a damaged one, so that the curves still move."""
    try:
        return frames.decode(frame)
    except FrameError:
        _log.exception("A stored picture of run %s cannot be read.", run)
        return None


def _fold(news: _News, event: Mapping[str, Any]) -> None:
    """Add one event's JSON to the news."""
    kind = event["kind"]
    if kind == "progress":
        news.curves.append(event)
        news.train = event["train"]
        news.val = event["val"] or news.val
    if kind in MARKS:
        mark = {name: event[name] for name in ("kind", "step", "epoch")}
        news.marks.append(mark | ({"value": event["learning_rate"]} if "learning_rate" in event else {}))
        news.note = event.get("reason", news.note)


def _finite(value: Any) -> Any:
    """JSON without the numbers that JSON does not know."""
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
