"""The PyTorch script of a run, run by itself: it knows nothing of this project and ends where the run ended."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch

from ae_core.compatibility import check
from ae_core.errors import AeError
from ae_core.exports.pytorch import script, script_zip
from ae_core.metrics import mean_squared_error
from ae_core.models import build
from ae_core.probes.specimen import Specimen, revive
from ae_core.spec import RunSpec, Setting, changed, every_setting, settings
from ae_core.training import Trainer
from ae_core.variants import VARIANTS

SERIES = {"data_kind": "waves", "data_samples": 300, "model_kind": "sequence", "model_width": 12}
WORDS = {
    "model_code_kind": "quantised",
    "model_code_latent_dim": 6,
    "model_code_slots": 3,
    "model_code_codebook_size": 16,
}
MATCHED = {"model_code_kind": "variational", "model_code_latent_dim": 3}
RUNS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "straight": {"model_hidden": (), "optimizer_kind": "sgd", "optimizer_momentum": 0.5, "optimizer_schedule": "step"},
    "twins": {"model_tied": True, "model_activation": "tanh", "optimizer_kind": "rmsprop"},
    "twins without bias": {"model_tied": True, "model_bias": False, "optimizer_kind": "adamw"},
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
    "mixed table": {"data_kind": "tips", "objective_reconstruction": "mixed", "training_batch_size": 16},
    "mixed table, several draws": {
        "data_kind": "tips",
        "objective_reconstruction": "mixed",
        "model_code_kind": "variational",
        "model_code_samples": 3,
    },
    "table": {"data_kind": "wine", "training_batch_size": 16},
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
    "conv transposed": {
        "model_kind": "conv",
        "model_upsampling": "transposed",
        "model_bias": False,
        "optimizer_schedule": "cyclic",
    },
    "conv shuffled": {
        "model_kind": "conv",
        "model_upsampling": "shuffle",
        "data_kind": "faces",
        "model_channels": (4,),
    },
    "series fed back": SERIES | {"model_feedback": True, "model_teacher_forcing": 0.5, "model_dropout": 0.1},
    "series as it comes": SERIES | {"model_layers": 2, "model_reverse": False, "model_bias": False},
    "series in clouds": SERIES
    | {"model_code_kind": "variational", "objective_weight_decay": 0.001, "optimizer_schedule": "warm_up"},
    "series that pay": SERIES
    | {
        "model_layers": 2,
        "model_code_activation": "relu",
        "objective_code_l1": 0.1,
        "objective_code_l1_by_decoder": True,
    },
    "few speak": {
        "model_code_kind": "k_sparse",
        "model_code_latent_dim": 40,
        "model_code_k": 3,
        "model_code_test_factor": 1.5,
        "model_code_activation": "relu",
        "model_code_dead_after": 3,
        "model_code_auxiliary": 0.5,
        "model_dropout": 0.1,
    },
    "words that move": WORDS | {"model_code_restart": 2},
    "words learned by gradient": WORDS | {"model_code_ema": 0.0, "model_code_restart": 0},
    "choices": {"model_code_kind": "categorical", "model_code_latent_dim": 3, "objective_reconstruction": "bce"}
    | {"optimizer_schedule": "linear"},
    "weighed draws": {
        "model_code_kind": "variational",
        "model_code_samples": 3,
        "model_code_prior": "vamp",
        "model_code_pseudo_inputs": 7,
        "model_dropout": 0.1,
        "objective_corruption_kind": "gaussian",
        "objective_corruption_level": 0.1,
    },
    "kernels": MATCHED | {"objective_matching_kind": "mmd", "objective_matching_kernel": "rbf"},
    "clouds' own spread": MATCHED | {"objective_matching_kind": "dip", "objective_matching_version": "ii"},
    "a capacity": MATCHED | {"objective_matching_kind": "capacity", "objective_matching_capacity": 3.0},
    "strata": MATCHED | {"objective_matching_kind": "total_correlation", "objective_matching_estimator": "mss"},
    "judged points": {"objective_matching_kind": "adversarial", "model_bias": False, "model_code_latent_dim": 3},
    "told the class": {"model_conditional": True, "model_code_kind": "variational", "model_code_samples": 2},
    "smooth decoder": {"objective_decoder_gradient": 0.01, "objective_decoder_decay": 0.01, "model_activation": "tanh"},
    "all that moves": {
        "schedules": (
            "objective_corruption_level~linear~0.1~0.6~0.5~4",
            "objective_code_l1~cyclic~0~0.1~0.5~3",
            "objective_weight_l1~step~0~0.001~0.4~4",
            "objective_decoder_decay~warm_up~0~0.01~0.5~4",
            "model_dropout~cosine~0.3~0~0.9~4",
        ),
        "objective_corruption_kind": "salt_pepper",
        "objective_corruption_level": 0.2,
        "objective_corruption_target": "damaged",
    },
}
RUNS |= {name: dict(VARIANTS[name].settings) for name in VARIANTS}
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
    val = specimen.split.val
    return mean_squared_error(specimen.told(slice(0, len(val))), torch.from_numpy(val))


@pytest.fixture(scope="module")
def runs() -> dict[str, Specimen]:
    """Each trained for two epochs."""
    return {name: trained(**values) for name, values in RUNS.items()}


@pytest.fixture(scope="module")
def ended(runs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Of each run, the error that its script ends with, and its own."""
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
    """A plain run has no word of noise, dropout or clouds."""
    text = script(trained(steps=1))
    assert not re.search(r"Dropout|damaged|log_variance|Tied|functional|sign\(\)|\{\{|\{%", text)


@pytest.mark.parametrize("name", RUNS)
def test_it_reads_well(runs, name):
    """It needs torch and numpy alone, lines fit a screen, and nothing is imported or counted that is not used."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=E,F,W", "--line-length=120", "-"]
    text = script(runs[name])
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "\n\n\n\n" not in text
    assert set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) == {"math", "pathlib", "numpy", "torch"}


def others(leaf: Setting) -> list[Any]:
    """Other values that a setting may have: each of its words, or numbers of which some will fit its neighbours."""
    if leaf.choices:
        return [word for word in leaf.choices if word != leaf.value]
    if isinstance(leaf.value, bool):
        return [not leaf.value]
    if isinstance(leaf.value, tuple):
        return [(7, 5), (6,)]
    return [value for value in (1, 2, 4, 8, 0.3, 0.9) if value != leaf.value]


def test_every_setting_is_in_the_script():
    """Wherever a setting has an effect, another value of it gives another text, so none that is added is forgotten."""
    missed = {key for key in every_setting() if not key.startswith(("data_", "training_", "schedules"))}
    for values in RUNS.values():
        spec = changed(RunSpec(), values)
        for leaf in settings(spec):
            if leaf.key in missed and any(text_of(spec) != text_of(other) for other in legal(spec, leaf)):
                missed.discard(leaf.key)
    assert not missed


def legal(spec: RunSpec, leaf: Setting) -> Iterator[RunSpec]:
    """The spec with each other value of the setting that goes with the rest of it."""
    for value in others(leaf):
        with suppress(AeError):
            other = changed(spec, {leaf.key: value})
            check(other)
            yield other


def text_of(spec: RunSpec) -> str:
    """The script of a run of this spec that has made no step."""
    return script(Specimen("run", spec, 0, build(spec, torch.Generator(), torch.Generator())))
