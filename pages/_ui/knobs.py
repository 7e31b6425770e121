"""From a setting to its widget: range, steps, choices and help come from the spec's field, words from the copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import streamlit as st

from ae_core.spec import Own, RunSpec, Setting, in_effect, settings
from ae_core.variants import VARIANTS, variant_of
from pages._ui import schedules, state
from pages._ui.text import has, language, t
from pages._ui.titles import kind_title, title

SECTIONS = ("optimizer", "training", "model", "objective", "data")  # how it learns comes first
DRAWN_ELSEWHERE = frozenset(
    {"data_kind", "data_digest", "model_hidden", "model_channels", "model_width", "model_layers", "schedules"}
)
MANTISSAS = (1, 2, 5)
LIVE, WAITS = "#0f9d8a", "#d9730d"  # badges
SMALLEST = 1e-6  # above zero, on a log slider that also has zero


def simple(spec: RunSpec) -> list[str]:
    """The settings for beginners: what is peculiar to the variant, then how it learns, then the rest, as far as each
    has an effect."""
    name = variant_of(spec)
    own = VARIANTS[name].knobs if name else ()
    working = {leaf.key: leaf for leaf in in_effect(spec)}
    easy = [key for key, leaf in working.items() if leaf.knob.level == "beginner"]
    easy.sort(key=lambda key: SECTIONS.index(working[key].path[0]))
    return [key for key in dict.fromkeys([*own, *easy]) if key in working and key not in DRAWN_ELSEWHERE]


def advanced(spec: RunSpec) -> list[str]:
    """Every setting that has an effect, those for beginners first."""
    rest = [leaf.key for leaf in in_effect(spec) if leaf.path[0] != "data" and leaf.key not in DRAWN_ELSEWHERE]
    return list(dict.fromkeys([*simple(spec), *rest]))


def edit(
    spec: RunSpec,
    keys: Iterable[str],
    on_change: Mapping[str, Callable[..., None]] | None = None,
    helpers: Mapping[str, Callable[[RunSpec], None]] | None = None,
) -> None:
    """Draws the widgets of these settings, in that order.

    A number that may move has a button beside it to make it follow a schedule, and gives way to the schedule's curve
    once it does. helpers: what else stands beside a setting.
    """
    leaves = {leaf.key: leaf for leaf in settings(spec)}
    plans = {plan.setting: plan for plan in spec.schedules}
    for key in keys:
        leaf, helper = leaves.get(key), (helpers or {}).get(key)
        if leaf is None:
            continue
        if not leaf.knob.moves:
            _draw(leaf, (on_change or {}).get(key))
            continue
        with st.container(key=f"moving_{key}", gap="xxsmall"):
            with st.container(gap="xxsmall"):
                if plan := plans.get(key):
                    schedules.picture(plan, spec.training.epochs, label(key))
                else:
                    _draw(leaf, (on_change or {}).get(key))
            with st.container(key=f"beside_{key}", horizontal=True, gap="xxsmall", width="content"):
                schedules.choose(leaf, plan, spec.training.epochs)
                if helper:
                    helper(spec)


def waiting(spec: RunSpec, running: RunSpec) -> list[str]:
    """Keys of the settings that differ from the running experiment and cannot change while it trains."""
    shown = {leaf.key: leaf.value for leaf in settings(running)}
    return [
        leaf.key for leaf in settings(spec) if not leaf.knob.live and shown.get(leaf.key, leaf.default) != leaf.value
    ]


def badges(spec: RunSpec, running: RunSpec | None) -> None:
    """Marks beside the names of settings: which change at once, and which wait for the next run.

    As style, not as text of the label: a widget whose label changes would lose the reader's grip on it.
    """
    live = [leaf.key for leaf in settings(spec) if leaf.knob.live]
    rules = [_badge(key, t("transport.live"), LIVE) for key in live]
    rules += [_badge(key, t("transport.needs_reset"), WAITS) for key in (waiting(spec, running) if running else [])]
    st.html(f"<style>{''.join(rules)}</style>")


def _badge(key: str, word: str, colour: str) -> str:
    return (
        f'.st-key-{key} [data-testid="stWidgetLabel"] p::after {{ content: "{word}"; '
        f"color: color-mix(in srgb, {colour} 75%, currentColor); "
        f"background: color-mix(in srgb, {colour} 16%, transparent); }}"
    )


def label(key: str) -> str:
    """A setting's name for people."""
    return t(f"knob.{key}.label")


def choice(key: str, value: object) -> str:
    """A choice's name for people."""
    if key == "data_kind":
        return kind_title(str(value))
    if key == "data_digest":
        return title(Own(digest=str(value)))
    name = f"choice.{key}.{value}"
    return t(name) if has(name) else str(value)


def explain(leaf: Setting) -> str:
    """What the setting does, and what happens at its ends."""
    text = leaf.field.description if language() == "en" and leaf.field.description else t(f"knob.{leaf.key}.help")
    ends = [t(f"knob.{leaf.key}.{end}") for end in ("low", "high") if has(f"knob.{leaf.key}.{end}")]
    if len(ends) == 2:
        text += f"\n\n◂ {ends[0]}\n\n▸ {ends[1]}"
    return str(text)


def facts(spec: RunSpec) -> list[tuple[str, str]]:
    """Every setting that has an effect, with its value, as people read them; one that moves from where to where."""
    moving = {plan.setting: f"{plan.start:g} → {plan.end:g}" for plan in spec.schedules}
    return [
        (label(leaf.key), moving.get(leaf.key, show(leaf.value, leaf.key)))
        for leaf in in_effect(spec)
        if leaf.key != "schedules"
    ]


def show(value: object, key: str = "") -> str:
    """A value as a person writes it; words by their name, if the setting is given."""
    if key and isinstance(value, str):
        return choice(key, value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def steps(leaf: Setting, also: Iterable[float] = ()) -> list[float]:
    """The stops of a log slider: 1, 2, 5 and so on (or powers of two) between the bounds, zero where it is allowed, and
    always the value itself and those."""
    low, high = leaf.low or 0.0, leaf.high or 0.0
    start = low if low > 0 else SMALLEST
    if leaf.knob.scale == "log2":
        stops = [2.0**power for power in range(round(math.log2(start)), int(math.log2(high)) + 1)]
    else:
        powers = range(math.floor(math.log10(start)), math.ceil(math.log10(high)) + 1)
        stops = [mantissa * 10.0**power for power in powers for mantissa in MANTISSAS]
    fitting = {float(f"{stop:.12g}") for stop in stops if start * 0.999 <= stop <= high * 1.001}
    fitting |= {float(stop) for stop in (leaf.value, *also)}
    if low == 0:
        fitting.add(0.0)
    return sorted(fitting)


def _decimals(*values: float | None) -> int:
    """Digits behind the point that tell all of these exactly."""
    return max(len(f"{value:g}".partition(".")[2]) for value in values if value is not None)


def _draw(leaf: Setting, on_change: Callable[..., None] | None) -> None:
    state.fill(leaf.key, leaf.value)
    common = {"label": label(leaf.key), "key": leaf.key, "help": explain(leaf), "on_change": on_change}
    if leaf.choices:
        st.selectbox(options=leaf.choices, format_func=lambda value: choice(leaf.key, value), **common)
    elif isinstance(leaf.default, bool):
        st.toggle(**common)
    elif leaf.knob.scale != "linear":
        kind = type(leaf.default)
        stops = steps(leaf, state.formerly(leaf.key))
        st.select_slider(options=[kind(stop) for stop in stops], format_func=show, **common)
    elif leaf.knob.step is not None:
        kind = type(leaf.default)
        digits = "%d" if kind is int else f"%.{_decimals(leaf.low, leaf.high, leaf.knob.step)}f"
        st.slider(
            min_value=kind(leaf.low), max_value=kind(leaf.high), step=kind(leaf.knob.step), format=digits, **common
        )
    else:
        whole = isinstance(leaf.default, int) or leaf.key == "training_patience"
        kind = int if whole else float
        st.number_input(
            min_value=kind(leaf.low), max_value=kind(leaf.high), step=1 if whole else None, placeholder="–", **common
        )
