"""What datasets and their columns are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ae_core.data.shelf import shelf
from ae_core.errors import DataMissing
from ae_core.spec import DataSpec, Own
from pages._ui.text import t


def kind_title(kind: str) -> str:
    """What a kind of dataset is called."""
    return t("data.own") if kind == "own" else t(f"dataset.{kind}.title")


def title(data: DataSpec) -> str:
    """What the dataset is called, in plain words that mean nothing to Markdown."""
    if not isinstance(data, Own):
        return kind_title(data.kind)
    try:
        return plain(shelf().card(data.digest).title) or t("data.own")
    except DataMissing:
        return t("data.own")


def plain(name: str) -> str:
    """A stranger's name without what Markdown, HTML or LaTeX would read, at most 60 characters."""
    return re.sub(r"[^\w \-.,()+%]|_", " ", name).strip()[:60]


def as_keys(names: Sequence[str]) -> list[str]:
    """Names as the keys of a row: one that is empty, or there already, gets the number of its place."""
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        found.append(name if name and name not in found else f"{name} ({number})".strip())
    return found
