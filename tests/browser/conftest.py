"""What every browser test gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

WINDOW = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile for the visitors of a file, one after the other: what it keeps of scripts saves each of them a
    second.
    """
    context = browser.new_context(viewport=WINDOW)
    yield context
    context.close()


def forget(profile: BrowserContext) -> None:
    """Closes what is open and forgets who it was: whoever comes next is new here."""
    for page in profile.pages:
        if page.url.startswith("http"):
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.close()
    profile.clear_cookies()


@contextmanager
def visitor(profile: BrowserContext) -> Iterator[Page]:
    """A page of a new visitor that must not complain."""
    opened, complaints = profile.new_page(), []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield opened
    forget(profile)
    # Streamlit looks for its own health below a page (404); what is refused (409, 422) is said on the page itself
    assert [said for said in complaints if not re.search("404|409|422", said)] == []


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    """A page of one test."""
    with visitor(profile) as opened:
        yield opened
