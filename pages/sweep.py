"""Sweep: one or two settings varied, all runs live beside each other."""

from __future__ import annotations

import streamlit as st

from ae_core import services
from ae_core.engine.client import Client
from ae_core.errors import UnknownGroup
from ae_core.plots.sweep import draw_errors, draw_heat
from ae_core.spec import RunSpec, Setting
from ae_core.store import ACTIVE, Group, Run
from ae_core.sweep import (
    MOST_VALUES,
    PRESETS,
    SEEDS,
    Axis,
    Cell,
    Place,
    SweepPlan,
    Verdict,
    asked,
    results,
    seeded,
    setting_of,
    suggested,
    varied,
    verdict,
)
from pages._ui import components, knobs, state
from pages._ui.notices import notices_ui
from pages._ui.text import listed, t
from pages._ui.titles import title
from pages._ui.values import typed, written

KIND = "sweep"
PRESETS_A_ROW = 2
REFRESH = 1.0  # seconds between two looks at the results while runs train


# ------------------------------------------------------------------------------------------------------- ask


def presets_ui(spec: RunSpec) -> None:
    """The textbook's questions, each with what it claims and one button that starts it."""
    data = title(spec.data)
    st.caption(t("sweep.presets_on", data=data))
    names = list(PRESETS)
    for first in range(0, len(names), PRESETS_A_ROW):
        for name, place in zip(names[first : first + PRESETS_A_ROW], st.columns(PRESETS_A_ROW), strict=False):
            with place.container(border=True, height="stretch", key=f"preset_{name}"):
                st.markdown(f"**{t(f'sweep.title_{name}')}**")
                st.caption(t(f"sweep.claim_{name}"))
                label = t("sweep.start", runs=len(PRESETS[name].axis.values))
                st.button(
                    label, key=f"ask_{name}", icon=":material/play_arrow:", on_click=state.act(_ask), args=(name,)
                )


def own_ui(spec: RunSpec) -> None:
    """Any one or two settings of the experiment on the knobs."""
    leaves = {leaf.key: leaf for leaf in varied(spec)}
    first = _axis_ui("column", leaves, next(iter(leaves)))
    second = None
    if st.toggle(t("sweep.second"), key="sweep_second"):
        others = {key: leaf for key, leaf in leaves.items() if first is None or key != first.key}
        second = _axis_ui("row", others, next(iter(others)))
    seeds = st.segmented_control(
        t("sweep.seeds"), SEEDS, default=1, key="sweep_seeds", help=t("sweep.seeds_help"), required=True
    )
    axes = tuple(axis for axis in (first, second) if axis is not None)
    wanted = 1 + bool(state.value("sweep_second"))
    count = seeds or 1
    for axis in axes:
        count *= len(axis.values)
    st.button(
        t("sweep.start", runs=count),
        key="sweep_start",
        icon=":material/play_arrow:",
        type="primary",
        disabled=len(axes) < wanted,
        on_click=state.act(_start),
        args=(spec, axes, seeds or 1),
        width="stretch",
    )


def _axis_ui(way: str, leaves: dict[str, Setting], usual: str) -> Axis | None:
    """A setting and its values; None while the values make no sense."""
    key = st.selectbox(
        t(f"sweep.{way}"), list(leaves), index=list(leaves).index(usual), key=f"sweep_{way}", format_func=knobs.label
    )
    leaf = leaves[key]
    if isinstance(leaf.default, tuple) or leaf.choices or isinstance(leaf.default, bool):
        options = list(dict.fromkeys((*suggested(leaf), *(leaf.choices or ()), leaf.value)))
        values = st.multiselect(
            t("sweep.values"),
            options,
            default=list(suggested(leaf)),
            key=f"sweep_{way}_{key}",
            format_func=lambda value: knobs.show(value, key),
            max_selections=MOST_VALUES,
        )
        return Axis(key=key, values=tuple(values)) if values else None
    text = st.text_input(
        t("sweep.values"), value=written(suggested(leaf)), key=f"sweep_{way}_{key}", help=t("sweep.values_help")
    )
    values, problem = typed(text, leaf)
    if problem:
        st.error(problem)
    return Axis(key=key, values=values) if values and not problem else None


def past_ui(group: Group | None) -> None:
    """This browser's sweeps, to go back to."""
    known = {one.id: one for one in state.store().groups.of(state.owner(), KIND)}
    if group is not None:
        known.setdefault(group.id, group)
    if not known:
        return
    state.replace("sweep_past", group.id if group else None)
    st.selectbox(
        t("sweep.past"),
        list(known),
        key="sweep_past",
        placeholder=t("sweep.past_none"),
        format_func=lambda one: title_of(known[one]),
        on_change=_open_past,
    )


def title_of(group: Group) -> str:
    """What a sweep varies, and on which data."""
    plan = SweepPlan.model_validate(group.plan)
    names = " × ".join(knobs.label(axis.key) for axis in plan.axes)
    return f"{names} · {title(plan.base.data)}"


# ------------------------------------------------------------------------------------------------------ show


def grid_ui(group: Group, plan: SweepPlan, runs: list[tuple[Place, Run]]) -> None:
    """All cells live; of several seeds the one that is chosen."""
    rows, seed = plan.rows, 0
    if plan.seeds > 1:
        seed = st.segmented_control(
            t("sweep.seed_shown"),
            range(plan.seeds),
            default=0,
            key=f"sweep_seed_{group.id}",
            format_func=lambda number: str(seeded(plan, number)),
            required=True,
        )
    components.multiples(
        components.Grid(
            tiles=[components.Tile(run.id, place.row, place.column) for place, run in runs if place.seed == seed],
            column_name=knobs.label(plan.columns.key),
            columns=[named(plan, value) for value in plan.columns.values],
            row_name=knobs.label(rows.key) if rows else "",
            rows=[named(plan, value, row=True) for value in rows.values] if rows else (),
        )
    )


def named(plan: SweepPlan, value: object, row: bool = False) -> str:
    """A value of an axis as people read it."""
    axis = plan.rows if row and plan.rows else plan.columns
    leaf = setting_of(plan.base, axis.key)
    return t("sweep.none") if value == () else knobs.show(value, leaf.key if leaf.choices else "")


def outcome_ui(group: Group) -> None:
    """What came of it so far: a sentence, and a chart; again and again while runs train."""
    runs = _runs(group.id)
    active = any(run.status in ACTIVE for _, run in runs)
    st.fragment(_outcome, run_every=REFRESH if active else None)(group, active)


def _outcome(group: Group, was_active: bool) -> None:
    plan, runs = SweepPlan.model_validate(group.plan), _runs(group.id)
    if was_active and not any(run.status in ACTIVE for _, run in runs):
        st.rerun()
    table = results(plan, [(place, run.status, run.metrics) for place, run in runs])
    ended = sum(run.status not in (*ACTIVE, "paused") for _, run in runs)
    if not any(cell.errors for row in table for cell in row):
        st.caption(t("sweep.no_results", runs=len(runs)))
        return
    st.subheader(t("sweep.outcome", ended=ended, runs=len(runs)))
    if plan.rows is None and (found := verdict(table[0])) is not None:
        st.markdown(sentence(plan, found))
    figure = chart(plan, table, runs)
    st.plotly_chart(figure, key=f"sweep_chart_{ended}", config={"displaylogo": False}, alt=told(plan, table))


def sentence(plan: SweepPlan, found: Verdict) -> str:
    """What the experiment showed, in words."""

    def at(cell: Cell) -> str:
        return f"**{named(plan, cell.values[0])}**"

    setting = knobs.label(plan.columns.key)
    parts = [t("sweep.best", setting=setting, value=at(found.best), error=f"{found.best.error:.3g}")]
    if found.worst is not found.best:
        times = found.worst.error / found.best.error
        parts.append(t("sweep.worst", value=at(found.worst), error=f"{found.worst.error:.3g}", times=f"{times:.2g}"))
    if found.rises:
        parts.append(t("sweep.rises", value=at(found.last)))
    if found.lost:
        parts.append(t("sweep.lost", values=", ".join(map(at, found.lost))))
    return " ".join(parts)


def told(plan: SweepPlan, table: list[list[Cell]]) -> str:
    """The chart in words: the error at each value."""
    names, cells = named_rows(plan), [cell for row in table for cell in row]
    values = listed((name, cell.error) for name, cell in zip(names, cells, strict=True))
    column = knobs.label(plan.columns.key)
    if plan.rows is None:
        return t("alt.errors", setting=column, values=values)
    return t("alt.heat", column=column, row=knobs.label(plan.rows.key), values=values)


def named_rows(plan: SweepPlan) -> list[str]:
    """What each cell is called, row by row."""
    columns = [named(plan, value) for value in plan.columns.values]
    if plan.rows is None:
        return columns
    return [f"{column} · {named(plan, row, row=True)}" for row in plan.rows.values for column in columns]


def chart(plan: SweepPlan, table: list[list[Cell]], runs: list[tuple[Place, Run]]):
    """A line along one setting, a heat map over two."""
    columns = [named(plan, value) for value in plan.columns.values]
    if plan.rows is not None:
        rows = [named(plan, value, row=True) for value in plan.rows.values]
        words = {"column": knobs.label(plan.columns.key), "row": knobs.label(plan.rows.key), "error": t("sweep.val")}
        return draw_heat(columns, rows, table, words)
    first = {place.column: run.id for place, run in runs if place.seed == 0}
    rivals = [_rival(first[number]) if number in first else None for number in range(len(columns))]
    words = {
        "setting": knobs.label(plan.columns.key),
        "error": t("sweep.error"),
        "val": t("sweep.val"),
        "train": t("sweep.train"),
        "pca": t("sweep.pca"),
    }
    return draw_errors(columns, table[0], rivals, words)


@st.cache_data(max_entries=2000, show_spinner=False)
def _rival(run: str) -> float | None:
    """PCA's error on the items kept aside, as the run's first event tells."""
    events = state.store().events_after(run, 0, limit=1)
    value = events[0][1].get("reference", {}).get("val_mse") if events else None
    return float(value) if value is not None else None


def deeds_ui(group: Group, runs: list[tuple[Place, Run]]) -> None:
    """What can be done with a sweep."""
    mine = group.owner == state.owner()
    with st.container(horizontal=True, key="sweep_deeds", vertical_alignment="center"):
        done = [run for _, run in runs if run.status == "finished" and "val_mse" in run.metrics]
        if done and st.button(t("sweep.use_best"), key="sweep_best", icon=":material/star:"):
            best = min(done, key=lambda run: run.metrics["val_mse"])
            state.put(best.spec)
            state.open_run(best.id)
            st.switch_page("playground.py")
        active = any(run.status in (*ACTIVE, "paused") for _, run in runs)
        if mine and active:
            st.button(
                t("sweep.stop"), key="sweep_stop", icon=":material/stop:", on_click=state.act(_stop), args=(group.id,)
            )
        if mine:
            with st.popover(t("sweep.delete"), icon=":material/delete:"):
                st.write(t("sweep.delete_sure", runs=len(runs)))
                st.button(t("sweep.delete_yes"), key="sweep_delete", on_click=state.act(_delete), args=(group.id,))
        st.button(t("sweep.another"), key="sweep_another", icon=":material/add:", on_click=_leave)


def sweep_ui(group: Group) -> None:
    """One sweep, whole."""
    plan, runs = SweepPlan.model_validate(group.plan), _runs(group.id)
    if plan.preset:
        st.markdown(f"**{t(f'sweep.title_{plan.preset}')}** {t(f'sweep.claim_{plan.preset}')}")
    deeds_ui(group, runs)
    if not runs:
        st.info(t("sweep.gone"))
        return
    grid_ui(group, plan, runs)
    outcome_ui(group)


def _runs(group: str) -> list[tuple[Place, Run]]:
    return [(Place(**member.place), run) for member, run in state.store().runs_in(group)]


# ---------------------------------------------------------------------------------- what buttons bring about


def _client() -> Client:
    return services.current().client


def _ask(name: str) -> None:
    """Starts a preset on the dataset of the knobs."""
    _launch(asked(name, state.spec()))


def _start(spec: RunSpec, axes: tuple[Axis, ...], seeds: int) -> None:
    _launch(SweepPlan(base=spec, axes=axes, seeds=seeds))


def _launch(plan: SweepPlan) -> None:
    _show(_client().start_sweep(plan, state.owner()))


def _stop(group: str) -> None:
    _client().stop_group(group, state.owner())


def _delete(group: str) -> None:
    _client().stop_group(group, state.owner())
    state.store().groups.delete(group, state.owner())
    _leave()


def _leave() -> None:
    _show(None)


def _open_past() -> None:
    _show(state.value("sweep_past"))


def _show(group: str | None) -> None:
    state.open_group(KIND, group)
    state.replace("sweep_past", group)


# ------------------------------------------------------------------------------------------------------ page


def chosen() -> Group | None:
    """The sweep that this tab looks at."""
    name = state.opened(KIND)
    if name is None:
        return None
    try:
        group = state.store().groups.group(name)
    except UnknownGroup:
        state.notify("warning", t("sweep.unknown"))
        state.open_group(KIND, None)
        return None
    return group if group.kind == KIND else None


def page() -> None:
    """The whole page."""
    spec, group = state.spec(), chosen()
    with st.sidebar:
        past_ui(group)
        st.header(t("sweep.own"))
        st.caption(t("sweep.own_help", data=title(spec.data)))
        own_ui(spec)
    notices_ui()
    if group is None:
        st.subheader(t("sweep.intro"), anchor=False)
        presets_ui(spec)
        return
    state.open_group(KIND, group.id)
    sweep_ui(group)


page()
