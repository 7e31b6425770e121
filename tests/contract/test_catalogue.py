"""Every variant of the catalogue keeps the same promises."""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ae_core.compatibility import check
from ae_core.data import prepare
from ae_core.errors import SpecError
from ae_core.events import Finished, Progress, Started, from_json, to_json
from ae_core.models import build
from ae_core.objectives import look, terms
from ae_core.sampling import sampler_of
from ae_core.sizes import parameter_count
from ae_core.spec import RunSpec, changed, every_setting, settings
from ae_core.training import Trainer
from ae_core.training.checkpoint import unpack
from ae_core.variants import VARIANTS, spec_of, turn_into, variant_of

torch.set_num_threads(1)

QUICK = {
    "model_hidden": (24,),
    "model_channels": (6, 8),
    "model_width": 12,
    "data_samples": 320,
    "data_steps": 16,
    "training_batch_size": 64,
    "training_epochs": 4,
    "optimizer_learning_rate": 0.003,
}


def quick(name: str, **values: Any) -> RunSpec:
    """The variant on digits, or on the data that it names, small enough for a test."""
    start = RunSpec()
    spec = spec_of(name, start)
    able = {leaf.key for leaf in settings(spec)} - set(VARIANTS[name].settings)
    return changed(spec, {key: value for key, value in (QUICK | values).items() if key in able})


def some(spec: RunSpec, count: int) -> tuple[Tensor, Tensor | None]:
    """Training items of the variant's own data, and their classes."""
    split = prepare(spec.data, spec.objective.reconstruction)
    labels = None if split.train_labels is None else torch.from_numpy(split.train_labels[:count])
    return torch.from_numpy(split.train[:count]), labels


@pytest.fixture(scope="module", params=VARIANTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_record_is_whole(name):
    """Its settings pass the check, its knobs exist, and the code that it shows is there, documented."""
    variant = VARIANTS[name]
    check(spec_of(name))
    assert set(variant.knobs) <= set(every_setting())
    assert variant.formula
    assert variant.paper
    assert variant.link.startswith("https://")
    assert variant.code
    if variant.sampler:
        assert sampler_of(spec_of(name), variant.sampler)
    for place in variant.code:
        module, _, attribute = place.partition(":")
        assert getattr(importlib.import_module(module), attribute).__doc__, place


def test_it_learns_and_its_events_are_well_formed(name):
    """The loss on the items kept aside is finite throughout and falls (where a schedule moves what the loss is, the
    error does); events survive JSON.
    """
    trainer = Trainer(quick(name))
    falling = "mse" if trainer.spec.schedules else "loss"
    events = trainer.start() + trainer.advance()
    losses = [event.val[falling] for event in events if isinstance(event, Progress) and event.val is not None]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "epochs"
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
    assert all(math.isfinite(value) for value in events[-1].metrics.values())
    for event in events:
        assert from_json(json.loads(json.dumps(to_json(event), allow_nan=False))) == event


def test_gradients_reach_every_parameter(name):
    """No part of the network is cut off from the loss."""
    model = build(quick(name), torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))
    x, labels = some(model.spec, 64)
    sum(value.mean() for value in terms(look(model, x, labels=labels)).values()).backward()
    for label, part in model.named_parameters():
        if label.startswith("critic."):  # has an aim of its own
            assert part.grad is None, label
            continue
        assert part.grad is not None, label
        assert part.grad.isfinite().all(), label
        assert part.grad.abs().sum() > 0, label


def test_the_parameter_count_is_that_of_the_network(name):
    """What is shown before the run is what is learned in it."""
    spec = quick(name)
    model = build(spec, torch.Generator(), torch.Generator())
    assert parameter_count(spec) == sum(part.numel() for part in model.learned())


UNEQUAL_TWICE = {
    "topological": "a doubled item adds an edge of length zero, which costs nothing, so each item costs half",
    "beta_tcvae": "estimates a density from the other items of the batch, of which each is there twice",
    "info_vae": "an unbiased estimate leaves out an item's likeness to itself, but not to its double",
    "wae_mmd": "an unbiased estimate leaves out an item's likeness to itself, but not to its double",
    "factor_vae": "the critic's input is the same twice, but its estimate is of draws, fresh for each item",
    "adversarial": "the same",
    "iwae": "weighs draws, fresh for each item",
    "vamp": "its KL is of a draw, fresh for each item",
    "swae": "is compared with as many draws of the prior as there are items",
}


def test_a_batch_given_twice_costs_the_same(name):
    """No term's weight grows with the batch."""
    if reason := UNEQUAL_TWICE.get(name):
        pytest.skip(reason)
    model = build(quick(name), torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)).eval()
    x, labels = some(model.spec, 40)
    doubled = None if labels is None else torch.cat([labels, labels])
    once = {label: value.mean() for label, value in terms(look(model, x, labels=labels)).items()}
    twice = {label: value.mean() for label, value in terms(look(model, torch.cat([x, x]), labels=doubled)).items()}
    assert set(once) == set(twice)
    for label in once:
        torch.testing.assert_close(once[label], twice[label], rtol=1e-4, atol=1e-6, msg=label)


def test_it_is_resumed_with_the_same_bits(name):
    """Saved in the middle of an epoch and loaded, the run ends with the same events and the same tensors."""
    whole = Trainer(quick(name))
    whole.start()
    whole.advance(steps=whole.goal // 2 + 1)
    saved = whole.checkpoint()
    rest = whole.advance()
    again = Trainer(quick(name), saved)
    assert again.advance() == rest
    here, there = unpack(again.checkpoint())[0], unpack(whole.checkpoint())[0]
    assert set(here) == set(there)
    assert all(torch.equal(here[label], there[label]) for label in here)


def test_equal_specs_give_equal_events(name):
    """Chance comes from the seed alone."""
    one, two = Trainer(quick(name)), Trainer(quick(name))
    assert one.start() + one.advance() == two.start() + two.advance()


def test_it_is_known_by_its_settings(name):
    """A spec tells which variant it is, also after its own numbers were moved, and on other data."""
    spec = spec_of(name)
    assert variant_of(spec) == name
    leaves = {leaf.key: leaf for leaf in settings(spec)}
    for key in VARIANTS[name].knobs:
        if key in leaves and isinstance(leaves[key].value, float) and leaves[key].value > 0:
            moved = min(leaves[key].value * 1.01, leaves[key].high or math.inf)
            assert variant_of(changed(spec, {key: moved})) == name, key


def test_it_turns_into_any_other(name):
    """What belonged to it is gone, the reader's own numbers stay, and the result passes the check."""
    start = changed(RunSpec(), {"training_batch_size": 32, "training_epochs": 7})
    here = turn_into(name, start)
    start = RunSpec(data=here.data, optimizer=start.optimizer, training=start.training)
    for other in VARIANTS:
        spec = turn_into(other, here)
        check(spec)
        assert variant_of(spec) == other
        assert spec == turn_into(other, start), other


def test_the_data_stay_where_the_variant_can_work_on_them(name):
    """A table or pictures that a variant cannot read give way to data that it can; before that, cross-entropy gives way
    to squared error.
    """
    start = changed(RunSpec(), {"data_kind": "wine"})
    spec = turn_into(name, start)
    check(spec)
    plain = changed(start, {key: value for key, value in VARIANTS[name].settings.items() if key[:5] != "data_"})
    squared = plain if plain.objective.reconstruction != "bce" else changed(plain, {"objective_reconstruction": "mse"})
    fitting = [candidate for candidate in (plain, squared) if passes(candidate)]
    if fitting:
        assert spec == fitting[0]
    else:
        assert spec.data.kind != "wine"


def passes(spec: RunSpec) -> bool:
    """Whether its choices go together."""
    try:
        check(spec)
    except SpecError:
        return False
    return True
