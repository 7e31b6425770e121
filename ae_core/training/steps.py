"""What moves the weights: one batch at a time. `make_steps` chooses how, from the spec alone."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ae_core.metrics import squared_sum
from ae_core.models import Autoencoder
from ae_core.objectives import damage, imputes, look, readings, terms
from ae_core.training.optimizers import make_optimizer


class Steps(Protocol):
    """One way to train. optimizer: its tensors are part of the run's state. sums: what the report needs, in float64:
    each term and reading, and `squares`, the sum of (x_hat - x)^2, added up over all items since `sums` was cleared.
    """

    optimizer: torch.optim.Optimizer
    sums: dict[str, Tensor]

    def step(self, x: Tensor, rate: float, labels: Tensor | None = None) -> None:
        """Forward, backward and update on a batch (items, features), with this learning rate. Reads nothing off.

        labels: (items,), for a conditional model.
        """


class AutogradSteps:
    """Any model and any objective, by autograd."""

    def __init__(self, model: Autoencoder, chance: torch.Generator) -> None:
        self.model, self.chance = model, chance
        self.optimizer = make_optimizer(model.spec, model)
        self.sums: dict[str, Tensor] = {}
        self._weights, self._decoder_weights = model.weights(), model.decoder_weights()
        self._nothing = torch.zeros(())

    def step(self, x: Tensor, rate: float, labels: Tensor | None = None) -> None:
        spec = self.model.spec
        kind = spec.objective.corruption.kind
        seen = weights = None
        if kind != "none":
            done = damage(x, kind, self.model.dials("objective_corruption_level"), self.chance)
            seen, weights = done.seen, done.weights if imputes(spec) else None
        batch = look(self.model, x, seen, labels, weights)
        found = terms(batch)
        loss = sum((value.mean() for value in found.values()), start=self._nothing)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._penalise_weights()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        with torch.no_grad():
            for name, value in (found | readings(batch)).items():
                self._add(name, value.sum())
            if spec.objective.reconstruction != "mse":
                self._add("squares", squared_sum(batch, found["reconstruction"]))

    def _penalise_weights(self) -> None:
        """Adds the gradients of lambda sum |w|, which is lambda sign(w), and of the decoder's own lambda/2 sum w^2."""
        if strength := self.model.dials("objective_weight_l1"):
            for weight in self._weights:
                if weight.grad is not None:
                    weight.grad.add_(weight.detach().sign(), alpha=strength)
        if strength := self.model.dials("objective_decoder_decay"):
            for weight in self._decoder_weights:
                if weight.grad is not None:
                    weight.grad.add_(weight.detach(), alpha=strength)

    def _add(self, name: str, value: Tensor) -> None:
        if name in self.sums:
            self.sums[name].add_(value)
        else:
            self.sums[name] = value.to(torch.float64)


def make_steps(model: Autoencoder, chance: torch.Generator) -> Steps:
    """The fastest way to train this model."""
    return AutogradSteps(model, chance)
