"""Runs side by side in the real browser: maps turned alike, one choice, one slider for all."""

from __future__ import annotations

from contextlib import closing

import pytest
from playwright.sync_api import Page

from ae_core.spec import RunSpec, changed
from tests.benchmarks.client import Api
from tests.running import App
from tests.waiting import wait_for

pytestmark = pytest.mark.browser

ROOT = "[data-testid=sidebyside]"
TURNED = """async ([a, b]) => {
  const { turned } = await import('/scripts/sidebyside.js');
  const map = (points) => ({
    x: Float64Array.from(points, ([x]) => x), y: Float64Array.from(points, ([, y]) => y),
    row: new Map(points.map((_, i) => [i, i])),
  });
  const found = turned(map(a), map(b));
  return found && Array.from(found.x, (x, i) => [x, found.y[i]]);
}"""


def told(page: Page, name: str) -> str:
    """What the root says of itself under data-<name>."""
    return page.locator(ROOT).get_attribute(f"data-{name}") or ""


@pytest.fixture(scope="module")
def two(app: App) -> list[str]:
    """Two runs of digits that have ended."""
    with closing(Api(app.url)) as api:
        runs = [api.start(changed(RunSpec(), {"training_epochs": 60, "training_seed": seed})) for seed in (0, 1)]
        wait_for(lambda: all(api.told(run)["status"] == "finished" for run in runs))
    return runs


def opened(page: Page, app: App, runs: list[str]) -> Page:
    """The page that compares these runs, with all maps drawn."""
    page.goto(f"{app.url}/compare?runs={','.join(runs)}")
    page.locator(ROOT).wait_for(timeout=60_000)
    wait_for(lambda: told(page, "drawn") == str(len(runs)))
    return page


def test_a_choice_in_one_map_is_the_same_items_in_the_other(app: App, page: Page, two: list[str]) -> None:
    """Drawn round in the first, lit in both; a click on the ground lets go. Maps are turned alike."""
    opened(page, app, two)
    assert told(page, "aligned") == "1"
    place = page.locator(".sb-run canvas").first.bounding_box()
    corners = ((0.05, 0.05), (0.5, 0.05), (0.5, 0.95), (0.05, 0.95))
    points = [(place["x"] + place["width"] * x, place["y"] + place["height"] * y) for x, y in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()
    wait_for(lambda: int(told(page, "selected")) > 10)
    before = [bytes_of(page, number) for number in (0, 1)]
    page.mouse.click(place["x"] + 3, place["y"] + 3)
    wait_for(lambda: told(page, "selected") == "0")
    wait_for(lambda: all(bytes_of(page, number) != before[number] for number in (0, 1)))


def bytes_of(page: Page, number: int) -> str:
    """A map's picture."""
    return str(page.locator(".sb-run canvas").nth(number).evaluate("(canvas) => canvas.toDataURL()"))


def test_one_slider_takes_all_runs_back(app: App, page: Page, two: list[str]) -> None:
    """Both to about the same step, and forward again."""
    opened(page, app, two)
    last = [int(step) for step in told(page, "steps").split(",")]
    page.locator("[data-testid=sidebyside-scrub]").fill("10")
    wait_for(lambda: all(int(step) < 0.5 * end for step, end in zip(told(page, "steps").split(","), last, strict=True)))
    page.locator("[data-testid=sidebyside-scrub]").fill("100")
    wait_for(lambda: [int(step) for step in told(page, "steps").split(",")] == last)


def test_the_line_between_two_runs_can_be_moved(app: App, page: Page, two: list[str]) -> None:
    """At one end all pictures are of the first run, at the other of the second."""
    opened(page, app, two)
    canvas, slider = page.locator(".sb-swipe canvas"), page.locator("[data-testid=sidebyside-swipe]")
    seen = set()
    for place in ("0", "50", "100"):
        slider.fill(place)
        wait_for(lambda: canvas.evaluate("(canvas) => canvas.toDataURL()") not in seen)
        seen.add(canvas.evaluate("(canvas) => canvas.toDataURL()"))
    assert len(seen) == 3


def test_a_map_that_was_turned_or_mirrored_is_turned_back(app: App, page: Page, two: list[str]) -> None:
    """Orthogonal Procrustes: of a rotated or reflected copy nothing remains; too few items are left as they are."""
    opened(page, app, two)
    points = [[0.3, 1.2], [-1.1, 0.4], [0.9, -0.7], [-0.2, -1.4], [1.3, 0.6]]
    for turn in ([[0.6, -0.8], [0.8, 0.6]], [[0.6, 0.8], [0.8, -0.6]]):
        moved = [[sum(row[k] * point[k] for k in (0, 1)) for row in turn] for point in points]
        back = page.evaluate(TURNED, [moved, points])
        for found, wanted in zip(back, points, strict=True):
            assert found == pytest.approx(wanted, abs=1e-9)
    assert page.evaluate(TURNED, [points[:2], points[:2]]) is None
