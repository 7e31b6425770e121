"""The variational family: each term and bound against a second way of computing it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from ae_core.compatibility import check, training_items
from ae_core.errors import SpecError
from ae_core.events import Progress
from ae_core.models import Autoencoder, build
from ae_core.objectives import Batch, kl_to_unit_normal, look, terms
from ae_core.objectives.matching import split_kl, stratified_sample, weighted_sample
from ae_core.spec import RunSpec, Schedule, changed
from ae_core.training import train

torch.set_num_threads(1)

X = torch.rand(40, 64, generator=torch.Generator().manual_seed(3))


def gaussian(**values: Any) -> RunSpec:
    """A small VAE on digits, with some settings replaced by key."""
    start = {"model_hidden": (24,), "model_code_kind": "variational", "model_code_latent_dim": 3}
    return changed(RunSpec(), start | {"training_epochs": 4} | values)


def model_of(spec: RunSpec) -> Autoencoder:
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def seen(spec: RunSpec, x: Tensor = X) -> Batch:
    """One training pass of a fresh model."""
    return look(model_of(spec), x)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ----------------------------------------------------------------------------------------------- capacity


def with_capacity(capacity: float, **values: Any) -> RunSpec:
    return gaussian(
        objective_matching_kind="capacity",
        objective_matching_weight=7.0,
        objective_matching_capacity=capacity,
        **values,
    )


@pytest.mark.parametrize("capacity", [0.0, 0.3, 50.0])
def test_capacity_is_the_gap_of_the_batch_mean(capacity):
    """The term is gamma |mean KL - C|, not the mean of each item's |KL - C| (pythae), and replaces the KL term."""
    batch = seen(with_capacity(capacity))
    each = kl_to_unit_normal(*batch.posterior).sum(dim=-1)

    found = terms(batch)

    assert set(found) == {"reconstruction", "capacity"}
    torch.testing.assert_close(found["capacity"], (7.0 * (each.mean() - capacity).abs()).expand(40))


def test_capacity_between_the_items_is_no_sum_of_gaps():
    """With a capacity among the items' own KLs the gap of the mean is smaller than the mean gap."""
    each = kl_to_unit_normal(*seen(with_capacity(0.0)).posterior).sum(dim=-1).detach()
    capacity = float(each.mean())

    found = terms(seen(with_capacity(capacity)))["capacity"].mean()

    assert found.item() == pytest.approx(0.0, abs=1e-4)
    assert 7.0 * (each - capacity).abs().mean().item() > 0.001


def test_capacity_rises_with_training_steps_alone():
    """However often the items kept aside are measured, the capacity follows the share of training steps done."""
    plan = Schedule(setting="objective_matching_capacity", start=0.0, end=8.0)
    training = train(with_capacity(5.0, schedules=(plan,), data_kind="wine"))
    trainer = training.trainer
    trainer.start()
    trainer.advance(steps=trainer.goal // 2)
    for _ in range(5):
        trainer.snapshot()
        trainer.checkpoint()
    trainer.advance(steps=1)

    assert trainer.dials("objective_matching_capacity") == pytest.approx(8.0 * (trainer.step - 1) / trainer.goal)


def test_the_kl_is_held_at_its_capacity():
    """With a strong weight the KL settles where it was asked to, from below as from above."""
    spec = changed(with_capacity(3.0), {"objective_matching_weight": 100.0, "training_epochs": 12})
    events = [event for event in train(changed(spec, {"optimizer_learning_rate": 0.005}))]
    last = [event for event in events if isinstance(event, Progress) and event.val][-1]

    assert last.val["capacity"] / 100.0 < 0.5
    assert events[-1].metrics["val_kl"] == pytest.approx(3.0, abs=0.5)


# --------------------------------------------------------------------------------------- total correlation


def in_parts(estimator: str = "mws", **values: Any) -> RunSpec:
    return gaussian(objective_matching_kind="total_correlation", objective_matching_estimator=estimator, **values)


@pytest.mark.parametrize("estimator", ["mws", "mss"])
def test_the_three_parts_add_up_to_the_sampled_kl(estimator):
    """With all weights 1 they are ln q(z|x) - ln p(z) at the z that the decoder saw, to rounding."""
    batch = seen(in_parts(estimator, objective_matching_total_correlation=1.0))
    mu, log_var = batch.posterior
    z = batch.out.coded.z
    sampled = (Normal(mu, (0.5 * log_var).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(-1).mean()

    found = terms(batch)

    assert set(found) == {"reconstruction", "mutual_information", "total_correlation", "dimension_wise"}
    parts = found["mutual_information"] + found["total_correlation"] + found["dimension_wise"]
    torch.testing.assert_close(parts, sampled.expand(40), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("items", [40, 41, 1000, 50_000])
@pytest.mark.parametrize("batch", [2, 3, 4, 40])
def test_stratified_weights_add_up_to_one(batch, items):
    """Every row of the stratified weights sums to 1, and an item's own weight, 1/items, is on the diagonal."""
    weights = stratified_sample(batch, items).exp().double()

    torch.testing.assert_close(weights.sum(dim=1), torch.ones(batch, dtype=torch.float64), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(weights.diagonal(), torch.full((batch,), 1 / items, dtype=torch.float64))
    assert weights.min() >= 0


def test_weighted_weights_are_one_in_batch_times_items():
    """Minibatch weighted sampling gives each pair the weight 1/(B N)."""
    torch.testing.assert_close(weighted_sample(8, 100).exp(), torch.full((8, 8), 1 / 800))


def test_the_whole_data_set_as_one_batch_gives_the_exact_parts():
    """With all N items, each weighing 1/N, the parts are those of the mixture of all N Gaussians."""
    mu, log_var = normal(30, 2), 0.3 * normal(30, 2, seed=1)
    z = mu + (0.5 * log_var).exp() * normal(30, 2, seed=2)
    pairs = Normal(mu[None], (0.5 * log_var[None]).exp()).log_prob(z[:, None])
    even = torch.tensor(30.0).log()
    whole, product = pairs.sum(-1).logsumexp(1) - even, (pairs.logsumexp(1) - even).sum(-1)

    found = split_kl(z, mu, log_var, torch.full((30, 30), 1 / 30).log())

    torch.testing.assert_close(found["total_correlation"], (whole - product).mean())
    torch.testing.assert_close(found["dimension_wise"], (product - Normal(0.0, 1.0).log_prob(z).sum(-1)).mean())


def test_the_estimators_know_how_many_items_there_are():
    """The data set's size is that of the training items, so the mutual information can reach its logarithm."""
    spec = in_parts("mws", objective_matching_total_correlation=1.0)
    batch = seen(spec)
    there = split_kl(batch.out.coded.z, *batch.posterior, weighted_sample(40, training_items(spec)))

    torch.testing.assert_close(terms(batch)["mutual_information"][0], there["mutual_information"])


def test_measuring_twice_gives_the_same_parts():
    """On the items kept aside the draws start afresh from the seed, and are draws, not the means."""
    model = model_of(in_parts()).eval()

    first, second = terms(look(model, X)), terms(look(model, X))

    assert all(torch.equal(first[name], second[name]) for name in first)
    batch = look(model, X)
    assert not torch.equal(batch.draws()[0], batch.posterior[0])


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"objective_matching_kind": "capacity", "model_code_kind": "point"}, "variational"),
        ({"objective_matching_kind": "total_correlation", "model_code_kind": "point"}, "variational"),
        ({"objective_matching_kind": "total_correlation", "training_batch_size": 1}, "batch_size"),
    ],
)
def test_what_does_not_go_together_is_refused(values, words):
    """Each refusal is a sentence that says what to choose."""
    with pytest.raises(SpecError, match=words) as refused:
        check(gaussian(**values))
    assert str(refused.value).endswith(".")
