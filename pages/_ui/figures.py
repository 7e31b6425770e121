"""The pictures of a study: which one, of what, drawn once for everybody who looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import streamlit as st

from ae_core.store import Group
from ae_core.tuning.charts import Chart, View, charts, picture
from ae_core.tuning.plan import StudyPlan
from ae_core.tuning.space import distributions
from ae_core.tuning.trials import Trial
from pages._ui import state
from pages._ui.text import language, t
from pages._ui.tuning import parameter_name

WITH_PARAMETERS = ("parallel", "slice", "contour")
MOST_SHOWN = 4  # parameters in one picture, unless more are asked for


@st.cache_data(max_entries=64, ttl=600)
def reference_of(run: str) -> float | None:
    """The error of PCA with a code of the same width, on the run's items."""
    started = (body for _, body in state.store().events_after(run, 0, limit=3) if body["kind"] == "started")
    return next((body["reference"].get("val_mse") for body in started), None)


def chart_ui(group: Group, plan: StudyPlan, trials: Sequence[Trial], best: Trial | None) -> None:
    """One picture of the study; which one is the reader's choice."""
    chart = _which_chart(plan)
    st.caption(t(f"tune.chart_help.{chart}"))
    objective = _which_objective(plan, chart)
    parameters = _which_parameters(plan, trials) if chart in WITH_PARAMETERS else ()
    if not trials:
        st.info(t("tune.no_trials"), icon=":material/hourglass_empty:")
        return
    reference = reference_of(best.run) if best and plan.objectives[objective] == "val_mse" else None
    stamp = hash(tuple((trial.number, trial.state, len(trial.reports)) for trial in trials if _shows(trial, chart)))
    # a slice each, so that they go below each other on phones
    told = t("alt.study", name=t(f"tune.chart.{chart}"), help=t(f"tune.chart_help.{chart}"))
    parts = [(name,) for name in parameters] if chart == "slice" else [parameters]
    places = st.columns(2) if len(parts) > 1 else [st.container()]
    for number, part in enumerate(parts):
        figure = _figure(group.id, chart, stamp, language(), objective, part, reference, plan, trials)
        with places[number % 2]:
            st.plotly_chart(figure, key=f"tune_figure_{chart}_{number}", config={"displaylogo": False}, alt=told)


def _which_chart(plan: StudyPlan) -> Chart:
    names = charts(plan)
    if state.value("tune_chart") not in names:
        state.replace("tune_chart", names[0])
    return st.segmented_control(
        t("tune.chart_label"),
        names,
        key="tune_chart",
        format_func=lambda name: t(f"tune.chart.{name}"),
        label_visibility="collapsed",
        required=True,
    )


def _shows(trial: Trial, chart: Chart) -> bool:
    """Whether the picture changes when this trial does."""
    return trial.state != "running" or chart in ("intermediate", "timeline")


def _which_objective(plan: StudyPlan, chart: Chart) -> int:
    if len(plan.objectives) == 1 or chart in ("pareto", "timeline"):
        return 0
    state.fill("tune_shown", 0)
    return st.segmented_control(
        t("tune.shown"),
        range(len(plan.objectives)),
        key="tune_shown",
        format_func=lambda number: t(f"tune.objective.{plan.objectives[number]}"),
        label_visibility="collapsed",
        required=True,
    )


def _which_parameters(plan: StudyPlan, trials: Sequence[Trial]) -> tuple[str, ...]:
    known = [name for name in distributions(plan) if any(name in trial.params for trial in trials)]
    chosen = state.value("tune_parameters") or known[:MOST_SHOWN]
    state.replace("tune_parameters", [name for name in chosen if name in known])
    picked = st.multiselect(
        t("tune.parameters"), known, key="tune_parameters", format_func=parameter_name, label_visibility="collapsed"
    )
    return tuple(picked)


@st.cache_data(max_entries=200, show_spinner=False)
def _figure(
    study: str,
    chart: Chart,
    stamp: int,
    spoken: str,
    objective: int,
    parameters: tuple[str, ...],
    reference: float | None,
    _plan: StudyPlan,
    _trials: Sequence[Trial],
) -> go.Figure:
    """The picture of these trials. stamp, spoken: what else it depends on; the trials themselves are too long a key,
    and Streamlit takes long over a tuple of them.
    """
    return picture(View(_plan, study, _trials, _words(_plan), objective, parameters, reference), chart)


def _words(plan: StudyPlan) -> Mapping[str, str]:
    """What stands in the pictures, by Optuna's English."""
    parameters = {name: parameter_name(name) for name in distributions(plan)}
    objectives = {name: t(f"tune.objective.{name}") for name in plan.objectives}
    optuna = {
        "Nothing yet": t("tune.word.nothing"),
        "Trial": t("tune.word.trial"),
        "Step": t("tune.word.step"),
        "Datetime": t("tune.word.time"),
        "Best Value": t("tune.word.best"),
        "Best Trial": t("tune.word.front"),
        "Feasible Trial": t("tune.word.trial"),
        "Hyperparameter": t("tune.word.setting"),
        "Hyperparameter Importance": t("tune.word.importance"),
        "COMPLETE": t("tune.count.complete"),
        "PRUNED": t("tune.count.pruned"),
        "FAIL": t("tune.count.failed"),
        "RUNNING": t("tune.count.running"),
    }
    return parameters | objectives | optuna
