"""A button that puts a run beside others."""

from __future__ import annotations

import streamlit as st

from ae_core.store import Run
from pages._ui import state
from pages._ui.text import t


def pin_ui(run: Run, key: str = "pin") -> None:
    """Adds the run to those that this tab compares, or takes it out again."""
    is_in = run.id in state.pinned()
    word, icon = ("unpin", ":material/keep_off:") if is_in else ("pin", ":material/keep:")
    st.button(t(f"compare.{word}"), key=key, icon=icon, type="tertiary", on_click=_turn, args=(run.id, is_in))


def _turn(run: str, is_in: bool) -> None:
    pinned = state.pinned()
    state.pin([one for one in pinned if one != run] if is_in else [*pinned, run])
    if not is_in:
        state.notify("info", t("compare.pinned", count=len(state.pinned())))
