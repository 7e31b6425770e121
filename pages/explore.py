"""Explore: walk through what one run has learned. The component does the walking; this chooses the run."""

from __future__ import annotations

import streamlit as st

from ae_core.starter import STARTER_RUN
from ae_core.store import Run
from pages._ui import components, knobs, state
from pages._ui.runs import name_of
from pages._ui.text import t

MOST_RUNS = 200


def choose_ui(run: Run) -> None:
    """Which run: one of this browser's, the starter, or the one of the link."""
    found = {one.id: one for one in (run, *state.store().runs_of(state.owner(), MOST_RUNS), *_starter())}
    state.fill(state.EXPLORED, run.id)
    st.selectbox(
        t("explore.choose"),
        list(found),
        key=state.EXPLORED,
        format_func=lambda name: t("explore.starter") if name == STARTER_RUN else name_of(found[name]),
        on_change=_open,
        label_visibility="collapsed",
    )


def _starter() -> list[Run]:
    return [run for run in [state.run_called(STARTER_RUN)] if run is not None]


def _open() -> None:
    state.open_run(state.value(state.EXPLORED))


def facts_ui(run: Run) -> None:
    """What was trained, and how well it reconstructs."""
    spec = run.spec
    layers = knobs.show((*spec.model.sizes, spec.model.code.latent_dim))
    st.markdown(f"**{t(f'dataset.{spec.data.kind}.title')}**  \n{t('explore.layers', layers=layers)}")
    st.caption(f"{t(f'status.{run.status}')} · {t('explore.epochs', epochs=f'{run.epoch:g}')}")
    if (error := run.metrics.get("val_mse")) is not None:
        st.metric(t("explore.val_mse"), f"{error:.4g}", help=t("explore.val_mse_help"))


def head_ui(run: Run | None) -> None:
    """The run, what it is, and the way back to where it is trained."""
    with st.sidebar:
        st.header(t("explore.run"))
        if run is not None:
            choose_ui(run)
            facts_ui(run)
    for kind, text in state.notices():
        {"error": st.error, "warning": st.warning, "info": st.info}[kind](text)


def page() -> None:
    """The whole page."""
    run = state.current_run()
    head_ui(run)
    if run is None:
        st.info(t("explore.no_run"), icon=":material/info:")
        return
    components.explore(run.id)
    state.link_run()


page()
