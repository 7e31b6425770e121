"""Several values of one setting as text: written for the reader, and read again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ae_core.spec import Setting
from ae_core.sweep import MOST_VALUES
from pages._ui import knobs
from pages._ui.text import t

LONGEST = 400  # characters


def written(values: Sequence[Any]) -> str:
    """Values with commas between them."""
    return ", ".join(knobs.show(value) for value in values)


def typed(text: str, leaf: Setting) -> tuple[tuple[Any, ...], str]:
    """The values that the text names, and "", or nothing and what is wrong with it, as a sentence."""
    kind = type(leaf.default) if isinstance(leaf.default, int | float) else float
    words = [word for word in re.split(r"[,;，；\s]+", text[:LONGEST]) if word]
    found = []
    for word in words:
        try:
            value = kind(word) if kind is not int else _whole(word)
        except ValueError:
            return (), t("values.no_number", word=word[:40])
        low, high = leaf.low, leaf.high
        if not (low is None or low <= value) or not (high is None or value <= high):
            return (), t("values.beyond", word=word[:40], low=_bound(low), high=_bound(high))
        found.append(value)
    values = tuple(dict.fromkeys(found))
    if not values:
        return (), t("values.none")
    if len(values) > MOST_VALUES:
        return (), t("values.many", most=MOST_VALUES, count=len(values))
    return values, ""


def _whole(word: str) -> int:
    """A whole number, also written as 1e3. Raises ValueError."""
    number = float(word)
    if not number.is_integer():
        raise ValueError(word)
    return int(number)


def _bound(value: float | None) -> str:
    return "∞" if value is None else f"{value:g}"
