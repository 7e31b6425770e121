"""NumPy files: the drawn items are the right ones, whatever the order of the bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ae_core.errors import ImportRefused
from ae_core.imports.plan import ArrayPlan
from tests.imports.files import Desk, csv, npy, npz


def test_a_table_and_its_labels_as_two_files(tmp_path: Path) -> None:
    """X.npy and y.npy that are chosen together belong together."""
    x = np.random.default_rng(0).standard_normal((60, 5))
    y = np.arange(60) % 3
    card, items = Desk(tmp_path).bring("X.npy", npy(x)).bring("y.npy", npy(y)).first_try()

    assert (card.form, card.shape, card.label_names) == ("table", (5,), ("0", "1", "2"))
    assert [column.kind for column in card.columns] == ["number"] * 5
    assert np.allclose(items.x, x, atol=1e-6)
    assert items.labels is not None
    assert np.array_equal(items.labels, y)


@pytest.mark.parametrize(
    "answers",
    [
        np.arange(40) % 4,
        (np.arange(40) % 4).astype(np.float32)[:, None],
        np.eye(4)[np.arange(40) % 4],
        np.array(["a", "b", "c", "d"] * 10),
        np.array([b"a", b"b", b"c", b"d"] * 10),
    ],
    ids=["whole", "fractions", "one of four", "words", "bytes"],
)
def test_labels_in_every_form(tmp_path: Path, answers: np.ndarray) -> None:
    """Numbers, words and rows with a single 1 are all classes."""
    content = npz(data=np.random.default_rng(0).random((40, 6)), labels=answers)
    card, items = Desk(tmp_path).bring("a.npz", content).first_try()

    assert len(card.label_names) == 4
    assert items.labels is not None
    assert np.array_equal(items.labels, np.arange(40) % 4)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "|u1", "?"])
def test_any_order_of_bytes(tmp_path: Path, order: str, dtype: str) -> None:
    """Row by row or column by column, big or little end first: the numbers are the same, and so are the drawn rows."""
    x = np.asarray(
        np.random.default_rng(0).integers(0, 2, (500, 7)) * (1 if dtype == "?" else 50), dtype=dtype, order=order
    )
    x[:, 0] = np.arange(500) % 100 if dtype != "?" else x[:, 0]
    desk = Desk(tmp_path).bring("a.npy", npy(x))
    plan = ArrayPlan(array="a", view="table", most=50)
    _, items = desk.make(plan)

    drawn = np.sort(np.random.default_rng(0).choice(500, 50, replace=False))
    assert np.array_equal(items.x, x[drawn].astype(np.float32))


def test_columns_that_lie_far_apart(tmp_path: Path) -> None:
    """Several dimensions, column by column, and a megabyte of each at a time."""
    x = np.asfortranarray(np.random.default_rng(0).integers(0, 99, (3_000, 40, 90)).astype(np.float64))
    _, items = Desk(tmp_path).bring("a.npy", npy(x)).make(ArrayPlan(array="a", view="series", most=30))

    drawn = np.sort(np.random.default_rng(0).choice(3_000, 30, replace=False))
    assert np.array_equal(items.x, x[drawn].astype(np.float32))


@pytest.mark.parametrize(
    "answers",
    [
        np.random.default_rng(0).random(60),
        np.arange(60),
        np.random.default_rng(0).random((60, 3)),
        np.eye(3)[np.arange(60) % 3] + np.eye(3)[0],
        np.array([f"{'a' * 90}{number % 3}" for number in range(60)]),
    ],
    ids=["measured", "one each", "shares", "several of three", "words that begin alike"],
)
def test_what_tells_no_classes_is_left_out(tmp_path: Path, answers: np.ndarray) -> None:
    """Targets of a regression are no labels: it is said, and the items are used without."""
    desk = Desk(tmp_path).bring("a.npz", npz(x=np.random.default_rng(0).random((60, 5)), y=answers))
    found = desk.understand()
    card, items = desk.make(found.plan)

    assert [(lost.why, lost.names) for lost in found.facts.dropped] == [("no_classes", ("y.npy",))]
    assert (items.labels, card.label_names) == (None, ())
    assert card.count == 60


def test_classes_are_told_over_many_blocks(tmp_path: Path) -> None:
    """Labels that are read some at a time are those of their items."""
    y = np.repeat(np.array([f"{'a' * 70}{number}" for number in range(9)]), 4_000)
    card, items = Desk(tmp_path).bring("a.npz", npz(x=np.arange(36_000.0)[:, None] * [1, 2], y=y)).first_try()

    assert len(card.label_names) == 9
    assert items.labels is not None
    assert np.array_equal(items.labels, items.x[:, 0] // 4_000)


def test_series_with_channels_first(tmp_path: Path) -> None:
    """(items, channels, steps) becomes (items, steps, channels) where one says so."""
    x = np.random.default_rng(0).random((30, 2, 20))
    desk = Desk(tmp_path).bring("a.npy", npy(x))
    assert desk.understand().plan.form == "array"
    card, items = desk.make(ArrayPlan(array="a", view="series", channels_first=True))

    assert (card.form, card.shape) == ("series", (20, 2))
    assert np.allclose(items.x, np.moveaxis(x, 1, -1))


def test_channels_are_recognised_where_they_come_first(tmp_path: Path) -> None:
    """Three channels of 200 steps are no series of three steps."""
    x = np.random.default_rng(0).random((60, 3, 200))
    card, items = Desk(tmp_path).bring("a.npy", npy(x)).first_try()

    assert (card.form, card.shape) == ("series", (200, 3))
    assert np.allclose(items.x, np.moveaxis(x, 1, -1))


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.full((40, 3), np.nan), "at least 20 items that can be used, got 0"),
        (np.full((40, 3), np.inf), "at least 20 items that can be used, got 0"),
        (np.zeros((40, 3)), "All numbers are equal"),
        (np.tile(np.arange(2_500_001, dtype=np.uint8), (20, 1)), "at most 2,500,000 numbers, got 2,500,001"),
    ],
    ids=["not told", "endless", "equal", "far too wide"],
)
def test_what_could_not_be_made_is_refused_at_once(tmp_path: Path, x: np.ndarray, said: str) -> None:
    """Nobody is asked how nothing is meant."""
    with pytest.raises(ImportRefused, match=said):
        Desk(tmp_path).bring("a.npy", npy(x)).understand()


def test_very_wide_arrays_are_no_tables(tmp_path: Path) -> None:
    """They have a feature for each column, as tables in text do, and the same bound."""
    desk = Desk(tmp_path).bring("a.npz", npz(x=np.random.default_rng(0).random((24, 5_000))))
    found = desk.understand()

    views = [plan.view for plan in (found.plan, *found.alternatives) if isinstance(plan, ArrayPlan)]
    assert views == ["series"]
    with pytest.raises(ImportRefused, match="at most 4,000 columns, got 5,000"):
        desk.make(ArrayPlan(array="x", view="table"))


def scenes(count: int, side: int) -> np.ndarray:
    """Pictures of slow changes, (count, side, side, 3) of bytes, in each channel another one."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(6 * x + n / 3 + 2 * c) * np.cos(5 * y + c) for n in range(count) for c in range(3)]
    return np.moveaxis((127 + 120 * np.array(waves)).astype(np.uint8).reshape(count, 3, side, side), 1, -1)


@pytest.mark.parametrize("way", ["last", "first", "grey", "far apart"])
def test_large_pictures_become_small_ones(tmp_path: Path, way: str) -> None:
    """As those in files do: 256 pixels a side become 32, and show the same."""
    whole = scenes(24, 256)
    ways = {"last": whole, "first": np.moveaxis(whole, -1, 1), "grey": whole[..., 0]}
    card, items = Desk(tmp_path).bring("a.npy", npy(ways.get(way, np.asfortranarray(whole)))).first_try()

    small = whole[:, 4::8, 4::8] / 255
    assert (card.form, card.shape) == ("image", (32, 32, 1 if way == "grey" else 3))
    assert np.abs(items.x - (small[..., :1] if way == "grey" else small)).max() < 0.03


@pytest.mark.parametrize("first", [True, False])
def test_flat_pictures_in_colour(tmp_path: Path, first: bool) -> None:
    """3,072 bytes are 32 x 32 pixels in colour, whether their colours come one by one or together."""
    whole = scenes(30, 32)
    flat = (np.moveaxis(whole, -1, 1) if first else whole).reshape(30, -1)
    desk = Desk(tmp_path).bring("a.npy", npy(flat))
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, ArrayPlan)
    assert (card.form, card.shape, plan.channels_first) == ("image", (32, 32, 3), first)
    assert np.allclose(items.x, whole / 255, atol=1e-6)


@pytest.mark.parametrize("shape", [(5_000,), (5_000, 1)])
def test_one_long_series_is_cut_into_windows(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """As the only column of a table is: half overlapping, and kept aside in whole blocks."""
    x = np.sin(np.arange(5_000) / 9)
    card, items = Desk(tmp_path).bring("a.npy", npy(x.reshape(shape))).first_try()
    (room := tmp_path / "csv").mkdir()
    _, others = Desk(room).bring("a.csv", csv([["a"], *([value] for value in x)])).first_try()

    assert (card.form, card.shape, card.count) == ("series", (32, 1), len(others.x))
    assert np.allclose(items.x, others.x, atol=1e-6)
    assert items.groups is not None
    assert others.groups is not None
    assert np.array_equal(items.groups, others.groups)


def test_a_short_series_is_refused(tmp_path: Path) -> None:
    """Too few numbers for windows, and no items either."""
    desk = Desk(tmp_path).bring("a.npy", npy(np.arange(60.0)))
    with pytest.raises(ImportRefused, match="array of items, of at least two dimensions"):
        desk.understand()
    with pytest.raises(ImportRefused, match="at least 100 steps, got 60"):
        desk.make(ArrayPlan(array="a", view="series"))


def test_gaps_and_infinities_are_filled(tmp_path: Path) -> None:
    """Numbers that are none become the median of their column; items without any number are left out."""
    x = np.random.default_rng(0).random((40, 3))
    x[0, 0], x[1, 1], x[2] = np.nan, np.inf, np.nan
    card, items = Desk(tmp_path).bring("a.npy", npy(x)).first_try()

    assert np.isfinite(items.x).all()
    assert items.x[0, 0] == pytest.approx(np.median(x[3:, 0].tolist() + [x[1, 0]]))
    assert {lost.why: lost.count for lost in card.dropped} == {"empty": 1, "filled": 2}


def test_flat_pictures_are_recognised_by_their_shades(tmp_path: Path) -> None:
    """784 fractions between 0 and 1 are 28 x 28 pixels; numbers of any size are a table."""
    random = np.random.default_rng(0)
    shades = Desk(tmp_path).bring("a.npy", npy(random.random((40, 784)))).understand().plan
    others = Desk(tmp_path).bring("a.npy", npy(random.normal(size=(40, 784)))).understand().plan

    assert [plan.view for plan in (shades, others)] == ["image", "table"]  # type: ignore[union-attr]


def test_pictures_between_minus_one_and_one(tmp_path: Path) -> None:
    """Black is -1 and white 1 where numbers go from one to the other."""
    x = np.random.default_rng(0).uniform(-1, 1, (30, 12, 12))
    desk = Desk(tmp_path).bring("images.npy", npy(x))
    plan = desk.understand().plan
    _, items = desk.make(plan)

    assert isinstance(plan, ArrayPlan)
    assert (plan.view, plan.low, plan.high) == ("image", -1.0, 1.0)
    assert np.allclose(items.x[..., 0], (x + 1) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (ArrayPlan(array="z"), "no array called z"),
        (ArrayPlan(array="x", labels="z"), "no array called z"),
        (ArrayPlan(array="x", labels="short"), "as many labels as items, 30, got 5"),
        (ArrayPlan(array="short"), "is no array of items"),
        (ArrayPlan(array="x", view="image"), "as many numbers as a square picture has, got 6"),
        (ArrayPlan(array="cube", view="image", low=1, high=1), "white above black"),
        (ArrayPlan(array="x", view="series", channels_first=True), "series of at least 4 steps"),
        (ArrayPlan(array="same"), "at least 2 columns whose numbers differ"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, plan: ArrayPlan, said: str) -> None:
    """Each wrong choice has its sentence."""
    x = np.random.default_rng(0).random((30, 6))
    content = npz(x=x, short=np.arange(5), cube=x.reshape(-1)[:80].repeat(36).reshape(-1, 12, 12)[:20], same=0 * x)
    with pytest.raises(ImportRefused, match=said):
        Desk(tmp_path).bring("a.npz", content).make(plan)
