"""Explore in the real browser: frames and decodes a second while a point is dragged, and how soon a step is shown."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from ae_core.spec import RunSpec, changed
from ae_core.starter import STARTER_RUN
from tests.benchmarks.client import Api
from tests.benchmarks.measure import table
from tests.running import App, chromium, running_app
from tests.waiting import wait_for

READY = "[data-testid=explore][data-ready=true][data-points]"
WALKS: dict[str, dict[str, Any]] = {
    "digits, 64-128-64-2": {},
    "mnist5k, 784-256-64-2": {"data_kind": "mnist5k", "model_hidden": (256, 64)},
    "mnist5k, convolutional": {"data_kind": "mnist5k", "model_kind": "conv"},
    "swiss roll, 20,000 points": {"data_kind": "swiss_roll", "data_samples": 20_000},
}
DRAGGED = 4.0  # seconds of one drag
DRAG = """(seconds) => new Promise((done) => {
  const sheet = document.querySelector('[data-testid=explore-sheet]'), box = sheet.getBoundingClientRect();
  const decodes = () => Number(document.querySelector('[data-testid=explore-decoded]').dataset.decodes);
  const before = decodes(), began = performance.now();
  let frames = 0;
  const move = () => {
    const past = (performance.now() - began) / 1000;
    if (past > seconds) return done([frames / past, (decodes() - before) / past]);
    frames++;
    const [x, y] = [0.5 + 0.3 * Math.cos(3 * past), 0.5 + 0.3 * Math.sin(2 * past)];
    const place = { clientX: box.left + x * box.width, clientY: box.top + y * box.height };
    sheet.dispatchEvent(new PointerEvent('pointermove', { pointerId: 1, bubbles: true, ...place }));
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})"""


def run() -> Iterator[str]:
    """The tables, one after the other."""
    with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as app, chromium() as browser:
        runs = {name: finished(app, values) for name, values in WALKS.items()}
        yield drags(app, browser, runs)
        yield steps(app, browser)


def finished(app: App, values: dict[str, Any]) -> str:
    """A short run that has ended."""
    with closing(Api(app.url)) as api:
        name = api.start(changed(RunSpec(), {"training_epochs": 3, **values}))
        wait_for(lambda: api.told(name)["status"] == "finished", f"{name} to end")
    return name


def opened(app: App, browser: Browser, name: str) -> Page:
    """Explore with that run's map drawn, all of it."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{app.url}/explore?run={name}")
    page.locator(READY).wait_for(timeout=60_000)
    more = page.get_by_test_id("explore-more")
    if more.is_visible():
        more.click()
        more.wait_for(state="hidden", timeout=60_000)
    page.locator("[data-testid=explore-decoded][data-decodes]").wait_for()
    return page


def drags(app: App, browser: Browser, runs: dict[str, str]) -> str:
    """Frames and decodes a second of a drag across the map."""
    rows = []
    for name, found in runs.items():
        page = opened(app, browser, found)
        box = page.locator("[data-testid=explore-sheet]").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        frames, decodes = page.evaluate(DRAG, DRAGGED)
        page.mouse.up()
        points = page.locator("[data-testid=explore]").get_attribute("data-points") or ""
        page.context.close()
        rows.append([name, f"{int(points):,}", f"{frames:.1f}", f"{decodes:.1f}"])
    return table(["dragging across the map", "points", "frames/s", "decodes/s"], rows)


def steps(app: App, browser: Browser) -> str:
    """Milliseconds from a key on the slider of epochs to the starter's map of that step, the first time and later."""
    page = opened(app, browser, STARTER_RUN)
    kept = int(page.locator("[data-testid=explore-scrub]").get_attribute("max") or 0)
    took: dict[str, list[float]] = {"asked for the first time": [], "seen before": []}
    for label, key in (("asked for the first time", "ArrowLeft"), ("seen before", "ArrowRight")):
        for _ in range(kept):
            page.get_by_test_id("explore-scrub").focus()
            before = page.locator("[data-testid=explore]").get_attribute("data-drawn")
            began = time.perf_counter()
            page.keyboard.press(key)
            page.locator(f"{READY}:not([data-drawn='{before}'])").wait_for()
            took[label].append((time.perf_counter() - began) * 1000)
    page.context.close()
    rows = [[label, f"{statistics.median(found):,.0f}", f"{max(found):,.0f}"] for label, found in took.items()]
    return table(["ms from the slider to the map of a step, digits", "median", "slowest"], rows)
