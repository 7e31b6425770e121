"""The units of one layer: the weights that lead to them or from them, the items they answer most, how they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ae_core.errors import SpecError
from ae_core.probes.layers import activations
from ae_core.probes.questions import Units
from ae_core.probes.specimen import Specimen
from ae_core.training.pictures import outer_weights

TOP = 9  # items that are told of each unit
BINS = 24


def units(
    question: Units, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Of the units of one layer that differ most between items, by falling variance: `unit` i4 (n,), its number;
    `mean`, `spread`, `active` f4 (n,), the share of items for which it is above 0; `top` i4 (n, 9), the items that it
    answers most, as rows in the dataset, `top_value` f4; `histogram` i4 (n, 24) between `low` and `high` f4 (n,).

    Of the first layer `incoming`, of the last before the output `outgoing`: weights f4, (n, features), or of feature
    maps their kernels (n, side, side, channels). header: `layer`, `layers` that can be asked for, `units` of the layer.
    """
    count = min(question.most, specimen.count)
    rows = slice(0, count)
    with torch.inference_mode():
        found = activations(specimen.told(rows), torch.from_numpy(specimen.items(rows)))
    tell(0.5)
    names = [name for name, _ in specimen.model.matrices() if name in found]
    layer = question.layer or names[0]
    if layer not in names:
        raise SpecError(f"This network has the layers {', '.join(names)}; got {layer[:40]!r}. Choose one of them.")
    values = np.nan_to_num(found[layer].numpy().astype(np.float64))
    chosen = np.argsort(-values.var(axis=0), kind="stable")[: question.units]
    values = values[:, chosen]
    top = np.argsort(-values, axis=0, kind="stable")[:TOP].T
    low, high = values.min(axis=0), values.max(axis=0)
    arrays = {
        "unit": chosen.astype(np.int32),
        "mean": values.mean(axis=0).astype(np.float32),
        "spread": values.std(axis=0).astype(np.float32),
        "active": (values > 0).mean(axis=0).astype(np.float32),
        "top": specimen.item_ids[top],
        "top_value": np.take_along_axis(values, top.T, axis=0).T.astype(np.float32),
        "histogram": np.stack([_histogram(*column) for column in zip(values.T, low, high, strict=True)]),
        "low": low.astype(np.float32),
        "high": high.astype(np.float32),
    }
    header = {"layer": layer, "layers": names, "units": found[layer].shape[1], "items": count}
    return header, arrays | _weights(specimen, names, layer, chosen)


def _histogram(values: np.ndarray, low: float, high: float) -> np.ndarray:
    counts, _ = np.histogram(values, bins=BINS, range=(low, high if high > low else low + 1))
    return counts.astype(np.int32)


def _weights(specimen: Specimen, names: list[str], layer: str, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """Weights that can be seen as items: those into the first layer, and those out of the last one."""
    sides = outer_weights(specimen.model)
    if sides is None:
        return {}
    ends = {"incoming": (names[0], sides[0]), "outgoing": (names[-1], sides[1])}
    return {
        name: np.nan_to_num(np.ascontiguousarray(matrix.detach().numpy()[chosen], np.float32))
        for name, (end, matrix) in ends.items()
        if layer == end and len(matrix) > chosen.max()
    }
