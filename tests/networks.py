"""Networks of every kind to be run in another way: drawn at random, or trained for a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ae_core.compatibility import check, classes, features, takes_counts
from ae_core.data import DATASETS
from ae_core.errors import AeError
from ae_core.models import build
from ae_core.probes.specimen import Specimen, revive
from ae_core.spec import RunSpec, Schedule, changed
from ae_core.training import Trainer
from ae_core.variants import VARIANTS, spec_of

Settings = Mapping[str, Any]

BODIES: dict[str, Settings] = {
    "mlp": {"data_kind": "digits", "model_hidden": (12, 7)},
    "conv": {"data_kind": "digits", "model_kind": "conv", "model_channels": (3, 6)},
    "sequence": {
        "data_kind": "waves",
        "data_steps": 8,
        "data_standardise": "minmax",
        "model_kind": "sequence",
        "model_width": 7,
    },
}
CODES: dict[str, Settings] = {
    **{f"point-{bend}": {"model_code_activation": bend} for bend in ("identity", "relu", "sigmoid", "tanh")},
    "variational": {"model_code_kind": "variational"},
    **{
        f"k_sparse-{bend}": {
            "model_code_kind": "k_sparse",
            "model_code_activation": bend,
            "model_code_k": 2,
            "model_code_test_factor": 1.5,
        }
        for bend in ("identity", "relu")
    },
    "quantised": {"model_code_kind": "quantised", "model_code_slots": 3, "model_code_codebook_size": 9},
    "categorical": {"model_code_kind": "categorical", "model_code_classes": 3},
}
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "identity")
OUTPUTS: dict[str, Settings] = {
    "identity": {"objective_reconstruction": "mse"},
    "sigmoid": {"objective_reconstruction": "bce"},
    "softmax": {"objective_reconstruction": "cross_entropy", "data_standardise": "auto"},
    "unit_mean": {"objective_reconstruction": "continuous_bernoulli"},
}
PECULIAR: dict[str, Settings] = {
    "mlp-linear": {"model_hidden": ()},
    "mlp-tied": {"model_hidden": (12, 7), "model_tied": True},
    "mlp-tied-norm": {"model_hidden": (12, 7), "model_tied": True, "model_batch_norm": True},
    "mlp-norm": {"model_hidden": (12, 7), "model_batch_norm": True, "model_activation": "gelu"},
    "mlp-no-bias": {"model_hidden": (12, 7), "model_bias": False},
    "mlp-dropout": {"model_hidden": (12, 7), "model_dropout": 0.5},
    "mlp-unit": {"model_hidden": (12, 7), "model_unit_input": True},
    "mlp-conditional": {"model_hidden": (12, 7), "model_conditional": True},
    "mlp-conditional-unit": {"model_hidden": (12, 7), "model_conditional": True, "model_unit_input": True},
    "mlp-centred": {"model_hidden": (12,), "model_code_centred": True, "model_unit_input": True},
    "mlp-centred-k": {"model_code_kind": "k_sparse", "model_code_latent_dim": 9, "model_code_centred": True},
    "mlp-one": {"model_hidden": (1,), "model_code_latent_dim": 1},
    "mlp-wide": {"model_hidden": (40,), "model_code_latent_dim": 256},
    "mlp-k-moved": {
        "model_code_kind": "k_sparse",
        "model_code_latent_dim": 9,
        "schedules": (Schedule(setting="model_code_k", start=7, end=3),),
    },
    "mlp-counts": {
        "data_kind": "baskets",
        "data_standardise": "none",
        "objective_reconstruction": "cross_entropy",
        "model_unit_input": True,
    },
    "mlp-ratings": {"data_kind": "ratings"},
    "mlp-mixed": {"data_kind": "tips", "objective_reconstruction": "mixed"},
    "mlp-wine": {"data_kind": "wine", "model_output": "identity"},
    "conv-norm": {"model_kind": "conv", "model_channels": (4, 5), "model_batch_norm": True},
    "conv-no-bias": {"model_kind": "conv", "model_channels": (3, 4), "model_bias": False},
    "conv-deep": {"model_kind": "conv", "model_channels": (3, 4, 5, 6)},
    "conv-odd-nearest": {"data_kind": "faces", "model_kind": "conv", "model_channels": (3, 4, 2)},
    "conv-odd-transposed": {
        "data_kind": "faces",
        "model_kind": "conv",
        "model_channels": (3, 4, 2),
        "model_upsampling": "transposed",
    },
    "conv-odd-shuffle": {
        "data_kind": "faces",
        "model_kind": "conv",
        "model_channels": (3, 4, 2),
        "model_upsampling": "shuffle",
        "model_batch_norm": True,
    },
    "conv-wide": {"data_kind": "mnist5k", "model_kind": "conv"},
}


def _grid() -> Iterator[tuple[str, Settings]]:
    """Each body with each activation, code and output, as far as the code's bend and the body's own form go."""
    for bend, code, output in product(ACTIVATIONS, CODES, OUTPUTS):
        settings = {**BODIES["mlp"], "model_activation": bend, "model_code_latent_dim": 6, **CODES[code]}
        yield f"mlp-{bend}-{code}-{output}", settings | OUTPUTS[output]
    for bend, doubling, kernel in product(ACTIVATIONS, ("nearest", "transposed", "shuffle"), (3, 5)):
        form = {"model_activation": bend, "model_upsampling": doubling, "model_kernel": kernel}
        yield f"conv-{bend}-{doubling}-{kernel}", {**BODIES["conv"], **form}
    for code, output in product(CODES, OUTPUTS):
        settings = {**BODIES["conv"], "model_code_latent_dim": 6, **CODES[code]}
        yield f"conv-{code}-{output}", settings | OUTPUTS[output]
    for feedback, back, depth, bias in product((False, True), (False, True), (1, 2), (False, True)):
        form = {"model_feedback": feedback, "model_reverse": back, "model_layers": depth, "model_bias": bias}
        yield f"sequence-feedback_{feedback}-reverse_{back}-{depth}-bias_{bias}", {**BODIES["sequence"], **form}
    for code, output, feedback in product(CODES, OUTPUTS, (False, True)):
        settings = {**BODIES["sequence"], "model_code_latent_dim": 6, "model_feedback": feedback, **CODES[code]}
        yield f"sequence-{code}-{output}-feedback_{feedback}", settings | OUTPUTS[output]
    yield from PECULIAR.items()


@cache
def networks() -> dict[str, RunSpec]:
    """By name: the grid as far as `check` lets it pass, what is peculiar, and every variant."""
    found = {name: changed(RunSpec(), settings) for name, settings in _grid()}
    found |= {f"variant-{name}": spec_of(name) for name in VARIANTS}
    return {name: spec for name, spec in found.items() if name in PECULIAR or _passes(spec)}


def _passes(spec: RunSpec) -> bool:
    try:
        check(spec)
    except AeError:
        return False
    return True


def drawn(spec: RunSpec, seed: int = 0) -> Specimen:
    """That network with weights at random, as if it had learned: nothing is zero, one or equal any more that is so at
    the start.
    """
    generator = torch.Generator().manual_seed(seed)
    model = build(spec, generator, generator).eval().requires_grad_(False)
    for weight in model.parameters():
        weight.add_(0.03 * torch.randn(weight.shape, generator=generator))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for part in (module.running_mean, module.weight, module.bias):
                part.normal_(generator=generator)
            module.running_var.uniform_(0.2, 2, generator=generator)
    if hasattr(model.code, "codebook"):
        model.code.codebook.normal_(generator=generator).mul_(0.3)
    return Specimen(f"drawn-{seed}", spec, 0, model)


LEVEL = ("k_sparse", "quantised", "categorical")


def level(code: str) -> Specimen:
    """A network whose code has to choose among equals."""
    specimen = drawn(changed(RunSpec(), {**BODIES["mlp"], "model_code_latent_dim": 6, **CODES[_like(code)]}))
    bottleneck = specimen.model.code
    bottleneck.dense.weight.zero_()
    bottleneck.dense.bias.copy_(torch.tensor([1.0, 2.0, 0.0] * (len(bottleneck.dense.bias) // 3)))
    if hasattr(bottleneck, "codebook"):
        bottleneck.codebook[5:7] = torch.tensor([[0.9, 1.9], [0.9, 1.9]])
        bottleneck.codebook[2] = bottleneck.codebook[7] = torch.tensor([0.0, 1.0])
    else:
        bottleneck.dense.bias[3:].fill_(2.0)  # more of them than are kept
    return specimen


def _like(code: str) -> str:
    return next(name for name in CODES if name.startswith(code))


def trained(spec: RunSpec, steps: int) -> Specimen:
    """That network after so many steps of training."""
    trainer = Trainer(spec)
    trainer.start()
    trainer.advance(steps=steps)
    return revive("trained", spec, steps, trainer.checkpoint(), trainer.goal)


def some(spec: RunSpec, count: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Items (count, features) such as the network could see, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, features(spec), generator=generator)
    if takes_counts(spec):
        x = torch.floor(6 * x.square())
    elif DATASETS[spec.data.kind].form != "image":
        x = 4 * x - 2
    return x, torch.randint(max(classes(spec), 1), (count,), generator=generator)


def answers(specimen: Specimen, x: Tensor, labels: Tensor) -> dict[str, np.ndarray]:
    """What PyTorch says of these items: all that is known of their codes, `y` of these codes, and `again` of x."""
    model = specimen.model.given(labels)
    with torch.inference_mode():
        coded = model.encode(x)
        found = {name: value for name, value in vars(coded).items() if value is not None}
        found |= {"z": coded.centre, "y": model.decode(coded.centre), "again": model.reconstruct(x)}
    return {name: value.flatten(1).numpy() for name, value in found.items()}
