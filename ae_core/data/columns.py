"""Tables whose columns are of several kinds: numbers, yes or no, categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ae_core.spec import Spec

ColumnKind = Literal["number", "binary", "category"]


class Column(Spec):
    """A column of a table, and the features that it becomes.

    A number is one feature. A binary column is one feature, 0 for `categories[0]` and 1 for `categories[1]`. A category
    is one feature for each of `categories`: 1 for the one that it is, 0 for the others.
    missing: values that the file did not tell and that were filled in.
    """

    name: str
    kind: ColumnKind = "number"
    categories: tuple[str, ...] = ()
    missing: int = 0

    @property
    def width(self) -> int:
        """Features that it becomes."""
        return len(self.categories) if self.kind == "category" else 1


def feature_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """What each feature is called: `age`, `smoker = yes`, `day = Sun`."""
    names: list[str] = []
    for column in columns:
        if column.kind == "number":
            names.append(column.name)
        elif column.kind == "binary":
            names.append(f"{column.name} = {column.categories[1]}")
        else:
            names += [f"{column.name} = {category}" for category in column.categories]
    return tuple(names)


def starts(columns: Sequence[Column]) -> tuple[int, ...]:
    """The first feature of each column."""
    found, at = [], 0
    for column in columns:
        found.append(at)
        at += column.width
    return tuple(found)


class Span(NamedTuple):
    """Features start..stop-1, which have one likelihood: all numbers, all binary, or one category together."""

    kind: ColumnKind
    start: int
    stop: int


def spans(columns: Sequence[Column]) -> tuple[Span, ...]:
    """The features in order: neighbours of one kind are one span, but each category is its own."""
    found: list[Span] = []
    for column, start in zip(columns, starts(columns), strict=True):
        if found and column.kind == found[-1].kind != "category":
            found[-1] = found[-1]._replace(stop=start + 1)
        else:
            found.append(Span(column.kind, start, start + column.width))
    return tuple(found)


def numeric(columns: Sequence[Column]) -> list[bool]:
    """Whether each feature is a number, and not what a binary column or a category became."""
    return [column.kind == "number" for column in columns for _ in range(column.width)]


def is_mixed(columns: Sequence[Column]) -> bool:
    """Whether some column is no number."""
    return any(column.kind != "number" for column in columns)
