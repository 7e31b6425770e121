"""Topological penalty: items that hang together are to have codes that hang together."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor

from ae_core.objectives.batch import Batch

SMALLEST = 1e-12  # mean distance of items that are all the same


def distances(points: Tensor) -> Tensor:
    """Euclidean distance between every two points: (batch, width) -> (batch, batch)."""
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


def spanning_edges(apart: Tensor) -> tuple[Tensor, Tensor]:
    """The two ends of each edge of the minimum spanning tree of (batch, batch) distances: (batch - 1,) rows each.

    At their lengths connected parts merge as the scale grows: the persistence pairs of dimension 0. The choice carries
    no gradient. Of edges of one length the first, row by row, counts as shorter, so the tree is the same on every
    machine. Source: Moor et al. 2020, section 3.
    """
    ends = np.triu_indices(len(apart), 1)
    ranks = np.zeros(apart.shape)
    ranks[ends] = 1 + apart.detach().numpy()[ends].argsort(kind="stable").argsort()
    tree = minimum_spanning_tree(ranks).tocoo()
    return torch.from_numpy(tree.row.astype(np.int64)), torch.from_numpy(tree.col.astype(np.int64))


def topological_error(x: Tensor, z: Tensor) -> Tensor:
    """Sum of (d_x - d_z)^2 over the spanning edges of x and over those of z, for each item: a scalar.

    x: (batch, features). z: (batch, latent). Distances carry gradients, pairings none. d_x is in units of the mean
    distance between items; d_z is as it is, for the encoder is free to choose the code's scale. (The paper divides d_x
    by its largest value and d_z by a number that is learned along.) Source: Moor et al. 2020, eqs. 2 to 4, without the
    factor 1/2.
    """
    of_x, of_z = distances(x), distances(z)
    of_x = of_x / of_x.mean().clamp(min=SMALLEST)
    gap = (of_x - of_z).square()
    return (gap[spanning_edges(of_x)].sum() + gap[spanning_edges(of_z)].sum()) / len(x)


def topological(batch: Batch) -> Tensor:
    """`topological_error` between items and codes, given to each item: (batch,).

    It belongs to a batch of some size, so many items are looked at in batches as large as those of training.
    """
    size = batch.spec.training.batch_size
    parts = zip(torch.split(batch.x, size), torch.split(batch.out.coded.centre, size), strict=True)
    return torch.cat([topological_error(x, z).expand(len(x)) for x, z in parts])
