"""Tune in the real browser: a study by one click, its pictures as they come, and the best in the playground."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.running import App

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
SOON = 60_000  # milliseconds
SMALL = "training_epochs=5&data_kind=moons&model_hidden=8"


def started(page: Page, app: App) -> Page:
    """A study of small runs, started by one click."""
    page.goto(f"{app.url}/tune?{SMALL}")
    page.locator(".st-key-tune_start button").click(timeout=SOON)
    page.locator(".st-key-tune_stop, .st-key-tune_go_on").first.wait_for(timeout=SOON)
    return page


def done(page: Page) -> Page:
    """The page once its study is done."""
    page.locator(".st-key-tune_go_on").wait_for(timeout=SOON)
    return page


def test_one_click_searches_and_the_best_opens_in_the_playground(page, app):
    """Start, watch the history grow by itself, see every picture, and take the best to the knobs."""
    started(page, app)
    dots = page.locator(".js-plotly-plot .scatterlayer .points path")
    dots.first.wait_for(timeout=SOON)
    done(page)
    expect(page.get_by_text(re.compile(r"complete \d+"))).to_be_visible()
    assert dots.count() > 5
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0  # nothing jumped
    charts = page.locator(".st-key-tune_chart button")
    for number in range(charts.count()):
        charts.nth(number).click()
        expect(charts.nth(number)).to_have_attribute("aria-checked", "true")
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=SOON)
    page.locator(".st-key-tune_take button").click()
    page.locator(".st-key-train").wait_for(timeout=SOON)
    expect(page.locator(".ll-stage")).to_be_visible()
    page.wait_for_url(re.compile(r"\?run="), timeout=SOON)


def test_a_study_can_be_stopped_and_goes_on_and_others_may_look(page, app, browser):
    """Stop is there while it searches; a link shows it to somebody else, who has no such button."""
    page.goto(f"{app.url}/tune?training_epochs=2000")
    page.locator(".st-key-tune_start button").click(timeout=SOON)
    page.locator(".st-key-tune_stop button").click(timeout=SOON)
    page.locator(".st-key-tune_go_on button").click(timeout=SOON)
    page.locator(".st-key-tune_stop").wait_for(timeout=SOON)
    other = browser.new_context()
    visitor = other.new_page()
    visitor.goto(page.url)
    visitor.get_by_text("belongs to another browser").wait_for(timeout=SOON)
    assert visitor.locator(".st-key-tune_stop, .st-key-tune_delete").count() == 0
    other.close()
    page.locator(".st-key-tune_stop button").click()
    page.locator(".st-key-tune_go_on").wait_for(timeout=SOON)


def test_it_fits_a_phone(page, app):
    """At 390 px nothing is cut off at the side, whichever picture is shown."""
    page.set_viewport_size({"width": 390, "height": 844})
    done(started(page, app))
    charts = page.locator(".st-key-tune_chart button")
    for number in range(charts.count()):
        charts.nth(number).click()
        expect(charts.nth(number)).to_have_attribute("aria-checked", "true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
