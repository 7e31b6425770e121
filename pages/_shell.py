"""The frame round every page: title, language, and which pages there are."""

from pathlib import Path

import streamlit as st

from pages._ui import components, state
from pages._ui.text import COOKIE, LANGUAGES, language, t

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def language_ui() -> None:
    """The choice of language, which a cookie remembers."""
    now = language()
    st.selectbox(
        t("app.language"),
        LANGUAGES,
        index=LANGUAGES.index(now),
        key="language",
        format_func=lambda name: t(f"app.languages.{name}"),
    )
    components.remember({COOKIE: now})


st.set_page_config(page_title=t("app.title"), page_icon=ASSETS / "images" / "icon.png", layout="wide")
state.open_session()
st.html(ASSETS / "page.css")
with st.sidebar:
    st.title(t("app.title"), anchor=False)
    st.caption(t("app.tagline"))
page = st.navigation([st.Page("playground.py", title=t("nav.playground"), default=True)], position="hidden")
page.run()
with st.sidebar:
    language_ui()
