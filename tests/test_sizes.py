"""How large a network is and what it costs, said before anything is built or trained."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_core.compatibility import code_width, features, training_items
from ae_core.data import prepare
from ae_core.models import build
from ae_core.sizes import parameter_count, seconds_per_epoch, step_flops, steps_per_epoch, widths
from ae_core.spec import MLP, RunSpec, changed
from tests.standins import HERE
from tests.strategies import specs

SMALL = st.lists(st.integers(1, 40), max_size=6).map(tuple)


def known(spec: RunSpec) -> bool:
    """Whether the dataset is one that is there on every machine."""
    return spec.data.kind != "own"


@settings(max_examples=60)
@given(specs(model=specs(MLP, hidden=SMALL)).filter(known))
def test_parameters_are_counted_without_building_the_model(spec: RunSpec) -> None:
    """The number on the hourglass equals the number of values that torch would learn."""
    model = build(spec, torch.Generator().manual_seed(0), torch.Generator())
    assert parameter_count(spec) == sum(part.numel() for part in model.learned())


@given(specs().filter(known))
def test_widths_lead_down_to_the_code_and_the_same_way_up(spec: RunSpec) -> None:
    """The hourglass is symmetric, begins and ends with the item, and is narrowest by name in the middle."""
    sizes = widths(spec)
    assert sizes == sizes[::-1]
    assert sizes[0] == features(spec)
    assert sizes[len(sizes) // 2] == code_width(spec)


@pytest.mark.parametrize("kind", HERE)
def test_sizes_are_known_before_the_data_is_loaded(kind: str) -> None:
    """Items, features and steps an epoch follow from the record and equal those of the loaded data."""
    spec = changed(RunSpec(), {"data_kind": kind})
    split = prepare(spec.data, "mse")
    assert split.train.shape[1] == features(spec)
    assert len(split.train) == pytest.approx(training_items(spec), rel=0.05)
    assert steps_per_epoch(spec) == pytest.approx(-(-len(split.train) // spec.training.batch_size), rel=0.05)


def test_time_per_epoch_adds_up_its_parts():
    """Steps cost their overhead, layers theirs, and products what the machine needs for them."""
    spec = changed(RunSpec(), {"training_batch_size": 32})
    none = {"overhead_seconds": 0.0, "layer_seconds": 0.0, "flops_per_second": math.inf}
    steps, layers = steps_per_epoch(spec), len(widths(spec)) - 1

    assert seconds_per_epoch(spec, none | {"overhead_seconds": 1.0}) == steps
    assert seconds_per_epoch(spec, none | {"layer_seconds": 1.0}) == steps * layers
    products = seconds_per_epoch(spec, none | {"flops_per_second": 1.0})
    assert steps * step_flops(spec) < products < 1.5 * steps * step_flops(spec)
