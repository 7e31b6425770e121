"""The real app in a process of its own, and the real browser: for browser tests, screenshots and benchmarks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from playwright.sync_api import Browser, expect, sync_playwright

from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


def chromium_path() -> str | None:
    """Where this machine's Chromium is."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium that asks nobody on the network for anything, and is given time."""
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class App:
    """A running server. url: without a slash at the end. log: what it printed so far."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def health(self) -> dict[str, str]:
        """What the server says of itself; `{}` while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/health", timeout=5) as answer:
                return dict(json.load(answer))
        except (URLError, OSError):
            return {}

    def run(self, run: str) -> dict[str, Any]:
        """What the API says of a run."""
        return self._json(f"/api/runs/{run}")

    def events(self, run: str) -> list[dict[str, Any]]:
        """All that has happened in a run."""
        return self._json(f"/api/runs/{run}/events?after=0")

    def kinds(self, run: str) -> list[str]:
        """The kinds of its events, in order."""
        return [event["kind"] for event in self.events(run)]

    def _json(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def until(self, **wanted: str) -> None:
        """Waits until the server says so of itself."""
        give_up = time.monotonic() + 2 * PATIENCE
        while not wanted.items() <= self.health().items():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise AssertionError(f"The app did not become {wanted}:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.05)


@contextmanager
def running_app(home: Path, *, engine: str = "ready", **environment: str) -> Iterator[App]:
    """`streamlit run app.py` on a free port, up to the point where its engine is in that state ("" to not wait)."""
    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "app.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--logger.hideWelcomeMessage", "true"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=clean_environment(home, environment), stdout=out, stderr=subprocess.STDOUT
        )
    app = App(f"http://127.0.0.1:{port}", process, log)
    try:
        app.until(status="ok")
        if engine:
            app.until(engine=engine)
        yield app
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def clean_environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without anybody's settings of Latent Lab, but with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LATENT_LAB_")}
    return kept | {"LATENT_LAB_HOME": str(home)} | dict(more)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
