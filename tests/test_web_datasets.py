"""The API of people's own datasets: their cards and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ae_core import web
from ae_core.data import Items
from ae_core.data.card import Card
from ae_core.data.shelf import Shelf, write
from ae_core.engine.client import Client
from ae_core.settings import Settings
from ae_core.store import Store
from ae_core.stream import Hub

CHANCE = np.random.default_rng(0)
SETS = {
    "image": (Card(title="grey", form="image", shape=(9, 7, 1), count=30), CHANCE.random((30, 9, 7, 1))),
    "colour": (Card(title="colour", form="image", shape=(16, 16, 3), count=30), CHANCE.random((30, 16, 16, 3))),
    "series": (Card(title="series", form="series", shape=(20, 2), count=30), CHANCE.normal(size=(30, 20, 2))),
    "table": (Card(title="table", form="table", shape=(3,), count=30), CHANCE.normal(size=(30, 3))),
    "one column varies": (Card(title="flat", form="table", shape=(2,), count=30), np.eye(30, 2)),
    "points": (Card(title="points", form="points", shape=(2,), count=30), CHANCE.normal(size=(30, 2))),
    "stars": (
        Card(title="stars", form="table", shape=(40,), count=60, zero_is_missing=True),
        CHANCE.integers(0, 6, (60, 40)),
    ),
    "half stars": (
        Card(title="half", form="table", shape=(40,), count=60, zero_is_missing=True),
        CHANCE.integers(0, 10, (60, 40)) / 2,
    ),
    "all the same": (Card(title="same", form="table", shape=(3,), count=30), np.ones((30, 3))),
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    store.create()
    yield Client(store, Settings(tmp_path, store.url))
    store.close()


@pytest.fixture
def visitor(client: Client) -> Iterator[TestClient]:
    """A browser in front of the server."""
    routes = web.routes(client.store, client, Hub(client.store, most_viewers=2))
    with TestClient(Starlette(routes=routes, middleware=web.middleware())) as made:
        yield made


def kept(client: Client, name: str, owner: str) -> str:
    card, x = SETS[name]
    folder = client.settings.home / "made"
    write(folder, card, Items(x=x.astype(np.float32)))
    return client.keep_dataset(folder, owner)


@pytest.mark.parametrize("name", SETS)
def test_every_form_has_a_picture(client: Client, visitor: TestClient, name: str) -> None:
    """240 x 160 pixels with something on them, drawn once; the dataset itself stays as it is."""
    digest = kept(client, name, "ann")
    for _ in range(2):
        answer = visitor.get(f"/api/datasets/{digest}/thumbnail.png")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.size == (240, 160)
        assert len(np.unique(np.asarray(picture.convert("RGBA")).reshape(-1, 4), axis=0)) > 1 or name == "all the same"
    assert Shelf(client.settings.home).items(digest).x.shape == SETS[name][1].shape


def test_a_card_says_what_the_dataset_is_and_whose(client: Client, visitor: TestClient) -> None:
    """Anybody with the digest may read it; it tells whether the browser that asks keeps it, and whether it is here."""
    visitor.get("/api/health")
    mine = kept(client, "table", visitor.cookies[web.COOKIE])
    other = kept(client, "points", "somebody else")
    card = visitor.get(f"/api/datasets/{mine}").json()
    assert (card["title"], card["shape"], card["count"], card["mine"], card["here"]) == ("table", [3], 30, True, True)
    assert visitor.get(f"/api/datasets/{other}").json()["mine"] is False
    client.delete_dataset(other, "somebody else")
    assert visitor.get(f"/api/datasets/{other}").json()["here"] is False
    assert visitor.get(f"/api/datasets/{other}/thumbnail.png").status_code == 422


@pytest.mark.parametrize("digest", ["0" * 32, "..", "%2e%2e%2f%2e%2e", "lab.db", "A" * 32, "0" * 33])
def test_what_is_no_dataset_is_a_sentence(visitor: TestClient, digest: str) -> None:
    """No path leads out of the shelf."""
    for path in (f"/api/datasets/{digest}", f"/api/datasets/{digest}/thumbnail.png"):
        answer = visitor.get(path)
        assert answer.status_code in (404, 422)
        assert answer.json()["error"].endswith(".")
