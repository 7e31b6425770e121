"""Facts of heartbeats, strokes, recorded series, documents, anomalies, colour patches, and what is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ae_core.data import DATASETS, load, missing, prepare
from ae_core.data import corpus as documents
from ae_core.data.heartbeats import KINDS, draw
from ae_core.data.images import COLOUR_PHOTOS, COLUMNS, ROWS, colour_photo, grey_photo
from ae_core.data.recorded import windows
from ae_core.data.scaling import PORTION, fit
from ae_core.data.split import items
from ae_core.data.strokes import STEPS
from ae_core.data.strokes import draw as stroke
from ae_core.data.text import bag_of_words
from ae_core.errors import DataMissing
from ae_core.spec import (
    BasicMotions,
    Co2,
    ColourPatches,
    Docstrings,
    GunPoint,
    Heartbeats,
    ItalyPower,
    Olivetti,
    Shuttle,
    Strokes1d,
    Sunspots,
)
from tests.standins import laid_out


def installed(kind: str) -> pytest.MarkDecorator:
    """For facts of the real files; their form is tested with stand-ins by the contract."""
    return pytest.mark.skipif(missing(DATASETS[kind]) is not None, reason=f"{DATASETS[kind].package} is not installed")


def accuracy(model: object, kind: object) -> float:
    """How often a classifier of the split's training items is right on those kept aside."""
    split = prepare(kind, "mse")  # type: ignore[arg-type]
    return float(model.fit(split.train, split.train_labels).score(split.val, split.val_labels))  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------- heartbeats


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_so_many_beats_are_abnormal_as_is_asked(share: float) -> None:
    """The four ways take turns, so they are equally frequent, and normal beats are label 0."""
    labels = items(Heartbeats(samples=4000, anomalies=share)).labels
    assert labels is not None
    counts = np.bincount(labels)

    assert counts[1:].sum() == round(4000 * share)
    assert np.ptp(counts[1:]) <= 1
    assert len(counts) == len(KINDS)


def test_heartbeats_are_drawn_from_their_factors() -> None:
    """Without noise the table of factors draws the series again; noise moves them by its spread."""
    clean, noisy = items(Heartbeats(noise=0)), items(Heartbeats(noise=0.1))
    assert clean.factors is not None

    assert np.allclose(draw(clean.factors, 64), clean.x[..., 0], atol=1e-4)
    assert (noisy.x - clean.x).std() == pytest.approx(0.1, rel=0.02)


def test_abnormal_beats_are_abnormal_in_their_own_way() -> None:
    """No P, a wide QRS, hardly anything at all, and a beat that comes too soon."""
    usual = np.array([0, 1, 0.4, 1, 1, 1.0])
    normal, flat, early = usual, usual.copy(), usual.copy()
    no_p, wide = usual.copy(), usual.copy()
    flat[1], early[2], no_p[3], wide[4] = 0.06, 0.2, 0, 2.3
    series = draw(np.stack([normal, no_p, wide, flat, early]), 500)
    time = np.arange(500) / 500
    around_p = np.abs(time - 0.23) < 0.04

    assert series[0][around_p].max() > 0.14
    assert np.abs(series[1][around_p]).max() < 0.01
    above = (series > 0.3 * series.max(axis=1, keepdims=True)).sum(axis=1)
    assert above[2] > 1.4 * above[0]
    assert np.abs(series[3]).max() < 0.07
    assert time[series[0].argmax()] - time[series[4].argmax()] == pytest.approx(0.2, abs=0.005)
    assert series[0].max() == pytest.approx(0.99, abs=0.05)


def test_some_abnormal_beats_are_found_by_what_pca_cannot_rebuild() -> None:
    """The lesson of the card: of four components of normal beats, wide and early beats fall out, others hardly."""
    whole = items(Heartbeats(samples=3000, anomalies=0.2))
    assert whole.labels is not None
    x = whole.x[..., 0].astype(np.float64)
    normal = x[whole.labels == 0]
    axes = np.linalg.svd(normal - normal.mean(axis=0), full_matrices=False)[2][:4]
    off = x - normal.mean(axis=0)
    error = np.square(off - off @ axes.T @ axes).mean(axis=1)
    typical = [float(np.median(error[whole.labels == label])) for label in range(5)]

    assert typical[2] > 3 * typical[0]
    assert typical[4] > 3 * typical[0]


# ------------------------------------------------------------------------------------------------- strokes


def test_strokes_are_drawn_from_their_factors() -> None:
    """Noise apart, factors draw the lines again; before and after the stroke a line is 0."""
    whole = items(Strokes1d(noise=0))
    assert whole.factors is not None
    lines = stroke(whole.factors)
    places = np.arange(STEPS)
    length, place = whole.factors[:, 1:2], whole.factors[:, 2:3]

    assert np.mean(np.abs(lines - whole.x[..., 0]) < 1e-4) > 0.999  # an end may fall on a step up to rounding
    assert np.all(lines[(places < place) | (places > place + length)] == 0)
    assert np.array_equal(whole.factors[:, 0], whole.labels)


def test_strokes_are_easier_for_neighbours_than_for_lines() -> None:
    """What is shifted is not linear: five neighbours see nine of ten digits, a linear model seven."""
    assert accuracy(LogisticRegression(max_iter=500), Strokes1d()) < 0.8
    assert accuracy(KNeighborsClassifier(5), Strokes1d()) > 0.85


# ------------------------------------------------------------------------------------------ recorded series


def test_windows_that_share_a_moment_are_on_one_side() -> None:
    """Blocks share nothing, all windows lie within theirs, and the split tears none apart."""
    found = windows(np.arange(309.0), 12, 1)
    assert found.groups is not None
    moments = [set(found.x[found.groups == group].ravel()) for group in range(20)]

    assert len(found.x) == 80
    assert sum(map(len, moments)) == len(set.union(*moments)) == 300
    assert np.array_equal(found.x[:, :, 0] - found.x[:, :1, 0], np.broadcast_to(np.arange(12), (80, 12)))


@installed("italy_power")
@pytest.mark.parametrize(
    ("spec", "counts"), [(ItalyPower(), [547, 549]), (GunPoint(), [100, 100]), (BasicMotions(), [20, 20, 20, 20])]
)
def test_ucr_sets_have_their_published_sizes(spec: object, counts: list[int]) -> None:
    """Training and test items together, balanced as the archive says; series are standardised but for the watch."""
    whole = items(spec)  # type: ignore[arg-type]
    assert whole.labels is not None
    assert np.bincount(whole.labels).tolist() == counts
    if not isinstance(spec, BasicMotions):
        assert np.abs(whole.x.mean(axis=1)).max() < 1e-4


@installed("italy_power")
def test_seasons_of_italian_days_are_told_apart() -> None:
    """Five neighbours tell winter from summer as well as published, above 90 %."""
    assert accuracy(KNeighborsClassifier(5), ItalyPower()) > 0.9


@installed("sunspots")
def test_sunspots_and_carbon_dioxide_are_the_known_ones() -> None:
    """The record of 1957 (190.2), the rise from 316 to 371 ppm, and no missing week."""
    spots, air = items(Sunspots()).x, items(Co2()).x

    assert spots.max() == pytest.approx(190.2)
    assert air[0, 0, 0] == pytest.approx(316.1)
    assert 365 < air[-1].mean() < 375
    assert np.isfinite(air).all()


# --------------------------------------------------------------------------------------------------- shuttle


@installed("shuttle")
def test_the_shuttle_has_its_published_anomalies_and_pca_finds_them() -> None:
    """3,511 of 49,097; three components of half of the normal readings reach an AUROC of 0.99."""
    from sklearn.metrics import roc_auc_score

    whole = items(Shuttle())
    assert whole.labels is not None
    assert np.bincount(whole.labels).tolist() == [45_586, 3_511]

    normal = whole.x[whole.labels == 0][::2].astype(np.float64)
    mean, spread = normal.mean(axis=0), normal.std(axis=0)
    axes = np.linalg.svd((normal - mean) / spread, full_matrices=False)[2][:3]
    off = (whole.x - mean) / spread
    error = np.square(off - off @ axes.T @ axes).sum(axis=1)
    assert roc_auc_score(whole.labels, error) > 0.98


# ---------------------------------------------------------------------------------------------- colour patches


def test_colour_patches_never_leak_between_the_sides() -> None:
    """Regions are groups, as for grey ones: none is on both sides, every patch lies in its own."""
    spec = ColourPatches(samples=700)
    whole, split = items(spec), prepare(spec, "mse")
    assert whole.groups is not None
    assert whole.labels is not None
    photos = [colour_photo(name) for name in COLOUR_PHOTOS.values()]

    assert not set(whole.groups[split.train_index]) & set(whole.groups[split.val_index])
    for i in range(0, 700, 29):
        photo, region = photos[whole.labels[i]], int(whole.groups[i]) % (ROWS * COLUMNS)
        height, width = photo.shape[0] // ROWS, photo.shape[1] // COLUMNS
        row, column = divmod(region, COLUMNS)
        own = photo[row * height : (row + 1) * height, column * width : (column + 1) * width]
        seen = np.lib.stride_tricks.sliding_window_view(own, (32, 32), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
        assert (np.abs(seen - whole.x[i]).max(axis=(2, 3, 4)) == 0).any()


def test_a_colour_photo_turned_grey_is_the_grey_photo() -> None:
    """Halving and weighing colours may change places, so both sets show the same pictures."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        assert np.allclose(colour_photo(name) @ weights, grey_photo(name), atol=1e-5)


# -------------------------------------------------------------------------------------------------- documents


def test_docstrings_are_many_and_their_topics_can_be_told() -> None:
    """Ranges, since they differ from version to version: thousands of texts, and a linear model beats the majority."""
    texts, labels = documents.corpus()
    counts = np.bincount(labels)

    assert 2500 < len(texts) < 6000
    assert len(counts) == len(documents.TOPICS)
    assert counts.min() >= 40
    assert len(set(texts)) == len(texts)
    assert not any(">>>" in text for text in texts)
    assert accuracy(LogisticRegression(max_iter=300), Docstrings(words=1000, standardise="none")) > 0.6


def test_documents_keep_their_texts_and_name_their_words() -> None:
    """Each item is counted from the text beside it, and features are the words."""
    spec = Docstrings(documents=300, words=80, weighting="counts")
    whole = items(spec)
    assert whole.texts is not None
    again, words = bag_of_words(whole.texts, 80, "counts")

    assert np.array_equal(again, whole.x)
    assert words == whole.feature_names == prepare(spec, "mse").feature_names
    assert np.allclose(np.linalg.norm(items(Docstrings(documents=300)).x, axis=1).round(3) % 1, 0)


def test_fewer_words_than_features_leave_the_others_empty() -> None:
    """A corpus with a small vocabulary still has the width that the spec promises."""
    whole = documents.counted(
        Docstrings(documents=200, words=50), ["apples and pears", "pears or plums"] * 100, [0, 1] * 100
    )
    assert whole.x.shape == (200, 50)
    assert whole.feature_names[:4] == ("apples", "pears", "plums", "(4)")


def test_the_corpus_is_kept_under_its_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made once, then read from JSON; a damaged cache is made anew, and a home that is not writable is no error."""
    made = iter([("scipy.stats", "word " * 40), ("scipy.stats", "word " * 40), ("numpy.ma", "short")] * 9)
    monkeypatch.setattr(documents, "_documents", lambda: [next(made), next(made), next(made)])
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path))
    expected = (["word " * 40], [documents.TOPICS.index("scipy.stats")])

    assert documents.corpus() == expected
    (kept,) = (tmp_path / "caches").iterdir()
    assert json.loads(kept.read_text()) == {"texts": expected[0], "labels": expected[1]}
    monkeypatch.setattr(documents, "_documents", lambda: pytest.fail("made again"))
    assert documents.corpus() == expected

    monkeypatch.setattr(documents, "_documents", lambda: [("scipy.stats", "word " * 40)])
    kept.write_text('{"texts": ["a"], "labels": [99]}')
    assert documents.corpus() == expected
    monkeypatch.setenv("LATENT_LAB_HOME", "/proc/nowhere")
    assert documents.corpus() == expected


def test_docstrings_lose_what_is_no_language() -> None:
    """Examples' code, headings and their rulers go, sentences stay."""
    said = "Adds numbers.\n\nParameters\n----------\nx : array\n    What is added.\n"
    said += "\nExamples\n--------\n>>> add(1)\n... + 2\n3\n"
    assert documents.cleaned(said) == "Adds numbers.\n\nx : array\n    What is added.\n\n3"


# ------------------------------------------------------------------------------------------- what is fetched


def test_fetched_sets_are_missing_without_their_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is downloaded by loading: the sentence says where the files belong."""
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path))
    monkeypatch.delenv("SCIKIT_LEARN_DATA", raising=False)
    with pytest.raises(DataMissing, match="downloads/scikit-learn"):
        load(DATASETS["olivetti"], Olivetti())


def test_fetched_sets_are_read_by_scikit_learn_itself(tmp_path: Path) -> None:
    """From files as its downloads leave them: 40 people in tens, seven people in the news, houses with their price."""
    with laid_out(tmp_path):
        olivetti, people, houses, messages = (
            load(DATASETS[kind], DATASETS[kind].spec())
            for kind in ("olivetti", "lfw_people", "california", "newsgroups")
        )
    assert olivetti.labels is not None
    assert np.bincount(olivetti.labels).tolist() == [10] * 40
    assert people.labels is not None
    assert np.bincount(people.labels).tolist() == [77, 236, 121, 530, 109, 71, 144]
    assert houses.colour is not None
    assert (houses.colour.min(), houses.colour.max()) == (0, 1)
    assert messages.texts is not None
    assert not any("From:" in text for text in messages.texts)


def test_damaged_files_of_a_download_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no pickle of scikit-learn's never ends in a traceback."""
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path))
    place = tmp_path / "downloads" / "scikit-learn"
    place.mkdir(parents=True)
    (place / "olivetti_py3.pkz").write_bytes(b"no pickle")
    with pytest.raises(DataMissing, match="cannot be used .* Remove them, and download them again"):
        load(DATASETS["olivetti"], Olivetti())


# ------------------------------------------------------------------------------------------------ large sets


@pytest.mark.parametrize("kind", ["none", "standard", "minmax", "distribution"])
def test_scaling_in_portions_is_scaling_at_once(kind: str) -> None:
    """What is too large for one portion gets the numbers that NumPy gives for the whole, also in place."""
    random = np.random.default_rng(0)
    x = random.random((PORTION // 400, 1000), dtype=np.float32) * 7 + 1
    x[:, 3] = 5
    scaling = fit(kind, x, None)  # type: ignore[arg-type]
    values = x.astype(np.float64)
    expected = {
        "none": values,
        "standard": (values - values.mean(axis=0)) / np.where(values.std(axis=0) < 1e-6, 1, values.std(axis=0)),
        "minmax": (values - values.min(axis=0)) / np.where(np.ptp(values, axis=0) == 0, 1, np.ptp(values, axis=0)),
        "distribution": values / values.sum(axis=1, keepdims=True),
    }[kind]
    scaled = scaling.apply(x)

    assert x.size > 2 * PORTION
    assert np.allclose(scaled, expected, rtol=1e-6, atol=1e-6)
    if kind != "distribution":
        assert np.allclose(scaling.undo(scaled), x, rtol=1e-5)
    assert scaling.apply(x, out=x) is x
    assert np.array_equal(x, scaled)
