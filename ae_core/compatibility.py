"""Which choices go together, and what a choice implies where the spec leaves it open.

Pure and light: no torch, no data is loaded. What follows, follows from the spec and the dataset's record.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

from ae_core.data import Dataset, Form, dataset_of, require, resolve_scaling
from ae_core.data.columns import Span, is_mixed, spans
from ae_core.data.shelf import shelf
from ae_core.dials import Dials
from ae_core.errors import SpecError
from ae_core.spec import (
    DIP,
    MLP,
    MMD,
    Capacity,
    Categorical,
    Conv,
    Factor,
    Feedforward,
    Info,
    KLSparsity,
    KSparse,
    Network,
    NoMatching,
    Own,
    Point,
    Quantised,
    RunSpec,
    Sequence,
    TotalCorrelation,
    Variational,
    changed,
    settings,
)

Output = Literal["identity", "sigmoid", "softmax", "unit_mean", "mixed"]
Gradients = Literal["explicit", "autograd"]
USUAL_OUTPUT: dict[str, Output] = {
    "bce": "sigmoid",
    "continuous_bernoulli": "unit_mean",
    "cross_entropy": "softmax",
    "mixed": "mixed",
}
NAMELESS = ("continuous_bernoulli", "mixed")
"""Losses whose output cannot be asked for by name, since it makes sense with no other loss."""


def check(spec: RunSpec) -> None:
    """Raises SpecError (or DataMissing) with a sentence where the choices of the spec exclude each other."""
    dataset = dataset_of(spec.data)
    require(dataset)
    if isinstance(spec.data, Own):
        shelf().require(spec.data.digest)
    loss, scaling = spec.objective.reconstruction, scaling_kind(spec)
    within_unit = scaling != "standard" and (scaling != "none" or _in_unit(dataset))
    if loss in ("bce", "continuous_bernoulli") and not within_unit:
        raise SpecError(
            f"Binary cross-entropy ({loss}) expects features between 0 and 1, and these are not. "
            "Choose mse, or set data.standardise to minmax."
        )
    if loss == "cross_entropy" and scaling != "distribution" and not takes_counts(spec):
        raise SpecError("Softmax cross-entropy expects each item to be a distribution. Set data.standardise to auto.")
    if scaling == "distribution" and not can_be_distribution(spec):
        raise SpecError(
            f"Softmax cross-entropy expects features that are counts or intensities, never negative; {spec.data.kind} "
            "has negative ones. Choose mse, or a dataset of pictures."
        )
    if spec.model.output not in ("auto", USUAL_OUTPUT.get(loss, spec.model.output)):
        needed = "auto" if loss in NAMELESS else USUAL_OUTPUT[loss]
        raise SpecError(f"{loss} needs the output {needed}; got {spec.model.output}. Choose auto.")
    if spec.model.output == "sigmoid" and not within_unit:
        raise SpecError(
            "A sigmoid output stays between 0 and 1, and these features do not. "
            "Choose the output auto, or set data.standardise to minmax."
        )
    if spec.model.output == "softmax" and scaling != "distribution" and not takes_counts(spec):
        raise SpecError("A softmax output adds up to 1. Choose data.standardise = distribution, or another output.")
    _check_mixed(spec, dataset)
    _check_network(spec)
    _check_conditional(spec)
    _check_code(spec)
    _check_slopes(spec)
    _check_sparsity(spec)
    _check_matching(spec)
    if isinstance(spec.model, MLP) and spec.model.tied and Dials(spec).ever("objective_decoder_decay"):
        raise SpecError(
            "objective.decoder_decay acts on the decoder's own weights, and with tied weights there are none. "
            "Set model.tied to false, or use objective.weight_decay."
        )
    _check_observed(spec)
    _check_schedules(spec)
    _check_corruption(spec)
    if spec.training.gradients == "explicit" and (beyond := beyond_explicit(spec)):
        raise SpecError(
            f"Explicit gradients cover dense layers with the usual terms, and not {beyond}. "
            "Set training.gradients to auto."
        )


def _in_unit(dataset: Dataset) -> bool:
    """Whether all numbers, as they are, lie in 0..1."""
    return dataset.value_range is not None and dataset.value_range[0] >= 0 and dataset.value_range[1] <= 1


def _check_mixed(spec: RunSpec, dataset: Dataset) -> None:
    """Each column is judged by its own likelihood, so there must be columns, and 0 and 1 must have stayed so."""
    if spec.objective.reconstruction != "mixed":
        return
    if not dataset.columns:
        raise SpecError(
            f"The reconstruction mixed judges each column of a table by its own kind, and {spec.data.kind} has no such "
            "columns. Choose mse, or a table with columns."
        )
    if scaling_kind(spec) == "distribution":
        raise SpecError("Columns of several kinds are no distribution. Set data.standardise to auto.")


def _check_observed(spec: RunSpec) -> None:
    objective = spec.objective
    if not objective.observed_only:
        return
    if not dataset_of(spec.data).zero_is_missing:
        raise SpecError(
            f"Only observed entries are to be judged, but in {spec.data.kind} a 0 is a number like any other. Choose a "
            "dataset of ratings, or switch objective.observed_only off."
        )
    if scaling_kind(spec) != "none" or objective.reconstruction not in ("mse", "gaussian"):
        raise SpecError(
            "Observed entries are told by not being 0, so they need data.standardise = none and the reconstruction mse "
            "or gaussian. Choose those, or switch objective.observed_only off."
        )
    if objective.corruption.kind != "none" and objective.corruption.target == "damaged":
        raise SpecError(
            "Either observed entries are judged or damaged ones. Set objective.corruption.target = all, or switch "
            "objective.observed_only off."
        )


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
    constant = isinstance(spec.model, MLP) and spec.model.bias and output_of(spec) == "identity"
    if isinstance(code, Point | KSparse) and code.centred and not constant:
        raise SpecError(
            "A centred code takes the decoder's constant off each item, so it needs dense layers with biases and an "
            "identity output. Choose those (mse has that output), or switch model.code.centred off."
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


SLOPES = {"objective_contractive": "objective.contractive", "objective_decoder_gradient": "objective.decoder_gradient"}
"""Penalties on how one side of the network moves with what it is given."""


def _check_slopes(spec: RunSpec) -> None:
    """A slope is that of one item, so no item may depend on the others of its batch."""
    dials = Dials(spec)
    used = next((SLOPES[key] for key in SLOPES if dials.ever(key)), "")
    if used and batch_norm(spec):
        raise SpecError(
            f"{used} is the slope at each item by itself, and batch norm makes an item depend on the others of its "
            f"batch. Set model.batch_norm to false, or {used} to 0."
        )


FORMS: dict[type[Network], tuple[Form, str]] = {
    Conv: ("image", "A convolutional network expects pictures"),
    Sequence: ("series", "A recurrent network expects series"),
}
"""Networks that take items of one form only, and how to say so."""


def takes(model: Network, form: Form) -> bool:
    """Whether such a network can be trained on items of that form."""
    return type(model) not in FORMS or FORMS[type(model)][0] == form


def on_data(spec: RunSpec, kind: str, digest: str = "") -> RunSpec:
    """The experiment on another dataset, with the dense network where its own cannot take those items.

    A table whose columns are of several kinds is judged column by column, and nothing else is. digest: of somebody's
    own dataset (kind "own").
    """
    moved = changed(spec, {"data_kind": kind} | ({"data_digest": digest} if digest else {}))
    record, adapted = dataset_of(moved.data), dict[str, object]()
    if not takes(moved.model, record.form):
        adapted["model_kind"] = "mlp"
    if is_mixed(record.columns):
        adapted["objective_reconstruction"] = "mixed"
    elif moved.objective.reconstruction == "mixed":
        adapted["objective_reconstruction"] = "mse"
    return changed(moved, adapted)


def _check_network(spec: RunSpec) -> None:
    if not takes(spec.model, dataset_of(spec.data).form):
        expected = FORMS[type(spec.model)][1]
        raise SpecError(f"{expected}, and {spec.data.kind} has none. Choose another dataset, or set model.kind to mlp.")
    if compares_items(spec) and spec.training.batch_size < 2:
        what = "Batch norm" if batch_norm(spec) else f"objective.matching {spec.objective.matching.kind}"
        raise SpecError(f"{what} compares the items of a batch, so training.batch_size must be 2 or more; got 1.")


def _check_sparsity(spec: RunSpec) -> None:
    if isinstance(spec.objective.sparsity, KLSparsity):
        code = spec.model.code
        if not (isinstance(code, Point) and code.activation == "sigmoid"):
            raise SpecError(
                "A target for the mean activity needs a code between 0 and 1. Choose a point code with the activation "
                "sigmoid, or no sparsity target."
            )


OF_PAIRS = (TotalCorrelation, Info, MMD, Factor)  # matchings that compare codes with each other
OF_CLOUDS = (Capacity, TotalCorrelation, DIP, Info, Factor)  # matchings that need a Gaussian code


USUAL = (1, "normal")  # draws and prior of the plain VAE


def compares_items(spec: RunSpec) -> bool:
    """Whether a batch needs two items, because they are compared with each other."""
    return batch_norm(spec) or isinstance(spec.objective.matching, OF_PAIRS)


def _check_matching(spec: RunSpec) -> None:
    """What shapes all codes together needs codes of the kind that it shapes."""
    matching, code = spec.objective.matching, spec.model.code
    if isinstance(code, Variational) and not isinstance(matching, NoMatching) and (code.samples, code.prior) != USUAL:
        raise SpecError(
            f"objective.matching {matching.kind} goes with one draw and the normal prior; got {code.samples} and "
            f"{code.prior}. Choose model.code.samples = 1 and model.code.prior = normal, or the matching none."
        )
    if isinstance(code, Variational) and code.prior == "vamp" and (batch_norm(spec) or classes(spec)):
        raise SpecError(
            "The prior vamp sends pseudo-inputs through the encoder by themselves, which have no class and would "
            "disturb batch norm. Set model.batch_norm and model.conditional to false, or choose the prior normal."
        )
    if isinstance(matching, OF_CLOUDS) and not isinstance(code, Variational):
        raise SpecError(
            f"objective.matching {matching.kind} needs the code variational, got {code.kind}. "
            "Choose that code, or another matching."
        )
    if not isinstance(matching, NoMatching) and not isinstance(code, Point | Variational):
        raise SpecError(
            f"objective.matching {matching.kind} compares codes with draws of a Gaussian, which needs the code "
            f"point or variational, got {code.kind}. Choose one of them, or the matching none."
        )
    if isinstance(matching, Info):
        plans = [plan for plan in spec.schedules if plan.setting == "objective_matching_weight"]
        least = min((end for plan in plans for end in (plan.start, plan.end)), default=matching.weight)
        if matching.alpha + least < 1:
            raise SpecError(
                "objective.matching info expects alpha + weight to be 1 or more, or the codes would be pushed away "
                f"from the prior; got {matching.alpha:g} + {least:g}. Raise the weight."
            )


def _check_corruption(spec: RunSpec) -> None:
    corruption = spec.objective.corruption
    moved = [plan for plan in spec.schedules if plan.setting == "objective_corruption_level"]
    most = max([corruption.level, *(end for plan in moved for end in (plan.start, plan.end))])
    if corruption.kind in ("masking", "salt_pepper") and most > 0.95:
        raise SpecError("objective.corruption.level: at most 0.95 of the features can be hit, or nothing is left.")
    if corruption.target == "all" or corruption.kind == "none":
        return
    if corruption.kind == "gaussian":
        raise SpecError(
            "Gaussian noise hits every feature, so there is no telling damaged from undamaged ones. "
            "Choose masking, or objective.corruption.target = all."
        )
    if corruption.level == 0 and not moved:
        raise SpecError(
            "Only damaged features are judged, and none is damaged. Set objective.corruption.level above 0, or "
            "objective.corruption.target = all."
        )


def _check_schedules(spec: RunSpec) -> None:
    """Each schedule moves a number of this spec that may move, between values that it may have, and none twice."""
    if not spec.schedules:
        return
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
    return resolve_scaling(dataset_of(spec.data), spec.data.standardise, spec.objective.reconstruction)


def can_be_distribution(spec: RunSpec) -> bool:
    """Whether no feature of the dataset is ever negative."""
    return dataset_of(spec.data).nonnegative


def output_of(spec: RunSpec) -> Output:
    """Shape of the last layer, once `auto` is decided: what the loss implies; for mse the identity.

    The mean of a Gaussian may be any number, so squared error goes with an identity output: its gradient does not
    vanish where a sigmoid would saturate, and without hidden layers the network is exactly linear, like PCA.
    """
    if spec.model.output != "auto":
        return spec.model.output
    return USUAL_OUTPUT.get(spec.objective.reconstruction, "identity")


EXPLICIT: dict[str, tuple[str, ...] | None] = {
    "model_hidden": None,
    "model_activation": ("relu", "tanh", "sigmoid", "gelu", "identity"),
    "model_dropout": None,
    "model_tied": None,
    "model_bias": None,
    "model_output": ("auto", "identity", "sigmoid"),
    "model_code_kind": ("point", "variational"),
    "model_code_latent_dim": None,
    "model_code_activation": ("identity", "relu", "sigmoid", "tanh"),
    "model_code_beta": None,
    "objective_reconstruction": ("mse", "bce"),
    "objective_weight_decay": None,
    "objective_weight_l1": None,
    "objective_code_l1": None,
    "objective_corruption_kind": ("none", "gaussian", "masking", "salt_pepper"),
    "objective_corruption_level": None,
    "optimizer_kind": ("adam", "adamw", "sgd", "rmsprop"),
    "optimizer_learning_rate": None,
    "optimizer_momentum": None,
    "optimizer_schedule": None,
}
"""What `training.explicit` has the derivatives of: settings, and of those with words which words."""


@lru_cache(maxsize=1024)
def beyond_explicit(spec: RunSpec) -> str:
    """The first setting of which the explicit gradients know nothing, as `key = value`, or nothing.

    A setting that they do not know must be at its default, so what is added later is not known by itself. Data and the
    course of training do not count.
    """
    if not isinstance(spec.model, MLP):
        return f"model_kind = {spec.model.kind}"
    for leaf in settings(spec):
        if leaf.key.startswith(("data_", "training_")) or leaf.key == "schedules":
            continue
        words = EXPLICIT.get(leaf.key, ())
        if leaf.value != leaf.default if words == () else words is not None and leaf.value not in words:
            return f"{leaf.key} = {leaf.value}"
    moved = (plan.setting for plan in spec.schedules if plan.setting not in EXPLICIT)
    return next((f"schedules = {setting}" for setting in moved), "")


def gradients_of(spec: RunSpec) -> Gradients:
    """How gradients are found, once `auto` is decided: explicitly wherever that can be, which is always faster."""
    if spec.training.gradients != "auto":
        return spec.training.gradients
    return "autograd" if beyond_explicit(spec) else "explicit"


def features(spec: RunSpec) -> int:
    """Numbers in one item."""
    return math.prod(dataset_of(spec.data).shape(spec.data))


def has_stars(spec: RunSpec) -> bool:
    """Whether entries of an item are opinions that the loss takes as numbers, and not only that there is one."""
    return dataset_of(spec.data).zero_is_missing and spec.objective.reconstruction != "cross_entropy"


def takes_counts(spec: RunSpec) -> bool:
    """Whether items are counts that cross-entropy takes as they are, a multinomial likelihood (Liang et al., 2018)."""
    loss, counts = spec.objective.reconstruction, dataset_of(spec.data).counts
    return loss == "cross_entropy" and counts and scaling_kind(spec) == "none"


def unit_input(spec: RunSpec) -> bool:
    """Whether each item is brought to length 1 before the encoder sees it."""
    return isinstance(spec.model, MLP) and spec.model.unit_input


def classes(spec: RunSpec) -> int:
    """Width of the one-hot class that both nets of a conditional model are told; 0 for every other model."""
    conditional = isinstance(spec.model, MLP) and spec.model.conditional
    return len(dataset_of(spec.data).label_names) if conditional else 0


def column_spans(spec: RunSpec) -> tuple[Span, ...]:
    """The features by the kind of their column, in order; none where the dataset has no columns."""
    return spans(dataset_of(spec.data).columns)


def training_items(spec: RunSpec) -> int:
    """Items that are learned from (for grouped splits: about)."""
    count = dataset_of(spec.data).count(spec.data)
    return count - math.ceil(count * spec.data.val_fraction)


def is_sparse(spec: RunSpec) -> bool:
    """Whether numbers of the code can rest at exactly zero."""
    code = spec.model.code
    return isinstance(code, KSparse) or (isinstance(code, Point) and code.activation == "relu")


def code_width(spec: RunSpec) -> int:
    """Numbers that the decoder sees of a code: `latent_dim`, or all classes of all choices of a categorical one."""
    code = spec.model.code
    return code.latent_dim * code.classes if isinstance(code, Categorical) else code.latent_dim


def code_bits(spec: RunSpec) -> float:
    """Bits of one item's code: of the choices where it is made of choices, else 32 a number."""
    code = spec.model.code
    if isinstance(code, Quantised):
        return code.slots * math.log2(code.codebook_size)
    return code.latent_dim * (math.log2(code.classes) if isinstance(code, Categorical) else 32.0)


def batch_norm(spec: RunSpec) -> bool:
    """Whether the network compares the items of a batch."""
    return isinstance(spec.model, Feedforward) and spec.model.batch_norm and bool(spec.model.sizes)
