"""Tables of measurements that come with scikit-learn and river."""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Items
from ae_core.data.files import inside
from ae_core.spec import BreastCancer, Shuttle, Wine

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


SHUTTLE_FEATURES = ("time", *(f"sensor {number}" for number in range(1, 9)))


def shuttle(spec: Shuttle) -> Items:
    """49,097 readings of nine numbers, 3,511 of them abnormal; label 0 is normal.

    Read by its path: importing river takes seconds, and nothing of it is needed.
    """
    table = np.loadtxt(inside("river", "datasets", "shuttle.csv.gz"), delimiter=",", skiprows=1, dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != len(SHUTTLE_FEATURES) + 1:
        raise ValueError(f"shuttle.csv.gz should hold rows of 10 numbers, it holds {table.shape}")
    return Items(x=np.ascontiguousarray(table[:, :-1]), labels=table[:, -1].astype(np.int64))
