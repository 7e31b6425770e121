"""Games with a critic: who learns what from whom, and against what it converges."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ae_core.events import Progress
from ae_core.models import Autoencoder, build
from ae_core.objectives import look, terms
from ae_core.objectives.critics import critic_loss, shuffled
from ae_core.sizes import parameter_count
from ae_core.spec import RunSpec, changed
from ae_core.training import Trainer, train
from ae_core.training.steps import AutogradSteps

torch.set_num_threads(1)

GAMES = {"factor": "variational", "adversarial": "point"}
X = torch.rand(64, 64, generator=torch.Generator().manual_seed(3))


def game(kind: str, **values: Any) -> RunSpec:
    """A small game on digits, with some settings replaced by key."""
    start = {"model_hidden": (24,), "model_code_kind": GAMES[kind], "objective_matching_kind": kind}
    start |= {"training_epochs": 4, "objective_matching_width": 32, "objective_matching_depth": 2}
    return changed(RunSpec(), start | values)


def model_of(spec: RunSpec) -> Autoencoder:
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_each_number_is_shuffled_by_itself():
    """Every column keeps its values, and no two columns are shuffled alike (FactorVAE, algorithm 1)."""
    z = torch.arange(200.0)[:, None].expand(200, 3)

    found = shuffled(z, torch.Generator().manual_seed(0))

    assert torch.equal(found.sort(dim=0).values, z)
    columns = [found[:, j] for j in range(3)]
    assert not any(torch.equal(columns[i], columns[j]) for i in range(3) for j in range(i))


def test_the_factor_critic_finds_the_total_correlation():
    """Its mean logit goes to the total correlation of two Gaussians with correlation r, -ln(1 - r^2)/2, so codes are
    its true items and shuffled ones its false ones, not the other way round.
    """
    critic = model_of(game("factor", model_code_latent_dim=2, objective_matching_learning_rate=0.003)).critic
    assert critic is not None
    r, chance = 0.8, torch.Generator().manual_seed(5)

    def drawn(count: int) -> Tensor:
        noise = torch.randn(count, 2, generator=chance)
        return torch.stack([noise[:, 0], r * noise[:, 0] + math.sqrt(1 - r**2) * noise[:, 1]], dim=1)

    for _ in range(400):
        z = drawn(512)
        false = shuffled(z, chance)
        loss = torch.nn.functional.softplus(-critic(z)).mean() + torch.nn.functional.softplus(critic(false)).mean()
        critic.learn(0.5 * loss)

    assert critic.judge(drawn(5000)).mean().item() == pytest.approx(-0.5 * math.log(1 - r**2), rel=0.25)


@pytest.mark.parametrize("kind", GAMES)
def test_the_critic_learns_the_right_way_round(kind):
    """Trained on one batch alone, its loss falls below ln 2, and true items get larger logits than false ones."""
    model = model_of(game(kind, objective_matching_learning_rate=0.01))
    critic = model.critic
    with torch.no_grad():
        model.code.dense.weight.mul_(8.0)
        if kind == "factor":
            model.code.dense.weight[1] = model.code.dense.weight[0]  # two numbers that repeat each other
    batch = look(model, X)
    z = batch.codes.detach()
    for _ in range(150):
        critic.learn(critic_loss(batch))

    assert float(critic_loss(batch).detach()) < math.log(2) - 0.05
    other = shuffled(z, torch.Generator().manual_seed(7)) if kind == "factor" else normal(64, 2)
    true, false = (z, other) if kind == "factor" else (other, z)
    assert critic.judge(true).mean() > critic.judge(false).mean()


@pytest.mark.parametrize("kind", GAMES)
def test_a_critic_that_cannot_tell_costs_ln_two(kind):
    """With all logits 0 its loss is ln 2; the encoder is then charged 0 (factor) or ln 2 (adversarial) a code."""
    model = model_of(game(kind, objective_matching_weight=1.0))
    with torch.no_grad():
        for part in model.critic.parameters():
            part.zero_()
    batch = look(model, X)

    assert critic_loss(batch).item() == pytest.approx(math.log(2))
    charged = terms(batch)[kind]
    torch.testing.assert_close(charged, torch.full((64,), 0.0 if kind == "factor" else math.log(2)))


@pytest.mark.parametrize("kind", GAMES)
def test_no_gradient_leaks_between_the_two(kind):
    """The model's loss moves no weight of the critic, the critic's no weight of the model, and both have gradients."""
    model = model_of(game(kind))
    batch = look(model, X)
    terms(batch)[kind].mean().backward()
    assert all(part.grad is None for part in model.critic.parameters())
    assert model.code.dense.weight.grad.abs().sum() > 0

    model.zero_grad()
    slopes = torch.autograd.grad(critic_loss(look(model, X)), list(model.critic.parameters()))
    assert all(slope.abs().sum() > 0 for slope in slopes)
    critic_loss(look(model, X)).backward()
    assert all(part.grad is None for part in model.learned())


@pytest.mark.parametrize("kind", GAMES)
def test_a_step_moves_the_model_as_if_the_critic_stood_still(kind):
    """The model steps first, against the critic as it was; the critic then learns from the codes of that batch."""
    one, two = (Trainer(game(kind)) for _ in range(2))
    two.model.critic.learn = lambda loss: None
    before = [part.detach().clone() for part in one.model.critic.parameters()]
    one.advance(steps=1)
    two.advance(steps=1)

    assert all(torch.equal(a, b) for a, b in zip(one.model.learned(), two.model.learned(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, two.model.critic.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(before, one.model.critic.parameters(), strict=True))


def test_the_critics_steps_are_adams():
    """Five of its steps are those of torch's Adam with the paper's averages, 0.5 and 0.9."""
    ours, theirs = (model_of(game("factor", objective_matching_learning_rate=0.01)).critic for _ in range(2))
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.5, 0.9))
    for seed in range(5):
        z = normal(32, 2, seed=seed)
        ours.learn(ours(z).square().mean())
        optimizer.zero_grad()
        theirs(z).square().mean().backward()
        optimizer.step()

    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", GAMES)
def test_the_critics_loss_is_shown_and_not_counted(kind):
    """It is a reading of every report, in train and val alike, and no part of `loss`."""
    reports = [event for event in train(game(kind)) if isinstance(event, Progress)]
    for report in reports:
        for values in (report.train, report.val):
            if values is not None:
                assert values["critic"] > 0
                parts = [value for name, value in values.items() if name not in ("loss", "mse", "critic")]
                assert values["loss"] == pytest.approx(sum(parts))


@pytest.mark.parametrize("kind", GAMES)
def test_the_critic_is_no_part_of_the_network(kind):
    """It is not among the numbers to learn, not decayed, and not in the main optimiser, but in the checkpoint."""
    spec = game(kind, objective_weight_decay=0.1)
    model = model_of(spec)
    steps = AutogradSteps(model, torch.Generator())
    critics = {id(part) for part in model.critic.parameters()}

    assert parameter_count(spec) == sum(part.numel() for part in model.parameters() if id(part) not in critics)
    assert not critics & {id(part) for part in model.weights()}
    assert not critics & {id(part) for group in steps.optimizer.param_groups for part in group["params"]}
    assert {"critic.layers.0.weight", "critic.mean_0", "critic.square_0", "critic.steps"} <= set(model.state_dict())


def test_an_adversarial_autoencoder_brings_codes_to_the_prior():
    """After the game the codes' spread is nearer to that of the prior than a plain autoencoder's."""
    values = {"training_epochs": 15, "optimizer_learning_rate": 0.003}
    played = Trainer(game("adversarial", objective_matching_weight=0.3, **values))
    plain = Trainer(changed(RunSpec(), {"model_hidden": (24,), **values}))
    spreads = []
    for trainer in (played, plain):
        trainer.start()
        trainer.advance()
        with torch.inference_mode():
            spreads.append(float(trainer.model.encode(trainer.val_items).centre.std(dim=0).log().abs().mean()))

    assert spreads[0] < spreads[1]
