"""Penalties on the weights alone."""

from __future__ import annotations

import torch
from torch import Tensor

from ae_core.models import Autoencoder


def weight_terms(model: Autoencoder) -> dict[str, Tensor]:
    """Penalties on the weights alone, as scalars: lambda/2 sum w^2 (over all, or over the decoder's) and
    lambda sum |w|, biases left out.

    Their gradients, lambda w and lambda sign(w), are added without autograd (`training.steps`). The decoupled decay
    of AdamW (Loshchilov and Hutter, 2019) is no part of any loss, so it is not among them.
    """
    found: dict[str, Tensor] = {}
    spec = model.spec
    if spec.objective.weight_decay and spec.optimizer.kind != "adamw":
        norms = torch.stack([weight.detach().square().sum() for weight in model.weights()])
        found["weight_decay"] = 0.5 * spec.objective.weight_decay * norms.sum()
    if model.dials.ever("objective_weight_l1"):
        sums = torch.stack([weight.detach().abs().sum() for weight in model.weights()])
        found["weight_l1"] = model.dials("objective_weight_l1") * sums.sum()
    if model.dials.ever("objective_decoder_decay"):
        norms = torch.stack([weight.detach().square().sum() for weight in model.decoder_weights()])
        found["decoder_decay"] = 0.5 * model.dials("objective_decoder_decay") * norms.sum()
    return found
