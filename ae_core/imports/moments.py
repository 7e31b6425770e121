"""Moments out of text: years, quarters, months, days and times of day, as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from math import nan

import numpy as np
import numpy.typing as npt

from ae_core.data.dataset import Integers
from ae_core.imports.numerals import Decimal, number

Moments = npt.NDArray[np.float64]

SLIPS = 0.002  # share of steps against the order, as where clocks are put back in autumn
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAY = 86_400
LATEST = 1e30  # beyond it a number is no moment
EPOCH = date(1970, 1, 1).toordinal()
_YEAR = r"(?P<y>[12]\d{3})"
_NAME = rf"(?P<name>{'|'.join(MONTHS)})[a-z]*\.?"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_YEAR}[-/.](?P<m>\d{{1,2}})([-/.](?P<d>\d{{1,2}}))?",
        r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})",
        rf"(?P<m>\d{{1,2}})[-/]{_YEAR}",
        rf"{_YEAR}年((?P<m>\d{{1,2}})月((?P<d>\d{{1,2}})[日号])?)?",
        rf"{_YEAR}[ -]?Q(?P<q>[1-4])",
        rf"{_YEAR}[ -]?W(?P<w>\d{{1,2}})",
        rf"Q(?P<q>[1-4])[ -/]?{_YEAR}",
        rf"((?P<d>\d{{1,2}})[. -]+)?{_NAME}[ ,-]+{_YEAR}",
        rf"{_YEAR}[ -]{_NAME}([ -](?P<d>\d{{1,2}}))?",
        rf"{_NAME} (?P<d>\d{{1,2}}),? +{_YEAR}",
    )
)
_TIMED = re.compile(r"(.*?)[T ,]*(\d{1,2}:\d{2}.*)")
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2}(?:[.,]\d*)?))?\s*(?:([AP])\.?M\.?)?\s*(?:[A-Z]{1,4}|([+-])(\d{2}):?(\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")
_COMPACT = re.compile(r"[12]\d{3}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\.0)?")


@lru_cache(maxsize=8192)  # of a block, which is looked at twice
def moment(text: str) -> tuple[float, float]:
    """When it was, in seconds since 1970, if the day is told before the month, and if the month is; NaN where it says
    no moment. Of a month or a year it is the beginning, and of a time of an unknown day that of the first one.
    """
    text = text.strip()[:40]
    timed = _TIMED.fullmatch(text)
    if timed is None:
        return _day(text)
    at = _seconds(timed[2])
    first, second = _day(timed[1]) if timed[1] else (0.0, 0.0)
    return first + at, second + at


def is_moment(text: str) -> bool:
    """Whether it says one, however day and month are told."""
    first, second = moment(text)
    return first == first or second == second


def is_compact(text: str) -> bool:
    """Whether it is a day in eight digits."""
    return _COMPACT.fullmatch(text.strip()) is not None


def moments(cells: Sequence[str], decimal: Decimal) -> Moments:
    """(n, 2) moments of both readings; a number is one in itself, so that clocks may count anything."""
    if all(map(_ISO.fullmatch, cells)):
        try:
            plain = np.array(cells, dtype="datetime64[us]").astype(np.int64) / 1e6
            return np.repeat(plain[:, None], 2, axis=1)
        except ValueError:  # there is no such day
            pass
    words = bool(cells) and number(cells[0], decimal) is None
    if not words and decimal == ".":
        try:  # most columns are plain numbers
            found = np.repeat(np.array(list(map(float, cells)))[:, None], 2, axis=1)
        except ValueError:
            pass
        else:
            found[np.abs(found) > LATEST] = nan
            return found
    found = np.array([_either(cell, decimal, words) for cell in cells], dtype=np.float64).reshape(-1, 2)
    found[np.abs(found) > LATEST] = nan
    return found


def order(found: Moments) -> Integers:
    """In which order the rows follow each other in time: as they stand if they rise, turned round if they fall, else
    sorted without those that tell no moment. found: (n, 2), both readings.
    """
    column = likelier(found)
    slips, falls = _course(column, np.zeros(len(column)))
    places = np.arange(len(found))
    if falls:
        places = places[::-1]
    if slips <= SLIPS * len(places):
        return places
    known = ~np.isnan(column[places])
    return np.asarray(places[known][np.argsort(column[places][known], kind="stable")])


def likelier(found: Moments, groups: Integers | None = None) -> Moments:
    """(n,) of both readings the one that tells more moments and, of equal ones, rises or falls with fewer slips.

    groups: rows of equal numbers, which follow each other, have a clock of their own.
    """
    of = np.zeros(len(found)) if groups is None else groups
    best = min((0, 1), key=lambda reading: (np.isnan(found[:, reading]).sum(), _course(found[:, reading], of)[0]))
    return np.asarray(found[:, best])


def rising(found: Moments, groups: Integers) -> bool:
    """Whether each group's clock, of rows one after the other, rises or falls and hardly ever stands still."""
    column = likelier(found, groups)
    steps = np.diff(column)[np.diff(groups) == 0]
    slips, _ = _course(column, groups)
    return bool(len(steps) and slips + (steps == 0).sum() <= SLIPS * len(steps) and not np.isnan(column).any())


def _course(column: Moments, groups: Integers | Moments) -> tuple[int, bool]:
    """Steps against the commoner direction, and whether that is down."""
    known = ~np.isnan(column)
    steps = np.diff(column[known])[np.diff(groups[known]) == 0]
    up, down = int((steps > 0).sum()), int((steps < 0).sum())
    return min(up, down), down > up


def _either(cell: str, decimal: Decimal, words: bool) -> tuple[float, float]:
    """What it says as a moment or as a number. words: whether the first is likelier."""
    if words and is_moment(cell):
        return moment(cell)
    value = number(cell, decimal)
    return moment(cell) if value is None else (value, value)


@lru_cache(maxsize=8192)
def _day(text: str) -> tuple[float, float]:
    """Its beginning, in both readings."""
    said = next((found.groupdict() for form in _FORMS if (found := form.fullmatch(text))), None)
    if said is None:
        return nan, nan
    year = int(said["y"] or 0)
    year += (2000 if year < 70 else 1900) if year < 100 else 0
    if said.get("a"):
        first, second = int(said["a"] or 0), int(said["b"] or 0)
        return _count(year, second, first), _count(year, first, second)
    if said.get("w"):
        week = _count(year, 1, 1) + 7 * DAY * int(said["w"] or 0)
        return week, week
    if said.get("name"):
        month = 1 + MONTHS.index((said["name"] or "").lower())
    else:
        month = 3 * int(said["q"] or 1) - 2 if said.get("q") else int(said.get("m") or 1)
    value = _count(year, month, int(said.get("d") or 1))
    return value, value


def _count(year: int, month: int, day: int) -> float:
    try:
        return float(date(year, month, day).toordinal() - EPOCH) * DAY
    except ValueError:  # there is no such day
        return nan


@lru_cache(maxsize=8192)
def _seconds(text: str) -> float:
    """Of the day; NaN where it is no time of one."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return nan
    hour, minute, second, half, sign, hours, minutes = found.groups()
    at = int(hour)
    if half:
        at = at % 12 + 12 * (half.upper() == "P")
    away = (int(hours) * 60 + int(minutes or 0)) * 60 if sign else 0
    return at * 3600 + int(minute) * 60 + float((second or "0").replace(",", ".")) + (away if sign == "-" else -away)
