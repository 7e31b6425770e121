"""What a dataset looks like: a few of its items, and the numbers that describe all of them.

preview(record, items)        of items that are here
preview_of(data, folder)      of any spec; packages are imported by a child, and what it found is kept in the folder
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, InstanceOf, PlainSerializer, TypeAdapter, ValidationError

from ae_core import child
from ae_core.data.cache import Cache
from ae_core.data.columns import Column, ColumnKind, starts
from ae_core.data.dataset import Dataset, Form, Integers, Items, load
from ae_core.data.registry import dataset_of
from ae_core.spec import AnyData, DataSpec

VERSION = 1
"""Of the form in which previews are kept; what another version kept is made anew."""
MOST_PICTURES, MOST_POINTS, MOST_AXES = 40, 2000, 3
MOST_ROWS, MOST_COLUMNS, MOST_CATEGORIES, BINS = 10, 60, 30, 20
SERIES_A_CLASS, MOST_SERIES, MOST_STEPS, MOST_CHANNELS = 4, 24, 400, 4
EXCERPT = (24, 40)
"""Rows and columns of a matrix that are shown."""
MOST_TEXTS, MOST_LETTERS, WORDS_A_TEXT, MOST_WORDS = 6, 600, 8, 20
SECONDS, MEGABYTES = 60, 4000
"""What the child may take that loads a dataset out of a package."""
_log = logging.getLogger(__name__)


def _packed(array: np.ndarray) -> dict[str, Any]:
    whole = np.ascontiguousarray(array)
    return {
        "dtype": whole.dtype.str,
        "shape": list(whole.shape),
        "bytes": base64.b64encode(whole.tobytes()).decode("ascii"),
    }


def _unpacked(value: Any) -> Any:
    """An array, or what `_packed` made of one. Raises ValueError for anything else of that form."""
    if not isinstance(value, Mapping):
        return value
    if value.get("dtype") not in ("|u1", "<f4", "<i8"):
        raise ValueError(f"arrays of {value.get('dtype')} are not kept")
    numbers = np.frombuffer(base64.b64decode(value["bytes"], validate=True), dtype=value["dtype"])
    return numbers.reshape(value["shape"])


Array = Annotated[InstanceOf[np.ndarray], BeforeValidator(_unpacked), PlainSerializer(_packed)]
Labels = tuple[int, ...]
"""One for each thing that is shown, an index into the classes; empty where there are no classes."""


@dataclass(frozen=True)
class Class:
    """name: as the dataset calls it, which may be anybody's words. count: items of it."""

    name: str
    count: int


@dataclass(frozen=True, eq=False)
class Pictures:
    """pictures: (k, h, w, c), bytes; the classes take turns."""

    pictures: Array
    labels: Labels
    kind: Literal["pictures"] = "pictures"


@dataclass(frozen=True, eq=False)
class Cloud:
    """points: (k, 1..3), the first coordinates. colour: (k,) in 0..1, or empty. axes: names of the coordinates."""

    points: Array
    labels: Labels
    colour: Array
    axes: tuple[str, ...]
    kind: Literal["cloud"] = "cloud"


@dataclass(frozen=True, eq=False)
class Lines:
    """series: (k, steps, channels). every: of so many steps one is kept. channels: their names, or numbers."""

    series: Array
    labels: Labels
    every: int
    channels: tuple[str, ...]
    kind: Literal["lines"] = "lines"


@dataclass(frozen=True)
class Histogram:
    """counts: how many numbers lie between one edge and the next, so edges are one more (or both empty)."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class ColumnView:
    """A column in its own units. missing: values that were filled in. Of numbers: mean, sd, low, high, histogram. Of
    binary ones and categories: the commonest of them, and the share of the items that each has.
    """

    name: str
    kind: ColumnKind
    missing: int
    mean: float = 0.0
    sd: float = 0.0
    low: float = 0.0
    high: float = 0.0
    histogram: Histogram = Histogram((), ())
    categories: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A table: its first rows with a cell for each of `columns`, which are the first of `width`."""

    columns: tuple[ColumnView, ...]
    width: int
    rows: tuple[tuple[float | str, ...], ...]
    labels: Labels
    kind: Literal["sheet"] = "sheet"


@dataclass(frozen=True)
class Heavy:
    """A feature that stands out, and by how much."""

    name: str
    weight: float


@dataclass(frozen=True, eq=False)
class Matrix:
    """A table most of whose entries are 0: stars, baskets, counts of words.

    excerpt: (rows, columns), of the fullest columns. names: of those columns. unknown: 0 says that nothing is known.
    filled: entries that are not 0. histogram: of those. fullest: features with the share of the items that have them.
    """

    excerpt: Array
    names: tuple[str, ...]
    unknown: bool
    filled: int
    share: float
    histogram: Histogram
    fullest: tuple[Heavy, ...]
    kind: Literal["matrix"] = "matrix"


@dataclass(frozen=True)
class Text:
    """A document's beginning, and the words that weigh most in it."""

    text: str
    words: tuple[Heavy, ...]


@dataclass(frozen=True)
class Documents:
    """words: with the share of the documents that each stands in."""

    texts: tuple[Text, ...]
    labels: Labels
    words: tuple[Heavy, ...]
    kind: Literal["documents"] = "documents"


Body = Pictures | Cloud | Lines | Sheet | Matrix | Documents


@dataclass(frozen=True, eq=False)
class Preview:
    """count: items. shape: of one. low, high: of all numbers, in the dataset's own units. classes: with items or
    without, in the order of the labels; empty where there are no labels. body: what is to be seen, by its form.
    """

    form: Form
    count: int
    shape: tuple[int, ...]
    low: float
    high: float
    classes: tuple[Class, ...]
    body: Annotated[Body, Field(discriminator="kind")]

    @property
    def nbytes(self) -> int:
        """Memory taken, in bytes, about."""
        return len(to_json(self))


_ADAPTER: TypeAdapter[Preview] = TypeAdapter(Preview)
_DATA: TypeAdapter[Any] = TypeAdapter(AnyData)


def to_json(made: Preview) -> str:
    """The preview as text."""
    return _ADAPTER.dump_json(made).decode("utf-8")


def from_json(text: str | bytes) -> Preview:
    """The preview out of its text. Raises ValueError where that is damaged."""
    return _ADAPTER.validate_json(text)


# ------------------------------------------------------------------------------------------------------- making


def preview(record: Dataset, items: Items, seed: int = 0) -> Preview:
    """What these items look like. seed: chooses which of them are shown. Costs numpy only, and is never NaN."""
    x = items.x
    low, high = _extent(x)
    return Preview(
        form=record.form,
        count=len(x),
        shape=tuple(map(int, x.shape[1:])),
        low=low,
        high=high,
        classes=_classes(record, items.labels),
        body=_look(record, items)(record, items, np.random.default_rng(seed)),
    )


def _look(record: Dataset, items: Items) -> Callable[[Dataset, Items, np.random.Generator], Body]:
    """The way in which items of this kind are looked at."""
    if items.texts is not None:
        return _documents
    if record.form == "table" and (record.zero_is_missing or record.counts) and not record.columns:
        return _matrix
    return LOOKS[record.form]


def _pictures(record: Dataset, items: Items, random: np.random.Generator) -> Pictures:
    rows = _in_turn(items, MOST_PICTURES, random)
    pictures = np.rint(255 * np.clip(_clean(items.x[rows]), 0, 1)).astype(np.uint8)
    return Pictures(pictures, _labels(items, rows))


def _cloud(record: Dataset, items: Items, random: np.random.Generator) -> Cloud:
    count = len(items.x)
    rows = np.sort(random.permutation(count)[:MOST_POINTS])
    points = _clean(items.x[rows, :MOST_AXES])
    colour = np.zeros(0, np.float32) if items.colour is None else _clean(items.colour[rows])
    return Cloud(points, _labels(items, rows), colour, _names(record, points.shape[1], "x"))


def _lines(record: Dataset, items: Items, random: np.random.Generator) -> Lines:
    classes = 1 if items.labels is None or not len(items.labels) else int(items.labels.max()) + 1
    rows = _in_turn(items, min(MOST_SERIES, max(6, SERIES_A_CLASS * classes)), random)
    steps, channels = items.x.shape[1:]
    every = max(1, -(-steps // MOST_STEPS))
    series = _clean(items.x[rows][:, ::every, :MOST_CHANNELS])
    return Lines(series, _labels(items, rows), every, _names(record, min(channels, MOST_CHANNELS), ""))


def _sheet(record: Dataset, items: Items, random: np.random.Generator) -> Sheet:
    width = items.x.shape[1]
    columns = record.columns or tuple(Column(name=name) for name in _names(record, width, ""))
    shown = [
        (column, items.x[:, start : start + column.width])
        for column, start in zip(columns[:MOST_COLUMNS], starts(columns), strict=False)
    ]
    rows = np.arange(min(MOST_ROWS, len(items.x)))
    cells = [decoded(column, block[rows]) for column, block in shown]
    return Sheet(
        columns=tuple(_column(column, block) for column, block in shown),
        width=len(columns),
        rows=tuple(zip(*cells, strict=True)),
        labels=_labels(items, rows),
    )


def _matrix(record: Dataset, items: Items, random: np.random.Generator) -> Matrix:
    x, (count, width) = items.x, items.x.shape
    has = np.count_nonzero(x, axis=0)
    most_rows, most_columns = EXCERPT
    columns = np.argsort(-has, kind="stable")[:most_columns]
    rows = np.sort(random.permutation(count)[:most_rows])
    names = _names(record, width, "")
    filled = int(has.sum())
    return Matrix(
        excerpt=_clean(x[rows][:, columns]),
        names=tuple(names[column] for column in columns),
        unknown=record.zero_is_missing,
        filled=filled,
        share=filled / max(x.size, 1),
        histogram=_histogram(x[x != 0]),
        fullest=tuple(Heavy(names[column], int(has[column]) / max(count, 1)) for column in columns[:MOST_WORDS]),
    )


def _documents(record: Dataset, items: Items, random: np.random.Generator) -> Documents:
    rows = _in_turn(items, MOST_TEXTS, random)
    names = _names(record, items.x.shape[1], "")
    has = np.count_nonzero(items.x, axis=0)
    common = np.argsort(-has, kind="stable")[:MOST_WORDS]
    texts = items.texts or ()
    return Documents(
        texts=tuple(Text(_cut(texts[row]), _heaviest(items.x[row], names)) for row in rows),
        labels=_labels(items, rows),
        words=tuple(Heavy(names[word], int(has[word]) / len(items.x)) for word in common if has[word]),
    )


LOOKS: dict[Form, Callable[[Dataset, Items, np.random.Generator], Body]] = {
    "image": _pictures,
    "points": _cloud,
    "series": _lines,
    "table": _sheet,
}


def decoded(column: Column, block: np.ndarray) -> tuple[float | str, ...]:
    """The cells of a column out of its features (rows, column.width): numbers to six digits, or names."""
    if column.kind == "number":
        return tuple(float(f"{value:.6g}") for value in _clean(block[:, 0]))
    return tuple(column.categories[place] for place in _places(column, block))


def _column(column: Column, block: np.ndarray) -> ColumnView:
    if column.kind == "number":
        values = _finite(block)
        low, high = _extent(values)
        mean, sd = (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)
        return ColumnView(column.name, column.kind, column.missing, mean, sd, low, high, _histogram(values))
    counts = np.bincount(_places(column, block), minlength=len(column.categories))
    order = range(len(counts)) if column.kind == "binary" else np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    return ColumnView(
        column.name,
        column.kind,
        column.missing,
        categories=tuple(column.categories[place] for place in order),
        shares=tuple(int(counts[place]) / max(len(block), 1) for place in order),
    )


def _places(column: Column, block: np.ndarray) -> Integers:
    """Which of the column's categories each row has."""
    places = block[:, 0] > 0.5 if column.kind == "binary" else block.argmax(axis=1)
    return places.astype(np.int64)


def _histogram(values: np.ndarray) -> Histogram:
    """A bin for each whole number where there are only few of them; else 20 bins from the lowest to the highest."""
    values = _finite(values)
    if not len(values):
        return Histogram((), ())
    low, high = float(values.min()), float(values.max())
    whole = high - low < 2 * BINS and bool(np.all(values == np.rint(values)))
    edges = np.arange(low - 0.5, high + 1) if whole else np.linspace(low, high, BINS + 1)
    if len(edges) < 2 or np.any(np.diff(edges) <= 0):  # one value, or values too close to be told apart
        edges = np.array([low - max(abs(low), 1) / 2, high + max(abs(high), 1) / 2])
    counts, _ = np.histogram(values, bins=edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def _heaviest(row: np.ndarray, names: Sequence[str]) -> tuple[Heavy, ...]:
    order = np.argsort(-row, kind="stable")[:WORDS_A_TEXT]
    return tuple(Heavy(names[word], float(row[word])) for word in order if row[word] > 0)


def _in_turn(items: Items, most: int, random: np.random.Generator) -> Integers:
    """Rows of which the classes take turns, each in a shuffled order: first one of every class, then a second."""
    rows = random.permutation(len(items.x))
    if items.labels is None:
        return rows[:most]
    labels = np.asarray(items.labels)[rows]
    order = np.argsort(labels, kind="stable")
    sizes = np.unique(labels, return_counts=True)[1]
    turn = np.empty(len(rows), dtype=np.int64)
    turn[order] = np.concatenate([np.arange(size) for size in sizes]) if len(sizes) else 0
    return rows[np.lexsort((labels, turn))][:most]


def _classes(record: Dataset, labels: Integers | None) -> tuple[Class, ...]:
    if labels is None or not len(labels):
        return ()
    counts = np.bincount(labels)
    known = record.label_names
    return tuple(
        Class(known[label] if label < len(known) else str(label), int(count)) for label, count in enumerate(counts)
    )


def _labels(items: Items, rows: Integers) -> Labels:
    return () if items.labels is None else tuple(map(int, items.labels[rows]))


def _names(record: Dataset, width: int, word: str) -> tuple[str, ...]:
    """What the features are called; those without a name by their number."""
    known = record.feature_names[:width]
    return (*known, *(f"{word}{number}" for number in range(len(known) + 1, width + 1)))


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1].rstrip() + "…"


def _finite(values: np.ndarray) -> np.ndarray:
    """The finite ones in one row, as doubles."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return flat[np.isfinite(flat)]


def _clean(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.asarray(values, dtype=np.float32))


def _extent(values: np.ndarray) -> tuple[float, float]:
    """Lowest and highest finite number, block by block, since items may lie in a large file. Nothing is 0, 0."""
    low, high = np.inf, -np.inf
    for start in range(0, len(values), 4096):
        part = _finite(values[start : start + 4096])
        if len(part):
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    return (low, high) if low <= high else (0.0, 0.0)


# ------------------------------------------------------------------------------------------------------ keeping

_made: Cache[Preview] = Cache(budget=32 * 2**20)
"""Of packages. People's own datasets are never kept, neither here nor on disk: their owners may remove them."""


def preview_of(data: DataSpec, folder: Path) -> Preview:
    """The preview of what `data` describes.

    What needs no package (generated, or somebody's own) is made here and now. For the rest a child imports the package,
    once: its answer is kept in `<folder>/previews`. Raises DataMissing or ChildLost where that fails.
    """
    record = dataset_of(data)
    if record.package is None:
        return preview(record, load(record, data))
    file = Path(folder) / "previews" / name_of(data)
    return _made.get(file, lambda: _kept(file) or _keep(file, _ask(data)))


def name_of(data: DataSpec) -> str:
    """Name of the file in which its preview is kept: by the settings of its own, not those of splitting and scaling."""
    own = data.model_dump(mode="json", exclude=set(DataSpec.model_fields))
    digest = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()
    return f"v{VERSION}-{digest[:32]}.json"


def in_child(spec: Mapping[str, Any]) -> Any:
    """What the child does: loads the items of a spec, and gives their preview as plain values."""
    data = _DATA.validate_python(spec)
    record = dataset_of(data)
    return _ADAPTER.dump_python(preview(record, load(record, data)), mode="json")


def _ask(data: DataSpec) -> Preview:
    job = {"spec": data.model_dump(mode="json")}
    found = child.run("ae_core.data.preview:in_child", job, seconds=SECONDS, megabytes=MEGABYTES)
    return _ADAPTER.validate_python(found)


def _kept(file: Path) -> Preview | None:
    """What was kept, or None where nothing was or it is damaged."""
    try:
        return from_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.warning("the preview %s is made anew: %s", file.name, str(error)[:200])
        return None


def _keep(file: Path, made: Preview) -> Preview:
    """Writes it beside its place and moves it there, so that nobody reads a half; without room it is not kept."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".part", delete=False, encoding="utf-8") as part:
            part.write(to_json(made))
        os.replace(part.name, file)
    except OSError as error:
        _log.warning("the preview %s could not be kept: %s", file.name, error)
    return made
