"""The runs of this browser: open, continue, rename, delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ae_core import services
from ae_core.store import Run
from pages._ui import knobs, state
from pages._ui.pins import pin_ui
from pages._ui.text import t
from pages._ui.titles import title

TABLE, NAME = "runs", "runs_name"
SLOWER = 10  # times smaller steps for a run that diverged


def run_list(current: Run | None) -> None:
    """The table, and what can be done with the run that is ticked."""
    drawer = st.expander(t("runs.title"), icon=":material/history:", key="runs_drawer", on_change="rerun")
    if not drawer.open:
        return
    with drawer:
        found = state.store().runs_of(state.owner())
        if not found:
            st.caption(t("runs.empty"))
            return
        picked = st.dataframe(
            [_row(run, current) for run in found],
            key=f"{TABLE}_{sum(hash(run.id) for run in found)}",  # another list, another table: a tick is for one run
            on_select="rerun",
            selection_mode="single-row",
            hide_index=True,
            column_config={t("runs.started"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        ).selection.rows
        if picked and picked[0] < len(found):
            _deeds(found[picked[0]])
        else:
            st.caption(t("runs.pick"))


def name_of(run: Run) -> str:
    """Its title, or what it is made of."""
    layers = knobs.show((*run.spec.model.sizes, run.spec.model.code.latent_dim))
    return run.title or t("runs.untitled", data=title(run.spec.data), layers=layers)


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """The names by run, newest first, with a number behind each that an older run has too: Streamlit's widgets choose
    by what is shown.
    """
    found: dict[str, str] = {}
    times: Counter[str] = Counter()
    for run, name in reversed(names.items()):
        times[name] += 1
        found[run] = name if times[name] == 1 else f"{name} ({times[name]})"
    return found


def _row(run: Run, current: Run | None) -> dict[str, object]:
    here = "▸ " if current and run.id == current.id else ""
    return {
        t("runs.name"): here + name_of(run),
        t("runs.status"): t(f"status.{run.status}"),
        t("runs.val_mse"): run.metrics.get("val_mse"),
        t("runs.epochs"): round(run.epoch, 1),
        t("runs.seconds"): round(run.seconds, 1),
        t("runs.started"): datetime.fromtimestamp(run.created, _here()),
    }


def _here() -> tzinfo:
    """The reader's time zone, as far as their browser tells it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _deeds(run: Run) -> None:
    with st.container(horizontal=True):
        st.button(t("runs.open"), key="run_open", icon=":material/visibility:", on_click=_open, args=(run.id,))
        st.button(
            t("runs.continue"),
            key="run_continue",
            icon=":material/fast_forward:",
            disabled=run.status in ("queued", "running"),
            on_click=state.act(_continue),
            args=(run.id,),
        )
        pin_ui(run, key="run_pin")
        with st.popover(t("runs.rename"), icon=":material/edit:"):
            st.text_input(t("runs.new_name"), value=run.title, key=f"{NAME}_{run.id}")
            st.button(t("runs.save"), key="run_rename", on_click=state.act(_rename), args=(run.id,))
        with st.popover(t("runs.delete"), icon=":material/delete:"):
            st.write(t("runs.delete_sure", name=name_of(run)))
            st.button(t("runs.delete_yes"), key="run_delete", on_click=state.act(_delete), args=(run.id,))


def _open(run_id: str) -> None:
    state.open_run(run_id)
    run = state.current_run()
    if run:
        state.put(state.as_it_runs(run))


def _continue(run_id: str) -> None:
    """An unfinished run goes on, one that diverged with smaller steps; a finished one gets a child with as many epochs
    again.
    """
    run, client = state.store().run(run_id), services.current().client
    if run.status == "finished":
        run_id = client.continue_run(run.id, state.owner(), 2 * run.spec.training.epochs)
    elif run.status == "diverged":
        client.command(run.id, state.owner(), "resume", learning_rate=run.learning_rate / SLOWER)
    else:
        client.command(run.id, state.owner(), "resume")
    _open(run_id)


def _rename(run_id: str) -> None:
    state.store().rename(run_id, state.owner(), state.value(f"{NAME}_{run_id}") or "")
    state.notify("info", t("notice.renamed"))


def _delete(run_id: str) -> None:
    services.current().client.delete_run(run_id, state.owner())
    state.notify("info", t("notice.deleted"))
