"""The controls of an import: what is understood of series can be corrected, however they lie in the table."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.imports.files import Desk, csv
from tests.imports.test_series import LONG, below, waves
from tests.pages.opened import clean


def dialog(understood: str) -> None:
    """The controls alone, and the plan that they give."""
    import streamlit as st

    from ae_core.imports.plan import Understanding
    from pages._ui import importing

    plan = importing.plan_ui("t", Understanding.model_validate_json(understood))
    st.session_state["_plan"] = plan.model_dump()


def test_series_below_each_other_have_their_controls(tmp_path: Path) -> None:
    """Which column tells the series, which the moments; as one long series they have windows instead."""
    found = Desk(tmp_path).bring("long.csv", csv([LONG, *below(waves())])).understand()
    app = clean(AppTest.from_function(dialog, args=(found.model_dump_json(),)).run())

    assert app.session_state["_plan"] == found.plan.model_dump()
    clean(app.selectbox(key="import_t_series_clock").set_value("").run())
    assert (app.session_state["_plan"]["group"], app.session_state["_plan"]["clock"]) == ("sensor", "")

    clean(app.segmented_control(key="import_t_series_orientation").set_value("windows").run())
    assert app.session_state["_plan"]["orientation"] == "windows"
    assert app.number_input(key="import_t_series_window").value == 32
    assert "import_t_series_group" not in [box.key for box in app.selectbox]
