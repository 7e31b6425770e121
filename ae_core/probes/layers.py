"""The layers of the network: how large their weights are, how hard they are pulled, and what they answer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ae_core.metrics.reported import judged
from ae_core.models import Autoencoder
from ae_core.objectives import imputes, look, terms
from ae_core.probes.questions import Layers
from ae_core.probes.specimen import Specimen

ALIKE = 1e-7  # standard deviation below which a unit answers every item alike


def layers(
    question: Layers, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """f4 (layers,) each: `weight_norm`; `gradient_norm`, the length of the loss's gradient with respect to the weights;
    of what its units answer `mean`, `spread` (standard deviation) and `dead`, the share of units that answer every item
    alike; NaN of the output, whose answers are the items. header: `layers`, their names, `weights`, how many each has.

    The loss is that of training items, per item, without penalties on the weights, dropout and chance.
    """
    rows = _trained_on(specimen, question.most)
    x, told = torch.from_numpy(specimen.items(rows)), specimen.told(rows)
    with torch.inference_mode():
        answers = activations(told, x)
    tell(0.4)
    gradients = gradient_norms(told, x)
    found: dict[str, list[float]] = {"mean": [], "spread": [], "dead": []}
    names, counts, norms = [], [], []
    for name, matrix in specimen.model.matrices():
        names.append(name)
        counts.append(matrix.numel())
        norms.append(float(matrix.norm()))
        for key, value in _answered(answers.get(name)).items():
            found[key].append(value)
    arrays = {"weight_norm": norms, "gradient_norm": [gradients[name] for name in names], **found}
    header = {"layers": names, "weights": counts, "items": len(x)}
    return header, {name: np.asarray(values, np.float32) for name, values in arrays.items()}


def activations(model: Autoencoder, x: Tensor) -> dict[str, Tensor]:
    """What every layer but the output answers to x, (items, units) each; a feature map and a state are averaged over
    their places.
    """
    hidden: dict[str, Tensor] = {}
    z = model.encode(x, hidden).centre
    model.decode(z, hidden)
    found = {name: value.flatten(2).mean(dim=2) if value.ndim > 2 else value for name, value in hidden.items()}
    return {**found, "code": z}


def gradient_norms(model: Autoencoder, x: Tensor) -> dict[str, float]:
    """The length of the gradient of the mean loss on x with respect to each layer's weights. Weights that two layers
    share have one gradient. The model stays as it is.
    """
    own = copy.deepcopy(model).requires_grad_(True)
    with torch.enable_grad():
        seen, weights = judged(own, x)
        batch = look(own, x, seen, weights=weights if imputes(own.spec) else None)
        loss = torch.stack([value.mean() for value in terms(batch).values()]).sum()
        stored = {name: matrix if matrix._base is None else matrix._base for name, matrix in own.matrices()}
        given = torch.autograd.grad(loss, list(stored.values()), allow_unused=True)
    return {
        name: float("nan") if gradient is None else float(gradient.norm())
        for name, gradient in zip(stored, given, strict=True)
    }


def _answered(values: Tensor | None) -> dict[str, float]:
    if values is None:
        return dict.fromkeys(("mean", "spread", "dead"), float("nan"))
    alike = values.std(dim=0, correction=0) < ALIKE
    return {
        "mean": float(values.mean()),
        "spread": float(values.std(correction=0)),
        "dead": float(alike.float().mean()),
    }


def _trained_on(specimen: Specimen, most: int) -> slice:
    """The first items that were trained on; where there are none, of those kept aside."""
    first = len(specimen.split.val) if len(specimen.split.train) else 0
    return slice(first, min(first + most, specimen.count))
