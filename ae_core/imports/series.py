"""Series: one in each row, as in the UCR archive, or one long table that is cut into windows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from ae_core.data.card import Card
from ae_core.data.dataset import Floats, Integers, Items
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import at_most, choose, draw, enough, named, numbers, present
from ae_core.imports.moments import Moments, likelier, moments, order, rising
from ae_core.imports.names import clean
from ae_core.imports.numerals import number, tidied
from ae_core.imports.plan import CATEGORIES, CLASSES, FEWEST, SeriesPlan
from ae_core.imports.sheets import Sheet, glance
from ae_core.imports.survey import Column, Survey

SHORTEST = 16  # columns that are taken for a series
SMOOTH = 0.6  # correlation of neighbours, from which on columns are taken for moments
SHORTEST_GROUP = 8  # rows of a series, on average, that is recognised below others
SAMPLE = 20_000  # rows that are looked at for such
CUT = 0.2  # share of series that may be shorter than the others, and are left out
BLOCK = 4  # windows, one after the other, that stay on one side of the split together
# Columns of numbers that are called so count parts of a moment: they are clocks only in even steps.
PARTS = frozenset(("year", "years", "month", "hour", "minute", "second", "jahr", "monat", "stunde", "week", "step"))
PARTS |= {"cycle", "frame", "年", "年份", "月份"}
TIMES = PARTS | {"time", "date", "datetime", "timestamp", "t", "ts", "ds", "day", "zeit", "datum", "时间", "日期"}
GROUPS = frozenset(("series", "group", "sensor", "subject", "patient", "user", "unit", "engine", "device", "station"))
GROUPS |= {"machine", "sample", "country", "city", "region", "store", "stock", "ticker", "symbol", "name"}
GROUPS |= {"序列", "编号", "传感器", "国家", "城市"}
"""What columns are called that say which series a row belongs to."""
_MOMENT = re.compile(r"(t|time|step|x|v|att|att_|feature|s|column)?[ _.-]?\d+(\.\d+)?", re.IGNORECASE)


def plans(seen: Survey, sheet: Sheet, title: str) -> list[tuple[SeriesPlan, bool]]:
    """Ways in which the sheet can be series, each with whether it most likely is."""
    return [*_long_plan(seen, sheet, title), *_rows_plan(seen, sheet, title), *_windows_plan(seen, sheet, title)]


def _long_plan(seen: Survey, sheet: Sheet, title: str) -> list[tuple[SeriesPlan, bool]]:
    """One below the other: a column says which series a row belongs to, and within each a clock rises."""
    clocks = [column for column in seen.columns if column.moments or (_named(column) and column.numeric)]
    groups = [column for column in seen.columns if column not in clocks and _tells_series(column, seen)]
    sample = list(zip(*glance(sheet, SAMPLE), strict=True)) if clocks and groups else []
    called = seen.label(sheet.dialect.header)
    for clock, group in product(clocks, groups if sample else ()):
        of = _numbered(sample[sheet.names.index(group.name)])
        places = np.argsort(of, kind="stable")
        series = of.max() + 1
        time = moments(sample[sheet.names.index(clock.name)], sheet.decimal)
        if len(of) < SHORTEST_GROUP * series or not rising(time[places], of[places]):
            continue
        constant = {
            name
            for name, cells in zip(sheet.names, sample, strict=True)
            if len(set(zip(of, cells, strict=True))) == series
        }
        kinds = [
            column
            for column in seen.columns
            if column.name in constant - {group.name} and _tells_class(column, seen, called, series // 2)
        ]
        channels = tuple(
            column.name
            for column in seen.columns
            if column.name not in {*constant, called, clock.name, group.name}
            and column.numeric
            and column.use()[0] != "leave_out"
        )
        if 1 <= len(channels) <= SHORTEST:
            names = [kind.name for kind in kinds]
            plan = SeriesPlan(
                title=title,
                dialect=sheet.dialect,
                orientation="long",
                columns=channels,
                label=called if called in names else "".join(names[:1]),
                group=group.name,
                clock=clock.name,
            )
            return [(plan, True)]
    return []


def _tells_series(column: Column, seen: Survey) -> bool:
    """Whether it may say of each row which series it belongs to: the first column, or one that is called so."""
    called = column is seen.columns[0] or column.identifies or column.name.lower().strip("_ ") in GROUPS
    words = column.others > column.numbers
    return called and not column.alone and len(column.values) >= FEWEST and (words or column.whole) and not column.prose


def _tells_class(column: Column, seen: Survey, called: str, most: int) -> bool:
    words = column.others > column.numbers or column.name == called
    return words and seen.can_be_label(column) and len(column.values) <= min(CATEGORIES, most)


def _rows_plan(seen: Survey, sheet: Sheet, title: str) -> list[tuple[SeriesPlan, bool]]:
    label = seen.label(sheet.dialect.header)
    fractions = sum(not column.whole for column in seen.columns)
    for edge in (seen.columns[0], seen.columns[-1]):
        fit = edge.numeric and edge.whole and 2 <= len(edge.values) <= CLASSES and not edge.many
        if not label and fit and fractions > len(seen.columns) / 2:
            label = edge.name
    moments = [column for column in seen.columns if column.name != label and column.numeric]
    if len(moments) < SHORTEST or seen.rows < FEWEST:
        return []
    names = tuple(column.name for column in moments)
    plan = SeriesPlan(title=title, dialect=sheet.dialect, orientation="rows", columns=names, label=label)
    plain = all(_MOMENT.fullmatch(name) for name in names)
    pixels = all(column.whole and column.low >= 0 for column in moments)
    return [(plan, plain and not pixels and smooth(sheet, names) > SMOOTH)]


def smooth(sheet: Sheet, names: tuple[str, ...]) -> float:
    """Correlation of each number with the next one of its row, the median over the first rows."""
    places = sheet.places(names)
    sample = glance(sheet, 100)
    table = np.array([[_value(row[place], sheet) for place in places] for row in sample])
    with np.errstate(all="ignore"):
        table = table - np.nanmean(table, axis=1, keepdims=True)
        found = np.nanmean(table[:, 1:] * table[:, :-1], axis=1) / np.nanmean(table**2, axis=1)
    found = found[np.isfinite(found)]
    return float(np.median(found)) if len(found) else 0.0


def _value(cell: str, sheet: Sheet) -> float:
    value = number(cell, sheet.decimal)
    return float("nan") if value is None or not abs(value) < 1e30 else value


def _windows_plan(seen: Survey, sheet: Sheet, title: str) -> list[tuple[SeriesPlan, bool]]:
    clock = next((column for column in seen.columns if _is_clock(column)), None)
    label = seen.label(sheet.dialect.header)
    channels = tuple(
        column.name
        for column in seen.columns
        if column.name != label and column is not clock and column.numeric and column.use()[0] != "leave_out"
    )
    window, stride = size(seen.rows)
    if not channels or not window or len(channels) > SHORTEST:
        return []
    named = {*channels, label, clock.name if clock else ""}
    if clock is None and any(column.name not in named for column in seen.columns):
        return []  # words between the numbers, and nothing that says that the rows follow each other in time
    plan = SeriesPlan(
        title=title,
        dialect=sheet.dialect,
        orientation="windows",
        columns=channels,
        label=label,
        clock=clock.name if clock else "",
        window=window,
        stride=stride,
    )
    return [(plan, clock is not None)]


def _is_clock(column: Column) -> bool:
    counts = column.numeric and not column.others
    return column.orderly and column.told > 2 and (column.moments or (counts and _is_called(column)))


def _is_called(column: Column) -> bool:
    """Whether its name says that it is a clock; parts of moments, and longer names, only count in even steps."""
    return column.name.lower().strip("_ ") in TIMES - PARTS or (column.even and _named(column))


def _named(column: Column) -> bool:
    return not TIMES.isdisjoint(re.findall(r"[^\W_]+", column.name.lower()))


def size(rows: int) -> tuple[int, int]:
    """Window and stride for so many rows: half overlapping, short where there are few rows, (0, 0) for too few."""
    for window in (32, 16, 8):
        if rows >= FEWEST * window:
            return window, window // 2
    return (8, 2) if rows >= 100 else (0, 0)


def make(sheet: Sheet, of: SeriesPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset. Raises ImportRefused where too little can be used."""
    if not of.columns:
        raise ImportRefused("No column of numbers was chosen. Choose those that hold the series.")
    return WAYS[of.orientation](sheet, of, bounds, losses)


def _rows(sheet: Sheet, of: SeriesPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    steps = len(of.columns)
    if steps < 4:
        raise ImportRefused(f"Expected series of at least 4 steps, got {steps}. Choose more columns.")
    needed = of.columns if of.missing == "drop" else ()
    chosen = choose(sheet, of.label, needed, at_most(of.most, steps, bounds), losses)
    table = numbers(sheet, sheet.places(of.columns), chosen.take)
    x, labels = _filled(table[:, :, None], chosen.labels, losses)
    return _made(x, labels, chosen.names, None, of, ())


def _long(sheet: Sheet, of: SeriesPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """Rows of a group, in the order of the clock, are a series; all are cut to the length that nearly all have."""
    if not of.group:
        raise ImportRefused("No column says which series a row belongs to. Choose the one that does.")
    table = _table(sheet, of, bounds)
    of_row = _numbered(_cells(sheet, of.group))
    follow = np.argsort(of_row, kind="stable")
    follow = follow[of_row[follow] >= 0]
    if of.clock:
        time = likelier(when(sheet, of.clock)[follow], of_row[follow])
        known = ~np.isnan(time)
        follow, time = follow[known], time[known]
        follow = follow[np.lexsort((time, of_row[follow]))]
    losses.add("rows", "gap", count=len(of_row) - len(follow))
    _, begins, sizes = np.unique(of_row[follow], return_index=True, return_counts=True)
    steps = int(np.quantile(sizes, CUT, method="lower")) if len(sizes) else 0
    if steps < 4:
        raise ImportRefused(f"Expected series of at least 4 rows, got {steps}. Choose another column for the series.")
    begins = begins[sizes >= steps]
    losses.add("rows", "length", count=len(follow) - steps * len(begins))
    x = table[follow[begins[:, None] + np.arange(steps)]]
    if of.missing == "drop":
        clear = ~np.isnan(x).any(axis=(1, 2))
        losses.add("rows", "gap", count=steps * int((~clear).sum()))
        x, begins = x[clear], begins[clear]
    enough(len(x))
    labels: Integers | None = None
    names: tuple[str, ...] = ()
    if of.label:
        answers = tidied(_cells(sheet, of.label))
        said = [_commonest([answers[place] for place in follow[at : at + steps]]) for at in begins]
        known = np.array([bool(word) for word in said])
        losses.add("rows", "unlabelled", count=steps * int((~known).sum()))
        x = x[known]
        enough(len(x))
        labels, names = named([word for word in said if word], sheet.decimal)
    kept = draw(labels, len(x), at_most(of.most, steps * x.shape[2], bounds))
    losses.add("rows", "sample", count=steps * (len(x) - len(kept)))
    x, labels = _filled(x[kept], None if labels is None else labels[kept], losses)
    if labels is not None:
        labels, names = present(labels, names)
    return _made(x, labels, names, None, of, of.columns)


def _numbered(cells: Sequence[str]) -> Integers:
    """Each cell's number among the different ones, in the order in which they come, -1 where it is missing."""
    known: dict[str, int] = {"": -1}
    return np.array([known.setdefault(cell, len(known) - 1) for cell in tidied(cells)], dtype=np.int64)


def _table(sheet: Sheet, of: SeriesPlan, bounds: Bounds) -> Floats:
    """All numbers of its columns. Raises ImportRefused where they are too many."""
    rows = sum(len(block[0]) for block in sheet.blocks())
    if rows * len(of.columns) > bounds.numbers:
        raise ImportRefused(
            f"Expected at most {bounds.numbers:,} numbers, got {rows * len(of.columns):,}. Choose fewer."
        )
    return numbers(sheet, sheet.places(of.columns), np.ones(rows, dtype=bool))


def _cells(sheet: Sheet, name: str) -> list[str]:
    [place] = sheet.places([name])
    return [cell for block in sheet.blocks() for cell in block[place]]


def _windows(sheet: Sheet, of: SeriesPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    table = _table(sheet, of, bounds)
    answers = tidied(_cells(sheet, of.label)) if of.label else []
    if of.clock:
        follow = order(when(sheet, of.clock))
        losses.add("rows", "gap", count=len(table) - len(follow))
        table, answers = table[follow], [answers[place] for place in follow] if of.label else []
    begins, groups = starts(len(table), of.window, of.stride)
    gaps = np.asarray(np.isnan(table).any(axis=1))
    if of.missing == "drop":
        clear = np.array([not gaps[at : at + of.window].any() for at in begins], dtype=bool)
        losses.add("rows", "gap", count=int((~clear).sum()))
        begins, groups = begins[clear], groups[clear]
    elif gaps.any():
        losses.add("values", "filled", count=int(np.isnan(table).sum()))
        table = bridged(table)
    enough(len(begins))
    labels: Integers | None = None
    names: tuple[str, ...] = ()
    if of.label:
        said = [_commonest(answers[at : at + of.window]) for at in begins]
        known = np.array([bool(word) for word in said])
        losses.add("rows", "unlabelled", count=int((~known).sum()))
        begins, groups = begins[known], groups[known]
        enough(len(begins))
        labels, names = named([word for word in said if word], sheet.decimal)
    kept = draw(labels, len(begins), at_most(of.most, of.window * len(of.columns), bounds))
    losses.add("rows", "sample", count=len(begins) - len(kept))
    begins, groups = begins[kept], groups[kept]
    if labels is not None:
        labels, names = present(labels[kept], names)
    x = np.stack([table[at : at + of.window] for at in begins])
    apart = of.stride >= of.window
    return _made(x, labels, names, None if apart else groups, of, of.columns)


def when(sheet: Sheet, clock: str) -> Moments:
    """(rows, 2) what the column of moments says in each row."""
    [place] = sheet.places([clock])
    return np.concatenate([np.empty((0, 2)), *(moments(block[place], sheet.decimal) for block in sheet.blocks())])


def starts(rows: int, window: int, stride: int) -> tuple[Integers, Integers]:
    """Where windows begin, and the block that each lies in. Windows of different blocks share no row, so that whole
    blocks can be kept aside. There are at least four blocks where rows suffice.
    """
    if stride >= window:
        begins = np.arange(0, max(rows - window + 1, 0), stride)
        return begins, np.arange(len(begins))
    block = max(window, min(BLOCK * window, rows // 8))
    found = [
        (at, number)
        for number, first in enumerate(range(0, rows, block))
        for at in range(first, min(first + block, rows) - window + 1, stride)
    ]
    both = np.array(found, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def bridged(table: Floats) -> Floats:
    """Gaps filled along straight lines between neighbours in time; a column without any number becomes 0."""
    whole = table.copy()
    moments = np.arange(len(table))
    for column in whole.T:
        empty = np.isnan(column)
        column[empty] = np.interp(moments[empty], moments[~empty], column[~empty]) if not empty.all() else 0
    return whole


def _filled(x: Floats, labels: Integers | None, losses: Losses) -> tuple[Floats, Integers | None]:
    """Gaps of each series bridged; series without any number are left out."""
    empty = np.isnan(x)
    void = empty.all(axis=(1, 2))
    losses.add("rows", "empty", count=int(void.sum()))
    losses.add("values", "filled", count=int(empty[~void].sum()))
    x = x[~void]
    labels = None if labels is None else labels[~void]
    enough(len(x))
    for row in np.flatnonzero(np.isnan(x).any(axis=(1, 2))):
        x[row] = bridged(x[row])
    return x, labels


def _commonest(words: list[str]) -> str:
    said = [word for word in words if word]
    return max(dict.fromkeys(said), key=said.count) if said else ""


def _made(
    x: Floats,
    labels: Integers | None,
    names: tuple[str, ...],
    groups: Integers | None,
    of: SeriesPlan,
    channels: tuple[str, ...],
) -> tuple[Items, Card]:
    if not np.ptp(x, axis=(0, 1)).any():
        raise ImportRefused("All numbers of the series are equal, so there is nothing to learn. Choose other columns.")
    card = Card(
        title=of.title,
        form="series",
        shape=x.shape[1:],
        count=len(x),
        nonnegative=bool(x.min() >= 0),
        label_name=of.label if labels is not None else "",
        label_names=names if labels is not None else (),
        feature_names=tuple(clean(channel) for channel in channels),
    )
    return Items(x=np.ascontiguousarray(x, dtype=np.float32), labels=labels, groups=groups), card


WAYS: dict[str, Callable[[Sheet, SeriesPlan, Bounds, Losses], tuple[Items, Card]]] = {
    "rows": _rows,
    "windows": _windows,
    "long": _long,
}
"""How series lie in a table, with what reads them."""
