"""Data: what there is (`DATASETS`), and how it is loaded, split and scaled (`prepare`).

Importing this costs numpy only; scikit-learn and scikit-image are imported when a dataset of theirs is loaded.
"""

from ae_core.data.dataset import Dataset, Form, Items, Missing, load, missing, require
from ae_core.data.registry import DATASETS, dataset_of
from ae_core.data.scaling import Scaling, ScalingKind, resolve_scaling
from ae_core.data.split import Split, prepare

__all__ = [
    "DATASETS",
    "Dataset",
    "Form",
    "Items",
    "Missing",
    "Scaling",
    "ScalingKind",
    "Split",
    "dataset_of",
    "load",
    "missing",
    "prepare",
    "require",
    "resolve_scaling",
]
