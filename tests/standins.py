"""Small files in the form and the places of those that packages bring and downloads leave, so that the real loaders run
offline: as many items as the real ones, other numbers. Where the real package is installed, it comes first.
"""

from __future__ import annotations

import gzip
import io
import pickle
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pytest
from PIL import Image

from ae_core.data import DATASETS, missing, split
from ae_core.data.cache import Cache
from ae_core.data.fetched import GROUPS, PEOPLE
from ae_core.data.idx import NAMES

HERE = [kind for kind, record in DATASETS.items() if record.found is None and missing(record) is None]
"""Datasets that this machine has without files of their own: for tests that go over all of them and train."""
OF_EACH = (77, 236, 121, 530, 109, 71, 144)
"""Portraits of each of the seven people, as in Labeled Faces in the Wild."""


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def four_files(folder: Path, train: int = 60_000, test: int = 10_000, zipped: bool = False) -> None:
    """A set of pictures in IDX form: bright squares whose place tells the class."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = np.zeros((400, 28, 28), np.uint8)
    random = np.random.default_rng(1)
    for i, picture in enumerate(pictures):
        down, across = 2 + 12 * (i % 10 // 5), 1 + 5 * (i % 5)
        picture[down : down + 10, across : across + 6] = random.integers(100, 256, (10, 6))
    for (images, labels), count in zip(NAMES, (train, test), strict=True):
        turn = np.arange(count) % 400
        for name, array in ((images, pictures[turn]), (labels, turn % 10)):
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), 1))
            else:
                (folder / name).write_bytes(idx(array))


def packages(site: Path) -> None:
    """river, sktime and statsmodels as folders with nothing but their data."""
    random = np.random.default_rng(2)
    for name in ("river", "sktime", "statsmodels"):
        (site / name / "datasets").mkdir(parents=True)
        (site / name / "__init__.py").write_text("raise ImportError('the data is read without importing this')\n")
    table = random.integers(-50, 100, (500, 9))
    rows = [",".join(map(str, (*row, int(i % 14 == 0)))) for i, row in enumerate(table)]
    text = "f1,f2,f3,f4,f5,f6,f7,f8,f9,anomaly\n" + "\n".join(rows[i % 500] for i in range(49_097)) + "\n"
    (site / "river/datasets/shuttle.csv.gz").write_bytes(gzip.compress(text.encode(), 1))
    for name, steps, channels, words, counts in (
        ("ItalyPowerDemand", 24, 1, ("1", "2"), (67, 1029)),
        ("GunPoint", 150, 1, ("1", "2"), (50, 150)),
        ("BasicMotions", 100, 6, ("Standing", "Running", "Walking", "Badminton"), (40, 40)),
    ):
        folder = site / "sktime/datasets/data" / name
        folder.mkdir(parents=True)
        for side, count in zip(("TRAIN", "TEST"), counts, strict=True):
            lines = [f"@problemName {name}", "@data"]
            for i in range(count):
                series = random.normal(i % len(words), 1, (channels, steps))
                lines.append(":".join([*(",".join(f"{v:.4f}" for v in row) for row in series), words[i % len(words)]]))
            (folder / f"{name}_{side}.ts").write_text("\n".join(lines) + "\n")
    for name, head, count in (("sunspots", '"YEAR","SUNACTIVITY"', 309), ("co2", "date,co2", 2284)):
        folder = site / "statsmodels/datasets" / name
        folder.mkdir()
        values = 100 + 50 * np.sin(np.arange(count) / 2) + np.arange(count) / 20
        lines = [f"{1700 + i},{'' if i % 40 == 7 and name == 'co2' else round(v, 1)}" for i, v in enumerate(values)]
        (folder / f"{name}.csv").write_text("\n".join([head, *lines]) + "\n")


def scikit_learn(folder: Path) -> None:
    """What scikit-learn's downloads leave: pickles of its own making, and folders of portraits."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(3)
    portraits = random.random((400, 4096), dtype=np.float32)
    portraits[:, :2] = 0, 1
    joblib.dump(portraits, folder / "olivetti_py3.pkz", compress=1)
    houses = np.concatenate([random.random((20_640, 1)), random.normal(2, 3, (20_640, 8))], axis=1)
    houses[:, 3:] += 10
    joblib.dump(houses, folder / "cal_housing_py3.pkz", compress=1)
    (folder / "20news-bydate_py3.pkz").write_bytes(zlib.compress(pickle.dumps(messages(random))))
    faces = folder / "lfw_home" / "lfw_funneled"
    for number, (person, count) in enumerate(zip(PEOPLE, OF_EACH, strict=True)):
        name = person.replace(" ", "_")
        (faces / name).mkdir(parents=True)
        picture = np.full((250, 250, 3), 40 * number, np.uint8)
        picture[100:150, 60 + 10 * number : 160] = 255
        picture[160:170] = 0
        kept = io.BytesIO()
        Image.fromarray(picture).save(kept, "JPEG")
        for i in range(1, count + 1):
            (faces / name / f"{name}_{i:04}.jpg").write_bytes(kept.getvalue())
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        (folder / "lfw_home" / name).write_text("0\n")


def messages(random: np.random.Generator) -> dict[str, object]:
    """Messages to 20 groups in which each group has favourite words."""
    from sklearn.utils import Bunch

    alphabet = "bcdfghklmnprstvw"
    vocabulary = np.array(
        [a + vowel + b + "o" + c for a in alphabet for vowel in "aeiu" for b in alphabet for c in "lmn"]
    )
    sides = {}
    for side, count in (("train", 2400), ("test", 1600)):
        target = np.arange(count) % len(GROUPS)
        texts = [" ".join(vocabulary[random.integers(0, 2000, 60) // (1 + label % 5)]) for label in target]
        data = [f"From: somebody\nSubject: {i}\n\n{text}\n" for i, text in enumerate(texts)]
        sides[side] = Bunch(data=data, target=target, target_names=list(GROUPS), filenames=np.arange(count))
    return sides


@contextmanager
def laid_out(folder: Path) -> Iterator[Path]:
    """All of them, where loaders look, and caches of their own; everything is as before afterwards."""
    packages(folder / "site")
    scikit_learn(folder / "scikit-learn")
    four_files(folder / "mnist")
    for kind in ("fashion_mnist", "kmnist"):
        (folder / kind).symlink_to(folder / "mnist", target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENT_LAB_DATA", str(folder))
        patch.setenv("SCIKIT_LEARN_DATA", str(folder / "scikit-learn"))
        patch.setattr(sys, "path", [*sys.path, str(folder / "site")])
        patch.setattr(split, "_items", Cache(64 * 2**20, keeps_larger=False))
        patch.setattr(split, "_splits", Cache(128 * 2**20))
        yield folder
