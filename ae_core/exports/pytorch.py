"""A run as a PyTorch script that knows nothing of this project: train.py, with its items beside it in data.npz.

The script draws the same first weights, the same order of items and the same noise as the run, so it ends at the same
error. It holds what the run's settings ask for, and nothing else; `train.py.jinja` is its text.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ae_core.compatibility import beyond, compares_items, features, output_of, picture_sizes
from ae_core.errors import SpecError
from ae_core.probes.specimen import Specimen
from ae_core.spec import MLP, Conv, Feedforward, Point, RunSpec, Variational

COVERED: Mapping[str, tuple[str, ...] | None] = {
    "model_kind": ("mlp", "conv"),
    "model_hidden": None,
    "model_channels": None,
    "model_kernel": None,
    "model_upsampling": ("nearest",),
    "model_activation": ("relu", "tanh", "sigmoid", "gelu", "identity"),
    "model_batch_norm": None,
    "model_dropout": None,
    "model_tied": None,
    "model_bias": None,
    "model_output": ("auto", "identity", "sigmoid", "softmax"),
    "model_code_kind": ("point", "variational"),
    "model_code_latent_dim": None,
    "model_code_activation": ("identity", "relu", "sigmoid", "tanh"),
    "model_code_beta": None,
    "objective_reconstruction": ("mse", "bce", "cross_entropy"),
    "objective_weight_decay": None,
    "objective_weight_l1": None,
    "objective_code_l1": None,
    "objective_code_l2": None,
    "objective_corruption_kind": ("none", "gaussian", "masking", "salt_pepper"),
    "objective_corruption_level": None,
    "optimizer_kind": ("adam", "adamw", "sgd", "rmsprop"),
    "optimizer_learning_rate": None,
    "optimizer_momentum": None,
    "optimizer_schedule": ("constant", "cosine", "step"),
}
"""What the script knows: settings, and of those with words which words."""

LAYERS = {"relu": "nn.ReLU()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()", "gelu": "nn.GELU()", "identity": ""}
BENDS = {"identity": "%s", "relu": "torch.relu(%s)", "sigmoid": "torch.sigmoid(%s)", "tanh": "torch.tanh(%s)"}
OUTPUTS = {"identity": "raw", "sigmoid": "torch.sigmoid(raw)", "softmax": "torch.softmax(raw, dim=1)"}
LOSSES = {
    "mse": "0.5 * (shown(raw) - x).square().sum(dim=1)",
    "bce": 'F.binary_cross_entropy_with_logits(raw, x, reduction="none").sum(dim=1)',
    "cross_entropy": "-(x * F.log_softmax(raw, dim=1)).sum(dim=1)",
}
OPTIMIZERS = {
    "adam": "torch.optim.Adam(groups)",
    "adamw": "torch.optim.AdamW(groups)",
    "sgd": "torch.optim.SGD(groups, momentum={momentum})",
    "rmsprop": "torch.optim.RMSprop(groups)",
}
SCHEDULES = {
    "constant": "",
    "cosine": " * 0.5 * (1 + math.cos(math.pi * step / PLANNED))",
    "step": " * 0.1 ** min(int(3 * step / PLANNED), 2)",
}
_TEXTS = Environment(
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def script_zip(specimen: Specimen) -> bytes:
    """train.py and data.npz, packed. Raises SpecError for a run that has something the script does not know."""
    text, split = script(specimen), specimen.split
    data, packed = io.BytesIO(), io.BytesIO()
    np.savez_compressed(data, train=split.train, val=split.val, shift=split.scaling.shift, scale=split.scaling.scale)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("train.py", text)
        box.writestr("data.npz", data.getvalue())
    return packed.getvalue()


def script(specimen: Specimen) -> str:
    """The text of train.py, which trains up to the specimen's step. Raises SpecError as `script_zip`."""
    spec = specimen.spec
    unknown = beyond(spec, COVERED, moving=(), kinds=(MLP, Conv))
    if unknown or not isinstance(spec.model, MLP | Conv):
        raise SpecError(
            "The PyTorch script covers dense and convolutional networks with the usual losses and penalties, and this "
            f"run has {unknown}. Take the ONNX file, or the Python lines of the Playground."
        )
    return _TEXTS.get_template("train.py.jinja").render(_facts(specimen, spec.model))


def _facts(specimen: Specimen, model: MLP | Conv) -> dict[str, object]:
    """Everything that the text has a place for."""
    spec: RunSpec = specimen.spec
    code, objective, optimizer = model.code, spec.objective, spec.optimizer
    count = len(specimen.split.train)
    alone = compares_items(spec) and count % spec.training.batch_size == 1  # a batch of one item cannot be normed
    return {
        "run": specimen.run,
        "step": specimen.step,
        "goal": specimen.goal,
        "used": count - alone,
        "rates": {0: optimizer.learning_rate} | dict(specimen.rates()),
        "batch": spec.training.batch_size,
        "seed": spec.training.seed,
        "functional": objective.reconstruction != "mse" or getattr(model, "tied", False),
        "bias": model.bias,
        "tied": getattr(model, "tied", False),
        "dropout": model.dropout,
        "latent": code.latent_dim,
        "variational": isinstance(code, Variational),
        "centre": "mean" if isinstance(code, Variational) else "z",
        "beta": getattr(code, "beta", 0.0),
        "code_bend": BENDS[code.activation] if isinstance(code, Point) else "%s",
        "output": OUTPUTS[output_of(spec)],
        "loss": LOSSES[objective.reconstruction],
        "corruption": objective.corruption.kind,
        "level": objective.corruption.level,
        "code_l1": objective.code_l1,
        "code_l2": objective.code_l2,
        "weight_decay": objective.weight_decay,
        "weight_l1": objective.weight_l1,
        "optimizer": OPTIMIZERS[optimizer.kind].format(momentum=optimizer.momentum),
        "schedule": SCHEDULES[optimizer.schedule],
        **(_dense(spec, model) if isinstance(model, MLP) else _convolutional(spec, model)),
    }


def _dense(spec: RunSpec, model: MLP) -> dict[str, object]:
    """The parts of a dense network."""
    sizes = (features(spec), *model.hidden, model.code.latent_dim)
    down = [_line(model, f"dense({a}, {b})", b) for a, b in pairwise(sizes[:-1])]
    up = [
        _line(model, f"Tied(twins[{place}])" if model.tied else f"dense({a}, {b})", b)
        for place, (a, b) in enumerate(pairwise(sizes[:0:-1]))
    ]
    last = "Tied(twins[-1])" if model.tied else f"dense({sizes[1]}, {sizes[0]})"
    return {"conv": False, "sizes": sizes, "width": sizes[-2], "down": down, "up": up, "last": last}


def _convolutional(spec: RunSpec, model: Conv) -> dict[str, object]:
    """The parts of a convolutional network, whose decoder repeats pixels and convolves."""
    sizes = picture_sizes(spec)
    (height, width, channels), (_, _, colours) = sizes[-1], sizes[0]
    count = height * width * channels
    down = [f"Maps{sizes[0]}", *(_line(model, f"conv({a[2]}, {b[2]}, 2)", b[2]) for a, b in pairwise(sizes)), "Flat()"]
    first = f"dense({model.code.latent_dim}, {count}), Maps{sizes[-1]}"
    up = [_line(model, first, channels)]
    for (_, _, before), after in pairwise(sizes[:0:-1]):
        up.append(_line(model, f"nn.Upsample({after[:2]}), conv({before}, {after[2]})", after[2]))
    last = f"nn.Sequential(nn.Upsample({sizes[0][:2]}), conv({sizes[1][2]}, {colours}), Flat())"
    named = [*(" x ".join(map(str, size)) for size in sizes), model.code.latent_dim]
    shape = {"conv": True, "kernel": model.kernel, "sizes": named, "width": count}
    return {**shape, "down": down, "up": up, "last": last}


def _line(model: Feedforward, layer: str, width: int) -> str:
    """A hidden layer's parts, in order."""
    norm = f"nn.BatchNorm{2 if isinstance(model, Conv) else 1}d({width})" if model.batch_norm else ""
    parts = (layer, norm, LAYERS[model.activation], "Dropout()" if model.dropout else "")
    return ", ".join(part for part in parts if part)
