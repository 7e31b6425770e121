"""The stage and the hourglass in a real browser, outside Streamlit, fed with frames of `ae_core.frames`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.harness.server import ORACLE, serving
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop, and uvicorn's use of websockets
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

NOT_A_NUMBER = re.compile(r"NaN|undefined|Infinity|null")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as found:
        yield found


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Open the harness; a script error anywhere fails the test."""
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("pageerror", lambda error: errors.append(str(error)))

    def go(query: str) -> Page:
        page.goto(f"{address}/?{query}")
        page.wait_for_function("window.ready === true")
        return page

    yield go
    page.close()
    assert errors == []


def frames_drawn(page: Page, more: int = 1) -> None:
    """Wait until the stage has drawn so many frames beyond those it has."""
    stage = "document.querySelector('[data-testid=stage]').dataset"
    page.wait_for_function(f"before => +{stage}.frames >= before", arg=int(page.evaluate(f"{stage}.frames")) + more)


INK = """panel => { const c = document.querySelector(`[data-testid=stage-${panel}] canvas`);
        const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
        return new Set(d).size; }"""


def ink(page: Page, panel: str) -> int:
    """How many different colours a panel's canvas shows: 1 if it is blank."""
    return page.evaluate(INK, panel)


def canvas(page: Page, panel: str) -> tuple[float, float, float, float]:
    box = page.locator(f"[data-testid=stage-{panel}] canvas").first.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def test_browser_decodes_what_python_encodes(visit: Callable[..., Page]) -> None:
    """Every dtype, shape and header value of a frame arrives in the browser as it left Python."""
    page = visit("")
    found = page.evaluate(
        """async () => { const frame = component.decode(await (await fetch("/oracle")).arrayBuffer());
        const wanted = await (await fetch("/oracle?values")).json();
        const plain = ([name, { shape, data }]) => [name, { shape, values: [...data] }];
        const arrays = Object.fromEntries(Object.entries(frame.arrays).map(plain));
        return { header: frame.header, arrays, wanted }; }"""
    )
    assert found["header"] == {"v": 1, "run": "oracle", "note": "损失 ≤ ½"}
    assert found["arrays"] == found["wanted"]
    assert found["arrays"].keys() == ORACLE.keys()


def test_stage_says_what_it_shows(visit: Callable[..., Page]) -> None:
    """The root element carries run, status, step and epoch, and every picture has words for those who cannot see it."""
    page = visit("run=digits&at=0.5&still=1")
    stage = page.get_by_test_id("stage")
    expect(stage).to_have_attribute("data-run", "digits")
    expect(stage).to_have_attribute("data-status", "running")
    expect(stage).to_have_attribute("data-step", "2400")
    expect(stage).to_have_attribute("data-epoch", "40")
    expect(page.get_by_test_id("stage-live")).to_contain_text("Epoch 40 of 80")
    expect(page.get_by_test_id("stage-train-mse")).to_have_text(re.compile(r"^0\.0\d+$"))
    for name in ("latent", "loss", "pairs", "units", "layers"):
        expect(page.locator(f"[data-testid=stage-{name}] canvas[role=img]")).to_have_attribute(
            "aria-label", re.compile(".")
        )
        assert ink(page, name) > 10
    assert page.evaluate("states") == [["status", "running"]]


@pytest.mark.parametrize(
    "scene",
    [
        "digits",
        "one",
        "three",
        "eight",
        "variational",
        "points",
        "plane",
        "table",
        "series",
        "diverged",
        "interrupted",
    ],
)
def test_every_kind_of_run_has_its_pictures(visit: Callable[..., Page], scene: str) -> None:
    """Pictures, points, tables and codes of any width are drawn, in both languages' words, without a stray NaN."""
    page = visit(f"run={scene}&at=0.41&hz=30&theme=dark&language=zh")
    page.wait_for_function("document.querySelector('[data-testid=stage]').dataset.frames > 3")
    page.wait_for_function("document.querySelector('[data-panel=pairs] canvas').width > 300")
    for name in ("latent", "loss", "pairs", "units", "layers"):
        page.locator(f"[data-testid=stage-{name}] canvas[role=img]").scroll_into_view_if_needed()
        frames_drawn(page, 0)
        page.wait_for_function(
            "name => document.querySelector(`[data-panel=${name}] canvas`).hasAttribute('aria-label')", arg=name
        )
        assert ink(page, name) > 4
    assert not NOT_A_NUMBER.search(page.get_by_test_id("stage").inner_text())
    assert not re.search(
        r"\b[a-z]+_[a-z]+\b", re.sub(r"class_\d|\w+/\w+", "", page.get_by_test_id("stage").inner_text())
    )


def test_status_is_told_once(visit: Callable[..., Page]) -> None:
    """Python hears of each change of status once; a divergence shows a banner over the last good picture."""
    page = visit("run=diverged&at=0.4&hz=40")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-status", "diverged")
    expect(page.get_by_test_id("stage-banner")).to_contain_text("5,000 times")
    page.evaluate("render(stageData('diverged'))")
    assert page.evaluate("states") == [["status", "running"], ["status", "diverged"]]
    assert ink(page, "latent") > 10


def test_empty_and_unknown_runs_have_a_picture(visit: Callable[..., Page]) -> None:
    """No run, an unknown run and a waiting run each say what they are."""
    page = visit("")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-status", "empty")
    expect(page.get_by_test_id("stage-cover")).to_be_visible()
    page.evaluate("render(stageData('nowhere'))")
    expect(page.get_by_test_id("stage-cover")).to_contain_text("does not exist")
    page.evaluate("render(stageData('queued'))")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-status", "queued")
    expect(page.get_by_test_id("stage-cover")).to_contain_text("Waiting")


def test_reconnects_and_keeps_the_picture(visit: Callable[..., Page], address: str) -> None:
    """After the server dropped the socket the picture stays, a chip tells, and the stream goes on by itself."""
    page = visit("run=digits&at=0.1&hz=20")
    frames_drawn(page, 3)
    httpx.post(f"{address}/hold")
    httpx.post(f"{address}/drop")
    expect(page.get_by_test_id("stage-link")).to_be_visible()
    step = int(page.get_by_test_id("stage").get_attribute("data-step") or 0)
    assert ink(page, "latent") > 10
    httpx.post(f"{address}/release")
    expect(page.get_by_test_id("stage-link")).to_be_hidden(timeout=20_000)
    page.wait_for_function("step => +document.querySelector('[data-testid=stage]').dataset.step > step", arg=step)


def test_zoom_hover_and_filter_outlive_frames_and_reruns(visit: Callable[..., Page]) -> None:
    """What the reader looks at stays: zoom and class filter through frames and page reruns, until the double click."""
    page = visit("run=digits&at=0.5&hz=20")
    frames_drawn(page, 2)
    x, y, w, h = canvas(page, "latent")
    picture = page.locator("[data-testid=stage-latent] canvas").first
    page.mouse.move(x + w * 0.6, y + h * 0.5)
    page.mouse.wheel(0, -400)
    page.wait_for_function("+document.querySelector('[data-panel=latent] canvas').dataset.zoom > 1.2")
    zoom = picture.get_attribute("data-zoom")
    seven = page.get_by_test_id("stage-legend").get_by_role("button", name="7")
    seven.click()
    expect(seven).to_have_attribute("aria-pressed", "true")
    frames_drawn(page, 3)
    page.evaluate("render(stageData('digits'))")
    frames_drawn(page, 2)
    assert picture.get_attribute("data-zoom") == zoom
    expect(page.get_by_test_id("stage-legend").get_by_role("button", name="7")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.mouse.dblclick(x + w * 0.5, y + h * 0.5)
    expect(picture).to_have_attribute("data-zoom", "1.000")
    for way in range(4, 17):  # somewhere on this line there is a point of class 7
        page.mouse.move(x + w * way / 20, y + h * 0.5)
    page.get_by_test_id("stage-legend").get_by_role("button", name="7").click()
    expect(page.get_by_test_id("stage-legend").get_by_role("button", name="7")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_rerun_keeps_the_socket_and_cleanup_closes_it(visit: Callable[..., Page], address: str) -> None:
    """A rerun with the same run opens nothing; another run replaces the socket; leaving the page closes it."""
    page = visit("run=digits&at=0.1&hz=20")
    frames_drawn(page, 1)
    opened = httpx.get(f"{address}/sockets").json()["opened"]
    page.evaluate("render(stageData('digits'))")
    frames_drawn(page, 2)
    assert httpx.get(f"{address}/sockets").json()["opened"] == opened
    stale = page.evaluate("() => { const first = cleanup; render(stageData('table')); first(); return true; }")
    assert stale
    expect(page.get_by_test_id("stage")).to_have_attribute("data-run", "table")
    frames_drawn(page, 2)
    page.evaluate("cleanup()")
    wait_for(lambda: httpx.get(f"{address}/sockets").json()["open"] == 0)


def test_switches_redraw_the_curves(visit: Callable[..., Page]) -> None:
    """Every switch says what is chosen and changes the picture; the crosshair tells values, also by key."""
    page = visit("run=variational&at=0.6&still=1")
    frames_drawn(page, 0)
    page.wait_for_function("document.querySelector('[data-panel=loss] canvas').width > 300")
    shot = "document.querySelector('[data-panel=loss] canvas').toDataURL()"
    seen = {page.evaluate(shot)}
    for name, value in [("view", "terms"), ("y", "linear"), ("x", "seconds"), ("x", "step"), ("view", "mse")]:
        button = page.locator(f"[data-switch={name}] [value={value}]")
        before = page.evaluate(shot)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        page.wait_for_function(f"before => {shot} !== before", arg=before)
        seen.add(page.evaluate(shot))
    assert len(seen) == 6
    x, y, w, h = canvas(page, "loss")
    page.mouse.move(x + w / 2, y + h / 2)
    expect(page.get_by_test_id("stage-tip")).to_contain_text("validation")
    page.mouse.move(0, 0)
    expect(page.get_by_test_id("stage-tip")).to_be_hidden()
    page.locator("[data-testid=stage-loss] canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_test_id("stage-tip")).to_contain_text("Learning rate")
    page.get_by_test_id("stage-pairs").scroll_into_view_if_needed()
    tiles = canvas(page, "pairs")
    page.mouse.move(tiles[0] + 20, tiles[1] + 20)
    expect(page.get_by_test_id("stage-tip")).to_contain_text("MSE")


def test_theme_changes_are_seen(visit: Callable[..., Page]) -> None:
    """When Streamlit's colours change under it, the stage draws itself in the new ones."""
    page = visit("run=digits&at=0.5&still=1")
    frames_drawn(page, 0)
    expect(page.get_by_test_id("stage")).not_to_have_class(re.compile("ll-dark"))
    page.evaluate("setTheme('dark')")
    expect(page.get_by_test_id("stage")).to_have_class(re.compile("ll-dark"))


def test_curves_survive_gaps_replays_and_hostile_numbers(visit: Callable[..., Page], address: str) -> None:
    """One point, rows taken back after a crash, negative values on a log axis: never NaN, never an error."""
    page = visit("run=digits&at=0.003&still=1")
    page.wait_for_function(f"({INK})('loss') > 4")
    kept = page.evaluate(
        """() => {
        const curves = new component.Curves(), rows = (...v) => ({ data: Float32Array.from(v), shape: [v.length] });
        const take = (from, full, step, train, val) => curves.take(from, { "curve.step": rows(...step),
          "curve.train.mse": rows(...train), ...(val && { "curve.val.mse": rows(...val) }) }, full);
        take(0, true, [0, 1, 2, 3], [4, 3, 2, 1]);
        take(2, false, [2, 3, 4], [2.5, NaN, 1.5], [9, NaN, 8]);
        const once = [curves.length, curves.last("train.mse"), curves.last("val.mse")];
        take(20000, false, [7], [7]);
        take(20001, false, [8], [8]);
        return [once, curves.length, curves.last("train.mse")]; }"""
    )
    assert kept[0] == [5, 1.5, 8]
    assert kept[1:] == [7, 8]


def test_large_runs_are_drawn_at_twenty_frames_a_second(visit: Callable[..., Page]) -> None:
    """2,000 points and 64 pictures at 20 Hz reach the screen; frames of a busy machine are skipped, never queued."""
    page = visit("run=large&at=0.1&hz=20")
    frames_drawn(page, 20)
    expect(page.locator("[data-testid=stage-latent] canvas").first).to_have_attribute("data-points", "2000")
    assert ink(page, "pairs") > 10


def test_stage_fits_a_phone(visit: Callable[..., Page]) -> None:
    """At 390 px all panels stand below each other and nothing is wider than the screen."""
    page = visit("run=digits&at=0.5&still=1&theme=dark")
    page.set_viewport_size({"width": 390, "height": 844})
    frames_drawn(page, 0)
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    boxes = [
        page.locator(f"[data-panel={name}]").bounding_box() for name in ("latent", "loss", "pairs", "units", "layers")
    ]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert len({round(box["x"]) for box in boxes if box}) == 1


def test_hourglass_is_shaped_by_hand(visit: Callable[..., Page]) -> None:
    """Neurons by + and −, exact widths as numbers, layers added and removed; Python hears where it rests."""
    page = visit("part=hourglass")
    root = page.get_by_test_id("hourglass")
    page.get_by_test_id("hourglass-hidden-0-more").click()
    expect(root).to_have_attribute("data-hidden", "[192,64]")
    page.get_by_test_id("hourglass-latent-more").click()
    page.get_by_test_id("hourglass-hidden-1").fill("37")
    page.get_by_test_id("hourglass-hidden-1").press("Enter")
    expect(root).to_have_attribute("data-hidden", "[192,37]")
    expect(page.get_by_test_id("hourglass-ratio")).to_have_text("21.3× smaller")
    said = "Object.fromEntries(states)"
    page.wait_for_function(f"`${{{said}.hidden}}` === '192,37' && {said}.latent === 3")
    page.evaluate("render(hourglassData({ hidden: [192, 37], latent: 3, parameters: 5 }))")
    expect(page.get_by_test_id("hourglass-parameters")).to_have_text("5")
    for _ in range(6):
        page.get_by_test_id("hourglass-add-layer").click(force=True)
    expect(page.get_by_test_id("hourglass-add-layer")).to_be_disabled()
    for _ in range(6):
        page.get_by_test_id("hourglass-remove-layer").click()
    expect(root).to_have_attribute("data-hidden", "[]")
    expect(page.get_by_test_id("hourglass-picture")).to_have_attribute("aria-label", re.compile("64, 3, 64"))


CONV = {"kind": "conv", "hidden": [16, 32], "min_layers": 1, "max_layers": 4, "widths_max": 256}
SERIES = {"size": 32, "shape": [32, 1], "form": "series"}
RECURRENT = {"kind": "sequence", "hidden": [64], "min_layers": 1, "max_layers": 3, "widths_max": 512, "input": SERIES}


def test_hourglass_draws_feature_maps(visit: Callable[..., Page]) -> None:
    """Each block is a stack whose sides are halved at once when one is added; the last block cannot be taken away."""
    page = visit("part=hourglass&data=" + quote(json.dumps(CONV)))
    root = page.get_by_test_id("hourglass")
    for text in ("×4×4", "×2×2"):
        expect(root.get_by_text(text, exact=True)).to_be_visible()
    page.get_by_test_id("hourglass-add-layer").click()
    expect(root).to_have_attribute("data-hidden", "[16,32,64]")
    expect(root.get_by_text("×1×1", exact=True)).to_be_visible()
    page.get_by_test_id("hourglass-hidden-0-more").click()
    expect(root).to_have_attribute("data-hidden", "[24,32,64]")
    for _ in range(2):
        page.get_by_test_id("hourglass-remove-layer").click()
    expect(page.get_by_test_id("hourglass-remove-layer")).to_be_disabled()
    page.wait_for_function("JSON.stringify(states.at(-1)) === '[\"hidden\",[24]]'")


def test_hourglass_keeps_recurrent_layers_alike(visit: Callable[..., Page]) -> None:
    """All states have one width: a new layer takes it, and changing one changes all."""
    page = visit("part=hourglass&data=" + quote(json.dumps(RECURRENT)))
    root = page.get_by_test_id("hourglass")
    page.get_by_test_id("hourglass-add-layer").click()
    page.get_by_test_id("hourglass-hidden-1-more").click()
    expect(root).to_have_attribute("data-hidden", "[96,96]")
    expect(root.get_by_text("×32", exact=True)).to_have_count(2)


def test_hourglass_takes_pythons_word_but_not_an_old_one(visit: Callable[..., Page]) -> None:
    """An answer to an earlier state does not undo what the hand has just done; a new choice of Python's is taken."""
    page = visit("part=hourglass")
    root = page.get_by_test_id("hourglass")
    page.get_by_test_id("hourglass-hidden-0-more").click()
    page.evaluate("render(hourglassData({ hidden: [128, 64] }))")
    expect(root).to_have_attribute("data-hidden", "[192,64]")
    page.wait_for_function("states.length === 1")
    page.evaluate("render(hourglassData({ hidden: [192, 64] }))")
    page.evaluate("render(hourglassData({ hidden: [32], latent: 4 }))")
    expect(root).to_have_attribute("data-hidden", "[32]")
    expect(root).to_have_attribute("data-latent", "4")
    page.evaluate("render(hourglassData({ hidden: [32], latent: 4, locked: true }))")
    expect(page.get_by_test_id("hourglass-hidden-0")).to_be_disabled()
    expect(page.get_by_test_id("hourglass-add-layer")).to_be_disabled()
