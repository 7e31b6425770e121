"""Screenshots of the app in every state: `python -m tests.browser.shots build/shots [part of a name ...]`

For human eyes; nothing compares pixels. A scene brings the page into a state, a view is a size, a theme and a language.
Each scene is taken in the views beside its name. Pictures are called `scene-view.png`; those of a `-tall` view show the
whole page. `LATENT_LAB_URL=http://...` takes the pictures of a server that runs already.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.running import chromium, running_app

WAIT = 60_000


@dataclass(frozen=True)
class View:
    """width, height in pixels. scheme: light or dark. locale: of the browser, which the app follows."""

    width: int
    height: int
    scheme: str = "light"
    locale: str = "en-GB"


LAPTOP = View(1280, 800)
VIEWS = {
    "laptop": LAPTOP,
    "laptop-dark": View(1280, 800, "dark"),
    "laptop-zh": View(1280, 800, locale="zh-CN"),
    "laptop-tall": View(1280, 2400),
    "projector": View(1920, 1080),
    "phone": View(390, 844),
    "phone-dark": View(390, 844, "dark"),
    "phone-dark-tall": View(390, 4200, "dark"),
    "phone-zh-tall": View(390, 4200, locale="zh-CN"),
}
EVERYWHERE = tuple(VIEWS)
USUALLY = ("laptop", "laptop-dark", "phone", "phone-dark")


def starter(page: Page) -> None:
    """What a first visitor sees."""
    until(page, "finished")


def no_run(page: Page) -> None:
    """A link to a run that there is not."""
    go(page, "/?run=does-not-exist")
    page.wait_for_load_state("networkidle")


def bad_link(page: Page) -> None:
    """A link whose numbers are out of range."""
    go(page, "/?training_epochs=0&optimizer_learning_rate=nan&data_kind=imagenet")
    until(page, "finished")


def training(page: Page) -> None:
    """In the middle of a run."""
    watch(page, {"training": {"epochs": 10_000}}, "running", 300)


def training_images(page: Page) -> None:
    """In the middle of a run on larger pictures."""
    watch(page, {"data": {"kind": "mnist5k"}, "training": {"epochs": 10_000}}, "running", 150)


def training_points(page: Page) -> None:
    """In the middle of a run on points in space, with a Gaussian code."""
    spec = {"data": {"kind": "swiss_roll"}, "model": {"code": {"kind": "variational", "beta": 0.05}}}
    watch(page, spec | {"training": {"epochs": 10_000}}, "running", 1000)


def training_table(page: Page) -> None:
    """In the middle of a run on a table, with three numbers in the code."""
    spec = {"data": {"kind": "wine"}, "model": {"code": {"kind": "point", "latent_dim": 3}}}
    watch(page, spec | {"training": {"epochs": 10_000}}, "running", 500)


def denoising(page: Page) -> None:
    """A run whose inputs are damaged."""
    spec = {"objective": {"corruption": {"kind": "gaussian", "level": 0.3}}, "training": {"epochs": 10_000}}
    watch(page, spec, "running", 300)


def paused(page: Page) -> None:
    """A run that waits."""
    run = watch(page, {"training": {"epochs": 10_000}}, "running", 300)
    command(page, run, "pause")
    until(page, "paused")


def finished(page: Page) -> None:
    """A run that came to its end."""
    watch(page, {"training": {"epochs": 20}}, "finished")


def diverged(page: Page) -> None:
    """A learning rate that was too large."""
    watch(page, {"optimizer": {"kind": "sgd", "learning_rate": 100}}, "diverged")


def all_settings(page: Page) -> None:
    """Every knob."""
    until(page, "finished")
    if (drawer := page.get_by_test_id("stExpandSidebarButton")).is_visible():  # on a phone
        drawer.click()
    page.locator(".st-key-level").get_by_role("radio").last.click()
    page.wait_for_timeout(1000)


def deep(page: Page) -> None:
    """The largest hourglass, by link."""
    go(page, "/?model_hidden=512-256-128-64-32-16&model_code_latent_dim=2")
    until(page, "finished")


def explore(page: Page) -> None:
    """The map of the starter run, with what the decoder makes of the plane behind it."""
    explored(page)
    page.get_by_test_id("explore-lattice").click()


def explore_density(page: Page) -> None:
    """Where the codes of each class lie close together."""
    explored(page)
    page.get_by_test_id("explore-density").click()


def explore_mixed(page: Page) -> None:
    """A bill of a table with numbers, yes or no and a weekday, and what the model makes of it."""
    mixed = {"data": {"kind": "tips"}, "objective": {"reconstruction": "mixed"}, "training": {"epochs": 200}}
    explored(page, run=watch(page, mixed, "finished"))
    page.locator("[data-testid=explore-map]").hover(position={"x": 250, "y": 200})
    page.get_by_test_id("explore-cells").wait_for(timeout=WAIT)


def explore_inside(page: Page) -> None:
    """Layers, units, numbers of the code and the landscape."""
    explored(page, "inside")
    page.locator("[data-testid=explore-layer-curves][data-moments]").wait_for(timeout=WAIT)
    page.get_by_test_id("explore-landscape-go").click()
    page.locator("[data-testid=explore-landscape][data-step]").wait_for(timeout=WAIT)


def explore_numbers(page: Page) -> None:
    """Every metric."""
    explored(page, "numbers")
    page.locator("[data-testid=explore-view-numbers][data-step]").wait_for(timeout=WAIT)


def explore_running(page: Page) -> None:
    """A run that is followed while it trains."""
    explored(page, run=watch(page, {"training": {"epochs": 10_000}}, "running", 300))


def explore_diverged(page: Page) -> None:
    """What is left of a learning rate that was too large."""
    explored(page, run=watch(page, {"optimizer": {"kind": "sgd", "learning_rate": 100}}, "diverged"))


def explore_no_run(page: Page) -> None:
    """A link to a run that there is not."""
    explored(page, run="does-not-exist")


def sweep_ask(page: Page) -> None:
    """The textbook's questions."""
    go(page, "/sweep")
    page.locator(".st-key-ask_beta button").wait_for(timeout=WAIT)


def sweep_running(page: Page) -> None:
    """A question that is being answered."""
    swept(page, "batch_size", "drawn", 5)


def sweep_done(page: Page) -> None:
    """A question that has been answered."""
    swept(page, "regularisation", "settled", 6)
    page.locator(".js-plotly-plot").wait_for(timeout=WAIT)


def compare(page: Page) -> None:
    """Two runs side by side."""
    runs = [watch(page, {"training": {"epochs": 60, "seed": seed}}, "finished") for seed in range(2)]
    go(page, f"/compare?runs={','.join(runs)}")
    page.locator("[data-testid=sidebyside][data-drawn='2']").wait_for(timeout=WAIT)
    page.locator(".js-plotly-plot").wait_for(timeout=WAIT)


def compare_uneven(page: Page) -> None:
    """A run that diverged beside one that trains."""
    lost = watch(page, {"optimizer": {"kind": "sgd", "learning_rate": 100}}, "diverged")
    run = watch(page, {"training": {"epochs": 10_000}}, "running", 300)
    go(page, f"/compare?runs={run},{lost}")
    page.locator("[data-testid=sidebyside][data-drawn='2']").wait_for(timeout=WAIT)
    page.wait_for_timeout(1500)


def sweep_diverged(page: Page) -> None:
    """Cells of which one was lost, in words too."""
    swept(page, "learning_rate", "settled", 6)
    page.locator(".js-plotly-plot").wait_for(timeout=WAIT)


def compare_nothing(page: Page) -> None:
    """No run chosen yet."""
    go(page, "/compare")
    page.wait_for_load_state("networkidle")


def explore_save(page: Page) -> None:
    """Files, figures and the report."""
    explored(page, "save")


def data(page: Page) -> None:
    """What there is to learn from."""
    go(page, "/data?data_kind=mnist5k")
    page.get_by_test_id("data-mnist5k").wait_for(timeout=WAIT)


def data_table(page: Page) -> None:
    """Rows and columns of a mixed table."""
    go(page, "/data?data_kind=tips")
    page.get_by_text("The 6 columns").or_(page.get_by_text("6 列")).first.wait_for(timeout=WAIT)
    page.wait_for_timeout(800)


def data_points(page: Page) -> None:
    """Points in space, with the settings of their making."""
    go(page, "/data?data_kind=swiss_roll")
    page.locator(".st-key-look_points").wait_for(timeout=WAIT)
    page.wait_for_timeout(800)


def data_ratings(page: Page) -> None:
    """A matrix with gaps."""
    go(page, "/data?data_kind=ratings")
    page.locator(".st-key-look_excerpt").wait_for(timeout=WAIT)


def data_draw(page: Page) -> None:
    """A board with a drawing on it."""
    go(page, "/data")
    page.get_by_role("button", name="Draw").or_(page.get_by_role("radio", name="Draw")).first.click()
    page.get_by_test_id("drawing").wait_for(timeout=WAIT)


def tune(page: Page) -> None:
    """Nothing has been searched yet."""
    go(page, "/tune")
    page.locator(".st-key-tune_start button").wait_for(timeout=WAIT)


def tune_running(page: Page) -> None:
    """In the middle of a search."""
    search(page, "training_epochs=2000")
    page.locator(".js-plotly-plot").first.wait_for(timeout=WAIT)


def tune_done(page: Page) -> None:
    """A search that came to its end, with its best trial."""
    search(page, "training_epochs=20")
    page.locator(".st-key-tune_go_on").wait_for(timeout=WAIT)


SCENES: dict[Callable[[Page], None], tuple[str, ...]] = {
    starter: EVERYWHERE,
    training: EVERYWHERE,
    training_images: ("laptop", "projector"),
    training_points: USUALLY,
    training_table: ("laptop",),
    denoising: ("laptop",),
    paused: USUALLY,
    finished: USUALLY,
    diverged: (*USUALLY, "laptop-zh"),
    no_run: USUALLY,
    bad_link: ("laptop", "laptop-zh"),
    all_settings: ("laptop-tall", "phone-zh-tall"),
    deep: ("laptop", "phone"),
    explore: EVERYWHERE,
    explore_density: ("laptop", "laptop-dark"),
    explore_mixed: ("laptop", "laptop-dark", "phone-zh-tall"),
    explore_inside: ("laptop-tall", "phone-zh-tall", "phone-dark-tall"),
    explore_numbers: ("laptop-tall", "phone-zh-tall"),
    explore_save: USUALLY,
    explore_running: USUALLY,
    explore_diverged: USUALLY,
    explore_no_run: USUALLY,
    sweep_ask: (*USUALLY, "laptop-zh"),
    sweep_running: USUALLY,
    sweep_done: ("laptop-tall", "phone-zh-tall", "phone-dark-tall"),
    compare: ("laptop-tall", "laptop-dark", "phone-zh-tall", "phone-dark-tall"),
    compare_nothing: USUALLY,
    compare_uneven: USUALLY,
    sweep_diverged: USUALLY,
    data: (*USUALLY, "laptop-zh"),
    data_table: ("laptop-tall", "laptop-dark", "phone-zh-tall"),
    data_points: ("laptop", "laptop-dark", "phone"),
    data_ratings: ("laptop", "phone-dark"),
    data_draw: USUALLY,
    tune: (*USUALLY, "laptop-zh"),
    tune_running: USUALLY,
    tune_done: ("laptop-tall", "phone-zh-tall", "phone-dark-tall"),
}


# ------------------------------------------------------------------------------------------------- how to get there


def go(page: Page, path: str) -> None:
    """Opens another address of the same server."""
    page.goto(address(page) + path)


def address(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def stage(page: Page, more: str = "") -> Any:
    return page.locator(f"[data-testid=stage]{more}")


def until(page: Page, status: str) -> None:
    """Waits until the stage has drawn a run of that status."""
    stage(page, f"[data-status={status}]:not([data-frames='0'])").wait_for(timeout=WAIT)


def search(page: Page, settings: str) -> None:
    """Starts a search from these settings."""
    go(page, f"/tune?{settings}")
    page.locator(".st-key-tune_start button").click(timeout=WAIT)
    page.locator(".st-key-tune_chart").wait_for(timeout=WAIT)


def explored(page: Page, view: str = "walk", run: str = "starter") -> None:
    """Opens Explore on a run, with this view beside its map."""
    go(page, f"/explore?run={run}")
    page.locator("[data-testid=explore][data-ready=true][data-points]").wait_for(timeout=WAIT)
    page.locator(f"[data-testid=explore-tab-{view}]").click()
    page.wait_for_timeout(500)


def swept(page: Page, question: str, until_all: str, cells: int) -> None:
    """Asks one of the sweep's questions, and waits until so many cells are drawn or settled."""
    go(page, "/sweep")
    page.locator(f".st-key-ask_{question} button").click(timeout=WAIT)
    page.locator(f"[data-testid=multiples][data-{until_all}='{cells}']").wait_for(timeout=WAIT)


def watch(page: Page, spec: dict[str, Any], status: str, step: int = 0) -> str:
    """Starts a run of this visitor's and opens it; waits for a status and a step. The run's id."""
    answer = page.context.request.post(f"{address(page)}/api/runs", data=spec)
    assert answer.ok, answer.text()
    run = str(answer.json()["id"])
    go(page, f"/?run={run}")
    until(page, status)
    page.wait_for_function(
        "step => Number(document.querySelector('[data-testid=stage]').dataset.step) >= step", arg=step, timeout=WAIT
    )
    return run


def command(page: Page, run: str, verb: str) -> None:
    """Tells a run of this visitor's to do something."""
    page.context.request.post(f"{address(page)}/api/runs/{run}/commands", data={"command": verb})


# ----------------------------------------------------------------------------------------------------------- taking


@contextmanager
def server() -> Iterator[str]:
    """Address of the server to look at: the one that was named, or one of our own."""
    if url := os.environ.get("LATENT_LAB_URL"):
        yield url.rstrip("/")
    else:
        with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as app:
            yield app.url


def take(folder: Path, parts: list[str]) -> list[Path]:
    """Takes the pictures whose names contain one of the parts, all of them if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {
        f"{scene.__name__}-{name}": (scene, VIEWS[name])
        for scene, names in SCENES.items()
        for name in names
        if not parts or any(part in f"{scene.__name__}-{name}" for part in parts)
    }
    with server() as url, chromium() as browser:
        for name, (scene, view) in wanted.items():
            context = browser.new_context(
                viewport={"width": view.width, "height": view.height},
                color_scheme="dark" if view.scheme == "dark" else "light",
                locale=view.locale,
            )
            page = context.new_page()
            page.goto(url)
            scene(page)
            page.wait_for_timeout(700)  # for eyes only: Streamlit fades in what has changed
            page.screenshot(path=folder / f"{name}.png")
            stop_runs(page)
            context.close()
            print(folder / f"{name}.png", flush=True)
    return [folder / f"{name}.png" for name in wanted]


def stop_runs(page: Page) -> None:
    """Ends what the scene left running, so that the next one has the machine to itself."""
    found = stage(page)
    if found.count() and found.get_attribute("data-status") in ("running", "paused", "queued"):
        command(page, str(found.get_attribute("data-run")), "stop")


if __name__ == "__main__":
    take(Path(sys.argv[1]), sys.argv[2:])
