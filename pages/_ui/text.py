"""Every sentence on the screen, by key, in the reader's language. The sentences live in assets/copy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

LANGUAGES = ("en", "zh")
COOKIE = "latent_lab_language"
_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "copy"


def language() -> str:
    """The reader's language: what they chose, in this session or an earlier one, else what their browser asks for."""
    chosen = st.session_state.get("language") or st.context.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return str(chosen)
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"


def t(key: str, **values: Any) -> str:
    """The sentence of that key. Numbers and names enter by name: t("network.summary", parameters="4,354")."""
    return sentences(language())[key].format(**values)


def section(prefix: str) -> dict[str, str]:
    """All sentences below a prefix, by the rest of their key; for components, which cannot ask."""
    start = prefix + "."
    return {key.removeprefix(start): text for key, text in sentences(language()).items() if key.startswith(start)}


def has(key: str) -> bool:
    """Whether there is a sentence of that key."""
    return key in sentences(language())


@cache
def sentences(name: str) -> Mapping[str, str]:
    """All sentences of one language, by dotted key."""
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file)))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
