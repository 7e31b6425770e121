"""Tune: let Optuna search for good settings, watch the search, and take the best into the playground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ae_core import services
from ae_core.errors import UnknownGroup, UnknownRun
from ae_core.store import Group
from ae_core.tuning.plan import StudyPlan, read_plan
from ae_core.tuning.space import distributions
from ae_core.tuning.studies import go_on, start_study, stop_study
from ae_core.tuning.trials import Reader, Trial, count, ranked
from pages._ui import components, knobs, state
from pages._ui.figures import chart_ui, reference_of
from pages._ui.notices import notices_ui
from pages._ui.text import said, t
from pages._ui.tuning import base_name, parameter_name, plan_ui

EVERY = 1.5  # seconds between two looks at a study that searches
MORE = 10  # trials that are asked for once a study is done


# ------------------------------------------------------------------------------------------------------- choose


def start_ui(plan: StudyPlan | None) -> None:
    """What a study would search now, and the button that starts it."""
    with st.container(key="tune_start_row", horizontal=True, vertical_alignment="center"):
        st.button(
            t("tune.start"),
            key="tune_start",
            type="primary",
            icon=":material/auto_awesome:",
            disabled=plan is None,
            on_click=state.act(_start),
            args=(plan,),
        )
        if plan is None:
            st.caption(t("tune.nothing"))
        else:
            names = ", ".join(knobs.label(one.setting) for one in plan.sought)
            st.caption(t("tune.will", names=names, base=base_name(plan.base)))


def choose_ui() -> Group | None:
    """Which study: one of this browser's, or the one of the link."""
    mine = {group.id: group for group in state.store().groups.of(state.owner(), "study")}
    here = state.opened("study") or next(iter(mine), None)
    if here is not None and here not in mine:
        try:
            mine[here] = state.store().groups.group(here)
        except UnknownGroup as error:
            state.notify("warning", said(error))
            here = next(iter(mine), None)
    if here is None:
        return None
    state.open_group("study", here)
    if len(mine) > 1:
        state.replace("tune_study", here)
        st.selectbox(
            t("tune.study"),
            list(mine),
            key="tune_study",
            format_func=lambda name: _title(mine[name], list(mine)),
            on_change=_open_chosen,
        )
    return mine[here]


def _title(group: Group, order: Sequence[str]) -> str:
    plan = read_plan(group.plan)
    number = len(order) - list(order).index(group.id)
    parts = (number, base_name(plan.base), t(f"tune.sampler.{plan.sampler}"), t(f"tune.state.{group.state}"))
    return " · ".join(map(str, parts))


# ----------------------------------------------------------------------------------------------------------- do


def _start(plan: StudyPlan) -> None:
    state.open_group("study", start_study(services.current().client, plan, state.owner()))


def _open_chosen() -> None:
    state.open_group("study", state.value("tune_study"))


def _stop(study: str) -> None:
    stop_study(state.store(), study, state.owner())


def _go_on(study: str, trials: int, minutes: float) -> None:
    go_on(state.store(), study, state.owner(), trials, minutes)


def _delete(study: str) -> None:
    state.store().groups.delete(study, state.owner())
    state.open_group("study", None)
    state.notify("info", t("tune.deleted"))


def _take(run_id: str) -> None:
    """A trial's experiment onto the knobs, its run onto the stage."""
    run = state.store().run(run_id)
    state.put(state.as_it_runs(run))
    state.open_run(run.id)


def deeds_ui(group: Group, plan: StudyPlan, picked: Trial | None) -> None:
    """Stop, go on, more, delete, and the way into the playground."""
    with st.container(key="tune_deeds", horizontal=True, vertical_alignment="center"):
        _take_ui(picked, group.state == "open")
        if group.owner != state.owner():
            st.caption(t("tune.stranger"))
            return
        if group.state == "open":
            deed = state.act(_stop)
            st.button(t("tune.stop"), key="tune_stop", icon=":material/stop:", on_click=deed, args=(group.id,))
        else:
            _more_ui(group, plan)
        with st.popover(t("tune.delete"), icon=":material/delete:"):
            st.write(t("tune.delete_sure", count=group.runs))
            st.button(t("tune.delete_yes"), key="tune_delete", on_click=state.act(_delete), args=(group.id,))


def _take_ui(picked: Trial | None, searches: bool) -> None:
    """The best trial, or the one that is ticked, into the playground."""
    st.button(
        t("tune.take" if picked is None else "tune.take_trial", number="" if picked is None else picked.number),
        key="tune_take",
        type="secondary" if searches else "primary",
        icon=":material/model_training:",
        disabled=picked is None,
        on_click=state.act(_take),
        args=(picked.run if picked else "",),
    )
    if state.value("tune_take"):
        st.switch_page("playground.py")
    if picked:
        query = {"run": picked.run}
        st.page_link("explore.py", label=t("explore.go"), icon=":material/explore:", query_params=query)


def _more_ui(group: Group, plan: StudyPlan) -> None:
    """A stopped study goes on with what it has left; one that is done gets more."""
    trials, minutes = (0, 0.0) if group.state == "stopped" else (0, plan.minutes) if plan.minutes else (MORE, 0.0)
    word = "go_on" if group.state == "stopped" else "minutes" if minutes else "trials"
    st.button(
        t(f"tune.more.{word}", count=f"{minutes or trials:g}"),
        key="tune_go_on",
        icon=":material/play_arrow:",
        on_click=state.act(_go_on),
        args=(group.id, trials, minutes),
    )


# --------------------------------------------------------------------------------------------------------- show


@st.cache_resource(max_entries=64)
def _reader(study: str, _plan: StudyPlan) -> Reader:
    """What was read of a study is kept for everybody who looks at it."""
    return Reader(state.store(), study, _plan)


def headline_ui(group: Group, plan: StudyPlan, trials: Sequence[Trial], best: Trial | None) -> None:
    """How far the search is, why it does not go on, and the best so far."""
    found = vars(count(trials))
    told = [f"{t(f'tune.count.{name}')} **{number}**" for name, number in found.items()]
    st.caption(" · ".join([f"**{t(f'tune.state.{group.state}')}**", *told]))
    if plan.minutes is None:
        st.progress(min(1.0, sum(trial.counts for trial in trials) / plan.trials))
    engine = state.store().engine_state()["state"]
    if engine != "ready" and group.state == "open":
        st.info(t("notice.engine_starting" if engine == "starting" else "notice.engine_down"))
    if plan.note:
        st.warning(said(plan.note), icon=":material/info:")
    with st.container(key="tune_best", horizontal=True):
        _best_ui(plan, best)


def _best_ui(plan: StudyPlan, best: Trial | None) -> None:
    """What the best trial came to (of two aims: the one that is best in the first), and PCA's error beside it."""
    for number, name in enumerate(plan.objectives):
        label = t("tune.best", objective=t(f"tune.objective.{name}"))
        if best and len(plan.objectives) > 1:
            label = f"{t('tune.pictures', number=best.number)}: {t(f'tune.objective.{name}')}"
        st.metric(label, _written(best.values[number]) if best else "–", width="content")
    reference = reference_of(best.run) if best and "val_mse" in plan.objectives else None
    if reference is not None:
        st.metric(t("tune.pca"), _written(reference), width="content", help=t("tune.pca_help"))


def _written(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def table_ui(group: Group, plan: StudyPlan, trials: Sequence[Trial]) -> Trial | None:
    """Every trial; the one that is ticked, if it has a run."""
    if not trials:
        return None
    names = [name for name in distributions(plan) if any(name in trial.params for trial in trials)]
    heads = {f"parameter.{name}": parameter_name(name) for name in names}
    heads |= {f"objective.{name}": t(f"tune.objective.{name}") for name in plan.objectives}
    heads |= {name: t(f"tune.column.{name}") for name in ("state", "seconds")} | {"trial": t("tune.word.trial")}
    if any(trial.reason for trial in trials):
        heads["reason"] = t("tune.column.reason")
    states = {state: t(f"tune.count.{state}") for state in {trial.state for trial in trials}}
    rows = [_row(plan, trial, names, heads, states[trial.state]) for trial in trials]
    picked = st.dataframe(
        rows,
        key=f"tune_table_{group.id}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        placeholder="–",
        height=min(420, 40 + 35 * len(rows)),
    ).selection.rows
    st.caption(t("tune.pick"))
    chosen = trials[picked[0]] if picked and picked[0] < len(trials) else None
    return chosen if chosen and chosen.run else None


def _row(
    plan: StudyPlan, trial: Trial, names: Sequence[str], heads: Mapping[str, str], state_word: str
) -> dict[str, object]:
    """A line of the table. names: the parameters that it has columns for. heads: what each column is called, `reason`
    among them only where a trial has one.
    """
    values = dict(zip(plan.objectives, trial.values, strict=False))
    row: dict[str, object] = {heads["trial"]: trial.number, heads["state"]: state_word}
    row |= {heads[f"objective.{name}"]: values.get(name) for name in plan.objectives}
    row |= {heads[f"parameter.{name}"]: _told(name, trial.params.get(name)) for name in names}
    row[heads["seconds"]] = round(trial.seconds, 1)
    return row | ({heads["reason"]: said(trial.reason)} if "reason" in heads else {})


def _told(name: str, value: object) -> object:
    plain = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    return value if plain else knobs.show(value, name)


def pictures_ui(trial: Trial | None) -> None:
    """What the trial's model makes of the data: its run on the stage."""
    if trial is None:
        return
    try:
        run = state.store().run(trial.run)
    except UnknownRun:
        return
    st.subheader(t("tune.pictures", number=trial.number))
    components.stage(run.id, run.status, lambda: None, key=f"stage_{run.id}")


def study_ui(study: str, drawn: str) -> None:
    """One study, live. drawn: the state for which the whole page is drawn."""
    try:
        group = state.store().groups.group(study)
    except UnknownGroup:
        st.rerun()
    if group.state != drawn:
        st.rerun()
    notices_ui()
    plan = read_plan(group.plan)
    trials = _reader(study, plan).trials()
    best = next(iter(ranked(plan, trials)), None)
    head, deeds, figure = st.container(), st.container(), st.container()
    with figure:
        chart_ui(group, plan, trials, best)
    picked = table_ui(group, plan, trials) or best
    with head:
        headline_ui(group, plan, trials, best)
    with deeds:
        deeds_ui(group, plan, picked)
    pictures_ui(picked)


def page() -> None:
    """The whole page: what to search, and the study that is looked at."""
    with st.sidebar:
        plan = plan_ui(state.spec())
    st.header(t("tune.title"), anchor=False)
    st.caption(t("tune.about"))
    start_ui(plan)
    notices = st.container()
    group = choose_ui()
    with notices:
        notices_ui()
    if group is None:
        st.info(t("tune.empty"), icon=":material/info:")
        return
    live = st.fragment(study_ui, run_every=EVERY if group.state == "open" else None)
    live(group.id, group.state)


page()
