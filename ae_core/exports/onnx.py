"""A trained network in ONNX, the form that runtimes of every language read (onnx.ai).

It is written from the operations that a browser runs (`probes.program`), each of which becomes a few nodes, and not by
`torch.onnx`: that exporter changes PyTorch itself while it traces, and a model that was being trained in another thread
of the worker stopped with an error or ended with other numbers. Values are (n, width), float32, any n.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ae_core.data import Scaling
from ae_core.errors import SpecError
from ae_core.probes.program import Operation, program
from ae_core.probes.questions import Program
from ae_core.probes.specimen import Specimen

OPSET = 18
IR_VERSION = 8  # the one that came with this opset, so that older runtimes read it too
Part = Literal["autoencoder", "encoder", "decoder"]


@dataclass(frozen=True)
class Value:
    """A tensor of the graph, (n, width)."""

    name: str
    width: int


class Sheet:
    """A graph while it is written. label: the name of the items' classes. found: outputs beside the result, by name."""

    label = "label"

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.found: dict[str, Value] = {}

    def node(self, kind: str, *inputs: str, gives: str = "", **attributes: Any) -> str:
        """The name of what this operator gives. An input without a name is one that the operator can do without."""
        gives = gives or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [gives], **attributes))
        return gives

    def constant(self, value: Any, kind: type = np.float32) -> str:
        """The name of an array that stays the same."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def whole(self, *numbers: int) -> str:
        """The name of a row of whole numbers: axes, shapes, places."""
        return self.constant(numbers, np.int64)

    def shaped(self, name: str, *shape: int) -> str:
        """The same numbers in another shape."""
        return self.node("Reshape", name, self.whole(*shape))

    def flat(self, name: str, width: int) -> Value:
        """(n, ...) -> (n, width)."""
        return Value(self.shaped(name, -1, width), width)

    def affine(self, x: str, weight: str, bias: str | None) -> str:
        """x weight^T + bias; weight and bias by the names that they have in the program."""
        more = [self.constant(self.arrays[bias])] if bias else []
        return self.node("Gemm", x, self.constant(self.arrays[weight]), *more, transB=1)


def onnx_model(specimen: Specimen, part: Part = "autoencoder") -> bytes:
    """The whole network, or one of its nets. Items go in and come out in the dataset's own units, as with `Fitted`.

    Inputs: `x` (n, features), of the decoder `z` (n, latent); of a conditional network also `label` (n,), int64.
    Outputs: `z`, with what else is known of the code (`mu`, `log_var`, `full`, `logits`, `chosen`), and `x_hat`.
    Metadata: the run, its step, its spec. Raises SpecError for a network that cannot be written, DataMissing where its
    data are gone, and with them the scale of the items.
    """
    header, arrays = program(Program(), specimen, lambda _: None)
    sheet, scaling = Sheet(arrays), specimen.split.scaling
    x, z = Value("x", header["features"]), Value("z", header["width"])
    given, outputs = z if part == "decoder" else x, dict[str, Value]()
    if part != "decoder":
        z = _through(sheet, header["encoder"], _scaled(sheet, scaling, x))
        outputs |= {"z": z, **sheet.found}
    if part != "encoder":
        rebuilt = _through(sheet, header["decoder"], z)
        if header["counts"] and part == "autoencoder":
            total = sheet.node("ReduceSum", x.name, sheet.whole(1), keepdims=1)
            rebuilt = Value(sheet.node("Mul", rebuilt.name, total), rebuilt.width)
        outputs["x_hat"] = _unscaled(sheet, scaling, rebuilt)
    told = [_info(sheet.label, TensorProto.INT64)] if header["classes"] else []
    return _model(sheet, specimen, part, [_info(given.name, TensorProto.FLOAT, given.width), *told], outputs)


def _model(
    sheet: Sheet, specimen: Specimen, part: Part, inputs: list[onnx.ValueInfoProto], outputs: Mapping[str, Value]
) -> bytes:
    given = []
    for name, value in outputs.items():
        sheet.node("Identity", value.name, gives=name)
        given.append(_info(name, TensorProto.INT64 if name == "chosen" else TensorProto.FLOAT, value.width))
    graph = helper.make_graph(sheet.nodes, part, inputs, given, sheet.constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="Latent Lab"
    )
    about = {
        "run": specimen.run,
        "step": str(specimen.step),
        "spec": specimen.spec.model_dump_json(),
        "shape": json.dumps(list(specimen.split.shape)),
    }
    helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _info(name: str, kind: int, *width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["n", *width])


def _through(sheet: Sheet, operations: Iterable[Operation], x: Value) -> Value:
    """What the operations, one after the other, make of x."""
    for op in operations:
        if op["op"] not in NODES:
            raise SpecError(
                f"A network that is written as ONNX is made of {', '.join(NODES)}; got {op['op']}. "
                "Give it an entry in ae_core.exports.onnx.NODES."
            )
        x = NODES[op["op"]](sheet, op, x)
    return x


# -------------------------------------------------------------------------------------------------- the items' scale


def _scaled(sheet: Sheet, scaling: Scaling, x: Value) -> Value:
    """See `Scaling.apply`."""
    if scaling.kind == "none":
        return x
    if scaling.kind == "distribution":
        return Value(_as_distributions(sheet, x), x.width)
    away = sheet.node("Sub", x.name, sheet.constant(scaling.shift))
    scaled = sheet.node("Div", away, sheet.constant(scaling.scale))
    if scaling.kind == "minmax":
        scaled = sheet.node("Clip", scaled, sheet.constant(0.0), sheet.constant(1.0))
    return Value(scaled, x.width)


def _as_distributions(sheet: Sheet, x: Value) -> str:
    """Each row divided by its sum; a row of zeros becomes the uniform distribution."""
    total = sheet.node("ReduceSum", x.name, sheet.whole(1), keepdims=1)
    empty = sheet.node("Equal", total, sheet.constant(0.0))
    shares = sheet.node("Div", x.name, sheet.node("Where", empty, sheet.constant(1.0), total))
    return sheet.node("Where", empty, sheet.constant(1 / x.width), shares)


def _unscaled(sheet: Sheet, scaling: Scaling, x: Value) -> Value:
    """See `Scaling.undo`."""
    if scaling.kind == "none":
        return x
    larger = sheet.node("Mul", x.name, sheet.constant(scaling.scale))
    return Value(sheet.node("Add", larger, sheet.constant(scaling.shift)), x.width)


# -------------------------------------------------------------------------------------------------- numbers and layers


def _plain(kind: str, **attributes: Any) -> Callable[[Sheet, Operation, Value], Value]:
    """An operation that is one operator."""
    return lambda sheet, _, x: Value(sheet.node(kind, x.name, **attributes), x.width)


def _centre(sheet: Sheet, op: Operation, x: Value) -> Value:
    return Value(sheet.node("Sub", x.name, sheet.constant(sheet.arrays[op["bias"]])), x.width)


def _unit(sheet: Sheet, op: Operation, x: Value) -> Value:
    length = sheet.node("ReduceL2", x.name, sheet.whole(1), keepdims=1)
    return Value(sheet.node("Div", x.name, sheet.node("Max", length, sheet.constant(1e-12))), x.width)


def _class(sheet: Sheet, op: Operation, x: Value) -> Value:
    return Value(
        sheet.node("Concat", x.name, _one_hot(sheet, sheet.label, op["classes"]), axis=1), x.width + op["classes"]
    )


def _one_hot(sheet: Sheet, numbers: str, classes: int) -> str:
    return sheet.node("OneHot", numbers, sheet.whole(classes), sheet.constant([0.0, 1.0]), axis=-1)


def _dense(sheet: Sheet, op: Operation, x: Value) -> Value:
    parts = x.name if op["times"] == 1 else sheet.shaped(x.name, -1, op["inputs"])
    made, width = sheet.affine(parts, op["weight"], op["bias"]), op["times"] * op["outputs"]
    return Value(made, width) if op["times"] == 1 else sheet.flat(made, width)


def _scale(sheet: Sheet, op: Operation, x: Value) -> Value:
    channels = sheet.shaped(x.name, -1, op["channels"])
    larger = sheet.node("Mul", channels, sheet.constant(sheet.arrays[op["weight"]]))
    return sheet.flat(sheet.node("Add", larger, sheet.constant(sheet.arrays[op["bias"]])), x.width)


def _gelu(sheet: Sheet, op: Operation, x: Value) -> Value:
    """x/2 (1 + erf(x / sqrt(2))); the operator of that name is younger than this opset."""
    bent = sheet.node("Erf", sheet.node("Mul", x.name, sheet.constant(0.5**0.5)))
    more = sheet.node("Add", bent, sheet.constant(1.0))
    return Value(sheet.node("Mul", sheet.node("Mul", x.name, sheet.constant(0.5)), more), x.width)


def _unit_mean(sheet: Sheet, op: Operation, x: Value) -> Value:
    """See `models.outputs.unit_mean`: a series near 0, elsewhere 1/2 + (coth(x/2) - 2/x)/2."""

    def times(name: str, factor: float) -> str:
        return sheet.node("Mul", name, sheet.constant(factor))

    def plus(name: str, more: float) -> str:
        return sheet.node("Add", name, sheet.constant(more))

    near = sheet.node("Less", sheet.node("Abs", x.name), sheet.constant(0.3))
    far = sheet.node("Where", near, sheet.constant(1.0), x.name)
    squares = sheet.node("Mul", x.name, x.name)
    inner = plus(times(sheet.node("Mul", squares, plus(times(squares, -1 / 30240), 1 / 720)), -1.0), 1 / 12)
    series = plus(sheet.node("Mul", x.name, inner), 0.5)
    half = sheet.node("Div", sheet.constant(0.5), sheet.node("Tanh", times(far, 0.5)))
    elsewhere = plus(sheet.node("Sub", half, sheet.node("Reciprocal", far)), 0.5)
    return Value(sheet.node("Where", near, series, elsewhere), x.width)


def _mixed(sheet: Sheet, op: Operation, x: Value) -> Value:
    """Each span of features in a shape of its own."""
    parts = []
    for shape, start, stop in op["spans"]:
        part = sheet.node("Slice", x.name, sheet.whole(start), sheet.whole(stop), sheet.whole(1))
        kind, attributes = SPANS[shape]
        parts.append(sheet.node(kind, part, **attributes))
    return Value(sheet.node("Concat", *parts, axis=1), x.width)


SPANS: dict[str, tuple[str, dict[str, Any]]] = {
    "identity": ("Identity", {}),
    "sigmoid": ("Sigmoid", {}),
    "softmax": ("Softmax", {"axis": 1}),
}


# -------------------------------------------------------------------------------------------------- pictures


def _conv(sheet: Sheet, op: Operation, x: Value) -> Value:
    edge, (rows, columns, channels) = op["side"] // 2, op["after"]
    maps = sheet.node("Transpose", sheet.shaped(x.name, -1, *op["before"]), perm=[0, 3, 1, 2])
    more = [sheet.constant(sheet.arrays[op["bias"]])] if op["bias"] else []
    kernels = sheet.constant(sheet.arrays[op["weight"]])
    made = sheet.node("Conv", maps, kernels, *more, strides=[op["stride"]] * 2, pads=[edge] * 4)
    return sheet.flat(sheet.node("Transpose", made, perm=[0, 2, 3, 1]), rows * columns * channels)


def _nearest(sheet: Sheet, op: Operation, x: Value) -> Value:
    """Rows and columns are looked up, so that nothing depends on how a runtime rounds."""
    maps = sheet.shaped(x.name, -1, *op["before"])
    for axis in (0, 1):
        small, large = op["before"][axis], op["after"][axis]
        places = [at * small // large for at in range(large)]
        maps = sheet.node("Gather", maps, sheet.whole(*places), axis=axis + 1)
    return sheet.flat(maps, int(np.prod(op["after"])))


def _spread(sheet: Sheet, op: Operation, x: Value) -> Value:
    """A zero after each row and each column, then what is too much cut off."""
    rows, columns, channels = op["before"]
    apart = sheet.shaped(x.name, -1, rows, 1, columns, 1, channels)
    padded = sheet.node("Pad", apart, sheet.whole(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0))
    return _cut(sheet, sheet.shaped(padded, -1, 2 * rows, 2 * columns, channels), op["after"])


def _weave(sheet: Sheet, op: Operation, x: Value) -> Value:
    maps = sheet.node("Transpose", sheet.shaped(x.name, -1, *op["before"]), perm=[0, 3, 1, 2])
    woven = sheet.node("DepthToSpace", maps, blocksize=2, mode="CRD")
    return _cut(sheet, sheet.node("Transpose", woven, perm=[0, 2, 3, 1]), op["after"])


def _cut(sheet: Sheet, maps: str, after: list[int]) -> Value:
    """(n, h, w, c) -> its first rows and columns, flat."""
    rows, columns, channels = after
    part = sheet.node("Slice", maps, sheet.whole(0, 0), sheet.whole(rows, columns), sheet.whole(1, 2))
    return sheet.flat(part, rows * columns * channels)


# -------------------------------------------------------------------------------------------------- series


class _Recurrent:
    """One recurrent layer's arrays, as the operator GRU wants them: update, reset, candidate."""

    def __init__(self, sheet: Sheet, layer: Operation, width: int) -> None:
        self.sheet, self.width = sheet, width
        read = sheet.arrays.get(layer["input_weight"], np.zeros((3 * width, 1)))
        self.weights = [sheet.constant(self._gates(read)[None])]
        self.weights.append(sheet.constant(self._gates(sheet.arrays[layer["state_weight"]])[None]))
        if layer["input_bias"]:
            both = [self._gates(sheet.arrays[layer[name]]) for name in ("input_bias", "state_bias")]
            self.weights.append(sheet.constant(np.concatenate(both)[None]))

    @staticmethod
    def _gates(array: np.ndarray) -> np.ndarray:
        reset, update, candidate = np.split(array, 3)
        return np.concatenate([update, reset, candidate])

    def states(self, x: str, first: str = "") -> str:
        """x (steps, n, inputs), first (1, n, width) or nothing for zeros -> (steps, n, width)."""
        weights = self.weights if len(self.weights) == 3 else [*self.weights, ""]
        given = self.sheet.node("GRU", x, *weights, "", first, hidden_size=self.width, linear_before_reset=1)
        return self.sheet.node("Squeeze", given, self.sheet.whole(1))


def _gru(sheet: Sheet, op: Operation, x: Value) -> Value:
    steps = sheet.node("Transpose", sheet.shaped(x.name, -1, op["steps"], op["inputs"]), perm=[1, 0, 2])
    return _side_by_side(sheet, _Recurrent(sheet, op, op["width"]).states(steps), op)


def _side_by_side(sheet: Sheet, states: str, op: Operation) -> Value:
    """(steps, n, width) -> (n, steps * width)."""
    return sheet.flat(sheet.node("Transpose", states, perm=[1, 0, 2]), op["steps"] * op["width"])


def _last(sheet: Sheet, op: Operation, x: Value) -> Value:
    states = sheet.shaped(x.name, -1, op["steps"], op["width"])
    return sheet.flat(sheet.node("Gather", states, sheet.whole(op["steps"] - 1), axis=1), op["width"])


def _draw(sheet: Sheet, op: Operation, x: Value) -> Value:
    layers = [_Recurrent(sheet, layer, op["width"]) for layer in op["layers"]]
    begun = [sheet.affine(x.name, layer["start_weight"], layer["start_bias"]) for layer in op["layers"]]
    firsts = [sheet.node("Unsqueeze", sheet.node("Tanh", start), sheet.whole(0)) for start in begun]
    drawn = _fed_back(sheet, op, x, layers, firsts) if op["fed_back"] else _nothing(sheet, x, op["steps"], 1)
    if not op["fed_back"]:
        for layer, first in zip(layers, firsts, strict=True):
            drawn = layer.states(drawn, first)
    return _side_by_side(sheet, drawn, op)


def _nothing(sheet: Sheet, x: Value, steps: int, width: int) -> str:
    """Zeros, (steps, n, width), for as many items as x has."""
    count = sheet.node("Shape", x.name, start=0, end=1)
    return sheet.node("ConstantOfShape", sheet.node("Concat", sheet.whole(steps), count, sheet.whole(width), axis=0))


def _fed_back(sheet: Sheet, op: Operation, x: Value, layers: list[_Recurrent], states: list[str]) -> str:
    """One step after the other, since the first layer reads what the last one drew: (steps, n, width)."""
    fed_back, drawn = op["fed_back"], []
    shape = [] if fed_back["shape"] == "identity" else [{"op": fed_back["shape"]}]
    value = _nothing(sheet, x, 1, op["channels"])
    for _ in range(op["steps"]):
        seen = value
        for i, layer in enumerate(layers):
            seen = states[i] = layer.states(seen, states[i])
        drawn.append(seen)
        raw = sheet.affine(sheet.shaped(seen, -1, op["width"]), fed_back["weight"], fed_back["bias"])
        value = sheet.shaped(_through(sheet, shape, Value(raw, op["channels"])).name, 1, -1, op["channels"])
    return sheet.node("Concat", *drawn, axis=0)


def _reverse(sheet: Sheet, op: Operation, x: Value) -> Value:
    series = sheet.shaped(x.name, -1, op["steps"], op["channels"])
    places = sheet.whole(*reversed(range(op["steps"])))
    return sheet.flat(sheet.node("Gather", series, places, axis=1), x.width)


# -------------------------------------------------------------------------------------------------- codes


def _gaussian(sheet: Sheet, op: Operation, x: Value) -> Value:
    mu = Value(sheet.affine(x.name, op["weight"], op["bias"]), op["outputs"])
    spread = sheet.affine(x.name, op["spread_weight"], op["spread_bias"])
    clipped = sheet.node("Clip", spread, sheet.constant(op["low"]), sheet.constant(op["high"]))
    sheet.found |= {"mu": mu, "log_var": Value(clipped, op["outputs"])}
    return mu


def _keep(sheet: Sheet, op: Operation, x: Value) -> Value:
    """Of equal numbers the operator takes the first, as `models.sparse.largest` does."""
    sheet.found["full"] = x
    sheet.nodes.append(helper.make_node("TopK", [x.name, sheet.whole(op["kept"])], ["kept", "places"], axis=1))
    nothing = sheet.node("ConstantOfShape", sheet.node("Shape", x.name))
    return Value(sheet.node("ScatterElements", nothing, "places", "kept", axis=1), x.width)


def _quantise(sheet: Sheet, op: Operation, x: Value) -> Value:
    """|e|^2 - 2 v e is least at the nearest entry; see `models.quantised.nearest`."""
    codebook = sheet.arrays[op["codebook"]]
    entries, size = codebook.shape
    vectors = sheet.shaped(x.name, -1, size)
    lengths = np.square(codebook, dtype=np.float64).sum(axis=1)
    products = sheet.node("Gemm", vectors, sheet.constant(-2 * codebook), sheet.constant(lengths), transB=1)
    nearest = sheet.node("ArgMin", products, axis=1, keepdims=0)
    sheet.found |= {"full": x, "chosen": sheet.flat(nearest, op["slots"])}
    return sheet.flat(sheet.node("Gather", sheet.constant(codebook), nearest), x.width)


def _choose(sheet: Sheet, op: Operation, x: Value) -> Value:
    logits = sheet.shaped(x.name, -1, op["choices"], op["classes"])
    likeliest = sheet.node("ArgMax", logits, axis=2, keepdims=0)
    sheet.found |= {"logits": x, "chosen": Value(likeliest, op["choices"])}
    return sheet.flat(_one_hot(sheet, likeliest, op["classes"]), x.width)


NODES: dict[str, Callable[[Sheet, Operation, Value], Value]] = {
    "centre": _centre,
    "unit": _unit,
    "class": _class,
    "dense": _dense,
    "scale": _scale,
    "relu": _plain("Relu"),
    "tanh": _plain("Tanh"),
    "sigmoid": _plain("Sigmoid"),
    "gelu": _gelu,
    "softmax": _plain("Softmax", axis=1),
    "unit_mean": _unit_mean,
    "mixed": _mixed,
    "conv": _conv,
    "nearest": _nearest,
    "spread": _spread,
    "weave": _weave,
    "gru": _gru,
    "last": _last,
    "draw": _draw,
    "reverse": _reverse,
    "gaussian": _gaussian,
    "keep": _keep,
    "quantise": _quantise,
    "choose": _choose,
}
"""The nodes of each operation of `probes.program`."""
