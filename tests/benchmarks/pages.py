"""Pages in the real browser: from a click to the end of the rerun that it brings about, with much to show.

A rerun that is over before the browser draws again changes no state that could be seen; then the first change counts.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page

from ae_core.spec import RunSpec, changed
from ae_core.store import Publication, Store
from tests.benchmarks.measure import table
from tests.running import App, chromium, running_app
from tests.studies import made_up, plan_of, write
from tests.waiting import wait_for

MANY = 200
ROUNDS = 4
OWNER = "x" * 22
WATCH = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  [window.reruns, window.changes] = [[], []];
  new MutationObserver(() => window.changes.push(performance.now())).observe(app, { childList: true, subtree: true });
  new MutationObserver(() => window.reruns.push([app.dataset.testScriptState, performance.now()]))
    .observe(app, { attributes: true, attributeFilter: ['data-test-script-state'] });
}"""
CLICK = (
    "(part) => { window.reruns.length = window.changes.length = 0; window.clicked = performance.now(); part.click(); }"
)
LAST = "(window.reruns.length ? window.reruns.at(-1)[1] : window.changes[0])"
ENDED = f"""() => (window.reruns.length ? window.reruns.at(-1)[0] === 'notRunning' : window.changes.length)
  && performance.now() - {LAST} > 400"""
TOOK = f"() => {LAST} - window.clicked"


def run() -> Iterator[str]:
    """The table."""
    with tempfile.TemporaryDirectory() as home:
        with closing(Store(f"sqlite:///{home}/lab.db")) as store:  # before an engine could take the runs up
            store.create()
            runs = [ended(store, number) for number in range(MANY)]
            plan = plan_of(sampler="random")
            study = write(store, plan, made_up(plan, ("complete", "pruned", "complete", "failed") * (MANY // 4)), OWNER)
        with running_app(Path(home)) as app, chromium() as browser:
            rows = [
                measured(app, browser, f"/compare?runs={','.join(runs)}", "compare_part", f"Compare, {MANY} runs"),
                measured(app, browser, f"/tune?study={study}", "tune_chart", f"Tune, {MANY} trials"),
                chosen(app, browser),
            ]
        yield table(["page, from a click to its end, ms", "clicks", "median", "95 of 100", "slowest"], rows)


def ended(store: Store, number: int) -> str:
    """A run that is over, every seventh of them failed."""
    values = {"optimizer_learning_rate": 0.001 * (number + 1), "training_seed": number % 3}
    run = store.add_run(changed(RunSpec(), values | {"model_activation": ("relu", "tanh")[number % 2]}), OWNER)
    attempt = store.begin_attempt(run, 0, "somebody")
    assert attempt is not None
    lost = number % 7 == 0
    store.publish(
        Publication(
            run=run,
            attempt=attempt.number,
            status="failed" if lost else "finished",
            step=3,
            epoch=3.0,
            seconds=0.1,
            goal=3,
            learning_rate=0.001,
            metrics={} if lost else {"val_mse": 1 / (number + 1), "train_mse": 1 / (number + 1)},
        )
    )
    return run


def measured(app: App, browser: Browser, address: str, key: str, name: str) -> list[str]:
    """Each choice of one row of buttons, again and again."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(app.url + address)
    buttons = page.locator(f".st-key-{key} button")
    buttons.first.wait_for(timeout=60_000)
    rested(page)
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )
    places = [*range(1, buttons.count()), 0]  # the first one is chosen already
    times = clicked(page, [buttons.nth(place) for place in places])
    page.context.close()
    return [name, *told(times)]


def rested(page: Page) -> None:
    """Waits for the end of the run of the page that is under way."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)


def chosen(app: App, browser: Browser) -> list[str]:
    """Datasets on the page Data, one card after the other."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{app.url}/data")
    kinds = ("rings", "blobs", "mnist5k", "tips", "waves", "heartbeats", "ratings", "wine")
    page.get_by_test_id("data-rings").wait_for(timeout=60_000)
    times = clicked(page, [page.get_by_test_id(f"data-{kind}") for kind in kinds])
    page.context.close()
    return ["Data, eight datasets in turn", *told(times)]


def clicked(page: Page, parts: Sequence[Locator]) -> list[float]:
    """Milliseconds of each rerun, without those of the first round, in which things are made that are then kept."""
    rested(page)
    page.evaluate(WATCH)
    times = []
    for number in range(ROUNDS):
        for part in parts:
            part.evaluate(CLICK)
            wait_for(lambda: page.evaluate(ENDED))
            if number:
                times.append(float(page.evaluate(TOOK)))
    return times


def told(times: Sequence[float]) -> list[str]:
    """How many, and their median, ninety-fifth percentile and largest."""
    order = sorted(times)
    return [
        str(len(order)),
        *(f"{ms:.0f}" for ms in (statistics.median(order), order[int(0.95 * len(order))], order[-1])),
    ]
