"""What datasets are called."""

from __future__ import annotations

import re

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
