"""What was understood of somebody's files, and what the reader may change before they become a dataset."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, TypeAdapter

from ae_core.data.card import Dropped
from ae_core.spec import Spec

Encoding = Literal["utf-8", "utf-16", "cp1252", "gb18030"]
Delimiter = Literal[",", ";", "\t", "|", " ", "::"]
Use = Literal["number", "binary", "category", "leave_out"]
Gaps = Literal["fill", "drop"]
Why = Literal[
    "archive",
    "black",
    "chosen",
    "constant",
    "damaged",
    "date",
    "doubled",
    "empty",
    "encrypted",
    "filled",
    "gap",
    "identifier",
    "infinite",
    "kind",
    "large",
    "length",
    "link",
    "many",
    "nested",
    "no_classes",
    "not_number",
    "other_array",
    "path",
    "ragged",
    "rare",
    "sample",
    "text",
    "unlabelled",
    "unpopular",
    "unrated",
]
WHYS: tuple[str, ...] = get_args(Why)
"""Every reason for which something is left out; the copy has a sentence for each, `dropped.<why>`."""

FEWEST = 20  # items: below, nothing can be learned and kept aside
CATEGORIES = 30  # most categories that become a feature each
CLASSES = 100  # most classes that can be told apart on a picture
SIDE = 128  # longest side of a picture that is trained on here

Most = Annotated[int, Field(ge=FEWEST, le=200_000, description="Items at most; more are drawn, a share of each class.")]
Title = Annotated[str, Field(max_length=80, description="What the dataset is called.")]
Side = Annotated[int, Field(ge=4, le=SIDE)]


class Source(Spec):
    """A file as it was uploaded. name: for people. path: where its bytes are."""

    name: str
    path: str


class Dialect(Spec):
    """How a text file is read as a table; for other tables it says nothing. quoted: quotation marks hold cells
    together. decimal: the mark before the fraction.
    """

    encoding: Encoding = "utf-8"
    delimiter: Delimiter = ","
    decimal: Literal[".", ","] = "."
    header: bool = True
    quoted: bool = True


class ColumnPlan(Spec):
    """A column, what it becomes, and what is known of it. why: if it is left out, the reason, as in `Dropped.why`.
    missing: values that are not told. distinct: different values, counted up to 200. examples: some, shortened.
    """

    name: str
    use: Use = "number"
    why: Why | Literal[""] = ""
    missing: int = 0
    distinct: int = 0
    examples: tuple[str, ...] = ()


class TablePlan(Spec):
    """Rows are items, columns become features. label: the column of the classes, or ""."""

    form: Literal["table"] = "table"
    title: Title = ""
    most: Most = 20_000
    dialect: Dialect = Dialect()
    label: str = ""
    columns: tuple[ColumnPlan, ...] = ()
    missing: Gaps = "fill"


class ImagePlan(Spec):
    """Pictures, brought to one size. background: what is behind transparent pixels and beside padded pictures.
    labels: whether the folder of a picture is its class.
    """

    form: Literal["image"] = "image"
    title: Title = ""
    most: Most = 20_000
    height: Side = 32
    width: Side = 32
    colour: Literal["grey", "colour"] = "grey"
    fit: Literal["crop", "pad", "stretch"] = "crop"
    background: Literal["black", "white"] = "white"
    labels: bool = True


class PixelsPlan(Spec):
    """Rows of a table that are pictures, pixel by pixel from left to right and from top to bottom. columns: of the
    pixels; height x width x channels of them. low, high: the numbers of black and of white.
    """

    form: Literal["pixels"] = "pixels"
    title: Title = ""
    most: Most = 20_000
    dialect: Dialect = Dialect()
    label: str = ""
    columns: tuple[str, ...] = ()
    height: Side = 28
    width: Side = 28
    channels: Literal[1, 3] = 1
    low: float = 0.0
    high: float = 255.0


class SeriesPlan(Spec):
    """Series. rows: each row is one, its numbers in `columns` one after the other. windows: the whole table is one
    long series, `columns` are its channels, and an item is `window` rows of it, the next begins `stride` rows later.
    long: rows that say the same in the column `group` are one series. clock: the column of moments that puts rows in
    order, or "" for that of the file.
    """

    form: Literal["series"] = "series"
    title: Title = ""
    most: Most = 20_000
    dialect: Dialect = Dialect()
    orientation: Literal["rows", "windows", "long"] = "rows"
    columns: tuple[str, ...] = ()
    label: str = ""
    group: str = ""
    clock: str = ""
    window: Annotated[int, Field(ge=4, le=1024)] = 32
    stride: Annotated[int, Field(ge=1, le=1024)] = 16
    missing: Gaps = "fill"


class TextPlan(Spec):
    """Documents, as numbers of their commonest words. text: the column, or "" where each file is a document. label:
    the column of the classes, "folder", or "".
    """

    form: Literal["text"] = "text"
    title: Title = ""
    most: Most = 20_000
    dialect: Dialect = Dialect()
    text: str = ""
    label: str = ""
    words: Annotated[int, Field(ge=10, le=5000, description="Words that are counted, the commonest.")] = 1000
    weighting: Literal["tf_idf", "counts"] = "tf_idf"


class RatingsPlan(Spec):
    """Who gave what how much: a person is an item, a thing a feature. things: kept, those rated most often. of_person,
    of_thing: ratings that a person (of the things kept), or a thing, must have.
    """

    form: Literal["ratings"] = "ratings"
    title: Title = ""
    most: Most = 20_000
    dialect: Dialect = Dialect()
    user: str = ""
    item: str = ""
    rating: str = ""
    of_person: Annotated[int, Field(ge=2, le=1000)] = 5
    of_thing: Annotated[int, Field(ge=1, le=1000)] = 5
    things: Annotated[int, Field(ge=2, le=5000)] = 600


class ArrayPlan(Spec):
    """An array of a NumPy file. labels: the array of the classes, or "". view: what its items are. low, high: of
    pictures, the numbers of black and of white. channels_first: pictures come as (channels, height, width), series as
    (channels, steps).
    """

    form: Literal["array"] = "array"
    title: Title = ""
    most: Most = 20_000
    array: str = ""
    labels: str = ""
    view: Literal["image", "series", "table"] = "table"
    low: float = 0.0
    high: float = 1.0
    channels_first: bool = False


Plan = TablePlan | ImagePlan | PixelsPlan | SeriesPlan | TextPlan | RatingsPlan | ArrayPlan
AnyPlan = Annotated[Plan, Field(discriminator="form")]
PLAN: TypeAdapter[Plan] = TypeAdapter(AnyPlan)


class Count(Spec):
    """How often something is there: a class, a size of pictures."""

    name: str
    count: int


class ArrayFacts(Spec):
    """An array of a NumPy file."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Facts(Spec):
    """What is in the files. kind: csv, parquet, pictures, texts, arrays. rows, columns: of a table or array. classes,
    sizes: the commonest, at most 100. low, high: of all numbers that become features, or of the first ones of an
    array. dropped: what cannot be used whatever is chosen.
    """

    kind: Literal["csv", "parquet", "pictures", "texts", "arrays"]
    files: int = 1
    rows: int = 0
    columns: int = 0
    classes: tuple[Count, ...] = ()
    sizes: tuple[Count, ...] = ()
    low: float | None = None
    high: float | None = None
    missing: int = 0
    dropped: tuple[Dropped, ...] = ()


class Understanding(Spec):
    """plan: what is most likely meant; it can be used as it is. alternatives: other forms, each as usable. columns:
    all columns of a table, for choices. arrays: of a NumPy file. preview, preview_names: the first rows, as text.
    """

    plan: AnyPlan
    facts: Facts
    alternatives: tuple[AnyPlan, ...] = ()
    columns: tuple[ColumnPlan, ...] = ()
    arrays: tuple[ArrayFacts, ...] = ()
    preview_names: tuple[str, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()
