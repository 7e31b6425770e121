"""Series: rows and windows, classes, gaps, and windows that never leak between the sides of the split."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_core.data.split import divide
from ae_core.errors import ImportRefused
from ae_core.imports.moments import MONTHS, moment, moments
from ae_core.imports.plan import SeriesPlan
from ae_core.imports.series import bridged, starts
from tests.imports.files import Desk, csv


def waves(count: int = 40, steps: int = 30) -> np.ndarray:
    """Slow and quick sines in turn, (count, steps)."""
    random = np.random.default_rng(0)
    t = np.arange(steps)
    return np.stack([np.sin(t / (3 + 3 * (n % 2)) + random.random()) for n in range(count)]).round(6)


@pytest.mark.parametrize("delimiter", [",", "\t", "  "])
def test_a_file_of_the_ucr_archive(tmp_path: Path, delimiter: str) -> None:
    """One series a row, its class first, no header; with commas, tabs or blanks."""
    x = waves()
    rows = [[f"{1 + n % 2:.4e}" if delimiter == "  " else 1 + n % 2, *row] for n, row in enumerate(x)]
    desk = Desk(tmp_path).bring("Waves_TRAIN.txt", csv(rows, delimiter))
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, SeriesPlan)
    assert (plan.orientation, plan.label) == ("rows", "column 1")
    assert (card.form, card.shape, card.count, card.label_names) == ("series", (30, 1), 40, ("1", "2"))
    assert np.allclose(items.x[..., 0], x)
    assert items.groups is None


def test_the_class_may_be_last(tmp_path: Path) -> None:
    """As in the electrocardiograms that TensorFlow's lessons use."""
    rows = [[*row, f"{n % 2:.1f}"] for n, row in enumerate(waves())]
    card, _ = Desk(tmp_path).bring("ecg.csv", csv(rows)).first_try()

    assert (card.shape, card.label_name, card.label_names) == ((30, 1), "column 31", ("0", "1"))


def test_series_with_names_of_their_moments(tmp_path: Path) -> None:
    """Columns t0, t1, ... and one called class."""
    rows = [[*row, "slow" if n % 2 else "quick"] for n, row in enumerate(waves())]
    card, _ = Desk(tmp_path).bring("a.csv", csv([[*(f"t{i}" for i in range(30)), "class"], *rows])).first_try()

    assert (card.form, card.shape, card.label_names) == ("series", (30, 1), ("quick", "slow"))


def sensor(rows: int = 700) -> tuple[np.ndarray, str]:
    """Two channels measured every hour, and the file of it."""
    t = np.arange(rows)
    values = np.stack([np.sin(t / 4), np.cos(t / 9)], axis=1).round(5)
    moments = np.datetime_as_string(np.datetime64("2024-01-01T00") + t, unit="m")
    night = ["night" if i % 24 < 6 else "day" for i in t]
    return values, csv(
        [["time", "warmth", "damp", "label"], *([m, *v, n] for m, v, n in zip(moments, values, night, strict=True))]
    )


def test_a_long_table_is_cut_into_windows(tmp_path: Path) -> None:
    """A column of rising moments makes windows of the others; each is a piece of the file, with its commonest class."""
    values, text = sensor()
    desk = Desk(tmp_path).bring("sensor.csv", text)
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, SeriesPlan)
    assert (plan.orientation, plan.columns, plan.window, plan.stride) == ("windows", ("warmth", "damp"), 32, 16)
    assert (card.shape, card.feature_names) == ((32, 2), ("warmth", "damp"))
    every = np.lib.stride_tricks.sliding_window_view(values, 32, axis=0).swapaxes(1, 2).astype(np.float32)
    assert all((np.abs(every - item).max(axis=(1, 2)) < 1e-6).any() for item in items.x)
    assert card.label_names in (("day", "night"), ())


START = datetime(2019, 11, 27)
MOMENTS: dict[str, Callable[[int], str]] = {
    "german days": lambda n: f"{START + timedelta(n):%d.%m.%Y}",
    "american days": lambda n: f"{START + timedelta(n):%m/%d/%Y}",
    "german hours": lambda n: f"{START + timedelta(hours=n):%d.%m.%Y %H:%M}",
    "halves of days": lambda n: f"{START + timedelta(hours=n):%m/%d/%Y %I:%M %p}",
    "single digits": lambda n: f"{(day := START + timedelta(n)).year}-{day.month}-{day.day}",
    "eight digits": lambda n: f"{START + timedelta(n):%Y%m%d}",
    "zones": lambda n: f"{START + timedelta(minutes=n):%Y-%m-%d %H:%M:%S}+01:00",
    "chinese days": lambda n: f"{START + timedelta(n):%Y年%m月%d日}",
    "months": lambda n: f"{1949 + n // 12}-{n % 12 + 1:02}",
    "names of months": lambda n: f"{MONTHS[n % 12].title()} {1949 + n // 12}",
    "quarters": lambda n: f"{1850 + n // 4}Q{n % 4 + 1}",
    "weeks": lambda n: f"{1949 + n // 52}-W{n % 52 + 1:02}",
    "times of a day": lambda n: f"{n // 60:02}:{n % 60:02}:00",
}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("kind", MOMENTS)
def test_however_moments_are_written_they_are_in_order(tmp_path: Path, kind: str, newest_first: bool) -> None:
    """One column beside them is enough; a file that begins with the newest is turned round."""
    rows = [[MOMENTS[kind](n), n + n % 2 / 4] for n in range(400)]
    desk = Desk(tmp_path).bring("a.csv", csv([["when", "value"], *(rows[::-1] if newest_first else rows)]))
    plan = desk.understand().plan
    _, items = desk.make(plan)

    assert isinstance(plan, SeriesPlan)
    assert (plan.orientation, plan.columns, plan.clock) == ("windows", ("value",), "when")
    assert items.x[0, :4, 0].tolist() == [0, 1.25, 2, 3.25]


def test_years_in_even_steps_are_a_clock(tmp_path: Path) -> None:
    """Sunspots year by year are one long series; years that jump are a number like others."""
    for steps, form in ((1, "series"), (7, "table")):
        rows = [[1700 + n + n % steps, n * n % 97] for n in range(309)]
        plan = Desk(tmp_path).bring("sunspots.csv", csv([["YEAR", "SUNACTIVITY"], *rows])).understand().plan
        assert plan.form == form


def test_days_in_no_order_make_no_series(tmp_path: Path) -> None:
    """They are offered neither as a series nor as a feature; who says that they are the clock gets them sorted."""
    rows = [[f"{START + timedelta(n * 37 % 401):%m/%d/%Y}", n * 37 % 401, n % 7] for n in range(401)]
    desk = Desk(tmp_path).bring("a.csv", csv([["when", "a", "b"], *rows]))
    assert desk.understand().plan.form == "table"

    _, items = desk.make(SeriesPlan(orientation="windows", columns=("a",), clock="when", window=8, stride=8))
    assert items.x[:, :, 0].tolist() == np.arange(400).reshape(50, 8).tolist()


@given(
    st.datetimes(datetime(1000, 1, 1), datetime(2999, 12, 31)),
    st.sampled_from(("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S")),
)
def test_moments_are_seconds(when: datetime, form: str) -> None:
    """As Python counts them, whatever stands between their parts."""
    text = f"{when.year:04}".join(f"{when:{form.replace('%Y', '!')}}".split("!"))
    assert moment(text)[0] == (when.replace(microsecond=0) - datetime(1970, 1, 1)).total_seconds()
    assert moments([text], ".")[0, 0] == moment(text)[0]


@given(st.from_regex(r"[\d TQW:.,/年月日ſa-z+-]{1,24}", fullmatch=True) | st.text(max_size=50))
def test_whatever_is_written_is_a_moment_or_none(text: str) -> None:
    """Nothing but numbers and NaN comes out."""
    assert moments([text], ".").shape == (1, 2)
    assert all(isinstance(value, float) for value in moment(text))


def test_windows_never_leak(tmp_path: Path) -> None:
    """No row of the file is on both sides of the split, although neighbouring windows share half of theirs."""
    _, text = sensor(2000)
    desk = Desk(tmp_path).bring("sensor.csv", text.replace("warmth", "row").replace("label", "kind"))
    count = iter(range(2000))
    head, *lines = text.strip().split("\n")
    numbered = [head, *(",".join([line.split(",")[0], str(next(count)), *line.split(",")[2:]]) for line in lines)]
    desk = Desk(tmp_path).bring("sensor.csv", "\n".join(numbered))
    _, items = desk.make(SeriesPlan(orientation="windows", columns=("warmth",), window=32, stride=8))
    train, val = divide(items, 0.25, 0)

    rows = [set(items.x[side].astype(int).ravel().tolist()) for side in (train, val)]
    assert rows[0]
    assert rows[1]
    assert not rows[0] & rows[1]


@given(st.integers(8, 3000), st.integers(4, 64), st.integers(1, 64))
def test_windows_of_different_blocks_share_no_row(rows: int, window: int, stride: int) -> None:
    """Whatever the sizes, a window is inside of its block, and there are several blocks where rows suffice."""
    begins, groups = starts(rows, window, stride)

    assert all(begins + window <= rows)
    for block in np.unique(groups)[:-1]:
        assert begins[groups == block].max() + window <= begins[groups > block].min() or stride >= window
    if rows >= 4 * window and stride < window:
        assert len(np.unique(groups)) >= 4


def below(x: np.ndarray) -> list[list[object]]:
    """Series one below the other: which, when, what, and a class that all rows of a series share."""
    return [
        [f"s{n}", f"{START + timedelta(step):%d.%m.%Y}", value, 7, "slow" if n % 2 else "quick"]
        for n, row in enumerate(x.tolist())
        for step, value in enumerate(row)
    ]


LONG = ["sensor", "day", "value", "height", "kind"]


@pytest.mark.parametrize("lies", ["in order", "newest first", "by moment", "in disorder"])
def test_series_one_below_the_other(tmp_path: Path, lies: str) -> None:
    """A group that comes again and a clock that rises within it; however rows lie, each series is one item."""
    x = waves()
    rows = below(x)
    if lies == "newest first":
        rows = rows[::-1]
    elif lies == "by moment":
        rows = [rows[n * 30 + step] for step in range(30) for n in range(40)]
    desk = Desk(tmp_path).bring("long.csv", csv([LONG, *rows]))
    plan = desk.understand().plan
    if lies == "in disorder":
        mixed = np.random.default_rng(0).permutation(len(rows))
        desk = Desk(tmp_path).bring("long.csv", csv([LONG, *(rows[place] for place in mixed)]))
    card, items = desk.make(plan)
    assert isinstance(plan, SeriesPlan)
    assert items.labels is not None

    assert (plan.orientation, plan.group, plan.clock, plan.columns) == ("long", "sensor", "day", ("value",))
    assert (card.shape, card.count, card.label_names, card.dropped) == ((30, 1), 40, ("quick", "slow"), ())
    first = [int(np.abs(x[:, :] - item[:, 0]).max(axis=1).argmin()) for item in items.x]
    assert sorted(first) == list(range(40))
    assert all(np.allclose(x[n], item[:, 0]) for n, item in zip(first, items.x, strict=True))
    assert items.labels.tolist() == [n % 2 for n in first]


def test_names_of_series_are_no_classes(tmp_path: Path) -> None:
    """Shares of a few firms day by day, in whichever column their names are."""
    rows = [[day, value, name] for name, day, value, *_ in below(waves(25, 100))]
    card, _ = Desk(tmp_path).bring("shares.csv", csv([["date", "open", "Name"], *rows])).first_try()

    assert (card.shape, card.count, card.label_names) == ((100, 1), 25, ())


def test_series_of_unequal_length(tmp_path: Path) -> None:
    """Those that are much shorter than the others are left out, the others cut to what they have in common."""
    rows = [row for row in below(waves()) if row[0] not in ("s3", "s4") or str(row[1]) < "10"]
    extra = [["s5", f"{START + timedelta(step):%d.%m.%Y}", 0.5, 7, "slow"] for step in range(30, 35)]
    nameless = [["", "27.11.2019", 1, 7, "slow"], ["s6", "", 1, 7, "quick"]]
    desk = Desk(tmp_path).bring("long.csv", csv([LONG, *rows, *extra, *nameless]))
    plan = SeriesPlan(orientation="long", columns=("value",), group="sensor", clock="day", label="kind")
    card, items = desk.make(plan)
    left = sum(row[0] in ("s3", "s4") for row in rows)

    assert (card.shape, card.count) == ((30, 1), 38)
    assert {lost.why: lost.count for lost in card.dropped} == {"length": 5 + left, "gap": 2}
    assert np.allclose(items.x[-1, :, 0], waves()[39])


def assert_bridged(desk: Desk) -> None:
    """Of forty waves the sixth has a gap at its fourth step: it lies on the line between its neighbours, or the series
    is left out.
    """
    plan = desk.understand().plan
    assert isinstance(plan, SeriesPlan)
    filled, items = desk.make(plan)
    dropped, _ = desk.make(SeriesPlan.model_validate(plan.model_dump() | {"missing": "drop"}))

    assert (filled.count, dropped.count) == (40, 39)
    assert items.x[5, 3, 0] == pytest.approx((waves()[5, 2] + waves()[5, 4]) / 2, abs=1e-5)


def test_gaps_in_series_below_each_other(tmp_path: Path) -> None:
    """Filled along a line, or the series is left out; classes stay with their series."""
    rows = below(waves())
    rows[5 * 30 + 3][2] = ""
    rows[7 * 30][4] = ""
    desk = Desk(tmp_path).bring("long.csv", csv([LONG, *rows]))
    assert_bridged(desk)


def test_what_only_looks_like_series_stays_a_table(tmp_path: Path) -> None:
    """Rows with a time that are not in order within what they share, or that share nothing."""
    random = np.random.default_rng(0)
    ages = [[20 + n % 30, n * n % 97, int(random.integers(0, 300)), n % 2] for n in range(600)]
    tables = (
        [["age", "a", "time", "event"], *ages],
        [["id", "time", "a", "b"], *([n, n // 9, n % 7, n % 5] for n in range(300))],
    )
    for rows in tables:
        assert Desk(tmp_path).bring("a.csv", csv(rows)).understand().plan.form == "table"


def test_series_below_each_other_need_a_column_that_tells_them_apart(tmp_path: Path) -> None:
    """None chosen, one that is different in each row, one that is the same in all."""
    desk = Desk(tmp_path).bring("long.csv", csv([["n", *LONG], *([n, *row] for n, row in enumerate(below(waves())))]))
    for group, said in (("", "which series"), ("n", "at least 4 rows, got 1"), ("height", "at least 20 items")):
        with pytest.raises(ImportRefused, match=said):
            desk.make(SeriesPlan(orientation="long", columns=("value",), group=group))


def test_gaps_are_bridged_along_a_line() -> None:
    """Between 1 and 3 is 2; at the ends the next number is repeated."""
    nan = np.nan
    table = np.array([[nan, 1, nan, 3, nan], [nan] * 5], dtype=np.float32).T
    assert np.array_equal(bridged(table), np.array([[1, 1, 2, 3, 3], [0] * 5]).T)


def test_missing_moments_are_filled_or_left_out(tmp_path: Path) -> None:
    """Filled by default; with "drop", series with a gap are no items."""
    rows = [
        [("" if n == 5 and step == 3 else value) for step, value in enumerate(row)] for n, row in enumerate(waves())
    ]
    desk = Desk(tmp_path).bring("a.csv", csv([[f"t{i}" for i in range(30)], *rows]))
    assert_bridged(desk)


def test_series_of_nothing_are_refused(tmp_path: Path) -> None:
    """Equal numbers everywhere, too few columns, none chosen."""
    desk = Desk(tmp_path).bring("a.csv", csv([["a", "b", "c", "d", "e"], *([1, 1, 1, 1, n] for n in range(400))]))
    for columns, said in (
        ((), "No column of numbers"),
        (("a", "b"), "at least 4 steps"),
        (("a", "b", "c", "d"), "equal"),
    ):
        with pytest.raises(ImportRefused, match=said):
            desk.make(SeriesPlan(orientation="rows", columns=columns))
