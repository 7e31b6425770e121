"""Files to take away, each opened by what it is for."""

from __future__ import annotations

import dataclasses
import json
from io import BytesIO
from typing import Any, get_args

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load

from ae_core.errors import SpecError
from ae_core.exports.animation import film
from ae_core.exports.codes import codes_csv, codes_parquet, table
from ae_core.exports.files import FILES
from ae_core.probes.answers import ANSWERS
from ae_core.probes.questions import FileName, TakeAway, read_question
from ae_core.probes.specimen import Specimen, revive
from ae_core.spec import RunSpec, changed, read
from ae_core.training import Trainer

KINDS: dict[str, dict[str, Any]] = {
    "digits": {},
    "clouds": {"model_code_kind": "variational", "model_code_latent_dim": 5},
    "line": {"model_code_latent_dim": 1},
    "table": {"data_kind": "wine"},
    "points": {"data_kind": "rings"},
    "series": {"data_kind": "waves"},
    "colour": {"data_kind": "photo_patches"},
    "conditional": {"model_conditional": True},
    "shares": {"objective_reconstruction": "cross_entropy", "data_standardise": "auto"},
}


@pytest.fixture(scope="module")
def specimens() -> dict[str, Specimen]:
    """A run of each kind with three kept steps."""
    return {name: grown(**values) for name, values in KINDS.items()}


def grown(**values: Any) -> Specimen:
    """A model after 20 steps."""
    spec = changed(RunSpec(), {"training_epochs": 10, **values})
    trainer = Trainer(spec)
    trainer.start()
    kept = [(0, trainer.weights())]
    for step in (5, 20):
        trainer.advance(steps=step - trainer.step)
        kept.append((step, trainer.weights()))
    return revive("a-run", spec, 20, kept[-1][1], trainer.goal, lambda: kept)


def taken(specimen: Specimen, name: Any) -> bytes:
    """The file as the engine answers it."""
    header, arrays = ANSWERS[TakeAway](TakeAway(file=name), specimen, lambda _: None)
    assert header["file"] == name
    return bytes(np.asarray(arrays["bytes"]))


def test_every_name_that_can_be_asked_for_is_a_file():
    """Questions know the names without loading what makes the files."""
    assert read_question({"kind": "take_away", "file": "codes.csv"}) == TakeAway(file="codes.csv")
    assert set(get_args(FileName)) == set(FILES)


@pytest.mark.parametrize("name", KINDS)
def test_the_weights_open_without_executing_anything_and_say_whose_they_are(specimens, name, tmp_path):
    """All tensors are there, and the spec with which the network is built again."""
    data = taken(specimens[name], "weights.safetensors")
    own = specimens[name].model.state_dict()
    opened = load(data)
    assert opened.keys() == own.keys()
    assert all(torch.equal(opened[key], value) for key, value in own.items())
    (tmp_path / "w").write_bytes(data)
    with safe_open(tmp_path / "w", "pt") as file:
        about = file.metadata()
    assert (about["run"], about["step"]) == ("a-run", "20")
    assert read(json.loads(about["spec"])) == specimens[name].spec


@pytest.mark.parametrize("name", KINDS)
def test_codes_are_those_of_the_model_in_both_tables(specimens, name):
    """A line an item, with its row in the dataset; text and Parquet hold the same."""
    specimen = specimens[name]
    text = pd.read_csv(BytesIO(codes_csv(specimen)))
    packed = pd.read_parquet(BytesIO(codes_parquet(specimen)))
    z = [column for column in text.columns if column.startswith("z")]
    with torch.inference_mode():
        x = torch.from_numpy(specimen.items(slice(None)))
        told = specimen.told()
        codes, errors = told.encode(x).centre.numpy(), (told.reconstruct(x) - x).square().mean(dim=1).numpy()
    assert np.allclose(text[z], codes, rtol=1e-5, atol=1e-6)
    assert np.allclose(packed[z], codes, rtol=1e-5, atol=1e-6)
    assert np.allclose(text["error"], errors, rtol=1e-4)
    assert text["item"].tolist() == packed["item"].tolist() == specimen.item_ids.tolist()
    assert (text["split"] == "val").sum() == len(specimen.split.val)
    assert ("label" in text) == (specimen.labels.min() >= 0)


def test_labels_are_told_by_name(specimens):
    """Not as numbers."""
    found = table(specimens["table"])
    assert set(found["label"]) == set(specimens["table"].split.label_names)


def test_a_class_is_never_a_formula(specimens):
    """A spreadsheet shows its name and computes nothing."""
    specimen = grown(**KINDS["table"])
    specimen.__dict__["split"] = dataclasses.replace(specimen.split, label_names=("=1+1", "@cmd", "plain"))
    found = pd.read_csv(BytesIO(codes_csv(specimen)))
    assert set(found["label"]) == {"'=1+1", "'@cmd", "plain"}


def test_the_networks_run_where_onnx_does(specimens):
    """Encoder and decoder, one after the other, are the model."""
    specimen = specimens["digits"]
    x = specimen.split.scaling.undo(specimen.items(slice(0, 8))).astype(np.float32)
    run = {
        part: onnxruntime.InferenceSession(taken(specimen, f"{part}.onnx")) for part in ("model", "encoder", "decoder")
    }
    (z,) = run["encoder"].run(["z"], {"x": x})
    (rebuilt,) = run["decoder"].run(["x_hat"], {"z": z})
    assert np.abs(rebuilt - specimen.fitted.reconstruct(x)).max() < 1e-4
    assert np.abs(run["model"].run(["x_hat"], {"x": x})[0] - rebuilt).max() < 1e-5


@pytest.mark.parametrize("name", KINDS)
def test_the_film_has_a_picture_for_every_kept_step(specimens, name):
    """It opens, moves, and stays on the last one."""
    told: list[float] = []
    picture = Image.open(BytesIO(film(specimens[name], told.append)))
    assert told[-1] == 1.0
    assert picture.format == "GIF"
    assert picture.n_frames == 3
    frames = []
    for number in range(3):
        picture.seek(number)
        frames.append((np.asarray(picture.convert("RGB")), picture.info["duration"]))
    assert [time for _, time in frames] == [160, 160, 2500]
    assert all((a != b).mean() > 0.001 for (a, _), (b, _) in zip(frames, frames[1:], strict=False))


def test_a_film_of_one_picture_is_refused():
    """The sentence says what to choose."""
    trainer = Trainer(RunSpec())
    trainer.start()
    specimen = revive("r", RunSpec(), 0, trainer.weights(), trainer.goal, lambda: [(0, trainer.weights())])
    with pytest.raises(SpecError, match="later epoch"):
        film(specimen)
