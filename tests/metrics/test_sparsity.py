"""Sparsity and sensitivity, by hand and by the whole Jacobian."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ae_core.metrics import METRICS
from ae_core.metrics import sparsity as ours
from ae_core.models import build
from ae_core.spec import MLP, Point, RunSpec
from tests.metrics.evidences import evidence

Z = np.array([[1, 0, 0, 0], [0, 2, 0, 0], [1, 1, 0, 0]], np.float32)


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_counts_by_hand():
    """Four active of three items, and two units that no item wakes."""
    assert ours.mean_active(Z) == pytest.approx(4 / 3)
    assert ours.dead_fraction(Z) == 0.5
    assert ours.mean_active(np.abs(Z) + 0.001, quiet=0.01) == pytest.approx(4 / 3)


def test_sparseness_runs_from_all_alike_to_one_alone():
    """0 where all answer alike, 1 where a single one does, and in between by the formula."""
    assert ours.sparseness(np.ones((2, 5))) == pytest.approx(0)
    assert ours.sparseness(np.eye(5)) == pytest.approx(1)
    assert ours.sparseness(np.array([[1.0, 1.0, 0.0, 0.0]])) == pytest.approx((1 - 0.5) / (1 - 1 / 4))
    assert ours.sparseness(1e-30 * np.eye(5)) == pytest.approx(1)
    assert ours.sparseness(np.zeros((2, 5))) == 0


def test_population_goes_by_item_and_lifetime_by_number():
    """One number that answers every item is sparse in the population and not in its lifetime."""
    z = np.zeros((8, 4))
    z[:, 0] = 1
    one = evidence(np.ones((8, 4)), z)

    assert METRICS["population_sparsity"].value(one) == pytest.approx(1)
    assert METRICS["lifetime_sparsity"].value(one) == pytest.approx(0)


def test_derivatives_equal_the_whole_jacobian():
    """The squared length of dz/dx and the participation of dx/dz's singular values, from torch.func's Jacobians."""
    spec = RunSpec(model=MLP(hidden=(12,), activation="tanh", code=Point(latent_dim=3)))
    model = build(spec, seeded(1), seeded(2)).eval()
    x = torch.rand(5, 64, generator=seeded(3))
    z = model.encode(x).centre.detach()
    inward = [torch.func.jacrev(lambda item: model.encode(item[None]).z[0])(item) for item in x]
    outward = [torch.func.jacrev(lambda code: model.decode(code[None])[0])(code) for code in z]
    values = [torch.linalg.svdvals(matrix.double()) for matrix in outward]
    there = [(s.square().sum() ** 2 / s.pow(4).sum()).item() for s in values]
    found = evidence(x.numpy(), z.numpy(), model=model)

    assert METRICS["jacobian_norm"].value(found) == pytest.approx(
        np.mean([matrix.square().sum().item() for matrix in inward]), rel=1e-5
    )
    assert METRICS["local_dimension"].value(found) == pytest.approx(np.mean(there), rel=1e-5)


def test_a_decoder_that_does_not_move_has_no_dimension():
    """With all of its weights at zero nothing moves with the code, which is 0 and not undefined."""
    model = build(RunSpec(model=MLP(hidden=())), seeded(1), seeded(2)).eval()
    with torch.no_grad():
        model.last.weight.zero_()

    assert ours.local_dimension(model, torch.zeros(4, 2)) == 0
