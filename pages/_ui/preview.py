"""What a dataset looks like, on the screen: by its form, with its classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ae_core import services
from ae_core.data.preview import (
    Class,
    Cloud,
    ColumnView,
    Documents,
    Lines,
    Matrix,
    Pictures,
    Sheet,
    preview_of,
)
from ae_core.errors import AeError
from ae_core.plots import data as figures
from ae_core.spec import DataSpec, Own
from pages._ui.text import listed, local, said, t
from pages._ui.titles import as_keys, plain

MOST_TELLING = 12  # classes whose balance is a chart worth its room at full height
Words = dict[str, str]
Tell = Callable[[str], str]


def preview_ui(data: DataSpec) -> None:
    """A look at its items, and how many each class has."""
    try:
        with st.spinner(t("look.loading")):
            made = preview_of(data, services.current().settings.home)
    except AeError as error:
        st.warning(said(error))
        return
    tell: Tell = str if isinstance(data, Own) else local  # people's own words stay as they are
    classes = [Class(tell(one.name), one.count) for one in made.classes]
    VIEWS[type(made.body)](made.body, classes, tell)
    if len(made.classes) > 1:
        st.caption(t("look.balance", count=f"{len(made.classes):,}"))
        figure = figures.draw_balance(classes, _words(), _dark())
        figure.update_layout(height=70 + 22 * min(len(made.classes), 30))
        told = t("alt.balance", values=listed((one.name, one.count) for one in classes))
        st.plotly_chart(figure, key="look_balance", config={"displayModeBar": False}, alt=told)


def _words() -> Words:
    return {name: t(f"look.word.{name}") for name in ("items", "share", "step", "value", "columns")}


def _dark() -> bool:
    return st.context.theme.type == "dark"


def _pictures(body: Pictures, classes: Sequence[Class], tell: Tell) -> None:
    st.image(figures.mosaic(body.pictures), width="stretch")


def _cloud(body: Cloud, classes: Sequence[Class], tell: Tell) -> None:
    told = t("alt.points", count=len(classes))
    st.plotly_chart(figures.draw_points(body, classes, _dark()), key="look_points", alt=told)


def _lines(body: Lines, classes: Sequence[Class], tell: Tell) -> None:
    figure = figures.draw_series(body, classes, _words(), _dark())
    st.plotly_chart(figure, key="look_series", alt=t("alt.series"))


def _sheet(body: Sheet, classes: Sequence[Class], tell: Tell) -> None:
    """First rows, and what each column is."""
    labels = [classes[label].name for label in body.labels] if body.labels else []
    columns = [tell(column.name) for column in body.columns]
    rows = [
        dict(zip(as_keys(columns), [tell(cell) if isinstance(cell, str) else cell for cell in row], strict=True))
        | ({t("look.class"): labels[at]} if labels else {})
        for at, row in enumerate(body.rows)
    ]
    st.dataframe(rows, hide_index=True, key="look_rows", height=36 * min(len(rows), 6) + 38)
    st.caption(t("look.columns", count=f"{body.width:,}"))
    st.dataframe(
        [_column(column, name, tell) for column, name in zip(body.columns, columns, strict=True)],
        hide_index=True,
        key="look_columns",
        column_config={
            "name": st.column_config.TextColumn(t("look.name")),
            "kind": st.column_config.TextColumn(t("look.kind")),
            "missing": st.column_config.NumberColumn(t("look.missing")),
            "values": st.column_config.BarChartColumn(t("look.values"), y_min=0),
            "told": st.column_config.TextColumn(t("look.told"), width="large"),
        },
    )


def _column(column: ColumnView, name: str, tell: Tell) -> dict[str, Any]:
    """A line of the table of columns."""
    if column.kind == "number":
        told = t(
            "look.number",
            low=f"{column.low:.4g}",
            high=f"{column.high:.4g}",
            mean=f"{column.mean:.4g}",
            sd=f"{column.sd:.4g}",
        )
        values = list(column.histogram.counts)
    else:
        shares = zip(column.categories, column.shares, strict=True)
        told = ", ".join(f"{tell(category)} {share:.0%}" for category, share in shares)
        values = list(column.shares)
    return {
        "name": name,
        "kind": t(f"import.use.{column.kind}"),
        "missing": column.missing,
        "values": values,
        "told": told,
    }


def _matrix(body: Matrix, classes: Sequence[Class], tell: Tell) -> None:
    """A part of it, and how often each value is there."""
    st.caption(
        t("look.unknown" if body.unknown else "look.filled", count=f"{body.filled:,}", share=f"{body.share:.1%}")
    )
    st.plotly_chart(figures.draw_excerpt(body, _words()), key="look_excerpt", alt=t("alt.excerpt"))
    if len(body.histogram.counts) > 1:
        figure = figures.draw_histogram(body.histogram, t("look.word.value"), _words(), _dark())
        st.plotly_chart(figure, key="look_histogram", config={"displayModeBar": False}, alt=t("alt.histogram"))


def _documents(body: Documents, classes: Sequence[Class], tell: Tell) -> None:
    """Some texts as they begin, with the words that weigh most in each."""
    for at, text in enumerate(body.texts):
        with st.container(border=True):
            label = f"**{plain(classes[body.labels[at]].name)}** · " if body.labels else ""
            st.caption(label + " ".join(f"`{plain(word.name)}`" for word in text.words))
            st.text(text.text)
    st.caption(t("look.words"))
    figure = figures.draw_words(body.words, _words(), _dark())
    told = t("alt.words", values=listed((word.name, word.weight) for word in body.words))
    st.plotly_chart(figure, key="look_words", config={"displayModeBar": False}, alt=told)


VIEWS: dict[type[Any], Callable[[Any, Sequence[Class], Tell], None]] = {
    Pictures: _pictures,
    Cloud: _cloud,
    Lines: _lines,
    Sheet: _sheet,
    Matrix: _matrix,
    Documents: _documents,
}
