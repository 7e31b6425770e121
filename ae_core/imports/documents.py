"""Documents: a column of texts, or text files in folders of their class."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np

from ae_core.data.card import Card
from ae_core.data.dataset import Integers, Items
from ae_core.data.text import bag_of_words
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import Blob, damaged
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import at_most, choose, draw, enough, named, present, texts
from ae_core.imports.lines import CODECS, encoding_of
from ae_core.imports.plan import CLASSES, FEWEST, Count, Facts, TextPlan
from ae_core.imports.sheets import Sheet
from ae_core.imports.survey import Survey

FOLDER = "folder"
FEWEST_FEATURES = 2  # of a table
NAMED, UNNAMED = 10, 4  # features from which on a table is likelier meant: beside a text with its class, beside others
LONGEST = 100_000  # characters of a document that are counted
SHOWN = 2_000  # and that are kept to be shown
TOGETHER = 100_000_000  # characters of all documents


def plans(seen: Survey, sheet: Sheet, title: str, features: int) -> list[tuple[TextPlan, bool]]:
    """The sheet as documents, if a column holds some. features: what the other columns are worth."""
    columns = [column for column in seen.columns if column.prose]
    if not columns and features < FEWEST_FEATURES:
        columns = [column for column in seen.columns if column.lines]
    if not columns or seen.rows < FEWEST:
        return []
    longest = max(columns, key=lambda column: column.words)
    label = seen.label(sheet.dialect.header)
    kinds = [column.name for column in seen.columns if column.use()[0] in ("binary", "category")]
    if not label and len(kinds) == 1:
        label = kinds[0]
    plan = TextPlan(title=title, dialect=sheet.dialect, text=longest.name, label=label)
    return [(plan, features < (NAMED if longest.called_text and label else UNNAMED))]


def of_files(blobs: list[Blob], title: str, losses: Losses) -> tuple[TextPlan, Facts]:
    """Text files, each a document."""
    enough(len(blobs))
    folders = [blob.folder for blob in blobs]
    kinds = sorted(set(folders))
    counts = tuple(Count(name=kind or "-", count=folders.count(kind)) for kind in kinds[:100])
    plan = TextPlan(title=title, label=FOLDER if 2 <= len(kinds) <= CLASSES and len(kinds) < len(blobs) else "")
    facts = Facts(
        kind="texts", files=len(blobs), rows=len(blobs), classes=counts if plan.label else (), dropped=losses.report()
    )
    return plan, facts


def make(sheet: Sheet, of: TextPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset of a column of texts."""
    chosen = choose(sheet, of.label, [of.text], at_most(of.most, of.words, bounds), losses, filled=True)
    found, letters = [], 0
    for text in texts(sheet, sheet.places([of.text])[0], chosen.take):
        found.append(text[:LONGEST])
        letters += len(found[-1])
        _look_at_length(letters)
    return _made(found, chosen.labels, chosen.names, of, losses)


def make_of_files(blobs: list[Blob], of: TextPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset of text files."""
    labels: Integers | None = None
    names: tuple[str, ...] = ()
    if of.label:
        labels, names = named([blob.folder or "-" for blob in blobs])
    kept = draw(labels, len(blobs), at_most(of.most, of.words, bounds))
    losses.add("rows", "sample", count=len(blobs) - len(kept))
    found, good, letters = [], [], 0
    for place in kept.tolist():
        try:
            found.append(document(blobs[place]))
            good.append(place)
        except ImportRefused:
            losses.add("files", "damaged", blobs[place].name)
            continue
        letters += len(found[-1])
        _look_at_length(letters)
    enough(len(found))
    if labels is not None:
        labels, names = present(labels[good], names)
    return _made(found, labels, names, of, losses)


def first(blobs: list[Blob], count: int) -> list[str]:
    """The beginnings of the first ones that can be read. Raises ImportRefused where none can."""
    found: list[str] = []
    for blob in blobs:
        if len(found) == count:
            break
        with suppress(ImportRefused):
            found.append(document(blob))
    return found or [document(blobs[0])]


def document(blob: Blob) -> str:
    """Its beginning as text. Raises ImportRefused where it is none."""
    with damaged(blob.name):
        encoding = encoding_of(blob)
        with io.TextIOWrapper(blob.open(), CODECS[encoding]) as stream:
            return stream.read(LONGEST)


def _look_at_length(letters: int) -> None:
    if letters > TOGETHER:
        raise ImportRefused(
            f"Expected texts of at most {TOGETHER // 1_000_000} million characters together, got more. "
            "Choose fewer items."
        )


def _made(
    found: list[str], labels: Integers | None, names: tuple[str, ...], of: TextPlan, losses: Losses
) -> tuple[Items, Card]:
    try:
        x, words = bag_of_words(found, of.words, of.weighting)
    except ValueError:
        raise ImportRefused(
            "No words could be counted. Expected texts with words of three letters or more; choose another column."
        ) from None
    told = x.sum(axis=1) > 0
    losses.add("rows", "empty", count=int((~told).sum()))
    x = x[told]
    if labels is not None:
        labels, names = present(labels[told], names)
    enough(len(x))
    if len(words) < 2:
        raise ImportRefused(f"Expected at least 2 different words, got {len(words)}. Choose another column.")
    card = Card(
        title=of.title,
        form="table",
        shape=x.shape[1:],
        count=len(x),
        value_range=(0.0, 1.0) if of.weighting == "tf_idf" else None,
        nonnegative=True,
        counts=of.weighting == "counts",
        label_name=of.label if labels is not None else "",
        label_names=names,
        feature_names=words,
    )
    shown = tuple(text[:SHOWN] for text, kept in zip(found, told, strict=True) if kept)
    return Items(x=np.ascontiguousarray(x), labels=labels, texts=shown), card
