"""Which choices go together, and how large the network they describe is: all that can be said without training.

Pure and light: no torch, no data is loaded. Sizes follow from the spec and the dataset's record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from ae_core.data import DATASETS, missing, resolve_scaling
from ae_core.dials import Dials
from ae_core.errors import DataMissing, SpecError
from ae_core.spec import (
    MLP,
    Capacity,
    Categorical,
    KLSparsity,
    KSparse,
    Point,
    Quantised,
    RunSpec,
    TotalCorrelation,
    Variational,
    settings,
)

Output = Literal["identity", "sigmoid", "softmax", "unit_mean"]
USUAL_OUTPUT: dict[str, Output] = {"bce": "sigmoid", "continuous_bernoulli": "unit_mean", "cross_entropy": "softmax"}


def check(spec: RunSpec) -> None:
    """Raises SpecError (or DataMissing) with a sentence where the choices of the spec exclude each other."""
    dataset = DATASETS[spec.data.kind]
    if package := missing(dataset):
        raise DataMissing(f"The dataset {spec.data.kind} needs the package {package}: pip install {package}")
    loss, scaling = spec.objective.reconstruction, scaling_kind(spec)
    within_unit = scaling != "standard" and (scaling != "none" or dataset.value_range is not None)
    if loss in ("bce", "continuous_bernoulli") and not within_unit:
        raise SpecError(
            f"Binary cross-entropy ({loss}) expects features between 0 and 1, and these are not. "
            "Choose mse, or set data.standardise to minmax."
        )
    if loss == "cross_entropy" and scaling != "distribution":
        raise SpecError("Softmax cross-entropy expects each item to be a distribution. Set data.standardise to auto.")
    if scaling == "distribution" and not can_be_distribution(spec):
        raise SpecError(
            f"Softmax cross-entropy expects features that are counts or intensities, never negative; {spec.data.kind} "
            "has negative ones. Choose mse, or a dataset of pictures."
        )
    if spec.model.output not in ("auto", USUAL_OUTPUT.get(loss, spec.model.output)):
        needed = USUAL_OUTPUT[loss] if loss != "continuous_bernoulli" else "auto"
        raise SpecError(f"{loss} needs the output {needed}; got {spec.model.output}. Choose auto.")
    if spec.model.output == "sigmoid" and not within_unit:
        raise SpecError(
            "A sigmoid output stays between 0 and 1, and these features do not. "
            "Choose the output auto, or set data.standardise to minmax."
        )
    if spec.model.output == "softmax" and scaling != "distribution":
        raise SpecError("A softmax output adds up to 1. Choose data.standardise = distribution, or another output.")
    if compares_items(spec) and spec.training.batch_size < 2:
        what = "Batch norm" if spec.model.batch_norm else f"objective.matching {spec.objective.matching.kind}"
        raise SpecError(f"{what} compares the items of a batch, so training.batch_size must be 2 or more; got 1.")
    _check_conditional(spec)
    _check_code(spec)
    _check_sparsity(spec)
    _check_matching(spec)
    if spec.model.tied and Dials(spec).ever("objective_decoder_decay"):
        raise SpecError(
            "objective.decoder_decay acts on the decoder's own weights, and with tied weights there are none. "
            "Set model.tied to false, or use objective.weight_decay."
        )
    _check_schedules(spec)
    _check_corruption(spec)


def _check_conditional(spec: RunSpec) -> None:
    if not (isinstance(spec.model, MLP) and spec.model.conditional):
        return
    if not classes(spec):
        raise SpecError(
            f"A conditional model is told each item's class, and the items of {spec.data.kind} have none. "
            "Choose a dataset with classes, or switch model.conditional off."
        )
    if spec.model.tied:
        raise SpecError(
            "A conditional decoder takes the class beside the code, so it is no mirror image of the encoder. "
            "Switch model.tied or model.conditional off."
        )


def _check_code(spec: RunSpec) -> None:
    code = spec.model.code
    if isinstance(code, KSparse):
        ends = [end for plan in spec.schedules if plan.setting == "model_code_k" for end in (plan.start, plan.end)]
        if max([code.k, *ends]) > code.latent_dim:
            raise SpecError(
                f"model.code.k: of {code.latent_dim} numbers at most {code.latent_dim} can be kept, got "
                f"{max([code.k, *ends]):g}. Choose a smaller k or a wider code."
            )
    if isinstance(code, Quantised) and code.latent_dim % code.slots:
        raise SpecError(
            f"model.code.slots: a code of {code.latent_dim} numbers cannot be shared out evenly among {code.slots} "
            f"entries. Choose a width that is a multiple of {code.slots}, or other slots."
        )
    if isinstance(code, Quantised | Categorical) and Dials(spec).ever("objective_contractive"):
        raise SpecError(
            f"A contractive penalty asks how the code moves with the input, and a {code.kind} code jumps. Choose a "
            "point code, or set objective.contractive to 0."
        )


def _check_sparsity(spec: RunSpec) -> None:
    if isinstance(spec.objective.sparsity, KLSparsity):
        code = spec.model.code
        if not (isinstance(code, Point) and code.activation == "sigmoid"):
            raise SpecError(
                "A target for the mean activity needs a code between 0 and 1. Choose a point code with the activation "
                "sigmoid, or no sparsity target."
            )


OF_PAIRS = (TotalCorrelation,)  # matchings that compare codes with each other
OF_CLOUDS = (Capacity, TotalCorrelation)  # matchings that need a Gaussian code


def compares_items(spec: RunSpec) -> bool:
    """Whether a batch needs two items, because they are compared with each other."""
    return spec.model.batch_norm or isinstance(spec.objective.matching, OF_PAIRS)


def _check_matching(spec: RunSpec) -> None:
    """What shapes all codes together needs codes of the kind that it shapes."""
    matching, code = spec.objective.matching, spec.model.code
    if isinstance(matching, OF_CLOUDS) and not isinstance(code, Variational):
        raise SpecError(
            f"objective.matching {matching.kind} needs the code variational, got {code.kind}. "
            "Choose that code, or another matching."
        )


def _check_corruption(spec: RunSpec) -> None:
    corruption = spec.objective.corruption
    if corruption.kind in ("masking", "salt_pepper") and corruption.level > 0.95:
        raise SpecError("objective.corruption.level: at most 0.95 of the features can be hit, or nothing is left.")
    if corruption.target == "all" or corruption.kind == "none":
        return
    if corruption.kind == "gaussian":
        raise SpecError(
            "Gaussian noise hits every feature, so there is no telling damaged from undamaged ones. "
            "Choose masking, or objective.corruption.target = all."
        )
    if corruption.level == 0 and "objective_corruption_level" not in [plan.setting for plan in spec.schedules]:
        raise SpecError(
            "Only damaged features are judged, and none is damaged. Set objective.corruption.level above 0, or "
            "objective.corruption.target = all."
        )


def _check_schedules(spec: RunSpec) -> None:
    """Each schedule moves a number of this spec that may move, between values that it may have, and none twice."""
    leaves = {leaf.key: leaf for leaf in settings(spec)}
    for number, plan in enumerate(spec.schedules):
        leaf = leaves.get(plan.setting)
        if leaf is None or not leaf.knob.moves:
            able = ", ".join(key for key, found in leaves.items() if found.knob.moves)
            raise SpecError(f"schedules.{number}: {plan.setting[:60]!r} cannot move over the run; these can: {able}.")
        if any(plan.setting == other.setting for other in spec.schedules[:number]):
            raise SpecError(f"schedules.{number}: {plan.setting} already has a schedule. Keep one of them.")
        low, high = leaf.low or 0.0, math.inf if leaf.high is None else leaf.high
        if not all(low <= value <= high for value in (plan.start, plan.end)):
            raise SpecError(
                f"schedules.{number}: {plan.setting} must stay between {low:g} and {high:g}, "
                f"got {plan.start:g} to {plan.end:g}."
            )


def scaling_kind(spec: RunSpec) -> str:
    """How the features are scaled, once `auto` is decided."""
    return resolve_scaling(DATASETS[spec.data.kind], spec.data.standardise, spec.objective.reconstruction)


def can_be_distribution(spec: RunSpec) -> bool:
    """Whether no feature of the dataset is ever negative."""
    return DATASETS[spec.data.kind].nonnegative


def output_of(spec: RunSpec) -> Output:
    """Shape of the last layer, once `auto` is decided: what the loss implies; for mse the identity.

    The mean of a Gaussian may be any number, so squared error goes with an identity output: its gradient does not
    vanish where a sigmoid would saturate, and without hidden layers the network is exactly linear, like PCA.
    """
    if spec.model.output != "auto":
        return spec.model.output
    return USUAL_OUTPUT.get(spec.objective.reconstruction, "identity")


def features(spec: RunSpec) -> int:
    """Numbers in one item."""
    return math.prod(DATASETS[spec.data.kind].shape(spec.data))


def classes(spec: RunSpec) -> int:
    """Width of the one-hot class that both nets of a conditional model are told; 0 for every other model."""
    conditional = isinstance(spec.model, MLP) and spec.model.conditional
    return len(DATASETS[spec.data.kind].label_names) if conditional else 0


def training_items(spec: RunSpec) -> int:
    """Items that are learned from (for grouped splits: about)."""
    count = DATASETS[spec.data.kind].count(spec.data)
    return count - math.ceil(count * spec.data.val_fraction)


def code_width(spec: RunSpec) -> int:
    """Numbers that the decoder sees of a code: `latent_dim`, or all classes of all choices of a categorical one."""
    code = spec.model.code
    return code.latent_dim * code.classes if isinstance(code, Categorical) else code.latent_dim


def widths(spec: RunSpec) -> tuple[int, ...]:
    """Every layer's width from input to output."""
    down = (features(spec), *spec.model.hidden)
    return (*down, code_width(spec), *reversed(down))


def parameter_count(spec: RunSpec) -> int:
    """Numbers to learn: weights, biases, batch-norm scales, a codebook learned by gradient; tied weights count once."""
    sizes, middle = widths(spec), len(spec.model.hidden) + 1
    pairs = list(zip(sizes, sizes[1:], strict=False))
    for first in (0, middle):  # of the encoder's layers and of the decoder's: they see the class too
        pairs[first] = (pairs[first][0] + classes(spec), pairs[first][1])
    if isinstance(spec.model.code, Variational):
        pairs.insert(middle, pairs[middle - 1])  # the second head, log variance
    encoders = pairs[: len(pairs) - middle]
    weights = sum(a * b for a, b in (encoders if spec.model.tied else pairs))
    biases = sum(b for _, b in pairs) if spec.model.bias else 0
    scales = 4 * sum(spec.model.hidden) if spec.model.batch_norm else 0
    noise = 1 if spec.objective.reconstruction == "gaussian" else 0
    code, entries = spec.model.code, 0
    if isinstance(code, Quantised) and not code.ema:
        entries = code.codebook_size * (code.latent_dim // code.slots)
    return weights + biases + scales + noise + entries


def step_flops(spec: RunSpec) -> float:
    """Multiplications and additions of one training step: three products a layer, two operations each."""
    sizes = widths(spec)
    return 6.0 * spec.training.batch_size * sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))


def steps_per_epoch(spec: RunSpec) -> int:
    """Optimiser steps in one pass over the training items."""
    return max(1, math.ceil(training_items(spec) / spec.training.batch_size))


def seconds_per_epoch(spec: RunSpec, facts: Mapping[str, float]) -> float:
    """About how long one pass takes, with measuring the items kept aside, on a worker that found these facts of itself.

    facts: `overhead_seconds` of a step, `layer_seconds` of each layer in it, and `flops_per_second`.
    """
    sizes = widths(spec)
    step = facts["overhead_seconds"] + (len(sizes) - 1) * facts["layer_seconds"]
    kept = DATASETS[spec.data.kind].count(spec.data) - training_items(spec)
    measured = 2.0 * kept * sum(a * b for a, b in zip(sizes, sizes[1:], strict=False))
    trained = steps_per_epoch(spec) * step_flops(spec)
    return steps_per_epoch(spec) * step + (trained + measured) / facts["flops_per_second"]
