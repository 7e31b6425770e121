"""Datasets in the real browser: chosen, drawn, and trained on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.running import App
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
SOON = 60_000  # milliseconds


def trained(page: Page, epochs: int = 3) -> None:
    """In the Playground, the dataset on the knobs is trained on to the end."""
    page.get_by_role("button", name=re.compile("^Train")).first.click(timeout=SOON)
    stage = page.locator("[data-testid=stage]")
    wait_for(lambda: stage.get_attribute("data-status") in ("running", "finished") and stage.get_attribute("data-run"))
    wait_for(lambda: float(stage.get_attribute("data-epoch") or 0) >= epochs)
    page.get_by_role("button", name=re.compile("^Stop")).first.click(timeout=SOON)


def test_a_chosen_dataset_is_the_one_on_the_knobs(app: App, page: Page) -> None:
    """A card on the data page, and the same card in the Playground; the link names it."""
    page.goto(f"{app.url}/data")
    page.get_by_test_id("data-rings").click(timeout=SOON)
    expect(page.get_by_role("heading", name="Rings")).to_be_visible(timeout=SOON)
    page.wait_for_url(re.compile("data_kind=rings"), timeout=SOON)
    page.get_by_role("button", name="Train on it in the Playground").click()
    expect(page.get_by_test_id("data-rings")).to_have_attribute("aria-checked", "true", timeout=SOON)
    trained(page)


def test_a_drawing_becomes_a_dataset_that_trains_and_can_be_deleted(app: App, page: Page) -> None:
    """Drawn, named, used: it is on the knobs, has a picture among the cards, and goes again."""
    page.goto(f"{app.url}/data")
    page.get_by_text("Draw", exact=True).click(timeout=SOON)
    page.get_by_label("Name of the drawing").fill("two moods")
    page.get_by_test_id("drawing-presets").click(timeout=SOON)
    page.get_by_text("Heart", exact=True).click()
    page.get_by_test_id("drawing-use").click()
    expect(page.get_by_role("heading", name="two moods")).to_be_visible(timeout=SOON)
    card = page.locator("[data-testid^='data-own-']")
    expect(card).to_have_attribute("aria-checked", "true")
    wait_for(lambda: card.locator("img").evaluate("image => image.complete && image.naturalWidth") == 240)
    page.get_by_role("button", name="Train on it in the Playground").click()
    expect(page.locator("[data-testid^='data-own-'][aria-checked=true]")).to_be_visible(timeout=SOON)
    trained(page)
    page.goto(f"{app.url}/data?{page.url.partition('?')[2]}")
    page.locator("[data-testid^='data-own-']").click(timeout=SOON)
    page.get_by_role("button", name="Delete").click(timeout=SOON)
    page.get_by_role("button", name="Delete it").click(timeout=SOON)
    expect(page.get_by_text("The dataset is deleted", exact=False)).to_be_visible(timeout=SOON)
    expect(page.locator("[data-testid^='data-own-']")).to_have_count(0)
