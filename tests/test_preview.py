"""What a dataset looks like: true numbers, few items, words that cannot do harm, and a memory that is never wrong."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from ae_core import child
from ae_core.data import DATASETS, Dataset, Items, load, preview
from ae_core.data.columns import Column
from ae_core.data.drawn import drawn
from ae_core.data.preview import (
    MOST_LETTERS,
    MOST_PICTURES,
    MOST_POINTS,
    Cloud,
    Documents,
    Lines,
    Matrix,
    Pictures,
    Preview,
    Sheet,
    decoded,
    from_json,
    name_of,
    preview_of,
    to_json,
)
from ae_core.data.preview import preview as look
from ae_core.data.shelf import Shelf, own, write
from ae_core.data.tables import TIPS, encoded
from ae_core.errors import AeError, DataMissing, ImportRefused
from ae_core.plots import data as plots
from ae_core.settings import Settings
from ae_core.spec import Digits, Moons, Own, Tips, Wine
from tests.standins import HERE

WORDS = {"items": "items", "share": "share", "step": "step", "value": "value", "columns": "films"}
BAD = '<a href="javascript:alert(1)">&amp;</a>' + "x" * 100
every_dataset = pytest.mark.parametrize("dataset", [DATASETS[kind] for kind in HERE], ids=HERE)


def figures(made: Preview) -> Iterator[go.Figure]:
    """Every figure that there is of a preview."""
    for dark in (False, True):
        yield plots.draw_balance(made.classes, WORDS, dark)
        body = made.body
        if isinstance(body, Cloud):
            yield plots.draw_points(body, made.classes, dark)
        elif isinstance(body, Lines):
            yield plots.draw_series(body, made.classes, WORDS, dark)
        elif isinstance(body, Sheet):
            yield from (plots.draw_column(column, WORDS, dark) for column in body.columns)
        elif isinstance(body, Matrix):
            yield plots.draw_excerpt(body, WORDS)
            yield plots.draw_histogram(body.histogram, "stars", WORDS, dark)
            yield plots.draw_words(body.fullest, WORDS, dark)
        elif isinstance(body, Documents):
            yield plots.draw_words(body.words, WORDS, dark)


def finite(figure: go.Figure) -> bool:
    """Whether every number of every trace is one; gaps are None."""
    axes = [
        np.ravel(trace[axis]) for trace in figure.data for axis in "xyz" if axis in trace and trace[axis] is not None
    ]
    return all(value is None or math.isfinite(value) for axis in axes for value in axis)


def table(x: Any, **facts: Any) -> tuple[Dataset, Items]:
    """A made-up table and its record, which is wine's but for these facts."""
    array = np.asarray(x, dtype=np.float32)
    items = {name: facts.pop(name) for name in ("labels", "texts", "colour") if name in facts}
    return replace(DATASETS["wine"], **({"feature_names": (), "label_names": ()} | facts)), Items(x=array, **items)


# ------------------------------------------------------------------------------------------------------ numbers


@every_dataset
def test_the_numbers_are_those_of_the_items(dataset: Dataset) -> None:
    """Count, shape, range and balance are counted here a second way; nothing in the preview is NaN."""
    items = load(dataset, dataset.spec())
    made = look(dataset, items)

    assert (made.form, made.count, made.shape) == (dataset.form, len(items.x), items.x.shape[1:])
    assert (made.low, made.high) == (float(items.x.min()), float(items.x.max()))
    if items.labels is None:
        assert made.classes == ()
    else:
        assert [one.count for one in made.classes] == [
            int((items.labels == label).sum()) for label in range(items.labels.max() + 1)
        ]
        assert [one.name for one in made.classes] == list(dataset.label_names[: len(made.classes)])
    assert not re.search(r"[:,\[](NaN|null)\b", to_json(made))
    assert len(to_json(made)) < 200_000


@every_dataset
def test_json_gives_back_what_it_got(dataset: Dataset) -> None:
    """A preview outlives its text, and the same items and seed make the same text."""
    items = load(dataset, dataset.spec())
    text = to_json(look(dataset, items))

    assert to_json(from_json(text)) == text
    assert to_json(look(dataset, items)) == text


@every_dataset
def test_everything_can_be_drawn(dataset: Dataset) -> None:
    """Each figure of each dataset is one that Plotly takes, without NaN."""
    for figure in figures(look(dataset, load(dataset, dataset.spec()))):
        assert figure.to_json()
        assert finite(figure)


def test_classes_take_turns_among_the_pictures() -> None:
    """Of 40 digits every class has four, and the pictures are the items' own pixels."""
    items = load(DATASETS["digits"], Digits())
    body = look(DATASETS["digits"], items).body

    assert isinstance(body, Pictures)
    assert body.labels == tuple(range(10)) * 4
    assert len(body.pictures) == MOST_PICTURES
    pixels = {np.rint(255 * picture).astype(np.uint8).tobytes() for picture in items.x}
    assert all(picture.tobytes() in pixels for picture in body.pictures)


def test_many_points_are_thinned() -> None:
    """At most 2,000 points are shown, each with its own label."""
    items = load(DATASETS["moons"], Moons(samples=5000))
    body = look(DATASETS["moons"], items).body

    assert isinstance(body, Cloud)
    assert len(body.points) == len(body.labels) == MOST_POINTS
    rows = {(*point.tolist(), int(label)) for point, label in zip(items.x, items.labels, strict=True)}
    assert all((*point.tolist(), label) in rows for point, label in zip(body.points, body.labels, strict=True))


def test_columns_are_described_in_their_own_units() -> None:
    """Mean, sd, range and histogram of wine's alcohol are those of the column; cells are the table's."""
    items = load(DATASETS["wine"], Wine())
    body = look(DATASETS["wine"], items).body

    assert isinstance(body, Sheet)
    alcohol, values = body.columns[0], items.x[:, 0].astype(np.float64)
    assert alcohol.name == "alcohol"
    assert (alcohol.mean, alcohol.sd) == pytest.approx((values.mean(), values.std()))
    assert (alcohol.low, alcohol.high) == (values.min(), values.max())
    assert sum(alcohol.histogram.counts) == 178
    assert body.rows[0][0] == pytest.approx(14.23)


def test_a_mixed_table_is_decoded_to_what_it_was() -> None:
    """The shown cells of tips, encoded again, are its items; shares of each column add up to 1."""
    items = load(DATASETS["tips"], Tips())
    body = look(DATASETS["tips"], items).body

    assert isinstance(body, Sheet)
    names = [column.name for column in TIPS]
    cells = [dict(zip(names, map(str, row), strict=True)) for row in body.rows]
    assert np.allclose(encoded(cells, TIPS), items.x[: len(cells)])
    for column in body.columns:
        assert column.kind == "number" or sum(column.shares) == pytest.approx(1)
    assert max(zip(body.columns[-1].shares, body.columns[-1].categories, strict=True))[1] == "Sat"


def test_features_between_categories_are_the_likeliest() -> None:
    """What a model makes of a category, which adds up to 1 at best, is read as its largest."""
    day = Column(name="day", kind="category", categories=("a", "b", "c"))
    assert decoded(day, np.array([[0.2, 0.5, 0.3], [0.9, 0, 0.1]])) == ("b", "a")


def test_whole_numbers_have_a_bin_each() -> None:
    """Stars from 1 to 5 have five bins; what nobody rated is not counted among them."""
    dataset = DATASETS["ratings"]
    items = load(dataset, dataset.spec())
    body = look(dataset, items).body

    assert isinstance(body, Matrix)
    assert body.unknown
    assert list(body.histogram.counts) == [int((items.x == star).sum()) for star in range(1, 6)]
    assert body.filled == np.count_nonzero(items.x)
    assert body.share == body.filled / items.x.size


def test_documents_show_their_beginning_and_their_heaviest_words() -> None:
    """Texts are cut, words are sorted by weight, absent ones are left out."""
    record, items = table(
        [[0.1, 0.9, 0], [0.5, 0, 0]],
        feature_names=("ant", "bee", "cat"),
        labels=np.array([0, 1]),
        texts=("bee " * 400, "ant"),
    )
    body = look(record, items).body

    assert isinstance(body, Documents)
    long = max(body.texts, key=lambda one: len(one.text))
    assert len(long.text) <= MOST_LETTERS
    assert long.text.endswith("…")
    assert [word.name for word in long.words] == ["bee", "ant"]
    assert [(word.name, word.weight) for word in body.words] == [("ant", 1.0), ("bee", 0.5)]


# ------------------------------------------------------------------------------------------- nothing, one, odd


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize("kind", ["digits", "moons", "wine", "tips", "waves", "ratings"])
def test_nothing_and_one_item_are_valid(kind: str, count: int) -> None:
    """No items, or a single one, have a preview and figures."""
    dataset = DATASETS[kind]
    whole = load(dataset, dataset.spec())
    some = replace(whole, x=whole.x[:count], labels=None if whole.labels is None else whole.labels[:count])
    made = from_json(to_json(look(dataset, replace(some, colour=None))))

    assert made.count == count
    assert all(figure.to_json() for figure in figures(made))
    if isinstance(made.body, Pictures):
        assert plots.mosaic(made.body.pictures).size


def test_one_class_no_labels_and_nan() -> None:
    """A single class is one bar; numbers that are none are left out."""
    record, items = table([[1, math.nan], [3, math.inf]], labels=np.zeros(2, np.int64), label_names=("only",))
    made = look(record, items)

    assert [(one.name, one.count) for one in made.classes] == [("only", 2)]
    assert (made.low, made.high) == (1, 3)
    assert all(map(finite, figures(made)))
    assert look(*table([[1, 2]])).classes == ()


def test_a_constant_column_has_one_bin() -> None:
    """A column in which every value is the same, however large, is a histogram of one bar."""
    for value in (0.0, 0.5, 1e30):
        body = look(*table([[value]] * 7)).body
        assert isinstance(body, Sheet)
        assert body.columns[0].histogram.counts == (7,)


# ------------------------------------------------------------------------------------------------------ strangers


def test_names_from_files_cannot_draw() -> None:
    """Markup in names of classes, features and categories is shown as it stands, cut to 40 letters."""
    columns = (Column(name=BAD), Column(name=BAD, kind="category", categories=(BAD, BAD + "2")))
    x = np.array([[1.5, 1, 0], [2, 0, 1]])
    mixed = look(*table(x, columns=columns, labels=np.array([0, 1]), label_names=(BAD, BAD)))
    words = look(*table(x, feature_names=(BAD,) * 3, texts=(BAD, BAD)))
    stars = look(*table(x, feature_names=(BAD,) * 3, zero_is_missing=True))
    cloud = look(*table(x[:, :2], form="points", feature_names=(BAD,) * 2, label_names=(BAD,), labels=np.zeros(2, int)))
    series = look(*table(x[..., None].repeat(2, 2), form="series", feature_names=(BAD,) * 2))

    for made in (mixed, words, stars, cloud, series):
        for figure in figures(made):
            drawn = json.dumps(figure.to_plotly_json(), default=lambda value: np.asarray(value).tolist())
            assert "<a" not in drawn
            assert "x" * 60 not in drawn
    assert plots.shown("a\n<b>&") == "a &lt;b&gt;&amp;"
    assert len(plots.shown("x" * 99)) == 40


def test_names_that_are_the_same_once_cut_stay_two_bars() -> None:
    """Bars stand by number, not by name."""
    made = look(*table(np.zeros((3, 1)), labels=np.array([0, 1, 1]), label_names=("y" * 50 + "1", "y" * 50 + "2")))
    assert list(plots.draw_balance(made.classes, WORDS).data[0].y) == [0, 1]


# ------------------------------------------------------------------------------------------------------ pictures


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_enlarged_whole_pixel_by_whole_pixel(channels: int) -> None:
    """Two 2 x 2 pictures stand side by side with a clear gap; 0 is black, and PNG gives back the same bytes."""
    pictures = np.arange(2 * 4 * channels, dtype=np.uint8).reshape(2, 2, 2, channels)
    sheet = plots.mosaic(pictures, tile=6)

    assert sheet.shape == (6, 6 + plots.GAP + 6, 4)
    assert (sheet[:3, :3, :3] == pictures[0, 0, 0]).all()
    assert (sheet[3:, -3:, :3] == pictures[1, 1, 1]).all()
    assert (sheet[:, 6 : 6 + plots.GAP, 3] == 0).all()
    with Image.open(io.BytesIO(base64.b64decode(plots.png_url(sheet).split(",")[1]))) as image:
        assert (np.asarray(image) == sheet).all()


# ------------------------------------------------------------------------------------------------------- keeping


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every job that a child is given, with nothing in memory before."""
    jobs: list[Any] = []
    real = child.run

    def run(function: str, job: Any, **limits: Any) -> Any:
        jobs.append(job)
        return real(function, job, **limits)

    monkeypatch.setattr(child, "run", run)
    monkeypatch.setattr(preview, "_made", preview.Cache(2**20))
    return jobs


def forget() -> None:
    """As a new process begins."""
    preview._made._entries.clear()


def test_a_package_is_asked_once(asked: list[Any], tmp_path: Path) -> None:
    """The child's answer is the items' own preview; it is kept, and split and scaling do not matter to it."""
    first = preview_of(Wine(), tmp_path)
    forget()
    again = preview_of(Wine(split_seed=5, standardise="minmax"), tmp_path)

    assert len(asked) == 1
    assert to_json(first) == to_json(again) == to_json(look(DATASETS["wine"], load(DATASETS["wine"], Wine())))
    assert [file.name for file in (tmp_path / "previews").iterdir()] == [name_of(Wine())]
    assert name_of(Wine()).startswith(f"v{preview.VERSION}-")


@pytest.mark.parametrize("damage", [b"", b"{", b'{"form": "table"}', b"\xff\xfe"])
def test_a_damaged_file_is_made_anew(asked: list[Any], tmp_path: Path, damage: bytes) -> None:
    """What cannot be read is replaced, and the reader notices nothing."""
    file = tmp_path / "previews" / name_of(Wine())
    file.parent.mkdir()
    file.write_bytes(damage)

    assert preview_of(Wine(), tmp_path).count == 178
    assert len(asked) == 1
    assert from_json(file.read_bytes()).count == 178


def test_arrays_that_do_not_fit_their_shape_are_damage() -> None:
    """Bytes too few, another kind of number, or no bytes at all are refused, not guessed."""
    text = to_json(look(DATASETS["moons"], load(DATASETS["moons"], Moons(samples=50))))
    for old, new in (('"shape":[50,2]', '"shape":[51,2]'), ('"<f4"', '"|O"'), ('"bytes":"', '"bytes":"*')):
        assert old in text
        with pytest.raises(ValueError, match=r"validation error"):
            from_json(text.replace(old, new, 1))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_no_obstacle(asked: list[Any], tmp_path: Path) -> None:
    """Without a place to keep it the preview is there all the same."""
    tmp_path.chmod(0o500)
    assert preview_of(Wine(), tmp_path).count == 178


def test_generated_datasets_are_made_here_and_not_kept(asked: list[Any], tmp_path: Path) -> None:
    """Moons need no child and leave no file."""
    assert preview_of(Moons(), tmp_path).count == 1000
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_removed_dataset_has_no_preview(asked: list[Any], tmp_path: Path) -> None:
    """Somebody's own dataset is looked at anew each time, so nothing of it is left once it is removed."""
    shelf = Shelf(Settings.from_environment().home)
    card, items = drawn({"points": [[x / 40, 0.5, x % 2 * 3] for x in range(30)]}, "mine")
    write(tmp_path / "made", card, items)
    data = Own(digest=shelf.put(tmp_path / "made"))

    made = preview_of(data, tmp_path)
    assert [(one.name, one.count) for one in made.classes] == [("1", 15), ("4", 15)]
    assert own(data).title == "mine"
    shelf.remove(data.digest)
    with pytest.raises(DataMissing):
        preview_of(data, tmp_path)
    assert not (tmp_path / "previews").exists()


def test_what_a_child_refuses_is_said(monkeypatch: pytest.MonkeyPatch, asked: list[Any], tmp_path: Path) -> None:
    """A refusal is raised, and is not kept."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AeError("not installed")

    with monkeypatch.context() as patch:
        patch.setattr(child, "run", refuse)
        with pytest.raises(AeError, match="not installed"):
            preview_of(Wine(), tmp_path)
    assert preview_of(Wine(), tmp_path).count == 178


def test_the_web_process_stays_light() -> None:
    """A preview out of a package loads none of it here."""
    code = (
        "import sys, tempfile; from ae_core.data.preview import preview_of; from ae_core.spec import Digits; "
        "import ae_core.plots.data; preview_of(Digits(), tempfile.mkdtemp()); "
        "print(sorted({'torch', 'sklearn', 'skimage', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------------------------------------- drawn


def dots(count: int = 20, point: Any = None) -> dict[str, Any]:
    """A drawing, whose last point may be another."""
    return {"points": [[0.1, -0.2, 0]] * (count - 1) + [point or [0.1, -0.2, 0]]}


def test_a_drawing_becomes_points_with_labels() -> None:
    """Coordinates are the items, classes the labels, without gaps, named by their number on the board."""
    card, items = drawn(dots(20, [1, -1.0, 4.0]), "mine")

    assert (card.title, card.form, card.shape, card.count) == ("mine", "points", (2,), 20)
    assert (card.feature_names, card.label_names) == (("x", "y"), ("1", "5"))
    assert items.x.dtype == np.float32
    assert items.x[-1].tolist() == [1, -1]
    assert items.labels is not None
    assert items.labels.tolist() == [0] * 19 + [1]
    assert drawn(dots(), "mine")[1].labels is None


ODD = [
    *(None, 5, "points", [], {}, {"points": None}, {"points": {}}, {"points": "abc" * 20}, dots(19), dots(5001)),
    *(dots(20, point) for point in ([0, 0], [0, 0, 0, 0], "abc", {"x": 0}, [0, "0", 0], [True, 0, 0], [None, 0, 0])),
    *(dots(20, point) for point in ([1.01, 0, 0], [0, -2, 0], [math.nan, 0, 0], [0, math.inf, 0], [10**400, 0, 0])),
    *(dots(20, point) for point in ([0, 0, 5], [0, 0, -1], [0, 0, 0.5], [0, 0, math.nan], [0, 0, 10**400])),
]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_anything_else_is_refused(value: Any) -> None:
    """Whatever a browser sends, the answer is a sentence."""
    with pytest.raises(ImportRefused, match=r"\.$"):
        drawn(value, "mine")
