"""What a weight of the KL term in somebody else's code is as beta here."""

from __future__ import annotations

import streamlit as st

from ae_core.compatibility import features
from ae_core.spec import RunSpec
from ae_core.units import beta_of
from pages._ui import state
from pages._ui.text import t

KEY = "model_code_beta"
KINDS = ("summed", "averaged")


def converter(spec: RunSpec) -> None:
    """The drawer beside beta."""
    drawer = st.popover(
        " ", icon=":material/calculate:", key="converter", help=t("converter.title"), type="tertiary", on_change="rerun"
    )
    if not drawer.open:
        return
    with drawer:
        st.markdown(f"**{t('converter.title')}**")
        kind = st.radio(
            t("converter.kind"),
            KINDS,
            format_func=lambda name: t(f"converter.kinds.{name}"),
            key="converter_kind",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True):
            weight = st.number_input(
                t("converter.weight"), min_value=0.0, value=0.00025, step=None, format="%g", key="converter_weight"
            )
            wide = st.number_input(t("converter.features"), min_value=1, value=features(spec), key="converter_features")
            latents = 1
            if kind == "averaged":
                latents = st.number_input(
                    t("converter.latents"), min_value=1, value=spec.model.code.latent_dim, key="converter_latents"
                )
        beta = beta_of(weight, wide, latents)
        below = "2" if kind == "summed" else rf"2\cdot {latents}"
        st.latex(rf"\beta={weight:g}\cdot\frac{{{wide}}}{{{below}}}={beta:.3g}")
        st.button(t("converter.use"), key="converter_use", on_click=state.act(_use), args=(beta,))


def _use(beta: float) -> None:
    state.move(KEY, None)
    state.change({KEY: beta})
