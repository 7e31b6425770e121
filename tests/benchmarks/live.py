"""The live view through the real server and the real browser: first frame, frames, what they cost, commands."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from ae_core.spec import RunSpec, changed
from ae_core.training import train
from tests.benchmarks.client import Api, Header, Viewer
from tests.benchmarks.measure import table
from tests.running import App, chromium, running_app

KINDS = ("digits", "mnist5k")
LONG = {"training_epochs": 10_000}
TRIES = 9
WATCHED = 5.0  # seconds of one look
VIEWERS, PAGES = 40, 10

CLICK_TO_FRAME = """() => new Promise(done => {
  const stage = () => document.querySelector('[data-testid=stage]').dataset;
  const before = stage().run, began = performance.now();
  document.querySelector('.st-key-train button').click();
  const look = () => {
    const now = stage();
    if (now.run !== before && Number(now.frames) > 0 && now.status === 'running') done(performance.now() - began);
    else requestAnimationFrame(look);
  };
  look();
})"""


def run() -> Iterator[str]:
    """The tables, one after the other."""
    with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as app, chromium() as browser:
        yield first_frames(app, browser)
        yield frame_rates(app, browser)
        yield price(app)
        yield latencies(app)
        yield classroom(app, browser)


# ------------------------------------------------------------------------------------------------- first frame


def first_frames(app: App, browser: Browser) -> str:
    """From the click on Train, or from the POST, to the first picture of a run that has trained."""
    clicks, posts = [], []
    for _ in range(TRIES):
        page = opened(browser, app.url)
        clicks.append(page.evaluate(CLICK_TO_FRAME))
        page.locator(".st-key-stop button").first.click()
        page.locator("[data-testid=stage][data-status=stopped]").wait_for()
        page.context.close()
    for _ in range(TRIES):
        api = Api(app.url)
        began = time.perf_counter()
        run = api.start(changed(RunSpec(), LONG))
        with api.watching(run) as viewer:
            viewer.until(lambda header: header["step"] > 0)
            posts.append((time.perf_counter() - began) * 1000)
        api.command(run, "stop")
    head = [f"ms to the first frame of digits, {TRIES} times", "median", "slowest"]
    return table(
        head,
        [
            ["drawn, from the click on Train", f"{statistics.median(clicks):,.0f}", f"{max(clicks):,.0f}"],
            ["received, from `POST /api/runs`", f"{statistics.median(posts):,.0f}", f"{max(posts):,.0f}"],
        ],
    )


def opened(browser: Browser, address: str) -> Page:
    """A page of a new visitor, with its stage drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(address)
    page.locator("[data-testid=stage]:not([data-frames='0'])").wait_for(timeout=60_000)
    page.locator(".st-key-train button").first.wait_for()
    return page


# ------------------------------------------------------------------------------------------------------ frames


def frame_rates(app: App, browser: Browser) -> str:
    """Frames a second that one viewer receives, and that Chromium draws, while a run trains."""
    rows = []
    for kind in KINDS:
        with training(app, kind) as (_, run, viewer):
            received = viewer.count(WATCHED)[0] / WATCHED
            page = opened(browser, f"{app.url}/?run={run}")
            drawn = drawn_rate(page)
            page.context.close()
        rows.append([kind, f"{received:.1f}", f"{drawn:.1f}"])
    return table(["frames/s", "received", "drawn in Chromium"], rows)


def drawn_rate(page: Page) -> float:
    """Frames that the page's stage draws in a second."""
    stage = page.locator("[data-testid=stage]")
    before, began = int(stage.get_attribute("data-frames") or 0), time.perf_counter()
    page.wait_for_timeout(WATCHED * 1000)
    return (int(stage.get_attribute("data-frames") or 0) - before) / (time.perf_counter() - began)


# ------------------------------------------------------------------------------------------- what watching costs


def price(app: App) -> str:
    """Samples/s of the engine's run while it is watched, against the same spec trained by `train()` alone."""
    rows = []
    for kind in KINDS:
        rounds = []
        for number in range(TRIES):
            pair = (watched_rate, alone_rate) if number % 2 else (alone_rate, watched_rate)
            found = {measure: measure(app, kind) for measure in pair}
            rounds.append((found[watched_rate], found[alone_rate]))
        watched, alone = (statistics.median(values) for values in zip(*rounds, strict=True))
        ratio = statistics.median(w / a for w, a in rounds)
        rows.append([kind, f"{alone:,.0f}", f"{watched:,.0f}", f"{ratio:.3f}"])
    return table(["samples/s, batch 64", "`train()` alone", "in the engine, watched", "ratio"], rows)


def watched_rate(app: App, kind: str) -> float:
    """Samples/s of a run in the engine, from what its viewer sees."""
    with training(app, kind) as (_, _, viewer):
        _, first, last, took = viewer.count(WATCHED)  # by the viewer's clock: the run's own counts training only
        return float(last["step"] - first["step"]) * RunSpec().training.batch_size / took


def alone_rate(app: App, kind: str) -> float:
    """Samples/s of `train()` in a process of its own, events and snapshots included."""
    command = [sys.executable, "-m", "tests.benchmarks.live", kind]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def alone(kind: str) -> float:
    """Samples/s of `train()` over the same stretch of time, after the same warming up."""
    import torch

    torch.set_num_threads(1)
    events = (event for event in train(changed(RunSpec(), {"data_kind": kind, **LONG})) if event.step > 0)
    warm_until = time.perf_counter() + 1.0
    first = next(event for event in events if time.perf_counter() > warm_until)
    began = time.perf_counter()
    last = next(event for event in events if time.perf_counter() - began > WATCHED)
    return (last.step - first.step) * RunSpec().training.batch_size / (time.perf_counter() - began)


# ---------------------------------------------------------------------------------------------------- commands


def latencies(app: App) -> str:
    """From the POST of a command to the frame that shows its effect."""
    rounds = [dict(commanded(app)) for _ in range(TRIES)]
    rows = []
    for name in rounds[0]:
        took = [found[name] for found in rounds]
        rows.append([name, f"{statistics.median(took):,.0f}", f"{max(took):,.0f}"])
    return table([f"ms from command to frame, {TRIES} times", "median", "slowest"], rows)


def commanded(app: App) -> Iterator[tuple[str, float]]:
    """Each command once, and the milliseconds until it shows."""
    with training(app, "digits") as (api, run, viewer):

        def timed(command: str, holds: Callable[[Header], bool], **more: float) -> tuple[str, float]:
            began = time.perf_counter()
            api.command(run, command, **more)
            viewer.until(holds)
            return command, (time.perf_counter() - began) * 1000

        yield timed("pause", lambda header: header["status"] == "paused")
        step = int(api.told(run)["step"])
        yield timed("step", lambda header: header["step"] == step + 1)
        yield timed("resume", lambda header: header["status"] == "running" and header["step"] > step + 1)
        yield timed("set", lambda header: header["learning_rate"] == 0.002, learning_rate=0.002)
        yield timed("stop", lambda header: header["status"] == "stopped")


# --------------------------------------------------------------------------------------------------- classroom


def classroom(app: App, browser: Browser) -> str:
    """One run, watched by a class: what the slowest viewer gets, and what it costs the server."""
    rows = []
    for pages in (0, PAGES):
        with started(app, "mnist5k") as (_, run):
            shown = [opened(browser, f"{app.url}/?run={run}") for _ in range(pages)]
            command = [sys.executable, "-m", "tests.benchmarks.client", app.url, run, str(VIEWERS), str(2 * WATCHED)]
            server, began = psutil.Process(app.process.pid), time.perf_counter()
            before = sum(server.cpu_times()[:2])
            frames = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            cores = (sum(server.cpu_times()[:2]) - before) / (time.perf_counter() - began)
            for page in shown:
                page.context.close()
        rates = [count / (2 * WATCHED) for count in frames]
        name = f"{VIEWERS} viewers" + (f" and {pages} open pages" if pages else "")
        rows.append([name, f"{min(rates):.1f}", f"{statistics.median(rates):.1f}", f"{cores:.2f}"])
    return table(["one run, mnist5k", "frames/s, slowest viewer", "median viewer", "server, cores"], rows)


# ------------------------------------------------------------------------------------------------------- a run


@contextmanager
def started(app: App, kind: str) -> Iterator[tuple[Api, str]]:
    """A long run. Stopped afterwards."""
    api = Api(app.url)
    run = api.start(changed(RunSpec(), {"data_kind": kind, **LONG}))
    yield api, run
    if api.told(run)["status"] == "running":
        api.command(run, "stop")


@contextmanager
def training(app: App, kind: str) -> Iterator[tuple[Api, str, Viewer]]:
    """A long run that has trained for a second and is watched."""
    with started(app, kind) as (api, run), api.watching(run) as viewer:
        warm_until = time.monotonic() + 1.0
        viewer.until(lambda header: header["step"] > 0 and time.monotonic() > warm_until)
        yield api, run, viewer


if __name__ == "__main__":
    print(alone(sys.argv[1]))
