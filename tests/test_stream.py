"""The hub: every viewer ends up with the whole truth, however slow it is and whatever happens to the run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_core import stream
from ae_core.errors import LimitError, UnknownRun
from ae_core.frames import decode
from ae_core.store import Head, Store
from ae_core.stream import Curves, Hub, Viewer, thinned
from tests.writer import Writer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(f"sqlite:///{tmp_path}/lab.db")
    made.create()
    return made


@pytest.fixture
async def hub(store: Store) -> AsyncIterator[Hub]:
    made = Hub(store, fast=0.005, idle=0.01)
    yield made
    await made.stop()


@pytest.fixture
def writer(store: Store) -> Writer:
    made = Writer(store)
    made.begin()
    return made


class Screen:
    """What a browser makes of frames, by the rules of the contract alone."""

    def __init__(self) -> None:
        self.header: dict = {}
        self.columns: dict[str, list[float]] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self.frames: list[bytes] = []

    def show(self, frame: bytes) -> None:
        header, arrays = decode(frame)
        self.frames.append(frame)
        kept = {} if header["full"] else {name: self.header[name] for name in ("marks", "meta") if name in self.header}
        self.header = kept | header
        if header["full"]:
            self.columns, self.arrays = {}, {}
        rows = len(self.columns.get("curve.step", []))
        start = min(rows, header["curve_from"])
        new = {name: arrays.pop(name).tolist() for name in list(arrays) if name.startswith("curve.")}
        for name in self.columns.keys() | new.keys():
            self.columns[name] = self.columns.get(name, [np.nan] * rows)[:start] + new.get(name, [])
        self.arrays |= arrays

    def equals(self, store: Store, run: str) -> bool:
        """Whether it shows all that the store holds."""
        head = store.heads([run])[run]
        events = store.events_after(run, 0)
        rows = [event for _seq, event in events if event["kind"] == "progress"]
        marks = [event["step"] for _seq, event in events if event["kind"] in stream.MARKS]
        losses = [event["train"]["loss"] for event in rows]
        losses = [np.nan if loss is None else loss for loss in losses]
        newest = store.snapshot_after(run, 0)
        return (
            (self.header["status"], self.header["seq"], self.header["step"]) == (head.status, head.seq, head.step)
            and self.columns.get("curve.step", []) == [event["step"] for event in rows]
            and np.array_equal(self.columns.get("curve.train.loss", []), np.array(losses, np.float32), equal_nan=True)
            and [mark["step"] for mark in self.header["marks"]] == marks
            and (newest is None or np.array_equal(self.arrays["latent"], decode(newest[1])[1]["latent"]))
        )


async def until(viewer: Viewer, screen: Screen, true: Callable[[], bool]) -> None:
    """Shows frames until it holds; a stream that never gets there fails."""
    async with asyncio.timeout(20):
        while not true():
            screen.show(await anext(viewer))


@asynccontextmanager
async def watching(hub: Hub, run: str) -> AsyncIterator[tuple[Viewer, Screen]]:
    """A viewer, and a screen that has shown its first frame."""
    async with hub.watch(run) as viewer:
        screen = Screen()
        screen.show(await anext(viewer))
        yield viewer, screen


async def test_the_first_frame_holds_everything(hub: Hub, store: Store, writer: Writer) -> None:
    """Who connects late gets introduction, all curves, marks and the newest picture in one frame."""
    writer.train(3, picture=True)
    writer.set_rate(0.5)
    async with watching(hub, writer.id) as (_viewer, screen):
        assert screen.header["full"]
        assert screen.header["meta"]["label_names"] == ["zero", "one"]
        assert screen.header["marks"] == [{"kind": "learning_rate_set", "step": 3, "epoch": 0.3, "value": 0.5}]
        assert screen.header["snapshot_step"] == 3
        assert screen.arrays["labels"].tolist() == [0, 1, -1, 0, 1]
        assert screen.equals(store, writer.id)


async def test_later_frames_hold_only_what_is_new(hub: Hub, store: Store, writer: Writer) -> None:
    """A delta carries the new rows and nothing that the viewer has."""
    writer.train(3, picture=True)
    async with watching(hub, writer.id) as (viewer, screen):
        writer.train(2)
        await until(viewer, screen, lambda: screen.equals(store, writer.id))
        header, arrays = decode(screen.frames[-1])

    assert not header["full"]
    assert header["curve_from"] == 3
    assert arrays["curve.step"].tolist() == [4, 5]
    assert not {"labels", "latent"} & arrays.keys()
    assert "marks" not in header


async def test_a_run_that_waits_is_shown_and_introduced_later(hub: Hub, store: Store) -> None:
    """A queued run has a frame too; when a worker begins, the viewer gets the full frame."""
    writer = Writer(store)
    async with watching(hub, writer.id) as (viewer, screen):
        assert screen.header["status"] == "queued"
        assert screen.header["meta"] is None
        writer.begin()
        await until(viewer, screen, lambda: bool(screen.header["meta"]))
        assert screen.header["full"]
        assert screen.equals(store, writer.id)


async def test_a_slow_viewer_skips_pictures_but_no_row(hub: Hub, store: Store, writer: Writer) -> None:
    """Thirty updates that a viewer had no time for come as one frame with every row and the last picture."""
    async with watching(hub, writer.id) as (slow, shown), watching(hub, writer.id) as (fast, screen):
        for _ in range(30):
            writer.train(2, picture=True)
            await until(fast, screen, lambda: screen.equals(store, writer.id))
        shown.show(await anext(slow))

        assert len(shown.frames) == 2
        assert len(screen.frames) > 20
        assert shown.equals(store, writer.id)


async def test_viewers_that_are_equally_far_share_the_bytes(hub: Hub, writer: Writer) -> None:
    """A frame is encoded once, however many watch: forty viewers hold one and the same object."""
    async with asyncio.timeout(20):
        rooms = [hub.watch(writer.id) for _ in range(40)]
        viewers = [await room.__aenter__() for room in rooms]
        first = [await anext(viewer) for viewer in viewers]
        writer.train(1, picture=True)
        second = [await anext(viewer) for viewer in viewers]
        for room in rooms:
            await room.__aexit__(None, None, None)

    assert len({id(frame) for frame in first}) == 1
    assert len({id(frame) for frame in second}) == 1
    assert hub.viewers == 0


async def test_a_replay_after_a_crash_replaces_the_rows(hub: Hub, store: Store, writer: Writer) -> None:
    """Rows after the last checkpoint are taken back and come again, for fast and slow viewers alike."""
    writer.train(5)
    writer.save()
    writer.train(4, picture=True)
    async with watching(hub, writer.id) as (slow, shown), watching(hub, writer.id) as (fast, screen):
        writer.crash()
        await until(fast, screen, lambda: screen.equals(store, writer.id))
        assert screen.columns["curve.step"] == [1, 2, 3, 4, 5]
        writer.train(2)
        await until(fast, screen, lambda: screen.equals(store, writer.id))
        shown.show(await anext(slow))

        assert decode(shown.frames[-1])[0]["curve_from"] == 5
        assert shown.equals(store, writer.id)


async def test_numbers_that_are_none_become_gaps(hub: Hub, store: Store, writer: Writer) -> None:
    """A diverged run shows NaN in its curves, null in its header, and the reason as a sentence."""
    writer.train(1, measured=False)
    async with watching(hub, writer.id) as (viewer, screen):
        assert np.isnan(screen.columns.get("curve.val.loss", [np.nan])).all()
        writer.diverge()
        await until(viewer, screen, lambda: screen.header["status"] == "diverged")

        assert screen.header["terms"]["train"]["loss"] is None
        assert screen.header["error"] == screen.header["note"] == "The loss grew without bound."
        assert [mark["kind"] for mark in screen.header["marks"]] == ["diverged"]
        assert screen.equals(store, writer.id)


async def test_the_last_frame_is_not_the_end(hub: Hub, store: Store, writer: Writer) -> None:
    """A finished run says so once, its viewers stay, and they see it when it goes on."""
    writer.train(2)
    writer.save()
    async with watching(hub, writer.id) as (viewer, screen):
        writer.publish(status="stopped")
        await until(viewer, screen, lambda: screen.header["status"] == "stopped")
        store.command(writer.id, "resume")
        hub.nudge()
        await until(viewer, screen, lambda: screen.header["status"] == "queued")
        writer.crash()
        writer.train(1)
        await until(viewer, screen, lambda: screen.equals(store, writer.id))
        assert screen.columns["curve.step"] == [1, 2, 3]


async def test_a_deleted_run_says_goodbye(hub: Hub, store: Store, writer: Writer) -> None:
    """Its viewers end with a sentence, and the hub forgets it."""
    async with watching(hub, writer.id) as (viewer, _screen):
        store.delete(writer.id, "somebody-else-abcdef")
        async with asyncio.timeout(20):
            assert [frame async for frame in viewer] == []
        assert viewer.deleted
        assert "deleted" in viewer.farewell
    assert hub.viewers == 0


async def test_an_unknown_run_is_refused(hub: Hub) -> None:
    """Nobody can watch what is not there, and trying leaves nothing behind."""
    with pytest.raises(UnknownRun, match="There is no run"):
        async with hub.watch("nothing"):
            pass
    assert hub.viewers == 0


async def test_there_are_only_so_many_viewers(store: Store, writer: Writer) -> None:
    """The limit counts all runs together, and a viewer who leaves makes room."""
    hub = Hub(store, most_viewers=1)
    async with hub.watch(writer.id):
        with pytest.raises(LimitError, match="at most 1 viewers"):
            async with hub.watch(writer.id):
                pass
    async with hub.watch(writer.id):
        assert hub.viewers == 1
    await hub.stop()


async def test_a_stopped_hub_dismisses_its_viewers(store: Store, writer: Writer) -> None:
    """When the server goes down every viewer ends, with a reason that is not the run's."""
    hub = Hub(store)
    async with watching(hub, writer.id) as (viewer, _screen):
        await hub.stop()
        assert [frame async for frame in viewer] == []
        assert viewer.farewell
        assert not viewer.deleted


class Fragile(Store):
    """A store that cannot be read for a moment."""

    broken = threading.Event()

    def heads(self, ids: object) -> dict[str, Head]:
        if self.broken.is_set():
            self.broken.clear()
            raise OSError("the disk is away")
        return super().heads(ids)  # type: ignore[arg-type]


async def test_the_stream_survives_a_store_that_fails(store: Store, writer: Writer) -> None:
    """One failed look is written to the log, and the next one goes on."""
    fragile = Fragile(store.url)
    hub = Hub(fragile, fast=0.005)
    async with watching(hub, writer.id) as (viewer, screen):
        fragile.broken.set()
        while fragile.broken.is_set():
            await asyncio.sleep(0.001)
        writer.train(1)
        hub.nudge()
        await until(viewer, screen, lambda: screen.equals(store, writer.id))
    await hub.stop()


async def test_a_damaged_picture_does_not_stop_the_curves(hub: Hub, store: Store, writer: Writer) -> None:
    """A stored frame that cannot be read is left out."""
    async with watching(hub, writer.id) as (viewer, screen):
        writer.train(1)
        writer.publish(snapshot=b"no frame")
        writer.train(1)
        await until(viewer, screen, lambda: screen.header["step"] == 2)
        assert screen.columns["curve.step"] == [1, 2]


async def test_a_very_long_curve_is_thinned_once(
    hub: Hub, store: Store, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full frame holds at most MOST_ROWS rows; what comes later is whole, and a replay brings a new full frame."""
    monkeypatch.setattr(stream, "MOST_ROWS", 20)
    writer.train(100)
    writer.save()
    async with watching(hub, writer.id) as (viewer, screen):
        assert screen.columns["curve.step"][0] == 1
        assert screen.columns["curve.step"][-1] == 100
        assert len(screen.columns["curve.step"]) <= 20
        writer.train(3)
        await until(viewer, screen, lambda: screen.header["step"] == 103)
        assert screen.columns["curve.step"][-4:] == [100, 101, 102, 103]
        writer.crash()
        await until(viewer, screen, lambda: screen.header["step"] == 100)
        assert screen.header["full"]
        assert screen.columns["curve.step"][-1] == 100


def test_thinning_keeps_what_was_measured() -> None:
    """First and last row stay, and half of what is kept has a validation loss although few rows have one."""
    val = np.full(10_000, np.nan)
    val[::97] = 1.0
    kept = thinned({"curve.step": np.arange(10_000), "curve.val.loss": val}, 200)

    assert len(kept["curve.step"]) <= 200
    assert (kept["curve.step"][0], kept["curve.step"][-1]) == (0, 9999)
    assert np.isfinite(kept["curve.val.loss"]).sum() >= 100


def test_a_term_that_comes_later_has_gaps_before() -> None:
    """Columns stay equally long when a term appears half-way, in one step or in two."""
    event = {"step": 1, "epoch": 0.1, "seconds": 0.1, "learning_rate": 1.0, "train": {"loss": 2.0}, "val": None}
    curves, later = Curves(), Curves()
    curves.append(event)
    later.append(event | {"step": 2, "train": {"loss": 1e300}, "val": {"kl": 3.0}})
    curves.extend(later)
    columns = curves.arrays()

    assert columns["curve.step"].tolist() == [1, 2]
    assert columns["curve.step"].dtype == np.int32
    assert np.array_equal(columns["curve.val.kl"], [np.nan, 3], equal_nan=True)
    assert np.array_equal(columns["curve.train.loss"], [2, np.nan], equal_nan=True)
    assert curves.same_as(later) == 0
    assert curves.arrays(2) == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("train"), st.integers(1, 5), st.booleans()),
        st.sampled_from([("save",), ("rate",), ("join",)]),
        st.sampled_from([("fast",), ("slow",)]),
        st.just(("crash",)),
    ),
    min_size=8,
    max_size=25,
)


@given(STEPS)
@settings(max_examples=30)
def test_whatever_happens_every_viewer_ends_with_the_truth(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple]
) -> None:
    """Training, saving, crashing and looking away in any order: who looks again sees what the store holds."""
    asyncio.run(_happen(tmp_path_factory.mktemp("store"), steps))


async def _happen(folder: Path, steps: list[tuple]) -> None:
    store = Store(f"sqlite:///{folder}/lab.db")
    store.create()
    writer, hub = Writer(store), Hub(store, fast=0.002)
    writer.begin()
    async with watching(hub, writer.id) as (slow, shown), watching(hub, writer.id) as (fast, screen):
        others: list[tuple[object, Viewer, Screen]] = []
        for name, *arguments in steps:
            match name:
                case "train":
                    writer.train(arguments[0], picture=arguments[1])
                case "save":
                    writer.save()
                case "crash":
                    writer.crash()
                case "rate":
                    writer.set_rate(0.5)
                case "fast":
                    await until(fast, screen, lambda: screen.equals(store, writer.id))
                case "slow":
                    await until(slow, shown, lambda: shown.equals(store, writer.id))
                case "join" if len(others) < 3:
                    room = hub.watch(writer.id)
                    others.append((room, await room.__aenter__(), Screen()))
        writer.train(1, picture=True)
        await until(fast, screen, lambda: screen.equals(store, writer.id))
        shown.show(await anext(slow)) if not shown.equals(store, writer.id) else None
        assert shown.equals(store, writer.id)
        for room, viewer, other in others:
            other.show(await anext(viewer))
            assert other.equals(store, writer.id)
            await room.__aexit__(None, None, None)  # type: ignore[attr-defined]
    await hub.stop()
    store.close()
