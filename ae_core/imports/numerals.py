"""Numbers out of text, as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

Decimal = Literal[".", ","]

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?", "-", "--", ".", "#n/a", "#na", "nil"))
"""What says that a value is not told, in small letters."""

MARKS = "$€£¥₹%‰ \u00a0\u202f"
"""What stands in front of an amount or behind it."""

KEPT = 80  # characters by which names are told apart

DIGITS = "0123456789."
GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}([,'’\u00a0\u202f]\d{3})+(\.\d*)?"),
    ",": re.compile(r"[+-]?\d{1,3}([.'’ \u00a0\u202f]\d{3})+(,\d*)?"),
}
_POINT = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?|[+-]?\d{1,3}([,'’\u00a0\u202f]\d{3})+\.\d*", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?|[+-]?\d{1,3}(\.\d{3})+,\d*", re.IGNORECASE)
_FRACTION = re.compile(r"[+-]?\d+\.\d*(e[+-]?\d+)?", re.IGNORECASE)


def number(text: str, decimal: Decimal = ".") -> float | None:
    """The number; NaN where the text says that there is none, None where it says something else.

    1,234.5 and 1'234.5 are read with a decimal point, 1.234,5 with a decimal comma; 12 % is 12, and $5 is 5.
    """
    if decimal == ".":
        try:  # most cells are plain numbers
            value = float(text)
            return None if "_" in text else value  # Python's own way of grouping digits is nobody's in a table
        except ValueError:
            pass
    text = text.strip()
    if text.lower() in MISSING:
        return math.nan
    text = _bare(text)
    if decimal == ",":
        if GROUPED[","].fullmatch(text):
            text = re.sub(r"[.'’ \u00a0\u202f]", "", text)
        text = text.replace(",", ".")
    elif text[-1:] in DIGITS and GROUPED["."].fullmatch(text):  # most words end otherwise
        text = re.sub(r"[,'’\u00a0\u202f]", "", text)
    try:
        value = float(text)
    except ValueError:
        return None
    return None if "_" in text else value


def _bare(text: str) -> str:
    """Without what says of what it is a number."""
    sign = text[:1] if text[:1] in ("+", "-") else ""
    return sign + text[len(sign) :].strip(MARKS)


def is_missing(text: str) -> bool:
    """Whether it says that the value is not told."""
    return text.strip().lower() in MISSING


def decimal_of(cells: Iterable[str], delimiter: str) -> Decimal:
    """The mark that most fractions are written with; 1,234 alone is a fraction only where no comma ends a cell, and
    1.234 is none where a semicolon does, or 1.234.567 is there, and all numbers with a point are such.
    """
    points = commas = grouped = thousands = millions = 0
    for cell in cells:
        text = _bare(cell.strip())
        if _THOUSANDS.fullmatch(text):
            thousands += 1
            millions += text.count(".") > 1
        elif _POINT.fullmatch(text):
            points += 1
        elif _COMMA.fullmatch(text):
            commas += 1
            grouped += GROUPED["."].fullmatch(text) is not None
    if thousands and not points and not commas and (delimiter == ";" or millions):
        return ","
    points += thousands - millions
    if commas == grouped and delimiter == ",":
        return "."
    return "," if commas > points else "."


def ordered(values: Iterable[str], decimal: Decimal = ".") -> tuple[str, ...]:
    """Names of classes or categories in their order: that of numbers if all are numbers, else of the alphabet."""
    found = list(values)
    numbers = [number(value, decimal) for value in found]
    if all(value is not None and not math.isnan(value) for value in numbers):
        return tuple(value for _, value in sorted(zip(numbers, found, strict=True)))
    return tuple(sorted(found))


def tidy(value: str) -> str:
    """A cell as the name of a class or category, cut where it is very long: 3.0 is 3."""
    text = value.strip()[:KEPT]
    if _FRACTION.fullmatch(text) and (number := float(text)).is_integer() and abs(number) < 1e15:
        return str(int(number))
    return text


def tidied(cells: Sequence[str]) -> list[str]:
    """Each cell as a name, "" where it is missing."""
    known: dict[str, str] = {}
    found = []
    for cell in cells:
        if (name := known.get(cell)) is None:
            name = "" if is_missing(cell) else tidy(cell)
            if len(known) < 10_000 and len(cell) <= KEPT:
                known[cell] = name
        found.append(name)
    return found
