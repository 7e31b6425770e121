"""From a spec to arrays that can be trained on: loaded, split, scaled, and kept for the next run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ae_core.data.cache import Cache
from ae_core.data.dataset import Dataset, Floats, Form, Integers, Items, load
from ae_core.data.registry import dataset_of
from ae_core.data.scaling import Scaling, ScalingKind, fit, require_nonnegative, resolve_scaling
from ae_core.errors import SpecError
from ae_core.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Split:
    """A dataset ready for training. The arrays are shared between runs: read them, never write to them.

    train, val: (n, d) and (m, d), float32, C-contiguous, flattened (images row by row) and scaled. shape: of one item
    before flattening, (h, w, c), (steps, channels) or (d,). label_names: of the labels that occur. train_hidden,
    val_hidden: `Items.hidden` of each side, not scaled. train_index, val_index: rows of the dataset's `Items`.
    """

    train: Floats
    val: Floats
    train_labels: Integers | None
    val_labels: Integers | None
    train_colour: Floats | None
    val_colour: Floats | None
    train_hidden: Floats | None
    val_hidden: Floats | None
    train_index: Integers
    val_index: Integers
    scaling: Scaling
    shape: tuple[int, ...]
    form: Form
    label_names: tuple[str, ...]
    feature_names: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """Memory taken by the items, in bytes."""
        return self.train.nbytes + self.val.nbytes


_items: Cache[Items] = Cache(budget=96 * 2**20, keeps_larger=False)
"""Before splitting. What is larger than the budget (full MNIST has 220 MB) is read anew when it is wanted again."""
_splits: Cache[Split] = Cache(budget=256 * 2**20)
"""What runs share. Runs that still train hold theirs, also when it is dropped here."""


def prepare(spec: DataSpec, reconstruction: str) -> Split:
    """The items that `spec` describes, split, and scaled for this reconstruction loss; asked again, the same object.

    Raises DataMissing if the dataset is not on this machine, SpecError if it cannot be split or scaled as asked.
    """
    dataset = dataset_of(spec)
    scaling = resolve_scaling(dataset, spec.standardise, reconstruction)
    return _splits.get((spec, scaling), lambda: _prepare(dataset, spec, scaling))


def items(spec: DataSpec) -> Items:
    """All items that `spec` describes, from this process's memory if they were loaded before."""
    own = spec.model_dump(exclude=set(DataSpec.model_fields))
    return _items.get(tuple(sorted(own.items())), lambda: load(dataset_of(spec), spec))


def divide(items: Items, val_fraction: float, seed: int) -> tuple[Integers, Integers]:
    """Rows to train on and rows to keep aside: disjoint, together all rows, each in a shuffled order.

    Every class gives about its share, and no group is torn apart.
    Raises SpecError if nothing could be kept aside, or nothing would remain to train on.
    """
    if items.groups is None:
        return _divide_rows(len(items.x), items.labels, val_fraction, seed)
    return _divide_groups(items.groups, items.labels, val_fraction, seed)


def _prepare(dataset: Dataset, spec: DataSpec, kind: ScalingKind) -> Split:
    whole = items(spec)
    train_index, val_index = divide(whole, spec.val_fraction, spec.split_seed)
    shape = whole.x.shape[1:]
    flat = whole.x.reshape(len(whole.x), -1)
    train, val = flat[train_index], flat[val_index]
    scaling = fit(kind, train, dataset.value_range, dataset.columns)
    if kind == "distribution":
        require_nonnegative(val)
    labels, colour, hidden = whole.labels, whole.colour, whole.hidden
    return Split(
        train=scaling.apply(train, out=train),
        val=scaling.apply(val, out=val),
        train_labels=None if labels is None else labels[train_index],
        val_labels=None if labels is None else labels[val_index],
        train_colour=None if colour is None else colour[train_index],
        val_colour=None if colour is None else colour[val_index],
        train_hidden=None if hidden is None else hidden[train_index],
        val_hidden=None if hidden is None else hidden[val_index],
        train_index=train_index,
        val_index=val_index,
        scaling=scaling,
        shape=shape,
        form=dataset.form,
        label_names=() if labels is None else dataset.label_names[: int(labels.max()) + 1],
        feature_names=whole.feature_names or dataset.feature_names[: shape[0]],
    )


def _divide_rows(count: int, labels: Integers | None, val_fraction: float, seed: int) -> tuple[Integers, Integers]:
    """scikit-learn's split, so that figures published with its random_state hold exactly.

    It refuses classes of one item: those are trained on, as there is nothing to keep aside.
    """
    from sklearn.model_selection import train_test_split

    rows, single = np.arange(count), np.empty(0, dtype=np.int64)
    classes = 1
    if labels is not None:
        _, of_row, sizes = np.unique(labels, return_inverse=True, return_counts=True)
        alone = sizes[of_row] == 1
        rows, single = rows[~alone], rows[alone]
        classes = int((sizes > 1).sum())
    if len(rows) < 2:
        raise SpecError(f"A dataset needs at least 2 items that can be told apart into two sides, got {count}.")
    aside = min(max(math.ceil(val_fraction * len(rows)), classes), len(rows) - classes)
    stratify = None if labels is None else labels[rows]
    train, val = train_test_split(rows, test_size=aside, stratify=stratify, random_state=seed)
    if len(single):
        train = np.random.default_rng(seed).permutation(np.concatenate([train, single]))
    return train.astype(np.int64), val.astype(np.int64)


def _divide_groups(
    groups: Integers, labels: Integers | None, val_fraction: float, seed: int
) -> tuple[Integers, Integers]:
    """Whole groups are kept aside, drawn class by class, until their items make up the class's share.

    A group belongs to the class of its first item. Every class keeps at least one group to train on.
    """
    random = np.random.default_rng(seed)
    names, first, sizes = np.unique(groups, return_index=True, return_counts=True)
    class_of = np.zeros(len(names), dtype=np.int64) if labels is None else labels[first]
    aside: list[int] = []
    for label in np.unique(class_of):
        members = random.permutation(np.flatnonzero(class_of == label))
        goal = val_fraction * sizes[members].sum()
        held = 0
        for group in members[:-1]:
            if held > 0 and held + sizes[group] / 2 > goal:
                break
            aside.append(int(names[group]))
            held += int(sizes[group])
    kept_aside = np.isin(groups, aside)
    if not kept_aside.any():
        raise SpecError("Nothing can be kept aside: every class has a single group of items that must stay together.")
    return random.permutation(np.flatnonzero(~kept_aside)), random.permutation(np.flatnonzero(kept_aside))
