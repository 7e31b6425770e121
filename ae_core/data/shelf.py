"""Where people's own datasets lie: a folder each, named by the hash of what is in it, so it never changes.

    <home>/datasets/<digest>/card.json  x.npy  labels.npy  colour.npy  hidden.npy  groups.npy  texts.json

Only `card.json` and `x.npy` must be there. Nothing is unpickled, and arrays are mapped, so that runs share them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ae_core.data.card import Card
from ae_core.data.dataset import Dataset, Items
from ae_core.errors import DataMissing
from ae_core.settings import Settings
from ae_core.spec import Own

ARRAYS = ("x", "labels", "colour", "hidden", "groups")
DIGEST = re.compile(r"[0-9a-f]{32}")
CARD, TEXTS = "card.json", "texts.json"


def write(folder: Path, card: Card, items: Items) -> None:
    """Puts a dataset into a folder of its own, made here, as `Shelf.put` takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        if (array := getattr(items, name)) is not None:
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    if items.texts is not None:
        (folder / TEXTS).write_text(json.dumps(items.texts), encoding="utf-8")
    (folder / CARD).write_text(card.model_dump_json(), encoding="utf-8")


class Shelf:
    """The datasets of one installation. home: its folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "datasets"

    def put(self, made: Path) -> str:
        """Takes a folder that `write` filled, and gives the dataset's digest. The folder is moved, or removed where
        the same dataset is already here.
        """
        digest = _digest(made)
        place = self.folder / digest
        self.folder.mkdir(parents=True, exist_ok=True)
        if (place / "x.npy").exists():
            shutil.rmtree(made)
            return digest
        if place.exists():  # its items were removed once, and come back
            shutil.rmtree(place)
        os.replace(made, place)
        return digest

    def card(self, digest: str) -> Card:
        """What is known of it. Raises DataMissing where it never was here."""
        if not DIGEST.fullmatch(digest):
            raise DataMissing("No dataset of your own is chosen. Choose one on the page Data.")
        return _card(self.folder / digest / CARD)

    def has(self, digest: str) -> bool:
        """Whether its items are here."""
        return bool(DIGEST.fullmatch(digest)) and (self.folder / digest / "x.npy").exists()

    def require(self, digest: str) -> Card:
        """Its card. Raises DataMissing where its items are not here."""
        card = self.card(digest)
        if not self.has(digest):
            raise DataMissing(f"The dataset {card.title!r} was removed by its owner. Import its file again.")
        return card

    def items(self, digest: str) -> Items:
        """Its items, mapped from the file. Raises DataMissing where they are not here, or are damaged."""
        card = self.require(digest)
        place = self.folder / digest
        try:
            arrays: dict[str, Any] = {
                name: np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in ARRAYS
                if (place / f"{name}.npy").exists()
            }
            texts = tuple(json.loads((place / TEXTS).read_text("utf-8"))) if (place / TEXTS).exists() else None
        except (OSError, ValueError, EOFError) as error:
            raise DataMissing(f"The dataset {card.title!r} is damaged. Import its file again.") from error
        return Items(**arrays, texts=texts)

    def size(self, digest: str) -> int:
        """Bytes that it takes."""
        return sum(file.stat().st_size for file in (self.folder / digest).glob("*") if file.is_file())

    def remove(self, digest: str) -> None:
        """Removes its items. The card stays: runs on it still say what they were trained on."""
        if DIGEST.fullmatch(digest):
            for file in (self.folder / digest).glob("*"):
                if file.name != CARD:
                    file.unlink(missing_ok=True)


def shelf() -> Shelf:
    """The shelf of this process's environment."""
    return Shelf(Settings.from_environment().home)


def own(data: Own, here: Shelf | None = None) -> Dataset:
    """The record of a dataset of somebody's own, on this shelf or the environment's. Raises DataMissing where it never
    was there.
    """
    here = here or shelf()
    card = here.card(data.digest)
    return Dataset(
        spec=Own,
        form=card.form,
        value_range=card.value_range,
        nonnegative=card.nonnegative,
        label_names=card.label_names,
        feature_names=card.feature_names,
        licence="",
        source=", ".join(card.files[:3]),
        shape=lambda _: card.shape,
        count=lambda _: card.count,
        load=lambda of: here.items(of.digest),
        zero_is_missing=card.zero_is_missing,
        counts=card.counts,
        columns=card.columns,
        title=card.title,
    )


@lru_cache(maxsize=256)
def _card(file: Path) -> Card:
    try:
        return Card.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataMissing(
            "This dataset is not on this machine. Ask whoever sent the link to keep it, or import its file here."
        ) from error


def _digest(folder: Path) -> str:
    """Of everything in the folder: 32 hexadecimal digits of SHA-256 over names, sizes and contents."""
    whole = hashlib.sha256()
    parts: Mapping[str, Path] = {file.name: file for file in sorted(folder.iterdir())}
    for name, file in parts.items():
        whole.update(f"{name} {file.stat().st_size}\n".encode())
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                whole.update(block)
    return whole.hexdigest()[:32]
