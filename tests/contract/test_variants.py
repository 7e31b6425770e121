"""Every dataset here with every loss and every code: what `check` lets pass builds, learns, tells and resumes."""

from __future__ import annotations

import json
import math
from itertools import pairwise, product
from typing import Any

import pytest
import torch

from ae_core.compatibility import check
from ae_core.data import DATASETS
from ae_core.errors import SpecError
from ae_core.events import Event, Finished, Progress, Started, from_json, to_json
from ae_core.objectives import PENALTIES, READINGS, RECONSTRUCTIONS
from ae_core.spec import MLP, Optimizer, RunSpec, Training, changed
from ae_core.training import Trainer
from ae_core.training.checkpoint import unpack
from tests.standins import HERE

torch.set_num_threads(1)

CODES = ("point", "variational")
FEW = {"data_samples": 320, "data_patch_size": 8, "data_documents": 300, "data_words": 100}
OWN: dict[str, dict[str, Any]] = {
    "basic_motions": {"training_batch_size": 12},  # 80 items: a few larger batches would end before they are measured
    "sunspots": {"training_batch_size": 12},
    "shuttle": {
        "optimizer_learning_rate": 0.001
    },  # readings forty deviations away: with more it diverges, as it should
}


def variant(data: str, reconstruction: str, code: str) -> RunSpec:
    """A quick run of this dataset, loss and code."""
    start = RunSpec(
        model=MLP(hidden=(24,)), optimizer=Optimizer(learning_rate=0.01), training=Training(batch_size=48, epochs=4)
    )
    spec = changed(start, {"data_kind": data, "objective_reconstruction": reconstruction, "model_code_kind": code})
    few = {key: value for key, value in FEW.items() if key.removeprefix("data_") in dir(spec.data)}
    return changed(spec, few | OWN.get(data, {}))


def fits(spec: RunSpec) -> bool:
    """Whether `check` lets it pass."""
    try:
        check(spec)
    except SpecError:
        return False
    return True


GRID = [names for names in product(HERE, RECONSTRUCTIONS, CODES) if fits(variant(*names))]


@pytest.fixture(scope="module", params=GRID, ids="-".join)
def run(request: pytest.FixtureRequest) -> tuple[RunSpec, list[Event], bytes, bytes]:
    """A whole run: its spec, its events, and its checkpoints from the middle of an epoch and from the end."""
    spec = variant(*request.param)
    trainer = Trainer(spec)
    events = trainer.start() + trainer.advance(steps=trainer.goal // 2 + 1)
    checkpoint = trainer.checkpoint()
    events += trainer.advance()
    return spec, events, checkpoint, trainer.checkpoint()


def test_every_dataset_and_every_loss_is_in_the_grid():
    """Each dataset trains with mse and both codes, and each loss has datasets that it fits."""
    assert {(data, code) for data, loss, code in GRID if loss == "mse"} == set(product(HERE, CODES))
    assert {loss for _, loss, _ in GRID} == set(RECONSTRUCTIONS)
    for data in HERE:
        if DATASETS[data].form == "image":
            assert {loss for name, loss, _ in GRID if name == data} == set(RECONSTRUCTIONS) - {"mixed"}, data


def test_the_loss_is_finite_and_falls(run):
    """The loss on the items kept aside is a number throughout, and smaller at the end than before the first step."""
    _, events, _, _ = run
    losses = [event.val["loss"] for event in events if isinstance(event, Progress) and event.val is not None]

    assert all(math.isfinite(loss) for loss in losses)
    assert len(losses) >= 3
    assert losses[-1] < losses[0]


def test_events_are_well_formed(run):
    """Started first, Finished last and once, steps rising, the same terms in each report, all of it finite."""
    spec, events, _, _ = run
    reports = [event for event in events if isinstance(event, Progress)]
    code = spec.model.code.kind

    assert isinstance(events[0], Started)
    assert [type(event) for event in events[1:]] == [Progress] * len(reports) + [Finished]
    assert events[-1].reason == "epochs"
    assert reports[0].step == 0
    assert reports[-1].step == events[-1].step == 4 * events[0].steps_per_epoch
    assert all(a.step < b.step and a.seconds <= b.seconds for a, b in pairwise(reports))
    terms = {"loss", "reconstruction", "mse"} | ({"kl"} if code == "variational" else set())
    for report in reports:
        assert set(report.train) == terms
        assert report.val is None or set(report.val) == terms
        assert all(math.isfinite(value) for value in (*report.train.values(), *(report.val or {}).values()))
        assert report.train["mse"] >= 0
        assert report.train.get("kl", 0) >= 0
    assert ("val_elbo" in events[-1].metrics) == (code == "variational")
    assert all(math.isfinite(value) for value in events[-1].metrics.values())
    assert all(value >= 0 for value in events[0].reference.values())


def test_events_survive_json(run):
    """As JSON and back, no event has lost anything."""
    for event in run[1]:
        again = from_json(json.loads(json.dumps(to_json(event), allow_nan=False)))
        assert again == event
        assert again.seconds == event.seconds


def test_a_checkpoint_goes_on_with_the_same_bits(run):
    """Saved in mid-epoch and loaded, the run goes on with the same events and ends with the same model."""
    spec, events, checkpoint, end = run
    trainer = Trainer(spec, checkpoint)
    rest = trainer.start() + trainer.advance()

    assert rest == [event for event in events if event.step > unpack(checkpoint)[1]["step"]]
    here, there = unpack(trainer.checkpoint())[0], unpack(end)[0]
    assert set(here) == set(there)
    assert all(torch.equal(here[name], there[name]) for name in here)


@pytest.mark.parametrize("name", ["kl", *PENALTIES])
def test_every_penalty_is_seen_in_the_curves(name):
    """Each entry of the list of penalties appears as a curve when it weighs something, and is part of the loss."""
    weights: dict[str, dict[str, Any]] = {
        "kl": {"model_code_kind": "variational"},
        "code_l1": {"objective_code_l1": 0.1},
        "sparsity": {"objective_sparsity_kind": "kl", "model_code_activation": "sigmoid"},
        "contractive": {"objective_contractive": 0.1},
        "topological": {"objective_topological": 0.1},
        "importance": {"model_code_kind": "variational", "model_code_samples": 3},
        "code_l2": {"objective_code_l2": 0.1},
        "decoder_gradient": {"objective_decoder_gradient": 0.1},
        "auxiliary": {"model_code_kind": "k_sparse", "model_code_latent_dim": 8, "model_code_dead_after": 1},
        "commitment": {"model_code_kind": "quantised"},
        "codebook": {"model_code_kind": "quantised", "model_code_ema": 0.0, "model_code_commitment": 0.0},
    }
    spec = changed(variant("wine", "mse", "point"), weights[name])
    trainer = Trainer(spec)
    reports = [event for event in trainer.start() + trainer.advance() if isinstance(event, Progress)]

    assert any(report.train[name] != 0 for report in reports)
    for report in reports:
        parts = [value for term, value in report.train.items() if term not in {"loss", "mse", *READINGS}]
        assert report.train["loss"] == pytest.approx(sum(parts))
