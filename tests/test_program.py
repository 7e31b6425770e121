"""The network as a program: run by a second, plain interpreter it gives what PyTorch gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf, expit, softmax
from torch import nn

from ae_core import frames
from ae_core.data import DATASETS
from ae_core.errors import SpecError
from ae_core.models import OUTPUTS
from ae_core.models.autoencoder import BODIES
from ae_core.models.blocks import ACTIVATIONS
from ae_core.models.code import CODES
from ae_core.models.conv import UPSAMPLINGS
from ae_core.probes.answers import answer
from ae_core.probes.program import WRITTEN
from ae_core.probes.questions import Program, read_question
from ae_core.probes.specimen import Specimen
from ae_core.sizes import parameter_count
from ae_core.spec import RunSpec, changed
from ae_core.variants import VARIANTS, spec_of
from tests.networks import LEVEL, answers, drawn, level, networks, some, trained

torch.set_num_threads(1)
NEAR = 1e-5


def asked(specimen: Specimen) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of the program."""
    return frames.decode(answer(Program(), specimen, lambda _: None))


class Machine:
    """Runs operations in double precision, written for being read and not for speed. told: the item's class."""

    def __init__(self, arrays: dict[str, np.ndarray], told: int) -> None:
        self.arrays, self.told = arrays, told
        self.found: dict[str, np.ndarray] = {}

    def run(self, operations: list[dict[str, Any]], x: np.ndarray) -> np.ndarray:
        for op in operations:
            x = getattr(self, f"do_{op['op']}")(op, x.astype(float))
        return x

    def array(self, name: str | None) -> np.ndarray:
        return np.zeros(()) if name is None else self.arrays[name].astype(float)

    def affine(self, op: dict[str, Any], x: np.ndarray, role: str = "") -> np.ndarray:
        return x @ self.array(op[f"{role}weight"]).T + self.array(op[f"{role}bias"])

    def do_centre(self, op, x):
        return x - self.array(op["bias"])

    def do_unit(self, op, x):
        return x / max(np.linalg.norm(x), 1e-12)

    def do_class(self, op, x):
        return np.concatenate([x, np.eye(op["classes"])[self.told]])

    def do_dense(self, op, x):
        assert self.array(op["weight"]).shape == (op["outputs"], op["inputs"])
        return self.affine(op, x.reshape(op["times"], op["inputs"])).ravel()

    def do_scale(self, op, x):
        return (x.reshape(-1, op["channels"]) * self.array(op["weight"]) + self.array(op["bias"])).ravel()

    def do_relu(self, op, x):
        return np.maximum(x, 0)

    def do_tanh(self, op, x):
        return np.tanh(x)

    def do_sigmoid(self, op, x):
        return expit(x)

    def do_gelu(self, op, x):
        return x * (1 + erf(x / np.sqrt(2))) / 2

    def do_softmax(self, op, x):
        return softmax(x)

    def do_mixed(self, op, x):
        shapes = {"identity": lambda part: part, "sigmoid": lambda part: 1 / (1 + np.exp(-part)), "softmax": softmax}
        return np.concatenate([shapes[shape](x[start:stop]) for shape, start, stop in op["spans"]])

    def do_unit_mean(self, op, x):
        far = np.where(np.abs(x) < 1e-3, 1, x)
        return np.where(np.abs(x) < 1e-3, 0.5 + x / 12, 1 / -np.expm1(-far) - 1 / far)

    def do_conv(self, op, x):
        side, stride = op["side"], op["stride"]
        edge = [(side // 2, side // 2)] * 2 + [(0, 0)]
        patches = sliding_window_view(np.pad(x.reshape(op["before"]), edge), (side, side), axis=(0, 1))
        maps = np.einsum("yxikl,oikl->yxo", patches[::stride, ::stride], self.array(op["weight"]), optimize=True)
        assert list(maps.shape) == op["after"]
        return (maps + self.array(op["bias"])).ravel()

    def do_nearest(self, op, x):
        small, large = np.array(op["before"]), np.array(op["after"])
        rows, columns = (np.arange(large[i]) * small[i] // large[i] for i in (0, 1))
        return x.reshape(small)[rows][:, columns].ravel()

    def do_spread(self, op, x):
        apart = np.zeros(op["after"])
        apart[::2, ::2] = x.reshape(op["before"])
        return apart.ravel()

    def do_weave(self, op, x):
        height, width, maps = op["before"]
        rows, columns, channels = op["after"]
        woven = x.reshape(height, width, channels, 2, 2).transpose(0, 3, 1, 4, 2).reshape(2 * height, 2 * width, -1)
        assert maps == 4 * channels
        return woven[:rows, :columns].ravel()

    def step(self, layer, x, state):
        gates = self.array(layer["input_bias"]) if not layer["inputs"] else self.affine(layer, x, "input_")
        given = np.broadcast_to(gates, 3 * len(state)).reshape(3, -1)
        kept = self.affine(layer, state, "state_").reshape(3, -1)
        reset, update = expit(given[0] + kept[0]), expit(given[1] + kept[1])
        return (1 - update) * np.tanh(given[2] + reset * kept[2]) + update * state

    def do_gru(self, op, x):
        states, state = [], np.zeros(op["width"])
        for moment in x.reshape(op["steps"], op["inputs"]):
            state = self.step(op, moment, state)
            states.append(state)
        return np.concatenate(states)

    def do_last(self, op, x):
        return x.reshape(op["steps"], op["width"])[-1]

    def do_draw(self, op, x):
        states = [np.tanh(self.affine(layer, x, "start_")) for layer in op["layers"]]
        value, answers = np.zeros(op["channels"]), []
        for _ in range(op["steps"]):
            seen = value
            for i, layer in enumerate(op["layers"]):
                seen = states[i] = self.step(layer, seen, states[i])
            answers.append(seen)
            if fed_back := op["fed_back"]:
                value = self.affine(fed_back, seen)
                value = (
                    value if fed_back["shape"] == "identity" else getattr(self, f"do_{fed_back['shape']}")({}, value)
                )
        return np.concatenate(answers)

    def do_reverse(self, op, x):
        return x.reshape(op["steps"], op["channels"])[::-1].ravel()

    def do_gaussian(self, op, x):
        self.found |= {"mu": self.affine(op, x), "log_var": self.affine(op, x, "spread_").clip(op["low"], op["high"])}
        return self.found["mu"]

    def do_keep(self, op, x):
        self.found["full"] = x
        kept = np.argsort(-x, kind="stable")[: op["kept"]]
        return np.where(np.isin(np.arange(op["size"]), kept), x, 0)

    def do_quantise(self, op, x):
        codebook = self.array(op["codebook"])
        apart = x.reshape(op["slots"], 1, -1) - codebook
        self.found |= {"full": x, "chosen": np.square(apart).sum(axis=-1).argmin(axis=-1)}
        assert len(codebook) == op["entries"]
        return codebook[self.found["chosen"]].ravel()

    def do_choose(self, op, x):
        logits = x.reshape(op["choices"], op["classes"])
        self.found["logits"] = x
        return np.eye(op["classes"])[logits.argmax(axis=-1)].ravel()


def interpreted(specimen: Specimen, x: torch.Tensor, labels: torch.Tensor) -> dict[str, np.ndarray]:
    """What `answers` says of these items, by the machine."""
    header, arrays = asked(specimen)
    rows = []
    for item, label in zip(x.numpy(), labels.tolist(), strict=True):
        machine = Machine(arrays, label)
        z = machine.run(header["encoder"], item)
        y = machine.run(header["decoder"], z)
        rows.append({**machine.found, "z": z, "y": y, "again": y * item.sum() if header["counts"] else y})
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def same(specimen: Specimen, count: int = 4) -> None:
    """The program and the model agree on everything that is known of some items."""
    x, labels = some(specimen.spec, count)
    expected, found = answers(specimen, x, labels), interpreted(specimen, x, labels)
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=NEAR, atol=NEAR, err_msg=name)


@pytest.mark.parametrize("name", networks())
def test_the_program_gives_what_the_model_gives(name):
    """Codes and all that is known of them, decoded codes and reconstructions, of every body, code and output."""
    same(drawn(networks()[name]))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_trained_variant_can_be_exported(name):
    """A few steps of training leave numbers that no network is made with; the program has them."""
    same(trained(spec_of(name), 12), count=12)


@pytest.mark.parametrize("code", LEVEL)
def test_of_equals_the_first_counts(code):
    """Equal numbers, entries and classes are settled in one way everywhere."""
    same(level(code))


def test_the_grid_leaves_nothing_out():
    """Every body, code, activation, output and way of doubling is among the networks that are compared."""
    models = [drawn(spec).model for spec in networks().values()]
    assert {type(model.spec.model) for model in models} == set(BODIES)
    for body in BODIES:
        assert {type(m.spec.model.code) for m in models if type(m.spec.model) is body} == set(CODES), body
    assert {getattr(m.spec.model, "activation", "relu") for m in models} == set(ACTIVATIONS)
    assert {getattr(m.spec.model, "upsampling", "nearest") for m in models} == set(UPSAMPLINGS)
    assert {m.output for m in models} == {*OUTPUTS, "mixed"}
    assert {type(part) for m in models for part in (m.encoder, m.code, m.decoder, m.last)} <= set(WRITTEN)


@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 7, 2), (9, 1, 4)])
@pytest.mark.parametrize("doubling", UPSAMPLINGS)
def test_pictures_may_have_colours_and_any_shape(shape, doubling, monkeypatch):
    """Pictures that are not square and pixels of several numbers go the same way."""
    monkeypatch.setitem(DATASETS, "digits", replace(DATASETS["digits"], shape=lambda _: shape))
    settings = {"model_kind": "conv", "model_channels": (3, 5), "model_upsampling": doubling}
    same(drawn(changed(RunSpec(), settings)))


@pytest.mark.parametrize("feedback", [False, True])
def test_series_may_have_channels(feedback, monkeypatch):
    """Several numbers a step go the same way."""
    monkeypatch.setitem(DATASETS, "waves", replace(DATASETS["waves"], shape=lambda _: (6, 3)))
    same(drawn(changed(RunSpec(), {"data_kind": "waves", "model_kind": "sequence", "model_feedback": feedback})))


@pytest.mark.parametrize("settings", [{}, {"model_bias": False}, {"model_batch_norm": True}], ids=str)
@pytest.mark.parametrize("name", ["mlp", "conv", "sequence", "vae", "beta_vae", "categorical", "conditional"])
def test_the_arrays_are_the_parameters_and_nothing_else(name, settings):
    """As many numbers as the network learns, all single precision; batch norm's four numbers a unit became two."""
    if name == "sequence" and "model_batch_norm" in settings:
        pytest.skip("has no batch norm")
    spec = changed(spec_of(name), settings)
    _, arrays = asked(drawn(spec))
    assert sum(array.size for array in arrays.values()) == parameter_count(spec)
    assert {array.dtype for array in arrays.values()} == {np.dtype("f4")}


def test_a_learned_prior_comes_with_its_pseudo_inputs():
    """They are what the encoder would be given; other models have none."""
    specimen = drawn(spec_of("vamp"))
    header, arrays = asked(specimen)
    np.testing.assert_array_equal(arrays[header["pseudo_inputs"]], specimen.model.prior.pseudo_inputs.detach().numpy())
    assert asked(drawn(spec_of("vae")))[0]["pseudo_inputs"] is None


def test_the_header_says_what_goes_in_and_out():
    """Sizes, classes, whether counts come back, and where the codebook is."""
    header, arrays = asked(drawn(spec_of("vq_vae")))
    assert (header["features"], header["width"], header["classes"], header["counts"]) == (64, 16, 0, False)
    assert arrays[header["codebook"]].shape == (32, 2)
    assert header["code"]["slots"] == 8
    header, _ = asked(drawn(spec_of("conditional")))
    assert (header["classes"], header["codebook"]) == (10, None)
    assert asked(drawn(spec_of("multi_dae")))[0]["counts"] is True


def test_the_question_can_be_asked():
    """Over HTTP it is a kind like the others."""
    assert read_question({"kind": "program"}) == Program()


def test_a_part_that_nobody_wrote_down_is_refused():
    """A new kind of layer stops the export with its name, so that no browser counts something else."""
    specimen = drawn(spec_of("mlp"))
    specimen.model.encoder.append(nn.Bilinear(1, 1, 1))
    with pytest.raises(SpecError, match=r"got Bilinear\. .*WRITTEN"):
        asked(specimen)
