"""Explore: walk through what one run has learned. The component does the walking; this chooses the run."""

from __future__ import annotations

import streamlit as st

from ae_core.starter import STARTER_RUN
from ae_core.store import Run
from pages._ui import components, knobs, state
from pages._ui.notices import notices_ui
from pages._ui.pins import pin_ui
from pages._ui.runs import name_of, told_apart
from pages._ui.text import t
from pages._ui.titles import title


def choose_ui(run: Run) -> None:
    """Which run: one of this browser's, the starter, or the one of the link."""
    starter = state.run_called(STARTER_RUN)
    found = {one.id: one for one in (run, *state.store().runs_of(state.owner()), starter) if one is not None}
    state.fill(state.EXPLORED, run.id)
    st.selectbox(
        t("explore.choose"),
        list(found),
        key=state.EXPLORED,
        format_func=told_apart({name: title_of(one) for name, one in found.items()}).__getitem__,
        on_change=_open,
        label_visibility="collapsed",
    )


def title_of(run: Run) -> str:
    """The run's name; the starter has none of its own."""
    return t("explore.starter") if run.id == STARTER_RUN else name_of(run)


def _open() -> None:
    state.open_run(state.value(state.EXPLORED))


def facts_ui(run: Run) -> None:
    """What was trained, and how well it reconstructs."""
    spec = run.spec
    layers = knobs.show((*spec.model.sizes, spec.model.code.latent_dim))
    st.markdown(f"**{title(spec.data)}**  \n{t('explore.layers', layers=layers)}")
    st.caption(f"{t(f'status.{run.status}')} · {t('explore.epochs', epochs=f'{round(run.epoch, 1):g}')}")
    if (error := run.metrics.get("val_mse")) is not None:
        st.metric(t("explore.val_mse"), f"{error:.4g}", help=t("explore.val_mse_help"))
    if (after := run.metrics.get("val_mse_denoised")) is not None:
        before, rival = run.metrics["val_mse_damaged"], run.metrics["val_mse_denoised_pca"]
        st.metric(t("explore.denoised"), f"{after:.4g}", help=t("explore.denoised_help"))
        st.caption(t("explore.denoised_beside", before=f"{before:.3g}", rival=f"{rival:.3g}"))


def head_ui(run: Run | None) -> None:
    """The run, what it is, and the way back to where it is trained."""
    with st.sidebar:
        st.header(t("explore.run"))
        if run is not None:
            choose_ui(run)
            facts_ui(run)
            pin_ui(run)
    notices_ui()


def page() -> None:
    """The whole page."""
    run = state.current_run()
    head_ui(run)
    if run is None:
        st.info(t("explore.no_run"), icon=":material/info:")
        return
    components.explore(run.id, title_of(run), knobs.facts(run.spec))
    state.link_run()


page()
