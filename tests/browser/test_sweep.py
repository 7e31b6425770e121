"""Sweeps in the real browser: all cells live on one page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import App
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

GRID = "[data-testid=multiples]"
CELL = "[data-testid=multiples-cell]"


def told(page: Page, name: str) -> int:
    """A number that the grid says of itself."""
    return int(page.locator(GRID).get_attribute(f"data-{name}") or 0)


def asked(page: Page, app: App, name: str, count: int) -> None:
    """The page with this question asked, and all its cells pictured."""
    page.goto(f"{app.url}/sweep")
    page.locator(f".st-key-ask_{name} button").click(timeout=60_000)
    page.locator(GRID).wait_for(timeout=60_000)
    wait_for(lambda: told(page, "drawn") == count)


def test_the_learning_rate_question_shows_slow_good_and_diverged(app: App, page: Page) -> None:
    """Six cells train at once; the smallest rate hardly moves, one in the middle is best, the largest diverges."""
    asked(page, app, "learning_rate", 6)
    wait_for(lambda: told(page, "settled") == 6)
    cells = page.locator(CELL)
    wait_for(lambda: cells.nth(5).get_attribute("data-status") == "diverged")
    assert [cells.nth(n).get_attribute("data-status") for n in range(5)] == ["finished"] * 5
    errors = [float(cells.nth(n).locator("b").inner_text().removeprefix("★ ")) for n in range(5)]
    best = min(range(5), key=errors.__getitem__)
    assert best in (2, 3)
    assert errors[0] > 2 * errors[best]
    wait_for(lambda: cells.nth(best).get_attribute("data-best") == "true")
    expect(page.get_by_text("The smallest error of items kept aside", exact=False)).to_be_visible(timeout=20_000)


def test_a_cell_enlarges_under_the_pointer_and_opens_on_a_click(app: App, page: Page) -> None:
    """The picture beside it is larger; the link leads to that run in the Playground."""
    asked(page, app, "activation", 5)
    cell = page.locator(CELL).nth(3)
    run = cell.get_attribute("data-run")
    cell.hover(position={"x": 20, "y": 20})
    cell.hover(position={"x": 30, "y": 30})
    page.locator(".mu-large:not([hidden])").wait_for()
    large, small = (page.locator(part).first.bounding_box() for part in (".mu-large canvas", f"{CELL} canvas"))
    assert large["width"] > 1.5 * small["width"]
    cell.click()
    page.locator(f"[data-testid=stage][data-run='{run}']").wait_for(timeout=60_000)


def test_a_sweep_is_found_again_after_a_refresh_and_by_its_link(app: App, page: Page, browser: Browser) -> None:
    """The address names it, for the owner and for anybody else."""
    asked(page, app, "depth", 5)
    wait_for(lambda: "sweep=" in page.url)
    page.reload()
    wait_for(lambda: page.locator(GRID).count() and told(page, "drawn") == 5)
    other = browser.new_context(locale="zh-CN", viewport={"width": 390, "height": 844}).new_page()
    other.goto(page.url)
    wait_for(lambda: other.locator(GRID).count() and told(other, "drawn") == 5)
    assert other.locator(".st-key-sweep_stop").count() == 0
    assert other.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    other.context.close()


def test_the_runs_of_each_seed_can_be_watched(app: App, page: Page) -> None:
    """Of a sweep with three seeds one is shown, named by its number; choosing another one shows that one's runs."""
    page.goto(f"{app.url}/sweep?training_epochs=5&training_seed=7")
    page.locator(".st-key-sweep_seeds").get_by_role("radio", name="3").click(timeout=60_000)
    start = page.locator(".st-key-sweep_start button")
    expect(start).to_contain_text("15", timeout=60_000)
    start.click()
    page.locator(GRID).wait_for(timeout=60_000)
    wait_for(lambda: told(page, "drawn") == 5)
    first = shown(page)
    chooser = page.get_by_role("radiogroup", name="Show the runs of seed")
    chooser.get_by_role("radio", name="8").click()
    wait_for(lambda: told(page, "drawn") == 5 and not shown(page) & first)
    assert {app.run(run)["spec"]["training"]["seed"] for run in first} == {7}
    assert {app.run(run)["spec"]["training"]["seed"] for run in shown(page)} == {8}
    chart = page.locator("[class*=st-key-sweep_chart]")
    chart.wait_for(timeout=60_000)
    expect(chart.get_by_label("Error of the items kept aside at each value of")).to_have_count(1)


def shown(page: Page) -> set[str]:
    """Ids of the runs on the grid."""
    return {str(cell.get_attribute("data-run")) for cell in page.locator(CELL).all()}
