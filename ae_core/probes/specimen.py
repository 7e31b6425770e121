"""A model as it stood at one step of its run, with the items that it learned from and those kept aside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ae_core.compatibility import classes
from ae_core.data import Split, prepare
from ae_core.dials import Dials
from ae_core.errors import CheckpointError
from ae_core.models import Autoencoder, build
from ae_core.spec import RunSpec
from ae_core.training import Fitted

Models = Callable[[], Sequence[tuple[int, bytes]]]
Rates = Callable[[], Sequence[tuple[int, float]]]


@dataclass(frozen=True, eq=False)
class Specimen:
    """run: its id. model: in evaluation mode, its dials turned to that step's. goal: steps planned for the run.

    path: the steps of which the model is kept, rising, each with its weights as safetensors. rates: (step, learning
    rate) of each change by hand. Both are asked for when they are needed.
    """

    run: str
    spec: RunSpec
    step: int
    model: Autoencoder
    goal: int = 0
    path: Models = tuple
    rates: Rates = tuple

    @cached_property
    def split(self) -> Split:
        """The data of the run. Raises DataMissing where it is gone."""
        return prepare(self.spec.data, self.spec.objective.reconstruction)

    @property
    def nbytes(self) -> int:
        """Memory taken by the model, in bytes. The data are shared with everybody who uses them."""
        return sum(value.nbytes for value in self.model.state_dict().values())

    @property
    def count(self) -> int:
        """How many items there are."""
        return len(self.split.val) + len(self.split.train)

    def items(self, rows: slice) -> np.ndarray:
        """(n, features), scaled: of all items, those kept aside first, then those that were trained on."""
        val, train = self.split.val, self.split.train
        first, last = rows.start or 0, self.count if rows.stop is None else min(rows.stop, self.count)
        return np.concatenate([val[first:last], train[max(first - len(val), 0) : max(last - len(val), 0)]])

    @cached_property
    def item_ids(self) -> np.ndarray:
        """(n,): each item's row in the dataset, which is its name everywhere."""
        return np.concatenate([self.split.val_index, self.split.train_index]).astype(np.int32)

    @cached_property
    def is_val(self) -> np.ndarray:
        """(n,), 1 for items kept aside."""
        return (np.arange(self.count) < len(self.split.val)).astype(np.uint8)

    @cached_property
    def labels(self) -> np.ndarray:
        """(n,), -1 where there are none."""
        split = self.split
        if split.val_labels is None or split.train_labels is None:
            return np.full(self.count, -1, np.int16)
        return np.concatenate([split.val_labels, split.train_labels]).astype(np.int16)

    @cached_property
    def fitted(self) -> Fitted:
        """The model with NumPy at both ends, in the dataset's own units."""
        return Fitted(self.spec, self.model, self.split.scaling, self.split.shape)

    def told(self, rows: slice | np.ndarray | None = None) -> Autoencoder:
        """The model, told the classes of these items (all of them without rows) where it is conditional."""
        if not classes(self.spec):
            return self.model
        labels = self.labels if rows is None else self.labels[rows]
        return self.model.given(torch.from_numpy(labels.astype(np.int64)))


def revive(
    run: str, spec: RunSpec, step: int, blob: bytes, goal: int, path: Models = tuple, rates: Rates = tuple
) -> Specimen:
    """The specimen whose weights these are: of a milestone, or of a checkpoint. goal, path, rates: see `Specimen`.

    Raises CheckpointError for weights of another network.
    """
    dials = Dials(spec)
    model = build(spec, torch.Generator().manual_seed(0), torch.Generator().manual_seed(0), dials)
    try:
        model.load_state_dict(own_parts(load(blob)))
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"Expected the weights of this run's network, got others: {error}") from None
    dials.turn(step / max(goal, 1))
    model.eval()
    model.requires_grad_(False)
    return Specimen(run, spec, step, model, goal, path, rates)


def own_parts(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's own tensors: a checkpoint names what else it holds; a milestone holds the model alone."""
    own = {name.removeprefix("model/"): value for name, value in tensors.items() if name.startswith("model/")}
    return own or tensors
