"""The finished run that is on the stage before anybody has trained anything.

It was trained once (`python -m tests.gallery.starter`) and lies in assets/data/starter.frame: one frame whose header
holds the run's news and whose arrays are their pictures, the model of then, and the last checkpoint, as bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ae_core import frames
from ae_core.errors import UnknownRun
from ae_core.spec import MLP, Digits, RunSpec, Training
from ae_core.store import Publication, Store

STARTER = RunSpec(data=Digits(), model=MLP(hidden=(128, 64)), training=Training(epochs=300))
STARTER_RUN = "starter"
STARTER_OWNER = "starter"
FILE = Path(__file__).resolve().parents[1] / "assets" / "data" / "starter.frame"
PICTURES = ("introduction", "snapshot", "checkpoint", "milestone")


def ensure(store: Store) -> None:
    """Puts the starter run into the store, unless it is there."""
    try:
        run = store.run(STARTER_RUN)
        if run.status == "finished" and run.spec == STARTER:
            return
    except UnknownRun:
        pass
    store.adopt(STARTER_RUN, STARTER, STARTER_OWNER, "starter", unpacked(FILE.read_bytes()))


def packed(news: list[Publication]) -> bytes:
    """A run's news as one frame."""
    plain: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for number, part in enumerate(news):
        values = dict(vars(part))
        for name in PICTURES:
            if (picture := values.pop(name)) is not None:
                arrays[f"{name}.{number}"] = np.frombuffer(picture, np.uint8)
        plain.append(values)
    return frames.encode({"news": plain}, arrays)


def unpacked(blob: bytes) -> list[Publication]:
    """Undoes `packed`."""
    header, arrays = frames.decode(blob)
    found = []
    for number, values in enumerate(header["news"]):
        pictures: dict[str, Any] = {name: _bytes(arrays.get(f"{name}.{number}")) for name in PICTURES}
        found.append(Publication(**values, **pictures))
    return found


def _bytes(array: np.ndarray | None) -> bytes | None:
    return None if array is None else array.tobytes()
