"""An import on the screen: which files, what was understood, what the reader corrects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ae_core.data.card import Dropped
from ae_core.imports.plan import (
    PLAN,
    SIDE,
    ArrayPlan,
    ColumnPlan,
    Dialect,
    ImagePlan,
    PixelsPlan,
    Plan,
    RatingsPlan,
    SeriesPlan,
    TablePlan,
    TextPlan,
    Understanding,
)
from pages._ui import state
from pages._ui.text import has, t
from pages._ui.titles import as_keys, plain

SUFFIXES = [
    *["csv", "tsv", "tab", "txt", "data", "dat", "gz", "parquet", "pq", "npy", "npz", "zip", "png", "jpg", "jpeg"]
]
SIDES = [side for side in (8, 12, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128) if side <= SIDE]
MOST = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000]
KINDS = (
    ("table", "table"),
    ("image", "image"),
    ("series", "show_chart"),
    ("text", "article"),
    ("ratings", "star"),
    ("array", "data_array"),
)
"""Forms of data with their icons, as they are offered."""
MOST_SHOWN = 8  # names in a sentence
NONE = ""


def drop_words(megabytes: int) -> None:
    """The words on the place to drop files, in the reader's language; Streamlit has them in English only."""
    zone = '[class*="st-key-data_files_"] [data-testid="stFileUploaderDropzone'
    st.html(
        f'<style>{zone}"] button p::after {{ content: "{t("import.choose")}"; }}'
        f'{zone}Instructions"] span::after {{ content: "{t("import.limit", megabytes=megabytes)}"; }}</style>'
    )


def kinds_ui() -> None:
    """What can be brought, and how it should look."""
    for row in (KINDS[:3], KINDS[3:]):
        for column, (name, icon) in zip(st.columns(3), row, strict=True):
            with column.container(border=True, height="stretch"):
                st.markdown(f":material/{icon}: **{t(f'import.form.{name}')}**")
                st.caption(t(f"import.bring.{name}"))


def facts_ui(understood: Understanding) -> None:
    """What is in the files, as figures and first rows."""
    facts = understood.facts
    found = [
        (t("import.files"), f"{facts.files:,}" if facts.files > 1 else ""),
        (t("import.rows"), f"{facts.rows:,}"),
        (t("import.columns"), f"{facts.columns:,}"),
        (t("import.classes"), f"{len(facts.classes):,}"),
        (t("import.missing"), f"{facts.missing:,}"),
    ]
    told = [f"**{value}** {name}" for name, value in found if value not in ("0", "")]
    st.markdown(" · ".join([t(f"import.kind.{facts.kind}"), *told]))
    if facts.low is not None and facts.high is not None:
        st.caption(t("import.range", low=f"{facts.low:g}", high=f"{facts.high:g}"))
    for name, counts in (("classes", facts.classes), ("sizes", facts.sizes)):
        if counts:
            listed = ", ".join(f"{plain(one.name)} ({one.count:,})" for one in counts[:MOST_SHOWN])
            more = t("import.and_more", count=len(counts) - MOST_SHOWN) if len(counts) > MOST_SHOWN else ""
            st.caption(t(f"import.of_{name}", names=f"{listed} {more}".strip()))
    if understood.preview:
        rows = [dict(zip(as_keys(understood.preview_names), row, strict=False)) for row in understood.preview]
        st.dataframe(rows, hide_index=True, key="import_preview", height=min(250, 36 * (len(rows) + 1)))


def dropped_ui(dropped: Sequence[Dropped]) -> None:
    """What was left out or filled in, a sentence each."""
    for one in dropped:
        names = ", ".join(plain(name) for name in one.names[:MOST_SHOWN])
        told = t(f"dropped.{one.why}", count=f"{one.count:,}", names=f" ({names})" if names else "")
        st.caption(f":material/filter_alt: {told}")


def plan_ui(token: str, understood: Understanding) -> Plan:
    """The plan as the reader corrects it. token: of the files, so that others begin afresh."""
    likely = (understood.plan, *understood.alternatives)
    offered = {plan.form: plan for plan in reversed(likely)}  # of one form the likeliest
    offered = {form: offered[form] for form in dict.fromkeys(plan.form for plan in likely)}
    asks = _Asks(token)
    form = understood.plan.form
    if len(offered) > 1:
        form = asks.segment("form", list(offered), form, lambda name: t(f"import.form.{name}"))
    plan = offered[form]
    named = asks.text("title", plan.title)
    own = FORMS[type(plan)](_Asks(f"{token}_{form}"), plan, understood)
    few = 0 < understood.facts.rows <= MOST[0]
    most = plan.most if few else asks.slider("most", MOST, plan.most)
    return PLAN.validate_python({**plan.model_dump(), **own, "title": named, "most": most})


def dialect_ui(token: str, dialect: Dialect, read_again: Callable[[], None]) -> None:
    """How the text is read; another answer reads the files anew, by `read_again`."""
    asks = _Asks(token, read_again)
    with st.expander(t("import.dialect"), key=f"import_dialect_{token}"):
        first, second = st.columns(2)
        with first:
            asks.choose("delimiter", [",", ";", "\t", "|", " ", "::"], dialect.delimiter, _mark)
            asks.choose("encoding", ["utf-8", "utf-16", "cp1252", "gb18030"], dialect.encoding)
        with second:
            asks.choose("decimal", [".", ","], dialect.decimal, _mark)
            asks.switch("header", dialect.header)


def dialect_asked(token: str, before: Dialect) -> Dialect:
    """The dialect that those widgets hold now."""
    asked = {name: state.value(f"import_{token}_{name}") for name in ("delimiter", "encoding", "decimal", "header")}
    return Dialect.model_validate({**before.model_dump(), **{k: v for k, v in asked.items() if v is not None}})


# -------------------------------------------------------------------------------------------------- form by form


class _Asks:
    """Widgets whose keys belong to one import."""

    def __init__(self, token: str, on_change: Callable[[], None] | None = None) -> None:
        self.prefix, self.on_change = f"import_{token}_", on_change

    def _common(self, name: str, value: Any) -> dict[str, Any]:
        key = self.prefix + name
        state.fill(key, value)
        explained = t(f"import.ask.{name}_help") if has(f"import.ask.{name}_help") else None
        return {"label": t(f"import.ask.{name}"), "key": key, "help": explained, "on_change": self.on_change}

    def choose(self, name: str, options: Sequence[Any], value: Any, show: Callable[[Any], str] = str) -> Any:
        held = list(dict.fromkeys([*options, value]))
        return st.selectbox(options=held, format_func=show, **self._common(name, value))

    def segment(self, name: str, options: Sequence[str], value: str, show: Callable[[Any], str]) -> str:
        return str(st.segmented_control(options=options, format_func=show, required=True, **self._common(name, value)))

    def several(self, name: str, options: Sequence[str], value: Sequence[str]) -> list[str]:
        return list(st.multiselect(options=options, format_func=plain, **self._common(name, list(value))))

    def slider(self, name: str, stops: Sequence[int], value: int) -> int:
        return int(st.select_slider(options=sorted({*stops, value}), **self._common(name, value)))

    def number(self, name: str, value: Any, low: Any = None, high: Any = None) -> Any:
        step = 1 if isinstance(value, int) else None
        return st.number_input(min_value=low, max_value=high, step=step, **self._common(name, value))

    def switch(self, name: str, value: bool) -> bool:
        return bool(st.toggle(**self._common(name, value)))

    def text(self, name: str, value: str) -> str:
        return str(st.text_input(max_chars=80, **self._common(name, value)))


def _column(name: str) -> str:
    return plain(name) or name[:1] if name else t("import.none")


def _mark(mark: str) -> str:
    return t(f"import.mark.{MARKS[mark]}")


MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space", "::": "colons", ".": "point"}


def _names(understood: Understanding) -> list[str]:
    return [column.name for column in understood.columns]


def _table(asks: _Asks, plan: TablePlan, understood: Understanding) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        label = asks.choose("label", [NONE, *_names(understood)], plan.label, _column)
    with right:
        missing = asks.segment("missing", ["fill", "drop"], plan.missing, lambda name: t(f"import.missing_{name}"))
    return {"label": label, "missing": missing, "columns": _columns(asks, plan.columns)}


def _columns(asks: _Asks, columns: Sequence[ColumnPlan]) -> list[dict[str, Any]]:
    """Each column with what it becomes, to be changed in place."""
    uses = {t(f"import.use.{use}"): use for use in ("number", "binary", "category", "leave_out")}
    words = {use: word for word, use in uses.items()}
    shown = [
        {
            "name": column.name,
            "use": words[column.use],
            "missing": column.missing,
            "distinct": f"{column.distinct}{'+' if column.distinct >= 200 else ''}",
            "examples": ", ".join(column.examples),
        }
        for column in columns
    ]
    edited = st.data_editor(
        shown,
        hide_index=True,
        key=f"{asks.prefix}columns",
        disabled=["name", "missing", "distinct", "examples"],
        height=min(35 * (len(shown) + 1) + 3, 420),
        column_config={
            "name": st.column_config.TextColumn(t("import.column.name")),
            "use": st.column_config.SelectboxColumn(t("import.column.use"), options=list(uses), required=True),
            "missing": st.column_config.NumberColumn(t("import.column.missing")),
            "distinct": st.column_config.TextColumn(t("import.column.distinct")),
            "examples": st.column_config.TextColumn(t("import.column.examples")),
        },
    )
    return [
        column.model_dump() | {"use": uses.get(row["use"], column.use)}
        for column, row in zip(columns, edited, strict=True)
    ]


def _image(asks: _Asks, plan: ImagePlan, understood: Understanding) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        height = asks.slider("height", SIDES, plan.height)
        width = asks.slider("width", SIDES, plan.width)
        labels = asks.switch("labels", plan.labels)
    with right:
        colour = asks.segment("colour", ["grey", "colour"], plan.colour, lambda name: t(f"import.colour.{name}"))
        fit = asks.segment("fit", ["crop", "pad", "stretch"], plan.fit, lambda name: t(f"import.fit.{name}"))
        ground = asks.segment(
            "background", ["white", "black"], plan.background, lambda name: t(f"import.background.{name}")
        )
    return {
        "height": height,
        "width": width,
        "labels": labels,
        "colour": colour,
        "fit": fit,
        "background": ground,
    }


def _pixels(asks: _Asks, plan: PixelsPlan, understood: Understanding) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        height = asks.number("height", plan.height, 4, SIDE)
        width = asks.number("width", plan.width, 4, SIDE)
        label = asks.choose("label", [NONE, *_names(understood)], plan.label, _column)
    with right:
        low = asks.number("low", plan.low)
        high = asks.number("high", plan.high)
    return {"height": height, "width": width, "label": label, "low": low, "high": high}


def _series(asks: _Asks, plan: SeriesPlan, understood: Understanding) -> dict[str, Any]:
    orientation = asks.segment(
        "orientation", ["rows", "windows", "long"], plan.orientation, lambda name: t(f"import.orientation.{name}")
    )
    found: dict[str, Any] = {"orientation": orientation}
    left, right = st.columns(2)
    with left:
        found["label"] = asks.choose("label", [NONE, *_names(understood)], plan.label, _column)
        found["missing"] = asks.segment(
            "missing", ["fill", "drop"], plan.missing, lambda name: t(f"import.missing_{name}")
        )
    if orientation != "rows":
        with right:
            if orientation == "windows":
                found["window"] = asks.number("window", plan.window, 4, 1024)
                found["stride"] = asks.number("stride", plan.stride, 1, 1024)
            else:
                found["group"] = asks.choose("group", [NONE, *_names(understood)], plan.group, _column)
            found["clock"] = asks.choose("clock", [NONE, *_names(understood)], plan.clock, _column)
        found["columns"] = asks.several("channels", _names(understood), plan.columns)
    return found


def _text(asks: _Asks, plan: TextPlan, understood: Understanding) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left, right = st.columns(2)
    if understood.columns:
        with left:
            found["text"] = asks.choose("text", _names(understood), plan.text, _column)
            found["label"] = asks.choose("label", [NONE, *_names(understood)], plan.label, _column)
    with right:
        found["words"] = asks.slider("words", [100, 200, 500, 1000, 2000, 5000], plan.words)
        found["weighting"] = asks.segment(
            "weighting", ["tf_idf", "counts"], plan.weighting, lambda name: t(f"import.weighting.{name}")
        )
    return found


def _ratings(asks: _Asks, plan: RatingsPlan, understood: Understanding) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        found = {
            name: asks.choose(name, _names(understood), getattr(plan, name), _column)
            for name in ("user", "item", "rating")
        }
    with right:
        found["things"] = asks.slider("things", [50, 100, 200, 400, 600, 1000, 2000, 5000], plan.things)
        found["of_person"] = asks.number("of_person", plan.of_person, 2, 1000)
        found["of_thing"] = asks.number("of_thing", plan.of_thing, 1, 1000)
    return found


def _array(asks: _Asks, plan: ArrayPlan, understood: Understanding) -> dict[str, Any]:
    shapes = {one.name: f"{plain(one.name)} {' × '.join(map(str, one.shape))} {one.dtype}" for one in understood.arrays}

    def shown(name: str) -> str:
        return shapes.get(name, t("import.none"))

    left, right = st.columns(2)
    with left:
        array = asks.choose("array", list(shapes), plan.array, shown)
        labels = asks.choose("labels_array", [NONE, *shapes], plan.labels, shown)
        view = asks.segment("view", ["image", "series", "table"], plan.view, lambda name: t(f"import.form.{name}"))
    found = {"array": array, "labels": labels, "view": view}
    with right:
        if view == "image":
            found["low"] = asks.number("low", plan.low)
            found["high"] = asks.number("high", plan.high)
        if view != "table":
            found["channels_first"] = asks.switch("channels_first", plan.channels_first)
    return found


FORMS: dict[type[Any], Callable[[_Asks, Any, Understanding], dict[str, Any]]] = {
    TablePlan: _table,
    ImagePlan: _image,
    PixelsPlan: _pixels,
    SeriesPlan: _series,
    TextPlan: _text,
    RatingsPlan: _ratings,
    ArrayPlan: _array,
}
"""What can be corrected in each form of plan."""
