"""Networks written as ONNX, run by another program (onnxruntime): the same numbers as in PyTorch."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ae_core.errors import SpecError
from ae_core.exports import onnx as written
from ae_core.exports.onnx import onnx_model
from ae_core.probes.program import program
from ae_core.probes.questions import Program
from ae_core.probes.specimen import Specimen
from ae_core.spec import RunSpec, changed
from ae_core.variants import VARIANTS, spec_of
from tests.networks import LEVEL, answers, drawn, level, networks, some, trained

torch.set_num_threads(1)
NEAR = 1e-5  # of numbers of about 1; 1e-4 is what is promised


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: bytes, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Every output by its name."""
    runtime = session(model)
    names = [output.name for output in runtime.get_outputs()]
    return dict(zip(names, runtime.run(names, inputs), strict=True))


def own_units(specimen: Specimen, x: torch.Tensor) -> np.ndarray:
    """Items whose scaled form is x, or near it where scaling forgets something."""
    return specimen.split.scaling.undo(x.numpy())


def same(specimen: Specimen, count: int = 5) -> None:
    """onnxruntime and `Fitted` agree on codes, reconstructions and decoded codes; and on what else is known of them."""
    x, labels = some(specimen.spec, count)
    own, scale = own_units(specimen, x), specimen.split.scaling.scale
    told = {"label": labels.numpy()} if specimen.model.classes else {}
    given = told.get("label")
    whole = run(onnx_model(specimen), x=own, **told)
    encoded = run(onnx_model(specimen, "encoder"), x=own, **told)
    decoded = run(onnx_model(specimen, "decoder"), z=encoded["z"], **told)

    known = answers(specimen, torch.from_numpy(specimen.split.scaling.apply(own)), labels)
    expected = {name: value for name, value in known.items() if name not in ("z", "y", "again")}
    expected |= {"z": specimen.fitted.encode(own, given)}
    rebuilt = specimen.fitted.reconstruct(own, given) / scale
    assert set(encoded) - {"chosen"} == set(expected) - {"chosen"}
    for name, value in expected.items():
        np.testing.assert_allclose(encoded[name], value, rtol=NEAR, atol=NEAR, err_msg=name)
        np.testing.assert_allclose(whole[name], value, rtol=NEAR, atol=NEAR, err_msg=name)
    np.testing.assert_allclose(whole["x_hat"] / scale, rebuilt, rtol=NEAR, atol=NEAR)
    again = specimen.fitted.decode(encoded["z"], given) / scale
    np.testing.assert_allclose(decoded["x_hat"] / scale, again, rtol=NEAR, atol=NEAR)


@pytest.mark.parametrize("name", networks())
def test_onnxruntime_gives_what_pytorch_gives(name):
    """Encoder, decoder and the whole, of every body, code and output, in the dataset's own units."""
    same(drawn(networks()[name]))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_trained_variant_can_be_written(name):
    """Every variant of the catalogue, after a few steps of training."""
    same(trained(spec_of(name), 12), count=12)


@pytest.mark.parametrize("code", LEVEL)
def test_of_equals_the_first_counts(code):
    """Equal numbers, entries and classes are settled in one way everywhere."""
    same(level(code))


@pytest.mark.parametrize("standardise", ["none", "standard", "minmax", "distribution"])
def test_the_items_scale_is_part_of_the_model(standardise):
    """Items go in as the dataset has them, and come out so, however the network was trained on them."""
    specimen = drawn(changed(RunSpec(), {"data_standardise": standardise}))
    x = np.random.default_rng(0).uniform(-0.5, 1.5, (6, 64)).astype("f4")
    x[0] = 0
    x = np.abs(x) if standardise == "distribution" else x
    found = run(onnx_model(specimen), x=x)
    np.testing.assert_allclose(found["z"], specimen.fitted.encode(x), rtol=NEAR, atol=NEAR)
    np.testing.assert_allclose(found["x_hat"], specimen.fitted.reconstruct(x), rtol=NEAR, atol=NEAR)


BATCHED = ["mlp", "conv", "sequence", "k_sparse", "vq_vae", "categorical", "conditional"]


@pytest.mark.parametrize("name", BATCHED)
def test_each_item_of_a_batch_comes_out_as_it_does_alone(name):
    """Any number of items goes through the same file."""
    specimen = drawn(spec_of(name))
    model = onnx_model(specimen)
    x, labels = some(specimen.spec, 7)
    inputs = {"x": own_units(specimen, x)} | ({"label": labels.numpy()} if specimen.model.classes else {})
    many, one = run(model, **inputs), run(model, **{key: value[3:4] for key, value in inputs.items()})
    for key in many:
        np.testing.assert_allclose(one[key][0], many[key][3], rtol=NEAR, atol=NEAR, err_msg=key)


@pytest.mark.parametrize("name", sorted(set(BATCHED) - {"sequence"}))  # onnxruntime's GRU wants an item
def test_a_batch_may_be_empty(name):
    """No items give no reconstructions, of the right width."""
    specimen = drawn(spec_of(name))
    inputs = {"x": np.zeros((0, 64), "f4")}
    inputs |= {"label": np.zeros(0, np.int64)} if specimen.model.classes else {}
    assert run(onnx_model(specimen), **inputs)["x_hat"].shape == (0, 64)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_file_is_sound(name):
    """The checker of ONNX finds every type and shape in order, and what goes in and out is called by its name."""
    for part, given, made in (("autoencoder", "x", "x_hat"), ("encoder", "x", "z"), ("decoder", "z", "x_hat")):
        model = onnx.load_from_string(onnx_model(drawn(spec_of(name)), part))
        onnx.checker.check_model(model, full_check=True)
        inputs = [value.name for value in model.graph.input]
        assert inputs == [given, *(["label"] if name == "conditional" else [])]
        assert made in {value.name for value in model.graph.output}


def test_the_file_says_where_it_comes_from():
    """Run, step and spec are in it, so that a file found years later can be understood."""
    specimen = trained(spec_of("mlp"), 3)
    about = session(onnx_model(specimen)).get_modelmeta().custom_metadata_map
    assert RunSpec.model_validate_json(about["spec"]) == specimen.spec
    assert (about["run"], about["step"], json.loads(about["shape"])) == ("trained", "3", [8, 8, 1])


def test_an_operation_that_nobody_wrote_down_is_refused(monkeypatch):
    """A new operation stops the export with its name, so that no file counts something else."""
    monkeypatch.delitem(written.NODES, "relu")
    with pytest.raises(SpecError, match=r"got relu\. .*NODES"):
        onnx_model(drawn(spec_of("mlp")))


def test_every_operation_of_a_program_is_met():
    """The networks that are compared use every operation that can be written, and no other."""
    used = set()
    for spec in networks().values():
        header, _ = program(Program(), drawn(spec), lambda _: None)
        used |= {op["op"] for side in ("encoder", "decoder") for op in header[side]}
    assert used == set(written.NODES)
