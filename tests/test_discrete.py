"""Codes of whole numbers: entries of a codebook, and choices among classes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical as Chances
from torch.distributions import kl_divergence

from ae_core.errors import SpecError
from ae_core.events import Progress
from ae_core.metrics import evidence_lower_bound
from ae_core.models import Autoencoder, build
from ae_core.models.categorical import gumbel_softmax
from ae_core.models.quantised import QuantisedCode, nearest
from ae_core.objectives import codebook, commitment, kl_to_uniform, look, perplexity, terms
from ae_core.spec import MLP, Categorical, Code, Objective, Quantised, RunSpec, Schedule, Training
from ae_core.training import Trainer, train

torch.set_num_threads(1)

X = torch.rand(40, 64, generator=torch.Generator().manual_seed(3))


def made(code: Code, **settings: Any) -> Autoencoder:
    spec = RunSpec(model=MLP(**{"hidden": (16,), "code": code} | settings))
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def code_of(model: Autoencoder) -> QuantisedCode:
    assert isinstance(model.code, QuantisedCode)
    return model.code


def placed(**settings: Any) -> Autoencoder:
    """A model whose entries lie where codes of X are."""
    model = made(Quantised(**{"latent_dim": 6, "slots": 3, "codebook_size": 8} | settings))
    model(X)
    return model


# ------------------------------------------------------------------------------------------------- codebook


def test_every_slot_gets_the_nearest_entry():
    """The entry chosen is the one with the least squared distance, as SciPy finds it."""
    from scipy.spatial.distance import cdist

    model = placed()
    coded = model.encode(X)
    vectors = coded.full.detach().reshape(-1, 2).numpy()
    apart = cdist(vectors, code_of(model).codebook.numpy())
    np.testing.assert_array_equal(coded.chosen.flatten().numpy(), apart.argmin(axis=1))


def test_of_equally_near_entries_the_first_is_taken():
    """Ties do not depend on chance."""
    entries = torch.tensor([[5.0], [1.0], [-1.0], [1.0]])
    assert nearest(torch.tensor([[0.0], [1.0]]), entries).tolist() == [1, 1]


@pytest.mark.parametrize("mode", [True, False])
def test_the_decoder_sees_entries_and_nothing_else(mode):
    """Every slot of z is an entry of the codebook to the bit, in training too."""
    model = placed().train(mode)
    coded = model.encode(X)
    entries = {tuple(entry) for entry in code_of(model).codebook.tolist()}
    assert {tuple(slot) for slot in coded.z.reshape(-1, 2).tolist()} <= entries


def test_gradients_pass_straight_through():
    """What the decoder says of z reaches what the encoder said unchanged (van den Oord et al. 2017, section 3.2)."""
    coded = placed().encode(X)
    pull = torch.randn(coded.z.shape, generator=torch.Generator().manual_seed(5))
    (gradient,) = torch.autograd.grad((coded.z * pull).sum(), coded.full)
    torch.testing.assert_close(gradient, pull, rtol=0, atol=0)


def test_commitment_pulls_the_encoder_and_codebook_the_entries():
    """Both are the same squared distance, each with a gradient on its own side alone."""
    model = placed(ema=0.0)
    batch = look(model, X)
    coded = batch.out.coded
    expected = (coded.full - code_of(model).look_up(coded.chosen)).square().sum(dim=1)
    torch.testing.assert_close(commitment(batch), expected)
    torch.testing.assert_close(codebook(batch), expected)
    entries, encoder = code_of(model).codebook, model.code.dense.weight
    assert torch.autograd.grad(commitment(batch).sum(), entries, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(codebook(batch).sum(), encoder, allow_unused=True, retain_graph=True) == (None,)
    assert torch.autograd.grad(commitment(batch).sum(), encoder, retain_graph=True)[0].abs().sum() > 0
    assert torch.autograd.grad(codebook(batch).sum(), entries)[0].abs().sum() > 0


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_every_term_is_a_mean_over_items(ema):
    """A batch given twice costs what it costs once, in training too: no term grows with the batch (models.md 1.3)."""
    model = placed(ema=ema)
    once = {name: value.mean() for name, value in terms(look(model.eval(), X)).items()}
    twice = {name: value.mean() for name, value in terms(look(model, torch.cat([X, X]))).items()}
    assert set(once) == {"reconstruction", "commitment"} | ({"codebook"} if not ema else set())
    for name in once:
        torch.testing.assert_close(once[name], twice[name])


def test_entries_follow_the_moving_mean_of_what_chose_them():
    """m / N with N <- g N + (1 - g) n and m <- g m + (1 - g) sum z (van den Oord et al. 2017, appendix A.1)."""
    model = placed(ema=0.7, restart=0)
    code = code_of(model)
    n, m = np.ones(8), code.codebook.numpy().astype(float).copy()
    for seed in range(6):
        x = torch.rand(40, 64, generator=torch.Generator().manual_seed(seed))
        coded = model(x).coded
        vectors, chosen = coded.full.detach().reshape(-1, 2).numpy(), coded.chosen.flatten().numpy()
        for i in range(8):
            n[i] = 0.7 * n[i] + 0.3 * (chosen == i).sum()
            m[i] = 0.7 * m[i] + 0.3 * vectors[chosen == i].sum(axis=0)
        np.testing.assert_allclose(code.codebook.numpy(), m / n[:, None], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(code.count.numpy(), n, rtol=1e-5)


def test_an_entry_that_nothing_chooses_stays_where_it_is():
    """Long after its count has left the range of floats it is finite and has not moved."""
    model = placed(ema=0.5, restart=0)
    code = code_of(model)
    code.codebook[0] = 1e3
    for _ in range(200):
        model(X)
    assert code.silent[0] == 200
    assert (code.codebook[0] == 1e3).all()
    assert code.codebook.isfinite().all()


def test_nothing_of_the_codebook_moves_outside_training():
    """Measuring and drawing leave entries, counts and chance as they were."""
    model = placed(ema=0.5, restart=1).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    chance = code_of(model).chance.get_state()
    for _ in range(5):
        model(X)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(chance, code_of(model).chance.get_state())


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_unused_entries_move_to_codes_of_the_batch(ema):
    """An entry unused for `restart` steps, and no other, is put on what the encoder says of an item."""
    model = placed(ema=ema, restart=3)
    code = code_of(model)
    with torch.no_grad():
        code.codebook[2] = 1e3
    for step in range(3):
        assert (code.codebook[2] == 1e3).all(), step
        full = model(X).coded.full.detach()
    said = {tuple(slot) for slot in full.reshape(-1, 2).tolist()}
    assert tuple(code.codebook[2].tolist()) in said
    assert code.silent[2] == 0
    assert code.count[2] == 1


def test_the_first_batch_places_the_entries():
    """After one training step every entry is a different code of that batch."""
    model = made(Quantised(latent_dim=6, slots=3, codebook_size=8))
    said = {tuple(slot) for slot in model(X).coded.full.detach().reshape(-1, 2).tolist()}
    entries = {tuple(entry) for entry in code_of(model).codebook.tolist()}
    assert entries <= said
    assert len(entries) == 8


def test_more_entries_than_codes_can_be_placed():
    """A codebook larger than the batch is placed on codes of it, some of them twice."""
    model = made(Quantised(latent_dim=2, codebook_size=100))
    model(X)
    assert code_of(model).codebook.isfinite().all()
    assert (model(X).coded.chosen < 100).all()


def test_perplexity_counts_the_entries_in_use():
    """exp of the entropy of the choices: m when m entries are chosen equally often, 1 when all choose the same."""
    model = placed()
    batch = look(model, X)
    for used in (1, 2, 5):
        chosen = (torch.arange(120) % used).reshape(40, 3)
        batch.out.coded.__dict__["chosen"] = chosen
        assert float(perplexity(batch)) == pytest.approx(used, rel=1e-5)


def test_perplexity_is_a_curve_and_no_part_of_the_loss():
    """It is reported for training and validation, between 1 and the size of the codebook."""
    spec = RunSpec(
        model=MLP(hidden=(24,), code=Quantised(latent_dim=8, slots=4, codebook_size=16)), training=Training(epochs=3)
    )
    trainer = Trainer(spec)
    events = trainer.start() + trainer.advance()
    sides = [side for e in events if isinstance(e, Progress) for side in (e.train, e.val) if side]
    assert all(1 <= side["perplexity"] <= 16.0001 for side in sides)
    assert all(side["loss"] == pytest.approx(side["reconstruction"] + side["commitment"]) for side in sides)


def test_restarts_keep_the_codebook_in_use():
    """More entries are in use with restarts than without, when most of them start far from every code."""
    used = {}
    for restart in (0, 10):
        code = Quantised(latent_dim=4, slots=2, codebook_size=32, restart=restart)
        trainer = Trainer(RunSpec(model=MLP(hidden=(24,), code=code), training=Training(epochs=4)))
        trainer.advance(steps=1)
        code_of(trainer.model).codebook[4:] = 1e3
        trainer.advance()
        used[restart] = (trainer.snapshot().arrays["code.use"] > 0).sum()
    assert used[0] <= 4
    assert used[10] > 12


def test_slots_share_out_the_width_evenly():
    """A width that the slots do not divide is refused with a way out."""
    with pytest.raises(SpecError, match=r"model\.code\.slots"):
        Trainer(RunSpec(model=MLP(code=Quantised(latent_dim=7, slots=2))))


@pytest.mark.parametrize("code", [Quantised(), Categorical()])
def test_a_code_that_jumps_cannot_be_contractive(code):
    """A penalty on how the code moves with its input is refused for codes that do not move but jump."""
    with pytest.raises(SpecError, match="contractive"):
        Trainer(RunSpec(model=MLP(code=code), objective=Objective(contractive=0.1)))


# ------------------------------------------------------------------------------------------------- choices


def test_kl_to_equal_chances_equals_torch_distributions():
    """ln C minus the entropy of softmax(logits) is the KL of torch.distributions, to 1e-5, near-certain ones too."""
    logits = (
        torch.randn(200, 3, 7, generator=torch.Generator().manual_seed(1)) * torch.logspace(-2, 2, 200)[:, None, None]
    )
    expected = kl_divergence(Chances(logits=logits), Chances(probs=torch.full((200, 3, 7), 1 / 7)))
    torch.testing.assert_close(kl_to_uniform(logits), expected, rtol=1e-5, atol=1e-5)
    assert (kl_to_uniform(logits) >= 0).all()
    assert kl_to_uniform(torch.zeros(1, 1, 7)).item() == pytest.approx(0, abs=1e-6)
    assert kl_to_uniform(torch.tensor([[[80.0, 0, 0, 0]]])).item() == pytest.approx(math.log(4))


def test_the_term_uses_probabilities_not_draws():
    """The KL term of a training pass is that of the logits, whatever was drawn, summed over choices."""
    model = made(Categorical(latent_dim=4, classes=5, beta=3.0))
    first, second = look(model, X), look(model, X)
    assert not torch.equal(first.out.coded.z, second.out.coded.z)
    torch.testing.assert_close(terms(first)["kl"], terms(second)["kl"])
    torch.testing.assert_close(terms(first)["kl"], 3 * kl_to_uniform(first.out.coded.logits).sum(dim=1))


def test_the_largest_class_of_a_draw_is_an_exact_draw():
    """Over many draws each class is the largest as often as its probability says, at any temperature."""
    chances = torch.tensor([0.05, 0.15, 0.3, 0.5])
    many = chances.log().expand(40_000, 4)
    for temperature in (0.1, 1.0, 5.0):
        soft = gumbel_softmax(many, temperature, torch.Generator().manual_seed(4))
        torch.testing.assert_close(soft.sum(dim=-1), torch.ones(40_000))
        shares = torch.bincount(soft.argmax(dim=-1), minlength=4) / 40_000
        torch.testing.assert_close(shares, chances, rtol=0, atol=0.01)


def test_a_low_temperature_makes_choices_nearly_hard():
    """The mean of the largest class rises towards 1 as the temperature falls, along a schedule too."""
    spec = RunSpec(
        model=MLP(hidden=(16,), code=Categorical(latent_dim=4, classes=5)),
        schedules=(Schedule(setting="model_code_temperature", start=5.0, end=0.05),),
    )
    trainer = Trainer(spec)
    sharp = []
    for done in (0.0, 0.5, 1.0):
        trainer.dials.turn(done)
        z: Tensor = trainer.model.encode(X).z.reshape(40, 4, 5)
        sharp.append(z.amax(dim=-1).mean().item())
    assert sharp == sorted(sharp)
    assert sharp[0] < 0.6
    assert sharp[-1] > 0.95


def test_gradients_of_a_draw_reach_the_logits():
    """A draw moves with its logits as softmax((logits + g) / t) does, by finite differences."""
    logits = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: gumbel_softmax(y, 0.7, torch.Generator().manual_seed(2)), (logits,))


def test_once_trained_every_choice_is_the_likeliest_class():
    """In evaluation the code is one-hot for each choice, without chance, and as wide as all classes of all choices."""
    model = made(Categorical(latent_dim=4, classes=5)).eval()
    coded = model.encode(X)
    z = coded.z.reshape(40, 4, 5)
    assert torch.equal(z.argmax(dim=-1), coded.logits.argmax(dim=-1))
    assert torch.equal(z.sum(dim=-1), torch.ones(40, 4))
    assert set(z.unique().tolist()) == {0.0, 1.0}
    assert model.code.width == 20


def test_a_fitted_model_decodes_choices():
    """encode gives one-hot choices side by side, decode takes them back."""
    spec = RunSpec(model=MLP(hidden=(16,), code=Categorical(latent_dim=3, classes=4)), training=Training(epochs=1))
    fitted = train(spec).result()
    items = np.random.default_rng(0).random((5, 64))
    z = fitted.encode(items)
    assert z.shape == (5, 12)
    np.testing.assert_allclose(fitted.decode(z), fitted.reconstruct(items), rtol=1e-5, atol=1e-6)


def test_the_bound_of_a_categorical_code_is_found_by_going_through_all_codes():
    """E ln p(x|z) over every code that there is, weighed by its chance, less the KL that torch.distributions gives."""
    model = made(Categorical(latent_dim=2, classes=3)).eval()
    with torch.no_grad():
        model.code.dense.weight.mul_(8)
        model.last.weight.mul_(8)
    with torch.inference_mode():
        logits = model.encode(X).logits
        chances = logits.softmax(dim=-1)
        exact = torch.zeros(len(X))
        for first, second in itertools.product(range(3), repeat=2):
            z = torch.zeros(len(X), 6)
            z[:, first] = z[:, 3 + second] = 1
            errors = 0.5 * (model.decode(z) - X).square().sum(dim=1)
            exact -= chances[:, 0, first] * chances[:, 1, second] * errors
        uniform = Chances(torch.ones(3))
        divergence = kl_divergence(Chances(logits=logits), uniform).sum(dim=1)
        bounds = [
            evidence_lower_bound(model.spec, model, X, torch.Generator().manual_seed(seed)) for seed in range(200)
        ]
    constant = 0.5 * 64 * math.log(2 * math.pi)
    assert bounds[0][1] == pytest.approx(float(divergence.mean()), rel=1e-4)
    drawn = np.array([elbo for elbo, _ in bounds])
    error = drawn.std() / math.sqrt(len(drawn))
    assert abs(drawn.mean() - float((exact - divergence).mean() - constant)) < 4 * error
    assert 4 * error < 0.02 * abs(drawn.mean())
