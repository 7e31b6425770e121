"""Datasets of one's own: the shelf they lie on, who keeps them, and runs on them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from ae_core.compatibility import check, features, on_data
from ae_core.data import Items, dataset_of, prepare
from ae_core.data.card import Card
from ae_core.data.columns import Column
from ae_core.data.shelf import Shelf, shelf, write
from ae_core.engine.client import Client
from ae_core.errors import DataMissing, LimitError, SpecError
from ae_core.settings import Limits, Settings
from ae_core.spec import RunSpec, changed
from ae_core.store import Store
from ae_core.store.tables import datasets
from ae_core.sweep import Axis, SweepPlan
from ae_core.training import train


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client with a store and a home of its own."""
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path))
    settings = Settings.from_environment()
    store = Store(settings.database_url)
    store.create()
    yield Client(store, settings)
    store.close()


def made(folder: Path, seed: int = 0, count: int = 60, title: str = "lengths") -> Path:
    """A folder with a table of three numbers."""
    x = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    columns = tuple(Column(name=name) for name in "abc")
    write(folder, Card(title=title, form="table", shape=(3,), count=count, columns=columns), Items(x=x))
    return folder


def limited(client: Client, **limits: int) -> Client:
    return Client(client.store, replace(client.settings, limits=Limits(**limits)))


# ------------------------------------------------------------------------------------------------------ the shelf


def test_a_dataset_comes_back_as_it_was_put(tmp_path: Path) -> None:
    """Arrays, texts and card are the same, and the arrays are mapped from the file, so that runs share them."""
    items = Items(
        x=np.arange(24, dtype=np.float32).reshape(6, 2, 2, 1),
        labels=np.arange(6, dtype=np.int64) % 2,
        groups=np.arange(6, dtype=np.int64) // 2,
        texts=("one", "zwei", "三", "", "five", "six"),
    )
    card = Card(title="六", form="image", shape=(2, 2, 1), count=6, label_names=("a", "b"), value_range=(0.0, 30.0))
    write(tmp_path / "made", card, items)
    here = Shelf(tmp_path)
    digest = here.put(tmp_path / "made")
    found = here.items(digest)

    assert not (tmp_path / "made").exists()
    assert here.card(digest) == card
    assert isinstance(found.x, np.memmap)
    for name in ("x", "labels", "groups"):
        np.testing.assert_array_equal(getattr(found, name), getattr(items, name))
    assert (found.texts, found.colour, found.hidden) == (items.texts, None, None)


def test_equal_content_is_one_dataset_and_other_content_another(tmp_path: Path) -> None:
    """The name is the hash of what is inside, so nothing is kept twice and nothing changes under a run."""
    here = Shelf(tmp_path)
    first, again = (here.put(made(tmp_path / name)) for name in "ab")
    other = here.put(made(tmp_path / "c", seed=1))
    assert first == again != other
    assert len(list(here.folder.iterdir())) == 2


def test_what_is_removed_keeps_its_card_and_can_come_back(tmp_path: Path) -> None:
    """Runs on it still say what they were trained on; the same file imported again is the same dataset."""
    here = Shelf(tmp_path)
    digest = here.put(made(tmp_path / "a"))
    here.remove(digest)
    assert not here.has(digest)
    assert here.card(digest).title == "lengths"
    with pytest.raises(DataMissing, match="'lengths' was removed by its owner"):
        here.items(digest)
    assert here.put(made(tmp_path / "b")) == digest
    assert here.items(digest).x.shape == (60, 3)


@pytest.mark.parametrize("digest", ["", "0" * 31, "0" * 32, "../" + "0" * 29, "G" * 32])
def test_what_is_not_on_the_shelf_is_a_sentence(tmp_path: Path, digest: str) -> None:
    """An unknown digest, and one that is none, never reach the disk as a path."""
    with pytest.raises(DataMissing, match=r"(No dataset of your own|not on this machine)"):
        Shelf(tmp_path).items(digest)


@pytest.mark.parametrize("damage", ["short", "pickle", "card", "none"])
def test_a_damaged_dataset_is_a_sentence(tmp_path: Path, damage: str) -> None:
    """A file that was cut, one with Python objects in it, and a card that is none: nothing is unpickled."""
    here = Shelf(tmp_path)
    digest = here.put(made(tmp_path / "a"))
    place = here.folder / digest
    if damage == "short":
        (place / "x.npy").write_bytes((place / "x.npy").read_bytes()[:100])
    elif damage == "pickle":
        np.save(place / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    elif damage == "card":
        (place / "card.json").write_text(json.dumps({"title": "x"}), encoding="utf-8")
    else:
        (place / "card.json").unlink()
    with pytest.raises(DataMissing, match=r"(damaged|not on this machine)"):
        here.items(digest)


# ---------------------------------------------------------------------------------------------------- runs on them


def test_an_own_dataset_trains_like_any_other(client: Client, tmp_path: Path) -> None:
    """Its card says shape and form; split, scaling and training take it as they take the ones that come along."""
    digest = client.keep_dataset(made(tmp_path / "a", count=80), "ann")
    spec = changed(on_data(RunSpec(), "own", digest), {"training_epochs": 2, "model_code_latent_dim": 1})
    check(spec)
    split = prepare(spec.data, "mse")
    assert features(spec) == 3
    assert (len(split.train), len(split.val)) == (60, 20)
    assert np.isfinite(train(spec).result().reconstruct(split.val)).all()
    assert dataset_of(spec.data).title == "lengths"


def test_a_run_on_a_dataset_that_is_not_here_is_refused(client: Client) -> None:
    """A link with a digest of somebody else's machine."""
    with pytest.raises(DataMissing, match="not on this machine"):
        client.start_run(changed(RunSpec(), {"data_kind": "own", "data_digest": "0" * 32}), "ann")
    with pytest.raises(SpecError, match="digest"):
        changed(RunSpec(), {"data_kind": "own", "data_digest": "../../etc"})


def test_a_run_whose_dataset_was_deleted_still_has_its_card(client: Client, tmp_path: Path) -> None:
    """Its settings can be shown; a new run on it is refused with the way out."""
    digest = client.keep_dataset(made(tmp_path / "a"), "ann")
    spec = on_data(RunSpec(), "own", digest)
    client.start_run(spec, "ann", paused=True)
    client.delete_dataset(digest, "ann")
    assert features(spec) == 3
    with pytest.raises(DataMissing, match="removed by its owner"):
        client.start_run(spec, "ann")


# ------------------------------------------------------------------------------------------------- whose they are


def test_a_dataset_is_kept_until_nobody_keeps_it(client: Client, tmp_path: Path) -> None:
    """Two browsers may keep the same one; its items go with the last."""
    digest = client.keep_dataset(made(tmp_path / "a"), "ann")
    client.share_dataset(digest, "bob")
    assert [own.title for own in client.store.datasets.of("bob")] == ["lengths"]
    client.delete_dataset(digest, "ann")
    assert shelf().has(digest)
    assert client.store.datasets.of("ann") == []
    client.delete_dataset(digest, "bob")
    assert not shelf().has(digest)
    with pytest.raises(DataMissing, match="removed"):
        client.share_dataset(digest, "eve")


def test_a_stranger_deletes_nothing(client: Client, tmp_path: Path) -> None:
    """Deleting what one does not keep leaves it to its owner."""
    digest = client.keep_dataset(made(tmp_path / "a"), "ann")
    client.delete_dataset(digest, "eve")
    assert shelf().has(digest)
    assert [own.digest for own in client.store.datasets.of("ann")] == [digest]


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"datasets_per_client": 1}, "DATASETS_PER_CLIENT"),
        ({"dataset_megabytes_per_client": 1}, "DATASET_MEGABYTES_PER_CLIENT"),
        ({"dataset_megabytes_total": 1}, "DATASET_MEGABYTES_TOTAL"),
    ],
)
def test_too_much_is_refused_and_nothing_stays_behind(
    client: Client, tmp_path: Path, limits: dict[str, int], named: str
) -> None:
    """One dataset, or megabyte, too many: the refusal names the limit, and what was there stays."""
    few = limited(client, **limits)
    first = few.keep_dataset(made(tmp_path / "a", count=40_000), "ann")
    with pytest.raises(LimitError, match=named):
        few.keep_dataset(made(tmp_path / "b", seed=1, count=60_000), "ann")
    assert [own.digest for own in few.store.datasets.of("ann")] == [first]
    assert [place.name for place in shelf().folder.iterdir() if (place / "x.npy").exists()] == [first]
    assert few.keep_dataset(made(tmp_path / "c", count=40_000), "ann") == first  # the same again is not one more


@pytest.mark.parametrize("how", ["run", "sweep"])
def test_what_nobody_used_for_long_goes(client: Client, tmp_path: Path, how: str) -> None:
    """Every kind of run counts as use; the rest goes after the days that the limits say, when a dataset comes."""
    old, used = (client.keep_dataset(made(tmp_path / str(seed), seed), "ann") for seed in range(2))
    with client.store._writing() as db:
        db.execute(datasets.update().values(used=time.time() - 91 * 24 * 3600))
    spec = on_data(RunSpec(), "own", used)
    if how == "run":
        client.start_run(spec, "ann", paused=True)
    else:
        client.start_sweep(SweepPlan(base=spec, axes=(Axis(key="training_seed", values=(0, 1)),)), "ann")
    new = client.keep_dataset(made(tmp_path / "n", 7), "bob")
    assert [shelf().has(digest) for digest in (old, used, new)] == [False, True, True]
    with client.store._reading() as db:
        assert set(db.execute(sa.select(datasets.c.digest)).scalars()) == {used, new}
