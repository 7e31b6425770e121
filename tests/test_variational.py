"""The variational family: each term and bound against a second way of computing it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.distributions import ContinuousBernoulli, Normal

from ae_core.compatibility import check, training_items
from ae_core.errors import SpecError
from ae_core.events import Progress
from ae_core.metrics import evidence_lower_bound
from ae_core.models import OUTPUTS, Autoencoder, build, sample
from ae_core.objectives import Batch, continuous_bernoulli, kl_to_unit_normal, look, reconstruction, terms
from ae_core.objectives.matching import (
    KERNELS,
    SCALES,
    discrepancy,
    sliced_distance,
    split_kl,
    stratified_sample,
    weighted_sample,
)
from ae_core.objectives.reconstruction import log_normaliser
from ae_core.spec import RunSpec, Schedule, changed
from ae_core.training import Trainer, train

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


# -------------------------------------------------------------------------------------------------- DIP-VAE


@pytest.mark.parametrize("version", ["i", "ii"])
def test_dip_is_the_covariance_over_the_batch(version):
    """Both terms are those of NumPy's covariance over the items, to which version ii adds a diagonal matrix."""
    batch = seen(
        gaussian(
            objective_matching_kind="dip",
            objective_matching_version=version,
            objective_matching_off_diagonal=2.0,
            objective_matching_diagonal=3.0,
        )
    )
    mu, log_var = (part.detach().double().numpy() for part in batch.posterior)
    covariance = np.cov(mu, rowvar=False, bias=True)
    if version == "ii":
        covariance = covariance + np.diag(np.exp(log_var).mean(axis=0))
    variances = np.diag(covariance)
    apart = covariance - np.diag(variances)

    found = terms(batch)

    assert set(found) == {"reconstruction", "kl", "off_diagonal", "diagonal"}
    assert found["off_diagonal"][0].item() == pytest.approx(2.0 * (apart**2).sum(), rel=1e-4)
    assert found["diagonal"][0].item() == pytest.approx(3.0 * ((variances - 1) ** 2).sum(), rel=1e-5)


# ------------------------------------------------------------------------------------------ MMD and its kernels


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scales", SCALES)
def test_mmd_is_unbiased(kernel, scales):
    """Two samples of one Gaussian have an MMD of 0 on average, and sometimes below."""
    widths = [6.0 * scale for scale in SCALES[scales]]
    found = torch.stack(
        [
            discrepancy(normal(20, 3, seed=seed), normal(20, 3, seed=1000 + seed), KERNELS[kernel], widths)
            for seed in range(300)
        ]
    )

    assert abs(float(found.mean())) < 4 * float(found.std()) / math.sqrt(300)
    assert float(found.min()) < 0


@pytest.mark.parametrize("latent", [1, 3, 8])
def test_mmd_of_shifted_gaussians_has_its_closed_form(latent):
    """With the Gaussian kernel of width C, N(0, I) and N(d, I) are 2 (C/(C+4))^(k/2) (1 - exp(-|d|^2/(C+4))) apart."""
    width, shift = 2.0 * latent, torch.full((latent,), 0.8)
    there = 2 * (width / (width + 4)) ** (latent / 2) * (1 - math.exp(-float(shift.square().sum()) / (width + 4)))
    a, b = normal(3000, latent), normal(3000, latent, seed=1) + shift

    assert discrepancy(a, b, KERNELS["rbf"], [width]).item() == pytest.approx(there, rel=0.1)


def test_mmd_is_the_sum_over_its_pairs():
    """Counted by hand: pairs within without the diagonal, over n(n-1); pairs across all, over n^2."""
    a, b, width = normal(5, 2), normal(5, 2, seed=1), 4.0

    def near(x: Tensor, y: Tensor) -> float:
        return width / (width + float((x - y).square().sum()))

    within = sum(near(s[i], s[j]) for s in (a, b) for i in range(5) for j in range(5) if i != j) / 20
    across = sum(near(x, y) for x in a for y in b) / 25

    assert discrepancy(a, b, KERNELS["imq"], [width]).item() == pytest.approx(within - 2 * across, rel=1e-4)


@pytest.mark.parametrize("code", ["point", "variational"])
def test_the_weight_of_mmd_is_that_of_the_spec(code):
    """The term is lambda MMD of the codes that the decoder saw, with width 2 k, divided by nothing else."""
    spec = gaussian(model_code_kind=code, objective_matching_kind="mmd", objective_matching_weight=5.0)
    batch = seen(spec)
    state = batch.model.chance.get_state()
    there = discrepancy(batch.out.coded.z, batch.prior(), KERNELS["imq"], [6.0])
    batch.model.chance.set_state(state)

    torch.testing.assert_close(terms(batch)["mmd"], (5.0 * there).expand(40))


def test_mmd_falls_when_codes_come_to_the_prior():
    """Training a Wasserstein autoencoder makes all codes together more like the prior than at the start."""
    spec = gaussian(
        model_code_kind="point",
        objective_matching_kind="mmd",
        objective_matching_weight=100.0,
        optimizer_learning_rate=0.005,
    )
    trainer = Trainer(spec)

    def apart() -> float:
        """Of the codes of all items kept aside and as many draws; the trainer's own numbers are of smaller batches."""
        with torch.no_grad():
            z = trainer.model.encode(trainer.val_items).centre
        return discrepancy(z, normal(*z.shape), KERNELS["imq"], [6.0]).item()

    before, _ = apart(), trainer.start()
    trainer.advance(steps=trainer.goal)
    assert apart() < 0.2 * before


def test_info_weighs_kl_and_mmd():
    """KL weighs 1 - alpha and MMD alpha + lambda - 1, whatever beta is."""
    plain, info = (
        seen(gaussian(model_code_beta=7.0, objective_matching_kind=kind, objective_matching_weight=4.0, **more))
        for kind, more in (("mmd", {}), ("info", {"objective_matching_alpha": 0.25}))
    )
    there, here = terms(plain), terms(info)

    torch.testing.assert_close(here["kl"], there["kl"] / 7.0 * 0.75)
    torch.testing.assert_close(here["mmd"], there["mmd"] / 4.0 * 3.25)


@pytest.mark.parametrize(("alpha", "weight"), [(0.0, 0.001), (-1.0, 1.5), (0.5, 0.25)])
def test_info_never_pushes_codes_away_from_the_prior(alpha, weight):
    """Where alpha + lambda is below 1 the MMD would be made large (pythae's defaults), so it is refused."""
    values = {"objective_matching_kind": "info", "objective_matching_alpha": alpha, "objective_matching_weight": weight}
    with pytest.raises(SpecError, match="1 or more"):
        check(gaussian(**values))
    plan = Schedule(setting="objective_matching_weight", start=weight, end=10.0)
    with pytest.raises(SpecError, match="1 or more"):
        check(gaussian(**values | {"objective_matching_weight": 10.0, "schedules": (plan,)}))
    check(gaussian(**values | {"objective_matching_weight": 1.0 - alpha}))


# ------------------------------------------------------------------------------------- sliced Wasserstein


@pytest.mark.parametrize("power", [1, 2, 3])
def test_sliced_distance_is_the_transport_along_each_line(power):
    """Along a line it is scipy's transport between the two samples: sorted over the batch, absolute, to the power."""
    z, prior, lines = normal(12, 3), normal(12, 3, seed=1) - 0.5, normal(3, 4, seed=2)
    lines = lines / lines.norm(dim=0)
    costs = []
    for line in lines.t():
        apart = ((z @ line)[:, None] - (prior @ line)[None]).abs().pow(power).numpy()
        costs.append(apart[linear_sum_assignment(apart)].mean())

    assert sliced_distance(z, prior, lines, power).item() == pytest.approx(float(np.mean(costs)), rel=1e-5)


def test_sliced_distance_is_zero_for_the_same_items_in_another_order():
    """Which item is which does not matter, only where they lie."""
    z, lines = normal(12, 3), torch.eye(3)

    assert sliced_distance(z, z.flip(0), lines, 3).item() == 0.0


def test_lines_have_length_one():
    """A shift by d costs |d|^2 over the width of the code on average, so the lines are neither long nor short."""
    spec = gaussian(model_code_kind="point", objective_matching_kind="sliced", objective_matching_projections=1000)
    model = model_of(changed(spec, {"objective_matching_weight": 1.0}))
    with torch.no_grad():
        model.code.dense.weight.zero_()
        model.code.dense.bias.fill_(20.0)  # so far off that the spread of the prior does not count
    found = terms(look(model, X))["sliced"][0].item()

    assert found == pytest.approx(20.0**2, rel=0.1)


# ------------------------------------------------------------------------------ likelihoods with their constants


def test_learned_noise_is_the_whole_gaussian():
    """The gaussian term is -ln N(x | x_hat, sigma^2) with its constant, by torch.distributions, at any sigma."""
    model = model_of(gaussian(objective_reconstruction="gaussian"))
    with torch.no_grad():
        model.log_variance.fill_(-1.7)
    batch = look(model, X)
    there = -Normal(batch.out.raw, torch.tensor(-0.85).exp()).log_prob(X).sum(-1)

    torch.testing.assert_close(terms(batch)["reconstruction"], there)


def test_the_noise_settles_on_the_error():
    """The gradient of the noise is 0 where sigma^2 is the mean squared error, and pushes it there from both sides."""
    model = model_of(gaussian(objective_reconstruction="gaussian")).eval()
    raw = model(X).raw.detach()
    error = (raw - X).square().mean()

    def push(times: float) -> float:
        with torch.no_grad():
            model.log_variance.copy_((times * error).log())
        return float(torch.autograd.grad(reconstruction(model, raw, X).mean(), model.log_variance)[0])

    assert push(1.0) == pytest.approx(0.0, abs=1e-4)
    assert push(0.5) < 0 < push(2.0)


def test_the_bound_with_learned_noise_has_every_constant():
    """val_elbo is E ln N(x | x_hat, sigma^2) - KL by torch.distributions: no constant is missing or counted twice."""
    spec = gaussian(objective_reconstruction="gaussian")
    model = model_of(spec).eval()
    with torch.no_grad():
        model.log_variance.fill_(-2.0)
        coded = model.encode(X)
        z = sample(coded.mu, coded.log_var, torch.Generator().manual_seed(5))
        likelihood = Normal(model.decode(z), torch.tensor(-1.0).exp()).log_prob(X).sum(-1)
        there = (likelihood - kl_to_unit_normal(coded.mu, coded.log_var).sum(-1)).mean()
        here, _ = evidence_lower_bound(spec, model, X, torch.Generator().manual_seed(5))

    assert here == pytest.approx(float(there), rel=1e-5)


LOGITS = torch.tensor([-60.0, -8.0, -1.0, -0.31, -0.29, -0.05, -1e-4, 0.0, 1e-4, 0.05, 0.29, 0.31, 1.0, 8.0, 60.0])


def density(logit: float) -> tuple[np.ndarray, np.ndarray]:
    """exp(logit x) over 0..1 on a fine grid, scaled so that its largest value is 1, and the grid."""
    x = np.linspace(0.0, 1.0, 200_001)
    return np.exp(logit * x - max(logit, 0.0)), x


@pytest.mark.parametrize("logit", LOGITS.tolist())
def test_the_log_normaliser_is_the_integral(logit):
    """Near p = 1/2 as far from it, C makes the density of the continuous Bernoulli integrate to 1."""
    values, x = density(logit)
    softplus = max(logit, 0.0) + math.log1p(math.exp(-abs(logit)))
    there = -(math.log(np.trapezoid(values, x)) + max(logit, 0.0) - softplus)

    assert log_normaliser(torch.tensor(logit)).item() == pytest.approx(there, abs=2e-6)


@pytest.mark.parametrize("logit", LOGITS.tolist())
def test_its_output_is_the_mean(logit):
    """What is shown as a reconstruction is the density's mean, not its parameter p."""
    values, x = density(logit)
    there = np.trapezoid(values * x, x) / np.trapezoid(values, x)

    assert OUTPUTS["unit_mean"](torch.tensor(logit)).item() == pytest.approx(there, abs=1e-5)


def test_the_continuous_bernoulli_is_that_of_torch():
    """The term is -ln p(x) by torch.distributions, summed over features."""
    raw, x = 3 * normal(9, 6), torch.rand(9, 6, generator=torch.Generator().manual_seed(0))
    there = -ContinuousBernoulli(logits=raw).log_prob(x)

    torch.testing.assert_close(continuous_bernoulli(raw, x), there, rtol=1e-4, atol=1e-4)


def test_its_gradient_is_mean_minus_target_everywhere():
    """d(-ln p)/d raw = mean - x at every logit: finite, also at p = 1/2 exactly and at +-200."""
    raw = torch.cat([LOGITS, torch.tensor([-200.0, 200.0])]).requires_grad_()
    x = torch.full_like(raw, 0.3).detach()
    continuous_bernoulli(raw, x).sum().backward()

    torch.testing.assert_close(raw.grad, OUTPUTS["unit_mean"](raw.detach()) - x, rtol=1e-3, atol=2e-4)


# ------------------------------------------------------------------------------------- regularised autoencoders


def rae(**values: Any) -> RunSpec:
    return gaussian(model_code_kind="point", data_kind="wine", training_batch_size=4096, **values)


def test_code_l2_is_half_the_squared_length():
    """The RAE's code term is lambda ||z||^2 / 2 of each item."""
    batch = seen(gaussian(model_code_kind="point", objective_code_l2=3.0))

    torch.testing.assert_close(terms(batch)["code_l2"], 1.5 * batch.out.coded.z.square().sum(-1))


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_decoders_decay_moves_the_decoder_alone(kind):
    """One step differs from one without it by rate x lambda x w on the decoder's matrices (sgd), and nowhere else."""
    start = {"optimizer_kind": kind, "optimizer_learning_rate": 0.01, "optimizer_momentum": 0.0}
    start["training_gradients"] = "autograd"  # of both, so that they differ by the decay and not by rounding
    before, plain, decayed = (Trainer(rae(**start, objective_decoder_decay=strength)) for strength in (0.5, 0.0, 0.5))
    plain.advance(steps=1)
    decayed.advance(steps=1)

    names = [name for name, _ in before.model.named_parameters()]
    moved = {
        name
        for name, a, b in zip(names, plain.model.parameters(), decayed.model.parameters(), strict=True)
        if not torch.equal(a, b)
    }
    assert moved == {"decoder.0.dense.weight", "last.weight"}
    if kind == "sgd":
        w = before.model.last.weight
        torch.testing.assert_close(
            decayed.model.last.weight - plain.model.last.weight, -0.005 * w, rtol=1e-4, atol=1e-7
        )


def test_the_decoders_decay_is_shown_as_a_term():
    """It is lambda/2 sum w^2 over the decoder's matrices, part of the loss."""
    trainer = Trainer(rae(objective_decoder_decay=0.2))
    value = trainer.start()[1].val
    squares = sum(
        float(w.detach().square().sum()) for w in (trainer.model.decoder[0].dense.weight, trainer.model.last.weight)
    )

    assert value["decoder_decay"] == pytest.approx(0.1 * squares, rel=1e-5)
    assert value["loss"] == pytest.approx(value["reconstruction"] + value["decoder_decay"])


@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_the_decoders_gradient_is_the_whole_jacobian(output):
    """It is the squared norm of torch.func's Jacobian of the reconstruction, not of one product with ones (pythae)."""
    spec = gaussian(
        model_code_kind="point", model_output=output, model_activation="tanh", objective_decoder_gradient=2.0
    )
    batch = seen(spec)
    z = batch.out.coded.z.detach()
    whole = torch.func.vmap(torch.func.jacrev(lambda code: batch.model.decode(code[None])[0]))(z)

    here = terms(batch)["decoder_gradient"]

    torch.testing.assert_close(here, 2.0 * whole.square().sum(dim=(1, 2)), rtol=1e-5, atol=1e-7)
    assert not torch.allclose(here, 2.0 * whole.sum(dim=1).square().sum(-1), rtol=0.05)


def test_a_linear_decoder_has_the_jacobian_of_its_matrix():
    """Then the penalty is the squared length of the matrix, for every item."""
    model = model_of(gaussian(model_code_kind="point", model_hidden=(), objective_decoder_gradient=1.0))

    found = terms(look(model, X))["decoder_gradient"]

    torch.testing.assert_close(found, model.last.weight.square().sum().expand(40))


def test_the_decoders_gradient_trains_and_can_be_measured():
    """It has a gradient for the decoder, and is the same number where gradients are switched off."""
    model = model_of(gaussian(model_code_kind="point", model_activation="tanh", objective_decoder_gradient=1.0))
    value = terms(look(model, X))["decoder_gradient"]
    value.sum().backward()
    assert model.last.weight.grad.abs().sum() > 0
    with torch.inference_mode():
        again = terms(look(model.eval(), X))["decoder_gradient"]
    torch.testing.assert_close(value.detach(), again.clone())


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"objective_matching_kind": "capacity", "model_code_kind": "point"}, "variational"),
        ({"objective_matching_kind": "total_correlation", "model_code_kind": "point"}, "variational"),
        ({"objective_matching_kind": "total_correlation", "training_batch_size": 1}, "batch_size"),
        ({"objective_matching_kind": "mmd", "training_batch_size": 1}, "batch_size"),
        ({"objective_matching_kind": "dip", "model_code_kind": "point"}, "variational"),
        ({"objective_matching_kind": "info", "model_code_kind": "point"}, "variational"),
        ({"objective_matching_kind": "mmd", "model_code_kind": "k_sparse"}, "point or variational"),
        ({"model_tied": True, "objective_decoder_decay": 0.1}, "tied"),
        ({"data_kind": "swiss_roll", "objective_reconstruction": "continuous_bernoulli"}, "minmax"),
        ({"objective_reconstruction": "continuous_bernoulli", "model_output": "sigmoid"}, "auto"),
    ],
)
def test_what_does_not_go_together_is_refused(values, words):
    """Each refusal is a sentence that says what to choose."""
    with pytest.raises(SpecError, match=words) as refused:
        check(gaussian(**values))
    assert str(refused.value).endswith(".")
