"""What every dataset of the registry promises."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from ae_core.data import DATASETS, Dataset, Items, load, missing, prepare
from ae_core.data.columns import numeric
from ae_core.data.scaling import fit
from ae_core.data.split import items
from ae_core.errors import SpecError
from ae_core.spec import AnyData, DataSpec, FullSet, Own
from tests.gallery.thumbnails import FOLDER, PICTURES
from tests.standins import laid_out

SCALINGS = ("none", "standard", "minmax", "distribution")
every_dataset = pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS.keys())


@pytest.fixture(scope="module", autouse=True)
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files of the packages and downloads that this machine may not have, for the real loaders to read."""
    with laid_out(tmp_path_factory.mktemp("standins")):
        yield


def usual(dataset: Dataset, **more: object) -> DataSpec:
    """The default spec, but for full sets a thirtieth of them, so that going over all of it is quick."""
    few = {"samples": 2000} if issubclass(dataset.spec, FullSet) else {}
    return dataset.spec(**few | more)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt to reach a network fails the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("a dataset must not need the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture
def whole(dataset: Dataset) -> Items:
    """All items of the default spec."""
    return items(usual(dataset))


def test_registry_holds_exactly_the_kinds_of_the_spec() -> None:
    """Each data spec has one record under its kind, in the same order, and no record is left over."""
    members = [member for member in get_args(get_args(AnyData)[0]) if member is not Own]

    assert [record.spec for record in DATASETS.values()] == members
    assert list(DATASETS) == [member().kind for member in members]
    assert all(kind == record.kind for kind, record in DATASETS.items())


@every_dataset
def test_record_says_who_made_it_and_what_it_needs(dataset: Dataset) -> None:
    """Licence and source are never empty, and nothing is missing where package and files are there."""
    assert dataset.licence
    assert dataset.source
    assert missing(dataset) is None


@every_dataset
def test_items_are_as_declared(dataset: Dataset, whole: Items) -> None:
    """Number, shape, type, range and sign of the items agree with the record, and all are finite."""
    spec = usual(dataset)

    assert whole.x.dtype == np.float32
    assert whole.x.shape == (dataset.count(spec), *dataset.shape(spec))
    assert np.isfinite(whole.x).all()
    assert len(dataset.shape(spec)) == {"image": 3, "series": 2}.get(dataset.form, 1)
    if dataset.value_range is not None:
        assert (float(whole.x.min()), float(whole.x.max())) == pytest.approx(dataset.value_range, abs=0.01)
        assert dataset.value_range[0] <= whole.x.min()
        assert whole.x.max() <= dataset.value_range[1]
    assert (whole.x.min() >= 0) == dataset.nonnegative
    names = whole.feature_names or dataset.feature_names
    assert dataset.form in ("image", "series") or len(names) >= whole.x.shape[1]


@every_dataset
def test_labels_have_names(dataset: Dataset, whole: Items) -> None:
    """Labels count from 0 without a gap and each has a name; an item without a label has a continuous colour."""
    if whole.labels is None:
        assert whole.colour is not None
        assert dataset.label_names == ()
    else:
        assert whole.labels.dtype == np.int64
        assert np.array_equal(np.unique(whole.labels), np.arange(whole.labels.max() + 1))
        assert whole.labels.max() < len(dataset.label_names)
    for extra in (whole.labels, whole.colour, whole.groups, whole.factors):
        assert extra is None or len(extra) == len(whole.x)


@every_dataset
def test_loading_again_gives_the_same_items(dataset: Dataset, whole: Items) -> None:
    """A dataset is a pure function of its spec, and the split's seed moves no item."""
    again = load(dataset, usual(dataset, split_seed=7))

    assert np.array_equal(again.x, whole.x)
    assert np.array_equal(again.labels, whole.labels) if whole.labels is not None else again.labels is None


@every_dataset
@pytest.mark.parametrize("fraction", [0.05, 0.25, 0.5])
def test_split_is_disjoint_complete_and_fair_to_classes(dataset: Dataset, whole: Items, fraction: float) -> None:
    """Each item is on exactly one side, the share is as asked, and so is each class's share, within an item or two."""
    split = prepare(usual(dataset, val_fraction=fraction), "mse")
    n = len(whole.x)
    rows = np.concatenate([split.train_index, split.val_index])

    assert np.array_equal(np.sort(rows), np.arange(n))
    classes = 0 if whole.labels is None else int(whole.labels.max()) + 1  # each has at least one item aside
    assert len(split.val_index) == pytest.approx(max(fraction * n, classes), abs=max(2, 0.02 * n))
    assert split.train_labels is None or split.val_labels is not None
    if whole.labels is not None and split.val_labels is not None:
        aside, total = np.bincount(split.val_labels), np.bincount(whole.labels)
        assert np.abs(aside - fraction * total).max() <= max(2, 0.02 * n)
        assert split.label_names == dataset.label_names[: len(total)]


@every_dataset
def test_split_hangs_on_its_seed_alone(dataset: Dataset) -> None:
    """The same seed gives the same rows in the same order, another seed gives others."""
    first, again, other = (prepare(usual(dataset, split_seed=seed), "mse") for seed in (3, 3, 4))

    assert np.array_equal(first.train_index, again.train_index)
    assert not np.array_equal(np.sort(first.val_index), np.sort(other.val_index))


@every_dataset
def test_split_is_flat_contiguous_and_scaled(dataset: Dataset, whole: Items) -> None:
    """Both sides are float32 rows in memory order, equal to their items put through the scaling."""
    split = prepare(usual(dataset), "mse")
    flat = whole.x.reshape(len(whole.x), -1)

    for side, index in ((split.train, split.train_index), (split.val, split.val_index)):
        assert side.dtype == np.float32
        assert side.flags.c_contiguous
        assert np.array_equal(side, split.scaling.apply(flat[index]))
    assert split.shape == whole.x.shape[1:]
    assert split.form == dataset.form
    assert dataset.form in ("image", "series") or len(split.feature_names) == split.train.shape[1]


@every_dataset
@pytest.mark.parametrize("kind", SCALINGS)
def test_scaling_is_fitted_on_training_items_and_can_be_undone(dataset: Dataset, whole: Items, kind: str) -> None:
    """Scaling equals a fit on the training items, stays in its bounds, and undo(apply(x)) is x up to an item's sum."""
    spec = usual(dataset, standardise=kind)
    if kind == "distribution" and not dataset.nonnegative:
        with pytest.raises(SpecError, match="no number below 0"):
            prepare(spec, "mse")
        return
    split = prepare(spec, "mse")
    train = whole.x.reshape(len(whole.x), -1)[split.train_index]
    own = fit(split.scaling.kind, train, dataset.value_range, dataset.columns)
    back = split.scaling.undo(split.train)

    assert split.scaling.kind == kind
    assert np.array_equal(own.shift, split.scaling.shift)
    assert np.array_equal(own.scale, split.scaling.scale)
    if kind == "distribution":
        total = train.sum(axis=1, dtype=np.float64)
        back, train = back[total > 0], train[total > 0] / total[total > 0, None] * total.mean()
    assert np.allclose(back, train, rtol=1e-4, atol=1e-5 * np.abs(train).max())
    if split.scaling.bounds is not None:
        low, high = split.scaling.bounds
        assert low <= min(split.train.min(), split.val.min())
        assert max(split.train.max(), split.val.max()) <= high


@every_dataset
def test_standardised_training_items_have_mean_0_and_variance_1(dataset: Dataset) -> None:
    """Features that vary get mean 0 and variance 1 over the training items, constant ones become 0; but what is 0 or 1
    by its nature stays so.
    """
    train = prepare(usual(dataset, standardise="standard"), "mse").train.astype(np.float64)
    train = train[:, numeric(dataset.columns) or slice(None)]
    spread = train.std(axis=0)

    assert np.abs(train.mean(axis=0)).max() < 1e-5
    assert np.all(np.isclose(spread, 1, atol=1e-4) | (spread == 0))


@every_dataset
def test_items_as_distributions_sum_to_1(dataset: Dataset) -> None:
    """With cross-entropy, auto turns each item into a distribution where no number is negative."""
    if dataset.nonnegative:
        split = prepare(usual(dataset), "cross_entropy")
        assert np.allclose(np.concatenate([split.train, split.val]).sum(axis=1, dtype=np.float64), 1, atol=1e-5)
    else:
        with pytest.raises(SpecError, match="no number below 0"):
            prepare(usual(dataset), "cross_entropy")


@every_dataset
def test_knobs_at_their_ends_still_give_a_split(dataset: Dataset) -> None:
    """Every bound of every knob of a dataset, with the fewest items and smallest share, can be loaded and split."""
    fields = {
        name: field
        for name, field in dataset.spec.model_fields.items()
        if name not in ("kind", "val_fraction", "split_seed", "standardise")
    }
    low, high = ({name: _bounds(field)[end] for name, field in fields.items()} for end in (0, 1))
    if "samples" in high:
        high["samples"] = max(400, low["samples"])
    for own in (low, high):
        spec = dataset.spec(val_fraction=0.05, split_seed=2**31 - 1, **own)
        split = prepare(spec, "mse")
        assert split.shape == dataset.shape(spec)
        assert len(split.train) + len(split.val) == dataset.count(spec)
        assert np.isfinite(split.train).all()


@every_dataset
def test_thumbnail_is_there_and_small(dataset: Dataset) -> None:
    """Every dataset has a drawn picture of 240 x 160 under 40 kB with a clear ground."""
    path = FOLDER / f"{dataset.kind}.png"

    assert dataset.kind in PICTURES
    assert path.stat().st_size < 40_000
    with Image.open(path) as picture:
        assert picture.size == (240, 160)
        assert picture.convert("RGBA").getextrema()[3][0] == 0


def _bounds(field: object) -> tuple[object, object]:
    """The two ends of a knob: its bounds, or the first and last of its choices."""
    marks = field.metadata  # type: ignore[attr-defined]
    low = [mark.ge for mark in marks if hasattr(mark, "ge")]
    high = [mark.le for mark in marks if hasattr(mark, "le")]
    if low and high:
        return low[0], high[0]
    choices = get_args(field.annotation)  # type: ignore[attr-defined]
    return choices[0], choices[-1]
