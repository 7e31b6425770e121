"""Recurrent networks: PyTorch's own units, drawn from our generator, and a decoder that never peeks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ae_core.data.series import FACTORS, SHAPES, draw
from ae_core.data.split import items
from ae_core.models import Autoencoder, build
from ae_core.objectives import look, terms
from ae_core.sizes import layers, parameter_count, widths
from ae_core.spec import Point, RunSpec, Schedule, Sequence, Variational, Waves, changed
from ae_core.training import Trainer

torch.set_num_threads(1)

STEPS = 12
GRID = [
    Sequence(width=6, layers=depth, reverse=reverse, feedback=feedback, bias=bias, dropout=dropout, code=code)
    for depth, reverse, bias, dropout in ((1, True, True, 0.0), (2, False, True, 0.2), (3, True, False, 0.0))
    for feedback in (False, True)
    for code in (Point(latent_dim=3), Variational(latent_dim=3))
]


def built(model: Sequence) -> Autoencoder:
    spec = RunSpec(data=Waves(steps=STEPS), model=model)
    return build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))


def series(count: int = 5, seed: int = 3) -> Tensor:
    return torch.randn(count, STEPS, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("model", GRID, ids=lambda model: f"{model.layers}-{model.feedback}-{model.code.kind}")
def test_every_form_builds_as_told_beforehand(model):
    """Sizes, names and parameter count are those of the network, and gradients reach every part of it."""
    network = built(model)
    x = series()
    out = network(x)
    assert out.raw.shape == x.shape
    assert parameter_count(network.spec) == sum(part.numel() for part in network.parameters())
    told = {layer.name: layer.shape for layer in layers(network.spec)}
    assert [name for name, _ in network.matrices()] == list(told)
    for name, value in out.layers.items():
        assert tuple(value.transpose(1, 2).shape[1:]) == told[name]
    assert widths(network.spec)[-1] == widths(network.spec)[0] == STEPS
    sum(value.mean() for value in terms(look(network, x)).values()).backward()
    for name, part in network.named_parameters():
        assert part.grad is not None, name
        assert part.grad.abs().sum() > 0, name
    assert {id(part) for part in network.weights()} == {id(part) for part in network.parameters() if part.ndim == 2}


def test_the_encoder_is_pytorchs():
    """Two layers give what `nn.GRU` gives with the same weights, and the code sees the state after the last step."""
    network = built(Sequence(width=6, layers=2))
    plain = nn.GRU(1, 6, num_layers=2, batch_first=True)
    with torch.no_grad():
        for i, block in enumerate(network.encoder):
            units = block.units
            for name, part in (("weight_ih", units.input_weight), ("weight_hh", units.state_weight)):
                getattr(plain, f"{name}_l{i}").copy_(part)
            for name, part in (("bias_ih", units.input_bias), ("bias_hh", units.state_bias)):
                getattr(plain, f"{name}_l{i}").copy_(part)
    x = series()
    torch.testing.assert_close(network.encoder(x), plain(x[..., None])[0][:, -1])


@pytest.mark.parametrize("reverse", [False, True])
def test_the_decoder_reads_what_it_drew(reverse):
    """With feedback, each step of the unit starts from the value drawn before, zero at first; backwards if reversed."""
    network = built(Sequence(width=6, feedback=True, reverse=reverse)).eval()
    z = torch.randn(4, 2)
    (block,) = network.decoder
    cell = nn.GRUCell(1, 6)
    cell.load_state_dict(
        {
            "weight_ih": block.units.input_weight,
            "weight_hh": block.units.state_weight,
            "bias_ih": block.units.input_bias,
            "bias_hh": block.units.state_bias,
        }
    )
    state, value, drawn = torch.tanh(block.start(z)), torch.zeros(4, 1), []
    for _ in range(STEPS):
        state = cell(value, state)
        value = network.last.dense(state)
        drawn.append(value)
    expected = torch.cat(drawn[::-1] if reverse else drawn, dim=1)
    torch.testing.assert_close(network.decode_raw(z), expected)


def test_without_feedback_nothing_is_read():
    """A decoder that reads nothing is the same cell on no input at all."""
    network = built(Sequence(width=6, reverse=False)).eval()
    z = torch.randn(4, 2)
    (block,) = network.decoder
    state, raw = torch.tanh(block.start(z)), network.decode_raw(z)
    zero = torch.zeros(18, 1)
    for time in range(STEPS):
        units = block.units
        state = torch.gru_cell(torch.zeros(4, 1), state, zero, units.state_weight, units.input_bias, units.state_bias)
        torch.testing.assert_close(raw[:, time : time + 1], network.last.dense(state))


@pytest.mark.parametrize("reverse", [False, True])
def test_true_values_are_seen_while_training_only(reverse):
    """Taught at every step, the drawing follows the truth in training; measured, it depends on the code alone."""
    network = built(Sequence(width=6, feedback=True, teacher_forcing=1.0, reverse=reverse))
    z = torch.randn(5, 2)
    one, other = series(seed=4), series(seed=5)
    network.train()
    assert not torch.allclose(network.decode_raw(z, taught=one), network.decode_raw(z, taught=other))
    order = range(STEPS)[::-1] if reverse else range(STEPS)  # in which the steps are drawn
    late = one.clone()
    late[:, order[7:]] += 1  # what is drawn later cannot have been seen
    taught, changed_late = network.decode_raw(z, taught=one), network.decode_raw(z, taught=late)
    torch.testing.assert_close(taught[:, order[:8]], changed_late[:, order[:8]])
    assert not torch.allclose(taught[:, order[8]], changed_late[:, order[8]])
    network.eval()
    assert torch.equal(network.decode_raw(z, taught=one), network.decode_raw(z, taught=other))
    assert torch.equal(network(one).raw, network.decode_raw(network.encode(one).z))


def test_teacher_forcing_moves_by_schedule():
    """From always to never over the run: it trains, and at its end the decoder is on its own."""
    spec = RunSpec(
        data=Waves(steps=8, samples=80),
        model=Sequence(width=6, feedback=True),
        schedules=(Schedule(setting="model_teacher_forcing", start=1.0, end=0.0),),
    )
    trainer = Trainer(changed(spec, {"training_epochs": 3}))
    trainer.start()
    assert trainer.dials("model_teacher_forcing") == 1.0
    trainer.advance()
    assert trainer.dials("model_teacher_forcing") < 0.4


def test_nobody_elses_random_numbers_are_used():
    """Building and training leave PyTorch's global generator where it was."""
    before = torch.get_rng_state()
    network = built(Sequence(width=6, layers=2, feedback=True, teacher_forcing=0.5))
    network(series())
    assert torch.equal(before, torch.get_rng_state())


def test_waves_are_made_from_their_factors():
    """The clean series of an item follows from its factors alone; the sine is a sine, the others are Fourier sums."""
    whole = items(Waves(noise=0.0, steps=32))
    assert whole.factor_names == FACTORS
    assert whole.factors is not None
    assert whole.labels is not None
    torch.testing.assert_close(
        torch.from_numpy(draw(whole.factors.astype("f8"), 32)).float(),
        torch.from_numpy(whole.x[..., 0]),
        atol=1e-4,
        rtol=0,
    )
    assert set(whole.labels.tolist()) == set(range(len(SHAPES)))
    shape, cycles, amplitude, cos, sin = whole.factors[0]
    assert SHAPES[int(shape)] == "sine"
    time = torch.arange(32) / 32
    angle = 2 * torch.pi * float(cycles) * time + torch.atan2(torch.tensor(sin), torch.tensor(cos))
    torch.testing.assert_close(torch.from_numpy(whole.x[0, :, 0]), float(amplitude) * angle.sin(), atol=1e-5, rtol=0)
    square = draw(torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]]).numpy(), 400)[0]
    assert abs(square[100] - 1) < 0.1
    assert abs(square[300] + 1) < 0.1
