"""Tables: numbers, yes or no, and categories, each column on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ae_core.data.card import Card
from ae_core.data.columns import Column, feature_names
from ae_core.data.dataset import Floats, Items
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import Chosen, at_most, choose, numbers
from ae_core.imports.names import clean, unique
from ae_core.imports.numerals import ordered, tidied
from ae_core.imports.plan import CATEGORIES, ColumnPlan, TablePlan, Why
from ae_core.imports.sheets import Sheet
from ae_core.imports.survey import Survey

FEWEST_FEATURES = 2


def plan(seen: Survey, sheet: Sheet, title: str) -> TablePlan:
    """The table as it is most likely meant."""
    plan = TablePlan(
        title=title,
        dialect=sheet.dialect,
        label=seen.label(sheet.dialect.header),
        columns=tuple(column.plan() for column in seen.columns),
    )
    if plan.label and features(plan) < FEWEST_FEATURES and seen.named(plan.label).numeric:  # points, x and y
        return plan.model_copy(update={"label": ""})
    return plan


def features(of: TablePlan) -> int:
    """Features that the columns become, at least."""
    widths = {"number": 1, "binary": 1, "leave_out": 0}
    return sum(widths.get(column.use, column.distinct) for column in of.columns if column.name != of.label)


def make(sheet: Sheet, of: TablePlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset. Raises ImportRefused where too little can be used."""
    used = [column for column in of.columns if column.use != "leave_out" and column.name != of.label]
    for column in of.columns:
        if column.use == "leave_out" and column.name != of.label:
            losses.add("columns", column.why or "chosen", column.name)
    if not used:
        raise ImportRefused("No column is left that can be used. Expected at least two of numbers or of categories.")
    needed = [column.name for column in used] if of.missing == "drop" else []
    wide = sum(max(column.distinct, 1) if column.use == "category" else 1 for column in used)
    chosen = choose(sheet, of.label, needed, at_most(of.most, wide, bounds), losses)
    parts, columns = _columns(sheet, used, chosen, losses)
    if sum(column.width for column in columns) < FEWEST_FEATURES:
        raise ImportRefused(
            f"Expected at least {FEWEST_FEATURES} features, got {sum(column.width for column in columns)}. "
            "Choose a file with more columns of numbers, or use more of its columns."
        )
    x = np.concatenate(parts, axis=1)
    card = Card(
        title=of.title,
        form="table",
        shape=x.shape[1:],
        count=len(x),
        nonnegative=bool(x.min() >= 0),
        label_name=of.label if chosen.labels is not None else "",
        label_names=chosen.names,
        feature_names=unique([clean(name, 80) for name in feature_names(columns)]),
        columns=tuple(columns),
    )
    return Items(x=x, labels=chosen.labels), card


def _columns(
    sheet: Sheet, used: Sequence[ColumnPlan], chosen: Chosen, losses: Losses
) -> tuple[list[Floats], list[Column]]:
    """Features and record of each column, in the order of the file."""
    plain = [column.name for column in used if column.use == "number"]
    slips = np.zeros((2, len(plain)), dtype=np.int64)
    table = numbers(sheet, sheet.places(plain), chosen.take, slips)
    words = _words(sheet, [column.name for column in used if column.use != "number"], chosen)
    parts: list[Floats] = []
    columns: list[Column] = []
    for column in used:
        if column.use == "number":
            at = plain.index(column.name)
            part, record = _number(column.name, table[:, at], slips[:, at], losses)
        else:
            part, record = _category(column, words[column.name], sheet, losses)
        if record is not None:
            parts.append(part)
            columns.append(record)
    return parts, columns


def _number(name: str, values: Floats, slips: np.ndarray, losses: Losses) -> tuple[Floats, Column | None]:
    empty = np.isnan(values)
    if empty.all():
        losses.add("columns", "empty", name)
        return values[:, None], None
    missing = int(empty.sum())
    reasons: tuple[tuple[Why, int], ...] = (("not_number", int(slips[0])), ("infinite", int(slips[1])))
    for why, count in (*reasons, ("filled", missing - int(slips.sum()))):
        losses.add("values", why, name, count)
    return np.where(empty, np.nanmedian(values), values)[:, None], Column(name=name, missing=missing)


def _category(column: ColumnPlan, cells: list[str], sheet: Sheet, losses: Losses) -> tuple[Floats, Column | None]:
    counts: dict[str, int] = {}
    for cell in cells:
        if cell:
            counts[cell] = counts.get(cell, 0) + 1
    if len(counts) > CATEGORIES:
        losses.add("columns", "many", column.name)
        return np.empty((len(cells), 0), dtype=np.float32), None
    if len(counts) < 2:
        losses.add("columns", "constant" if counts else "empty", column.name)
        return np.empty((len(cells), 0), dtype=np.float32), None
    names = ordered(counts, sheet.decimal)
    usual = max(names, key=lambda name: counts[name])
    missing = cells.count("")
    losses.add("values", "filled", column.name, missing)
    place = {name: number for number, name in enumerate(names)}
    codes = np.array([place[cell or usual] for cell in cells])
    two = len(names) == 2
    part = codes[:, None] == 1 if two else codes[:, None] == np.arange(len(names))
    record = Column(
        name=column.name,
        kind="binary" if two else "category",
        categories=unique([clean(name) or "?" for name in names]),
        missing=missing,
    )
    return part.astype(np.float32), record


def _words(sheet: Sheet, names: Sequence[str], chosen: Chosen) -> dict[str, list[str]]:
    """The taken cells of columns of words, "" where one is missing."""
    places = sheet.places(names)
    found: list[list[str]] = [[] for _ in names]
    begin = 0
    for block in sheet.blocks() if names else ():
        mine = np.flatnonzero(chosen.take[begin : begin + len(block[0])]).tolist()
        begin += len(block[0])
        for column, place in zip(found, places, strict=True):
            column += tidied([block[place][i] for i in mine])
    return dict(zip(names, found, strict=True))
