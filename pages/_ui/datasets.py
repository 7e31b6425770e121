"""Datasets on the screen: what each is called, the cards to choose one, and what choosing brings about."""

from __future__ import annotations

import re
from collections.abc import Callable

from ae_core.compatibility import on_data
from ae_core.data import DATASETS, Dataset, missing
from ae_core.data.shelf import shelf
from ae_core.errors import DataMissing
from ae_core.spec import DataSpec, Own
from pages._ui import components, state
from pages._ui.text import t

OWN = "own-"
"""Before the digest, in the id of a card of somebody's own dataset."""
SHELVES = ("image", "points", "table", "series", "text", "ratings")


def title(data: DataSpec) -> str:
    """What the dataset is called, in plain words that mean nothing to Markdown."""
    if not isinstance(data, Own):
        return t(f"dataset.{data.kind}.title")
    try:
        return plain(shelf().card(data.digest).title) or t("data.own")
    except DataMissing:
        return t("data.own")


def plain(name: str) -> str:
    """A stranger's name without what Markdown, HTML or LaTeX would read, at most 60 characters."""
    return re.sub(r"[^\w \-.,()+%]|_", " ", name).strip()[:60]


def shelf_of(record: Dataset) -> str:
    """On which shelf its card stands."""
    if record.zero_is_missing or record.hidden:
        return "ratings"
    return "text" if record.counts or record.documents else record.form


def shelves(everything: bool) -> list[components.Shelf]:
    """The cards: one's own first, then those that come along. everything: also what is not on this machine."""
    mine = [
        components.Card(f"{OWN}{own.digest}", plain(own.title), "", f"/api/datasets/{own.digest}/thumbnail.png")
        for own in state.store().datasets.of(state.owner())
    ]
    found = [components.Shelf(t("data.yours"), mine)] if mine else []
    for name in SHELVES:
        cards = [
            components.Card(
                id=kind,
                title=t(f"dataset.{kind}.title"),
                note=t(f"dataset.{kind}.why"),
                image=f"/images/datasets/{kind}.png",
                missing=missing(record) is not None and not everything,
            )
            for kind, record in DATASETS.items()
            if shelf_of(record) == name and (everything or missing(record) is None)
        ]
        if cards:
            found.append(components.Shelf(t(f"data.shelf.{name}"), cards))
    return found


def card_of(data: DataSpec) -> str:
    """Id of the card of a dataset."""
    return f"{OWN}{data.digest}" if isinstance(data, Own) else str(data.kind)  # type: ignore[attr-defined]


def cards_ui(key: str, data: DataSpec, everything: bool = False, after: Callable[[], None] = lambda: None) -> None:
    """All cards, of which the one on the knobs is chosen; a click puts another there."""

    def choose() -> None:
        put(state.value(key)["chosen"])
        after()

    components.cards(key, t("data.choose"), card_of(data), shelves(everything), state.act(choose))


def put(card: str) -> None:
    """Puts the dataset of that card on the knobs. Raises DataMissing."""
    kind, digest = ("own", card.removeprefix(OWN)) if card.startswith(OWN) else (card, "")
    state.put(on_data(state.spec(), kind, digest))
