"""Data: what there is to learn from, looked at closely, and one's own: imported or drawn."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from ae_core import services
from ae_core.data import Dataset, Missing, dataset_of, missing
from ae_core.data.download import Download
from ae_core.data.drawn import drawn
from ae_core.data.shelf import shelf, write
from ae_core.engine.client import Client
from ae_core.errors import AeError
from ae_core.imports.bounds import Bounds
from ae_core.imports.door import make, understand
from ae_core.imports.inbox import Inbox
from ae_core.imports.plan import Plan, Source, Understanding
from ae_core.network import for_others
from ae_core.spec import Own, RunSpec
from pages._ui import components, datasets, importing, state
from pages._ui.notices import notices_ui
from pages._ui.preview import preview_ui
from pages._ui.text import said, t
from pages._ui.titles import plain, title

WAYS = ("choose", "bring", "draw")
EVERY = 1.0  # seconds between two looks at a download


# ------------------------------------------------------------------------------------------------------- choose


def way_ui() -> str:
    """Whether one chooses what is there, brings files, or draws."""
    state.fill("data_way", "choose")
    return str(
        st.segmented_control(
            t("data.way"),
            WAYS,
            key="data_way",
            format_func=lambda name: t(f"data.ways.{name}"),
            label_visibility="collapsed",
            required=True,
        )
    )


# ----------------------------------------------------------------------------------------------------------- do


def _delete(digest: str) -> None:
    """Takes one's own dataset away, and puts the starter's on the knobs."""
    services.current().client.delete_dataset(digest, state.owner())
    datasets.put("digits")
    state.notify("info", t("data.deleted"))


def _keep_drawing() -> None:
    """What was drawn becomes a dataset, goes onto the knobs, and is looked at."""
    name = (state.value("data_drawn_name") or "").strip() or t("data.drawing")
    made = drawn(state.value("data_drawing")["drawn"], name)
    client = services.current().client
    with tempfile.TemporaryDirectory(dir=client.settings.home) as room:
        write(Path(room) / "made", *made)
        digest = client.keep_dataset(Path(room) / "made", state.owner())
    _open(digest)


def _open(digest: str) -> None:
    """Puts one's own dataset on the knobs and shows it."""
    datasets.put(f"{datasets.OWN}{digest}")
    state.replace("data_way", "choose")


def _share(digest: str) -> None:
    services.current().client.share_dataset(digest, state.owner())


def own_ui(data: Own) -> None:
    """Keep, delete, and send what somebody brought."""
    mine = data.digest in {own.digest for own in state.store().datasets.of(state.owner())}
    with st.container(key="data_deeds", horizontal=True, vertical_alignment="center"):
        if mine:
            with st.popover(t("data.delete"), icon=":material/delete:"):
                st.write(t("data.delete_sure"))
                st.button(t("data.delete_yes"), key="data_delete", on_click=state.act(_delete), args=(data.digest,))
        else:
            st.button(
                t("data.keep"),
                key="data_keep",
                icon=":material/bookmark_add:",
                on_click=state.act(_share),
                args=(data.digest,),
            )
    here = (st.context.url or "").split("?")[0].rstrip("/").removesuffix("/data")
    address = for_others(here, st.config.get_option("server.address"))
    st.caption(t("data.link"))
    st.code(f"{address.rstrip('/')}/?data_kind=own&data_digest={data.digest}", language=None)


# --------------------------------------------------------------------------------------------------------- show


def missing_ui(record: Dataset, lacks: Missing) -> None:
    """How a dataset that is not on this machine gets here: a package, a folder, or a download on a click."""
    if lacks.kind == "package":
        st.info(t("data.missing", package=lacks.name))
    elif record.download is None:
        st.info(t("data.missing_files", folder=lacks.name))
    else:
        download_ui(record.kind, record.download)


@st.fragment(run_every=EVERY)
def download_ui(kind: str, download: Download) -> None:
    """Host and size, then how far it is, then why it failed or that it is here."""
    downloads = services.current().downloads
    found = downloads.state(kind)
    if found.stage == "done":
        downloads.cancel(kind)  # it is told once
        st.rerun()
    st.info(t("data.missing_download", host=download.host, size=download.megabytes, folder=download.folder))
    if found.stage == "running":
        st.progress(found.fraction, text=t("data.downloading", host=download.host, share=f"{found.fraction:.0%}"))
        st.button(t("data.cancel"), key="data_cancel", on_click=downloads.cancel, args=(kind,))
        return
    if found.sentence:
        st.error(said(found.sentence))
    st.button(
        t("data.download", host=download.host, size=download.megabytes),
        key="data_download",
        type="primary",
        icon=":material/download:",
        on_click=downloads.start,
        args=(kind, download),
    )


def look_ui(spec: RunSpec) -> None:
    """The chosen dataset: what it is, what it looks like, and the way to train on it."""
    data = spec.data
    lacks = missing(dataset_of(data))
    gone = isinstance(data, Own) and not shelf().has(data.digest)
    with st.container(
        key="data_title", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.subheader(title(data), anchor=False, width="content")
        if not (lacks or gone) and st.button(
            t("data.train"), key="data_train", type="primary", icon=":material/model_training:"
        ):
            st.switch_page("playground.py")
    st.markdown(f"{'' if isinstance(data, Own) else datasets.why(data)} {datasets.size(spec)}")
    if gone:
        st.warning(t("data.gone"))
    elif lacks:
        missing_ui(dataset_of(data), lacks)
    else:
        datasets.making_ui(spec)
        preview_ui(data)
        with st.expander(t("data.dividing"), key="data_drawer"):
            datasets.dividing_ui(spec)
    st.caption(datasets.origin(data))
    if isinstance(data, Own):
        importing.dropped_ui(shelf().card(data.digest).dropped)
        if not gone:
            own_ui(data)


def choose_ui(spec: RunSpec) -> None:
    """The gallery beside what was chosen in it."""
    picture, cards = st.columns([0.56, 0.44], gap="medium")
    with cards:
        datasets.cards_ui("data_kind", spec.data, everything=True)
    with picture:
        look_ui(spec)


def bring_ui() -> None:
    """Files in, a dataset out: what was understood, and what the reader corrects."""
    parcel = state.parcel()
    if parcel is None:
        _upload_ui()
        return
    understood = Understanding.model_validate_json(parcel["understood"])
    with st.container(key="import_deeds", horizontal=True, vertical_alignment="center"):
        go = st.container(width="content")
        st.button(t("import.others"), key="import_others", icon=":material/refresh:", on_click=_forget)
        names = [source["name"] for source in parcel["sources"]]
        listed = ", ".join(map(plain, names[:5])) + (" …" if len(names) > 5 else "")
        st.markdown(f":material/description: **{listed}**", width="content")
    seen, asked = st.columns(2, gap="medium")
    with seen:
        importing.facts_ui(understood)
        importing.dropped_ui(understood.facts.dropped)
    with asked:
        plan = importing.plan_ui(parcel["token"], understood)
        if understood.facts.kind == "csv":
            importing.dialect_ui(parcel["token"], understood.plan.dialect, state.act(_read_again))
    if go.button(t("import.make"), key="import_make", type="primary", icon=":material/check:"):
        with st.spinner(t("import.making")):
            _make(parcel, plan)


def _upload_ui() -> None:
    """The place to drop files, and what they may be."""
    client = services.current().client
    files = st.file_uploader(
        t("import.drop"),
        type=importing.SUFFIXES,
        accept_multiple_files=True,
        key=f"data_files_{state.uploads()}",
        max_upload_size=client.settings.limits.import_megabytes,
    )
    if files:
        with st.spinner(t("import.reading")):
            _receive(client, [(file.name, file.getbuffer()) for file in files])
    importing.drop_words(client.settings.limits.import_megabytes)
    importing.kinds_ui()
    st.caption(f":material/lock: {t('import.safe')}")


def _receive(client: Client, files: list[tuple[str, memoryview]]) -> None:
    """Reads what was dropped. The widget lets go of it, whatever comes of it."""
    bounds = Bounds.of(client.settings.limits)
    inbox, parcel = Inbox(client.settings.home), None
    try:
        parcel = inbox.receive(files, bounds)
        understood = understand(parcel.sources, bounds)
    except AeError as error:
        state.notify("error", said(error))
        if parcel:
            inbox.forget(parcel.token)
    else:
        state.keep_parcel(
            {
                "token": parcel.token,
                "sources": [source.model_dump() for source in parcel.sources],
                "understood": understood.model_dump_json(),
            }
        )
    state.count_upload()
    st.rerun()


def _read_again() -> None:
    """The same files, read as the reader says."""
    parcel = state.parcel()
    if parcel is None:
        return
    before = Understanding.model_validate_json(parcel["understood"]).plan.dialect
    sources = [Source.model_validate(source) for source in parcel["sources"]]
    asked = importing.dialect_asked(parcel["token"], before)
    understood = understand(sources, Bounds.of(services.current().client.settings.limits), dialect=asked)
    state.keep_parcel({**parcel, "understood": understood.model_dump_json()})


def _make(parcel: dict[str, Any], plan: Plan) -> None:
    """The dataset of that plan; then it is looked at, and the files are gone."""
    client = services.current().client
    inbox = Inbox(client.settings.home)
    folder = inbox.room(parcel["token"])
    sources = [Source.model_validate(source) for source in parcel["sources"]]
    try:
        make(sources, plan, folder, Bounds.of(client.settings.limits))
        digest = client.keep_dataset(folder, state.owner())
    except AeError as error:
        state.notify("error", said(error))
    else:
        inbox.forget(parcel["token"])
        state.keep_parcel(None)
        state.arrive(digest)
    st.rerun()


def _forget() -> None:
    parcel = state.parcel()
    if parcel:
        Inbox(services.current().client.settings.home).forget(parcel["token"])
    state.keep_parcel(None)


def draw_ui() -> None:
    """A board to draw points on, and what they are to be called."""
    name, _ = st.columns([0.4, 0.6])
    said = t("data.drawn_name")
    name.text_input(said, key="data_drawn_name", max_chars=60, placeholder=said, label_visibility="collapsed")
    components.drawing("data_drawing", state.act(_keep_drawing))


def page() -> None:
    """The whole page."""
    if digest := state.arrived():
        state.act(_open)(digest)
    state.settle()
    spec = state.spec()
    way = way_ui()
    notices_ui()
    if way == "choose":
        choose_ui(spec)
    elif way == "bring":
        bring_ui()
    else:
        draw_ui()
    state.link(spec)


page()
