"""Typed wrappers over assets/components: one function each, registered once at import."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import streamlit as st

from ae_core.data.drawn import CLASSES, LEAST, MOST
from ae_core.plots.palette import DARK, MARKERS, PALETTE
from ae_core.probes.questions import FileName
from pages._ui.text import language, names, refusals, section

_FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components"


def _register(name: str) -> Callable[..., Any]:
    parts = {}
    for kind in ("html", "css", "js"):
        file = _FOLDER / name / f"component.{kind}"
        parts[kind] = file.read_text(encoding="utf-8") if file.exists() else None
    if parts["js"] is None:
        parts["js"] = (_FOLDER / "mounts.js").read_text(encoding="utf-8").replace("NAME", name)
    return st.components.v2.component(f"latent_lab_{name}", isolate_styles=False, **parts)


_stage, _hourglass, _cards, _preferences, _explore = map(
    _register, ("stage", "hourglass", "cards", "preferences", "explore")
)
_multiples, _sidebyside = map(_register, ("multiples", "sidebyside"))
_drawing = _register("drawing")


@dataclass(frozen=True)
class Card:
    """One thing to choose. image: URL of its thumbnail. away: it is not on this machine, but can be looked at."""

    id: str
    title: str
    note: str
    image: str = ""
    away: bool = False


@dataclass(frozen=True)
class Shelf:
    """Cards that belong together. title: "" for none."""

    title: str
    cards: Sequence[Card]


@dataclass(frozen=True)
class Shape:
    """A network as the hourglass draws it."""

    input: Mapping[str, Any]
    kind: str
    hidden: Sequence[int]
    latent: int
    code: str
    min_layers: int
    max_layers: int
    widths_max: int
    latent_max: int
    parameters: int
    seconds_per_epoch: float | None


def stage(run: str | None, status: str, on_status: Callable[[], None], key: str = "stage") -> None:
    """The live view of a run. It opens its own socket; the page is rerun only when the run's status is another one.

    A stage that is given another run comes into view by itself; one with another key is another stage and does not.
    """
    words = {"copy": section("stage"), "names": dict(names(language()))}
    data = {"run": run, "socket": f"/live/{run}" if run else None, "status": status, **words}
    _stage(data=data, key=key.replace("_", "-"), on_status_change=on_status)  # Streamlit refuses __, which ids may hold


def explore(run: str, title: str, facts: Sequence[tuple[str, str]]) -> None:
    """The map of a run's codes and all that is seen in it. It asks the engine by itself and never reruns the page.

    title, facts: the run's name and its settings with their values, for its report.
    """
    words = {
        "copy": section("explore"),
        "metrics": section("metric")
        | section("need")
        | {f"unit.{name}": word for name, word in section("unit").items()},
        "names": dict(names(language())),
        "refusals": [list(pair) for pair in refusals(language())],
    }
    palette = {"light": PALETTE, "dark": DARK, "markers": MARKERS}
    told = {"title": title, "facts": [list(fact) for fact in facts], "files": list(get_args(FileName))}
    _explore(data={"run": run, **words, **told, "palette": palette}, key="explore")


@dataclass(frozen=True)
class Tile:
    """A run in the grid of small multiples, its row and column from 0 up."""

    run: str
    row: int
    column: int


@dataclass(frozen=True)
class Grid:
    """Runs side by side. columns, rows: the values along each way, as people read them, and what they are called."""

    tiles: Sequence[Tile]
    column_name: str
    columns: Sequence[str]
    row_name: str = ""
    rows: Sequence[str] = ()


def multiples(grid: Grid) -> None:
    """Runs side by side, live: latent map, reconstructions and curve of each. It never reruns the page."""
    facts = asdict(grid)
    facts["cells"] = facts.pop("tiles")
    palette = {"light": PALETTE, "dark": DARK}
    words = section("multiples") | {f"status_{name}": word for name, word in section("status").items()}
    _multiples(data={**facts, "copy": words, "palette": palette}, key="multiples")


def side_by_side(runs: Sequence[tuple[str, str]]) -> None:
    """Two to six runs, (id, name) each: their maps turned alike, and what they make of the same items, live."""
    named = [{"run": run, "title": title} for run, title in runs]
    words = section("sidebyside") | {f"status_{name}": word for name, word in section("status").items()}
    palette = {"light": PALETTE, "dark": DARK}
    _sidebyside(data={"runs": named, "copy": words, "palette": palette}, key="sidebyside")


def hourglass(shape: Shape, on_hidden: Callable[[], None], on_latent: Callable[[], None]) -> None:
    """The network to scale, with its layers and neurons to add and remove. State: `hidden`, `latent`."""
    data = asdict(shape) | {"locked": False, "copy": section("hourglass")}
    _hourglass(data=data, key="model_hidden", on_hidden_change=on_hidden, on_latent_change=on_latent)


def cards(key: str, label: str, chosen: str | None, shelves: Sequence[Shelf], on_chosen: Callable[[], None]) -> None:
    """Things of which one is chosen. Trigger: `chosen`."""
    prefix = key.removesuffix("_kind")
    data = {"label": label, "chosen": chosen, "shelves": [asdict(shelf) for shelf in shelves], "prefix": prefix}
    _cards(data=data, key=key, on_chosen_change=on_chosen)


def drawing(key: str, on_drawn: Callable[[], None], seed: int | None = None) -> None:
    """A board on which points are drawn. It reruns the page only when its button is pressed, and keeps the drawing.

    Trigger: `drawn`, {"points": [[x, y, class], ...]}, checked by `ae_core.data.drawn`. seed: of the spray, for tests.
    """
    data = {
        "key": key,
        "copy": section("drawing"),
        "palette": {"light": PALETTE[:CLASSES], "dark": DARK[:CLASSES]},
        "markers": MARKERS[:CLASSES],
        "least": LEAST,
        "most": MOST,
        "seed": seed,
    }
    _drawing(data=data, key=key, on_drawn_change=on_drawn)


def remember(preferences: Mapping[str, str], spoken: str) -> None:
    """Keeps preferences in cookies of this browser, and tells it the language of the page (as HTML names it)."""
    _preferences(data={"cookies": dict(preferences), "language": spoken}, key="preferences")
