"""Pictures in the rows of a table, as in many copies of MNIST."""

from __future__ import annotations

import math
import re
from typing import Literal

import numpy as np

from ae_core.data.card import Card
from ae_core.data.dataset import Floats, Items
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import at_most, choose, numbers
from ae_core.imports.plan import CLASSES, FEWEST, SIDE, PixelsPlan
from ae_core.imports.sheets import Sheet
from ae_core.imports.survey import Survey

USUAL = 32  # side of pictures whose own sizes differ, or are larger than can be trained on
SMALLEST = 8  # side of a square picture that is recognised
FULL = 255  # the number of white where bytes are written as numbers
_PIXEL = re.compile(r"(pixel|px|p|pix)[ _.-]?\d+([ _.x-]\d+)*|\d+x\d+", re.IGNORECASE)


def plans(seen: Survey, sheet: Sheet, title: str) -> list[tuple[PixelsPlan, bool]]:
    """The sheet as pictures, if its columns can be a square, and whether they most likely are."""
    label = seen.label(sheet.dialect.header)
    columns = [column for column in seen.columns if column.name != label and column.numeric]
    shape = side(len(columns))
    if not shape and not label and sheet.names:  # without names of columns the class is first or last
        for edge in (columns[:1], columns[-1:]):
            if edge and edge[0].whole and 2 <= len(edge[0].values) <= CLASSES and side(len(columns) - 1):
                label = edge[0].name
                columns = [column for column in columns if column is not edge[0]]
                shape = side(len(columns))
                break
    if not shape or seen.rows < FEWEST:
        return []
    low = min(column.low for column in columns)
    high = max(column.high for column in columns)
    if low < 0 or high > FULL or not high:
        return []
    height, channels = shape
    plan = PixelsPlan(
        title=title,
        dialect=sheet.dialect,
        label=label,
        columns=tuple(column.name for column in columns),
        height=height,
        width=height,
        channels=channels,
        low=0.0,
        high=float(FULL) if high > FULL / 2 else high,
    )
    called = all(_PIXEL.fullmatch(column.name) for column in columns)
    nameless = not sheet.dialect.header and all(column.whole for column in columns)
    return [(plan, called or nameless)]


def side(count: int, smallest: int = SMALLEST) -> tuple[int, Literal[1, 3]] | None:
    """Side and channels of a square picture of so many numbers."""
    channels: Literal[1, 3]
    for channels in (1, 3):
        across = math.isqrt(count // channels)
        if across * across * channels == count and smallest <= across <= SIDE:
            return across, channels
    return None


def make(sheet: Sheet, of: PixelsPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset. Raises ImportRefused where the columns are not as many as the pixels."""
    shape = (of.height, of.width, of.channels)
    width = math.prod(shape)
    if width != len(of.columns):
        raise ImportRefused(
            f"Expected {width:,} columns of pixels, {of.height} x {of.width} x {of.channels}, got {len(of.columns):,}. "
            "Choose other sizes, or other columns."
        )
    chosen = choose(sheet, of.label, (), at_most(of.most, width, bounds), losses)
    values = numbers(sheet, sheet.places(of.columns), chosen.take)
    losses.add("values", "black", count=int(np.isnan(values).sum()))
    x = shade(values, of.low, of.high).reshape(-1, *shape)
    return pictured(x, of.title, of.label, Items(x=x, labels=chosen.labels), chosen.names)


def shade(values: Floats, low: float, high: float) -> Floats:
    """Numbers from black to white as 0..1, in place; what is no number is black."""
    if not high > low:
        raise ImportRefused(f"Expected white above black, got {high:g} and {low:g}. Choose other numbers for them.")
    values -= np.float32(low)
    values /= np.float32(high - low)
    np.nan_to_num(values, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    return np.clip(values, 0, 1, out=values)


def pictured(x: Floats, title: str, label: str, items: Items, names: tuple[str, ...]) -> tuple[Items, Card]:
    """Pictures with their card. Raises ImportRefused where all are of one colour."""
    if not np.ptp(x) > 0:
        raise ImportRefused(
            "All pixels are equal, so there is nothing to learn. Choose other numbers for black and white."
        )
    card = Card(
        title=title,
        form="image",
        shape=x.shape[1:],
        count=len(x),
        value_range=(0.0, 1.0),
        nonnegative=True,
        label_name=label if items.labels is not None else "",
        label_names=names if items.labels is not None else (),
    )
    return items, card
