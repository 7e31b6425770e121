"""Tables that come inside packages."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence

import numpy as np

from ae_core.data.columns import Column
from ae_core.data.dataset import Floats, Items
from ae_core.data.files import inside
from ae_core.spec import BreastCancer, Shuttle, Tips, Wine

NUCLEUS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)
BREAST_CANCER_FEATURES = (
    *(f"mean {name}" for name in NUCLEUS),
    *(f"{name} error" for name in NUCLEUS),
    *(f"worst {name}" for name in NUCLEUS),
)
WINE_FEATURES = (
    "alcohol",
    "malic acid",
    "ash",
    "alcalinity of ash",
    "magnesium",
    "total phenols",
    "flavanoids",
    "nonflavanoid phenols",
    "proanthocyanins",
    "color intensity",
    "hue",
    "od280/od315 of diluted wines",
    "proline",
)

TIPS = (
    Column(name="total bill"),
    Column(name="tip"),
    Column(name="people"),
    Column(name="sex", kind="binary", categories=("male", "female")),
    Column(name="smoker", kind="binary", categories=("no", "yes")),
    Column(name="day", kind="category", categories=("Thur", "Fri", "Sat", "Sun")),
)
TIPS_FILE = ("total bill", "tip", "sex", "smoker", "day", "time", "people")
"""The columns of the file, in order, by our names."""


def breast_cancer(spec: BreastCancer) -> Items:
    """569 tumours, 30 measurements of their cell nuclei; label 0 is malignant, 1 benign."""
    from sklearn.datasets import load_breast_cancer

    x, labels = load_breast_cancer(return_X_y=True)
    return Items(x=x.astype(np.float32), labels=labels.astype(np.int64))


def wine(spec: Wine) -> Items:
    """178 wines of one Italian region from three grapes, 13 chemical measurements."""
    from sklearn.datasets import load_wine

    x, labels = load_wine(return_X_y=True)
    return Items(x=x.astype(np.float32), labels=labels.astype(np.int64))


def tips(spec: Tips) -> Items:
    """244 bills of one waiter in US dollars, what was tipped, and who sat there; label 0 is dinner, 1 lunch."""
    path = inside("plotly", "package_data", "datasets", "tips.csv.gz")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))[1:]
    rows = [dict(zip(TIPS_FILE, row, strict=True)) for row in cells]
    return Items(
        x=encoded(rows, TIPS),
        labels=np.array([row["time"] == "Lunch" for row in rows], dtype=np.int64),
    )


def encoded(rows: Sequence[Mapping[str, str]], columns: Sequence[Column]) -> Floats:
    """Cells as features, (rows, features). Raises ValueError for a cell that its column does not know."""
    parts = []
    for column in columns:
        cells = [row[column.name] for row in rows]
        if column.kind == "number":
            parts.append(np.array(cells, dtype=np.float64)[:, None])
            continue
        places = np.array([[name.lower() for name in column.categories].index(cell.lower()) for cell in cells])
        parts.append(places[:, None] if column.kind == "binary" else np.eye(len(column.categories))[places])
    return np.concatenate(parts, axis=1).astype(np.float32)


SHUTTLE_FEATURES = ("time", *(f"sensor {number}" for number in range(1, 9)))


def shuttle(spec: Shuttle) -> Items:
    """49,097 readings of nine numbers, 3,511 of them abnormal; label 0 is normal.

    Read by its path: importing river takes seconds, and nothing of it is needed.
    """
    table = np.loadtxt(inside("river", "datasets", "shuttle.csv.gz"), delimiter=",", skiprows=1, dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != len(SHUTTLE_FEATURES) + 1:
        raise ValueError(f"shuttle.csv.gz should hold rows of 10 numbers, it holds {table.shape}")
    return Items(x=np.ascontiguousarray(table[:, :-1]), labels=table[:, -1].astype(np.int64))
