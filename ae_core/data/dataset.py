"""The record of a dataset, the items it holds, and whether it is on this machine."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ae_core.data.columns import Column
from ae_core.data.download import Download
from ae_core.errors import DataMissing
from ae_core.spec import DataSpec

Form = Literal["image", "points", "table", "series"]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

INSTALL = {"sklearn": "scikit-learn", "skimage": "scikit-image"}
"""Name for pip of packages that are imported under another name."""


@dataclass(frozen=True, eq=False)
class Items:
    """All items of a dataset, before any split or scaling.

    x: (n, h, w, c) in 0..1 for images, (n, steps, channels) for series, (n, d) otherwise. labels: (n,), index into the
    record's `label_names`. hidden: like x, entries that x does not tell (0 there) and that are to be predicted, else 0.
    colour: (n,), a continuous position in 0..1, such as the place along a roll. groups: (n,), items of one group
    stay on one side of the split. factors: (n, len(factor_names)), what a generated item was made from. texts: of
    documents, what their numbers were counted from. feature_names: of items whose features are known only when they
    are loaded, such as words; else empty, and the record names them.
    """

    x: Floats
    labels: Integers | None = None
    colour: Floats | None = None
    hidden: Floats | None = None
    groups: Integers | None = None
    factors: Floats | None = None
    factor_names: tuple[str, ...] = ()
    texts: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory taken, in bytes."""
        return sum(
            a.nbytes
            for a in (self.x, self.labels, self.colour, self.hidden, self.groups, self.factors)
            if a is not None
        )


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset without loading it. Making one imports nothing.

    value_range: every number of `Items.x` lies in it; None where there is no natural bound. nonnegative: no number of
    `Items.x` is below 0, so items can be read as distributions. label_names: the longest list that any of its specs
    can give. source: who made it, and where from. package: name of the import it needs besides numpy.
    zero_is_missing: a 0 in `Items.x` says that nothing is known. counts: its numbers are counts, so that cross-entropy
    takes them as they are. columns: of a table whose columns are of several kinds, what each is; else empty. title: of
    a dataset that copy has no words for, its name. theme: what its numbers were made from, where the form does not say.
    found: whether its files are on this machine, of one that has files of its own; asked often, so it only looks.
    download: how they can be fetched.
    shape, count, load: of the items that a spec (of the class `spec`) describes; shape is (h, w, c), (steps, channels)
    or (d,).
    """

    spec: type[DataSpec]
    form: Form
    licence: str
    source: str
    shape: Callable[[Any], tuple[int, ...]]
    count: Callable[[Any], int]
    load: Callable[[Any], Items]
    value_range: tuple[float, float] | None = None
    nonnegative: bool = False
    label_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    package: str | None = None
    zero_is_missing: bool = False
    counts: bool = False
    columns: tuple[Column, ...] = ()
    title: str = ""
    theme: Literal["text", "ratings"] | None = None
    found: Callable[[], bool] | None = None
    download: Download | None = None

    @property
    def kind(self) -> str:
        """The word that names it in specs, links and copy keys."""
        return str(self.spec.model_fields["kind"].default)


@dataclass(frozen=True)
class Missing:
    """Why a dataset cannot be loaded on this machine. name: of the package as pip knows it, or, where files are not
    here, of the folder among the downloads that they belong into.
    """

    kind: Literal["package", "file"]
    name: str


def missing(dataset: Dataset) -> Missing | None:
    """What the dataset needs and this machine does not have, the package first; None if it can be loaded."""
    if dataset.package is not None and find_spec(dataset.package) is None:
        return Missing("package", INSTALL.get(dataset.package, dataset.package))
    if dataset.found is not None and not dataset.found():
        return Missing("file", dataset.download.folder if dataset.download else dataset.kind)
    return None


def require(dataset: Dataset) -> None:
    """Raises DataMissing, with what to do, for a dataset that cannot be loaded on this machine."""
    lacks = missing(dataset)
    if lacks is None:
        return
    if lacks.kind == "package":
        raise DataMissing(
            f"The dataset {dataset.kind} comes with the package {lacks.name}, which is not installed. "
            f"The command pip install {lacks.name} brings it."
        )
    raise DataMissing(
        f"The files of the dataset {dataset.kind} are not on this machine. Download them on the page Data, or put them "
        f"into the folder downloads/{lacks.name} of Latent Lab."
    )


def load(dataset: Dataset, spec: DataSpec) -> Items:
    """The items that `spec` describes.

    Raises DataMissing if the dataset's package or files are not here, or what they hold cannot be read.
    """
    require(dataset)
    try:
        return dataset.load(spec)
    except (ImportError, OSError, EOFError, ValueError, KeyError, zlib.error, pickle.UnpicklingError) as error:
        if dataset.found is not None:
            raise DataMissing(
                f"The files of the dataset {dataset.kind} cannot be used ({error}). "
                "Remove them, and download them again."
            ) from error
        if dataset.package is None:
            raise
        name = INSTALL.get(dataset.package, dataset.package)
        raise DataMissing(
            f"The dataset {dataset.kind} could not be read from the package {name} ({error}). "
            f"Install it again with: pip install --force-reinstall {name}"
        ) from error
