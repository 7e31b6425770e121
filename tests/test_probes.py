"""Answers to questions about a model, each against a second way to work it out."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ae_core.errors import AeError, DataMissing, SpecError
from ae_core.metrics import METRICS, measure
from ae_core.probes.answers import ANSWERS
from ae_core.probes.numbers import uncoded
from ae_core.probes.questions import Clusters, Codes, Items, Numbers, Projection, Samples, read_question
from ae_core.probes.samples import closest
from ae_core.probes.specimen import Specimen, revive
from ae_core.sampling import SAMPLERS
from ae_core.spec import RunSpec, changed
from ae_core.training import Trainer

SPECS: dict[str, dict[str, Any]] = {
    "digits": {},
    "line": {"model_code_latent_dim": 1},
    "wide": {"model_code_latent_dim": 16},
    "vae": {"model_code_kind": "variational"},
    "codebook": {"model_code_kind": "quantised", "model_code_latent_dim": 4},
    "classes": {"model_code_kind": "categorical"},
    "sparse": {"model_code_kind": "k_sparse", "model_code_latent_dim": 12},
    "table": {"data_kind": "wine"},
    "points": {"data_kind": "rings"},
}


@pytest.fixture(scope="module")
def specimens() -> dict[str, Specimen]:
    """A model of each kind after a little training."""
    made = {}
    for name, values in SPECS.items():
        spec = changed(RunSpec(), {"training_epochs": 2, **values})
        trainer = Trainer(spec)
        trainer.start()
        trainer.advance()
        made[name] = revive(name, spec, trainer.step, trainer.weights(), trainer.goal)
    return made


def found(question: Any, specimen: Specimen) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of the answer; progress must rise and stay within 0 and 1."""
    told: list[float] = []
    header, arrays = ANSWERS[type(question)](question, specimen, told.append)
    assert told == sorted(told)
    assert all(0 <= share <= 1 for share in told)
    return dict(header), dict(arrays)


def full_codes(specimen: Specimen) -> np.ndarray:
    """All codes at their full width, in one pass."""
    with torch.inference_mode():
        return specimen.told().encode(torch.from_numpy(specimen.items(slice(None)))).centre.numpy()


@pytest.mark.parametrize("name", SPECS)
def test_a_revived_model_is_the_trained_one(specimens, name):
    """Items, labels and rows belong together, and codes are finite on every kind of run."""
    specimen = specimens[name]
    header, arrays = found(Codes(), specimen)
    split = specimen.split
    assert header["items"] == specimen.count == len(arrays["item"])
    assert (specimen.items(slice(0, 3)) == split.val[:3]).all()
    edge = len(split.val)
    assert (specimen.items(slice(edge - 1, edge + 2)) == np.concatenate([split.val[-1:], split.train[:2]])).all()
    assert all(np.isfinite(array).all() for array in arrays.values())
    low, middle, high = arrays["range"]
    assert (low <= middle).all()
    assert (middle <= high).all()


def test_principal_axes_of_the_projection_are_those_of_the_covariance(specimens):
    """Coordinates equal those by a singular value decomposition, up to the sign of an axis."""
    specimen = specimens["wide"]
    header, arrays = found(Projection(dimensions=3), specimen)
    z = full_codes(specimen).astype(np.float64)
    u, s, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    wanted = (u * s)[:, :3]
    signs = np.sign((wanted * arrays["place"]).sum(axis=0))
    np.testing.assert_allclose(arrays["place"] * signs, wanted, atol=1e-3 * np.abs(wanted).max())
    np.testing.assert_allclose(header["explained"], (s**2 / (s**2).sum())[:3], rtol=1e-3)
    assert header["warns"] is False


def test_two_numbers_of_the_code_are_those_numbers(specimens):
    """Any two may be chosen; one that the code does not have is refused."""
    specimen = specimens["wide"]
    _, arrays = found(Projection(method="axes", chosen=(5, 2)), specimen)
    np.testing.assert_allclose(arrays["place"], full_codes(specimen)[:, [5, 2]], atol=1e-6)
    with pytest.raises(SpecError, match="of the 16 numbers"):
        found(Projection(method="axes", chosen=(5, 16)), specimen)


def test_t_sne_keeps_neighbours_and_warns(specimens):
    """Most of an item's nearest neighbours on the plane are among its nearer half in the code; distances are not."""
    specimen = specimens["wide"]
    header, arrays = found(Projection(method="tsne", most=300), specimen)
    assert (header["warns"], arrays["place"].shape) == (True, (300, 2))
    z = full_codes(specimen)[:300]
    apart = np.linalg.norm(z[:, None] - z[None], axis=-1)
    drawn = np.linalg.norm(arrays["place"][:, None] - arrays["place"][None], axis=-1)
    nearest = np.argsort(drawn, axis=1)[:, 1:6]
    ranks = np.argsort(np.argsort(apart, axis=1), axis=1)
    assert np.take_along_axis(ranks, nearest, axis=1).mean() < 30
    again = found(Projection(method="tsne", most=300), specimen)[1]["place"]
    assert (again == arrays["place"]).all()


@pytest.mark.parametrize("name", ["line", "classes", "points"])
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_every_code_can_be_laid_out(specimens, name, method):
    """Codes of one number, of choices and of points too."""
    _, arrays = found(Projection(method=method, most=200), specimens[name])
    assert arrays["place"].shape == (200, 2)
    assert np.isfinite(arrays["place"]).all()


@pytest.mark.skipif(find_spec("umap") is not None, reason="umap-learn is here")
def test_without_its_package_umap_says_which_one_it_needs(specimens):
    """The optional package is named."""
    with pytest.raises(DataMissing, match="umap-learn"):
        found(Projection(method="umap"), specimens["digits"])


def test_each_item_is_in_the_group_whose_middle_is_nearest(specimens):
    """k-means has come to rest; its agreement with the labels is told."""
    specimen = specimens["wide"]
    header, arrays = found(Clusters(count=7), specimen)
    z = full_codes(specimen)
    middles = np.stack([z[arrays["cluster"] == group].mean(axis=0) for group in range(7)])
    nearest = np.linalg.norm(z[:, None] - middles[None], axis=-1).argmin(axis=1)
    assert (nearest == arrays["cluster"]).mean() > 0.99
    assert 0 < header["nmi"] < 1
    assert -1 < header["silhouette"] < 1


def test_more_groups_than_codes_are_refused(specimens):
    """One choice among ten classes has ten codes at most."""
    with pytest.raises(SpecError, match="fewer than"):
        found(Clusters(count=50), specimens["classes"])


@pytest.mark.parametrize("name", SPECS)
def test_new_items_are_what_the_decoder_makes_of_the_drawn_codes(specimens, name):
    """By every sampler that applies, with the nearest item that was trained on."""
    specimen = specimens[name]
    header, _ = found(Samples(), specimen)
    able = [other for other, kind in SAMPLERS.items() if not kind.objection(specimen.spec)]
    assert header["samplers"] == able
    for sampler in able:
        told, arrays = found(Samples(sampler=sampler, count=5, seed=3), specimen)
        assert told["sampler"] == sampler
        np.testing.assert_allclose(arrays["z"], specimen.fitted.draw(5, sampler, 3), atol=1e-6)
        with torch.inference_mode():
            wanted = specimen.model.decode(torch.from_numpy(arrays["z"])).numpy()
        np.testing.assert_allclose(arrays["x"], wanted, atol=1e-5)
        train = specimen.split.train
        apart = np.linalg.norm(train[None] - arrays["x"][:, None], axis=-1)
        np.testing.assert_allclose(arrays["distance"], apart.min(axis=1), rtol=1e-3, atol=1e-3)


def test_a_sampler_that_does_not_apply_is_refused(specimens):
    """With the names of those that do."""
    with pytest.raises(SpecError, match="there are"):
        found(Samples(sampler="gmm"), specimens["classes"])
    with pytest.raises(SpecError, match="no sampler"):
        found(Samples(sampler="dice"), specimens["digits"])


def test_the_closest_row_is_found_by_brute_force_too():
    """Equal rows have distance 0."""
    random = np.random.default_rng(0)
    x, among = random.normal(size=(20, 7)), random.normal(size=(50, 7))
    row, distance = closest(np.concatenate([x, among[:3]]), among)
    apart = np.linalg.norm(np.concatenate([x, among[:3]])[:, None] - among[None], axis=-1)
    assert (row == apart.argmin(axis=1)).all()
    np.testing.assert_allclose(distance, apart.min(axis=1), atol=1e-12)


@pytest.mark.parametrize("name", ["digits", "points"])
def test_the_numbers_are_those_of_the_registry(specimens, name):
    """Each metric once, in order, as `measure` gives it; what has no meaning says what it lacks."""
    specimen = specimens[name]
    header, _ = found(Numbers(), specimen)
    lines = {line["name"]: line for line in header["metrics"]}
    assert list(lines) == list(METRICS)
    for wanted in measure(specimen.model, specimen.spec):
        line = lines[wanted.name]
        assert (line["value"], line["pca"], line["n"]) == (wanted.value, wanted.pca, wanted.n)
        assert line["value"] is None or math.isfinite(line["value"])
        assert bool(line["lacks"]) == (line["value"] is None)


def test_beside_them_stands_what_the_raw_items_give(specimens):
    """Nearest-neighbour accuracy of raw pixels, computed here by hand."""
    specimen = specimens["digits"]
    header, _ = found(Numbers(), specimen)
    line = next(line for line in header["metrics"] if line["name"] == "knn_accuracy")
    from ae_core.metrics.evidence import gather

    plain = uncoded(gather(specimen.model, specimen.spec))
    assert (plain.z == specimen.split.val).all()
    assert line["raw"] == METRICS["knn_accuracy"].value(plain)
    assert line["raw"] > 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "projection", "method": "magic"},
        {"kind": "projection", "most": 10**6},
        {"kind": "projection", "chosen": [0, 1, 2, 3]},
        {"kind": "projection", "chosen": [-1, 0]},
        {"kind": "clusters", "count": 10**6},
        {"kind": "samples", "count": 10**6},
        {"kind": "samples", "sampler": "x" * 1000},
        {"kind": "items", "most": 10**7},
    ],
)
def test_what_would_keep_a_worker_busy_for_long_is_refused(wrong):
    """Bounds stand on the fields."""
    with pytest.raises(AeError):
        read_question(wrong)


def test_questions_are_frozen():
    """Nobody changes one after it has a name."""
    with pytest.raises(ValidationError):
        Items().first = 3
