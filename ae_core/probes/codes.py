"""Where the items lie in the code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from ae_core.metrics.reported import CHUNK, judged
from ae_core.pca import project
from ae_core.probes.questions import Codes
from ae_core.probes.specimen import Specimen

DRAWN = 3  # widest code that is drawn as it is
PROJECTED = 2


def codes(
    question: Codes, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`place` f4 (n, 1..3), `item` i4, `label` i2, `is_val` u1, `error` f4 (mean squared error), `colour` f4 where the
    items have a continuous position; `range` f4 (3, width): the 1st, 50th and 99th percentile of each number of the
    code. header: `axes` "code" or "pca", `width` of the code, `explained` the share of variance of each axis of a
    projection, `label_names`.
    """
    z, arrays = coded(specimen, question.most, tell)
    width, split = z.shape[1], specimen.split
    place, explained = (z, []) if width <= DRAWN else principal(z, PROJECTED)
    arrays |= {"place": place.astype(np.float32), "range": np.percentile(z, (1, 50, 99), axis=0).astype(np.float32)}
    if split.val_colour is not None and split.train_colour is not None:
        colour = np.concatenate([split.val_colour, split.train_colour])[: len(z)]
        arrays["colour"] = np.nan_to_num(colour).astype(np.float32)
    header = {
        "axes": "code" if width <= DRAWN else "pca",
        "width": width,
        "explained": explained,
        "label_names": list(split.label_names),
        "items": specimen.count,
    }
    return header, arrays


def coded(
    specimen: Specimen, most: int, tell: Callable[[float], None] = lambda _: None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Codes (n, width), finite, of the first items, at most so many, and what else every map says of these items:
    `item`, `label`, `is_val`, `error`.
    """
    count = min(most, specimen.count)
    centres, errors = [], []
    for rows, centre, error in passes(specimen, count):
        centres.append(centre.numpy())
        errors.append(error.numpy())
        tell(rows.stop / count)
    arrays = {
        "item": specimen.item_ids[:count],
        "label": specimen.labels[:count],
        "is_val": specimen.is_val[:count],
        "error": np.nan_to_num(np.concatenate(errors)).astype(np.float32),
    }
    return np.nan_to_num(np.concatenate(centres)), arrays


def passes(specimen: Specimen, count: int) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Codes and mean squared errors of the first `count` items, some at a time, as the run's own error is measured."""
    for start in range(0, count, CHUNK):
        rows = slice(start, min(start + CHUNK, count))
        with torch.inference_mode():
            x, told = torch.from_numpy(specimen.items(rows)), specimen.told(rows)
            seen, weights = judged(told, x)
            squares = (told.reconstruct(seen) - x).square()
            yield rows, told.encode(x).centre, (squares if weights is None else squares * weights).mean(dim=1)


def principal(z: np.ndarray, width: int) -> tuple[np.ndarray, list[float]]:
    """z (n, k) on its first principal axes, (n, width), and the share of variance of each; axes that it does not have
    are zeros.
    """
    own = np.asarray(project(z.astype(np.float64), min(width, z.shape[1])))
    place = np.pad(own, ((0, 0), (0, width - own.shape[1])))
    whole = float(np.var(z, axis=0, dtype=np.float64).sum()) or 1.0
    return place, [float(value) for value in np.var(place, axis=0) / whole]
