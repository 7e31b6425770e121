"""The items of a run's dataset, as pictures or as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ae_core.data import dataset_of
from ae_core.data.columns import Column, starts
from ae_core.probes.questions import Items
from ae_core.probes.specimen import Specimen

MOST_COLUMNS = 200
"""Of a table whose cells are told by name; beyond that they are words or wares, not columns."""
LEVELS = (255, 16, 1)  # of grey that pictures here have


def items(
    question: Items, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`x` (n, features): items as the network reads them, in the order of the codes: f4, or u1 where each is a whole
    number of `levels`-ths. `item` i4, `label` i2, `is_val` u1. `shift`, `scale` f4 (features,): x scale + shift is the
    item in the dataset's own units.

    header: `form` (image, points, table or series), `shape` of one item, `scaling` (see `data.Scaling`),
    `feature_names`, `label_names`, `items` in all. `columns` of a table: what each is, and its first feature.
    """
    rows = slice(question.first, question.first + question.most)
    split, x = specimen.split, specimen.items(rows)
    levels = next((levels for levels in LEVELS if _whole(x * levels, levels)), 0)
    header = {
        "levels": levels,
        "form": split.form,
        "scaling": split.scaling.kind,
        "shape": list(split.shape),
        "feature_names": list(split.feature_names),
        "columns": _columns(specimen),
        "label_names": list(split.label_names),
        "items": specimen.count,
    }
    arrays = {
        "x": np.rint(x * levels).astype(np.uint8) if levels else x,
        "item": specimen.item_ids[rows],
        "label": specimen.labels[rows],
        "is_val": specimen.is_val[rows],
        "shift": split.scaling.shift.astype(np.float32),
        "scale": split.scaling.scale.astype(np.float32),
    }
    return header, arrays


def _columns(specimen: Specimen) -> list[dict[str, Any]]:
    """The columns of the table as the dataset has them; where it has none, one number for each named feature."""
    dataset = dataset_of(specimen.spec.data)
    columns = dataset.columns or [Column(name=name) for name in specimen.split.feature_names]
    known = columns if dataset.form == "table" and not dataset.zero_is_missing and len(columns) <= MOST_COLUMNS else ()
    return [
        {"name": column.name, "kind": column.kind, "categories": list(column.categories), "start": start}
        for column, start in zip(known, starts(known), strict=True)
    ]


def _whole(x: np.ndarray, levels: int) -> bool:
    """Whether these are whole numbers from 0 to `levels`, up to the rounding of float32."""
    return bool(x.size and x.min() >= 0 and x.max() <= levels and np.abs(x - np.rint(x)).max() < 1e-4)
