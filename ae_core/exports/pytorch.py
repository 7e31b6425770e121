"""A run as a PyTorch script that knows nothing of this project: train.py, with its items beside it in data.npz.

The script draws the same first weights, the same order of items and the same noise as the run, so it ends at the same
error. It holds what the run's settings ask for, and nothing else; the templates under `script/` are its text.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ae_core.compatibility import (
    batch_norm,
    classes,
    code_width,
    column_spans,
    compares_items,
    features,
    output_of,
    takes_counts,
    training_items,
)
from ae_core.dials import Dials
from ae_core.objectives import imputes
from ae_core.objectives.matching import SCALES
from ae_core.objectives.terms import MATCHINGS, PENALTIES
from ae_core.probes.specimen import Specimen
from ae_core.sizes import picture_sizes, series_shape
from ae_core.spec import (
    MLP,
    MMD,
    Adversarial,
    Conv,
    Factor,
    Feedforward,
    Info,
    Network,
    RunSpec,
    Schedule,
    Sequence,
    TotalCorrelation,
    Variational,
    settings,
)

LAYERS = {"relu": "nn.ReLU()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()", "gelu": "nn.GELU()", "identity": ""}
BENDS = {"identity": "%s", "relu": "torch.relu(%s)", "sigmoid": "torch.sigmoid(%s)", "tanh": "torch.tanh(%s)"}
OUTPUTS = {
    "identity": "raw",
    "sigmoid": "torch.sigmoid(raw)",
    "softmax": "torch.softmax(raw, dim=-1)",
    "unit_mean": "",  # takes more lines than one
    "mixed": "by_column(raw, raw, SHAPES)",
}
LOSSES = {
    "mse": "0.5 * (shown(raw) - x).square()",
    "gaussian": "0.5 * ((shown(raw) - x).square() * (-self.noise).exp() + self.noise + math.log(2 * math.pi))",
    "bce": 'F.binary_cross_entropy_with_logits(raw, x, reduction="none")',
    "continuous_bernoulli": 'F.binary_cross_entropy_with_logits(raw, x, reduction="none") - log_normaliser(raw)',
    "cross_entropy": "-(x * F.log_softmax(raw, dim=-1))",
    "mixed": "by_column(raw, x, ERRORS)",
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
    "linear": " * (1 - step / PLANNED)",
    "warm_up": " * min(10 * step / PLANNED, 1.0)",
    "cyclic": " * (1 + math.cos(4 * step / PLANNED % 1 * math.pi)) / 2",
}
WAYS: dict[str, Callable[[Schedule], str]] = {
    "linear": lambda plan: f"min(done / {plan.share}, 1.0)",
    "cosine": lambda plan: f"(0.5 - 0.5 * math.cos(math.pi * min(done / {plan.share}, 1.0)))",
    "cyclic": lambda plan: f"min(done * {plan.cycles} % 1.0 / {plan.share}, 1.0)",
    "warm_up": lambda plan: f"min(done / {plan.share}, 1.0)",
    "step": lambda plan: f"float(done >= {plan.share})",
}
FOUND = {
    "point": "z",
    "variational": "z, mean, log_variance",
    "k_sparse": "z, full",
    "quantised": "z, full, chosen",
    "categorical": "z, logits",
}
"""What the encoder tells of each item, by the kind of code."""

VALUES = {
    "kl": "kl",
    "capacity": "(kl.mean() - {objective_matching_capacity}).abs()",
    "mutual_information": "mutual_information",
    "total_correlation": "total_correlation",
    "dimension_wise": "dimension_wise",
    "off_diagonal": "(spread - spread.diagonal().diag()).square().sum()",
    "diagonal": "(spread.diagonal() - 1).square().sum()",
    "mmd": "mmd(z)",
    "sliced": "sliced(z)",
    "factor": "critic(z)",
    "adversarial": "F.softplus(-critic(z))",
    "code_l1": "{centre}.abs().sum(dim=1)",
    "code_l2": "0.5 * {centre}.square().sum(dim=1)",
    "decoder_gradient": "decoder_slopes(model, {centre})",
    "sparsity": "quietness(z)",
    "contractive": "slopes(model, {seen})",
    "topological": "topological(x, {centre})",
    "auxiliary": "revival(model, x, raw, full{weights})",
    "commitment": "(full - model.codebook.look_up(chosen).detach()).square().sum(dim=1)",
    "codebook": "(full.detach() - model.codebook.look_up(chosen)).square().sum(dim=1)",
}
"""Each term of the objective, before its weight."""

PARTS = {
    "total_correlation": "mutual_information, total_correlation, dimension_wise = parts_of_kl(z, mean, log_variance)",
    "diagonal": "spread = covariance(mean, log_variance)",
}
"""What terms of a kind share, by one of them."""

_TEXTS = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "script"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def script_zip(specimen: Specimen) -> bytes:
    """train.py and data.npz, packed."""
    text, split = script(specimen), specimen.split
    data, packed = io.BytesIO(), io.BytesIO()
    arrays: dict[str, Any] = {
        "train": split.train,
        "val": split.val,
        "shift": split.scaling.shift,
        "scale": split.scaling.scale,
    }
    if classes(specimen.spec) and split.train_labels is not None and split.val_labels is not None:
        arrays |= {"train_labels": split.train_labels.astype(np.int64), "val_labels": split.val_labels.astype(np.int64)}
    np.savez_compressed(data, **arrays)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("train.py", text)
        box.writestr("data.npz", data.getvalue())
    return packed.getvalue()


def script(specimen: Specimen) -> str:
    """The text of train.py, which trains up to the specimen's step."""
    return _TEXTS.get_template("train.py.jinja").render(_facts(specimen))


def _facts(specimen: Specimen) -> dict[str, object]:
    """Everything that the text has a place for."""
    spec = specimen.spec
    numbers = _numbers(spec)
    body = BODIES[type(spec.model)](spec, numbers)
    return _training(specimen) | _network(spec, numbers) | _code(spec, numbers) | _objective(spec, numbers) | body


def _training(specimen: Specimen) -> dict[str, object]:
    """What is trained on, how long, and by which rule."""
    spec = specimen.spec
    optimizer, count = spec.optimizer, len(specimen.split.train)
    alone = compares_items(spec) and count % spec.training.batch_size == 1  # a batch of one item cannot be normed
    return {
        "run": specimen.run,
        "step": specimen.step,
        "goal": specimen.goal,
        "used": count - alone,
        "rates": {0: optimizer.learning_rate} | dict(specimen.rates()),
        "batch": spec.training.batch_size,
        "seed": spec.training.seed,
        "plans": [(_short(plan.setting), _course(plan)) for plan in spec.schedules],
        "weight_decay": spec.objective.weight_decay,
        "optimizer": OPTIMIZERS[optimizer.kind].format(momentum=optimizer.momentum),
        "schedule": SCHEDULES[optimizer.schedule],
    }


def _network(spec: RunSpec, numbers: Mapping[str, str]) -> dict[str, object]:
    """What every body has; of parts that only some have, that they are not there."""
    return {
        "bias": spec.model.bias,
        "tied": getattr(spec.model, "tied", False),
        "unit_input": getattr(spec.model, "unit_input", False),
        "classes": classes(spec),
        "dropout": numbers["model_dropout"] if Dials(spec).ever("model_dropout") else "",
        "batch_norm": batch_norm(spec),
        "upsampling": "",
        "teaching": "",
    }


def _code(spec: RunSpec, numbers: Mapping[str, str]) -> dict[str, object]:
    """The bottleneck."""
    code = spec.model.code
    vamp = isinstance(code, Variational) and code.prior == "vamp"
    return {
        "code": code.kind,
        "found": FOUND[code.kind],
        "pick": {"point": "", "variational": "[1]"}.get(code.kind, "[0]"),
        "latent": code.latent_dim,
        "code_width": code_width(spec),
        "centred": getattr(code, "centred", False),
        "code_bend": BENDS[getattr(code, "activation", "identity")],
        "beta": numbers.get("model_code_beta"),
        "samples": getattr(code, "samples", 1),
        "vamp": getattr(code, "pseudo_inputs", 0) if vamp else 0,
        "k": numbers.get("model_code_k"),
        "test_factor": getattr(code, "test_factor", 1.0),
        "dead_after": getattr(code, "dead_after", 0),
        "revived": max(1, features(spec) // 2),
        "slots": getattr(code, "slots", 1),
        "codebook": getattr(code, "codebook_size", 0),
        "ema": getattr(code, "ema", 0.0),
        "restart": getattr(code, "restart", 0),
        "choices": getattr(code, "classes", 0),
        "temperature": numbers.get("model_code_temperature"),
    }


def _objective(spec: RunSpec, numbers: Mapping[str, str]) -> dict[str, object]:
    """What is made small."""
    named, terms = _terms(spec, numbers)
    objective = spec.objective
    return {
        "features": features(spec),
        "reconstruction": objective.reconstruction,
        "columns": [tuple(span) for span in column_spans(spec)],
        "output": OUTPUTS[output_of(spec)],
        "counts": takes_counts(spec),
        "loss": LOSSES[objective.reconstruction],
        "corruption": objective.corruption.kind,
        "level": numbers["objective_corruption_level"],
        "imputed": imputes(spec),
        "observed": objective.observed_only,
        "weighed": imputes(spec) or objective.observed_only,
        "kl": _kl(spec, named),
        "named": named,
        "parts": [line for name, line in PARTS.items() if name in named],
        "terms": terms,
        "target": numbers.get("objective_sparsity_target"),
        **_matching(spec),
        "decoder_decay": _if_ever(spec, numbers, "objective_decoder_decay"),
        "weight_l1": _if_ever(spec, numbers, "objective_weight_l1"),
    }


def _numbers(spec: RunSpec) -> dict[str, str]:
    """Each setting as the text names it: its value, or where a schedule moves it what stands for that."""
    moved = {plan.setting for plan in spec.schedules}
    return {
        leaf.key: f'now["{_short(leaf.key)}"]' if leaf.key in moved else repr(leaf.value) for leaf in settings(spec)
    }


def _if_ever(spec: RunSpec, numbers: Mapping[str, str], key: str) -> str:
    """The setting, or nothing where it is 0 all through the run."""
    return numbers[key] if Dials(spec).ever(key) else ""


def _short(key: str) -> str:
    """A setting's name without its section."""
    return key.split("_", 1)[1]


def _course(plan: Schedule) -> str:
    """A scheduled setting as an expression of `done`."""
    return f"{plan.start} + {plan.end - plan.start} * {WAYS[plan.way](plan)}"


def _terms(spec: RunSpec, numbers: Mapping[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The penalties that the objective has: their names, and (weight, value) of those that are added one by one."""
    dials, matching = Dials(spec), spec.objective.matching
    weights: dict[str, str] = {}
    for name, term in (MATCHINGS[type(matching)] | PENALTIES).items():
        if not term.applies(spec):
            continue
        if isinstance(term.weight, str):
            if dials.ever(term.weight):
                weights[name] = numbers[term.weight]
        else:
            weights[name] = "1.0"
    if isinstance(matching, Info):
        weights |= {
            "kl": f"(1 - {matching.alpha})",
            "mmd": f"({matching.alpha} + {numbers['objective_matching_weight']} - 1)",
        }
    places = {
        "centre": "mean" if isinstance(spec.model.code, Variational) else "z",
        "seen": "x" if spec.objective.corruption.kind == "none" else "seen",
        "weights": ", weights" if imputes(spec) or spec.objective.observed_only else "",
        **numbers,
    }
    values = VALUES | _by_decoder(spec)
    whole = "importance" in weights  # one bound in the place of error, divergence and what weighing changes
    added = {name: weight for name, weight in weights.items() if not whole or name not in ("kl", "importance")}
    return list(weights), [(weight, values[name].format(**places)) for name, weight in added.items()]


def _by_decoder(spec: RunSpec) -> dict[str, str]:
    """The L1 term where each number counts as much as the decoder's weights that read it."""
    if not spec.objective.code_l1_by_decoder:
        return {}
    reader = "decoder[0]" if getattr(spec.model, "hidden", True) else "output"
    weights = f"model.{reader}.weight[:, :{code_width(spec)}]"
    if isinstance(spec.model, Sequence):
        weights = "torch.cat([start.weight for start in model.decoder.starts])"
    return {"code_l1": f"({{centre}}.abs() * {weights}.norm(dim=0)).sum(dim=1)"}


def _kl(spec: RunSpec, named: list[str]) -> str:
    """The divergence of each item's code from its prior, or nothing where no term asks for it."""
    code = spec.model.code
    vamp = isinstance(code, Variational) and code.prior == "vamp"
    if not {"kl", "capacity"} & set(named):
        return ""
    if code.kind == "categorical":
        entropy = "torch.distributions.Categorical(logits=logits).entropy()"
        return f"(math.log({code_width(spec) // code.latent_dim}) - {entropy}).sum(dim=1)"
    if vamp:
        return "log_normal(z, mean, log_variance).sum(dim=1) - model.log_prior(z)"
    return "0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)"


def _matching(spec: RunSpec) -> dict[str, object]:
    """What the terms that compare codes are made with."""
    matching, width = spec.objective.matching, code_width(spec)
    facts: dict[str, object] = {
        "critic": "",
        "dip": getattr(matching, "version", ""),
        "estimator": getattr(matching, "estimator", ""),
        "projections": getattr(matching, "projections", 0),
        "power": getattr(matching, "power", 0),
    }
    if isinstance(matching, TotalCorrelation):
        facts["items"] = training_items(spec)
    if isinstance(matching, MMD | Info):
        reach = 2 * width * matching.bandwidth**2
        facts["widths"] = [reach * scale for scale in SCALES[matching.scales]]
        facts["kernel_text"] = KERNELS[matching.kernel]
    if isinstance(matching, Factor | Adversarial):
        facts["critic"] = (width, *[matching.width] * matching.depth, 1)
        facts["critic_rate"] = matching.learning_rate
        of_shuffled = "codes from shuffled ones (Kim and Mnih, 2018)"
        of_prior = "draws of N(0, I) from codes (Makhzani et al., 2015)"
        facts["judged"] = of_shuffled if isinstance(matching, Factor) else of_prior
    return facts


KERNELS = {"rbf": "(-squares / width).exp()", "imq": "width / (width + squares)"}


def _dense(spec: RunSpec, _numbers: Mapping[str, str]) -> dict[str, object]:
    """The parts of a dense network."""
    model, told = cast(MLP, spec.model), classes(spec)
    sizes = (features(spec), *model.hidden, model.code.latent_dim)
    down = [_line(spec, f"dense({a}, {b})", b) for a, b in pairwise((sizes[0] + told, *model.hidden))]
    widths = (code_width(spec) + told, *reversed(model.hidden), sizes[0])
    layers = [
        f"Tied(twins[{place}])" if model.tied else f"dense({a}, {b})" for place, (a, b) in enumerate(pairwise(widths))
    ]
    up = [_line(spec, layer, width) for layer, width in zip(layers[:-1], widths[1:-1], strict=True)]
    width = sizes[-2] + (0 if model.hidden else told)
    return {"body": "dense", "sizes": sizes, "width": width, "down": down, "up": up, "last": layers[-1]}


def _convolutional(spec: RunSpec, _numbers: Mapping[str, str]) -> dict[str, object]:
    """The parts of a convolutional network."""
    model, sizes = cast(Conv, spec.model), picture_sizes(spec)
    (height, width, channels), first = sizes[-1], sizes[0]
    count = height * width * channels
    down = [f"Maps{first}", *(_line(spec, f"conv({a[2]}, {b[2]}, 2)", b[2]) for a, b in pairwise(sizes)), "Flat()"]
    up = [_line(spec, f"dense({code_width(spec)}, {count}), Maps{sizes[-1]}", channels)]
    enlarge = UPSAMPLINGS[model.upsampling]
    layers = [(enlarge(before, after), after[2]) for before, after in pairwise(sizes[::-1])]
    up += [_line(spec, layer, maps) for layer, maps in layers[:-1]]
    return {
        "body": "conv",
        "kernel": model.kernel,
        "upsampling": model.upsampling,
        "sizes": [*(" x ".join(map(str, size)) for size in sizes), model.code.latent_dim],
        "width": count,
        "down": down,
        "up": up,
        "last": f"nn.Sequential({layers[-1][0]}, Flat())",
    }


Size = tuple[int, int, int]
UPSAMPLINGS: dict[str, Callable[[Size, Size], str]] = {
    "nearest": lambda before, after: f"nn.Upsample({after[:2]}), conv({before[2]}, {after[2]})",
    "transposed": lambda before, after: (
        f"larger({before[2]}, {after[2]}, {tuple(b - (2 * a - 1) for a, b in zip(before[:2], after[:2], strict=True))})"
    ),
    "shuffle": lambda before, after: f"Woven({before[2]}, {after[2]}, {after[:2]})",
}


def _recurrent(spec: RunSpec, numbers: Mapping[str, str]) -> dict[str, object]:
    """The parts of a recurrent network."""
    model, (steps, channels) = cast(Sequence, spec.model), series_shape(spec)
    deeper = [model.width] * (model.layers - 1)
    teaching = numbers["model_teacher_forcing"] if Dials(spec).ever("model_teacher_forcing") else ""
    return {
        "body": "sequence",
        "sizes": [f"{steps} steps", *[model.width] * model.layers, model.code.latent_dim],
        "series": (steps, channels),
        "width": model.width,
        "reads": (channels, *deeper),
        "draws": (channels if model.feedback else 0, *deeper),
        "reverse": model.reverse,
        "feedback": model.feedback,
        "teaching": teaching if model.feedback else "",
    }


def _line(spec: RunSpec, layer: str, width: int) -> str:
    """A hidden layer's parts, in order."""
    model = cast(Feedforward, spec.model)
    norm = f"nn.BatchNorm{2 if isinstance(model, Conv) else 1}d({width})" if model.batch_norm else ""
    parts = (layer, norm, LAYERS[model.activation], "Dropout()" if Dials(spec).ever("model_dropout") else "")
    return ", ".join(part for part in parts if part)


BODIES: dict[type[Network], Callable[[RunSpec, Mapping[str, str]], dict[str, object]]] = {
    MLP: _dense,
    Conv: _convolutional,
    Sequence: _recurrent,
}
