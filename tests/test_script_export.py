"""The PyTorch script of a run, run by itself: it knows nothing of this project and ends where the run ended."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch

from ae_core.errors import SpecError
from ae_core.exports.pytorch import script, script_zip
from ae_core.metrics import mean_squared_error
from ae_core.probes.specimen import Specimen, revive
from ae_core.spec import RunSpec, changed
from ae_core.training import Trainer

RUNS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "linear": {"model_hidden": (), "optimizer_kind": "sgd", "optimizer_momentum": 0.5, "optimizer_schedule": "step"},
    "tied": {"model_tied": True, "model_activation": "tanh", "optimizer_kind": "rmsprop"},
    "tied without bias": {"model_tied": True, "model_bias": False, "optimizer_kind": "adamw"},
    "variational": {"model_code_kind": "variational", "model_code_beta": 0.1, "optimizer_schedule": "cosine"},
    "bce": {"objective_reconstruction": "bce", "model_activation": "gelu", "objective_weight_decay": 0.001},
    "shares": {"objective_reconstruction": "cross_entropy", "data_standardise": "auto"},
    "shaped": {"model_output": "sigmoid", "model_code_activation": "sigmoid"},
    "dropout": {"model_dropout": 0.2},
    "batch norm": {"model_batch_norm": True, "training_batch_size": 13},
    "noise": {"objective_corruption_kind": "gaussian", "objective_corruption_level": 0.3},
    "erased": {"objective_corruption_kind": "masking", "objective_corruption_level": 0.3},
    "salted": {"objective_corruption_kind": "salt_pepper", "objective_corruption_level": 0.3},
    "sparse": {"objective_code_l1": 0.01, "objective_weight_l1": 0.0001, "objective_code_l2": 0.01},
    "table": {"data_kind": "wine", "training_batch_size": 16},
    "conv": {"model_kind": "conv"},
    "conv in colour": {
        "data_kind": "photo_patches",
        "model_kind": "conv",
        "model_kernel": 5,
        "model_channels": (6,),
        "model_dropout": 0.1,
        "model_batch_norm": True,
        "objective_weight_decay": 0.001,
    },
    "conv variational": {"model_kind": "conv", "model_code_kind": "variational", "objective_reconstruction": "bce"},
}
ALL = "import runpy, sys\nfor file in sys.argv[1:]: runpy.run_path(file, run_name='__main__')"


def trained(steps: int | None = None, **values: Any) -> Specimen:
    """A run of two epochs, or of so many steps of them."""
    spec = changed(RunSpec(), {"training_epochs": 2, **values})
    trainer = Trainer(spec)
    trainer.start()
    trainer.advance(steps=steps)
    return revive("Rn-7_x", spec, trainer.step, trainer.weights(), trainer.goal)


def unpacked(packed: bytes, place: Path) -> Path:
    """The script, with its data beside it."""
    with zipfile.ZipFile(BytesIO(packed)) as box:
        assert sorted(box.namelist()) == ["data.npz", "train.py"]
        box.extractall(place)
    return place / "train.py"


def told(*files: Path) -> list[float]:
    """The errors that the scripts end with, in a process that cannot find this project."""
    command = [sys.executable, "-I", "-c", ALL, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=files[0].parent, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [float(value) for value in re.findall(r"^val_mse (\S+)$", done.stdout, re.MULTILINE)]


def error(specimen: Specimen) -> float:
    """Of the run itself, on the items kept aside."""
    return mean_squared_error(specimen.model, torch.from_numpy(specimen.split.val))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Of each run, the error that its script ends with, and its own."""
    runs = {name: trained(**values) for name, values in RUNS.items()}
    files = [unpacked(script_zip(run), tmp_path_factory.mktemp("script")) for run in runs.values()]
    return {name: pair for name, *pair in zip(runs, told(*files), map(error, runs.values()), strict=True)}


@pytest.mark.parametrize("name", RUNS)
def test_the_script_ends_at_the_same_error(ended, name):
    """Whatever the run is made of, in its own words of PyTorch.

    A bias before batch norm has a gradient of rounding errors alone, of which Adam makes steps of full length; so there
    the two part a little.
    """
    script_error, own_error = ended[name]
    close = 5e-3 if RUNS[name].get("model_batch_norm") else 2e-4
    assert script_error == pytest.approx(own_error, rel=close)


def test_a_script_stops_where_the_run_did_and_changes_the_rate_where_it_did(tmp_path):
    """A stopped run with a learning rate that was changed by hand is reproduced too."""
    spec = changed(RunSpec(), {"training_epochs": 4})
    trainer = Trainer(spec)
    trainer.start()
    trainer.advance(steps=20)
    trainer.set_learning_rate(0.01)
    trainer.advance(steps=15)
    specimen = revive("run", spec, 35, trainer.weights(), trainer.goal, rates=lambda: [(20, 0.01)])
    assert told(unpacked(script_zip(specimen), tmp_path)) == [pytest.approx(error(specimen), rel=2e-4)]


def test_it_holds_nothing_that_the_run_does_not_use():
    """A plain run has no word of noise, dropout or clouds; the script compiles and its lines fit a screen."""
    text = script(trained(steps=1))
    compile(text, "train.py", "exec")
    assert set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) == {"math", "pathlib", "numpy", "torch"}
    assert not re.search(r"Dropout|damaged|log_variance|Tied|functional|sign\(\)|\{\{|\{%", text)
    assert max(len(line) for line in text.splitlines()) <= 120
    assert "\n\n\n\n" not in text


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"data_kind": "waves", "model_kind": "sequence"}, "model_kind = sequence"),
        ({"model_kind": "conv", "model_upsampling": "shuffle"}, "model_upsampling = shuffle"),
        ({"model_code_kind": "k_sparse"}, "model_code_kind = k_sparse"),
        ({"objective_topological": 1.0}, "objective_topological"),
    ],
)
def test_what_it_does_not_know_is_named(values, named):
    """A run that cannot be written down says why, and what to take instead."""
    with pytest.raises(SpecError, match=rf"{named}.*ONNX"):
        script(trained(steps=1, **values))
