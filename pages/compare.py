"""Compare: runs beside each other, and only what differs between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ae_core.comparison import ABSENT, Difference, best, differences, on_one_scale, reported, seed_families, spread
from ae_core.plots.comparison import Along, Dimension, course, draw_courses, draw_parallel, draw_scatter
from ae_core.sizes import parameter_count
from ae_core.spec import Schedule
from ae_core.starter import STARTER_RUN
from ae_core.store import Remark, Run
from pages._ui import components, knobs, state
from pages._ui.notices import notices_ui
from pages._ui.runs import name_of, told_apart
from pages._ui.text import has, listed, t

CHOSEN = "compare_runs"
MOST_MAPS = 6
MOST_LINES = 12
MOST_NAMED = 2  # differences in a run's name
MOST_COLUMNS = 12  # runs of which every setting is listed
ALONG: tuple[Along, ...] = ("epoch", "step", "seconds")
KINDS = ("live", "cell", "trial")
COLUMNS = ("compared", "run", "tags", "note", "status", "metric_val_mse", "parameters", "seconds", "epochs")


# ------------------------------------------------------------------------------------------------------ choose


def choose_ui(runs: dict[str, Run], known: dict[str, Run]) -> None:
    """Which runs: any of this browser's, and those of the link."""
    state.replace(CHOSEN, list(runs))
    names = told_apart({run.id: title_of(run) for run in known.values()})
    st.multiselect(
        t("compare.choose"),
        list(known),
        key=CHOSEN,
        format_func=names.__getitem__,
        placeholder=t("compare.choose_some"),
        max_selections=state.MOST_PINS,
        on_change=_choose,
    )
    with st.container(horizontal=True):
        st.button(t("compare.newest"), key="compare_newest", on_click=_newest, args=(list(known),))
        st.button(t("compare.none"), key="compare_none", on_click=state.pin, args=([],), disabled=not runs)


def title_of(run: Run) -> str:
    """The run's name, with its learning rate and seed, for many runs have the same layers."""
    if run.id == STARTER_RUN:
        return t("explore.starter")
    if run.title:
        return run.title
    spec = run.spec
    more = t("compare.more", rate=knobs.show(spec.optimizer.learning_rate), seed=spec.training.seed)
    return f"{name_of(run)} · {more}"


def _choose() -> None:
    state.pin(state.value(CHOSEN))


def _newest(known: list[str]) -> None:
    state.pin(known[:2])


# ---------------------------------------------------------------------------------------------------- what differs


def differences_ui(runs: Sequence[Run]) -> None:
    """A row a setting that is not the same everywhere, with size, time and state."""
    shown = runs[:MOST_COLUMNS]
    rows = differences([run.spec for run in shown])
    heads = short_names(shown)
    table = [
        {t("compare.setting"): knobs.label(row.key)}
        | {head: told(row.key, value) for head, value in zip(heads, row.values, strict=True)}
        for row in rows
    ]
    facts = {
        "status": [t(f"status.{run.status}") for run in shown],
        "parameters": [f"{parameter_count(run.spec):,}" for run in shown],
        "seconds": [f"{run.seconds:.1f}" for run in shown],
    }
    table += [
        {t("compare.setting"): t(f"compare.{name}")} | dict(zip(heads, values, strict=True))
        for name, values in facts.items()
    ]
    if not rows:
        st.caption(t("compare.equal"))
    elif all(row.key == "training_seed" for row in rows):
        st.caption(t("compare.only_seeds"))
    st.dataframe(table, hide_index=True, key="compare_differences")
    if len(runs) > MOST_COLUMNS:
        st.caption(t("compare.first_columns", count=MOST_COLUMNS, all=len(runs)))


def told(key: str, value: object) -> str:
    """A setting's value as people read it; nothing where it has no effect."""
    if value is ABSENT:
        return ""
    if isinstance(value, Schedule):
        return f"{value.start:g} → {value.end:g}"
    return knobs.show(value, key)


def short_names(runs: Sequence[Run]) -> list[str]:
    """A letter for each run, with its title or else with what it does differently: no two are equal."""
    rows = differences([run.spec for run in runs])[:MOST_NAMED]
    return [f"{_letter(number)} · {_own(number, run, rows)}" for number, run in enumerate(runs)]


def _own(number: int, run: Run, rows: Sequence[Difference]) -> str:
    said = [
        f"{knobs.label(row.key)} {told(row.key, row.values[number])}"
        for row in rows
        if told(row.key, row.values[number])
    ]
    return run.title or ", ".join(said) or title_of(run)


def _letter(number: int) -> str:
    """A to Z, then A1, B1 and so on."""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")


# --------------------------------------------------------------------------------------------------------- curves


def curves_ui(runs: Sequence[Run]) -> None:
    """The courses of one term, along epochs, steps or time."""
    shown = runs[:MOST_LINES]
    events = {run.id: _events(run.id, run.status, run.step) for run in shown}
    terms = list(dict.fromkeys(term for run in shown for term in _terms(events[run.id])))
    if not terms:
        st.caption(t("compare.no_curves"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        usual = "mse" if "mse" in terms else terms[0]
        term = st.selectbox(
            t("compare.term"),
            terms,
            index=terms.index(usual),
            key="compare_term",
            format_func=lambda name: t(f"compare.term_{name}"),
            width=260,
        )
        side = st.segmented_control(
            t("compare.side"),
            ("val", "train"),
            default="val",
            key="compare_side",
            required=True,
            format_func=lambda name: t(f"compare.{name}"),
        )
        along = st.segmented_control(
            t("compare.along"),
            ALONG,
            default="epoch",
            key="compare_along",
            required=True,
            format_func=lambda name: t(f"compare.along_{name}"),
        )
    courses = [
        course(name, events[run.id], side or "val", term, along or "epoch")
        for name, run in zip(short_names(shown), shown, strict=True)
    ]
    words = {"along": t(f"compare.along_{along or 'epoch'}"), "value": t(f"compare.term_{term}")}
    ends = listed((one.name, one.values[-1] if one.values else None) for one in courses)
    told = t("alt.courses", count=len(courses), values=ends, **words)
    st.plotly_chart(draw_courses(courses, words), key="compare_courses", config={"displaylogo": False}, alt=told)
    if len(runs) > MOST_LINES:
        st.caption(t("compare.first_lines", count=MOST_LINES, all=len(runs)))


@st.cache_data(max_entries=300, show_spinner=False)
def _events(run: str, _status: str, step: int) -> list[dict[str, Any]]:
    """The run's progress; read again when it has made another step."""
    return [body for _, body in state.store().events_after(run, 0, limit=20_000) if body["kind"] == "progress"]


def _terms(events: Sequence[dict[str, Any]]) -> list[str]:
    return (
        [name for name in (events[-1]["train"] or {}) if name in ("loss", "mse", "reconstruction", "kl")]
        if events
        else []
    )


# -------------------------------------------------------------------------------------------------------- numbers


def numbers_ui(runs: Sequence[Run]) -> None:
    """What each run ended with, the best marked, and the spread of runs that differ only in the seed."""
    names = [name for name in reported([run.metrics for run in runs]) if has(f"compare.metric_{name}")]
    if not names:
        st.caption(t("compare.no_numbers"))
        return
    heads = short_names(runs)
    marks = {name: best(name, [run.metrics.get(name) for run in runs]) for name in names}
    table = []
    for number, (head, run) in enumerate(zip(heads, runs, strict=True)):
        values = {t("compare.run"): head}
        for name in names:
            value = run.metrics.get(name)
            star = "★ " if number in marks[name] else ""
            values[t(f"compare.metric_{name}")] = "–" if value is None else f"{star}{value:.4g}"
        table.append(values)
    st.dataframe(table, hide_index=True, key="compare_numbers")
    st.caption(t("compare.best_marked"))
    for family in seed_families([run.spec for run in runs]):
        found = spread([runs[number].metrics["val_mse"] for number in family if "val_mse" in runs[number].metrics])
        if found is not None and found.count > 1:
            st.markdown(
                t(
                    "compare.spread",
                    name=_plain(heads[family[0]]),
                    count=found.count,
                    mean=f"{found.mean:.4g}",
                    deviation=f"{found.deviation:.2g}",
                )
            )


def _plain(text: str) -> str:
    """A name that people gave, with nothing in it that Markdown would take for a sign."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!|<>~$:" else sign for sign in text)


# ------------------------------------------------------------------------------------------------------- all runs


def table_ui(known: dict[str, Run], runs: dict[str, Run]) -> None:
    """Every run of this browser to search, sort, tag and note; those that are compared are ticked."""
    if not known:
        st.caption(t("runs.empty"))
        return
    noted = state.store().remarks.of(known)
    heads = [t(f"compare.{name}") for name in COLUMNS]  # once, for there may be hundreds of rows
    states = {status: t(f"status.{status}") for status in {run.status for run in known.values()}}
    rows = []
    for run in known.values():
        remark = noted.get(run.id, Remark())
        values = (
            run.id in runs,
            title_of(run),
            ", ".join(remark.tags),
            remark.note,
            states[run.status],
            run.metrics.get("val_mse"),
            parameter_count(run.spec),
            round(run.seconds, 2),
            round(run.epoch, 1),
        )
        rows.append({"id": run.id} | dict(zip(heads, values, strict=True)))
    free = (t("compare.compared"), t("compare.tags"), t("compare.note"))
    st.caption(t("compare.table_help"))
    st.data_editor(
        rows,
        hide_index=True,
        key=f"compare_table_{hash((tuple(known), tuple(runs)))}",
        column_order=[name for name in rows[0] if name != "id"],
        disabled=[name for name in rows[0] if name not in free],
        on_change=state.act(_edited),
        args=(f"compare_table_{hash((tuple(known), tuple(runs)))}", rows),
    )


def _edited(key: str, rows: list[dict[str, Any]]) -> None:
    """Ticks compare; tags and notes are kept."""
    for place, changes in (state.value(key) or {}).get("edited_rows", {}).items():
        row = rows[int(place)] | changes
        if t("compare.compared") in changes:
            pinned = [run for run in state.pinned() if run != row["id"]]
            state.pin([*pinned, row["id"]] if row[t("compare.compared")] else pinned)
        if {t("compare.tags"), t("compare.note")} & set(changes):
            tags = re.split("[,，;；]", row[t("compare.tags")] or "")
            state.store().remarks.write(row["id"], state.owner(), tags, row[t("compare.note")] or "")


def map_ui(known: dict[str, Run], runs: dict[str, Run]) -> None:
    """Settings against results over all runs that have ended; those that are compared in colour."""
    ended = [run for run in known.values() if "val_mse" in run.metrics]
    rows = differences([run.spec for run in ended])
    if len(ended) < 2 or not rows:
        st.caption(t("compare.no_map"))
        return
    chosen = [run.id in runs for run in ended]
    results = [name for name in reported([run.metrics for run in ended]) if has(f"compare.metric_{name}")]
    settings = {
        row.key: Dimension(knobs.label(row.key), [_plotted(row.key, value) for value in row.values]) for row in rows
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        up = st.selectbox(
            t("compare.result"),
            results,
            key="compare_result",
            format_func=lambda name: t(f"compare.metric_{name}"),
            width=260,
        )
        across = st.selectbox(t("compare.knob"), list(settings), key="compare_knob", format_func=knobs.label, width=260)
    result = Dimension(t(f"compare.metric_{up}"), [run.metrics.get(up) for run in ended])
    names = [title_of(run) for run in ended]
    values = [value for value in settings[across].values if isinstance(value, int | float)]
    log = (
        bool(values) and min(values) > 0 and max(values) > 50 * min(values),
        all((value or 1) > 0 for value in result.values),
    )
    told = t("alt.scatter", result=result.name, setting=settings[across].name, count=len(ended))
    st.plotly_chart(draw_scatter(settings[across], result, names, chosen, log), key="compare_scatter", alt=told)
    st.caption(t("compare.parallel_help"))
    shown = [*list(settings.values())[:8], result]
    told = t("alt.parallel", count=len(ended), names=", ".join(one.name for one in shown))
    st.plotly_chart(draw_parallel(shown, chosen), key="compare_parallel", alt=told)


def _plotted(key: str, value: Any) -> Any:
    """A number as it is, a word by its name, nothing where the setting has no effect."""
    if value is ABSENT:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else told(key, value)


# ------------------------------------------------------------------------------------------------------------ page


Runs = dict[str, Run]


def read() -> tuple[Runs, Runs]:
    """All runs that are known here, and those of them that are compared, by id."""
    starter = state.run_called(STARTER_RUN)
    mine = state.store().runs_of(state.owner(), kinds=KINDS)
    runs = {run.id: run for run in state.store().runs_called(state.pinned())}
    return {run.id: run for run in (*mine, starter) if run is not None} | runs, runs


def page() -> None:
    """The whole page."""
    known, runs = read()
    gone = [run for run in state.pinned() if run not in runs]
    if gone:
        state.pin(list(runs))
        state.notify("warning", t("compare.gone", count=len(gone)))
    with st.sidebar:
        st.header(t("compare.title"))
        choose_ui(runs, known)
    notices_ui()
    state.link_pins()
    found = list(runs.values())
    if len(found) < 2:
        st.info(t("compare.start" if not found else "compare.one_more"), icon=":material/compare:")
    if found:
        differences_ui(found)
        if not on_one_scale([run.spec for run in found]):
            st.warning(t("compare.other_items"))
        components.side_by_side(list(zip(list(runs)[:MOST_MAPS], short_names(found[:MOST_MAPS]), strict=True)))
        if len(found) > MOST_MAPS:
            st.caption(t("compare.first_maps", count=MOST_MAPS, all=len(found)))
    parts_ui(list(runs))


@st.fragment
def parts_ui(compared: list[str]) -> None:
    """What else there is to see, of which only the open part is worked out. A choice here redraws only this."""
    if state.pinned() != compared:
        st.rerun()
    notices_ui()
    known, runs = read()
    found = list(runs.values())
    parts: dict[str, Callable[[], None]] = {
        "curves": lambda: curves_ui(found),
        "numbers": lambda: numbers_ui(found),
        "all": lambda: table_ui(known, runs),
        "map": lambda: map_ui(known, runs),
    }
    names = list(parts) if found else ["all", "map"]
    state.keep_within("compare_part", names)
    part = st.segmented_control(
        t("compare.part"),
        names,
        key="compare_part",
        default=names[0],
        required=True,
        format_func=lambda name: t(f"compare.tab_{name}"),
        label_visibility="collapsed",
    )
    parts[part or names[0]]()


page()
