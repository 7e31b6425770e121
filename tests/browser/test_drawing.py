"""The drawing board in a real browser: mouse, finger and keys draw, and one button sends what was drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, Page, expect

from ae_core.data.drawn import drawn
from tests.running import ROOT, free_port
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
SOON = 60_000  # milliseconds

SCRATCH = """
import json
import streamlit as st
from pages._ui import components

st.set_page_config(layout="wide")

def take():
    st.session_state.sent = json.dumps(st.session_state.board["drawn"])

st.session_state.turns = st.session_state.get("turns", 0) + 1
components.drawing("board", take, seed=7)
st.button("again", key="again")
st.text(f"turn {st.session_state.turns}")
st.code(st.session_state.get("sent", ""), language=None)
"""


@contextmanager
def scratch(folder: Path) -> Iterator[str]:
    """Address of a page that has the board and nothing else."""
    (folder / "scratch.py").write_text(SCRATCH, encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "scratch.py"), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    with (folder / "log").open("wb") as out:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        _until_healthy(f"http://127.0.0.1:{port}/_stcore/health", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _until_healthy(address: str, log: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            assert time.monotonic() < give_up, log.read_text(errors="replace")
            time.sleep(0.1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The scratch page, served."""
    with scratch(tmp_path_factory.mktemp("scratch")) as address:
        yield address


@pytest.fixture
def board(page: Page, url: str) -> Page:
    """A page with an empty board."""
    return opened(page, url)


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.locator("[data-testid=drawing][data-points]").wait_for(timeout=SOON)
    return page


def count(page: Page) -> int:
    """Points on the board."""
    return int(page.get_by_test_id("drawing").get_attribute("data-points") or -1)


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where on the screen a place of the board is."""
    box = page.get_by_test_id("drawing-board").bounding_box()
    assert box is not None
    room = box["width"] - 20
    return box["x"] + 10 + room * (x + 1) / 2, box["y"] + 10 + room * (1 - y) / 2


def stroke(page: Page, *places: tuple[float, float]) -> None:
    """Presses the mouse at the first place, drags it through the others, and lets go."""
    page.mouse.move(*at(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*at(page, *place), steps=8)
    page.mouse.up()


def pressed(page: Page, name: str) -> None:
    page.get_by_test_id(f"drawing-{name}").click()


def sent(page: Page) -> list[Any]:
    """What arrives in Python once the button is pressed."""
    pressed(page, "use")
    code = page.locator("[data-testid=stCode] code")
    expect(code).to_contain_text("points", timeout=SOON)
    return list(json.loads(code.inner_text())["points"])


def test_a_stroke_becomes_points_where_it_went(board: Page) -> None:
    """The spray leaves its points within its radius of the stroke, and Python gets them as they are."""
    stroke(board, (-0.8, 0.3), (0.8, 0.3))
    number = count(board)
    assert 80 < number < 120  # 6 on every tenth of 1.6, and the dab with which it begins

    points = sent(board)

    assert len(points) == number
    assert all(abs(y - 0.3) < 0.08 and -0.88 < x < 0.88 and c == 0 for x, y, c in points)
    card, items = drawn({"points": points}, "mine")
    assert (card.count, items.labels) == (number, None)


def test_nothing_is_sent_while_one_draws(board: Page) -> None:
    """Strokes, tools and undo cause no rerun."""
    expect(board.get_by_text("turn 1", exact=True)).to_be_visible(timeout=SOON)
    stroke(board, (-0.5, -0.5), (0.5, 0.5))
    pressed(board, "class-3")
    stroke(board, (-0.5, 0.5), (0.5, -0.5))
    pressed(board, "undo")
    board.wait_for_timeout(700)  # longer than Streamlit waits before it sends
    expect(board.get_by_text("turn 1", exact=True)).to_be_visible()


def test_the_same_seed_sprays_the_same_points(board: Page, url: str) -> None:
    """A spray with a seed can be repeated: the first dab is the same on a fresh board."""
    dabs = []
    for _ in range(2):
        for _ in range(8):
            stroke(board, (0.2, 0.2))
        dabs.append(sent(board))
        board.evaluate("sessionStorage.clear()")
        opened(board, url)
    assert dabs[0] == dabs[1]


def test_dots_classes_eraser_and_undo(board: Page) -> None:
    """A click sets one point of the chosen class; the eraser removes what it touches; undo brings it back, in order."""
    pressed(board, "dot")
    for number, x in enumerate((-0.6, -0.3, 0.0, 0.3, 0.6)):
        pressed(board, f"class-{number + 1}")
        stroke(board, (x, 0.0))
    assert count(board) == 5
    pressed(board, "erase")
    stroke(board, (-0.7, 0.0), (-0.2, 0.0))
    assert count(board) == 3
    pressed(board, "undo")
    assert count(board) == 5
    pressed(board, "clear")
    assert count(board) == 0
    pressed(board, "undo")
    pressed(board, "undo")
    assert count(board) == 4


def test_too_few_points_cannot_be_used(board: Page) -> None:
    """The button waits for twenty points, and the counter says so."""
    pressed(board, "dot")
    stroke(board, (0.1, 0.1))
    expect(board.get_by_test_id("drawing-use")).to_be_disabled()
    expect(board.get_by_text("at least 20")).to_be_visible()


def test_each_shape_fills_the_board_and_can_be_used(board: Page) -> None:
    """Every preset is a drawing that the server takes, and undo brings back what was there."""
    pressed(board, "presets")
    shapes = [one.get_attribute("data-testid") for one in board.locator(".ll-dr-shapes button").all()]
    assert len(shapes) >= 5
    pressed(board, "presets")
    for shape in shapes:
        pressed(board, "presets")
        board.get_by_test_id(str(shape)).click()
        assert 200 < count(board) < 1000, shape
    pressed(board, "presets")
    pressed(board, "shape-letters")
    card, items = drawn({"points": sent(board)}, "letters")
    assert card.label_names == ("1", "2", "3")
    assert items.labels is not None


def test_the_keyboard_draws(board: Page) -> None:
    """Arrows move, space sets a point, a digit chooses the class, Ctrl+Z takes back; what happened is said."""
    board.get_by_test_id("drawing-board").focus()
    board.keyboard.press("Space")
    board.keyboard.press("2")
    for _ in range(4):
        board.keyboard.press("ArrowRight")
    board.keyboard.press("ArrowUp")
    board.keyboard.press("Space")
    assert count(board) == 2
    expect(board.get_by_test_id("drawing-said")).to_have_text("2 of 5,000 points")
    board.keyboard.press("Control+z")
    assert count(board) == 1
    for number in range(19):
        board.keyboard.press("ArrowRight" if number < 10 else "ArrowDown")
        board.keyboard.press("Space")
    points = sent(board)
    assert points[0] == [0, 0, 0]
    assert points[1] == [0.25, 0.05, 1]


def test_the_drawing_outlives_reruns_and_a_reload(board: Page) -> None:
    """A rerun of the page, and even a reload, leave the board as it was."""
    stroke(board, (-0.5, -0.5), (0.5, 0.5))
    number = count(board)
    board.get_by_text("again").click()
    expect(board.get_by_text("turn 2", exact=True)).to_be_visible(timeout=SOON)
    assert count(board) == number
    stroke(board, (0.5, -0.5))
    assert count(board) == number + 3
    pressed(board, "undo")
    assert count(board) == number
    board.reload()
    board.locator(f"[data-testid=drawing][data-points='{number}']").wait_for(timeout=SOON)


def test_there_is_an_end_to_it(board: Page) -> None:
    """5,000 points and no more, and drawing goes on to be quick."""
    board.get_by_test_id("drawing-density").fill("20")
    board.get_by_test_id("drawing-size").fill("0.25")
    for row in range(16):
        y = row / 10 - 0.75
        stroke(board, (-0.95, y), (0.95, y))
    assert count(board) == 5000
    expect(board.get_by_text("The board is full.")).to_be_visible()
    assert len(sent(board)) == 5000


def test_a_finger_draws_on_a_phone(browser: Browser, url: str) -> None:
    """At 390 px a finger draws without scrolling the page, the board has the full width, nothing is cut off."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), url)
    page.get_by_test_id("drawing-board").scroll_into_view_if_needed()
    touch = context.new_cdp_session(page)
    for kind, places in (("touchStart", [(0, 0.6)]), ("touchMove", [(0, y / 10) for y in range(6, -7, -1)])):
        for place in places:
            x, y = at(page, *place)
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    assert 40 < count(page) < 90
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    box, whole = page.get_by_test_id("drawing-board").bounding_box(), page.get_by_test_id("drawing").bounding_box()
    assert box is not None
    assert whole is not None
    assert box["width"] == pytest.approx(whole["width"], abs=1)
    assert len(sent(page)) == count(page)
    context.close()
