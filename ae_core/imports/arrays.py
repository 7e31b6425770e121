"""Arrays become pictures, series or rows of a table."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from ae_core.data.card import Card
from ae_core.data.columns import Column
from ae_core.data.dataset import Floats, Integers, Items
from ae_core.errors import ImportRefused
from ae_core.imports.answers import ANSWER, labelled, labels_of
from ae_core.imports.archive import Losses
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import at_most, draw, enough, present
from ae_core.imports.names import clean
from ae_core.imports.npy import AT_ONCE, KINDS, Array, taken
from ae_core.imports.pixels import FULL, SMALLEST, USUAL, pictured, shade, side
from ae_core.imports.plan import SIDE, ArrayPlan, Facts, Understanding

GLANCE = 2_000  # items whose numbers are looked at
ALIKE = 4  # times that one side of a picture may be the other, where nothing else says that it is one
SQUARE = 16  # side from which on fractions between 0 and 1 are taken for the pixels of a picture
PICTURE = re.compile(r".*(im(g|age)s?|pix|face|digit).*", re.IGNORECASE)


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
    labels = labels_of(items, found, losses) if items.width > 1 else None
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
        labels, names, places = labelled(found[of.labels], count, losses)
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
