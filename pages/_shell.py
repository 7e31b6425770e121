"""The frame round every page: title, language, and which pages there are."""

from pathlib import Path

import streamlit as st

from pages._ui import components, state
from pages._ui.text import COOKIE, LANGUAGES, language, t

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def title_ui() -> None:
    """The project's name, and the choice of language, which a cookie remembers."""
    now = language()
    with st.container(key="title_row", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(t("app.title"), anchor=False, width="content")
        st.segmented_control(
            t("app.language"),
            LANGUAGES,
            default=now,
            key="language",
            format_func=lambda name: t(f"app.languages.{name}"),
            label_visibility="collapsed",
            required=True,
        )
    st.caption(t("app.tagline"))
    components.remember({COOKIE: now}, t("app.html_language"))


def pages_ui() -> None:
    """The way to each page."""
    with st.container(key="pages", horizontal=True, gap="xsmall"):
        for page in PAGES:
            st.page_link(page, width="content")


st.set_page_config(page_title=t("app.title"), page_icon=ASSETS / "images" / "icon.png", layout="wide")
state.open_session()
st.html(ASSETS / "page.css")
st.html(f'<style>[data-testid="stExpandSidebarButton"]::after {{ content: "{t("app.settings")}"; }}</style>')
PAGES = [
    st.Page("playground.py", title=t("nav.playground"), icon=":material/model_training:", default=True),
    st.Page("data.py", title=t("nav.data"), icon=":material/database:"),
    st.Page("explore.py", title=t("nav.explore"), icon=":material/explore:"),
    st.Page("compare.py", title=t("nav.compare"), icon=":material/compare:"),
    st.Page("sweep.py", title=t("nav.sweep"), icon=":material/grid_view:"),
    st.Page("tune.py", title=t("nav.tune"), icon=":material/auto_awesome:"),
]
here = st.navigation(PAGES, position="hidden")
with st.sidebar:
    title_ui()
    pages_ui()
here.run()
