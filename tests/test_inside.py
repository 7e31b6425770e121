"""What is told of a network's inside, each number against a second way to work it out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch.distributions import Normal, kl_divergence

from ae_core.errors import SpecError
from ae_core.metrics import evaluate
from ae_core.probes.answers import ANSWERS
from ae_core.probes.questions import Dimensions, Landscape, Layers, Units
from ae_core.probes.specimen import Specimen, revive
from ae_core.spec import RunSpec, changed
from ae_core.training import Trainer
from ae_core.variants import VARIANTS


def grown(steps: int = 40, moments: tuple[int, ...] = (), **values: Any) -> Specimen:
    """A model after so many steps, with its weights at these moments as the way that it came."""
    spec = changed(RunSpec(), {"training_epochs": 100, **values})
    trainer = Trainer(spec)
    trainer.start()
    kept = []
    for moment in (*moments, steps):
        trainer.advance(steps=moment - trainer.step)
        kept.append((trainer.step, trainer.weights()))
    return revive("grown", spec, trainer.step, kept[-1][1], trainer.goal, lambda: kept)


def found(question: Any, specimen: Specimen) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of the answer; every number of them can be drawn."""
    told: list[float] = []
    header, arrays = ANSWERS[type(question)](question, specimen, told.append)
    assert all(0 <= share <= 1 for share in told)
    return dict(header), dict(arrays)


@pytest.fixture(scope="module")
def digits() -> Specimen:
    """The default network after a little training."""
    return grown()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_shows_its_inside(name):
    """Layers, units of every layer and numbers of the code of each are told, and there is a landscape around it."""
    specimen = grown(6, (0, 3), **VARIANTS[name].settings)
    header, arrays = found(Layers(most=64), specimen)
    assert {len(values) for values in arrays.values()} == {len(header["layers"])}
    assert np.isfinite(arrays["weight_norm"]).all()
    assert np.isfinite(arrays["gradient_norm"]).any()
    layers = found(Units(most=100), specimen)[0]["layers"]
    for layer in layers:
        told, units = found(Units(layer=layer, most=100), specimen)
        assert all(np.isfinite(values).all() for values in units.values())
        assert (units["histogram"].sum(axis=1) == told["items"]).all()
    _, numbers = found(Dimensions(most=100), specimen)
    assert np.isfinite(numbers["variance"]).all()
    assert np.isfinite(found(Landscape(points=5, most=32), specimen)[1]["loss"]).all()


def test_gradient_norms_are_those_of_the_same_network_written_by_hand(digits):
    """A plain chain of products and ReLUs with these weights has the same gradients."""
    header, arrays = found(Layers(most=200), digits)
    first = len(digits.split.val)
    x = torch.from_numpy(digits.items(slice(first, first + 200)))
    state = {name: value.clone().requires_grad_(True) for name, value in digits.model.state_dict().items()}
    weights = [(name, value) for name, value in state.items() if name.endswith("weight")]
    hidden = x
    for number, (name, weight) in enumerate(weights):
        hidden = hidden @ weight.T + state[name.replace("weight", "bias")]
        if header["layers"][number] not in ("code", "output"):
            hidden = hidden.relu()
    loss = 0.5 * (hidden - x).square().sum(dim=1).mean()
    by_hand = torch.autograd.grad(loss, [weight for _, weight in weights])
    assert arrays["gradient_norm"] == pytest.approx([float(one.norm()) for one in by_hand], rel=1e-4)
    assert all(not parameter.requires_grad for parameter in digits.model.parameters())


def test_layers_that_share_their_weights_share_the_gradient():
    """A tied decoder pulls at the same matrix as the encoder."""
    header, arrays = found(Layers(), grown(model_tied=True))
    pulled = dict(zip(header["layers"], arrays["gradient_norm"], strict=True))
    assert pulled["encoder.0"] == pulled["output"] > 0


def test_a_unit_without_weights_is_dead():
    """A unit that answers every item alike is counted."""
    specimen = grown()
    specimen.model.encoder[0].dense.weight[:32] = 0
    header, arrays = found(Layers(), specimen)
    dead = dict(zip(header["layers"], arrays["dead"], strict=True))
    assert dead["encoder.0"] >= 32 / len(specimen.model.encoder[0].dense.weight)


@pytest.mark.parametrize("layer", ["encoder.0", "code", "decoder.1"])
def test_units_are_told_as_they_answer(digits, layer):
    """Variance, mean, the items answered most and the weights, by a plain pass and a plain sort."""
    header, arrays = found(Units(layer=layer, units=5, most=300), digits)
    x = torch.from_numpy(digits.items(slice(0, 300)))
    with torch.inference_mode():
        answer = digits.model(x)
    values = (answer.coded.z if layer == "code" else answer.layers[layer]).numpy().astype(np.float64)
    order = np.argsort(-values.var(axis=0))[: len(arrays["unit"])]
    assert arrays["unit"].tolist() == order.tolist()
    assert arrays["mean"] == pytest.approx(values.mean(axis=0)[order], rel=1e-4)
    for unit, top, most in zip(order, arrays["top"], arrays["top_value"], strict=True):
        best = sorted(values[:, unit], reverse=True)[: len(top)]
        assert most == pytest.approx(best, rel=1e-5)
        rows = [digits.item_ids.tolist().index(item) for item in top]
        assert values[rows, unit] == pytest.approx(best, rel=1e-5)
    assert ("incoming" in arrays, "outgoing" in arrays) == (layer == "encoder.0", layer == "decoder.1")
    if layer == "encoder.0":
        assert (arrays["incoming"] == digits.model.encoder[0].dense.weight.numpy()[order]).all()
    if layer == "decoder.1":
        assert (arrays["outgoing"] == digits.model.last.weight.numpy()[:, order].T).all()
    assert header["units"] == values.shape[1]


def test_a_layer_that_is_not_there_is_refused(digits):
    """The refusal names those that are."""
    with pytest.raises(SpecError, match=r"encoder\.0, .*code"):
        found(Units(layer="roof"), digits)


def test_what_each_number_of_a_gaussian_code_says_is_its_divergence():
    """As torch.distributions has it; a number that never varies is not used."""
    specimen = grown(model_code_kind="variational", model_code_latent_dim=3)
    specimen.model.code.dense.weight[1] = 0
    header, arrays = found(Dimensions(), specimen)
    with torch.inference_mode():
        coded = specimen.model.encode(torch.from_numpy(specimen.items(slice(None))))
    posterior = Normal(coded.mu, (0.5 * coded.log_var).exp())
    expected = kl_divergence(posterior, Normal(0.0, 1.0)).mean(dim=0)
    assert arrays["kl"] == pytest.approx(expected.numpy(), rel=1e-4)
    assert header["rule"] == "gaussian"
    assert (arrays["used"] == (coded.mu.var(dim=0, correction=0) > 0.01).numpy()).all()
    assert arrays["used"][1] == 0


def test_numbers_of_other_codes_are_used_where_they_vary():
    """One that stays the same is not."""
    specimen = grown(model_code_latent_dim=4)
    specimen.model.code.dense.weight[2] = 0
    header, arrays = found(Dimensions(), specimen)
    assert (header["rule"], arrays["used"].tolist()[2]) == ("share", 0)
    assert arrays["used"].sum() == 3
    assert "kl" not in arrays


def test_the_landscape_is_the_loss_in_the_plane_of_the_way():
    """Three models lie in one plane exactly: there distances are kept, and each place has the loss of its weights."""
    specimen = grown(60, (0, 20))
    _, arrays = found(Landscape(points=7, most=100), specimen)
    names = [name for name, _ in specimen.model.named_parameters()]
    states = [load(blob) for _, blob in specimen.path()]
    way = np.stack([np.concatenate([state[name].numpy().ravel() for name in names]) for state in states])
    way = (way - way[-1]).astype(np.float64)
    path = arrays["path"].astype(np.float64)
    assert np.linalg.norm(path[0]) == pytest.approx(np.linalg.norm(way[0]), rel=1e-4)
    assert np.linalg.norm(path[0] - path[1]) == pytest.approx(np.linalg.norm(way[0] - way[1]), rel=1e-4)
    assert np.abs(path[-1]).max() < 1e-6
    plane = np.linalg.lstsq(path[:2], way[:2], rcond=None)[0]
    x = torch.from_numpy(specimen.items(slice(0, 100)))
    assert arrays["path_loss"][-1] == pytest.approx(evaluate(specimen.model, x)["reconstruction"], rel=1e-5)
    for row, column in ((0, 0), (3, 5), (6, 2)):
        moved = arrays["across"][column] * plane[0] + arrays["up"][row] * plane[1]
        away = revive("away", specimen.spec, specimen.step, specimen.path()[-1][1], 100).model
        at = 0
        for parameter in away.parameters():
            part = moved[at : at + parameter.numel()].reshape(parameter.shape)
            parameter.add_(torch.from_numpy(part).float())
            at += parameter.numel()
        expected = evaluate(away, x)["reconstruction"]
        assert arrays["loss"][row, column] == pytest.approx(expected, rel=1e-3)


def test_a_landscape_wants_a_way():
    """Of one step alone there is no plane; the refusal says what to choose."""
    with pytest.raises(SpecError, match="later epoch"):
        found(Landscape(), grown(5, (0,)))
