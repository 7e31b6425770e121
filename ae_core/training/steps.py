"""What moves the weights: one batch at a time. `make_steps` chooses how, from the spec alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from ae_core.compatibility import gradients_of
from ae_core.metrics import evaluate, squared_sum
from ae_core.models import Autoencoder
from ae_core.objectives import damage, imputes, look, readings, terms
from ae_core.objectives.critics import critic_loss
from ae_core.training.checkpoint import optimizer_tensors, restore_optimizer, saved_sums
from ae_core.training.explicit import Explicit
from ae_core.training.optimizers import make_optimizer


class Steps(Protocol):
    """One way to train."""

    def step(self, items: Tensor, rows: Tensor, rate: float, labels: Tensor | None = None) -> None:
        """Forward, backward and update on those rows of items (n, features), with this learning rate. Reads nothing
        off. labels: (n,), for a conditional model.
        """

    def take(self) -> dict[str, float]:
        """What the report needs, added up over all items since it was last taken: each term and reading, and
        `squares`, the sum of (x_hat - x)^2, where no term is proportional to it.
        """

    def measure(self, items: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        """The objective's terms per item and `mse`, averaged over items (n, features), without chance."""

    def norm(self) -> float:
        """Length of all weight matrices taken as one vector."""

    def keep(self) -> Callable[[], dict[str, Tensor]]:
        """A copy of this moment, which gets its names when it is asked for: `model/...`, `optimizer/...`, `sums/...`.
        Every way to train goes on from what any other kept.
        """

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what was kept beside the model; what the tensors do not have starts anew."""


@contextmanager
def measuring(model: Autoencoder) -> Iterator[None]:
    """Evaluation mode without gradients, and back to training mode."""
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train()


class AutogradSteps:
    """Any model and any objective, by autograd."""

    def __init__(self, model: Autoencoder, chance: torch.Generator) -> None:
        self.model, self.chance = model, chance
        self.optimizer = make_optimizer(model.spec, model)
        self._sums: dict[str, Tensor] = {}
        self._weights, self._decoder_weights = model.weights(), model.decoder_weights()
        self._nothing = torch.zeros(())

    def step(self, items: Tensor, rows: Tensor, rate: float, labels: Tensor | None = None) -> None:
        spec, x = self.model.spec, items.index_select(0, rows)
        told = None if labels is None else labels.index_select(0, rows)
        kind = spec.objective.corruption.kind
        seen = weights = None
        if kind != "none":
            done = damage(x, kind, self.model.dials("objective_corruption_level"), self.chance)
            seen, weights = done.seen, done.weights if imputes(spec) else None
        batch = look(self.model, x, seen, told, weights)
        found = terms(batch)
        loss = sum((value.mean() for value in found.values()), start=self._nothing)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._penalise_weights()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        if self.model.critic is not None:
            self.model.critic.learn(batch.once(critic_loss))
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
        if name in self._sums:
            self._sums[name].add_(value)
        else:
            self._sums[name] = value.to(torch.float64)

    def take(self) -> dict[str, float]:
        found = {name: float(value) for name, value in self._sums.items()}
        self._sums.clear()
        return found

    def measure(self, items: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        with measuring(self.model):
            return evaluate(self.model.given(labels), items)

    def norm(self) -> float:
        return float(torch.stack(torch._foreach_norm([weight.detach() for weight in self._weights])).norm())

    def keep(self) -> Callable[[], dict[str, Tensor]]:
        live = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        live |= optimizer_tensors(self.optimizer) | {f"sums/{name}": value for name, value in self._sums.items()}
        kept = {name: value.detach().clone() for name, value in live.items()}
        return lambda: dict(kept)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        restore_optimizer(self.optimizer, tensors)
        self._sums = {name: value.clone() for name, value in saved_sums(tensors).items()}


class ExplicitSteps:
    """Dense layers with the usual terms, by calls written out once (`training.explicit`): alone, or as one of several
    models side by side, which then take their steps together.
    """

    def __init__(self, model: Autoencoder, chance: torch.Generator) -> None:
        self.model, self.chance = model, chance
        self._engine, self._row = Explicit([model], [chance]), 0

    def step(self, items: Tensor, rows: Tensor, rate: float, labels: Tensor | None = None) -> None:
        self._engine.step(items, rows, rate)

    def take(self) -> dict[str, float]:
        return self._engine.take(self._row)

    def measure(self, items: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        return self._engine.measure(items)[self._row]

    def norm(self) -> float:
        return self._engine.norm(self._row)

    def keep(self) -> Callable[[], dict[str, Tensor]]:
        return self._engine.keep(self._row)

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Who goes back to an earlier state leaves the others, for they go on."""
        if self._engine.lead:
            self._alone()
        self._engine.restore(0, tensors)

    def leave(self) -> None:
        """Goes on alone from where it stands."""
        if self._engine.lead:
            kept = self.keep()()
            self._alone()
            self._engine.restore(0, kept)

    def _alone(self) -> None:
        self._engine.flat.release(self._row)
        self._engine, self._row = Explicit([self.model], [self.chance]), 0


def side_by_side(members: Sequence[ExplicitSteps]) -> Explicit:
    """What takes the steps of all of them together, from where each stands. Their shapes and steps done are equal."""
    kept = [member.keep()() for member in members]
    engine = Explicit([member.model for member in members], [member.chance for member in members])
    for row, (member, tensors) in enumerate(zip(members, kept, strict=True)):
        engine.restore(row, tensors)
        member._engine, member._row = engine, row
    return engine


def make_steps(model: Autoencoder, chance: torch.Generator) -> Steps:
    """The fastest way to train this model."""
    return ExplicitSteps(model, chance) if gradients_of(model.spec) == "explicit" else AutogradSteps(model, chance)
