"""Wide codes on a plane or in space: by principal axes, by two or three of their own numbers, by t-SNE or UMAP."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ae_core.errors import DataMissing, SpecError
from ae_core.probes.codes import coded, principal
from ae_core.probes.questions import Projection
from ae_core.probes.specimen import Specimen

ROUNDS = 750  # of t-SNE
CODED = 0.1  # share of the work that the codes take


def projection(
    question: Projection, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`place` f4 (n, 2..3), `item` i4, `label` i2, `is_val` u1, `error` f4, as the answer to `Codes`.

    header: `method`, `axes` "projection", `explained` (of principal axes), `chosen` (dimensions, of `axes`), `warns`:
    whether distances between groups, and their sizes, mean nothing (van der Maaten and Hinton 2008; Wattenberg et al.
    2016).
    """
    z, arrays = coded(specimen, question.most, lambda share: tell(CODED * share))
    place, more = METHODS[question.method](z, question)
    arrays["place"] = place.astype(np.float32)
    header = {"method": question.method, "axes": "projection", "width": z.shape[1], "items": specimen.count}
    warns = question.method in ("tsne", "umap")
    names = list(specimen.split.label_names)
    return {**header, "warns": warns, "label_names": names, **more}, arrays


def _principal(z: np.ndarray, question: Projection) -> tuple[np.ndarray, dict[str, Any]]:
    place, explained = principal(z, question.dimensions)
    return place, {"explained": explained}


def _own_axes(z: np.ndarray, question: Projection) -> tuple[np.ndarray, dict[str, Any]]:
    """Some of the code's own numbers, counted from 0."""
    chosen = list(question.chosen[: question.dimensions])
    if len(chosen) < question.dimensions or max(chosen) >= z.shape[1]:
        raise SpecError(
            f"chosen: expected {question.dimensions} of the {z.shape[1]} numbers of the code, counted from 0, "
            f"got {chosen}."
        )
    return z[:, chosen], {"chosen": chosen}


def _tsne(z: np.ndarray, question: Projection) -> tuple[np.ndarray, dict[str, Any]]:
    from sklearn.manifold import TSNE

    neighbours = min(question.neighbours, (len(z) - 1) / 3)
    start, _ = principal(z, question.dimensions)
    made = TSNE(
        question.dimensions,
        perplexity=neighbours,
        init=(start / max(start.std(), 1e-12) * 1e-4).astype(np.float32),
        max_iter=ROUNDS,
        random_state=question.seed,
        n_jobs=1,
    )
    return made.fit_transform(z.astype(np.float32)), {"neighbours": neighbours}


def _umap(z: np.ndarray, question: Projection) -> tuple[np.ndarray, dict[str, Any]]:
    if find_spec("umap") is None:
        raise DataMissing("UMAP needs the package umap-learn. Install it with: pip install umap-learn")
    umap: Any = import_module("umap")
    neighbours = max(2, min(question.neighbours, len(z) - 1))
    made = umap.UMAP(neighbours, question.dimensions, random_state=question.seed, n_jobs=1)
    return np.asarray(made.fit_transform(z)), {"neighbours": neighbours}


METHODS: dict[str, Callable[[np.ndarray, Projection], tuple[np.ndarray, dict[str, Any]]]] = {
    "pca": _principal,
    "axes": _own_axes,
    "tsne": _tsne,
    "umap": _umap,
}
