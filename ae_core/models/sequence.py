"""Gated recurrent units that read a series into the state after its last step, and others that draw it from the code.

Series come and go flat, (batch, steps * channels), step by step with the channels of a step together.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from ae_core.compatibility import code_width, output_of
from ae_core.models.blocks import Dense, Dropout, Kit
from ae_core.models.outputs import OUTPUTS
from ae_core.sizes import GATES, series_shape
from ae_core.spec import Sequence


class GRU(nn.Module):
    """A layer of gated recurrent units (Cho et al., 2014), with PyTorch's equations and its usual start,
    U(-1/sqrt(width), 1/sqrt(width)), drawn from the kit's generator. inputs: numbers read at each step, 0 for nothing.
    """

    def __init__(self, inputs: int, width: int, kit: Kit) -> None:
        super().__init__()
        self.inputs, bound = inputs, 1 / math.sqrt(width)

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=kit.init))

        biased = kit.spec.model.bias
        self.input_weight = drawn(GATES * width, inputs) if inputs else None
        self.state_weight = drawn(GATES * width, width)
        self.input_bias = drawn(GATES * width) if biased else None
        self.state_bias = drawn(GATES * width) if biased else None

    @property
    def matrix(self) -> Tensor:
        """(gates * width, inputs + width)."""
        if self.input_weight is None:
            return self.state_weight
        return torch.cat([self.input_weight, self.state_weight], dim=1)

    def run(self, x: Tensor, state: Tensor) -> Tensor:
        """States after each step: x (batch, steps, inputs), state (batch, width) -> (batch, steps, width)."""
        weights = [self._input_weight(), self.state_weight]
        if self.input_bias is not None and self.state_bias is not None:
            weights += [self.input_bias, self.state_bias]
        given, _ = torch.gru(x, state[None], weights, len(weights) > 2, 1, 0.0, self.training, False, True)
        return given

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """The state after one step: x (batch, inputs), state (batch, width) -> (batch, width)."""
        return torch.gru_cell(x, state, self._input_weight(), self.state_weight, self.input_bias, self.state_bias)

    def _input_weight(self) -> Tensor:
        """Of a unit that reads nothing: zeros on one number that is always 0."""
        if self.input_weight is None:
            return self.state_weight.new_zeros(len(self.state_weight), 1)
        return self.input_weight


class Reader(nn.Module):
    """A recurrent layer that begins at zero, and dropout: (batch, steps, inputs) -> (batch, steps, width)."""

    def __init__(self, inputs: int, width: int, kit: Kit) -> None:
        super().__init__()
        self.units, self.width = GRU(inputs, width, kit), width
        self.dropout = Dropout(kit)

    @property
    def matrix(self) -> Tensor:
        """The units' weights."""
        return self.units.matrix

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.units.run(x, x.new_zeros(len(x), self.width)))  # type: ignore[no-any-return]


class SequenceEncoder(nn.ModuleList):
    """(batch, steps * channels) -> (batch, width): the state of the top layer after the last step."""

    def __init__(self, kit: Kit) -> None:
        model, self.shape = cast(Sequence, kit.spec.model), series_shape(kit.spec)
        inputs = [self.shape[1], *[model.width] * (model.layers - 1)]
        super().__init__([Reader(count, model.width, kit) for count in inputs])
        self.width = model.width

    def forward(self, x: Tensor, layers: dict[str, Tensor] | None = None) -> Tensor:
        """States after each step are written into `layers` if it is given."""
        x = x.reshape(-1, *self.shape)
        for i, block in enumerate(self):
            x = block(x)
            if layers is not None:
                layers[f"encoder.{i}"] = x.transpose(1, 2)
        return x[:, -1]


class Drawer(nn.Module):
    """A recurrent layer that begins at tanh(start z), z the code, and dropout."""

    def __init__(self, inputs: int, width: int, kit: Kit) -> None:
        super().__init__()
        self.start = Dense(code_width(kit.spec), width, kit.spec.model.bias, kit.init)
        self.units = GRU(inputs, width, kit)
        self.dropout = Dropout(kit)

    @property
    def matrix(self) -> Tensor:
        """The units' weights."""
        return self.units.matrix


class Readout(nn.Module):
    """One dense layer, used at every step: (batch, steps, width) -> (batch, steps * channels), turned round if the
    series was drawn from its end.
    """

    def __init__(self, channels: int, kit: Kit) -> None:
        super().__init__()
        model = cast(Sequence, kit.spec.model)
        self.dense, self.reverse = Dense(model.width, channels, model.bias, kit.init), model.reverse
        self.steps = series_shape(kit.spec)[0]

    @property
    def matrix(self) -> Tensor:
        """(channels, width)."""
        return self.dense.matrix

    def forward(self, states: Tensor) -> Tensor:
        series = self.dense(states)
        return (series.flip(1) if self.reverse else series).flatten(1)  # type: ignore[no-any-return]


class SequenceDecoder(nn.ModuleList):
    """(batch, latent) -> (batch, steps, width), ready for the readout.

    With feedback the units read, at each step, what they drew at the one before (zero before the first). Only while
    training, and only at a share `teacher_forcing` of the steps of each item, they read what should have been drawn
    (Williams and Zipser, 1989); otherwise no true value is ever seen.
    """

    def __init__(self, kit: Kit, readout: Readout) -> None:
        model, self.shape = cast(Sequence, kit.spec.model), series_shape(kit.spec)
        inputs = [self.shape[1] if model.feedback else 0, *[model.width] * (model.layers - 1)]
        super().__init__([Drawer(count, model.width, kit) for count in inputs])
        self.kit, self.feedback, self.reverse = kit, model.feedback, model.reverse
        self._readout = [readout]  # in a list, so that it is not registered as a part of this decoder too
        self.output = output_of(kit.spec)

    @property
    def readout(self) -> Readout:
        """What makes a value of a state; with feedback the units read it."""
        return self._readout[0]

    def forward(self, z: Tensor, layers: dict[str, Tensor] | None = None, taught: Tensor | None = None) -> Tensor:
        """States after each step are written into `layers` if it is given. taught: (batch, steps * channels), the true
        series, while training.
        """
        states = [torch.tanh(block.start(z)) for block in self._layers()]
        drawn = self._fed_back(states, taught) if self.feedback else self._alone(states)
        if layers is not None:
            layers |= {f"decoder.{i}": answers.transpose(1, 2) for i, answers in enumerate(drawn)}
        return drawn[-1]

    @property
    def readers(self) -> Tensor:
        """(layers * width, latent): the weights by which the code begins the layers, one below the other."""
        return torch.cat([block.start.matrix for block in self._layers()])

    def _layers(self) -> list[Drawer]:
        return [cast(Drawer, block) for block in self]

    def _alone(self, states: list[Tensor]) -> list[Tensor]:
        """Each layer's states where nothing is read: (batch, steps, width) each."""
        x = states[0].new_zeros(len(states[0]), self.shape[0], 1)
        drawn = []
        for block, state in zip(self._layers(), states, strict=True):
            x = block.dropout(block.units.run(x, state))
            drawn.append(x)
        return drawn

    def _fed_back(self, states: list[Tensor], taught: Tensor | None) -> list[Tensor]:
        """The same where the units read what they drew, or were to draw."""
        steps, channels = self.shape
        answers: list[list[Tensor]] = [[] for _ in states]
        value, truth, lesson = states[0].new_zeros(len(states[0]), channels), None, None
        share = self.kit.dials("model_teacher_forcing")
        if taught is not None and share > 0:
            truth = taught.reshape(-1, *self.shape)
            truth = truth.flip(1) if self.reverse else truth
            lesson = torch.empty(*truth.shape[:2], 1).bernoulli_(share, generator=self.kit.chance) > 0
        for time in range(steps):
            x = value
            for i, block in enumerate(self._layers()):
                states[i] = block.units.step(x, states[i])
                x = block.dropout(states[i])
                answers[i].append(x)
            value = OUTPUTS[self.output](self.readout.dense(x))
            if truth is not None and lesson is not None:
                value = torch.where(lesson[:, time], truth[:, time], value)
        return [torch.stack(parts, dim=1) for parts in answers]


def sequence_decoder(kit: Kit, encoder: nn.Module, code: nn.Module) -> tuple[SequenceDecoder, Readout]:
    """The decoder, and the readout as its last layer."""
    readout = Readout(series_shape(kit.spec)[1], kit)
    return SequenceDecoder(kit, readout), readout
