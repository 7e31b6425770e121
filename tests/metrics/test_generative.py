"""Bounds of ln p(x) against exact ones, and distances of sets against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from ae_core.data import prepare
from ae_core.metrics import METRICS, evidence_lower_bound
from ae_core.metrics import generative as ours
from ae_core.models import Autoencoder, build
from ae_core.spec import MLP, Digits, Moons, Objective, Ratings, RunSpec, Variational
from tests.metrics.evidences import evidence

torch.set_num_threads(1)

RANDOM = np.random.default_rng(0)
X = torch.rand(40, 64, generator=torch.Generator().manual_seed(3))


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def built(spec: RunSpec) -> Autoencoder:
    return build(spec, seeded(1), seeded(2)).eval().requires_grad_(False)


def gaussian(reconstruction: str = "mse", **parts) -> Autoencoder:
    return built(
        RunSpec(
            data=Digits(),
            model=MLP(hidden=(20,), code=Variational(latent_dim=3), **parts),
            objective=Objective(reconstruction=reconstruction),
        )
    )


def linear(widen: float = 0.0) -> tuple[Autoencoder, MultivariateNormal]:
    """x = W z + b + noise of unit variance with z from N(0, I), and its exact marginal N(b, W W^T + I).

    The encoder is the exact posterior N(S W^T (x - b), S), S = (W^T W + I)^-1, which is diagonal as W has orthogonal
    columns; its log variance is too large by `widen`.
    """
    model = built(RunSpec(data=Moons(), model=MLP(hidden=(), activation="identity", code=Variational(latent_dim=2))))
    weight = model.last.weight
    weight.copy_(torch.linalg.qr(weight)[0][:, :2])
    spread = torch.linalg.inv(weight.t() @ weight + torch.eye(2))
    model.code.dense.weight.copy_(spread @ weight.t())
    model.code.dense.bias.copy_(-spread @ weight.t() @ model.last.bias)
    model.code.spread.weight.zero_()
    model.code.spread.bias.copy_(spread.diagonal().log() + widen)
    return model, MultivariateNormal(model.last.bias, weight @ weight.t() + torch.eye(len(weight)))


def test_the_bound_is_exact_where_the_posterior_is():
    """With the true posterior every draw gives ln p(x) itself, for one draw and for many."""
    torch.manual_seed(0)
    model, exact = linear()
    x = exact.sample((50,))

    for draws in (1, 7):
        found = ours.importance_weighted_bound(model, x, draws, seeded())
        torch.testing.assert_close(found, exact.log_prob(x), rtol=1e-4, atol=1e-4)


def test_the_bound_comes_to_the_exact_likelihood():
    """E10: with a posterior that is too wide the bound rises with K to ln p(x), known exactly, and stays below it."""
    torch.manual_seed(0)
    model, exact = linear(widen=1.2)
    x = exact.sample((3000,))
    likelihood = exact.log_prob(x).mean().item()

    bounds = [ours.importance_weighted_bound(model, x, k, seeded(k)).mean().item() for k in (1, 3, 9, 300)]

    assert bounds == sorted(bounds)
    assert bounds[0] < likelihood - 0.1
    assert bounds[-1] == pytest.approx(likelihood, abs=0.01)


@pytest.mark.parametrize("reconstruction", ["mse", "bce", "gaussian", "continuous_bernoulli"])
def test_one_draw_is_the_evidence_lower_bound(reconstruction):
    """E10: K = 1 is the ELBO, its KL drawn where the other has it in closed form."""
    model = gaussian(reconstruction)
    x = X.repeat(100, 1)

    drawn = ours.importance_weighted_bound(model, x, 1, seeded()).mean().item()
    elbo, _ = evidence_lower_bound(model.spec, model, x, seeded(1))

    assert drawn == pytest.approx(elbo, abs=0.15)


@pytest.mark.parametrize("reconstruction", ["mse", "gaussian"])
def test_of_ratings_only_what_is_known_counts(reconstruction):
    """With few known entries an item, and not the same number of each, one draw still gives the lower bound."""
    data = Ratings()
    spec = RunSpec(
        data=data,
        model=MLP(hidden=(20,), code=Variational(latent_dim=3)),
        objective=Objective(reconstruction=reconstruction, observed_only=True),
    )
    model = built(spec)
    x = torch.from_numpy(prepare(data, reconstruction).train).repeat(5, 1)

    drawn = ours.importance_weighted_bound(model, x, 1, seeded())
    elbo, _ = evidence_lower_bound(spec, model, x, seeded(1))

    assert drawn.mean().item() == pytest.approx(elbo, abs=0.15)
    empty = ours.importance_weighted_bound(model, torch.zeros(500, x.shape[1]), 64, seeded()).mean().item()
    assert empty == pytest.approx(0, abs=0.05)


def test_the_bound_does_not_fall_with_draws():
    """E10: over the same items a hundred times, more draws never give a lower bound (PyTorch-VAE's defect)."""
    model = gaussian()
    x = X.repeat(20, 1)
    bounds = [ours.importance_weighted_bound(model, x, k, seeded(k)).mean().item() for k in (1, 2, 4, 16, 64)]

    assert bounds == sorted(bounds)


def test_weights_are_the_densities_of_torch():
    """One item, many draws: the bound is the log mean of p(x, z) / q(z | x) with torch's distributions."""
    model = gaussian()
    x = X[:1]
    coded = model.encode(x)
    assert coded.mu is not None
    assert coded.log_var is not None
    noise = torch.empty_like
    generator = seeded(5)
    z = torch.cat(
        [coded.mu + (0.5 * coded.log_var).exp() * noise(coded.mu).normal_(generator=generator) for _ in range(9)]
    )
    q = Independent(Normal(coded.mu, (0.5 * coded.log_var).exp()), 1)
    prior, p = Independent(Normal(torch.zeros(3), 1.0), 1), Independent(Normal(model.decode(z), 1.0), 1)
    there = torch.logsumexp(p.log_prob(x) + prior.log_prob(z) - q.log_prob(z), dim=0) - math.log(9)

    here = ours.importance_weighted_bound(model, x, 9, seeded(5))

    torch.testing.assert_close(here, there[None], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("draws", [1, 3, 64])
def test_as_many_codes_are_decoded_as_were_asked_for(draws):
    """Exactly K draws an item, also for fewer than a batch (pythae's get_nll draws a batch of its own)."""
    model, decoded = gaussian(), []
    model.last.register_forward_hook(lambda _module, given, _out: decoded.append(len(given[0])))

    ours.importance_weighted_bound(model, X, draws, seeded())

    assert sum(decoded) == draws * len(X)


def test_the_negative_log_likelihood_is_a_cost():
    """Its sign is that of a cost (pythae's is not), and it is below the negative ELBO."""
    model = gaussian("bce")
    coded = model.encode(X)
    found = evidence(X.numpy(), coded.mu.numpy(), log_var=coded.log_var.numpy(), model=model)

    assert 0 < METRICS["nll"].value(found) < -METRICS["elbo"].value(found)
    assert METRICS["iwae"].value(found) > METRICS["elbo"].value(found)


def test_a_conditional_model_is_told_its_classes():
    """Each item is weighed with its own class, whatever the order."""
    spec = RunSpec(model=MLP(hidden=(20,), code=Variational(latent_dim=3), conditional=True))
    model, labels = built(spec), torch.arange(40) % 10
    whole = ours.importance_weighted_bound(model.given(labels), X, 4, seeded())

    assert (whole - ours.importance_weighted_bound(model.given(labels.flip(0)), X, 4, seeded())).abs().max() > 1e-3


def test_bounds_need_a_gaussian_code():
    """A point code has no posterior to draw from, and says so."""
    with pytest.raises(TypeError, match="Gaussian"):
        ours.importance_weighted_bound(built(RunSpec(model=MLP(hidden=()))), X, 2, seeded())


def test_kl_by_number_adds_up():
    """Its sum over the numbers is the KL of the ELBO, and a number that never moves is not active."""
    model = gaussian()
    model.code.dense.weight[1] = 0
    model.code.dense.weight[0] *= 30
    coded = model.encode(X)
    found = evidence(X.numpy(), coded.mu.numpy(), log_var=coded.log_var.numpy(), model=model)
    _, kl = evidence_lower_bound(model.spec, model, X, seeded())

    assert ours.kl_per_dimension(found.z, found.log_var).sum() == pytest.approx(kl, rel=1e-5)
    assert METRICS["kl_per_dimension"].value(found) * 3 == pytest.approx(METRICS["kl"].value(found), rel=1e-5)
    assert ours.active_units(found.z) == int((coded.mu.var(dim=0, correction=0) > 0.01).sum()) < 3


def test_frechet_distance_of_shifted_sets():
    """E11: 0 for equal sets, the squared shift for shifted ones."""
    a = RANDOM.standard_normal((500, 6)) @ RANDOM.standard_normal((6, 6))
    shift = np.arange(6.0)

    assert ours.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert ours.frechet_distance(a, a + shift) == pytest.approx((shift**2).sum())
    assert ours.frechet_distance(a, 2 * (a - a.mean(0)) + a.mean(0)) == pytest.approx(np.trace(np.cov(a.T)))


def test_frechet_distance_by_the_matrix_root():
    """The same with scipy's root of the product of both covariances, also where one is flat."""
    a, b = RANDOM.standard_normal((300, 4)), RANDOM.standard_normal((200, 4)) @ RANDOM.standard_normal((4, 4))
    covariances = np.cov(a.T), np.cov(b.T)
    root = sqrtm(covariances[0] @ covariances[1]).real
    there = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    flat = b * [1, 1, 0, 0]

    assert ours.frechet_distance(a, b) == pytest.approx(there)
    assert ours.frechet_distance(flat, flat) == pytest.approx(0, abs=1e-9)


def test_kernel_distance_of_equal_distributions_is_zero_in_the_mean():
    """Without bias: over many draws of one distribution it is 0 within its error, at times below 0."""
    found = [ours.kernel_distance(*RANDOM.standard_normal((2, 60, 3)), width=1.5) for _ in range(200)]

    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(200)
    assert min(found) < 0


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_kernel_distance_of_shifted_gaussians_in_closed_form(shift):
    """2 (s^2 / (s^2 + 2))^(d/2) (1 - exp(-|m|^2 / (2 (s^2 + 2)))) for unit Gaussians m apart."""
    d, s = 3, 1.5
    a, b = RANDOM.standard_normal((1500, d)), RANDOM.standard_normal((1500, d)) + shift
    there = 2 * (s**2 / (s**2 + 2)) ** (d / 2) * (1 - math.exp(-d * shift**2 / (2 * (s**2 + 2))))

    assert ours.kernel_distance(a, b, s) == pytest.approx(there, rel=0.08)


def test_overlap_of_equal_and_of_distant_sets():
    """Real items among themselves are all covered; far away nothing is; one mode alone is precise without recall."""
    real = np.concatenate([RANDOM.standard_normal((60, 2)), RANDOM.standard_normal((60, 2)) + 20])
    same, far = ours.overlap(real, real), ours.overlap(real, real + 1000)
    one = ours.overlap(real, np.tile(real[:60], (2, 1)))

    assert {name: same[name] for name in ("precision", "recall", "coverage")} == dict.fromkeys(
        ("precision", "recall", "coverage"), 1.0
    )
    assert same["density"] == pytest.approx(6 / 5)  # each ball holds its own item and 5 more
    assert set(far.values()) == {0.0}
    assert one["precision"] == 1
    assert one["recall"] == one["coverage"] == 0.5


def test_copies_of_training_items_are_found():
    """Copies are at distance 0; one unit off in every feature is 1."""
    train = RANDOM.standard_normal((50, 4)) * 100

    assert ours.nearest_distance(train[:7], train) == 0
    assert ours.nearest_distance(train[:7] + 1, train) == pytest.approx(1)


def test_label_entropy_sees_dropped_modes():
    """All classes alike give ln of their number; a single one gives 0."""
    labels = np.arange(90) % 3
    train = 9 * np.eye(3)[labels] + RANDOM.standard_normal((90, 3))

    assert ours.label_entropy(train, train, labels) == pytest.approx(math.log(3), abs=1e-3)
    assert ours.label_entropy(train[labels == 1], train, labels) == 0


def test_new_items_come_from_what_the_code_is():
    """From N(0, I) for a Gaussian code, whole choices for one made of choices, else a Gaussian fitted to the codes."""
    z = RANDOM.standard_normal((3000, 4)) @ RANDOM.standard_normal((4, 4)) + 5

    def drawn(**parts) -> np.ndarray:
        return ours.drawn_items(evidence(z, z, decode=lambda codes, labels: codes, **parts))

    fitted, standard = drawn(), drawn(log_var=z)
    np.testing.assert_allclose(fitted.mean(0), z.mean(0), atol=0.2)
    np.testing.assert_allclose(np.cov(fitted.T), np.cov(z.T), atol=0.12 * np.abs(np.cov(z.T)).max())
    np.testing.assert_allclose(standard.mean(0), 0, atol=0.1)
    slots = drawn(slot=2).astype(np.float32)
    assert {tuple(row) for row in slots[:, 2:]} <= {tuple(row) for row in z[:, 2:].astype(np.float32)}
    assert not {tuple(row) for row in slots} <= {tuple(row) for row in z.astype(np.float32)}


def test_a_learned_prior_is_the_one_that_is_bounded_and_drawn_from():
    """For a VampPrior ln p(z) is that of its mixture by torch.distributions, and new codes are its draws."""
    vamp = built(RunSpec(model=MLP(hidden=(20,), code=Variational(latent_dim=3, prior="vamp"))))
    coded = vamp.encode(X)
    mu, log_var = vamp.prior.components(vamp.encode)
    mixture = MixtureSameFamily(
        Categorical(torch.ones(len(mu))), Independent(Normal(mu, (0.5 * log_var).exp()), 1), validate_args=False
    )
    z = coded.mu + (0.5 * coded.log_var).exp() * torch.randn(coded.mu.shape, generator=seeded(5))
    q = Independent(Normal(coded.mu, (0.5 * coded.log_var).exp()), 1)
    there = mixture.log_prob(z) - q.log_prob(z) - 0.5 * (vamp.decode(z) - X).square().sum(-1)

    here = ours._log_weights(vamp, X, coded.mu, coded.log_var, seeded(5))
    drawn = ours._from_prior(vamp, np.random.default_rng(0).standard_normal((4000, 3)), np.random.default_rng(1))

    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(drawn.mean(0), mixture.mean.numpy(), atol=0.1)
    np.testing.assert_allclose(drawn.var(0), mixture.variance.numpy(), rtol=0.15)
