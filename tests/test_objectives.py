"""The terms of the objective, each against a second way of computing it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

from ae_core.compatibility import features
from ae_core.data import prepare
from ae_core.models import Autoencoder, build
from ae_core.objectives import (
    RECONSTRUCTIONS,
    bernoulli,
    corrupt,
    cross_entropy,
    fixed_damage,
    jacobian_norm,
    kl_to_unit_normal,
    look,
    squared_error,
    terms,
    weight_terms,
)
from ae_core.spec import (
    MLP,
    Corruption,
    Digits,
    KLSparsity,
    Objective,
    Optimizer,
    Point,
    RunSpec,
    Tips,
    Training,
    Variational,
    Wine,
    changed,
)
from ae_core.training import Trainer, train
from ae_core.training.checkpoint import unpack
from ae_core.variants import spec_of

torch.set_num_threads(1)


def seeded(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def model_of(spec: RunSpec) -> Autoencoder:
    return build(spec, seeded(1), seeded(2))


# ----------------------------------------------------------------------------------------------------- KL


def test_kl_equals_torch_distributions():
    """The closed form of the KL term is that of torch.distributions, to 1e-5, over ordinary codes."""
    mu, log_var = 3 * normal(200, 5), 2 * normal(200, 5, seed=1)
    there = kl_divergence(Normal(mu.double(), (0.5 * log_var.double()).exp()), Normal(0.0, 1.0))

    torch.testing.assert_close(kl_to_unit_normal(mu, log_var).double(), there, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mu", [0.0, 1e-4, -3.0, 50.0, 1e4])
@pytest.mark.parametrize("log_var", [-30.0, -12.0, -1e-3, 0.0, 1e-3, 6.0, 20.0])
def test_kl_holds_at_extreme_values(mu, log_var):
    """Very sharp, very wide and far away posteriors have the KL that float64 gives, and a finite gradient."""
    m, v = torch.tensor([[mu]], requires_grad=True), torch.tensor([[log_var]], requires_grad=True)
    there = kl_divergence(Normal(m.detach().double(), (0.5 * v.detach().double()).exp()), Normal(0.0, 1.0))

    here = kl_to_unit_normal(m, v)
    here.sum().backward()

    torch.testing.assert_close(here.detach().double(), there, rtol=1e-5, atol=1e-5)
    assert m.grad is not None
    assert v.grad is not None
    assert m.grad.isfinite().all()
    assert v.grad.isfinite().all()


def test_kl_is_never_negative():
    """Rounding never pushes the KL of an almost standard Gaussian below zero."""
    log_var = torch.linspace(-1e-2, 1e-2, 20_001)[:, None]

    assert kl_to_unit_normal(torch.zeros_like(log_var), log_var).min() >= 0


def test_kl_changes_with_the_mean():
    """The loss of a Gaussian code sees the mean: no hidden capacity clamps it to zero (PyOD's defect)."""
    log_var = torch.full((1, 1), -2.0)

    assert kl_to_unit_normal(torch.full((1, 1), 3.0), log_var).item() == pytest.approx(5.0677, abs=1e-3)
    assert kl_to_unit_normal(torch.zeros(1, 1), log_var).item() == pytest.approx(0.5677, abs=1e-3)


# ----------------------------------------------------------------------------------------- reconstruction


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_squared_error_is_half_the_sum_of_squares(output):
    """The mse term is 0.5 SSE an item: the unit Gaussian's -ln p without its constant."""
    raw, x = normal(7, 5), normal(7, 5, seed=1)
    shaped = {"identity": raw, "sigmoid": raw.sigmoid(), "softmax": raw.softmax(-1)}[output]
    log_likelihood = Normal(shaped, 1.0).log_prob(x).sum(-1)

    here = squared_error(raw, x, output).sum(-1)

    torch.testing.assert_close(here, 0.5 * ((shaped - x) ** 2).sum(-1))
    torch.testing.assert_close(here + 0.5 * 5 * math.log(2 * math.pi), -log_likelihood)


def test_bernoulli_equals_torch_distributions():
    """For ordinary logits the bce term is the Bernoulli's -ln p, summed over features."""
    raw, x = 3 * normal(9, 6), torch.rand(9, 6, generator=seeded()).round()

    there = -Bernoulli(logits=raw).log_prob(x).sum(-1)
    torch.testing.assert_close(bernoulli(raw, x).sum(-1), there)


@pytest.mark.parametrize("logit", [-200.0, -110.0, -30.0, 0.0, 30.0, 110.0, 200.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_bernoulli_is_exact_at_extreme_logits(logit, target):
    """At logits of +-200 the bce term is exact, and its gradient p - x is alive wherever the answer is wrong."""
    raw, x = torch.tensor([[logit]], requires_grad=True), torch.tensor([[target]])
    exact = max(logit, 0) - logit * target + math.log1p(math.exp(-abs(logit)))

    here = bernoulli(raw, x)
    here.sum().backward()

    assert here.item() == pytest.approx(exact, rel=1e-6, abs=1e-12)
    assert raw.grad is not None
    p = 1 / (1 + math.exp(-logit))
    assert raw.grad.item() == pytest.approx(p - target, abs=1e-6)


def test_cross_entropy_equals_categorical():
    """The cross-entropy term is the Categorical's -ln p, averaged over the item's own distribution."""
    raw = 5 * normal(8, 6)
    x = torch.rand(8, 6, generator=seeded())
    x = x / x.sum(-1, keepdim=True)
    there = -(x * Categorical(logits=raw[:, None, :].expand(8, 6, 6)).log_prob(torch.arange(6))).sum(-1)

    torch.testing.assert_close(cross_entropy(raw, x).sum(-1), there)


def test_cross_entropy_is_finite_at_extreme_logits():
    """Logits hundreds apart give the exact difference, not infinity."""
    raw = torch.tensor([[300.0, -300.0]])

    assert cross_entropy(raw, torch.tensor([[0.0, 1.0]])).sum().item() == pytest.approx(600.0)
    assert cross_entropy(raw, torch.tensor([[1.0, 0.0]])).sum().item() == 0.0


# ------------------------------------------------------------------------------------------- every term


EVERY_TERM = RunSpec(
    model=MLP(hidden=(16,), code=Variational(latent_dim=3, beta=4.0)),
    objective=Objective(reconstruction="bce", code_l1=0.5, weight_decay=0.1, weight_l1=0.2),
)


@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS)
@pytest.mark.parametrize("code", [Point(latent_dim=3), Variational(latent_dim=3, beta=4.0)], ids=["point", "gaussian"])
def test_terms_do_not_depend_on_the_batch_size(reconstruction, code):
    """A batch given twice has the same mean of every term: no weight grows with the batch (pythae's VQ defect)."""
    data = Tips() if reconstruction == "mixed" else Digits()
    objective = Objective(reconstruction=reconstruction, code_l1=0.5)
    spec = RunSpec(data=data, model=MLP(hidden=(16,), code=code), objective=objective)
    model = model_of(spec).eval()
    x = torch.rand(10, features(spec), generator=seeded())
    x = x / x.sum(-1, keepdim=True)
    twice = torch.cat([x, x])

    once = {name: value.mean() for name, value in terms(look(model, x)).items()}
    again = {name: value.mean() for name, value in terms(look(model, twice)).items()}

    assert set(once) == set(again)
    assert {"reconstruction", "code_l1"} <= set(once)
    assert ("kl" in once) == isinstance(code, Variational)
    for name in once:
        torch.testing.assert_close(once[name], again[name])


def test_terms_are_summed_over_features_and_code_and_kept_per_item():
    """Each term has one value an item; reconstruction and KL are sums over features and code, times their weight."""
    model = model_of(EVERY_TERM).eval()
    x = torch.rand(10, 64, generator=seeded())
    batch = look(model, x)
    out = batch.out

    found = terms(batch)

    assert {name: value.shape for name, value in found.items()} == dict.fromkeys(
        ("reconstruction", "kl", "code_l1"), torch.Size([10])
    )
    mu, log_var = out.coded.mu, out.coded.log_var
    assert mu is not None
    assert log_var is not None
    there = kl_divergence(Normal(mu, (0.5 * log_var).exp()), Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(found["kl"], 4.0 * there)
    torch.testing.assert_close(found["code_l1"], 0.5 * mu.abs().sum(-1))


def test_a_weight_of_zero_leaves_its_term_out():
    """Terms that weigh nothing are not computed, so they do not appear among the curves."""
    spec = RunSpec(model=MLP(hidden=(16,), code=Variational(beta=0.0)))
    model = model_of(spec)
    x = torch.rand(10, 64, generator=seeded())

    assert set(terms(look(model, x))) == {"reconstruction"}
    assert weight_terms(model) == {}


# -------------------------------------------------------------------------------------- weight penalties


def one_step(
    objective: Objective, kind: str = "sgd", tied: bool = False, rate: float = 0.01
) -> tuple[Trainer, Trainer]:
    """A trainer before and after one step over all training items."""
    spec = RunSpec(
        data=Wine(),
        model=MLP(hidden=(8,), activation="tanh", tied=tied),
        objective=objective,
        optimizer=Optimizer(kind=kind, learning_rate=rate, momentum=0.0),
        training=Training(batch_size=4096, epochs=5),
    )
    before, after = Trainer(spec), Trainer(spec)
    after.advance(steps=1)
    return before, after


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("name", ["weight_decay", "weight_l1"])
def test_weight_penalties_have_the_gradient_of_autograd(name, tied):
    """One SGD step moves along autograd's gradient of the loss plus lambda/2 sum w^2, or plus lambda sum |w|."""
    strength, rate = 0.3, 0.01
    before, after = one_step(Objective(**{name: strength}), tied=tied, rate=rate)
    model, x = before.model, before.train_items
    loss = terms(look(model, x))["reconstruction"].mean()
    for weight in model.weights():
        loss = loss + strength * (0.5 * weight.square().sum() if name == "weight_decay" else weight.abs().sum())
    loss.backward()

    for (label, there), here in zip(model.named_parameters(), after.model.parameters(), strict=True):
        assert there.grad is not None
        torch.testing.assert_close(here, there - rate * there.grad, rtol=1e-5, atol=1e-6, msg=label)


def test_weight_terms_count_matrices_once_and_biases_never():
    """The penalties shown are lambda/2 sum w^2 and lambda sum |w| over learned matrices, tied ones once."""
    spec = RunSpec(
        model=MLP(hidden=(16,), tied=True, batch_norm=True), objective=Objective(weight_decay=0.1, weight_l1=0.2)
    )
    model = model_of(spec)
    matrices = [part.detach() for part in model.parameters() if part.ndim == 2]
    assert sum(part.numel() for part in matrices) == 64 * 16 + 16 * 2

    found = weight_terms(model)

    assert float(found["weight_decay"]) == pytest.approx(0.05 * sum(float((m**2).sum()) for m in matrices), rel=1e-5)
    assert float(found["weight_l1"]) == pytest.approx(0.2 * sum(float(m.abs().sum()) for m in matrices), rel=1e-5)


def test_adamw_decays_apart_from_the_gradient():
    """AdamW's decay takes learning_rate x lambda x w off each matrix, nothing off biases, and is in no loss."""
    rate, strength = 0.01, 0.5
    start, plain = one_step(Objective(), "adamw", rate=rate)
    _, decayed = one_step(Objective(weight_decay=strength), "adamw", rate=rate)

    names = [name for name, _ in start.model.named_parameters()]
    for name, w, a, b in zip(
        names, start.model.parameters(), plain.model.parameters(), decayed.model.parameters(), strict=True
    ):
        expected = -rate * strength * w if w.ndim == 2 else torch.zeros_like(w)
        torch.testing.assert_close(b - a, expected, rtol=1e-4, atol=1e-6, msg=name)
    assert weight_terms(decayed.model) == {}


def test_adam_decays_through_the_gradient():
    """For every other optimiser weight decay is part of the loss, so it is shown as a term."""
    _, after = one_step(Objective(weight_decay=0.5), "adam")

    assert set(weight_terms(after.model)) == {"weight_decay"}


# ------------------------------------------------------------------------------------------ corruption

CLEAN = torch.full((400, 100), 0.5)


def test_gaussian_corruption_has_the_asked_spread():
    """Gaussian noise has mean 0 and the standard deviation that was asked for."""
    noise = corrupt(CLEAN, "gaussian", 0.3, seeded()) - CLEAN

    assert noise.mean().item() == pytest.approx(0.0, abs=0.005)
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("level", [0.0, 0.3, 0.95])
def test_masking_sets_the_asked_share_to_zero(level):
    """Masking sets a share of the features to zero and leaves the others as they are, not scaled up."""
    hit = corrupt(CLEAN, "masking", level, seeded())

    assert (hit == 0).float().mean().item() == pytest.approx(level, abs=0.01)
    assert set(hit.unique().tolist()) <= {0.0, 0.5}


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_salt_and_pepper_hit_half_each(level):
    """Salt and pepper set half the asked share to one and half to zero."""
    hit = corrupt(CLEAN, "salt_pepper", level, seeded())

    assert (hit == 0).float().mean().item() == pytest.approx(level / 2, abs=0.01)
    assert (hit == 1).float().mean().item() == pytest.approx(level / 2, abs=0.01)
    assert set(hit.unique().tolist()) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_pepper"])
def test_corruption_is_fresh_each_time_and_follows_its_generator(kind):
    """Two draws differ, two equal generators agree, and the original is left untouched."""
    x, generator = CLEAN.clone(), seeded(5)

    first, second = corrupt(x, kind, 0.3, generator), corrupt(x, kind, 0.3, generator)

    assert not torch.equal(first, second)
    assert torch.equal(first, corrupt(x, kind, 0.3, seeded(5)))
    assert torch.equal(x, CLEAN)


def test_denoising_learns_the_clean_item_from_fresh_damage():
    """Each step takes the gradient of L(x, g(f(damaged x))) with damage of its own, and the clean x as target."""
    rate = 0.01
    spec = RunSpec(
        data=Wine(),
        model=MLP(hidden=(8,), activation="tanh"),
        objective=Objective(corruption=Corruption(kind="masking", level=0.5)),
        optimizer=Optimizer(kind="sgd", learning_rate=rate, momentum=0.0),
        training=Training(batch_size=4096, epochs=40),
    )
    trained, replayed = Trainer(spec), Trainer(spec)
    generators, _ = unpack(trained.checkpoint())
    chance, order = torch.Generator(), torch.Generator()
    chance.set_state(generators["random/chance"])
    order.set_state(generators["random/order"])
    trained.advance(steps=2)

    model = replayed.model
    for _ in range(2):
        x = replayed.train_items[torch.randperm(len(replayed.train_items), generator=order)]
        out = model(corrupt(x, "masking", 0.5, chance))
        (0.5 * (out.raw - x).square().sum(-1)).mean().backward()
        with torch.no_grad():
            for part in model.parameters():
                part.sub_(rate * part.grad)
        model.zero_grad()

    for here, there in zip(trained.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-6)


def test_denoising_measures_on_clean_items():
    """What is measured on the items kept aside is free of corruption: the same twice, and equal to a plain run's."""
    damaged = RunSpec(data=Wine(), objective=Objective(corruption=Corruption(kind="gaussian", level=1.0)))
    plain = RunSpec(data=Wine())

    first, second, third = (Trainer(spec).start()[1] for spec in (damaged, damaged, plain))

    assert first == second == third


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_pepper"])
def test_a_finished_run_says_how_well_it_repairs(kind):
    """Damaged items of the digits kept aside come nearer to the clean ones than they were, and than PCA brings them."""
    spec = changed(spec_of("denoising"), {"objective_corruption_kind": kind, "training_epochs": 60})
    training = train(spec)
    fitted, split = training.result(), prepare(spec.data, "mse")
    *_, last = train(spec)
    clean, seen = (
        split.val,
        fixed_damage(spec, spec.objective.corruption.level, torch.from_numpy(split.val)).seen.numpy(),
    )
    pca = PCA(spec.model.code.latent_dim).fit(split.train)
    expected = {
        "val_mse_damaged": np.square(seen - clean).mean(),
        "val_mse_denoised": np.square(split.scaling.apply(fitted.reconstruct(split.scaling.undo(seen))) - clean).mean(),
        "val_mse_denoised_pca": np.square(pca.inverse_transform(pca.transform(seen)) - clean).mean(),
    }
    assert {name: last.metrics[name] for name in expected} == pytest.approx(expected, rel=1e-3)
    assert expected["val_mse_denoised"] < expected["val_mse_denoised_pca"] < expected["val_mse_damaged"]


def test_features_follow_the_dataset():
    """The width that the terms sum over is the dataset's: 64 pixels of a digit, 13 measurements of a wine."""
    assert features(RunSpec()) == 64
    assert features(RunSpec(data=Wine())) == 13


# ----------------------------------------------------------------------------------- sparsity and smoothness


def sigmoid_code(weight: float = 1.0, target: float = 0.1, hidden: tuple[int, ...] = ()) -> RunSpec:
    return RunSpec(
        model=MLP(hidden=hidden, activation="tanh", code=Point(latent_dim=5, activation="sigmoid")),
        objective=Objective(sparsity=KLSparsity(target=target, weight=weight), contractive=0.5),
    )


def test_kl_sparsity_is_the_kl_of_bernoulli_variables():
    """The sparsity term is the sum over units of KL(target || mean activity), by torch.distributions."""
    model = model_of(sigmoid_code(weight=2.0))
    batch = look(model, torch.rand(10, 64, generator=seeded()))
    there = kl_divergence(Bernoulli(0.1), Bernoulli(batch.out.coded.z.mean(0))).sum()

    torch.testing.assert_close(terms(batch)["sparsity"], (2.0 * there).expand(10))


def test_kl_sparsity_is_zero_at_its_target_and_finite_at_the_ends():
    """A code whose units are active just as often as asked costs nothing; silent and saturated units cost a number."""
    model = model_of(sigmoid_code(target=0.5))
    x = torch.rand(10, 64, generator=seeded())
    with torch.no_grad():
        model.code.dense.weight.zero_()
        model.code.dense.bias.zero_()
    assert terms(look(model, x))["sparsity"].max().item() == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        model.code.dense.bias.fill_(-200.0)
    assert terms(look(model, x))["sparsity"].isfinite().all()


def test_the_contractive_term_is_the_closed_form_of_one_sigmoid_layer():
    """For a single sigmoid layer it is sum_j (h_j (1 - h_j))^2 ||W_j||^2 (Rifai 2011, eq. 6), to 1e-5."""
    model = model_of(sigmoid_code())
    x = torch.rand(10, 64, generator=seeded())
    h = model.encode(x).z
    there = ((h * (1 - h)).square() * model.code.dense.weight.square().sum(dim=1)).sum(dim=1)

    torch.testing.assert_close(terms(look(model, x))["contractive"], 0.5 * there, rtol=1e-5, atol=1e-7)


def test_the_contractive_term_is_the_whole_jacobian():
    """For a deep encoder it is the squared norm of torch.func's Jacobian, not of one product with a vector of ones."""
    model = model_of(sigmoid_code(hidden=(12, 7)))
    x = torch.rand(6, 64, generator=seeded())
    whole = torch.func.vmap(torch.func.jacrev(lambda item: model.encode(item[None]).centre[0]))(x)
    ones = whole.sum(dim=1).square().sum(dim=-1)

    here = jacobian_norm(look(model, x))

    torch.testing.assert_close(here, whole.square().sum(dim=(1, 2)), rtol=1e-5, atol=1e-8)
    assert not torch.allclose(here, ones, rtol=0.05)


def test_the_contractive_term_has_a_gradient_and_can_be_measured():
    """It trains the encoder, and is the same number where gradients are switched off."""
    model = model_of(sigmoid_code(hidden=(12,)))
    x = torch.rand(6, 64, generator=seeded())
    value = jacobian_norm(look(model, x))
    value.sum().backward()
    assert model.code.dense.weight.grad.abs().sum() > 0
    with torch.inference_mode():
        again = jacobian_norm(look(model, x))
    torch.testing.assert_close(value.detach(), again.clone())
