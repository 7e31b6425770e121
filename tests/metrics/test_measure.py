"""What every metric promises, on models of every kind, and on evidence that leaves little to say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch

from ae_core.compatibility import training_items
from ae_core.data import prepare
from ae_core.errors import SpecError
from ae_core.metrics import METRICS, NEEDS, Measured, evaluate, evidence, measure, reported
from ae_core.metrics import disentanglement as factors
from ae_core.metrics.evidence import gather, rival
from ae_core.metrics.measure import measured
from ae_core.metrics.record import Direction, Family
from ae_core.models import Autoencoder, build
from ae_core.spec import (
    MLP,
    Categorical,
    Conv,
    Corruption,
    Digits,
    Objective,
    Point,
    Quantised,
    RunSpec,
    Sprites,
    SwissRoll,
    Training,
    Variational,
    Wine,
    changed,
)
from ae_core.training import Trainer, train
from ae_core.variants import VARIANTS, spec_of
from tests.metrics.evidences import evidence as made

torch.set_num_threads(1)


def quick(data, code, reconstruction: str = "mse", **model) -> RunSpec:
    return RunSpec(
        data=data,
        model=MLP(hidden=(16,), code=code, **model),
        objective=Objective(reconstruction=reconstruction),
        training=Training(epochs=2),
    )


KINDS: dict[str, RunSpec] = {
    "digits point": quick(Digits(), Point(latent_dim=3, activation="relu")),
    "digits vae": quick(Digits(), Variational(latent_dim=3), "bce"),
    "digits conditional": quick(Digits(), Variational(latent_dim=2), conditional=True),
    "digits convolutional": RunSpec(model=Conv(channels=(4, 8), code=Point(latent_dim=2)), training=Training(epochs=1)),
    "digits codebook": quick(Digits(), Quantised(latent_dim=8, slots=4, codebook_size=16)),
    "digits choices": quick(Digits(), Categorical(latent_dim=3, classes=4)),
    "wine wider than the item": quick(Wine(), Point(latent_dim=20)),
    "swiss roll": quick(SwissRoll(samples=200), Point(latent_dim=1)),
    "hardly any points": quick(SwissRoll(samples=50, val_fraction=0.05), Variational(latent_dim=2)),
    "sprites vae": quick(Sprites(samples=200), Variational(latent_dim=3), "bce"),
}


def trained(spec: RunSpec) -> Autoencoder:
    trainer = Trainer(spec)
    trainer.advance()
    return trainer.model


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def found(kind: str) -> dict[str, Measured]:
    """Everything measured once; scores of factors on fewer draws than the app takes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, few in (("POINTS", 150), ("TESTS", 100), ("TREED", 120), ("TREE_TESTS", 60)):
            patch.setattr(factors, name, few)
        return {one.name: one for one in measure(trained(KINDS[kind]))}


def test_every_metric_is_finite_or_says_why_not(kind, found):
    """A number, or the need that is not met; never NaN, neither for the model nor for PCA."""
    assert list(found) == list(METRICS)
    for name, one in found.items():
        if one.value is None:
            assert one.lacks, name
            assert set(one.lacks) <= set(NEEDS), name
            assert one.pca is None
        else:
            assert isinstance(one.value, float), name
            assert math.isfinite(one.value), name
            assert one.lacks == ()
            assert one.pca is None or math.isfinite(one.pca), name


def test_n_is_the_number_of_items_it_was_computed_on(kind, found):
    """All items kept aside, as many of them as the metric takes at most, or what it draws for itself."""
    split = prepare(KINDS[kind].data, KINDS[kind].objective.reconstruction)
    for name, one in found.items():
        metric = METRICS[name]
        assert one.n == (metric.drawn or min(len(split.val), metric.most or len(split.val))), name


def test_what_applies_is_what_the_model_has(kind, found):
    """Bounds where the code is Gaussian, factors on sprites, labels where there are any, errors always."""
    spec = KINDS[kind]
    there = {name for name, one in found.items() if one.value is not None}
    gaussian = isinstance(spec.model.code, Variational)
    labelled = not isinstance(spec.data, SwissRoll)

    assert {"mse", "sse", "rmse", "mae", "compression_ratio", "local_dimension"} <= there
    assert ("jacobian_norm" in there) == (not isinstance(spec.model.code, Quantised | Categorical))
    assert ({"elbo", "kl", "iwae", "nll", "active_units", "kl_per_dimension"} <= there) == gaussian
    assert ({"knn_accuracy", "linear_probe", "retrieval_map", "label_entropy"} <= there) == labelled
    assert ({"mig", "sap", "beta_vae_score", "factor_vae_score"} <= there) == isinstance(spec.data, Sprites)
    assert ({"psnr", "ssim"} <= there) == isinstance(spec.data, Digits | Sprites)
    assert ("bce_excess" in there) == (spec.objective.reconstruction == "bce")


@pytest.fixture(scope="module")
def vae() -> Autoencoder:
    return trained(KINDS["digits vae"])


def test_metrics_agree_with_what_the_run_reports():
    """The error, the bound and the KL are, to the last digits, those of the Finished event."""
    training = train(KINDS["digits vae"])
    told = list(training)[-1].metrics
    values = {one.name: one.value for one in training.result().measure(["mse", "elbo", "kl", "nll"])}

    assert values["mse"] == pytest.approx(told["val_mse"], rel=1e-6)
    assert values["elbo"] == pytest.approx(told["val_elbo"], rel=1e-6)
    assert values["kl"] == pytest.approx(told["val_kl"], rel=1e-6)
    assert values["nll"] < -values["elbo"]


def test_pca_beside_is_the_reference_of_the_run():
    """E2: beside the error of a code of 2 numbers stands the residual of PCA with 2, on the items kept aside."""
    (one,) = measure(trained(quick(Digits(), Point(latent_dim=2))), names=["mse"])

    assert one.pca == pytest.approx(0.053018, abs=1.5e-6)


def test_a_masked_autoencoder_is_judged_on_what_was_hidden():
    """Its error is that of the Finished event; PCA is shown the same; what needs whole items says so."""
    spec = RunSpec(
        model=MLP(hidden=(16,)),
        objective=Objective(corruption=Corruption(kind="masking", level=0.5, target="damaged")),
        training=Training(epochs=2),
    )
    training = train(spec)
    told = list(training)[-1].metrics
    mse, psnr = training.result().measure(["mse", "psnr"])

    assert mse.value == pytest.approx(told["val_mse"], rel=1e-6)
    assert mse.pca is not None
    assert mse.pca > 0.0530
    assert psnr.lacks == ("whole",)


@pytest.mark.parametrize("chunk", [1, 100, 449])
def test_measuring_in_other_portions_changes_nothing(vae, monkeypatch, chunk):
    """Portions of any size give the same numbers (YannDubs' evaluator returns after the first)."""
    names = ["mse", "mae", "ssim", "kl", "knn_accuracy", "trustworthiness"]
    whole = {one.name: one.value for one in measure(vae, names=names)}

    monkeypatch.setattr(reported, "CHUNK", chunk)

    assert {one.name: one.value for one in measure(vae, names=names)} == pytest.approx(whole, rel=1e-5)


def test_measuring_twice_gives_the_same_and_leaves_the_model_alone(vae):
    """No global seed, no trace: equal numbers, the mode it came in, its weights, and alone or with others."""
    names = ["nll", "frechet_pca32", "kernel_distance", "linear_probe", "cluster_nmi", "jacobian_norm"]
    weights = [part.clone() for part in vae.parameters()]
    vae.train()
    vae.zero_grad()
    once = measure(vae, names=names)

    assert vae.training
    assert measure(vae, names=names) == once
    assert [measure(vae, names=[name])[0] for name in names] == once
    assert all(torch.equal(a, b) for a, b in zip(weights, vae.parameters(), strict=True))
    assert all(part.grad is None for part in vae.parameters())


def test_what_every_run_reports_stays_cheap(vae):
    """Finishing a run computes none of the dear metrics: its errors, its bound, and nothing else."""
    split = prepare(Digits(), "bce")
    train_items, val = torch.from_numpy(split.train[:50]), torch.from_numpy(split.val[:50])

    with torch.no_grad():
        names = reported.final(KINDS["digits vae"], vae.eval(), train_items, val)
    assert set(names) == {"train_mse", "val_mse", "val_elbo", "val_kl"}


def test_an_unknown_name_is_refused(vae):
    """The sentence says which there are."""
    with pytest.raises(SpecError, match=r"no metric fid\. There are: mse"):
        measure(vae, names=["fid"])


def test_large_sets_are_drawn_from_by_the_seed():
    """At most so many items on either side, whole rows, the same each time and others for another seed."""
    spec = quick(SwissRoll(samples=400), Variational(latent_dim=2))
    model = build(spec, torch.Generator().manual_seed(1), torch.Generator()).eval()
    whole = gather(model, spec)
    few = whole.at_most(30)

    assert len(few.x) == len(few.z) == len(few.x_hat) == len(few.log_var) == len(few.train_x) == len(few.train_z) == 30
    np.testing.assert_array_equal(few.x, whole.at_most(30).x)
    places = [np.flatnonzero((whole.x == row).all(axis=1))[0] for row in few.x]
    np.testing.assert_array_equal(few.z, whole.z[places])
    assert len(set(places)) == 30
    assert whole.at_most(None) is whole is whole.at_most(10_000)


def test_labels_go_with_their_items_when_some_are_drawn():
    """A conditional model's evidence keeps each item's class beside it, so its bounds stay what they are."""
    spec = KINDS["digits conditional"]
    whole = gather(trained(spec).eval(), spec)
    few = whole.at_most(60)

    places = [np.flatnonzero((whole.x == row).all(axis=1))[0] for row in few.x]
    np.testing.assert_array_equal(few.labels, whole.labels[places])
    assert len(few.train_labels) == 60
    assert few.model is not None
    with torch.inference_mode():
        np.testing.assert_allclose(few.model.encode(torch.from_numpy(few.x)).centre.numpy(), few.z, atol=1e-5)


def everything(found: evidence.Evidence) -> list[Measured]:
    names = [name for name, metric in METRICS.items() if metric.drawn is None]
    return list(measured(found, found, names))


X = np.random.default_rng(0).random((40, 9)).astype(np.float32)


@pytest.mark.parametrize(
    "poor",
    [
        lambda: made(X, np.zeros((40, 3)), labels=np.arange(40) % 3),
        lambda: made(X, X[:, :3], labels=np.zeros(40, int)),
        lambda: made(X, X[:, :3], labels=np.arange(40)),
        lambda: made(X, np.concatenate([X, X], axis=1), labels=np.arange(40) % 3),
        lambda: made(X, X[:, :3], labels=np.array([0] * 38 + [1, 2])),
        lambda: made(np.ones((40, 9)), np.ones((40, 2)), labels=np.arange(40) % 2),
        lambda: made(X[:2], X[:2, :1], labels=np.array([0, 1])),
        lambda: made(X[:1], X[:1, :1], labels=np.array([0])),
        lambda: made(X, np.full((40, 3), np.nan)),
        lambda: made(X, X[:, :3], x_hat=np.full_like(X, np.inf)),
        lambda: made(X, X[:, :3], shape=(3, 3, 1), peak=1.0, x_hat=0 * X),
    ],
    ids=[
        "constant codes",
        "one class",
        "a class for each item",
        "a code twice as wide as the item",
        "classes smaller than any neighbourhood",
        "constant items",
        "two items",
        "one item",
        "codes that are no numbers",
        "reconstructions without end",
        "tiny pictures",
    ],
)
def test_poor_evidence_breaks_nothing(poor: Callable[[], evidence.Evidence]):
    """Whatever the codes and labels: a finite number or the need that is not met."""
    for one in everything(poor()):
        assert (one.value is None) == bool(one.lacks), one
        assert one.value is None or math.isfinite(one.value), one
        assert one.pca is None or math.isfinite(one.pca), one


def test_records_are_whole():
    """Each has a known family and direction, needs that exist, and every need is somebody's."""
    used = {"finite"}
    for name, metric in METRICS.items():
        assert metric.family in get_args(Family), name
        assert metric.direction in get_args(Direction), name
        assert set(metric.needs) <= set(NEEDS), name
        used |= set(metric.needs)
    assert used == set(NEEDS)
    assert {metric.family for metric in METRICS.values()} == set(get_args(Family))


def test_the_rival_has_as_many_numbers_and_no_network():
    """PCA is fitted on the training items, has the code's width or the item's if that is less, and no posterior."""
    spec = KINDS["wine wider than the item"]
    beside = rival(gather(trained(spec).eval(), spec), spec)

    assert beside.z.shape == (len(beside.x), 13)
    assert beside.model is beside.log_var is beside.logits is None
    assert len(beside.train_z) == training_items(spec)
    np.testing.assert_allclose(beside.train_z.mean(axis=0), 0, atol=1e-5)


def test_evaluate_is_still_there(vae):
    """What other rooms import of this one is what it was."""
    vae.eval()
    with torch.no_grad():
        assert evaluate(vae, torch.rand(5, 64))["mse"] > 0


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in ("iwae", "vamp")])  # whose terms are drawn
def test_what_is_measured_does_not_depend_on_how_much_is_looked_at_at_once(name, monkeypatch):
    """Terms of a batch are those of batches as large as those of training, whatever fits in memory."""
    spec = changed(spec_of(name), {"training_batch_size": 50})
    model = build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)).eval()
    split = prepare(spec.data, spec.objective.reconstruction)
    x = torch.from_numpy(split.val[:420])
    if split.val_labels is not None:
        model = model.given(torch.from_numpy(split.val_labels[:420].astype(np.int64)))
    with torch.no_grad():
        whole = evaluate(model, x)
        monkeypatch.setattr(reported, "CHUNK", 100)
        parts = evaluate(model, x)
    readings = {"perplexity", "usage", "dead"}
    assert {name: parts[name] for name in whole if name not in readings} == pytest.approx(
        {name: value for name, value in whole.items() if name not in readings}, rel=1e-4, abs=1e-5
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_measured(name):
    """Before its first step already: what asks for codes, decoders, draws and derivatives has a value or a reason."""
    model = build(spec_of(name), torch.Generator().manual_seed(1), torch.Generator().manual_seed(2))
    asked = [
        "mse",
        "r2",
        "compression_ratio",
        "elbo",
        "iwae",
        "frechet_pca32",
        "l0",
        "jacobian_norm",
        "local_dimension",
    ]
    found = {one.name: one for one in measure(model, names=asked)}

    assert list(found) == asked
    assert all((one.value is None) == bool(one.lacks) for one in found.values())
    assert found["mse"].value is not None
    assert found["local_dimension"].value is not None
