"""NumPy files: headers are looked at first, then only the drawn items of what is read are kept. No pickles."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from ae_core.data.card import Card
from ae_core.data.columns import Column
from ae_core.data.dataset import Floats, Integers, Items
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import SUSPECT, Blob, damaged
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.draw import at_most, draw, enough, named, present
from ae_core.imports.kinds import pickle, pickled
from ae_core.imports.names import clean
from ae_core.imports.numerals import KEPT, tidy
from ae_core.imports.pixels import FULL, SMALLEST, USUAL, pictured, shade, side
from ae_core.imports.plan import CLASSES, FEWEST, SIDE, ArrayFacts, ArrayPlan, Count, Facts, Understanding

HEADER = 10_000  # characters of a header, as numpy itself allows
KINDS = "buif"  # of numbers that are taken: yes or no, whole, fractions
CLASS_KINDS = "buifUS"
AT_ONCE = 8 * MEGABYTE
GLANCE = 2_000  # items whose numbers are looked at
ALIKE = 4  # times that one side of a picture may be the other, where nothing else says that it is one
SQUARE = 16  # side from which on fractions between 0 and 1 are taken for the pixels of a picture
ANSWER = re.compile(r"y|y_.*|.*_y|labels?|.*labels?.*|targets?|class(es)?|t", re.IGNORECASE)
PICTURE = re.compile(r".*(im(g|age)s?|pix|face|digit).*", re.IGNORECASE)


@dataclass(frozen=True)
class Array:
    """What a header says. offset: of the numbers in the file."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    blob: Blob
    offset: int

    @property
    def width(self) -> int:
        """Numbers of an item."""
        return math.prod(self.shape[1:])

    @property
    def turned(self) -> bool:
        """Whether it lies column by column."""
        return self.fortran and self.width > 1

    def facts(self) -> ArrayFacts:
        """For the reader."""
        return ArrayFacts(name=self.name, shape=self.shape, dtype=str(self.dtype))


def arrays(blobs: list[Blob], bounds: Bounds, losses: Losses) -> dict[str, Array]:
    """The arrays that can be read. One that cannot is left out beside others; alone it is refused with the reason."""
    found: dict[str, Array] = {}
    refused: ImportRefused | None = None
    for blob in blobs:
        try:
            array = header(blob)
            _look_for_bombs(array, bounds)
            found[array.name] = array
        except ImportRefused as error:
            refused = error
            losses.add("files", "other_array", blob.name)
    if not found:
        raise refused or ImportRefused("There is no array in this file. Choose another one.")
    return found


def header(blob: Blob) -> Array:
    """What a .npy file says of itself. Raises ImportRefused for objects, whose reading could run a program."""
    name = clean(blob.name.removesuffix(".npy"))
    with damaged(blob.name), blob.open() as stream:
        beginning = io.BytesIO(stream.read(HEADER + 12))
    if pickled(beginning.getvalue()):
        raise pickle(name)
    with damaged(blob.name):
        version = npy.read_magic(beginning)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        try:
            shape, fortran, dtype = read(beginning, max_header_size=HEADER)
        except MemoryError:  # so Python says that brackets are nested too deeply
            raise ValueError from None
        offset = beginning.tell()
    if dtype.hasobject or dtype.kind not in CLASS_KINDS or dtype.itemsize > 1000:
        raise ImportRefused(
            f"{name} holds {clean(str(dtype))}, not plain numbers. Save it as an array of numbers, without objects."
        )
    if any(not 0 <= size < 2**63 for size in shape) or len(shape) > 32:
        raise ImportRefused(f"{name} has an impossible shape. Save it again with numpy.save.")
    return Array(name, tuple(map(int, shape)), dtype, fortran, blob, offset)


def _look_for_bombs(array: Array, bounds: Bounds) -> None:
    """A header may promise anything; the bytes that are there tell whether it is so."""
    if not array.shape or not math.prod(array.shape):
        raise ImportRefused(f"{array.name} has no items in it. Choose another array.")
    size = math.prod(array.shape) * array.dtype.itemsize
    if array.shape[0] > bounds.rows:
        raise ImportRefused(f"Expected at most {bounds.rows:,} rows, got {array.shape[0]:,}. Choose a part of them.")
    if size != array.blob.size - array.offset:
        raise ImportRefused(
            f"{array.name} promises {size:,} bytes of numbers and has {array.blob.size - array.offset:,}. "
            "It is damaged, or was not uploaded completely; save it again."
        )
    if array.width > bounds.pixels:
        at_most(FEWEST, array.width, bounds)
    if size > bounds.unpacked:
        raise ImportRefused(
            f"{array.name} has {size / MEGABYTE:,.0f} MB of numbers, expected at most "
            f"{bounds.unpacked // MEGABYTE:,} MB. Save a part of it."
        )


def taken(array: Array, places: npt.NDArray[np.int64], each: Callable[[Floats], Floats] | None = None) -> Floats:
    """The items at these places, in rising order. each: what becomes of some of them, before others are read."""
    width = array.shape[1:] if each is None else each(np.zeros((1, *array.shape[1:]), np.float32)).shape[1:]
    each = each or _unchanged
    with damaged(array.blob.name):
        if array.turned:
            return each(_from_columns(array, places))
        found = np.empty((len(places), *width), dtype=np.float32)
        done = begin = 0
        for block in _blocks(array):
            end = begin + len(block)
            until = int(np.searchsorted(places, end))
            if until > done:
                found[done:until] = each(_numbers(block[places[done:until] - begin]))
            done, begin = until, end
            if done == len(places):
                break
        if done < len(places):
            raise EOFError
        return found


def _unchanged(x: Floats) -> Floats:
    return x


def _from_columns(array: Array, places: npt.NDArray[np.int64]) -> Floats:
    """The same of an array that lies column by column, some columns at a time."""
    count = array.shape[0]
    deep = max(AT_ONCE // (count * array.dtype.itemsize), 1)
    found = np.empty((len(places), array.width), dtype=np.float32)
    with array.blob.open() as stream:
        stream.read(array.offset)
        for begin in range(0, array.width, deep):
            many = min(deep, array.width - begin)
            block = np.frombuffer(_exactly(stream, many * count * array.dtype.itemsize), array.dtype)
            found[:, begin : begin + many] = _numbers(block.reshape(many, count)[:, places].T)
    backwards = found.reshape(len(places), *array.shape[:0:-1])
    return backwards.transpose(0, *range(len(array.shape) - 1, 0, -1))


def _blocks(array: Array) -> Iterator[npt.NDArray[np.generic]]:
    item = max(array.width * array.dtype.itemsize, 1)
    deep = max(AT_ONCE // item, 1)
    with array.blob.open() as stream:
        stream.read(array.offset)
        for begin in range(0, array.shape[0], deep):
            count = min(deep, array.shape[0] - begin)
            yield np.frombuffer(_exactly(stream, count * item), array.dtype).reshape(count, *array.shape[1:])


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


# ------------------------------------------------------------------------------------------------- understanding


def understood(found: dict[str, Array], title: str, files: int, bounds: Bounds, losses: Losses) -> Understanding:
    """The array that most likely holds the items, with the labels that fit it."""
    numeric = [array for array in found.values() if array.dtype.kind in KINDS]
    long = [array for array in numeric if array.width == 1 and not ANSWER.fullmatch(array.name) and _window(array)[0]]
    numeric = [array for array in numeric if array.width > 1] or long
    if not numeric:
        raise ImportRefused(
            "Expected an array of items, of at least two dimensions: (items, features), (items, height, width) or "
            "(items, steps, channels). Choose another file."
        )
    items = max(numeric, key=lambda array: (not ANSWER.fullmatch(array.name), array.shape[0] * array.width))
    enough(items.shape[0])
    labels = _labels(items, found, losses) if items.width > 1 else None
    sample = taken(items, np.arange(min(items.shape[0], GLANCE, 1 + AT_ONCE // max(items.width, 1))))
    finite = sample[np.isfinite(sample)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if len(sample) == items.shape[0]:
        enough(int(np.isfinite(sample).reshape(len(sample), -1).any(axis=1).sum()))
        if low == high:
            raise _all_equal()
    ends = _shades(items.dtype, low, high)
    views = _views(items, low, high, bounds)
    plans = [
        ArrayPlan(
            title=title,
            array=items.name,
            labels=labels.array.name if labels else "",
            view=view,  # type: ignore[arg-type]
            low=ends[0],
            high=ends[1],
            channels_first=_channels_first(items.shape[1:], sample, view),
        )
        for view in views
    ]
    at_most(plans[0].most, _kept(items, plans[0]), bounds)
    rows = sample.reshape(len(sample), -1)[:8, :12]
    return Understanding(
        plan=plans[0],
        alternatives=tuple(plans[1:]),
        facts=Facts(
            kind="arrays",
            files=files,
            rows=items.shape[0],
            columns=items.width,
            classes=labels.classes if labels else (),
            low=low,
            high=high,
            missing=int(sample.size - finite.size),
            dropped=losses.report(),
        ),
        arrays=tuple(array.facts() for array in found.values())[:200],
        preview_names=tuple(str(number) for number in range(1, rows.shape[1] + 1)),
        preview=tuple(tuple(f"{value:.4g}" for value in row) for row in rows),
    )


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


def _labels(items: Array, found: dict[str, Array], losses: Losses) -> Answers | None:
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
            answers = _answers(array)
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


def _answers(array: Array) -> Answers:
    """The classes that it tells, read some at a time. Raises NoClasses where it has too many, or something else."""
    if array.width > CLASSES or (array.turned and array.width * array.shape[0] * array.dtype.itemsize > SUSPECT):
        raise _no_classes(array)
    codes = np.empty(array.shape[0], dtype=np.int64)
    known: dict[str, int] = {}
    meant: list[str] = []
    done = 0
    with damaged(array.blob.name):
        for block in [taken(array, np.arange(array.shape[0]))] if array.turned else _blocks(array):
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


def _views(array: Array, low: float, high: float, bounds: Bounds) -> list[str]:
    """What its items can be, the likeliest first. low, high: of its numbers."""
    views = [view for view in _ways(array, low, high) if view != "table" or array.width <= bounds.columns]
    if not views:
        raise _too_wide(array.width, bounds)
    return views


def _ways(array: Array, low: float, high: float) -> list[str]:
    shape = array.shape[1:]
    if array.width == 1:
        return ["series"]
    whole = array.dtype.kind in "bu" or PICTURE.fullmatch(array.name) is not None
    if len(shape) == 3:
        return ["image", "table"] if _picture(shape) else ["table"]
    if len(shape) == 2:
        square = shape[0] == shape[1] >= SMALLEST
        views = ["image", "series"] if whole or square else ["series", "image"]
        alike = square or (whole and SMALLEST <= max(shape) <= ALIKE * min(shape))
        views = [view for view in views if view == "series" or max(shape) <= SIDE or alike]
        return [view for view in views if (min if view == "image" else max)(shape) >= 4] + ["table"]
    if len(shape) == 1 and (sort := side(shape[0])):
        large = sort[0] >= SQUARE
        shades = large and low >= 0 and (high <= 1 or FULL / 2 < high <= FULL)
        if shades or (whole and (large or sort[1] == 1)):
            return ["image", "table", "series"]
        return ["table", "image", "series"]
    return ["table", "series"] if len(shape) == 1 and shape[0] >= 4 else ["table"]


def _picture(shape: tuple[int, ...]) -> bool:
    last, first = shape[-1] in (1, 3, 4), shape[0] in (1, 3, 4)
    return (last and min(shape[:2]) >= 4) or (first and min(shape[1:]) >= 4)


def _channels_first(shape: tuple[int, ...], sample: Floats, view: str) -> bool:
    """Whether colours come one after the other, or the channels of a series do."""
    if view == "series":
        return len(shape) == 2 and shape[0] < 4 <= shape[1]
    if view != "image" or len(shape) == 2:
        return False
    if len(shape) == 3:
        return shape[-1] not in (1, 3, 4)
    sort = side(shape[0])
    if not sort or sort[1] == 1:
        return False
    first, last = ((3, sort[0], sort[0]), (2, 3)), ((sort[0], sort[0], 3), (1, 2))
    return _unrest(sample[:100], *first) < _unrest(sample[:100], *last)


def _unrest(x: Floats, shape: tuple[int, ...], axes: tuple[int, int]) -> float:
    """How much neighbours along these axes differ, which is most where pictures are put together wrongly."""
    x = np.nan_to_num(x).reshape(-1, *shape)
    return sum(float(np.abs(np.diff(x, axis=axis)).mean()) for axis in axes)


def _too_wide(width: int, bounds: Bounds) -> ImportRefused:
    return ImportRefused(f"Expected at most {bounds.columns:,} columns, got {width:,}. Choose a part of them.")


def _shades(dtype: np.dtype, low: float, high: float) -> tuple[float, float]:
    """The numbers of black and of white: those that the type or the range of the numbers speaks for."""
    if dtype.kind == "b" or (low >= 0 and high <= 1):
        return 0.0, 1.0
    if dtype == np.uint8 or (low >= 0 and FULL / 2 < high <= FULL):
        return 0.0, float(FULL) if high > 16 else high
    if -1 <= low < 0 and high <= 1:
        return -1.0, 1.0
    return (0.0 if low >= 0 else low), high if high > low else low + 1


# --------------------------------------------------------------------------------------------------------- making


def make(found: dict[str, Array], of: ArrayPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset. Raises ImportRefused where array, labels or view do not fit."""
    for name in (of.array, of.labels):
        if name and name not in found or not of.array:
            raise ImportRefused(f"The file has no array called {clean(name)}. Choose one that it has.")
    items = found[of.array]
    if items.dtype.kind in KINDS and items.width == 1 and of.view == "series":
        return _windows(items, of, bounds, losses)
    if items.dtype.kind not in KINDS or len(items.shape) < 2:
        raise ImportRefused(f"{items.name} is no array of items. Choose one of numbers, with at least two dimensions.")
    count = items.shape[0]
    places = np.arange(count)
    labels: Integers | None = None
    names: tuple[str, ...] = ()
    if of.labels:
        labels, names, places = _named(found[of.labels], count, losses)
    enough(len(places))
    if of.view == "table" and items.width > bounds.columns:
        raise _too_wide(items.width, bounds)
    each = partial(_as_pictures, of=of) if of.view == "image" else None
    kept = draw(labels, len(places), at_most(of.most, _kept(items, of), bounds))
    losses.add("rows", "sample", count=len(places) - len(kept))
    places = places[kept]
    labels = None if labels is None else labels[kept]
    x = taken(items, places, each)
    good = np.isfinite(x.reshape(len(x), -1)).any(axis=1)
    losses.add("rows", "empty", count=int((~good).sum()))
    x = x[good] if not good.all() else x
    if labels is not None:
        labels, names = present(labels[good], names)
    enough(len(x))
    view = {"image": _image, "series": _series, "table": _table}[of.view]
    made, card = view(x, of, losses)
    return Items(x=np.ascontiguousarray(made), labels=labels), Card.model_validate(
        card.model_dump()
        | {"label_name": of.labels if labels is not None else "", "label_names": names if labels is not None else ()}
    )


def _named(array: Array, count: int, losses: Losses) -> tuple[Integers, tuple[str, ...], npt.NDArray[np.int64]]:
    """Labels, their names, and the places of the items that have one."""
    if array.shape[0] != count:
        raise ImportRefused(
            f"Expected as many labels as items, {count:,}, got {array.shape[0]:,}. Choose other labels, or none."
        )
    told = _answers(array)
    answers, codes = told.names, told.codes
    places = np.flatnonzero(np.array([bool(answer) for answer in answers])[codes])
    losses.add("rows", "unlabelled", count=count - len(places))
    labels, names = named([answers[code] for code in codes[places]])
    return labels, names, places


def _numbers(values: npt.NDArray[np.generic]) -> Floats:
    """As float32, NaN where a number is too large for it."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = values.astype(np.float32, order="C")
    if values.dtype.kind == "f":
        found[~np.isfinite(found)] = np.nan
    return found


def _kept(array: Array, of: ArrayPlan) -> int:
    """Numbers of an item that are held at once: of large pictures, those of the small ones that they become."""
    small = of.view == "image" and len(array.shape) > 2 and max(array.shape[1:]) > SIDE and not array.turned
    return min(array.width, 3 * USUAL * USUAL) if small else array.width


def _as_pictures(x: Floats, of: ArrayPlan) -> Floats:
    """(n, height, width, channels), large ones made small. Raises ImportRefused where they are none."""
    shape = x.shape[1:]
    if len(shape) == 1:
        sort = side(shape[0], 1)
        if not sort:
            raise ImportRefused(
                f"Expected as many numbers as a square picture has, got {shape[0]:,}. Choose another view."
            )
        across, channels = sort
        x = x.reshape(-1, channels, across, across) if of.channels_first else x.reshape(-1, across, across, channels)
    elif len(shape) == 2:
        x = x[..., None]
    if of.channels_first and len(shape) != 2:
        x = np.moveaxis(x, 1, -1)
    if x.ndim != 4 or x.shape[-1] not in (1, 3, 4) or min(x.shape[1:3]) < 4:
        raise ImportRefused(
            f"Expected pictures of at least 4 pixels a side, grey or in colour, got items of {_said(shape)}. Choose "
            "another view."
        )
    x = x[..., :3] if x.shape[-1] == 4 else x
    return x if max(x.shape[1:3]) <= SIDE else _made_small(x)


def _made_small(x: Floats) -> Floats:
    """Pictures of usual size, cut to squares, as from files."""
    from PIL import Image, ImageOps

    small = np.empty((len(x), USUAL, USUAL, x.shape[-1]), dtype=np.float32)
    for place, channel in np.ndindex(len(x), x.shape[-1]):
        plane = Image.fromarray(np.ascontiguousarray(x[place, :, :, channel]))
        small[place, :, :, channel] = np.asarray(ImageOps.fit(plane, (USUAL, USUAL), Image.Resampling.BILINEAR))
    return small


def _image(x: Floats, of: ArrayPlan, losses: Losses) -> tuple[Floats, Card]:
    x = shade(np.ascontiguousarray(x), of.low, of.high)
    return x, pictured(x, of.title, "", Items(x=x), ())[1]


def _series(x: Floats, of: ArrayPlan, losses: Losses) -> tuple[Floats, Card]:
    if x.ndim == 2:
        x = x[..., None]
    if x.ndim != 3 or x.shape[2 if of.channels_first else 1] < 4:
        raise ImportRefused(
            f"Expected series of at least 4 steps, (steps, channels), got items of {_said(x.shape[1:])}. "
            "Choose another view."
        )
    if of.channels_first:
        x = np.moveaxis(x, 1, -1)
    _fill(x, losses)
    return _card(x, of, "series", ())


def _window(array: Array) -> tuple[int, int]:
    """Window and stride of one long series, (0, 0) for one that is too short."""
    from ae_core.imports.series import size

    return size(array.shape[0])


def _windows(array: Array, of: ArrayPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """One long series, cut as a table of one column is."""
    from ae_core.imports.series import bridged, starts

    window, stride = _window(array)
    if not window:
        raise ImportRefused(f"Expected one series of at least 100 steps, got {array.shape[0]:,}. Choose a longer one.")
    whole = taken(array, np.arange(array.shape[0])).reshape(-1, 1)
    losses.add("values", "filled", count=int(np.isnan(whole).sum()))
    begins, groups = starts(len(whole), window, stride)
    kept = draw(None, len(begins), at_most(of.most, window, bounds))
    losses.add("rows", "sample", count=len(begins) - len(kept))
    whole = bridged(whole)
    x, card = _card(np.stack([whole[at : at + window] for at in begins[kept]]), of, "series", ())
    return Items(x=x, groups=groups[kept]), card


def _table(x: Floats, of: ArrayPlan, losses: Losses) -> tuple[Floats, Card]:
    x = x.reshape(len(x), -1)
    _fill(x, losses)
    kept = np.ptp(x, axis=0) > 0
    losses.add("columns", "constant", count=int((~kept).sum()))
    if kept.sum() < 2:
        raise ImportRefused(
            f"Expected at least 2 columns whose numbers differ, got {int(kept.sum())}. Choose another array."
        )
    names = tuple(f"feature {place + 1}" for place in np.flatnonzero(kept))
    return _card(x if kept.all() else x[:, kept], of, "table", names)


def _card(x: Floats, of: ArrayPlan, form: str, names: tuple[str, ...]) -> tuple[Floats, Card]:
    if not np.ptp(x) > 0:
        raise _all_equal()
    card = Card(
        title=of.title,
        form=form,  # type: ignore[arg-type]
        shape=x.shape[1:],
        count=len(x),
        nonnegative=bool(x.min() >= 0),
        feature_names=names,
        columns=tuple(Column(name=name) for name in names),
    )
    return x, card


def _all_equal() -> ImportRefused:
    return ImportRefused("All numbers are equal, so there is nothing to learn. Choose another array.")


def _fill(x: Floats, losses: Losses) -> None:
    """NaN becomes the median of its feature, in place."""
    missing = np.isnan(x)
    if not (count := int(missing.sum())):
        return
    losses.add("values", "filled", count=count)
    flat, gaps = x.reshape(len(x), -1), missing.reshape(len(x), -1)
    for place in np.flatnonzero(gaps.any(axis=0)):
        told = flat[~gaps[:, place], place]
        flat[gaps[:, place], place] = np.median(told) if len(told) else 0


def _said(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
