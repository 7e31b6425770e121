"""What every browser test gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page


@contextmanager
def visitor(browser: Browser) -> Iterator[Page]:
    """A page of a new visitor that must not complain."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    # Streamlit looks for its own health below a page (404); what is refused (409, 422) is said on the page itself
    assert [said for said in complaints if not re.search("404|409|422", said)] == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of one test."""
    with visitor(browser) as opened:
        yield opened
