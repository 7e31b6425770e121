"""Pictures of a run's past through the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ae_core import web
from ae_core.engine.client import Client
from ae_core.frames import decode
from ae_core.settings import Settings
from ae_core.store import Store
from ae_core.stream import Hub
from tests.writer import Writer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A fresh store."""
    made = Store(f"sqlite:///{tmp_path}/lab.db")
    made.create()
    yield made
    made.close()


@pytest.fixture
def stranger(store: Store) -> Iterator[TestClient]:
    """A browser that owns no run."""
    client = Client(store, Settings(Path(), store.url))
    app = Starlette(routes=web.routes(store, client, Hub(store)), middleware=web.middleware())
    with TestClient(app) as browser:
        yield browser


@pytest.fixture
def run(store: Store) -> str:
    """A run with pictures at steps 0, 2 and 5."""
    made = Writer(store)
    made.begin()
    made.train(2, picture=True)
    made.train(3, picture=True)
    return made.id


def test_anybody_reads_the_pictures_of_a_run(stranger, run):
    """The list names every picture that is kept, and each is the frame that was stored."""
    told = stranger.get(f"/api/runs/{run}/snapshots").json()
    assert [kept["step"] for kept in told["snapshots"]] == [0, 2, 5]
    assert (told["id"], told["status"], told["step"], told["goal"]) == (run, "running", 5, 1000)
    for kept in told["snapshots"]:
        answer = stranger.get(f"/api/runs/{run}/snapshots/{kept['serial']}")
        header, arrays = decode(answer.content)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert header["step"] == kept["step"]
        assert np.array_equal(arrays["latent"], np.full((5, 2), kept["step"]))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("nobody/snapshots", 404),
        ("nobody/snapshots/1", 404),
        ("{run}/snapshots/999", 404),
        ("{run}/snapshots/first", 422),
        ("{run}/snapshots/-1", 422),
        ("{run}/snapshots/9999999999", 422),
    ],
)
def test_what_there_is_not_is_said(stranger, run, path, status):
    """An unknown run, an unknown picture and a number that is none are refused in a sentence."""
    answer = stranger.get(f"/api/runs/{path.format(run=run)}")
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
