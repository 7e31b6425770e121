"""What a finished run reports, each number against a second way of computing it."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from ae_core.metrics import evaluate, evidence_lower_bound, final, mean_squared_error, reported
from ae_core.models import Autoencoder, build
from ae_core.objectives import log_likelihood_constant
from ae_core.spec import MLP, Objective, Point, RunSpec, Variational

torch.set_num_threads(1)

X = torch.rand(300, 64, generator=torch.Generator().manual_seed(3))


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def built(spec: RunSpec) -> Autoencoder:
    return build(spec, seeded(1), seeded(2)).eval().requires_grad_(False)


def gaussian(reconstruction: str = "mse", beta: float = 1.0) -> RunSpec:
    return RunSpec(
        model=MLP(hidden=(20,), code=Variational(latent_dim=3, beta=beta)),
        objective=Objective(reconstruction=reconstruction),
    )


@pytest.mark.parametrize("reconstruction", ["mse", "bce"])
def test_mean_squared_error_is_the_mean_over_items_and_features(reconstruction):
    """The mse that is shown is a mean over items and features, of the shaped output."""
    spec = RunSpec(model=MLP(hidden=(20,)), objective=Objective(reconstruction=reconstruction))
    model = built(spec)
    there = torch.nn.functional.mse_loss(model.reconstruct(X).double(), X.double()).item()

    assert mean_squared_error(model, X) == pytest.approx(there, rel=1e-5)
    assert evaluate(model, X)["mse"] == pytest.approx(there, rel=1e-5)


def test_mean_squared_error_is_zero_for_a_perfect_copy():
    """A network that copies its input has no error."""
    model = built(RunSpec(model=MLP(hidden=(), activation="identity", code=Point(latent_dim=64))))
    for part, value in ((model.code.dense, torch.eye(64)), (model.last, torch.eye(64))):
        part.weight.copy_(value)
        part.bias.zero_()

    assert mean_squared_error(model, X) == 0.0


@pytest.mark.parametrize("chunk", [1, 7, 299, 300, 5000])
def test_numbers_do_not_depend_on_the_portions(monkeypatch, chunk):
    """Portions of any size give the same numbers: each item counts once (YannDubs' defect)."""
    spec = gaussian()
    model = built(spec)
    whole = evaluate(model, X) | {"again": mean_squared_error(model, X)}

    monkeypatch.setattr(reported, "CHUNK", chunk)

    parts = evaluate(model, X) | {"again": mean_squared_error(model, X)}
    assert parts == pytest.approx(whole, rel=1e-5)


def test_evaluate_names_the_objective_terms_per_item():
    """Terms are means over items of sums over features: half of D times the mse, and beta times the KL."""
    spec = gaussian(beta=4.0)
    model = built(spec)
    coded = model.encode(X)
    assert coded.log_var is not None
    kl = kl_divergence(Normal(coded.mu, (0.5 * coded.log_var).exp()), Normal(0.0, 1.0)).sum(-1).mean().item()

    found = evaluate(model, X)

    assert set(found) == {"reconstruction", "kl", "mse"}
    assert found["reconstruction"] == pytest.approx(32 * found["mse"], rel=1e-5)
    assert found["kl"] == pytest.approx(4.0 * kl, rel=1e-5)


@pytest.mark.parametrize("reconstruction", ["mse", "bce"])
def test_evidence_lower_bound_by_monte_carlo(reconstruction):
    """The ELBO is E_q[ln p(x|z) + ln p(z) - ln q(z|x)], drawn with torch.distributions and no closed form."""
    spec = gaussian(reconstruction)
    model = built(spec)
    torch.manual_seed(0)
    coded = model.encode(X)
    assert coded.log_var is not None
    q = Independent(Normal(coded.mu, (0.5 * coded.log_var).exp()), 1)
    prior = Independent(Normal(torch.zeros(3), 1.0), 1)
    z = q.sample((200,))
    raw = model.decode_raw(z.reshape(-1, 3)).reshape(200, *X.shape)
    p = Independent(Normal(raw, 1.0) if reconstruction == "mse" else Bernoulli(logits=raw, validate_args=False), 1)
    kl = (q.log_prob(z) - prior.log_prob(z)).mean().item()
    elbo = p.log_prob(X).mean().item() - kl

    here_elbo, here_kl = evidence_lower_bound(spec, model, X, seeded())

    assert here_kl == pytest.approx(kl, abs=0.02)
    assert here_elbo == pytest.approx(elbo, rel=5e-3)
    assert here_elbo < 0


def test_evidence_lower_bound_is_reported_at_beta_one():
    """Whatever beta was trained, the ELBO is that of beta = 1, so runs can be compared."""
    low, high = gaussian(beta=0.1), gaussian(beta=20.0)

    assert evidence_lower_bound(low, built(low), X, seeded()) == evidence_lower_bound(high, built(high), X, seeded())


def test_evidence_lower_bound_needs_a_gaussian_code():
    """A point code has no evidence lower bound, and says so."""
    spec = RunSpec(model=MLP(hidden=()))

    with pytest.raises(TypeError, match="Gaussian"):
        evidence_lower_bound(spec, built(spec), X, seeded())


def test_likelihood_constant_is_that_of_the_unit_gaussian():
    """mse leaves D/2 ln 2 pi out of -ln p(x|z); bce and cross-entropy leave nothing out."""
    at_mean = -Normal(0.0, 1.0).log_prob(torch.zeros(64)).sum().item()

    assert log_likelihood_constant(gaussian(), 64) == pytest.approx(at_mean, rel=1e-6)
    assert log_likelihood_constant(gaussian(), 64) == pytest.approx(32 * math.log(2 * math.pi))
    assert log_likelihood_constant(gaussian("bce"), 64) == 0.0


def test_final_names_what_the_contract_names():
    """A finished run reports both errors, and for a Gaussian code the bound and the KL; the same numbers each time."""
    point, cloud = RunSpec(model=MLP(hidden=(20,))), gaussian()

    assert set(final(point, built(point), X, X)) == {"train_mse", "val_mse"}
    assert set(final(cloud, built(cloud), X, X)) == {"train_mse", "val_mse", "val_elbo", "val_kl"}
    assert final(cloud, built(cloud), X, X[:100]) == final(cloud, built(cloud), X, X[:100])
