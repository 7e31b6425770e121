"""Which choices go together, said before anything is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ae_core.compatibility import can_be_distribution, check, on_data, scaling_kind, takes_counts
from ae_core.data import prepare
from ae_core.errors import SpecError
from ae_core.sizes import LAYERS
from ae_core.spec import Network, RunSpec, Schedule, changed
from tests.standins import HERE


def spec_with(**values: Any) -> RunSpec:
    return changed(RunSpec(), values)


@pytest.mark.parametrize("kind", HERE)
@pytest.mark.parametrize("reconstruction", ["mse", "bce", "cross_entropy"])
@pytest.mark.parametrize("standardise", ["auto", "none", "standard", "minmax", "distribution"])
def test_a_loss_and_a_scaling_that_are_accepted_fit_the_data(kind: str, reconstruction: str, standardise: str) -> None:
    """What `check` lets pass gives targets in the range that the loss needs."""
    spec = spec_with(data_kind=kind, objective_reconstruction=reconstruction, data_standardise=standardise)
    try:
        check(spec)
    except SpecError:
        return  # the sentences are tested below
    split = prepare(spec.data, reconstruction)
    for part in (split.train, split.val):
        if reconstruction == "bce":
            assert part.min() >= 0
            assert part.max() <= 1
        if takes_counts(spec):
            assert np.array_equal(part, part.round())
        elif reconstruction == "cross_entropy":
            assert part.min() >= 0
            assert part.sum(axis=1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"data_kind": "swiss_roll", "objective_reconstruction": "bce"}, "bce.*minmax"),
        ({"data_kind": "swiss_roll", "objective_reconstruction": "bce", "data_standardise": "none"}, "bce.*minmax"),
        ({"objective_reconstruction": "bce", "data_standardise": "standard"}, "bce.*minmax"),
        ({"data_kind": "swiss_roll", "objective_reconstruction": "cross_entropy"}, "negative"),
        ({"data_kind": "moons", "data_standardise": "distribution"}, "negative"),
        ({"objective_reconstruction": "cross_entropy", "data_standardise": "minmax"}, "auto"),
        ({"objective_reconstruction": "bce", "model_output": "identity"}, "sigmoid"),
        ({"objective_reconstruction": "cross_entropy", "model_output": "sigmoid"}, "softmax"),
        ({"model_output": "softmax"}, "softmax.*distribution"),
        ({"model_batch_norm": True, "training_batch_size": 1}, "batch_size"),
        ({"model_kind": "conv", "data_kind": "wine"}, "pictures.*wine.*mlp"),
        ({"objective_corruption_kind": "masking", "objective_corruption_level": 1.0}, "corruption"),
        ({"objective_corruption_kind": "salt_pepper", "objective_corruption_level": 0.96}, "corruption"),
        ({"objective_corruption_kind": "gaussian", "objective_corruption_target": "damaged"}, "every feature.*masking"),
        ({"objective_corruption_kind": "masking", "objective_corruption_target": "damaged"}, "level above 0"),
        ({"objective_contractive": 0.1, "model_batch_norm": True}, "contractive is the slope.*batch_norm to false"),
        ({"objective_decoder_gradient": 0.1, "model_batch_norm": True}, "decoder_gradient is the slope"),
    ],
)
def test_choices_that_exclude_each_other_are_refused_in_a_sentence(values: dict[str, Any], words: str) -> None:
    """Each refusal says what does not fit and what to choose instead."""
    with pytest.raises(SpecError, match=words) as refused:
        check(spec_with(**values))
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"objective_reconstruction": "bce"},
        {"objective_reconstruction": "cross_entropy"},
        {"model_output": "sigmoid"},
        {"model_hidden": (), "model_activation": "identity"},
        {"data_kind": "swiss_roll", "objective_reconstruction": "bce", "data_standardise": "minmax"},
        {"data_kind": "wine", "objective_reconstruction": "cross_entropy"},
        {"model_batch_norm": True, "training_batch_size": 2},
        {"model_batch_norm": True, "model_hidden": (), "training_batch_size": 1},
        {"objective_corruption_kind": "gaussian", "objective_corruption_level": 1.0},
        {"model_tied": True, "model_code_kind": "variational"},
        {"model_kind": "conv"},
        {"model_kind": "conv", "data_kind": "faces", "objective_reconstruction": "bce"},
    ],
)
def test_choices_that_fit_are_let_pass(values: dict[str, Any]) -> None:
    """Nothing sensible is refused."""
    check(spec_with(**values))


@pytest.mark.parametrize("kind", HERE)
def test_every_dataset_works_with_the_usual_choices(kind: str) -> None:
    """Clicking another dataset card never ends in a refusal."""
    check(spec_with(data_kind=kind))


@pytest.mark.parametrize("kind", HERE)
@pytest.mark.parametrize("network", sorted(LAYERS, key=str))
def test_another_dataset_never_leaves_a_network_that_cannot_take_it(kind: str, network: type[Network]) -> None:
    """From any network, clicking another dataset card gives an experiment that can be trained."""
    start = changed(RunSpec(), {"model_kind": network.model_fields["kind"].default})
    assert on_data(start, kind).data.kind == kind
    check(on_data(start, kind))


@pytest.mark.parametrize("kind", HERE)
def test_a_dataset_is_called_nonnegative_only_if_it_is(kind: str) -> None:
    """What may be read as a distribution follows from the numbers themselves."""
    spec = spec_with(data_kind=kind)
    raw = prepare(spec.data, "mse").scaling.undo(prepare(spec.data, "mse").train)
    assert not can_be_distribution(spec) or raw.min() >= -1e-5
    assert scaling_kind(spec) in ("none", "standard")


@pytest.mark.parametrize("kind", ["masking", "salt_pepper"])
@pytest.mark.parametrize("ends", [(0.1, 1.0), (1.0, 0.1), (0.96, 0.96)])
def test_a_schedule_may_not_hide_everything_either(kind: str, ends: tuple[float, float]) -> None:
    """What one level may not be, no moment of a schedule may be; Gaussian noise may be as strong as it likes."""
    plan = Schedule(setting="objective_corruption_level", start=ends[0], end=ends[1])
    moved = changed(RunSpec(), {"objective_corruption_kind": kind, "schedules": (plan,)})
    with pytest.raises(SpecError, match="at most 0.95"):
        check(moved)
    check(changed(moved, {"objective_corruption_kind": "gaussian"}))
