"""What is known of a dataset of somebody's own: all that can be said of it without its items."""

from __future__ import annotations

from typing import Literal

from ae_core.data.columns import Column
from ae_core.spec import Spec


class Dropped(Spec):
    """Something of the file that the dataset does not have. what: "rows", "columns", "files", "values" (filled in, not
    left out). names: of some of them. why: a key of the copy, `dropped.<why>`.
    """

    what: Literal["rows", "columns", "files", "values"]
    count: int
    why: str
    names: tuple[str, ...] = ()


class Card(Spec):
    """The record of an imported or drawn dataset, as it is stored beside its items.

    form, shape, value_range, nonnegative, counts, zero_is_missing, label_names, feature_names, columns: as in
    `data.dataset.Dataset`. count: items. label_name: what the classes are of (a column, "folder"), or "". files: names
    as they were uploaded. dropped: what was left out or filled in, and why. Items are in the file's own units.
    """

    title: str
    form: Literal["image", "points", "table", "series"]
    shape: tuple[int, ...]
    count: int
    value_range: tuple[float, float] | None = None
    nonnegative: bool = False
    counts: bool = False
    zero_is_missing: bool = False
    label_name: str = ""
    label_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    files: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
