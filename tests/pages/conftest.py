"""What every test of a page gets."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.opened import SHELL


@pytest.fixture
def visitor(tmp_path, monkeypatch) -> AppTest:
    """A new visitor in front of the app, with a home of its own."""
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path))
    return AppTest.from_file(str(SHELL), default_timeout=60)
