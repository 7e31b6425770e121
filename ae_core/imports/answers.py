"""Arrays that tell the class of each item of another one: as numbers, as words, or as a single 1 in each row."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ae_core.data.dataset import Integers
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import SUSPECT, damaged
from ae_core.imports.draw import named
from ae_core.imports.names import clean
from ae_core.imports.npy import KINDS, Array, blocks, taken
from ae_core.imports.numerals import KEPT, tidy
from ae_core.imports.plan import CLASSES, Count

ANSWER = re.compile(r"y|y_.*|.*_y|labels?|.*labels?.*|targets?|class(es)?|t", re.IGNORECASE)
"""What such arrays are called."""


@dataclass(frozen=True)
class Answers:
    """Labels. names: the different classes, "" for one that is not told. codes: which of them each item has."""

    array: Array
    names: list[str]
    codes: Integers

    @property
    def classes(self) -> tuple[Count, ...]:
        """How often each is there, the commonest first."""
        counts = np.bincount(self.codes)
        order = np.argsort(-counts, kind="stable")
        return tuple(Count(name=clean(self.names[i]), count=int(counts[i])) for i in order)


class NoClasses(ImportRefused):
    """An array that tells no classes."""


def labels_of(items: Array, found: dict[str, Array], losses: Losses) -> Answers | None:
    """The array of classes that belongs to it: as many of them, called so, and of the same part of the data."""
    part = re.sub(r"^x_?|_?x$", "", items.name.lower())

    def likely(array: Array) -> tuple[bool, bool]:
        return part != "" and part in array.name.lower(), ANSWER.fullmatch(array.name) is not None

    for array in sorted(found.values(), key=likely, reverse=True):
        called = ANSWER.fullmatch(array.name) is not None
        plain = len(array.shape) == 1 and array.dtype.kind in "iuUSb"
        if array is items or array.shape[0] != items.shape[0] or not (called or plain):
            continue
        try:
            answers = _told(array)
            if len(answers.names) < array.shape[0] and _whole(answers):
                return answers
            losses.add("files", "no_classes", array.blob.name, count=int(called))
        except NoClasses:
            losses.add("files", "no_classes", array.blob.name, count=int(called))
        except ImportRefused:
            losses.add("files", "damaged", array.blob.name)
    return None


def _whole(answers: Answers) -> bool:
    """Whether fractions, where its classes are such, are whole numbers."""
    return answers.array.dtype.kind != "f" or all(not name or name.lstrip("-").isdigit() for name in answers.names)


def _told(array: Array) -> Answers:
    """The classes that it tells, read some at a time. Raises NoClasses where it has too many, or something else."""
    if array.width > CLASSES or (array.turned and array.width * array.shape[0] * array.dtype.itemsize > SUSPECT):
        raise _no_classes(array)
    codes = np.empty(array.shape[0], dtype=np.int64)
    known: dict[str, int] = {}
    meant: list[str] = []
    done = 0
    with damaged(array.blob.name):
        for block in [taken(array, np.arange(array.shape[0]))] if array.turned else blocks(array):
            kinds, places = np.unique(_one_each(array, block), return_inverse=True)
            if len(kinds) > 10 * CLASSES:
                raise _too_many(array)
            for word in (words := _words(kinds)):
                if known.setdefault(tidy(word), len(known)) == len(meant):
                    meant.append(word)
                elif len(word) > KEPT and word != meant[known[tidy(word)]]:
                    raise NoClasses(
                        f"{array.name} has classes whose names are the same for {KEPT} characters. Shorten them, or "
                        "choose other labels."
                    )
            if len(known) > CLASSES + ("" in known):
                raise _too_many(array)
            codes[done : done + len(block)] = np.array([known[tidy(word)] for word in words])[places.reshape(-1)]
            done += len(block)
    return Answers(array, list(known), codes)


def _one_each(array: Array, block: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The answer of each item: a number or a word, or the place of the single 1 in its row."""
    if array.width == 1:
        return block.reshape(-1)
    rows = block.reshape(len(block), -1)
    if array.dtype.kind not in KINDS or not (np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all()):
        raise _no_classes(array)
    places: npt.NDArray[np.int64] = rows.argmax(axis=1)
    return places


def _words(kinds: npt.NDArray[np.generic]) -> list[str]:
    if kinds.dtype.kind == "S":
        return [bytes(word).decode("utf-8", "replace") for word in kinds.tolist()]
    if kinds.dtype.kind == "f":
        kinds = np.where(np.isfinite(kinds), kinds.astype(str), "")
    return [str(word) for word in kinds.tolist()]


def _no_classes(array: Array) -> NoClasses:
    return NoClasses(
        f"{array.name} tells no classes: expected one number or word for each item, or a single 1 in each row. Choose "
        "other labels, or none."
    )


def _too_many(array: Array) -> NoClasses:
    return NoClasses(f"{array.name} has more than {CLASSES} different classes. Choose other labels, or none.")


def labelled(array: Array, count: int, losses: Losses) -> tuple[Integers, tuple[str, ...], npt.NDArray[np.int64]]:
    """Labels, their names, and the places of the items that have one."""
    if array.shape[0] != count:
        raise ImportRefused(
            f"Expected as many labels as items, {count:,}, got {array.shape[0]:,}. Choose other labels, or none."
        )
    told = _told(array)
    answers, codes = told.names, told.codes
    places = np.flatnonzero(np.array([bool(answer) for answer in answers])[codes])
    losses.add("rows", "unlabelled", count=count - len(places))
    labels, names = named([answers[code] for code in codes[places]])
    return labels, names, places
