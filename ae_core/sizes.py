"""How large the network of a spec is, layer by layer, and what its training costs: known before anything is built.

Pure and light: no torch, no data is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from ae_core.compatibility import classes, code_width, features, training_items
from ae_core.data import dataset_of
from ae_core.spec import MLP, Conv, Network, Quantised, RunSpec, Sequence, Variational


@dataclass(frozen=True)
class Layer:
    """What one layer gives and costs. name: as in `models.Pass.layers`, or `code` or `output`. shape: of its output for
    one item, (width,), (h, w, channels) or (steps, width). parameters: numbers to learn. products: multiplications for
    one item. held: numbers kept for one item until its gradient is known, the output among them. slowness: time of one
    product beside that of a dense layer's. calls: how often it is used for one batch.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    products: int
    held: int
    slowness: float = 1.0
    calls: int = 1

    @property
    def width(self) -> int:
        """Numbers that it gives for one item."""
        return math.prod(self.shape)


def layers(spec: RunSpec) -> tuple[Layer, ...]:
    """Every layer from the input to the output."""
    return LAYERS[type(spec.model)](spec)


def _dense(name: str, inputs: int, outputs: int, parameters: int) -> Layer:
    return Layer(name, (outputs,), parameters, inputs * outputs, outputs)


def _code(spec: RunSpec, inputs: int) -> Layer:
    """The bottleneck on so many inputs. A Gaussian one has a second head, for the log variance; a codebook that is
    learned by gradient counts.
    """
    code, width = spec.model.code, code_width(spec)
    heads = 2 if isinstance(code, Variational) else 1
    parameters = heads * width * (inputs + spec.model.bias)
    if isinstance(code, Quantised) and not code.ema:
        parameters += code.codebook_size * (code.latent_dim // code.slots)
    return Layer("code", (width,), parameters, heads * inputs * width, heads * width)


def _mlp_layers(spec: RunSpec) -> tuple[Layer, ...]:
    model = cast(MLP, spec.model)
    told = classes(spec)  # both nets see the class too
    down = (features(spec) + told, *model.hidden)
    up = (code_width(spec) + told, *reversed(model.hidden), features(spec))

    def parameters(inputs: int, outputs: int, tied: bool, normed: bool) -> int:
        return (0 if tied else inputs * outputs) + outputs * (model.bias + 2 * normed)

    encoder = [
        _dense(f"encoder.{i}", a, b, parameters(a, b, False, model.batch_norm))
        for i, (a, b) in enumerate(pairwise(down))
    ]
    names = [*(f"decoder.{i}" for i in range(len(model.hidden))), "output"]
    decoder = [
        _dense(name, a, b, parameters(a, b, model.tied, model.batch_norm and name != "output"))
        for name, (a, b) in zip(names, pairwise(up), strict=True)
    ]
    return (*encoder, _code(spec, down[-1]), *decoder)


def picture_sizes(spec: RunSpec) -> tuple[tuple[int, int, int], ...]:
    """(h, w, channels) before the first block of a convolutional network and after each: sides halved, rounded up."""
    shape = dataset_of(spec.data).shape(spec.data)
    height, width, colours = shape if len(shape) == 3 else (1, math.prod(shape), 1)  # no picture: `check` refuses it
    found = [(height, width, colours)]
    for channels in cast(Conv, spec.model).channels:
        height, width = math.ceil(height / 2), math.ceil(width / 2)
        found.append((height, width, channels))
    return tuple(found)


CONVOLVED = 3.0  # slowness of convolutions with few feature maps: 2 to 4 on digits and MNIST, one core


def _conv_layers(spec: RunSpec) -> tuple[Layer, ...]:
    """The decoder's first layer is dense, from the code to small feature maps; its others double their sides."""
    model, sizes = cast(Conv, spec.model), picture_sizes(spec)
    each = model.bias + 2 * model.batch_norm  # parameters of a feature map
    encoder = []
    for i, (before, after) in enumerate(pairwise(sizes)):
        kernels = before[2] * after[2] * model.kernel**2
        area = after[0] * after[1]
        parameters = kernels + each * after[2]
        encoder.append(Layer(f"encoder.{i}", after, parameters, area * kernels, area * after[2], CONVOLVED))
    small = math.prod(sizes[-1])
    latent = code_width(spec)
    parameters = latent * small + model.bias * small + 2 * model.batch_norm * sizes[-1][2]
    decoder = [Layer("decoder.0", sizes[-1], parameters, latent * small, small)]
    for i, (before, after) in enumerate(pairwise(reversed(sizes)), 1):
        name = "output" if i == len(sizes) - 1 else f"decoder.{i}"
        decoder.append(_doubling(name, model, before, after, model.bias if name == "output" else each))
    return (*encoder, _code(spec, small), *decoder)


def _doubling(name: str, model: Conv, before: tuple[int, int, int], after: tuple[int, int, int], each: int) -> Layer:
    """A layer that doubles the sides. each: parameters of a feature map beside its kernels."""
    kernels = before[2] * after[2] * model.kernel**2
    small, large, given = before[0] * before[1], after[0] * after[1], math.prod(after)
    if model.upsampling == "nearest":
        return Layer(name, after, kernels + each * after[2], large * kernels, large * before[2] + given, CONVOLVED)
    if model.upsampling == "transposed":
        return Layer(name, after, kernels + each * after[2], small * kernels, given, CONVOLVED)
    parameters = 4 * kernels + (each + 3 * model.bias) * after[2]  # four sets of feature maps, with biases of their own
    return Layer(name, after, parameters, small * 4 * kernels, 4 * small * after[2] + given, CONVOLVED)


def series_shape(spec: RunSpec) -> tuple[int, int]:
    """(steps, channels) of an item; what is no series counts as one channel, and `check` refuses it."""
    shape = dataset_of(spec.data).shape(spec.data)
    return (shape[0], shape[1]) if len(shape) == 2 else (math.prod(shape), 1)


GATES = 3  # of a gated recurrent unit: reset, update and candidate


def _recurrent(name: str, steps: int, inputs: int, model: Sequence, start: int = 0) -> Layer:
    """A recurrent layer on so many inputs a step. start: numbers that its first state is made of, 0 for none."""
    joined = GATES * model.width * (inputs + model.width)
    parameters = joined + 2 * GATES * model.width * model.bias
    begun = start * model.width
    parameters += begun + (model.width * model.bias if start else 0)
    held = steps * (2 * GATES + 1) * model.width
    return Layer(name, (steps, model.width), parameters, steps * joined + begun, held, calls=steps)


def _sequence_layers(spec: RunSpec) -> tuple[Layer, ...]:
    """The readout at the end is one dense layer, used at every step."""
    model, (steps, channels) = cast(Sequence, spec.model), series_shape(spec)
    first = channels if model.feedback else 0  # what the decoder's first layer reads at each step
    encoder = [_recurrent(f"encoder.{i}", steps, model.width if i else channels, model) for i in range(model.layers)]
    decoder = [
        _recurrent(f"decoder.{i}", steps, model.width if i else first, model, code_width(spec))
        for i in range(model.layers)
    ]
    joined = model.width * channels
    readout = Layer("output", (steps, channels), joined + model.bias * channels, steps * joined, steps * channels)
    return (*encoder, _code(spec, model.width), *decoder, readout)


LAYERS: dict[type[Network], Callable[[RunSpec], tuple[Layer, ...]]] = {
    MLP: _mlp_layers,
    Conv: _conv_layers,
    Sequence: _sequence_layers,
}


def widths(spec: RunSpec) -> tuple[int, ...]:
    """Every layer's width from input to output."""
    return (features(spec), *(layer.width for layer in layers(spec)))


def parameter_count(spec: RunSpec) -> int:
    """Numbers to learn: weights, biases, batch-norm scales, pseudo-inputs, a codebook learned by gradient.
    Tied weights count once; a critic is no part of the network.
    """
    noise = 1 if spec.objective.reconstruction == "gaussian" else 0
    code = spec.model.code
    pseudo = code.pseudo_inputs * features(spec) if isinstance(code, Variational) and code.prior == "vamp" else 0
    return sum(layer.parameters for layer in layers(spec)) + noise + pseudo


def item_numbers(spec: RunSpec) -> int:
    """Numbers held at once for each item of a batch while it is learned from."""
    code = spec.model.code
    draws = code.samples if isinstance(code, Variational) else 1
    return features(spec) + draws * sum(layer.held for layer in layers(spec))


def step_flops(spec: RunSpec) -> float:
    """Multiplications and additions of one training step: three products a layer, two operations each."""
    return 6.0 * spec.training.batch_size * item_products(spec)


def item_products(spec: RunSpec) -> int:
    """Multiplications that one item costs on its way through the network."""
    return sum(layer.products for layer in layers(spec))


def steps_per_epoch(spec: RunSpec) -> int:
    """Optimiser steps in one pass over the training items."""
    return max(1, math.ceil(training_items(spec) / spec.training.batch_size))


def seconds_per_epoch(spec: RunSpec, facts: Mapping[str, float]) -> float:
    """About how long one pass takes, with measuring the items kept aside, on a worker that found these facts of itself.

    facts: `overhead_seconds` of a step, `layer_seconds` of each layer in it, and `flops_per_second`.
    """
    step = facts["overhead_seconds"] + sum(layer.calls for layer in layers(spec)) * facts["layer_seconds"]
    kept = dataset_of(spec.data).count(spec.data) - training_items(spec)
    passes = 3.0 * steps_per_epoch(spec) * spec.training.batch_size + kept  # a step has three products a layer
    products = passes * sum(layer.slowness * layer.products for layer in layers(spec))
    return steps_per_epoch(spec) * step + 2.0 * products / facts["flops_per_second"]
