"""Importance-weighted bounds and learned priors, against torch.distributions and theorems."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from ae_core.compatibility import check
from ae_core.errors import SpecError
from ae_core.metrics import evidence_lower_bound
from ae_core.models import Autoencoder, build, sample
from ae_core.models.prior import log_normal
from ae_core.objectives import Batch, look, terms
from ae_core.objectives.code import importance
from ae_core.sampling import sampler_of
from ae_core.spec import RunSpec, changed
from ae_core.training import Trainer, train

torch.set_num_threads(1)

X = torch.rand(40, 64, generator=torch.Generator().manual_seed(3))


def gaussian(**values: Any) -> RunSpec:
    """A small VAE on digits, with some settings replaced by key."""
    start = {"model_hidden": (24,), "model_code_kind": "variational", "model_code_latent_dim": 3}
    return changed(RunSpec(), start | {"training_epochs": 4} | values)


def model_of(spec: RunSpec, width: float = 1.0) -> Autoencoder:
    """A fresh model, its decoder's weights times `width`, so that draws differ in what they explain."""
    model = build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))
    with torch.no_grad():
        for weight in model.decoder_weights():
            weight.mul_(width)
    return model


def posterior(batch: Batch) -> Normal:
    mu, log_var = batch.posterior
    return Normal(mu, (0.5 * log_var).exp())


def log_weights(batch: Batch, z: Tensor) -> Tensor:
    """ln p(x, z)/q(z|x) without the constant of the likelihood, by torch.distributions: (draws, batch)."""
    likelihood = -0.5 * (batch.model.decode_raw(z) - batch.x).square().sum(-1)
    return likelihood + Normal(0.0, 1.0).log_prob(z).sum(-1) - posterior(batch).log_prob(z).sum(-1)


def total(batch: Batch) -> Tensor:
    return torch.stack(list(terms(batch).values())).sum(dim=0)


def draws_of(batch: Batch) -> Tensor:
    """The draws that the terms of this batch will see; the stream is put back."""
    state = batch.model.chance.get_state()
    z = batch.draws(batch.spec.model.code.samples)
    batch.model.chance.set_state(state)
    return z


# --------------------------------------------------------------------------------------------------- IWAE


@pytest.mark.parametrize("samples", [2, 5])
def test_the_terms_add_up_to_the_importance_weighted_bound(samples):
    """reconstruction + kl + importance is -ln (1/K) sum_k w_k, each w from sampled densities."""
    batch = look(model_of(gaussian(model_code_samples=samples), 3.0), X)
    there = -(log_weights(batch, draws_of(batch)).logsumexp(0) - math.log(samples))

    assert set(terms(batch)) == {"reconstruction", "kl", "importance"}
    torch.testing.assert_close(total(look(model_of(gaussian(model_code_samples=samples), 3.0), X)), there)


def test_one_draw_is_the_sampled_bound_of_the_vae():
    """K = 1 gives ln p(x|z) + ln p(z) - ln q(z|x) at the z that the decoder saw (models.md E10)."""
    batch = look(model_of(gaussian(), 3.0), X)
    there = -log_weights(batch, batch.out.coded.z)

    torch.testing.assert_close(total(batch) + importance(batch), there)
    assert "importance" not in terms(batch)


def test_the_best_draw_has_the_largest_weight_in_the_gradient():
    """The gradient is that of -sum_k v_k ln w_k with fixed v = softmax(ln w), not of softmax(-ln w) (PyTorch-VAE)."""
    spec = gaussian(model_code_samples=6)
    here, there = model_of(spec, 3.0), model_of(spec, 3.0)
    total(look(here, X)).mean().backward()

    batch = look(there, X)
    ln_w = log_weights(batch, draws_of(batch))
    (-(ln_w.softmax(0).detach() * ln_w).sum(0)).mean().backward()

    for (name, a), b in zip(here.named_parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-5, msg=name)


def test_the_bound_does_not_fall_with_more_draws():
    """On average -ln p(x) is bounded more tightly by 4 draws than by 1, and by 16 than by 4."""
    costs = []
    for samples in (1, 4, 16):
        model = model_of(gaussian(model_code_samples=samples), 3.0)
        with torch.no_grad():
            batches = [look(model, X) for _ in range(25)]
            costs.append(
                torch.stack(
                    [-log_weights(b, b.draws(samples)).mean() if samples == 1 else total(b).mean() for b in batches]
                )
            )

    for loose, tight in zip(costs, costs[1:], strict=False):
        noise = float(loose.std() + tight.std()) / 5
        assert float(tight.mean()) < float(loose.mean()) - noise


def test_the_reported_bound_is_that_of_one_draw():
    """val_elbo stays the plain evidence lower bound, whatever K was trained."""
    one, many = (model_of(gaussian(model_code_samples=samples)).eval() for samples in (1, 5))
    with torch.no_grad():
        found = [evidence_lower_bound(m.spec, m, X, torch.Generator().manual_seed(5)) for m in (one, many)]

    assert found[0] == found[1]


# ----------------------------------------------------------------------------------------------- VampPrior


def vamp(**values: Any) -> RunSpec:
    return gaussian(model_code_prior="vamp", model_code_pseudo_inputs=7, **values)


def mixture(model: Autoencoder) -> MixtureSameFamily:
    coded = model.encode(model.prior.pseudo_inputs)
    parts = Independent(Normal(coded.mu, (0.5 * coded.log_var).exp()), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(coded.mu))), parts)


def test_the_log_density_is_that_of_torch():
    """ln N(z | mu, s2) is divided by the variance once, and ln s2 by nothing (PyTorch-VAE's slip of precedence)."""
    z, mu, log_var = (torch.randn(50, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(3))

    torch.testing.assert_close(log_normal(z, mu, log_var), Normal(mu, (0.5 * log_var).exp()).log_prob(z))


def test_the_prior_is_the_mixture_of_the_pseudo_inputs_posteriors():
    """ln p(z) is that of torch's mixture, also for several draws at once."""
    model = model_of(vamp())
    z = torch.randn(5, 40, 3, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(model.log_prior(z), mixture(model).log_prob(z))


def test_the_kl_is_to_the_learned_prior():
    """The KL term is ln q(z|x) - ln p(z) at the z that the decoder saw, with the mixture as p."""
    model = model_of(vamp())
    batch = look(model, X)
    z = batch.out.coded.z

    there = posterior(batch).log_prob(z).sum(-1) - mixture(model).log_prob(z)
    torch.testing.assert_close(terms(batch)["kl"], there, rtol=1e-4, atol=1e-5)


def test_pseudo_inputs_learn_through_the_encoder():
    """The KL term moves the pseudo-inputs, and through them the encoder."""
    model = model_of(vamp())
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    model.log_prior(z).sum().backward()

    assert model.prior.pseudo_inputs.grad.abs().sum(dim=1).min() > 0
    assert model.encoder[0].dense.weight.grad.abs().sum() > 0
    trainer = Trainer(vamp())
    before = trainer.model.prior.pseudo_inputs.detach().clone()
    trainer.advance(steps=2)
    assert not torch.equal(before, trainer.model.prior.pseudo_inputs)


def test_new_codes_come_from_the_learned_prior():
    """Without a sampler named, codes are drawn from the mixture, with its mean and spread, not from N(0, I)
    (PyTorch-VAE); only a model that has learned a prior has it.
    """
    training = train(vamp(training_epochs=1))
    list(training)
    model = training.trainer.model.eval()
    with torch.no_grad():
        model.code.dense.bias.fill_(5.0)
        prior = mixture(model)
    drawn = torch.from_numpy(training.result().draw(20_000))

    torch.testing.assert_close(drawn.mean(0), prior.mean, rtol=0.02, atol=0.02)
    torch.testing.assert_close(drawn.var(0), prior.variance, rtol=0.05, atol=0.02)
    with pytest.raises(SpecError, match="learned"):
        sampler_of(gaussian(), "vamp")


def test_the_reported_bound_is_to_the_learned_prior():
    """val_elbo and val_kl are E ln p(x|z) - ln q(z|x) + ln p(z) with the mixture as p, constant and all."""
    model = model_of(vamp()).eval()
    with torch.no_grad():
        batch = look(model, X)
        z = sample(*batch.posterior, torch.Generator().manual_seed(5))
        divergence = posterior(batch).log_prob(z).sum(-1) - mixture(model).log_prob(z)
        there = (Normal(model.decode(z), 1.0).log_prob(X).sum(-1) - divergence).mean()
        elbo, kl = evidence_lower_bound(model.spec, model, X, torch.Generator().manual_seed(5))

    assert elbo == pytest.approx(float(there), rel=1e-5)
    assert kl == pytest.approx(float(divergence.mean()), rel=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        {"objective_matching_kind": "mmd", "model_code_samples": 5},
        {"objective_matching_kind": "total_correlation", "model_code_prior": "vamp"},
        {"model_batch_norm": True, "model_code_prior": "vamp"},
        {"model_conditional": True, "model_code_prior": "vamp"},
    ],
)
def test_what_does_not_go_together_is_refused(values):
    """Each refusal is a sentence that says what to choose."""
    with pytest.raises(SpecError) as refused:
        check(gaussian(**values))
    assert str(refused.value).endswith(".")
