"""All parameters of a model in one vector, and the rules that move the whole vector at once.

Models of one shape lie side by side, a row each; a narrower one is padded with zeros, which stay zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, cast

import torch
from torch import Tensor, nn

from ae_core.models import Autoencoder

Factor = float | Tensor  # one number for all models, or one a model, shaped to be multiplied with what they hold


class Flat:
    """values, gradients, and what the rule remembers (slots): (numbers,) of one model, (models, numbers) of several.

    Weight matrices come first, the others after them, in the order of the optimiser of `training.optimizers`. The
    models stay ordinary modules: their parameters are views of `values` until they are released.
    """

    def __init__(self, models: Sequence[Autoencoder], slots: Sequence[str]) -> None:
        self.names = ordered_names(models[0])
        self._parts = [[model.get_parameter(name) for name in self.names] for model in models]
        self.shapes = [
            tuple(max(sizes) for sizes in zip(*(part.shape for part in same), strict=True))
            for same in zip(*self._parts, strict=True)
        ]
        self._sizes = [torch.Size(shape).numel() for shape in self.shapes]
        self.lead = (len(models),) if len(models) > 1 else ()
        size = (1 + len(slots), *self.lead, sum(self._sizes))
        self._memory = torch.zeros(size, dtype=self._parts[0][0].dtype)  # what is kept of a moment, by one copy
        self.values, self.gradients = self._memory[0], torch.zeros_like(self._memory[0])
        self.slots = dict(zip(slots, self._memory[1:], strict=True))
        self.count = torch.zeros(())  # steps done, the same for models side by side
        matrices = sum(len(shape) == 2 for shape in self.shapes)
        cut = list(accumulate(self._sizes))[matrices - 1]
        self.weights, self.weight_gradients = self.values[..., :cut], self.gradients[..., :cut]
        with torch.no_grad():
            for row, parts in enumerate(self._parts):
                line = self.values[row] if self.lead else self.values
                for part, view in zip(parts, self._cut(line, row), strict=True):
                    view.copy_(part)
                    part.data = view

    def view(self, whole: Tensor, *names: str) -> Tensor:
        """These parameters, which lie side by side, as one: a tensor laid out like `values` -> (outputs, inputs) or
        (outputs,), models before them, padded.
        """
        first = self.names.index(names[0])
        shapes = self.shapes[first : first + len(names)]
        size = sum(self._sizes[first : first + len(names)])
        piece = whole.narrow(-1, sum(self._sizes[:first]), size)
        return piece.view(*self.lead, sum(shape[0] for shape in shapes), *shapes[0][1:])

    def release(self, row: int) -> None:
        """Gives a model its parameters back as tensors of its own."""
        for part in self._parts[row]:
            part.data = part.data.clone(memory_format=torch.contiguous_format)

    def keep(self, row: int) -> Callable[[], dict[str, Tensor]]:
        """A copy of this moment of a model, which gets its names when it is asked for: `model/...`, and what the rule
        remembers as the optimisers of torch name it, `optimizer/3/exp_avg`.
        """
        memory = (self._memory[:, row] if self.lead else self._memory).clone()
        count = self.count.clone()

        def named() -> dict[str, Tensor]:
            values, *rest = ([view.clone() for view in self._cut(line, row)] for line in memory)
            found = {f"model/{name}": view for name, view in zip(self.names, values, strict=True)}
            for slot, views in zip(self.slots, rest, strict=True):
                found |= {f"optimizer/{number}/{slot}": view for number, view in enumerate(views)}
            if COUNTED & set(self.slots):
                found |= {f"optimizer/{number}/step": count.clone() for number in range(len(self.names))}
            return found

        return named

    def restore(self, row: int, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what a rule remembered; without tensors of an optimiser it starts anew."""
        known = any(name.startswith("optimizer/") for name in tensors)
        for slot, whole in self.slots.items():
            for number, view in enumerate(self._cut(whole[row] if self.lead else whole, row)):
                view.copy_(tensors[f"optimizer/{number}/{slot}"]) if known else view.zero_()
        if known and COUNTED & set(self.slots):
            self.count.copy_(tensors["optimizer/0/step"])
        else:
            self.count.zero_()

    def _cut(self, line: Tensor, row: int) -> list[Tensor]:
        """A model's line of numbers as one view a parameter, as large as that."""
        pieces = zip(torch.split(line, self._sizes), self.shapes, self._parts[row], strict=True)
        return [piece.view(shape)[tuple(map(slice, part.shape))] for piece, shape, part in pieces]


def ordered_names(model: Autoencoder) -> list[str]:
    """Names of the parameters, weight matrices first."""
    owned = {id(part) for part in model.weights()}
    names = [(id(part) not in owned, name) for name, part in model.named_parameters()]
    return [name for _, name in sorted(names, key=lambda pair: pair[0])]


# ------------------------------------------------------------------------------------------------------- rules

COUNTED = {"exp_avg", "square_avg"}  # the optimisers of torch that remember these count their steps too
Rule = Callable[[Factor], None]
BETAS, EPSILON, SMOOTHING = (0.9, 0.999), 1e-8, 0.99  # what torch.optim takes where nothing is said


def adam(flat: Flat, _momentum: Factor) -> Rule:
    """Kingma and Ba 2015, algorithm 1, by one call on everything.

    The kernel knows one rate. Where models differ in theirs it moves a row of zeros at rate 1, which leaves the step
    itself, and each model takes its own share of it.
    """
    alike = fused_adam(flat, flat.values)
    if not flat.lead:
        return cast(Rule, alike)
    step = torch.zeros_like(flat.values)
    apart = fused_adam(flat, step)

    def move(rates: Factor) -> None:
        if isinstance(rates, float):
            return alike(rates)
        step.zero_()
        apart(1.0)
        flat.values.addcmul_(step, rates)

    return move


def fused_adam(flat: Flat, values: Tensor) -> Callable[[float], None]:
    """Torch's fused kernel on these values, called directly: its optimiser costs several times as much on a small
    model. The kernel is private, so where it is gone or wants other arguments, the public optimiser does the same.
    """
    count, mean, square = flat.count, flat.slots["exp_avg"], flat.slots["exp_avg_sq"]
    given = {"beta1": BETAS[0], "beta2": BETAS[1], "eps": EPSILON}
    given |= {"weight_decay": 0.0, "amsgrad": False, "maximize": False}
    try:
        kernel: Any = torch._fused_adam_
        probes = [[torch.zeros(1)] for _ in range(4)]
        kernel(*probes, [], [torch.ones(())], lr=1.0, **given)
    except (AttributeError, TypeError, RuntimeError):
        part = nn.Parameter(values)
        part.grad = flat.gradients
        optimizer = torch.optim.Adam([part], betas=BETAS, eps=EPSILON)
        optimizer.state[part] = {"step": count, "exp_avg": mean, "exp_avg_sq": square}

        def public(rate: float) -> None:
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()

        return public
    lists: tuple[list[Tensor], ...] = [values], [flat.gradients], [mean], [square], [], [count]

    def direct(rate: float) -> None:
        count.add_(1)
        kernel(*lists, lr=rate, **given)

    return direct


def sgd(flat: Flat, momentum: Factor) -> Rule:
    """The step is the gradient, plus that share of the last step."""
    velocity = flat.slots["momentum_buffer"]

    def move(rate: Factor) -> None:
        velocity.mul_(momentum).add_(flat.gradients)
        add_scaled(flat.values, velocity, -rate, flat.values)

    return move


def rmsprop(flat: Flat, _momentum: Factor) -> Rule:
    """Tieleman and Hinton 2012, lecture 6.5: gradients over the root of their smoothed squares."""
    squares, gradients, root = flat.slots["square_avg"], flat.gradients, torch.empty_like(flat.values)

    def move(rate: Factor) -> None:
        squares.mul_(SMOOTHING).addcmul_(gradients, gradients, value=1 - SMOOTHING)
        torch.sqrt(squares, out=root).add_(EPSILON)
        add_scaled(flat.values, torch.div(gradients, root, out=root), -rate, flat.values)
        flat.count.add_(1)

    return move


RULES: dict[str, tuple[tuple[str, ...], Callable[[Flat, Factor], Rule]]] = {
    "adam": (("exp_avg", "exp_avg_sq"), adam),
    "adamw": (("exp_avg", "exp_avg_sq"), adam),
    "sgd": (("momentum_buffer",), sgd),
    "rmsprop": (("square_avg",), rmsprop),
}
"""For each optimiser the tensors that it remembers, and what makes its rule."""


def add_scaled(a: Tensor, b: Tensor, factor: Factor, out: Tensor) -> Tensor:
    """a + factor b into `out`."""
    if isinstance(factor, Tensor):
        return torch.addcmul(a, b, factor, out=out)
    return torch.add(a, b, alpha=factor, out=out)
