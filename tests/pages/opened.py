"""The app as a test without a browser opens it."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

SHELL = Path(__file__).resolve().parents[2] / "pages" / "_shell.py"


def clean(app: AppTest) -> AppTest:
    """The same app, after making sure that no exception reached the page."""
    assert [error.message for error in app.exception] == []
    return app
