"""Tables of measurements that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from ae_core.data.dataset import Items
from ae_core.spec import BreastCancer, Wine

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
