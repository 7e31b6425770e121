"""Datasets on the screen: the cards to choose one, what is said of it, and what choosing brings about."""

from __future__ import annotations

import streamlit as st

from ae_core.compatibility import features, on_data
from ae_core.data import DATASETS, Dataset, dataset_of, missing
from ae_core.spec import DataSpec, Own, RunSpec, in_effect
from pages._ui import components, knobs, state
from pages._ui.text import t
from pages._ui.titles import plain, title

OWN = "own-"
"""Before the digest, in the id of a card of somebody's own dataset."""
CARDS = ("data_kind", "data_digest")
"""Settings that are chosen by a card."""
DIVIDING = tuple(f"data_{name}" for name in DataSpec.model_fields)
"""Settings that every dataset has."""
SHELVES = ("image", "points", "table", "series", "text", "ratings")


def shelf_of(record: Dataset) -> str:
    """On which shelf its card stands."""
    return record.theme or record.form


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
                away=missing(record) is not None,
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


def cards_ui(key: str, data: DataSpec, everything: bool = False) -> None:
    """All cards, of which the one on the knobs is chosen; a click puts another there."""

    def choose() -> None:
        put(state.value(key)["chosen"])

    components.cards(key, t("data.choose"), card_of(data), shelves(everything), state.act(choose))


def put(card: str) -> None:
    """Puts the dataset of that card on the knobs. Raises DataMissing."""
    kind, digest = ("own", card.removeprefix(OWN)) if card.startswith(OWN) else (card, "")
    state.put(on_data(state.spec(), kind, digest))


def why(data: DataSpec) -> str:
    """What there is to learn from it; nothing where somebody brought it."""
    return title(data) if isinstance(data, Own) else t(f"dataset.{data.kind}.why")  # type: ignore[attr-defined]


def size(spec: RunSpec) -> str:
    """How many items of how many numbers."""
    return t("data.items", count=f"{dataset_of(spec.data).count(spec.data):,}", features=f"{features(spec):,}")


def origin(data: DataSpec) -> str:
    """Where it is from, and what may be done with it."""
    record = dataset_of(data)
    if isinstance(data, Own):
        return t("data.from_files", files=", ".join(map(plain, record.source.split(", "))))
    return f"{t('data.source')}: {record.source}. {t('data.licence')}: {record.licence}."


def making_ui(spec: RunSpec) -> None:
    """The settings with which the dataset is made, two in a row; none where it is as it is."""
    keys = [key for key in _keys(spec) if key not in DIVIDING]
    for place in range(0, len(keys), 2):
        for column, key in zip(st.columns(2), keys[place : place + 2], strict=False):
            with column:
                knobs.edit(spec, [key])


def dividing_ui(spec: RunSpec) -> None:
    """The settings of its split and its scaling."""
    knobs.edit(spec, [key for key in _keys(spec) if key in DIVIDING])


def knobs_ui(spec: RunSpec) -> None:
    """All settings of the dataset, those of its making first."""
    knobs.edit(spec, sorted(_keys(spec), key=lambda key: key in DIVIDING))


def _keys(spec: RunSpec) -> list[str]:
    return [leaf.key for leaf in in_effect(spec) if leaf.path[0] == "data" and leaf.key not in CARDS]
