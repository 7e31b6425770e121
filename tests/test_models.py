"""The networks: shapes, tying, chance only while training, and gradients everywhere."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from ae_core.dials import Dials
from ae_core.models import Autoencoder, build, sample
from ae_core.models.blocks import ACTIVATIONS, Dropout, Kit
from ae_core.objectives import look, terms
from ae_core.sizes import parameter_count, widths
from ae_core.spec import MLP, Objective, Point, RunSpec, Training, Variational, Wine

torch.set_num_threads(1)

X = torch.rand(32, 64, generator=torch.Generator().manual_seed(3))


def made(**settings) -> Autoencoder:
    return built(RunSpec(model=MLP(**settings)))


def built(spec: RunSpec, init: int = 1, chance: int = 2) -> Autoencoder:
    return build(spec, torch.Generator().manual_seed(init), torch.Generator().manual_seed(chance))


def shapes(model: Autoencoder) -> list[tuple[int, ...]]:
    return [tuple(matrix.shape) for _, matrix in model.matrices()]


def test_decoder_mirrors_the_encoder():
    """Widths go down to the code and the same way up: 64-40-20-3-20-40-64."""
    model = made(hidden=(40, 20), code=Point(latent_dim=3))

    assert shapes(model) == [(40, 64), (20, 40), (3, 20), (20, 3), (40, 20), (64, 40)]
    out = model(X)
    assert out.raw.shape == (32, 64)
    assert out.coded.z.shape == (32, 3)
    assert {name: value.shape[1] for name, value in out.layers.items()} == {
        "encoder.0": 40,
        "encoder.1": 20,
        "decoder.0": 20,
        "decoder.1": 40,
    }


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("depth", range(7))
def test_every_depth_builds(depth, tied):
    """From no hidden layer to six, tied or not, the network has the widths that the spec tells beforehand."""
    spec = RunSpec(model=MLP(hidden=tuple(range(9, 9 - depth, -1)), tied=tied))
    model = built(spec)

    sizes = widths(spec)
    assert shapes(model) == [(b, a) for a, b in zip(sizes, sizes[1:], strict=False)]
    assert model.reconstruct(X).shape == X.shape


GRID = [
    MLP(hidden=hidden, activation=activation, batch_norm=norm, tied=tied, bias=bias, dropout=dropout, code=code)
    for (hidden, activation), norm, tied, bias, (dropout, code) in product(
        [((), "identity"), ((12,), "tanh"), ((12, 9), "sigmoid"), ((12,), "gelu"), ((30, 20, 10), "relu")],
        [False, True],
        [False, True],
        [False, True],
        [(0.0, Point(latent_dim=3)), (0.2, Variational(latent_dim=3))],
    )
]


def test_parameter_count_is_that_of_the_network():
    """The count shown before a run equals the numbers that are learned, for the whole grid of specs."""
    for model in GRID:
        spec = RunSpec(model=model)
        assert parameter_count(spec) == sum(part.numel() for part in built(spec).parameters()), model


def test_gradients_reach_every_parameter():
    """No part of any network in the grid is cut off from the loss, and no gradient is broken."""
    for settings in GRID:
        spec = RunSpec(model=settings)
        model = built(spec)
        sum(value.mean() for value in terms(look(model, X)).values()).backward()
        for name, part in model.named_parameters():
            # batch norm takes the mean off again, so a bias before it has no effect but rounding
            silent = settings.batch_norm and name.endswith("dense.bias") and not name.startswith("code")
            assert part.grad is not None, (settings, name)
            assert part.grad.isfinite().all(), (settings, name)
            assert silent or part.grad.abs().sum() > 0, (settings, name)


@pytest.mark.parametrize("code", [Point(latent_dim=3), Variational(latent_dim=3)], ids=["point", "gaussian"])
def test_tied_weights_are_one_storage(code):
    """A tied decoder uses the encoder's own memory, so changing one changes the other; biases stay apart."""
    model = made(hidden=(40, 20), tied=True, code=code)
    found = [matrix for _, matrix in model.matrices()]

    for down, up in zip(found, reversed(found), strict=True):
        assert torch.equal(down, up.t())
        assert down.data_ptr() == up.data_ptr()
    with torch.no_grad():
        model.encoder[0].dense.weight.add_(1.0)
    assert torch.equal(model.last.matrix, model.encoder[0].dense.weight.t())
    assert model.last.bias is not None
    assert len(model.last.bias) == 64


def test_tying_halves_the_weights():
    """Tied weights are learned once: half the numbers in matrices, the same biases."""
    tied, free = made(hidden=(40, 20), tied=True), made(hidden=(40, 20))

    def count(model: Autoencoder, ndim: int) -> int:
        return sum(part.numel() for part in model.parameters() if part.ndim == ndim)

    assert 2 * count(tied, 2) == count(free, 2)
    assert count(tied, 1) == count(free, 1)
    assert sum(weight.numel() for weight in tied.weights()) == count(tied, 2)


def test_bias_off_leaves_matrices_only():
    """Without biases nothing but matrices is learned, and nothing in gives nothing out of a linear network."""
    model = made(hidden=(40,), bias=False, activation="identity")

    assert {part.ndim for part in model.parameters()} == {2}
    assert torch.equal(model.reconstruct(torch.zeros(3, 64)), torch.zeros(3, 64))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_what_its_name_says(name):
    """Hidden layers are bent by the named function and by nothing else."""
    model = made(hidden=(40,), activation=name).eval()
    pre = X @ model.encoder[0].dense.weight.t() + model.encoder[0].dense.bias
    expected = {
        "relu": pre.clamp(min=0),
        "tanh": pre.tanh(),
        "sigmoid": 1 / (1 + (-pre).exp()),
        "gelu": pre * Normal(0.0, 1.0).cdf(pre),
        "identity": pre,
    }[name]

    torch.testing.assert_close(model(X).layers["encoder.0"], expected, rtol=1e-5, atol=1e-6)


def test_a_network_without_bends_is_linear():
    """With identity activation and output, the whole is affine: the middle of two items goes to the middle."""
    model = made(hidden=(40, 20), activation="identity").eval()

    middle = model.reconstruct((X[:1] + X[1:2]) / 2)

    torch.testing.assert_close(middle, (model.reconstruct(X[:1]) + model.reconstruct(X[1:2])) / 2)


# ------------------------------------------------------------------------------------------------ chance


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(share):
    """A share of the numbers becomes zero and the rest is scaled up, so that the mean stays."""
    spec = RunSpec(model=MLP(dropout=share))
    dropout = Dropout(Kit(spec, torch.Generator(), torch.Generator().manual_seed(0), Dials(spec))).train()

    out = dropout(torch.full((1000, 100), 2.0))

    assert (out == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert out.mean().item() == pytest.approx(2.0, rel=0.02)
    torch.testing.assert_close(out[out > 0], torch.full_like(out[out > 0], 2 / (1 - share)))


def test_dropout_acts_on_hidden_layers_while_training_only():
    """Hidden layers lose numbers while training and none while evaluating; neither code nor output is touched."""
    model = made(hidden=(40,), activation="sigmoid", dropout=0.5)  # a sigmoid is never zero by itself

    trained = model.train()(X)
    seen = model.eval()(X)

    assert (trained.layers["encoder.0"] == 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert (trained.layers["decoder.0"] == 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert not (seen.layers["encoder.0"] == 0).any()
    for out in (trained, seen):
        assert not (out.coded.z == 0).any()
        assert not (out.raw == 0).any()


def test_dropout_is_fresh_in_each_pass():
    """Two passes while training switch off other neurons."""
    model = made(hidden=(40,), dropout=0.5).train()

    assert not torch.equal(model(X).raw, model(X).raw)


def test_batch_norm_rescales_over_the_batch_and_remembers_for_evaluation():
    """While training each neuron has mean 0 and variance 1 over the batch; evaluation treats items one by one."""
    model = made(hidden=(40,), activation="identity", batch_norm=True).train()

    hidden = model(X).layers["encoder.0"]
    torch.testing.assert_close(hidden.mean(0), torch.zeros(40), rtol=0, atol=1e-4)
    torch.testing.assert_close(hidden.var(0, unbiased=False), torch.ones(40), rtol=0, atol=0.02)

    model.eval()
    torch.testing.assert_close(model(X).raw[:1], model(X[:1]).raw)


def test_gaussian_code_draws_while_training_only():
    """While training z is drawn from N(mu, sigma^2); while evaluating z is the mean."""
    model = made(hidden=(20,), code=Variational(latent_dim=2))
    many = X[:1].expand(20_000, 64)

    seen = model.eval().encode(many)
    drawn = model.train().encode(many)

    assert seen.mu is not None
    assert seen.log_var is not None
    assert torch.equal(seen.z, seen.mu)
    assert not torch.equal(drawn.z, model.encode(many).z)
    torch.testing.assert_close(drawn.z.mean(0), seen.mu[0], rtol=0, atol=0.05)
    torch.testing.assert_close(drawn.z.var(0), seen.log_var[0].exp(), rtol=0.05, atol=0)
    assert torch.equal(drawn.centre, seen.mu)


def test_a_draw_passes_gradients_to_mean_and_spread():
    """The draw is reparametrised: d z / d mu is 1, d z / d log_var is half the deviation."""
    mu, log_var = torch.zeros(1, 3, requires_grad=True), torch.full((1, 3), 0.5, requires_grad=True)

    z = sample(mu, log_var, torch.Generator().manual_seed(0))
    z.sum().backward()

    torch.testing.assert_close(mu.grad, torch.ones(1, 3))
    torch.testing.assert_close(log_var.grad, 0.5 * (z - mu).detach())


def test_log_variance_cannot_leave_float32():
    """However large the encoder's answer, the spread of a code stays a finite number."""
    model = made(hidden=(), code=Variational(latent_dim=2)).eval()

    coded = model.encode(1e6 * X)

    assert coded.log_var is not None
    assert coded.log_var.exp().isfinite().all()
    assert (coded.log_var.exp() > 0).all()


@pytest.mark.parametrize("code", [Point(), Variational()], ids=["point", "gaussian"])
def test_evaluation_is_deterministic(code):
    """In evaluation mode the same items give the same bits, whatever chance the model carries."""
    model = made(hidden=(20,), dropout=0.5, batch_norm=True, code=code).eval()

    assert torch.equal(model(X).raw, model(X).raw)
    assert torch.equal(model.reconstruct(X), model.decode(model.encode(X).centre))


def test_equal_seeds_make_equal_networks_and_others_do_not():
    """First weights follow from the generator alone and lie within 1 / sqrt(inputs)."""
    spec = RunSpec(model=MLP(hidden=(40, 20)))

    def flat(model: Autoencoder) -> Tensor:
        return torch.cat([part.detach().flatten() for part in model.parameters()])

    assert torch.equal(flat(built(spec)), flat(built(spec)))
    assert not torch.equal(flat(built(spec)), flat(built(spec, init=9)))
    for _, matrix in built(spec).matrices():
        assert matrix.abs().max() <= matrix.shape[1] ** -0.5
        assert matrix.abs().max() > 0.8 * matrix.shape[1] ** -0.5


@pytest.mark.parametrize(
    ("reconstruction", "output", "expected"),
    [
        ("mse", "auto", "identity"),
        ("mse", "sigmoid", "sigmoid"),
        ("bce", "auto", "sigmoid"),
        ("cross_entropy", "auto", "softmax"),
    ],
)
def test_output_follows_the_loss(reconstruction, output, expected):
    """bce ends in a sigmoid, cross-entropy in a softmax, mse in nothing unless asked."""
    spec = RunSpec(model=MLP(hidden=(20,), output=output), objective=Objective(reconstruction=reconstruction))
    model = built(spec).eval()

    raw, out = model(X).raw, model.reconstruct(X)

    assert model.output == expected
    shaped = {"identity": raw, "sigmoid": raw.sigmoid(), "softmax": raw.softmax(-1)}[expected]
    torch.testing.assert_close(out, shaped)


def test_overcomplete_codes_are_allowed():
    """A code wider than the item is a lesson, not an error."""
    spec = RunSpec(data=Wine(), model=MLP(hidden=(4,), code=Point(latent_dim=256)), training=Training(epochs=1))

    assert built(spec).reconstruct(torch.rand(5, 13)).shape == (5, 13)
