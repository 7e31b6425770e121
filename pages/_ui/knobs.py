"""From a setting to its widget: range, steps, choices and help come from the spec's field, words from the copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import streamlit as st

from ae_core.spec import RunSpec, Setting, settings
from pages._ui import state
from pages._ui.text import has, language, t

MANTISSAS = (1, 2, 5)
SMALLEST = 1e-6  # above zero, on a log slider that also has zero


def edit(spec: RunSpec, keys: Iterable[str], running: RunSpec | None, on_change: dict[str, Callable[..., None]]) -> None:
    """Draws the widgets of these settings, in that order. running: the spec on the stage, whose differences are marked."""
    leaves = {leaf.key: leaf for leaf in settings(spec)}
    shown = {leaf.key: leaf.value for leaf in settings(running)} if running else {}
    for key in keys:
        if key in leaves:
            leaf = leaves[key]
            _draw(leaf, waiting=key in shown and shown[key] != leaf.value, on_change=on_change.get(key))


def label(key: str) -> str:
    """A setting's name for people."""
    return t(f"knob.{key}.label")


def choice(key: str, value: object) -> str:
    """A choice's name for people."""
    name = f"choice.{key}.{value}"
    return t(name) if has(name) else str(value)


def explain(leaf: Setting) -> str:
    """What the setting does, and what happens at its ends."""
    text = leaf.field.description if language() == "en" and leaf.field.description else t(f"knob.{leaf.key}.help")
    ends = [t(f"knob.{leaf.key}.{end}") for end in ("low", "high") if has(f"knob.{leaf.key}.{end}")]
    if len(ends) == 2:
        text += f"\n\n◂ {ends[0]}\n\n▸ {ends[1]}"
    return str(text)


def show(value: object) -> str:
    """A value as a person writes it."""
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def steps(leaf: Setting) -> list[float]:
    """The stops of a log slider: 1, 2, 5 and so on (or powers of two) between the bounds, zero where it is allowed, and
    always the value itself."""
    low, high = leaf.low or 0.0, leaf.high or 0.0
    start = low if low > 0 else SMALLEST
    if leaf.knob.scale == "log2":
        stops = [2.0**power for power in range(round(math.log2(start)), int(math.log2(high)) + 1)]
    else:
        powers = range(math.floor(math.log10(start)), math.ceil(math.log10(high)) + 1)
        stops = [mantissa * 10.0**power for power in powers for mantissa in MANTISSAS]
    fitting = {float(f"{stop:.3g}") for stop in stops if start * 0.999 <= stop <= high * 1.001} | {float(leaf.value)}
    if low == 0:
        fitting.add(0.0)
    return sorted(fitting)


def _draw(leaf: Setting, waiting: bool, on_change: Callable[..., None] | None) -> None:
    state.fill(leaf)
    name = label(leaf.key)
    if leaf.knob.live:
        name += f" :green-badge[{t('transport.live')}]"
    elif waiting:
        name += f" :orange-badge[{t('transport.needs_reset')}]"
    common = {"label": name, "key": leaf.key, "help": explain(leaf), "on_change": on_change}
    if leaf.choices:
        st.selectbox(options=leaf.choices, format_func=lambda value: choice(leaf.key, value), **common)
    elif isinstance(leaf.default, bool):
        st.toggle(**common)
    elif leaf.knob.scale != "linear":
        kind = type(leaf.default)
        st.select_slider(options=[kind(stop) for stop in steps(leaf)], format_func=show, **common)
    elif leaf.knob.step is not None:
        kind = type(leaf.default)
        st.slider(min_value=kind(leaf.low), max_value=kind(leaf.high), step=kind(leaf.knob.step), **common)
    else:
        whole = isinstance(leaf.default, int) or leaf.key == "training_patience"
        kind = int if whole else float
        st.number_input(
            min_value=kind(leaf.low), max_value=kind(leaf.high), step=1 if whole else None, placeholder="–", **common
        )
