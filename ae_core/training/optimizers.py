"""The rules that turn gradients into steps, and the schedules that move their learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from ae_core.models import Autoencoder
from ae_core.spec import Optimizer, RunSpec

Groups = list[dict[str, Any]]

OPTIMIZERS: dict[str, Callable[[Groups, Optimizer], torch.optim.Optimizer]] = {
    "adam": lambda groups, spec: torch.optim.Adam(groups, lr=spec.learning_rate, fused=True),
    "adamw": lambda groups, spec: torch.optim.AdamW(groups, lr=spec.learning_rate, fused=True),
    "sgd": lambda groups, spec: torch.optim.SGD(groups, lr=spec.learning_rate, momentum=spec.momentum, fused=True),
    "rmsprop": lambda groups, spec: torch.optim.RMSprop(groups, lr=spec.learning_rate, foreach=True),
}

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "step": lambda done: 0.1 ** min(int(3 * done), 2),
    "linear": lambda done: 1 - done,
    "warm_up": lambda done: min(10 * done, 1.0),
    "cyclic": lambda done: 0.5 * (1 + math.cos(math.pi * (4 * done % 1.0))),
}
"""The factor on the learning rate after a share `done` of the run. Sources: Loshchilov and Hutter 2017 (cosine; cyclic,
with restarts), Goyal et al. 2017 (warm-up).
"""


def make_optimizer(spec: RunSpec, model: Autoencoder) -> torch.optim.Optimizer:
    """The spec's optimiser over the model; weight decay acts on weight matrices, never on biases and scales."""
    weights = model.weights()
    owned = {id(part) for part in weights}
    others = [part for part in model.learned() if id(part) not in owned]
    groups: Groups = [{"params": weights, "weight_decay": spec.objective.weight_decay}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    return OPTIMIZERS[spec.optimizer.kind](groups, spec.optimizer)


def schedule(kind: str, step: int, goal: int) -> float:
    """The factor on the learning rate before step number `step` of `goal` (0-based), in 0..1."""
    return SCHEDULES[kind](step / goal)
