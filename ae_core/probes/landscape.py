"""A slice of the loss around a model, with the way that training took through it.

The plane is spanned by the two directions along which the weights moved most. Source: Li et al. 2018, section 7.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from ae_core.errors import SpecError
from ae_core.metrics.reported import evaluate, with_total
from ae_core.models import Autoencoder
from ae_core.probes.questions import Landscape
from ae_core.probes.specimen import Specimen, own_parts

LEAST_STEPS = 3  # models on the way, or there is no plane
MARGIN = 0.25  # of the way's extent, around it


def landscape(
    question: Landscape, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`loss` f4 (points, points), rows along the second direction, of items kept aside (of the penalties on the weights
    too), at `across` and `up` f4 (points,), lengths in the space of all weights from the model; `path` f4 (steps, 2),
    where the kept models lie, the last one at 0, 0, `path_step` i4, `path_loss` f4, what each really has.

    header: `explained`, the share of the way's variance in each direction; `items`. Raises SpecError where fewer than
    three models are kept up to this step.
    """
    kept = [(step, blob) for step, blob in specimen.path() if step <= specimen.step]
    if len(kept) < LEAST_STEPS:
        raise SpecError(
            f"A landscape needs {LEAST_STEPS} kept models on the way, and up to this step there are {len(kept)}. "
            "Choose a later epoch."
        )
    rows = slice(0, min(question.most, len(specimen.split.val) or specimen.count))
    x, model = torch.from_numpy(specimen.items(rows)), copy.deepcopy(specimen.told(rows))
    names = [name for name, _ in model.named_parameters()]
    here = _vector(dict(model.named_parameters()), names)
    states = [own_parts(load(blob)) for _, blob in kept]
    way = np.stack([_vector(state, names) - here for state in states])
    plane, explained = _plane(way)
    path = way @ plane.T
    across, up = (_span(path[:, axis], question.points) for axis in (0, 1))
    loss = np.zeros((len(up), len(across)))
    with torch.inference_mode():
        for row, down in enumerate(up):
            for column, right in enumerate(across):
                _place(model, names, here + right * plane[0] + down * plane[1])
                loss[row, column] = _loss(model, x)
            tell((row + 1) / len(up))
        told_loss = [_loss_of(model, state, x) for state in states]
    arrays = {
        "loss": _finite(loss),
        "across": across.astype(np.float32),
        "up": up.astype(np.float32),
        "path": path.astype(np.float32),
        "path_step": np.array([step for step, _ in kept], np.int32),
        "path_loss": _finite(np.array(told_loss)),
    }
    return {"explained": explained, "items": len(x)}, arrays


def _plane(way: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Two orthonormal directions (2, weights), and the share of the way's variance that lies in each."""
    _, lengths, directions = np.linalg.svd(way - way.mean(axis=0), full_matrices=False)
    whole = float((lengths**2).sum()) or 1.0
    return directions[:2], [float(length**2) / whole for length in lengths[:2]]


def _span(places: np.ndarray, points: int) -> np.ndarray:
    low, high = float(min(places.min(), 0)), float(max(places.max(), 0))
    more = MARGIN * (high - low) or 1.0
    return np.linspace(low - more, high + more, points)


def _vector(values: dict[str, Any], names: list[str]) -> np.ndarray:
    """All weights as one row of double precision."""
    return np.concatenate([values[name].detach().numpy().ravel() for name in names]).astype(np.float64)


def _place(model: Autoencoder, names: list[str], weights: np.ndarray) -> None:
    """Puts these weights into the model."""
    parameters, at = dict(model.named_parameters()), 0
    for name in names:
        parameter = parameters[name]
        part = weights[at : at + parameter.numel()].reshape(parameter.shape)
        parameter.data.copy_(torch.from_numpy(part))
        at += parameter.numel()


def _loss_of(model: Autoencoder, state: dict[str, Tensor], x: Tensor) -> float:
    """Of a kept model as it was, with all that is no weight."""
    model.load_state_dict(state)
    return _loss(model, x)


def _loss(model: Autoencoder, x: Tensor) -> float:
    means = evaluate(model, x)
    return with_total(model, means, means.pop("mse"))["loss"]


def _finite(loss: np.ndarray) -> np.ndarray:
    """Too large to be a number is as large as a number can be."""
    most = float(np.finfo(np.float32).max)
    finite: np.ndarray = np.nan_to_num(loss, nan=most, posinf=most, neginf=-most).clip(-most, most)
    return finite.astype(np.float32)
