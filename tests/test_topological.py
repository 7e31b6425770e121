"""The topological penalty against persistence of dimension 0 worked out by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from ae_core.data import prepare
from ae_core.metrics import evaluate
from ae_core.models import build
from ae_core.objectives import look, terms
from ae_core.objectives.topological import distances, spanning_edges, topological_error
from ae_core.spec import RunSpec, changed
from ae_core.training import Trainer
from ae_core.variants import spec_of

torch.set_num_threads(1)


def points(count: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def persistence(apart: np.ndarray) -> set[tuple[int, int]]:
    """Edges that merge two components of the Vietoris-Rips filtration, by growing the scale one edge at a time."""
    count = len(apart)
    component = list(range(count))
    merging = set()
    for a, b in sorted(combinations(range(count), 2), key=lambda pair: float(apart[pair])):
        if component[a] != component[b]:
            merging.add((a, b))
            old, new = component[b], component[a]
            component = [new if of == old else of for of in component]
    return merging


def by_hand(x: Tensor, z: Tensor) -> float:
    of_x, of_z = (np.sqrt(((of[:, None] - of[None]) ** 2).sum(axis=2)) for of in (x.numpy(), z.numpy()))
    of_x = of_x / of_x.mean()
    return sum((of_x[e] - of_z[e]) ** 2 for tree in (of_x, of_z) for e in persistence(tree)) / len(x)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_it_equals_persistence_by_brute_force(count, seed):
    """The edges are the persistence pairs of dimension 0, and the error is over those of items and those of codes."""
    x, z = points(count, 6, seed), points(count, 2, 100 + seed)
    edges = {tuple(sorted(pair)) for pair in zip(*(end.tolist() for end in spanning_edges(distances(x))), strict=True)}

    assert edges == persistence(distances(x).numpy())
    assert topological_error(x, z).item() == pytest.approx(by_hand(x, z), rel=1e-9)


def test_codes_of_the_same_shape_cost_nothing():
    """A code that is the item turned, moved and of the right size has no error, whatever unit items are in."""
    x = points(20, 2)
    x = x / distances(x).mean()
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    bent = x * torch.tensor([1.0, 0.1], dtype=torch.float64)

    assert topological_error(x, x @ turn + 3).item() == pytest.approx(0, abs=1e-20)
    assert topological_error(1000 * x, x @ turn + 3).item() == pytest.approx(0, abs=1e-20)
    assert topological_error(x, bent).item() > 0.01
    assert topological_error(1000 * x, bent).item() == pytest.approx(topological_error(x, bent).item())


def test_distances_carry_the_gradient_and_pairings_none():
    """The gradient is that of the distances with the edges held fixed, to finite differences."""
    x, z = points(7, 4), points(7, 2, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda code: topological_error(x, code), (z,))


def test_points_that_coincide_are_no_trouble():
    """Equal items and equal codes give a finite error and a finite gradient, and the tree still has all edges."""
    x = torch.cat([points(5, 3), points(5, 3)])
    for z in (torch.zeros(10, 2, dtype=torch.float64), torch.cat([points(5, 2, 1)] * 2)):
        z.requires_grad_()
        error = topological_error(x, z)
        error.backward()
        assert error.isfinite()
        assert z.grad is not None
        assert z.grad.isfinite().all()
    lengths = distances(x)[spanning_edges(distances(x))]
    assert sorted((lengths > 0).tolist()) == [False] * 5 + [True] * 4


def test_a_single_item_costs_nothing():
    """A batch of one has no edges."""
    assert topological_error(points(1, 3), points(1, 2)).item() == 0


def test_many_items_are_looked_at_in_batches_as_large_as_in_training(monkeypatch):
    """The term of a measurement means what the term of training means, wherever the measurement is cut."""
    spec = changed(spec_of("topological"), {"model_hidden": (12,), "training_batch_size": 16})
    model = build(spec, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)).eval()
    x = torch.rand(64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        each = [terms(look(model, part))["topological"].mean().item() for part in x.split(16)]
        assert evaluate(model, x)["topological"] == pytest.approx(np.mean(each), rel=1e-5)
        monkeypatch.setattr("ae_core.metrics.reported.CHUNK", 32)
        assert evaluate(model, x)["topological"] == pytest.approx(np.mean(each), rel=1e-5)


def test_training_makes_it_small():
    """With the term the codes of items kept aside have a much smaller topological error than without it."""
    values = {"data_kind": "swiss_roll", "model_hidden": (32,), "training_epochs": 10, "optimizer_learning_rate": 0.01}
    x = torch.from_numpy(prepare(changed(RunSpec(), values).data, "mse").val[:64])
    errors = []
    for weight in (0.0, 10.0):
        trainer = Trainer(changed(RunSpec(), values | {"objective_topological": weight}))
        trainer.advance()
        errors.append(topological_error(x, trainer.model.encode(x).centre.detach()).item())

    assert errors[1] < 0.5 * errors[0]


def test_equal_edges_are_taken_in_the_order_of_their_ends() -> None:
    """The four sides of a square are equally long: the tree takes the first three, on any machine."""
    square = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    a, b = spanning_edges(distances(square))

    assert sorted(zip(a.tolist(), b.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 3)]
