"""What every test gets: one thread for each library, a home of its own, and Chromium where there is one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from tests.running import App, chromium, chromium_path, running_app

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before torch and NumPy look; two cores, several processes

settings.register_profile("here", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("here")


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the runs of whoever starts it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LATENT_LAB_")]:
            patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("LATENT_LAB_HOME", str(home))
        yield home


@pytest.fixture(scope="module", autouse=True)
def _usual_numbers() -> None:
    """Each file begins with numbers as Python has them; the engine's threads, and its tests, round tiny ones to 0."""
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium that browser tests drive. Without one they are skipped, and fail in CI.

    One for each file, since Playwright keeps an event loop running in this thread, in which other tests want their own.
    """
    if chromium_path() is None:
        said = "No Chromium here. On Debian: sudo apt-get install chromium"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server for all browser tests, with its engine ready; each test makes runs of its own."""
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app
