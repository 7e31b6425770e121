"""MNIST's form of files: what is read, what is refused, where it is looked for; all of Fashion-MNIST where it is."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from ae_core.data import DATASETS, load, missing, prepare
from ae_core.data.dataset import Missing
from ae_core.data.idx import DEBIAN, NAMES, found, pair, read, share
from ae_core.errors import DataMissing
from ae_core.spec import FashionMnist, Kmnist, Mnist
from tests.standins import four_files, idx

DECOMPRESSED = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""SHA-256 of what is in Debian's files."""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No folder of this machine's user is looked into."""
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LATENT_LAB_DATA", raising=False)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


CUBE = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_an_array_is_read_as_it_was_written(tmp_path: Path, pack: object) -> None:
    """Sizes and bytes come back, zipped or not, whatever the file is called."""
    file = written(tmp_path / "x", pack(idx(CUBE)))  # type: ignore[operator]
    assert np.array_equal(read(file, 3, 24), CUBE)
    assert read(written(tmp_path / "none", idx(np.zeros((0, 2, 2)))), 3, 24).shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins with nothing"),
        (b"\x00\x00\x08\x01" + idx(CUBE)[4:], "no IDX file of bytes with 3 sizes"),
        (b"\x00\x00\x0d\x03" + idx(CUBE)[4:], "no IDX file of bytes with 3 sizes"),
        (b"\x89PNG" + idx(CUBE)[4:], "no IDX file"),
        (idx(CUBE)[:9], "ends within its sizes"),
        (idx(CUBE)[:-1], "ends after 23 of 24 bytes"),
        (idx(CUBE) + b"\x00", "holds more than the 24 bytes"),
        (b"\x00\x00\x08\x03" + np.array([2**31, 28, 28], ">u4").tobytes(), "claims 2147483648 x 28 x 28 bytes"),
        (b"\x00\x00\x08\x03" + np.array([2**32 - 1] * 3, ">u4").tobytes(), "claims 4294967295 x"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_that_lies_is_refused_before_it_is_believed(
    tmp_path: Path, content: bytes, words: str, zipped: bool
) -> None:
    """Nothing of a size that a file claims is taken before the size was found possible."""
    with pytest.raises(ValueError, match=words):
        read(written(tmp_path / "x", gzip.compress(content) if zipped else content), 3, 24)


def test_a_bomb_stops_at_the_size_that_it_declares(tmp_path: Path) -> None:
    """A file of some kilobytes that unpacks to a hundred megabytes is read one byte too far, and refused."""
    bomb = written(tmp_path / "x", gzip.compress(idx(CUBE) + bytes(100 * 2**20), 9))
    assert bomb.stat().st_size < 200_000
    with pytest.raises(ValueError, match="holds more than the 24 bytes"):
        read(bomb, 3, 24)


def test_a_damaged_archive_is_an_error_of_the_file(tmp_path: Path) -> None:
    """A gzip cut in the middle says so."""
    with pytest.raises((EOFError, OSError)):
        read(written(tmp_path / "x", gzip.compress(idx(CUBE))[:-12]), 3, 24)


def test_pictures_and_labels_must_belong_together(tmp_path: Path) -> None:
    """As many labels as pictures, all below 10, all pictures 28 x 28."""
    images = written(tmp_path / "i", idx(np.zeros((3, 28, 28))))
    small = written(tmp_path / "s", idx(np.zeros((3, 28, 27))))
    two, ten = written(tmp_path / "2", idx(np.zeros(2))), written(tmp_path / "10", idx(np.array([0, 9, 10])))

    for labels, words in ((two, "3 pictures, and there are 2 labels"), (ten, "the label 10")):
        with pytest.raises(ValueError, match=words):
            pair(images, labels)
    with pytest.raises(ValueError, match="28 x 27"):
        pair(small, written(tmp_path / "3", idx(np.zeros(3))))


def test_a_share_is_stratified_and_always_the_same() -> None:
    """Each class gives its part by largest remainders, rows rise, all of them are all of them."""
    labels = np.repeat(np.arange(4, dtype=np.uint8), [50, 30, 15, 5])
    rows = share(labels, 20)

    assert np.bincount(labels[rows]).tolist() == [10, 6, 3, 1]
    assert np.array_equal(rows, np.unique(rows))
    assert np.array_equal(rows, share(labels, 20))
    assert len(share(labels, 33)) == 33
    assert np.array_equal(share(labels, 100), np.arange(100))


# ----------------------------------------------------------------------------------------------- where it lies


@pytest.mark.parametrize(
    ("named", "inner", "kind"),
    [
        ("data", "mnist", "mnist"),
        ("data", "MNIST/raw", "mnist"),
        ("MNIST", "raw", "mnist"),
        ("mnist", ".", "mnist"),
        ("data", "FashionMNIST/raw", "fashion_mnist"),
        ("fashion-mnist", ".", "fashion_mnist"),
        ("data", "KMNIST/raw", "kmnist"),
    ],
)
def test_a_set_is_found_in_a_folder_that_the_user_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, inner: str, kind: str
) -> None:
    """Under its own name, as torchvision lays it out, or the folder itself if it is called like the set."""
    four_files(tmp_path / named / inner, 300, 300, zipped=True)
    monkeypatch.setenv("LATENT_LAB_DATA", os.pathsep.join(["", str(tmp_path / "empty"), str(tmp_path / named)]))

    assert found(kind) == tmp_path / named / inner
    for other in {"mnist", "kmnist"} - {kind}:
        assert found(other) is None


def test_an_incomplete_set_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of four files are none, and the sentence says what to do."""
    place = tmp_path / "home" / "downloads" / "kmnist"
    four_files(place, 300, 300)
    assert found("kmnist") == place
    (place / NAMES[1][1]).unlink()

    assert missing(DATASETS["kmnist"]) == Missing("file", "kmnist")
    with pytest.raises(DataMissing, match="not on this machine. Download them on the page Data.*downloads/kmnist"):
        load(DATASETS["kmnist"], Kmnist())


def test_a_damaged_set_says_what_is_wrong(tmp_path: Path) -> None:
    """The sentence names the file, what was found, and what to do."""
    place = tmp_path / "home" / "downloads" / "mnist"
    four_files(place, 300, 300)
    written(place / NAMES[1][1], idx(np.full(299, 3)))

    with pytest.raises(DataMissing, match="mnist cannot be used .*300 pictures.*299 labels.*download them again"):
        load(DATASETS["mnist"], Mnist(samples=500))


def test_looking_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards are drawn often, so asking whether sets are here only looks at names."""
    four_files(tmp_path / "home" / "downloads" / "mnist", 300, 300)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr("gzip.open", refuse)
    assert [missing(DATASETS[kind]) is None for kind in ("mnist", "kmnist")] == [True, False]


def test_items_are_the_bytes_of_the_files(tmp_path: Path) -> None:
    """Both sides are one set, in the order of the files; 0..255 become 0..1."""
    four_files(tmp_path / "home" / "downloads" / "mnist", 400, 100)
    items = load(DATASETS["mnist"], Mnist(samples=500))
    pictures = np.concatenate([read(tmp_path / "home/downloads/mnist" / name, 3, 10**6) for name, _ in NAMES])

    assert items.labels is not None
    assert np.array_equal(items.labels, np.arange(500) % 400 % 10)
    assert np.array_equal(np.round(items.x[..., 0] * 255).astype(np.uint8), pictures)


# ------------------------------------------------------------------------------------- Fashion-MNIST, full size

debian = pytest.mark.skipif(
    not DEBIAN["fashion_mnist"].is_dir(), reason="Debian's dataset-fashion-mnist is not installed"
)


@debian
def test_debians_files_are_the_known_ones() -> None:
    """What is in them has the SHA-256 that was published."""
    for name, known in DECOMPRESSED.items():
        with gzip.open(DEBIAN["fashion_mnist"] / f"{name}.gz") as file:
            assert hashlib.sha256(file.read()).hexdigest() == known, name


@debian
def test_all_of_fashion_mnist_is_loaded_and_split() -> None:
    """70,000 items, 7,000 of each class, the first 60,000 with the mean that the paper's set has."""
    items = load(DATASETS["fashion_mnist"], FashionMnist(samples=70_000))
    assert items.labels is not None
    assert np.bincount(items.labels).tolist() == [7000] * 10
    assert float(items.x[:60_000].mean(dtype=np.float64)) * 255 == pytest.approx(72.940, abs=1e-3)
    del items

    split = prepare(FashionMnist(samples=70_000), "mse")
    assert split.train.shape == (52_500, 784)
    assert np.bincount(split.val_labels).tolist() == [1750] * 10  # type: ignore[arg-type]


@debian
def test_a_part_of_it_has_equally_many_of_each_class() -> None:
    """The default is a seventh, small enough for a laptop."""
    items = load(DATASETS["fashion_mnist"], FashionMnist())
    assert items.labels is not None
    assert np.bincount(items.labels).tolist() == [1000] * 10
