"""How a setting moves over the run: the small curve in its place, and the drawer in which the curve is shaped."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import get_args

import streamlit as st

from ae_core.plots.schedule import course, draw_course
from ae_core.spec import Schedule, Setting, Way
from pages._ui import state
from pages._ui.text import t

PARTS = ("way", "start", "end", "share", "cycles")


def picture(plan: Schedule, epochs: int, name: str) -> None:
    """The curve of a setting that moves, under its name."""
    st.markdown(f":small[{name}]")
    said = t("schedule.alt", name=name, start=f"{plan.start:g}", end=f"{plan.end:g}", epochs=epochs)
    st.html(f'<figure class="ll-course">{_drawn(plan, epochs, said)}<p>{plan.start:g} → {plan.end:g}</p></figure>')


def _drawn(plan: Schedule, epochs: int, said: str) -> str:
    """The curve as an image: Streamlit lets no SVG through as it is."""
    packed = b64encode(draw_course(course(plan, epochs)).encode()).decode()
    return f'<img alt="{escape(said)}" src="data:image/svg+xml;base64,{packed}">'


def choose(leaf: Setting, plan: Schedule | None, epochs: int) -> None:
    """The drawer of a setting that may move."""
    drawer = st.popover(
        " ",
        icon=":material/timeline:",
        key=f"moves_{leaf.key}",
        help=t("schedule.title"),
        type="tertiary",
        on_change="rerun",
    )
    if not drawer.open:
        return
    with drawer:
        keys = {part: f"plan_{leaf.key}_{part}" for part in (*PARTS, "on")}
        state.fill(keys["on"], plan is not None)
        st.toggle(t("schedule.title"), key=keys["on"], on_change=state.act(_switch), args=(leaf,))
        if plan is None:
            st.caption(t("schedule.help"))
            return
        for part in PARTS:
            state.fill(keys[part], getattr(plan, part))
        edit = {"on_change": state.act(_edit), "args": (leaf.key,)}
        low, high = float(leaf.low or 0.0), float(leaf.high if leaf.high is not None else 1e6)
        st.selectbox(
            t("schedule.way"),
            get_args(Way),
            format_func=lambda way: t(f"schedule.ways.{way}"),
            key=keys["way"],
            **edit,
        )
        with st.container(horizontal=True):
            for part in ("start", "end"):
                st.number_input(
                    t(f"schedule.{part}"), min_value=low, max_value=high, step=None, format="%g", key=keys[part], **edit
                )
        st.slider(t("schedule.share"), min_value=0.05, max_value=1.0, step=0.05, key=keys["share"], **edit)
        if plan.way == "cyclic":
            st.slider(t("schedule.cycles"), min_value=1, max_value=20, key=keys["cycles"], **edit)
        st.caption(t("schedule.axis", epochs=epochs))
        st.html(f'<figure class="ll-course">{_drawn(plan, epochs, t("schedule.axis", epochs=epochs))}</figure>')


def _switch(leaf: Setting) -> None:
    """From the least value to the present one, or to the usual one where that is the same."""
    if not state.value(f"plan_{leaf.key}_on"):
        state.move(leaf.key, None)
        return
    low = float(leaf.low or 0.0)
    end = next((value for value in (leaf.value, leaf.default) if value > low), min(1.0, leaf.high or 1.0))
    state.move(leaf.key, Schedule(setting=leaf.key, start=low, end=float(end)))


def _edit(key: str) -> None:
    values = {part: state.value(f"plan_{key}_{part}") for part in PARTS}
    state.move(key, Schedule(setting=key, **{part: value for part, value in values.items() if value is not None}))
