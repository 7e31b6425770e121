"""Every sentence on the screen, by key, in the reader's language. The sentences live in assets/copy."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import streamlit as st

from ae_core.errors import AeError

LANGUAGES = ("en", "zh")
COOKIE = "latent_lab_language"
MOST_LISTED = 36
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


def listed(values: Iterable[tuple[str, float | None]]) -> str:
    """Numbers by name in one line, for those who hear a chart instead of seeing it; a dash where there is none."""
    pairs = list(values)
    rest = ["…"] if len(pairs) > MOST_LISTED else []
    told = (f"{name}: {'–' if value is None or math.isnan(value) else f'{value:.3g}'}" for name, value in pairs)
    return "; ".join([*islice(told, MOST_LISTED), *rest])


def said(error: AeError | str) -> str:
    """What the library says of a refusal, in the reader's language, with settings called by their names."""
    sentence = _translated(str(error)) if language() == "zh" else str(error)
    return _SETTING.sub(lambda found: _named(found.group()), sentence)


def _named(path: str) -> str:
    key = f"knob.{path.replace('.', '_')}.label"
    return t(key) if has(key) else path


_SETTING = re.compile(r"\b[a-z]+(?:\.[a-z][a-z_0-9]+)+")


def _translated(sentence: str) -> str:
    """The Chinese of an English refusal, or of each of its sentences; what nobody has translated stays."""
    parts = _NEXT.split(sentence)
    if len(parts) > 1:
        return " ".join(map(_translated, parts))
    for pattern, template in _refusals():
        if found := pattern.fullmatch(sentence):
            return template.format(**{name: _translated(part) for name, part in found.groupdict().items()})
    return sentence


_NEXT = re.compile(r"(?<=\.) (?=[a-z_.0-9]+: )")  # between what is said of one setting and of the next


@cache
def refusals(of: str) -> list[tuple[str, str]]:
    """What the library says in English, with {} around what changes, and how it is said in that language; those with
    most words of their own first. For components, to which the engine's refusals come in English.
    """
    file = _FOLDER / f"refusals.{of}.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["refusal"] if file.exists() else []
    rows.sort(key=lambda row: -len(re.sub(r"\{\w+\}", "", row["en"])))
    return [(row["en"], row["zh"]) for row in rows]


@cache
def _refusals() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(_pattern(english), re.DOTALL), chinese) for english, chinese in refusals("zh")]


def _pattern(template: str) -> str:
    """A regular expression with a group for each name in the template."""
    return re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template))


def section(prefix: str) -> dict[str, str]:
    """All sentences below a prefix, by the rest of their key; for components, which cannot ask."""
    start = prefix + "."
    return {key.removeprefix(start): text for key, text in sentences(language()).items() if key.startswith(start)}


@cache
def names(of: str) -> Mapping[str, str]:
    """What classes and features are called in that language, by their English name; components look them up."""
    file = _FOLDER / f"names.{of}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def local(name: str) -> str:
    """A class or feature as the reader's language calls it; a number at its end is kept."""
    known, stem = names(language()), re.sub(r" \d+$", "", name)
    return known.get(name) or (known[stem] + name[len(stem) :] if stem in known else name)


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
