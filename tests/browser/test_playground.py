"""The whole thing in a real browser: server, engine, store, stream and stage, as a student uses it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import WINDOW, forget
from tests.running import App
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.browser,
    # Playwright's own event loop
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

STAGE = "document.querySelector('[data-testid=stage]')?.dataset"
LONG = "training_epochs=5000"
WATCH_PLACES = """() => {
  window.places = new Set();
  const look = () => {
    const buttons = Array.from(document.querySelectorAll('.st-key-transport button'));
    places.add(buttons.map((button) => Math.round(button.getBoundingClientRect().x)).join());
    requestAnimationFrame(look);
  };
  look();
}"""  # every arrangement of the transport's buttons that any frame showed
PATIENCE = 60_000  # milliseconds that a busy machine may take for anything here


@pytest.fixture
def visit(browser: Browser, profile: BrowserContext, app: App) -> Iterator[Callable[..., Page]]:
    """Opens the playground as a new visitor; a script error or a traceback anywhere fails the test."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def go(query: str = "", **options: object) -> Page:
        known = not contexts and not options  # the first visitor of a test, with nothing special
        context = profile if known else browser.new_context(viewport=WINDOW, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{app.url}/?{query}")
        page.wait_for_selector("[data-testid=stage]")
        return page

    yield go
    for context in contexts:
        for page in context.pages:
            assert page.locator("[data-testid=stException]").count() == 0
        forget(context)
        if context is not profile:
            context.close()
    assert errors == []


def told(page: Page, name: str) -> str:
    """What the stage says of itself."""
    return str(page.evaluate(f"{STAGE}.{name}"))


def until(page: Page, condition: str) -> None:
    """Waits until it holds of the stage's data, called d."""
    page.wait_for_function(f"(() => {{ const d = {STAGE}; return !!d && {condition} }})()")


def press(page: Page, key: str, label: str = "") -> None:
    """Presses a transport button once it can be pressed and says that."""
    button = page.locator(f".st-key-{key} button", has_text=label)
    expect(button).to_be_enabled()
    button.click()


def train(page: Page) -> str:
    """Presses Train and waits until the new run is on the stage and trains; its id."""
    before = told(page, "run")
    press(page, "train")
    until(page, f"d.run !== '{before}' && d.status === 'running' && +d.step > 0")
    return told(page, "run")


def test_a_finished_run_is_on_the_stage_at_once_and_train_works_untouched(visit):
    """The first screen is alive, and Train without touching anything else trains to the end, drawing all the way."""
    page = visit()
    until(page, "d.status === 'finished' && d.run === 'starter'")

    train(page)
    until(page, "d.status === 'finished' && d.epoch === '300'")

    assert int(told(page, "frames")) > 10
    expect(page.get_by_test_id("stage-val-mse")).to_contain_text(re.compile(r"0\.0\d"))


def test_pause_step_resume_and_stop_do_what_they_say(visit, app):
    """Paused holds its step; Step moves it by exactly one batch; Resume goes on; Stop measures."""
    page = visit(LONG)
    run = train(page)

    press(page, "hold", "Pause")
    until(page, "d.status === 'paused'")
    held = int(told(page, "step"))
    press(page, "step")
    until(page, f"+d.step === {held + 1} && d.status === 'paused'")
    press(page, "hold", "Resume")
    until(page, f"d.status === 'running' && +d.step > {held + 1}")
    press(page, "stop")
    until(page, "d.status === 'stopped'")

    assert app.run(run)["metrics"]["val_mse"] > 0


def test_no_button_moves_when_a_run_changes_its_state(visit):
    """What is under the finger stays there: a click while the run pauses or goes on hits what it aimed at."""
    page = visit(LONG)
    train(page)
    page.evaluate(WATCH_PLACES)
    press(page, "hold", "Pause")
    press(page, "hold", "Resume")
    press(page, "hold", "Pause")
    press(page, "stop")
    expect(page.locator(".st-key-stop button")).to_be_disabled()
    assert page.evaluate("places.size") == 1


def test_on_a_short_screen_the_run_comes_into_view(browser, app):
    """Pressing Train on a small laptop shows what learns, with the buttons still in reach."""
    context = browser.new_context(viewport={"width": 1366, "height": 650})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{app.url}/?{LONG}")
    page.wait_for_selector("[data-testid=stage]")
    expect(page.locator(".ll-latent")).not_to_be_in_viewport(ratio=0.6)
    train(page)
    expect(page.locator(".ll-latent")).to_be_in_viewport(ratio=0.6)
    press(page, "stop")
    context.close()


def test_the_learning_rate_changes_in_flight(visit, app):
    """Moving the slider changes the run that trains, without a new one."""
    page = visit(LONG)
    run = train(page)

    page.locator(".st-key-optimizer_learning_rate input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    wait_for(lambda: app.run(run)["learning_rate"] == 0.002)

    assert told(page, "run") == run
    assert "learning_rate_set" in app.kinds(run)
    press(page, "stop")


def test_a_refresh_finds_the_same_run_with_its_whole_curve(visit):
    """Reloading the tab in the middle of a run loses nothing."""
    page = visit(LONG)
    run = train(page)
    step = int(told(page, "step"))

    page.reload()
    until(page, f"d.status === 'running' && +d.step >= {step}")

    assert told(page, "run") == run
    press(page, "stop")


def test_a_student_with_the_link_watches_but_cannot_steer(visit, app):
    """A link opens the run for somebody else, who sees it move and has no hold on it."""
    page = visit(LONG)
    run = train(page)
    other = visit(f"run={run}")
    until(other, f"d.run === '{run}' && d.status === 'running' && +d.frames > 3")

    expect(other.locator(".st-key-stop button")).to_be_disabled()
    refused = other.request.post(f"{app.url}/api/runs/{run}/commands", data={"command": "stop"})
    assert refused.status == 403
    press(page, "stop")


def test_reset_keeps_the_starting_weights_and_new_seed_changes_them(visit, app):
    """Two resets show the same first loss; a new seed shows another one."""

    def first_loss(page: Page) -> float:
        until(page, "d.status === 'paused' && d.step === '0'")
        return float(
            next(event["val"]["loss"] for event in app.events(told(page, "run")) if event["kind"] == "progress")
        )

    page = visit()
    until(page, "d.status === 'finished'")
    press(page, "reset")
    one = first_loss(page)
    press(page, "train")
    until(page, "+d.step > 0")
    press(page, "reset")
    two = first_loss(page)
    run = told(page, "run")
    press(page, "new_seed")
    until(page, f"d.run !== '{run}'")

    assert two == one
    assert first_loss(page) != one


def test_every_new_seed_is_the_next_and_the_one_that_trains(visit, app):
    """Pressed twice the knob shows 2, so does the waiting run, and Train trains that seed."""
    page = visit("training_epochs=2")
    until(page, "d.status === 'finished'")
    for seed in (1, 2):
        before = told(page, "run")
        press(page, "new_seed")
        until(page, f"d.run !== '{before}' && d.status === 'paused'")
        expect(page.locator(".st-key-training_seed input")).to_have_value(str(seed))
        assert app.run(told(page, "run"))["spec"]["training"]["seed"] == seed
    press(page, "train")
    until(page, "d.status === 'finished'")

    assert app.run(told(page, "run"))["spec"]["training"]["seed"] == 2


def test_train_replaces_the_run_that_trains(visit, app):
    """Pressing Train twice leaves one run training, not two."""
    page = visit(LONG)
    first = train(page)
    train(page)

    wait_for(lambda: app.run(first)["status"] == "stopped")
    press(page, "stop")


def test_what_stands_below_the_stage_follows_its_status(visit):
    """The chart of the latent map is offered once a run has finished, without touching anything."""
    page = visit("training_epochs=2")
    until(page, "d.status === 'finished'")
    page.locator(".st-key-train button").click()
    until(page, "d.run !== 'starter' && d.status === 'finished'")

    expect(page.locator(".st-key-closer")).to_be_visible()


def test_a_short_run_ends_with_all_its_points_in_the_picture(visit):
    """The axes go on to where the last points lie, also when no further frame comes."""
    page = visit("training_epochs=3")
    until(page, "d.status === 'finished'")
    page.locator(".st-key-train button").click()
    until(page, "d.run !== 'starter' && d.status === 'finished'")
    settled = page.wait_for_function(
        """() => {
            const { settled, inside } = document.querySelector('[data-testid=stage-latent] canvas').dataset;
            return settled === '1' && { inside };
        }"""
    )

    assert settled.json_value() == {"inside": "1"}


def test_the_longest_batch_is_a_batch(visit, app):
    """The last stop of the batch-size slider is its bound, and the other knobs still count."""
    page = visit("training_epochs=2")
    until(page, "d.status === 'finished'")
    page.locator(".st-key-training_batch_size input[type=range]").focus()
    page.keyboard.press("End")
    page.wait_for_url(re.compile("training_batch_size=4096"))
    press(page, "train")
    until(page, "d.run !== 'starter' && d.status === 'finished'")

    assert (
        app.run(told(page, "run"))["spec"]["training"] | {"batch_size": 4096, "epochs": 2}
        == app.run(told(page, "run"))["spec"]["training"]
    )


def test_divergence_is_a_sentence_with_a_way_back(visit, app):
    """Learning rate 100 with SGD ends as diverged, shows no NaN, and the offered button trains on."""
    page = visit("optimizer_kind=sgd&optimizer_learning_rate=100")
    until(page, "d.status === 'finished'")
    press(page, "train")
    until(page, "d.status === 'diverged'")

    expect(page.get_by_test_id("stage-banner")).to_contain_text("the steps were too long")
    assert not re.search(r"NaN|Infinity|undefined", page.get_by_test_id("stage").inner_text())
    run = told(page, "run")
    press(page, "rescue")
    wait_for(lambda: app.run(run)["learning_rate"] == 10)
    page.wait_for_url(re.compile("optimizer_learning_rate=10(&|$)"))


def test_the_hourglass_shapes_the_network_that_is_trained(visit, app):
    """A layer added and a wider code arrive in the next run's spec, and in the link."""
    page = visit("training_epochs=2")
    until(page, "d.status === 'finished'")
    page.get_by_test_id("hourglass-add-layer").click()
    page.get_by_test_id("hourglass-latent-more").click()
    page.wait_for_url(re.compile("model_code_latent_dim=3"))
    press(page, "train")
    until(page, "d.run !== 'starter' && d.status === 'finished'")

    model = app.run(told(page, "run"))["spec"]["model"]
    assert len(model["hidden"]) == 3
    assert model["code"]["latent_dim"] == 3


def test_zoom_is_kept_while_frames_arrive(visit):
    """Zooming into the latent space holds through the next frames."""
    page = visit(LONG)
    train(page)
    canvas = page.locator("[data-testid=stage-latent] canvas").first
    canvas.focus()
    page.keyboard.press("+")
    page.wait_for_function("document.querySelector('[data-testid=stage-latent] canvas').dataset.zoom > 1")
    zoom = canvas.get_attribute("data-zoom")
    before = int(told(page, "frames"))
    until(page, f"+d.frames > {before + 5}")

    assert canvas.get_attribute("data-zoom") == zoom
    press(page, "stop")


def test_keys_work_the_transport(visit):
    """T trains and X stops, without the mouse."""
    page = visit(LONG)
    until(page, "d.status === 'finished'")
    expect(page.locator(".st-key-train button")).to_be_enabled()
    page.locator("body").press("t")
    until(page, "d.run !== 'starter' && d.status === 'running'")
    expect(page.locator(".st-key-stop button")).to_be_enabled()
    page.locator("body").press("x")
    until(page, "d.status === 'stopped'")


def test_chinese_is_chosen_from_the_browser_and_english_is_remembered(visit):
    """A Chinese browser gets Chinese at first; a choice holds after a reload."""
    page = visit(locale="zh-CN")
    until(page, "d.status === 'finished'")
    expect(page.locator(".st-key-train button")).to_contain_text("训练")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.locator(".st-key-language").get_by_text("EN", exact=True).click()
    expect(page.locator(".st-key-train button")).to_contain_text("Train")
    page.wait_for_function("document.cookie.includes('latent_lab_language=en')")

    page.reload()
    expect(page.locator(".st-key-train button")).to_contain_text("Train")


def test_the_buttons_stay_in_reach_while_the_page_is_scrolled(visit):
    """Who looks at the reconstructions can still press Pause."""
    page = visit()
    until(page, "d.status === 'finished'")
    page.locator("[data-testid=stage-layers]").scroll_into_view_if_needed()
    expect(page.locator(".st-key-train button")).to_be_in_viewport()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(visit, width):
    """On a phone and on a laptop the page scrolls down, never sideways."""
    page = visit()
    page.set_viewport_size({"width": width, "height": 900})
    until(page, "d.status === 'finished'")

    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= width


def test_a_killed_worker_is_replaced_and_the_run_says_so(visit, app):
    """kill -9 of the workers in mid-run: the run goes on from its checkpoint, with a mark that tells it."""
    page = visit(LONG)
    run = train(page)
    wait_for(lambda: app.run(run)["step"] > 2000)
    host = next(
        child for child in psutil.Process(app.process.pid).children() if "ae_core.engine.host" in child.cmdline()
    )
    for child in host.children(recursive=True):
        if any("spawn_main" in part for part in child.cmdline()):
            child.send_signal(signal.SIGKILL)

    wait_for(lambda: "recovered" in app.kinds(run))
    until(page, f"d.run === '{run}' && d.status === 'running'")
    press(page, "stop")
    until(page, "d.status === 'stopped'")
