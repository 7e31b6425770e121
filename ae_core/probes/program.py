"""The trained network as a program: the operations, in order, with which anything that can count decodes a code.

A browser runs it (assets/scripts/explore/network.js), so that dragging a point needs no server. One item at a time, all
of it flat: pictures (h * w * c) row by row with the colours of a pixel together, series (steps * channels).

    centre      x - bias                                    unit        x / max(length of x, 1e-12)
    class       x, one-hot class                            dense       weight x + bias, on each of `times` parts
    relu tanh sigmoid gelu softmax unit_mean                scale       weight x + bias, for each channel by itself
    mixed       identity, sigmoid or softmax, span by span
    conv        a convolution, padded by half the kernel    nearest     each pixel repeated up to the size wanted
    spread      pixels moved apart, zeros between           weave       four sets of maps into one twice as large
    gru         the states of a recurrent layer             last        the state after the last step
    draw        a series' states from a code                reverse     the steps turned round
    gaussian    mean (and log variance) of a code           keep        the largest numbers, zeros for the others
    quantise    the nearest entry of the codebook           choose      the likeliest class of each choice, one-hot
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ae_core.compatibility import features
from ae_core.errors import SpecError
from ae_core.models import Autoencoder
from ae_core.models.blocks import ACTIVATIONS, Dense, Dropout, Hidden
from ae_core.models.categorical import CategoricalCode
from ae_core.models.code import LOG_VAR_RANGE, GaussianCode, PointCode
from ae_core.models.conv import (
    Block,
    ConvDecoder,
    ConvEncoder,
    Halving,
    Nearest,
    Painted,
    Shuffle,
    Size,
    Transposed,
    Unfold,
)
from ae_core.models.mlp import DenseDecoder, DenseEncoder
from ae_core.models.outputs import OF_COLUMNS
from ae_core.models.quantised import QuantisedCode
from ae_core.models.sequence import GRU, Drawer, Reader, Readout, SequenceDecoder, SequenceEncoder
from ae_core.models.sparse import KSparseCode
from ae_core.probes.questions import Program
from ae_core.probes.specimen import Specimen

Operation = dict[str, Any]  # `op`, sizes, and arrays: tensors until `_named` puts their names in their place
Written = Iterator[Operation]


def program(
    question: Program, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """header: `encoder` and `decoder`, the operations; `features` of an item and `width` of a code; `classes` that both
    are told, 0 for none; `counts`, whether a reconstruction is a share of the item's sum; `code`, its settings;
    `codebook`, the name of its array, or none; `pseudo_inputs`, of a learned prior, likewise. Arrays: f4, shaped as in
    PyTorch.
    """
    model = specimen.model
    arrays: dict[str, np.ndarray] = {}
    sides = {
        "encoder": [_named(op, f"encoder.{i}", arrays) for i, op in enumerate(encoder(model))],
        "decoder": [_named(op, f"decoder.{i}", arrays) for i, op in enumerate(decoder(model))],
    }
    header = {
        **sides,
        "features": features(specimen.spec),
        "width": model.code.width,
        "classes": model.classes,
        "counts": model.counts,
        "code": model.spec.model.code.model_dump(),
        "codebook": next((op["codebook"] for op in sides["encoder"] if "codebook" in op), None),
        "pseudo_inputs": None if model.prior is None else _named(model.prior.pseudo_inputs, "pseudo_inputs", arrays),
    }
    return header, arrays


def encoder(model: Autoencoder) -> Written:
    """From an item to its code."""
    if getattr(model.spec.model.code, "centred", False):
        yield {"op": "centre", "bias": model.last.bias}
    if model.unit_input:
        yield {"op": "unit"}
    yield from _told(model)
    yield from written(model.encoder)
    yield from written(model.code)


def decoder(model: Autoencoder) -> Written:
    """From a code to the item."""
    yield from _told(model)
    yield from written(model.decoder)
    yield from written(model.last)
    if model.output == "mixed":
        yield {"op": "mixed", "spans": [[OF_COLUMNS[kind], start, stop] for kind, start, stop in model.spans]}
    else:
        yield from _shaped(model.output)


def written(module: nn.Module) -> Written:
    """The operations of one part of the network, in evaluation. Raises SpecError for a part that has none."""
    if type(module) not in WRITTEN:
        raise SpecError(
            f"A network that runs in the browser is made of {', '.join(part.__name__ for part in WRITTEN)}; got "
            f"{type(module).__name__}. Give it an entry in ae_core.probes.program.WRITTEN."
        )
    return WRITTEN[type(module)](module)


def _told(model: Autoencoder) -> Written:
    if model.classes:
        yield {"op": "class", "classes": model.classes}


def _shaped(name: str) -> Written:
    """An activation or the output's shape; the identity needs no operation."""
    if name != "identity":
        yield {"op": name}


def _bend(activate: Callable[[Tensor], Tensor]) -> Written:
    return _shaped(next(name for name, function in ACTIVATIONS.items() if function is activate))


def _dense(layer: Dense, times: int = 1) -> Written:
    outputs, inputs = layer.matrix.shape
    sizes = {"times": times, "inputs": inputs, "outputs": outputs}
    yield {"op": "dense", **sizes, "weight": layer.matrix, "bias": layer.bias}


def _norm(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> Written:
    """(x - mean) / sqrt(variance + eps) * weight + bias as one product and one sum a channel.

    Source: Ioffe and Szegedy 2015, algorithm 2, line 11.
    """
    mean, variance = cast(Tensor, layer.running_mean), cast(Tensor, layer.running_var)
    weight = layer.weight.double() / (variance.double() + layer.eps).sqrt()
    bias = layer.bias.double() - mean.double() * weight
    yield {"op": "scale", "channels": layer.num_features, "weight": weight, "bias": bias}


def _hidden(block: Hidden) -> Written:
    yield from written(block.dense)
    if block.norm is not None:
        yield from written(block.norm)
    yield from _bend(block.activate)
    yield from written(block.dropout)


def _dropout(layer: Dropout) -> Written:
    """Drops nothing in evaluation."""
    yield from ()


def _all(parts: Iterable[nn.Module]) -> Written:
    for part in parts:
        yield from written(part)


def _conv(weight: Tensor, bias: Tensor | None, before: Size, after: Size, stride: int = 1) -> Operation:
    """weight: (outputs, inputs, side, side)."""
    sizes = {"before": list(before), "after": list(after), "side": weight.shape[-1], "stride": stride}
    return {"op": "conv", **sizes, "weight": weight, "bias": bias}


def _halving(layer: Halving) -> Written:
    yield _conv(layer.weight, layer.bias, layer.before, layer.after, stride=2)


def _nearest(layer: Nearest) -> Written:
    height, width, _ = layer.after
    larger = (height, width, layer.before[2])
    yield {"op": "nearest", "before": list(layer.before), "after": list(larger)}
    yield _conv(layer.weight, layer.bias, larger, layer.after)


def _transposed(layer: Transposed) -> Written:
    """A transposed convolution is one with its kernels turned round, on pixels with zeros between them.

    Source: Dumoulin and Visin 2016, relationship 13.
    """
    height, width, _ = layer.after
    apart = (height, width, layer.before[2])
    yield {"op": "spread", "before": list(layer.before), "after": list(apart)}
    yield _conv(layer.matrix.flip(2, 3), layer.bias, apart, layer.after)


def _shuffle(layer: Shuffle) -> Written:
    height, width, _ = layer.before
    maps = (height, width, len(layer.weight))
    yield _conv(layer.weight, layer.bias, layer.before, maps)
    yield {"op": "weave", "before": list(maps), "after": list(layer.after)}


def _block(block: Block) -> Written:
    yield from written(block.layer)
    if block.norm is not None:
        yield from written(block.norm)
    yield from _bend(block.activate)
    yield from written(block.dropout)


def _units(units: GRU) -> Operation:
    """The four arrays of a recurrent layer; gates in PyTorch's order: reset, update, candidate."""
    return {
        "inputs": units.inputs,
        "input_weight": units.input_weight,
        "state_weight": units.state_weight,
        "input_bias": units.input_bias,
        "state_bias": units.state_bias,
    }


def _sequence_encoder(blocks: SequenceEncoder) -> Written:
    steps, _ = blocks.shape
    for block in cast(Iterable[Reader], blocks):
        yield {"op": "gru", "steps": steps, "width": block.width, **_units(block.units)}
        yield from written(block.dropout)
    yield {"op": "last", "steps": steps, "width": blocks.width}


def _sequence_decoder(blocks: SequenceDecoder) -> Written:
    """The layers draw together, step by step, since the first may read what the last one drew."""
    steps, channels = blocks.shape
    layers, readout = [], blocks.readout.dense
    for block in cast(Iterable[Drawer], blocks):
        layers.append({"start_weight": block.start.matrix, "start_bias": block.start.bias, **_units(block.units)})
    fed_back = {"weight": readout.matrix, "bias": readout.bias, "shape": blocks.output}
    yield {
        "op": "draw",
        "steps": steps,
        "channels": channels,
        "inputs": layers[0]["start_weight"].shape[1],
        "width": layers[0]["start_weight"].shape[0],
        "layers": layers,
        "fed_back": fed_back if blocks.feedback else None,
    }


def _readout(layer: Readout) -> Written:
    channels, _ = layer.matrix.shape
    yield from _dense(layer.dense, layer.steps)
    if layer.reverse:
        yield {"op": "reverse", "steps": layer.steps, "channels": channels}


def _point(code: PointCode) -> Written:
    yield from written(code.dense)
    yield from _bend(code.activate)


def _gaussian(code: GaussianCode) -> Written:
    outputs, inputs = code.dense.matrix.shape
    low, high = LOG_VAR_RANGE
    yield {
        "op": "gaussian",
        "inputs": inputs,
        "outputs": outputs,
        "weight": code.dense.matrix,
        "bias": code.dense.bias,
        "spread_weight": code.spread.matrix,
        "spread_bias": code.spread.bias,
        "low": low,
        "high": high,
    }


def _keep(code: KSparseCode) -> Written:
    yield from written(code.dense)
    yield from _bend(code.activate)
    yield {"op": "keep", "size": code.width, "kept": code.kept}


def _quantise(code: QuantisedCode) -> Written:
    yield from written(code.dense)
    entries, _ = code.codebook.shape
    yield {"op": "quantise", "slots": code.spec.slots, "entries": entries, "codebook": code.codebook}


def _choose(code: CategoricalCode) -> Written:
    yield from written(code.dense)
    yield {"op": "choose", "choices": code.spec.latent_dim, "classes": code.spec.classes}


WRITTEN: dict[type[nn.Module], Callable[[Any], Written]] = {
    Dense: _dense,
    Dropout: _dropout,
    nn.BatchNorm1d: _norm,
    nn.BatchNorm2d: _norm,
    Hidden: _hidden,
    DenseEncoder: _all,
    DenseDecoder: _all,
    Halving: _halving,
    Nearest: _nearest,
    Transposed: _transposed,
    Shuffle: _shuffle,
    Unfold: lambda layer: written(layer.dense),  # maps are flat, with the colours of a pixel together, as items are
    Block: _block,
    Painted: lambda layer: written(layer.layer),
    ConvEncoder: _all,
    ConvDecoder: _all,
    SequenceEncoder: _sequence_encoder,
    SequenceDecoder: _sequence_decoder,
    Readout: _readout,
    PointCode: _point,
    GaussianCode: _gaussian,
    KSparseCode: _keep,
    QuantisedCode: _quantise,
    CategoricalCode: _choose,
}
"""Every part of a network, and what it does in evaluation."""


def _named(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """The same with the name of an array where a tensor was; the arrays themselves go into `arrays`."""
    if isinstance(value, Tensor):
        arrays[name] = value.detach().to(torch.float32).numpy()
        return name
    if isinstance(value, Mapping):
        return {key: _named(part, f"{name}.{key}", arrays) for key, part in value.items()}
    if isinstance(value, list):
        return [_named(part, f"{name}.{i}", arrays) for i, part in enumerate(value)]
    return value
