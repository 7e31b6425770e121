"""The catalogue on the screen: which variant is on the knobs, the gallery to choose another, and the card of each."""

from __future__ import annotations

import streamlit as st

from ae_core.source import source
from ae_core.spec import RunSpec
from ae_core.variants import GROUPS, VARIANTS, turn_into, variant_of
from pages._ui import components, knobs, state
from pages._ui.text import t
from pages._ui.titles import title

GALLERY, CARD, CHOSEN = "gallery", "card", "variant"


def name_of(spec: RunSpec) -> str:
    """The variant's title, or that this is none of the catalogue."""
    name = variant_of(spec)
    return t(f"variant.{name}.title") if name else t("model.own")


def line(spec: RunSpec) -> None:
    """The variant on the knobs, as two buttons: choose another, and read about this one."""
    name = variant_of(spec)
    st.button(
        t("model.is", model=name_of(spec)),
        key="model",
        icon=":material/unfold_more:",
        icon_position="right",
        on_click=state.open_dialog,
        args=(GALLERY,),
    )
    if name:
        st.button(
            t("model.about"), key="model_card", icon=":material/menu_book:", on_click=state.open_dialog, args=(CARD,)
        )


def dialogs(spec: RunSpec) -> None:
    """The gallery or the card, whichever is open."""
    name = variant_of(spec)
    if state.dialog() == GALLERY:
        _dialog(t("model.choose"), "large")(_gallery)(spec)
    elif state.dialog() == CARD and name:
        _dialog(t(f"variant.{name}.title"), "medium")(_card)(name)


def _dialog(title: str, width: str):
    return st.dialog(title, width=width, on_dismiss=lambda: state.open_dialog(None))


def _gallery(spec: RunSpec) -> None:
    """Every variant with what it buys, shelf by shelf. A click chooses and closes."""
    if state.dialog() != GALLERY:
        st.rerun()
    shelves = [
        components.Shelf(
            t(f"model.group.{group}"),
            [
                components.Card(name, t(f"variant.{name}.title"), t(f"variant.{name}.buys"))
                for name, record in VARIANTS.items()
                if record.group == group
            ],
        )
        for group in GROUPS
    ]
    shown = [shelf for shelf in shelves if shelf.cards]
    components.cards(CHOSEN, t("model.choose"), variant_of(spec), shown, state.act(_choose))


def _card(name: str) -> None:
    """What a variant is: formula, gain and price, what to watch, where it is from, its settings and its code."""
    if state.dialog() != CARD:
        st.rerun()
    record = VARIANTS[name]
    st.latex(record.formula)
    for part, icon in (
        ("buys", "add_circle"),
        ("costs", "remove_circle"),
        ("watch", "visibility"),
        ("figure", "straighten"),
    ):
        st.markdown(f":material/{icon}: **{t(f'model.{part}')}** {t(f'variant.{name}.{part}')}")
    st.markdown(f":material/article: [{record.paper}]({record.link})")
    own = ", ".join(f"{knobs.label(key)} **{knobs.show(value, key)}**" for key, value in record.settings.items())
    st.markdown(f":material/tune: **{t('model.settings')}** {own}")
    st.button(
        t("model.use"),
        key="model_use",
        type="primary",
        icon=":material/settings_backup_restore:",
        on_click=state.act(_turn),
        args=(name,),
    )
    with st.expander(t("model.code"), icon=":material/code:"):
        for place in record.code:
            st.caption(place.replace(":", "."))
            st.code(source(place), language="python")


def _choose() -> None:
    _turn(state.value(CHOSEN)["chosen"])


def _turn(name: str) -> None:
    """Puts a variant's own settings on the knobs, over the reader's data and training."""
    state.open_dialog(None)
    before = state.spec()
    after = turn_into(name, before)
    state.put(after)
    if after.data.kind != before.data.kind:
        said = {"model": t(f"variant.{name}.title"), "data": title(after.data)}
        state.notify("info", t("model.other_data", **said))
