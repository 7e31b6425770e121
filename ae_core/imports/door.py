"""The way in: somebody's files on one side, a dataset's folder on the other; a child process reads in between."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ae_core import child
from ae_core.data.card import Card
from ae_core.errors import AeError, ChildLost, ImportRefused
from ae_core.imports.bounds import Bounds
from ae_core.imports.plan import Dialect, Plan, Source, Understanding

READING = "ae_core.imports.reading"
_places = threading.BoundedSemaphore(3)
"""As many imports are read at once; the others of a class wait their turn, and the machine has its memory."""


def always() -> bool:
    """Nobody cancels."""
    return True


def understand(
    sources: Sequence[Source],
    bounds: Bounds = Bounds(),  # noqa: B008  frozen
    wanted: Callable[[], bool] = always,
    dialect: Dialect | None = None,
) -> Understanding:
    """What these files are, and the plan by which they most likely become a dataset. dialect: read so, not guessed.

    wanted: asked again and again; once false, the reading stops. Raises ImportRefused with a sentence for files that
    cannot become a dataset, ChildLost where reading took too much time or memory or was not wanted any more.
    """
    told = None if dialect is None else dialect.model_dump()
    job = {"sources": [source.model_dump() for source in sources], "dialect": told}
    return Understanding.model_validate(_ask("understood", job, bounds, wanted))


def make(
    sources: Sequence[Source],
    plan: Plan,
    folder: Path,
    bounds: Bounds = Bounds(),  # noqa: B008  frozen
    wanted: Callable[[], bool] = always,
) -> Card:
    """Makes the dataset of that plan in a new folder, as `Shelf.put` takes it, and gives its card.

    Raises as `understand` does; then there is no folder.
    """
    job = {
        "sources": [source.model_dump() for source in sources],
        "plan": plan.model_dump(),
        "folder": str(folder),
    }
    try:
        return Card.model_validate(_ask("made", job, bounds, wanted))
    except AeError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _ask(function: str, job: Mapping[str, Any], bounds: Bounds, wanted: Callable[[], bool]) -> Any:
    try:
        with _places:
            return child.run(
                f"{READING}:{function}",
                {**job, "bounds": asdict(bounds)},
                seconds=bounds.seconds,
                megabytes=bounds.memory,
                wanted=wanted,
            )
    except ChildLost:
        raise
    except AeError as error:
        raise ImportRefused(str(error)) from None
