"""Training without autograd: the products of a step written out once, as a list of calls on buffers that stay.

A small network is bound by the overhead of its calls, not by its arithmetic. Here a step is nothing but calls: forward
and backward products into buffers made for that number of items, then one rule on all parameters as one vector. The
same list serves several models of one shape at once, side by side in the first dimension of every tensor.
`compatibility.gradients_of` says which specs it can train; `AutogradSteps` is the same by autograd, and its oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor

from ae_core.compatibility import features, output_of
from ae_core.models import Autoencoder
from ae_core.models.code import LOG_VAR_RANGE
from ae_core.sizes import widths
from ae_core.spec import MLP, Point, Variational
from ae_core.training.checkpoint import saved_sums
from ae_core.training.flat import RULES, Factor, Flat, add_scaled

aten = torch.ops.aten
LEVEL, DROPOUT, BETA = "objective_corruption_level", "model_dropout", "model_code_beta"
CODE_L1, WEIGHT_L1 = "objective_code_l1", "objective_weight_l1"
BUFFERED = 2e6  # numbers that the buffers of a measurement may hold: few enough to stay in a cache
LEAST_PORTION = 64  # items that are measured at once


class Explicit:
    """Models of one shape that learn in step, each with its own batch, chance, rate and numbers.

    sums: (terms,) of one model, (terms, models) of several, float64, over the items seen since they were taken.
    """

    def __init__(self, models: Sequence[Autoencoder], chances: Sequence[torch.Generator]) -> None:
        self.models, self.chances, self.spec = models, chances, models[0].spec
        self.networks = [cast(MLP, model.spec.model) for model in models]
        slots, rule = RULES[self.spec.optimizer.kind]
        self.flat = Flat(models, slots)
        self.lead = self.flat.lead
        self.terms = [term for term in TERMS if any(TERMS[term](model) for model in models)]
        self.sums = torch.zeros(len(self.terms), *self.lead, dtype=torch.float64)
        self._own = [[term for term in self.terms if TERMS[term](model)] for model in models]
        self._move = rule(self.flat, self.factor([model.spec.optimizer.momentum for model in models], 2))
        self._decay = self.factor([model.spec.objective.weight_decay for model in models], 2)
        self._decays = any(model.spec.objective.weight_decay for model in models)
        self._signs = torch.empty_like(self.flat.weights) if self.ever(WEIGHT_L1) else None
        self.moving = any(model.spec.schedules for model in models)
        self._passes: dict[int, Pass] = {}
        self._measures: dict[int, Pass] = {}
        self._portion = max(LEAST_PORTION, int(BUFFERED / len(models) / sum(widths(self.spec))))
        self.now: dict[str, Factor] = {}
        self._read()

    def step(self, items: Tensor, rows: Tensor, rates: Factor) -> None:
        """Forward, backward and update. items: (n, features). rows: (batch,) of them, or (models * batch,) model by
        model. rates: of learning.
        """
        count = len(rows) // len(self.models)
        moves = self._passes.get(count)
        if moves is None:
            moves = self._passes[count] = Pass(self, count)
        if self.moving:
            self._read()
            moves.weigh()
        torch.index_select(items, 0, rows, out=moves.items)
        for call in moves.calls:
            call()
        if self._decays or self._signs is not None:
            self._pull(rates)
        self._move(rates)

    def measure(self, items: Tensor) -> list[dict[str, float]]:
        """Each model's terms per item, and `mse`, on the same items (n, features), as it stands, without chance."""
        if self.moving:
            self._read()
        found = torch.zeros_like(self.sums)
        for part in torch.split(items, self._portion):
            passes = self._measures.get(len(part))
            if passes is None:
                passes = self._measures[len(part)] = Pass(self, len(part), training=False)
            passes.run(part)
            found += passes.sums
            passes.sums.zero_()
        lines = (found.T if self.lead else found[None]) / len(items)
        whole = [dict(zip(self.terms, line, strict=True)) for line in lines.tolist()]
        return [
            {term: means[term] for term in own if term != "squares"}
            | {"mse": means.get("squares", 2 * means["reconstruction"]) / items.shape[1]}
            for own, means in zip(self._own, whole, strict=True)
        ]

    def norm(self, row: int) -> float:
        """Length of a model's weight matrices taken as one vector."""
        weights = self.flat.weights
        return float(torch.linalg.vector_norm(weights[row] if self.lead else weights))

    def ever(self, key: str) -> bool:
        """Whether any of the models has this number above zero at any moment of its run."""
        return any(model.dials.ever(key) for model in self.models)

    def factor(self, values: Sequence[float], dimensions: int) -> Factor:
        """One number if it is the same for all models, else one a model, for tensors of that many dimensions."""
        if values.count(values[0]) == len(values):
            return float(values[0])
        return torch.tensor(values, dtype=self.flat.values.dtype).view(-1, *[1] * (dimensions - 1))

    def take(self, row: int) -> dict[str, float]:
        """A model's sums by term, which start anew."""
        line = self.sums[:, row] if self.lead else self.sums
        found = dict(zip(self.terms, line.tolist(), strict=True))
        line.zero_()
        return {term: found[term] for term in self._own[row]}

    def keep(self, row: int) -> Callable[[], dict[str, Tensor]]:
        """A copy of this moment of a model: its parameters, its sums and what the rule remembers."""
        flat, sums = self.flat.keep(row), (self.sums[:, row] if self.lead else self.sums).clone()
        places = {f"sums/{term}": self.terms.index(term) for term in self._own[row]}
        return lambda: flat() | {name: sums[place].clone() for name, place in places.items()}

    def restore(self, row: int, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what was kept beside the parameters; what the tensors do not have starts anew."""
        self.flat.restore(row, tensors)
        saved, nothing = saved_sums(tensors), torch.zeros(())
        for term, line in zip(self.terms, self.sums, strict=True):
            (line[row] if self.lead else line).copy_(saved.get(term, nothing))

    def _read(self) -> None:
        """Takes the numbers that may move off the dials."""
        for key in (BETA, CODE_L1, LEVEL):
            self.now[key] = self.factor([model.dials(key) for model in self.models], 3)
        self.now[WEIGHT_L1] = self.factor([model.dials(WEIGHT_L1) for model in self.models], 2)

    def _pull(self, rates: Factor) -> None:
        """Weight decay and weight L1: gradients lambda w and lambda sign(w), or AdamW's decay of the weights
        themselves (Loshchilov and Hutter 2019, algorithm 2).
        """
        weights, gradients = self.flat.weights, self.flat.weight_gradients
        if self._signs is not None:
            add_scaled(gradients, torch.sign(weights, out=self._signs), self.now[WEIGHT_L1], gradients)
        if self._decays and self.spec.optimizer.kind == "adamw":
            weights.mul_(1 - rates * self._decay)
        elif self._decays:
            add_scaled(gradients, weights, self._decay, gradients)


BENDS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu_, "tanh": torch.tanh_, "sigmoid": torch.sigmoid_}
SLOPES: dict[str, Callable[[Tensor, Tensor], Callable[[], Tensor]]] = {
    "relu": lambda delta, h: partial(aten.threshold_backward.grad_input, delta, h, 0, grad_input=delta),
    "tanh": lambda delta, h: partial(aten.tanh_backward.grad_input, delta, h, grad_input=delta),
    "sigmoid": lambda delta, h: partial(aten.sigmoid_backward.grad_input, delta, h, grad_input=delta),
}
"""Activations in place, and their gradients from what came out: delta becomes delta times the slope at h."""


TERMS: dict[str, Callable[[Autoencoder], bool]] = {
    "reconstruction": lambda _model: True,
    "kl": lambda model: model.dials.ever(BETA),
    "code_l1": lambda model: model.dials.ever(CODE_L1),
    "squares": lambda model: model.spec.objective.reconstruction != "mse",
}
"""What is added up, and of which models."""


class Pass:
    """The calls of one step, or of one measurement, on a fixed number of items.

    Buffers are (items, width), with models before them where there are several. Each part of the network adds its
    forward calls, and leaves behind what adds its backward calls: given the buffer with the gradient of what the part
    made (delta), it gives the one with the gradient of what the part was made from.
    calls: in order. items: where they begin, (models * items, features), model by model; for a measurement, which is
    of the same items for all models, (items, features).
    """

    def __init__(self, engine: Explicit, count: int, *, training: bool = True) -> None:
        self.engine, self.count, self.lead, self.flat = engine, count, engine.lead, engine.flat
        self.kind, self.training, width = engine.flat.values.dtype, training, features(engine.spec)
        self.calls: list[Callable[[], object]] = []
        self.sums = engine.sums if self.training else torch.zeros_like(engine.sums)
        self._found = torch.zeros(engine.sums.shape, dtype=self.kind)
        self._weights = torch.ones_like(engine.sums)
        self._mm: Callable[..., Tensor] = torch.bmm if self.lead else torch.mm
        self._addmm: Callable[..., Tensor] = torch.baddbmm if self.lead else torch.addmm
        self._ones = torch.ones(count, dtype=self.kind)
        self._backs: list[Callable[[Tensor], Tensor]] = []
        self.items = torch.empty(count * (len(engine.models) if training else 1), width, dtype=self.kind)
        self.x = self.items.view(*self.lead, count, width) if training else self.items.expand(*self.lead, count, width)
        delta = self._compare(self._network())
        if self.training:
            for back in reversed(self._backs):
                delta = back(delta)
        self._call(self.sums.addcmul_, self._found, self._weights)
        self.weigh()

    def run(self, items: Tensor) -> None:
        """Makes the calls on these items."""
        if self.engine.moving:
            self.weigh()
        self.items.copy_(items)
        for call in self.calls:
            call()

    def weigh(self) -> None:
        """Takes the weights of the terms over from the numbers of the moment."""
        engine = self.engine
        scale = self.count**2 if self._scaled else 1  # of a squared difference that was divided by the batch
        weights = {
            "reconstruction": 0.5 * scale if engine.spec.objective.reconstruction == "mse" else 1.0,
            "kl": 0.5 * engine.now[BETA],
            "code_l1": engine.now[CODE_L1],
            "squares": 1.0,
        }
        for term, line in zip(engine.terms, self._weights, strict=True):
            value = weights[term]
            line.copy_(value.view(-1)) if isinstance(value, Tensor) else line.fill_(value)

    # -- the network

    def _network(self) -> Tensor:
        """From x to the raw output."""
        network = self.engine.networks[0]
        depth, twins = len(network.hidden), [""] * (len(network.hidden) + 1)
        if network.tied:
            twins = ["code.dense", *(f"encoder.{i}.dense" for i in reversed(range(depth)))]
        h = self._corrupted() if self.training else self.x
        self._first = h
        for i in range(depth):
            h = self._hidden(self._dense(h, f"encoder.{i}.dense"), i)
        h = self._gaussian(h) if isinstance(network.code, Variational) else self._point(h)
        for i in range(depth):
            h = self._hidden(self._dense(h, f"decoder.{i}.dense", twin=twins[i]), depth - 1 - i)
        return self._dense(h, "last", twin=twins[depth])

    def _dense(self, h: Tensor, *names: str, twin: str = "") -> Tensor:
        """h W^T + b, of several layers with the same input at once. twin: the layer whose weights it uses, transposed.

        The gradient of tied weights comes from both uses. Backwards the twin is met first, so the other adds to it.
        """
        flat, owners = self.flat, [f"{name}.weight" for name in ([twin] if twin else names)]
        stored, gradient = flat.view(flat.values, *owners), flat.view(flat.gradients, *owners)
        weight = stored if twin else stored.mT
        out = self._new(weight.shape[-1])
        bias = bias_gradient = None
        if self.engine.networks[0].bias:
            bias, bias_gradient = (
                flat.view(whole, *(f"{name}.bias" for name in names)) for whole in (flat.values, flat.gradients)
            )
            self._call(self._addmm, bias.unsqueeze(-2) if self.lead else bias, h, weight, out=out)
        else:
            self._call(self._mm, h, weight, out=out)

        def back(delta: Tensor) -> Tensor:
            left, right = (h.mT, delta) if twin else (delta.mT, h)
            if self.engine.networks[0].tied and not twin:
                self._call(self._addmm, gradient, left, right, out=gradient)
            else:
                self._call(self._mm, left, right, out=gradient)
            if bias_gradient is not None and self.lead:
                self._call(torch.sum, delta, -2, out=bias_gradient)
            elif bias_gradient is not None:
                self._call(torch.mv, delta.mT, self._ones, out=bias_gradient)
            if h is self._first:
                return delta
            before = self._new(h.shape[-1])
            self._call(self._mm, delta, weight.mT, out=before)
            return before

        self._backs.append(back)
        return out

    def _hidden(self, h: Tensor, number: int) -> Tensor:
        """Activation and dropout of a hidden layer. number: its place among the widths of the spec."""
        h = self._bent(h, self.engine.networks[0].activation)
        if not self.training or not self.engine.ever(DROPOUT):
            return h
        keep, out = self._new(h.shape[-1]), self._new(h.shape[-1])

        def switch_off(drawn: Tensor, row: int) -> None:
            if share := self.engine.models[row].dials(DROPOUT):
                drawn.bernoulli_(1 - share, generator=self.engine.chances[row]).div_(1 - share)
            else:
                drawn.fill_(1)

        self._drawn(keep, [network.hidden[number] for network in self.engine.networks], switch_off)
        self._call(torch.mul, h, keep, out=out)
        self._then(lambda delta: partial(delta.mul_, keep))
        return out

    def _bent(self, h: Tensor, activation: str) -> Tensor:
        """The activation of h, in its place where its gradient needs only what comes out."""
        if activation == "identity":
            return h
        if activation == "gelu":
            out = self._new(h.shape[-1])
            self._call(aten.gelu.out, h, approximate="none", out=out)
            slope = partial(aten.gelu_backward.grad_input, approximate="none")
            self._then(lambda delta: partial(slope, delta, h, grad_input=delta))
            return out
        self._call(BENDS[activation], h)
        self._then(lambda delta: SLOPES[activation](delta, h))
        return h

    def _corrupted(self) -> Tensor:
        """x, or x damaged in a buffer of its own, by the draws of `objectives.corrupt`."""
        engine, x = self.engine, self.x
        kind, chances, dials = engine.spec.objective.corruption.kind, engine.chances, [m.dials for m in engine.models]
        if kind == "none":
            return x
        chance, seen, widths = self._new(x.shape[-1]), self._new(x.shape[-1]), [x.shape[-1]] * len(engine.models)
        if kind == "gaussian":
            self._drawn(chance, widths, lambda drawn, row: drawn.normal_(generator=chances[row]))
            self._call(lambda: add_scaled(x, chance, engine.now[LEVEL], seen))
        elif kind == "masking":
            self._drawn(
                chance,
                widths,
                lambda drawn, row: drawn.bernoulli_(1 - dials[row](LEVEL), generator=chances[row]),
            )
            self._call(torch.mul, x, chance, out=seen)
        else:
            self._drawn(chance, widths, lambda drawn, row: drawn.uniform_(generator=chances[row]))
            self._call(lambda: _salt_and_pepper(x, chance, engine.now[LEVEL], seen))
        return seen

    # -- the code

    def _point(self, h: Tensor) -> Tensor:
        """A code that is one point, and what it may cost."""
        code = self.engine.networks[0].code
        assert isinstance(code, Point)
        z = self._bent(self._dense(h, "code.dense"), code.activation)
        if self.engine.ever(CODE_L1):
            self._call(torch.linalg.vector_norm, z, 1, (-2, -1), out=self._slot("code_l1"))
            self._then(lambda delta: self._code_l1(z, delta))
        return z

    def _gaussian(self, h: Tensor) -> Tensor:
        """Mean and log variance by one product, a draw from them while training, and their distance from N(0, I)."""
        engine, tied = self.engine, self.engine.networks[0].tied
        both = self._dense(h, "code.dense", "code.spread")
        width = both.shape[-1] // 2
        mu, open_end = both[..., :width], both[..., width:]
        log_var, apart, cost, sigma, noise, z = (self._new(width) for _ in range(6))
        self._call(torch.clamp, open_end, *LOG_VAR_RANGE, out=log_var)
        if engine.ever(BETA):
            self._call(torch.expm1, log_var, out=apart)
            self._call(torch.sub, apart, log_var, out=cost)
            self._call(cost.addcmul_, mu, mu)
            self._total(cost, "kl")
        if engine.ever(CODE_L1):
            self._call(torch.linalg.vector_norm, mu, 1, (-2, -1), out=self._slot("code_l1"))
        if not self.training:
            return mu
        self._call(torch.mul, log_var, 0.5, out=sigma)
        self._call(sigma.exp_)
        widths = [network.code.latent_dim for network in engine.networks]
        self._drawn(noise, widths, lambda drawn, row: drawn.normal_(generator=engine.chances[row]))
        self._call(torch.addcmul, mu, sigma, noise, out=z)

        def back(delta: Tensor) -> Tensor:
            before = self._new(2 * width)
            of_mu, of_spread = before[..., :width], before[..., width:]
            self._call(torch.mul, delta, noise, out=of_spread)
            self._call(of_spread.mul_, sigma)
            if engine.ever(BETA):
                self._call(lambda: add_scaled(delta, mu, engine.now[BETA] / self.count, of_mu))
                self._call(lambda: add_scaled(of_spread, apart, engine.now[BETA] / self.count, of_spread))
            else:
                self._call(of_mu.copy_, delta)
            if engine.ever(CODE_L1):
                self._call(self._code_l1(mu, of_mu))
            self._call(of_spread.mul_, 0.5)
            self._call(aten.hardtanh_backward.grad_input, of_spread, open_end, *LOG_VAR_RANGE, grad_input=of_spread)
            if tied:  # only the mean's weights have a twin
                self._call(self.flat.view(self.flat.gradients, "code.spread.weight").zero_)
            return before

        self._backs.append(back)
        return z

    def _code_l1(self, centre: Tensor, delta: Tensor) -> Callable[[], Tensor]:
        """Adds the gradient of lambda sum |z| to delta."""
        signs = self._new(centre.shape[-1])
        return lambda: add_scaled(delta, torch.sign(centre, out=signs), self.engine.now[CODE_L1] / self.count, delta)

    # -- the reconstruction

    def _compare(self, raw: Tensor) -> Tensor:
        """The reconstruction term, and in training the gradient of the raw output: of the mean over the batch."""
        x, delta, sigmoid = self.x, self._new(raw.shape[-1]), output_of(self.engine.spec) == "sigmoid"
        squared = self.engine.spec.objective.reconstruction == "mse"
        self._scaled = squared and self.training and not sigmoid
        if self._scaled:
            half = torch.tensor(0.5 * raw.numel() / self.count, dtype=self.kind)
            self._call(aten.mse_loss_backward.grad_input, half, raw, x, 1, grad_input=delta)  # (raw - x) / count
            self._squares(delta, "reconstruction")
            return delta
        shaped = raw
        if sigmoid:
            shaped = self._new(raw.shape[-1])
            self._call(torch.sigmoid, raw, out=shaped)
        if not squared:
            self._bernoulli(raw)
        self._call(torch.sub, shaped, x, out=delta)
        self._squares(delta, "reconstruction" if squared else "squares")
        if self.training:
            self._call(delta.mul_, 1 / self.count)
            if squared:
                self._call(SLOPES["sigmoid"](delta, shaped))
        return delta

    def _bernoulli(self, raw: Tensor) -> None:
        """(1 - x) raw - ln sigmoid(raw), exact for any logit."""
        cost, likely = self._new(raw.shape[-1]), self._new(raw.shape[-1])
        spare = torch.empty_like(likely)
        self._call(aten.log_sigmoid_forward.output, raw, output=likely, buffer=spare)
        self._call(torch.addcmul, raw, raw, self.x, value=-1, out=cost)
        self._call(cost.sub_, likely)
        self._total(cost, "reconstruction")

    # -- calls and buffers

    def _call(self, function: Callable[..., object], *values: object, **named: object) -> None:
        self.calls.append(partial(function, *values, **named) if values or named else function)

    def _then(self, change: Callable[[Tensor], Callable[[], object]]) -> None:
        """On the way back, a change of delta in its place."""

        def back(delta: Tensor) -> Tensor:
            self._call(change(delta))
            return delta

        self._backs.append(back)

    def _new(self, width: int) -> Tensor:
        return torch.zeros(*self.lead, self.count, width, dtype=self.kind)

    def _slot(self, term: str) -> Tensor:
        """Where the unweighted sum of a term stands: () or (models,)."""
        return self._found[self.engine.terms.index(term)]

    def _total(self, values: Tensor, term: str) -> None:
        self._call(torch.sum, values.view(*self.lead, -1), -1, out=self._slot(term))

    def _squares(self, values: Tensor, term: str) -> None:
        """The sum of squares. Of one model it is one call; batched products of vectors are slow."""
        if self.lead:
            squares = self._new(values.shape[-1])
            self._call(torch.mul, values, values, out=squares)
            self._total(squares, term)
        else:
            line = values.view(-1)
            self._call(torch.dot, line, line, out=self._slot(term))

    def _drawn(self, buffer: Tensor, widths: Sequence[int], draw: Callable[[Tensor, int], object]) -> None:
        """Random numbers for each model by its own chance, as many as it has by itself; the padding stays zero."""
        for row, width in enumerate(widths):
            whole = buffer[row] if self.lead else buffer
            part = whole[:, :width]
            if part.is_contiguous():
                self._call(draw, part, row)
            else:
                drawn = torch.empty(self.count, width, dtype=self.kind)
                self._call(draw, drawn, row)
                self._call(part.copy_, drawn)


def _salt_and_pepper(x: Tensor, chance: Tensor, level: Factor, seen: Tensor) -> None:
    """A share of the features set to 0 or 1, half each."""
    seen.copy_(x).masked_fill_(chance < level / 2, 0).masked_fill_(chance > 1 - level / 2, 1)
