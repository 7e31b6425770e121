"""How few numbers of the code answer an item, and how codes and items move with each other."""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd.functional import jvp

from ae_core.metrics.evidence import Array, Evidence
from ae_core.metrics.generative import network
from ae_core.metrics.record import Metric
from ae_core.models import Autoencoder
from ae_core.objectives import jacobian_norm, look

QUIET = 0.01  # a sigmoid never is exactly 0; below this it is at rest
DIFFERENTIATED = 200  # items at most on which derivatives are taken


def active(z: Array, quiet: float = 0.0) -> Array:
    """Which numbers of which codes are away from rest, |z| > quiet: (n, k) of True and False."""
    return np.asarray(np.abs(z) > quiet)


def mean_active(z: Array, quiet: float = 0.0) -> float:
    """L0: active numbers of a code, averaged over items, 0..k."""
    return float(active(z, quiet).sum(axis=1).mean())


def dead_fraction(z: Array, quiet: float = 0.0) -> float:
    """Share of the code's numbers that are active for no item at all, 0..1."""
    return float(1 - active(z, quiet).any(axis=0).mean())


def sparseness(responses: Array) -> float:
    """Mean over rows of (1 - (mean |r|)^2 / mean r^2) / (1 - 1/m): 0 where all m answer alike, 1 where one does.

    (rows, m), m at least 2. Rows without any answer are left out; without any such row it is 0. Rows are items for
    population sparsity, and numbers of the code for lifetime sparsity. Source: Vinje and Gallant 2000.
    """
    strength = np.abs(responses[responses.any(axis=1)], dtype=np.float64)
    if not len(strength):
        return 0.0
    strength /= strength.max(axis=1, keepdims=True)  # so that squares of tiny answers stay above zero
    even = strength.mean(axis=1) ** 2 / np.square(strength).mean(axis=1)
    return float(((1 - even) / (1 - 1 / strength.shape[1])).mean())


def local_dimension(model: Autoencoder, z: torch.Tensor) -> float:
    """Mean over codes of (sum s^2)^2 / sum s^4, s the singular values of the decoder's Jacobian there: 1..k.

    In how many directions an item moves when its code does; 0 where it does not move at all. z: (n, k).
    Source: participation ratio, Gao et al. 2017, of the Jacobian d x_hat / d z.
    """
    moved = []
    for j in range(z.shape[1]):
        direction = torch.zeros_like(z)
        direction[:, j] = 1  # items do not meet in evaluation mode, so one product serves them all
        moved.append(jvp(model.decode, z, direction)[1].detach())  # type: ignore[no-untyped-call]
    columns = torch.stack(moved, dim=-1).double()  # (n, features, k)
    gram = columns.transpose(1, 2) @ columns  # its eigenvalues are s^2
    trace, squares = gram.diagonal(dim1=1, dim2=2).sum(dim=-1), gram.square().sum(dim=(1, 2))
    return float(torch.where(squares > 0, trace.square() / squares.clamp_min(1e-300), 0.0).mean())


def _quiet(evidence: Evidence) -> float:
    code = evidence.model.spec.model.code if evidence.model is not None else None
    return QUIET if getattr(code, "activation", "") == "sigmoid" else 0.0


def _jacobian_norm(evidence: Evidence) -> float:
    with torch.no_grad():
        batch = look(network(evidence), torch.from_numpy(np.ascontiguousarray(evidence.x)))
    return float(jacobian_norm(batch).detach().double().mean())


def _local_dimension(evidence: Evidence) -> float:
    return local_dimension(network(evidence), torch.from_numpy(np.ascontiguousarray(evidence.z)))


RESTS = ("rests",)

SPARSITY: dict[str, Metric] = {
    "l0": Metric("sparsity", "", "lower", lambda e: mean_active(e.z, _quiet(e)), RESTS, rival=False),
    "population_sparsity": Metric("sparsity", "", "higher", lambda e: sparseness(e.z), (*RESTS, "wide"), rival=False),
    "lifetime_sparsity": Metric("sparsity", "", "higher", lambda e: sparseness(e.z.T), (*RESTS, "balls"), rival=False),
    "dead_fraction": Metric("sparsity", "", "lower", lambda e: dead_fraction(e.z, _quiet(e)), RESTS, rival=False),
    "jacobian_norm": Metric("sparsity", "", "none", _jacobian_norm, ("network", "smooth"), DIFFERENTIATED, False),
    "local_dimension": Metric("sparsity", "", "none", _local_dimension, ("network",), DIFFERENTIATED, False),
}
