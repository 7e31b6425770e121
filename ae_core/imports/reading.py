"""What the child process does: recognises the files, and lets the reader of their kind understand or make.

Each kind's reader, and the packages that it needs, is imported only when a file of the kind is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ae_core.errors import ImportRefused
from ae_core.imports import names
from ae_core.imports.archive import Losses, members
from ae_core.imports.blobs import Blob, damaged, unzipped, uploaded
from ae_core.imports.bounds import Bounds
from ae_core.imports.kinds import PICTURES, TABLES, content, kind_of
from ae_core.imports.names import clean
from ae_core.imports.plan import (
    FEWEST,
    PLAN,
    ArrayPlan,
    Dialect,
    Facts,
    ImagePlan,
    PixelsPlan,
    Plan,
    RatingsPlan,
    SeriesPlan,
    Source,
    TablePlan,
    TextPlan,
    Understanding,
)

if TYPE_CHECKING:
    from ae_core.data.card import Card
    from ae_core.data.dataset import Items
    from ae_core.imports.sheets import Sheet

SHOWN_ROWS, SHOWN_COLUMNS = 8, 30
NAMED = 20  # files that a card names
READERS: dict[type, str] = {TablePlan: "tables", PixelsPlan: "pixels", SeriesPlan: "series", RatingsPlan: "ratings"}


@dataclass(frozen=True)
class Bundle:
    """What was uploaded: files of one sort that together become a dataset. For a table it is one file."""

    sort: Literal["text", "parquet", "pictures", "texts", "arrays"]
    blobs: list[Blob]
    losses: Losses
    title: str


def understood(sources: list[Any], bounds: Mapping[str, int], dialect: Any = None) -> Any:
    """`door.understand`, as JSON."""
    files = [Source.model_validate(source) for source in sources]
    told = None if dialect is None else Dialect.model_validate(dialect)
    with damaged(files[0].name if files else ""):
        return understand(files, Bounds(**bounds), told).model_dump(mode="json")


def made(sources: list[Any], plan: Any, folder: str, bounds: Mapping[str, int]) -> Any:
    """`door.make`, as JSON."""
    files = [Source.model_validate(source) for source in sources]
    with damaged(files[0].name if files else ""):
        return make(files, PLAN.validate_python(plan), Path(folder), Bounds(**bounds)).model_dump(mode="json")


def understand(files: list[Source], bounds: Bounds, dialect: Dialect | None) -> Understanding:
    """What the files are. Raises ImportRefused."""
    with ExitStack() as until:
        return _understood(unpacked(files, bounds, until), bounds, dialect)


def _understood(bundle: Bundle, bounds: Bounds, dialect: Dialect | None) -> Understanding:
    if bundle.sort == "pictures":
        from ae_core.imports import pictures

        return pictures.understood(bundle.blobs, bundle.title, bounds, bundle.losses)
    if bundle.sort == "arrays":
        from ae_core.imports import arrays, npy

        found = npy.arrays(bundle.blobs, bounds, bundle.losses)
        return arrays.understood(found, bundle.title, len(bundle.blobs), bounds, bundle.losses)
    if bundle.sort == "texts":
        from ae_core.imports import documents

        plan, facts = documents.of_files(bundle.blobs, bundle.title, bundle.losses)
        shown = tuple((clean(text),) for text in documents.first(bundle.blobs, SHOWN_ROWS))
        return Understanding(plan=plan, facts=facts, preview_names=("text",), preview=shown)
    return _understand_table(bundle, _sheet(bundle, bounds, dialect))


def make(files: list[Source], plan: Plan, folder: Path, bounds: Bounds) -> Card:
    """Makes the dataset in the folder. Raises ImportRefused."""
    from ae_core.data.card import Card
    from ae_core.data.shelf import write

    with ExitStack() as until:
        bundle = unpacked(files, bounds, until)
        items, card = _made(bundle, plan, bounds)
    card = Card.model_validate(
        card.model_dump()
        | {
            "title": clean(plan.title, 80) or bundle.title,
            "files": tuple(clean(file.name) for file in files[:NAMED]),
            "dropped": bundle.losses.report(),
        }
    )
    write(folder, card, items)
    return card


def _made(bundle: Bundle, plan: Plan, bounds: Bounds) -> tuple[Items, Card]:
    losses = bundle.losses
    if isinstance(plan, ImagePlan) and bundle.sort == "pictures":
        from ae_core.imports import pictures

        return pictures.make(bundle.blobs, plan, bounds, losses)
    if isinstance(plan, ArrayPlan) and bundle.sort == "arrays":
        from ae_core.imports import arrays, npy

        return arrays.make(npy.arrays(bundle.blobs, bounds, losses), plan, bounds, losses)
    if isinstance(plan, TextPlan) and bundle.sort == "texts":
        from ae_core.imports import documents

        return documents.make_of_files(bundle.blobs, plan, bounds, losses)
    if bundle.sort not in ("text", "parquet") or isinstance(plan, ImagePlan | ArrayPlan):
        raise ImportRefused("These files do not fit what they were to become. Choose the files again.")
    from importlib import import_module

    sheet = _sheet(bundle, bounds, plan.dialect)
    if isinstance(plan, TextPlan):
        from ae_core.imports import documents

        made = documents.make(sheet, plan, bounds, losses)
    else:
        made = import_module(f"ae_core.imports.{READERS[type(plan)]}").make(sheet, plan, bounds, losses)
    losses.take(sheet.losses)
    return made


# ------------------------------------------------------------------------------------------------- recognising


def unpacked(files: list[Source], bounds: Bounds, until: ExitStack) -> Bundle:
    """What the files are, with archives that `until` closes. Raises ImportRefused where they are not of one sort."""
    blobs = uploaded(files, bounds)
    losses = Losses()
    kinds = {kind_of(blob) for blob in blobs}
    title = names.title(blobs[0].name)
    if kinds <= {"png", "jpeg"}:
        return Bundle("pictures", blobs, losses, "pictures" if len(blobs) > 1 else title)
    if kinds == {"npy"}:
        return Bundle("arrays", blobs, losses, title)
    if kinds == {"text"} and len(blobs) > 1 and all(blob.end == ".txt" for blob in blobs):
        return Bundle("texts", blobs, losses, "texts")
    if len(blobs) > 1:
        raise ImportRefused(
            "Several files can be pictures, texts (.txt) or arrays (.npy), all of one kind. Choose one file, "
            "or pack them into a ZIP."
        )
    [blob] = blobs
    if kinds == {"zip"}:
        return _opened(blob, bounds, losses, title, until)
    if kinds == {"gzip"}:
        inner = unzipped(blob, bounds)
        if inner.end == ".npy":
            return Bundle("arrays", [inner], losses, title) if kind_of(inner) == "npy" else _refuse(inner)
        return Bundle("text", [inner], losses, title) if kind_of(inner) == "text" else _refuse(inner)
    return Bundle("parquet" if kinds == {"parquet"} else "text", blobs, losses, title)


def _refuse(blob: Blob) -> Bundle:
    raise ImportRefused(f"{clean(blob.name)} is packed twice. Unpack it once and choose what is in it.")


def _opened(blob: Blob, bounds: Bounds, losses: Losses, title: str, until: ExitStack) -> Bundle:
    """A ZIP: arrays if it is called .npz, else pictures, else a table, else texts."""
    inside = members(blob, bounds, losses, until)
    arrays = [member for member in inside if member.end == ".npy"]
    if blob.end == ".npz":
        return Bundle("arrays", arrays, losses, title)
    pictures = [member for member in inside if member.end in PICTURES]
    tables = [member for member in inside if member.end in TABLES]
    texts = [member for member in inside if member.end == ".txt"]
    chosen = pictures or (texts if len(texts) >= FEWEST else tables[:]) or arrays or texts
    if not chosen:
        nested = any(lost.why == "archive" for lost in losses.report())
        raise (
            _packed_twice(blob)
            if nested
            else ImportRefused(
                f"There is nothing in {clean(blob.name)} that is taken here. "
                "Expected pictures (PNG, JPEG), texts (.txt) or a table (.csv)."
            )
        )
    if chosen is not pictures and chosen is not texts and chosen is not arrays:
        chosen = [_main_table(chosen)]
        if content(chosen[0].head) != "text":
            from ae_core.imports.lines import no_text

            raise no_text(chosen[0])
    kept = {id(member) for member in chosen}
    for member in inside:
        if id(member) not in kept:
            losses.add("files", "kind", member.name)
    if chosen is pictures:
        return Bundle("pictures", chosen, losses, title)
    if chosen is arrays:
        return Bundle("arrays", chosen, losses, title)
    return Bundle("texts" if chosen is texts else "text", chosen, losses, title)


def _packed_twice(blob: Blob) -> ImportRefused:
    return ImportRefused(f"{clean(blob.name)} holds other archives. Unpack it and pack the files themselves.")


def _main_table(tables: list[Blob]) -> Blob:
    """Of several tables the ratings, where there are some, else the largest."""
    called = [table for table in tables if table.name.lower() in ("ratings.csv", "u.data", "ratings.dat")]
    return called[0] if called else max(tables, key=lambda table: table.size)


# -------------------------------------------------------------------------------------------------------- tables


def _sheet(bundle: Bundle, bounds: Bounds, dialect: Dialect | None) -> Sheet:
    [blob] = bundle.blobs
    if bundle.sort == "parquet":
        from ae_core.imports.parquet import ParquetSheet

        return ParquetSheet(blob, bounds)
    from ae_core.imports.lines import dialect_of
    from ae_core.imports.sheets import TextSheet

    return TextSheet(blob, dialect or dialect_of(blob), bounds)


def _understand_table(bundle: Bundle, sheet: Sheet) -> Understanding:
    from ae_core.imports import documents, pixels, ratings, series, tables
    from ae_core.imports.sheets import glance
    from ae_core.imports.survey import classes, survey

    seen = survey(sheet)
    lost = {loss.why: loss.count for loss in seen.losses.report() if loss.what == "rows"}
    if lost.get("ragged", 0) > seen.rows:
        raise ImportRefused(
            "Most rows have another number of cells than the others. Expected a table; choose another delimiter, or "
            "correct the file."
        )
    if seen.rows < FEWEST:
        raise ImportRefused(f"Expected at least {FEWEST} rows, got {seen.rows}. Choose a file with more.")
    title = bundle.title
    table = tables.plan(seen, sheet, title)
    features = tables.features(table)
    found: list[tuple[Plan, bool]] = [
        *ratings.plans(seen, sheet, title),
        *documents.plans(seen, sheet, title, features),
        *pixels.plans(seen, sheet, title),
        *series.plans(seen, sheet, title),
    ]
    if not table.label and (
        answer := next((plan.label for plan, sure in found if sure and hasattr(plan, "label")), "")
    ):
        table = TablePlan.model_validate(table.model_dump() | {"label": answer})
    if features >= tables.FEWEST_FEATURES:
        found.append((table, True))
    if not found:
        raise ImportRefused(
            f"Expected at least {tables.FEWEST_FEATURES} columns of numbers, or of at most 30 categories, "
            f"got {features}. Choose a file with more columns that can be used."
        )
    plan = next((plan for plan, sure in found if sure), found[0][0])
    label = getattr(plan, "label", "")
    numbers = [column for column in seen.columns if column.numeric and column.name != label]
    seen.losses.take(bundle.losses)
    return Understanding(
        plan=plan,
        alternatives=tuple(other for other, _ in found if other is not plan),
        facts=Facts(
            kind="parquet" if bundle.sort == "parquet" else "csv",
            rows=seen.rows,
            columns=len(seen.columns),
            classes=classes(seen.named(label)) if label else (),
            low=min((column.low for column in numbers), default=None),
            high=max((column.high for column in numbers), default=None),
            missing=sum(column.missing + column.infinite for column in seen.columns),
            dropped=seen.losses.report(),
        ),
        columns=tuple(column.plan() for column in seen.columns),
        preview_names=sheet.names[:SHOWN_COLUMNS],
        preview=tuple(tuple(clean(cell) for cell in row[:SHOWN_COLUMNS]) for row in glance(sheet, SHOWN_ROWS)),
    )
