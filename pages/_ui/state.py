"""What this browser tab remembers: the experiment on the knobs, the run on the stage, and who is looking.

The only file that touches `st.session_state` and `st.query_params`, but for the language, which `text` asks for.
Streamlit forgets a widget's value when the widget is not drawn, so the experiment is kept under a key of its own and
widgets are filled from it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import Any

import streamlit as st

from ae_core import services
from ae_core.compatibility import on_data
from ae_core.data import dataset_of
from ae_core.errors import AeError, DataMissing, SpecError, UnknownRun
from ae_core.spec import RunSpec, Schedule, changed, from_url, read, settings, to_url
from ae_core.starter import STARTER, STARTER_RUN
from ae_core.store import ACTIVE, Run, Store
from ae_core.web import COOKIE as CLIENT_COOKIE
from ae_core.web import client_of
from pages._ui.text import said, t

SPEC, RUN, NOTICES, OWNER, DRAWN, DIALOG = "_spec", "_run", "_notices", "_owner", "_drawn", "_dialog"
FORMER = "_former"
IN_FLIGHT = 2.0  # seconds after a page was drawn in which the browser may still send what its widgets held before
LEVEL = "level"
EXPLORED = "explored"
PARCEL, UPLOADS, ARRIVED = "_parcel", "_uploads", "_arrived"
PINS, MOST_PINS = "_pins", 200
TUNE, VISITS = "tune_", "_tune_visits"  # keys of that page's widgets, and what they held
DRAWN_BY_COMPONENTS = frozenset({"data_kind", "data_digest", "model_hidden"})


def open_session() -> None:
    """On a tab's first script run: experiment and run from the link, else the newest run, else the starter."""
    if SPEC in st.session_state:
        return
    params = dict(st.query_params)
    spec, problems = from_url(params, STARTER)
    st.session_state[NOTICES] = [("warning", t("notice.url", problem=said(problem))) for problem in problems]
    st.session_state[RUN] = _first_run(params.get("run", ""))
    if not set(params) & {leaf.key for leaf in settings(spec)} and (run := current_run()) is not None:
        spec = as_it_runs(run)
    st.session_state[SPEC] = _with_data(spec).model_dump_json()


def _with_data(spec: RunSpec) -> RunSpec:
    """The experiment, or where its dataset never was on this machine, the same on the starter's."""
    try:
        dataset_of(spec.data)
    except DataMissing as error:
        notify("warning", said(error))
        return on_data(changed(spec, {"model_kind": "mlp"}), STARTER.data.kind)
    return spec


def _first_run(asked: str) -> str:
    if asked:
        try:
            return store().run(asked).id
        except UnknownRun:
            notify("warning", t("notice.unknown_run"))
    mine = store().runs_of(owner(), limit=1)
    return mine[0].id if mine else STARTER_RUN


# ------------------------------------------------------------------------------------------- the experiment


def spec() -> RunSpec:
    """The experiment that the knobs describe now."""
    _mend()
    kept = read(st.session_state[SPEC])
    drawn = {leaf.key for leaf in settings(kept)} - DRAWN_BY_COMPONENTS
    values = {key: st.session_state[key] for key in drawn if key in st.session_state}
    try:
        now = changed(kept, values)
    except SpecError:
        now = kept
        for key, value in values.items():  # one that does not fit leaves the others alone
            try:
                now = changed(now, {key: value})
            except SpecError as error:
                notify("error", said(error))
    st.session_state[SPEC] = now.model_dump_json()
    return now


def change(values: Mapping[str, Any]) -> None:
    """Changes settings from outside their widgets, which follow. Only before widgets are drawn, so in callbacks."""
    put(changed(spec(), values))


def put(new: RunSpec) -> None:
    """Puts a whole experiment on the knobs. Only before widgets are drawn, so in callbacks."""
    st.session_state[SPEC] = new.model_dump_json()
    for leaf in settings(new):
        if leaf.key not in st.session_state or leaf.key in DRAWN_BY_COMPONENTS:
            continue
        if (before := st.session_state[leaf.key]) != leaf.value:
            st.session_state[leaf.key] = leaf.value
            former = st.session_state.setdefault(FORMER, {}).get(leaf.key, Former())
            held = (*(one for one in former.held if one != leaf.value), before)
            st.session_state[FORMER][leaf.key] = Former(leaf.value, held)


@dataclass(frozen=True)
class Former:
    """A widget that was changed from outside: its value, what it held before, and until when that may still come."""

    value: Any = None
    held: tuple[Any, ...] = ()
    until: float | None = None


def _mend() -> None:
    """Puts back what was changed from outside where the browser, not knowing of it yet, sent what was there before."""
    for key, former in list(st.session_state.get(FORMER, {}).items()):
        here = st.session_state.get(key, former.value)
        late = former.until is not None and time.monotonic() > former.until
        known = here in (former.value, *former.held) or not _fits(key, here)
        if late or not known:  # the reader has gone on from there
            del st.session_state[FORMER][key]
        elif here != former.value:
            st.session_state[key] = former.value


def _fits(key: str, here: Any) -> bool:
    """Whether the experiment can take this value: a choice that is none any more was made for an earlier one."""
    try:
        changed(read(st.session_state[SPEC]), {key: here})
    except SpecError:
        return False
    return True


def formerly(key: str) -> tuple[Any, ...]:
    """What the widget held before it was changed from outside, which the browser may still send. Widgets must offer it:
    of a value that is none of its options Streamlit makes the first one, which looks like the reader's choice.
    """
    former = st.session_state.get(FORMER, {}).get(key)
    return former.held if former else ()


def fill(key: str, usual: Any) -> None:
    """Gives a widget that is about to be drawn its value."""
    if key not in st.session_state:
        st.session_state[key] = usual


def replace(key: str, value: Any) -> None:
    """Sets a widget that is about to be drawn, whatever it held."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def move(setting: str, plan: Schedule | None) -> None:
    """Lets a setting follow a schedule over the run, or stand still (None). Only in callbacks."""
    others = tuple(other for other in spec().schedules if other.setting != setting)
    change({"schedules": (*others, *([plan] if plan else []))})


def keep_within(key: str, options: Sequence[Any]) -> None:
    """Forgets what a widget that is about to be drawn holds, if it is no option any more."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]


def value(key: str) -> Any:
    """What a widget or component of this key holds, None before it was drawn."""
    return st.session_state.get(key)


def link(now: RunSpec) -> None:
    """Writes run and experiment into the address bar, so that it can be sent to somebody."""
    run = current_run()
    wanted = {} if run is None or run.id == STARTER_RUN else {"run": run.id}
    if run is None or now != run.spec:
        wanted |= to_url(now, STARTER)
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def link_run() -> None:
    """Writes the run alone into the address bar."""
    wanted = {"run": st.session_state[RUN]}
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def opened(kind: str) -> str | None:
    """The sweep or study that is looked at: the one of the link, else the last one of this tab."""
    if asked := st.query_params.get(kind):
        st.session_state[f"_{kind}"] = asked
    found: str | None = st.session_state.get(f"_{kind}")
    return found


def open_group(kind: str, group: str | None) -> None:
    """Looks at a sweep or study, or at none, and writes it into the address bar."""
    st.session_state[f"_{kind}"] = group
    wanted = {kind: group} if group else {}
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def pinned() -> list[str]:
    """Ids of the runs that this tab compares: those pinned here, else those of the link."""
    if PINS not in st.session_state:
        asked = st.query_params.get("runs", "")
        st.session_state[PINS] = [run for run in dict.fromkeys(asked.split(",")) if run][:MOST_PINS]
    found: list[str] = st.session_state[PINS]
    return found


def pin(runs: Sequence[str]) -> None:
    """Compares these runs from now on."""
    st.session_state[PINS] = list(dict.fromkeys(runs))[:MOST_PINS]


def link_pins() -> None:
    """Writes the runs that are compared into the address bar."""
    wanted = {"runs": ",".join(pinned())} if pinned() else {}
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


# --------------------------------------------------------------------------------------------------- the run


def current_run() -> Run | None:
    """The run on the stage, or None where it is gone."""
    return run_called(st.session_state[RUN])


def run_called(run: str) -> Run | None:
    """The run of that id, or None where it is gone."""
    try:
        return store().run(run)
    except UnknownRun:
        return None


def open_run(run: str) -> None:
    """Puts a run on the stage."""
    st.session_state[RUN] = run


def settle() -> None:
    """Notes what the whole page is drawn for: this run, these settings. The browser is about to hear of them."""
    until = time.monotonic() + IN_FLIGHT
    for key, former in st.session_state.get(FORMER, {}).items():
        if former.until is None:
            st.session_state[FORMER][key] = replaced(former, until=until)
    st.session_state[DRAWN] = (st.session_state[RUN], st.session_state[SPEC], _moves(current_run()))


def _moves(run: Run | None) -> bool:
    """Whether the run waits or trains; what stands below the stage is for runs that stand still."""
    return run is not None and run.status in ACTIVE


def as_it_runs(run: Run) -> RunSpec:
    """The run's experiment with the learning rate that it has now."""
    return changed(run.spec, {"optimizer_learning_rate": run.learning_rate})


def behind(run: Run | None) -> bool:
    """Whether the whole page is drawn for another run or other settings, and should follow now.

    A new run that still waits is let onto the stage first; the stage tells when it does not wait any more.
    """
    drawn_run, drawn_spec, moved = st.session_state[DRAWN]
    if drawn_spec != st.session_state[SPEC]:  # at once: the browser still holds the widgets' earlier values
        return True
    if drawn_run != st.session_state[RUN]:
        return run is None or run.status != "queued"
    return bool(moved != _moves(run))


def owner() -> str:
    """Whose browser this is: the client cookie, or a name for this session where there is none."""
    if OWNER not in st.session_state:
        cookie = st.context.cookies.get(CLIENT_COOKIE)
        known = client_of({CLIENT_COOKIE: cookie}) if isinstance(cookie, str) else None
        st.session_state[OWNER] = known or secrets.token_urlsafe(16)
    return str(st.session_state[OWNER])


def store() -> Store:
    """Where runs are."""
    return services.current().store


def held(key: str, usual: Any) -> Any:
    """What a widget of the page Tune held when the reader last left that page; the same for the whole of a visit."""
    drawn = {name: value for name, value in st.session_state.items() if str(name).startswith(TUNE)}
    before, last = st.session_state.get(VISITS, ({}, {}))
    st.session_state[VISITS] = (before, last | drawn) if drawn else (last, last)  # none is drawn: a visit begins
    return st.session_state[VISITS][0].get(key, usual)


# --------------------------------------------------------------------------------------------------- imports


def parcel() -> dict[str, Any] | None:
    """The files that are being imported, and what was understood of them."""
    found: dict[str, Any] | None = st.session_state.get(PARCEL)
    return found


def keep_parcel(value: dict[str, Any] | None) -> None:
    """Goes on with these files, or with none."""
    st.session_state[PARCEL] = value


def uploads() -> int:
    """How often files were brought: each time the widget is a new one, so that it lets go of their bytes."""
    return int(st.session_state.get(UPLOADS, 0))


def count_upload() -> None:
    """Files were brought."""
    st.session_state[UPLOADS] = uploads() + 1


def arrive(digest: str) -> None:
    """A dataset was made; the next script run, before its widgets are drawn, puts it onto the knobs."""
    st.session_state[ARRIVED] = digest


def arrived() -> str | None:
    """The dataset that was just made, told once."""
    digest: str | None = st.session_state.pop(ARRIVED, None)
    return digest


# --------------------------------------------------------------------------------------------------- dialogs


def dialog() -> str | None:
    """The dialog that is open. It is kept, so that a rerun for another reason does not close it."""
    name: str | None = st.session_state.get(DIALOG)
    return name


def open_dialog(name: str | None) -> None:
    """Opens a dialog in place of another one, or closes it (None)."""
    st.session_state[DIALOG] = name


# --------------------------------------------------------------------------------------------------- notices


def notify(kind: str, text: str) -> None:
    """A sentence to show above the stage on this script run: warning, error or info."""
    st.session_state.setdefault(NOTICES, []).append((kind, text))


def notices() -> list[tuple[str, str]]:
    """The sentences to show now; each is given out once."""
    found: list[tuple[str, str]] = st.session_state.get(NOTICES, [])
    st.session_state[NOTICES] = []
    return [(kind, text) for text, kind in {text: kind for kind, text in reversed(found)}.items()][::-1]


def act(deed: Callable[..., None]) -> Callable[..., None]:
    """A callback whose AeErrors become notices."""

    def careful(*args: Any) -> None:
        try:
            deed(*args)
        except AeError as error:
            notify("error", said(error))

    return careful
