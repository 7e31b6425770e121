"""The sentences above what a page shows: refusals, warnings, news."""

from __future__ import annotations

import streamlit as st

from pages._ui import state


def notices_ui() -> None:
    """Every sentence that waits to be shown, once."""
    for kind, text in state.notices():
        {"error": st.error, "warning": st.warning, "info": st.info}[kind](text)
