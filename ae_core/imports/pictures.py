"""Pictures: PNG and JPEG of any size and sort become small pictures of one size, in 0..1."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from ae_core.data.card import Card
from ae_core.data.dataset import Floats, Integers, Items
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.blobs import Blob, damaged
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.draw import at_most, draw, enough, named, present
from ae_core.imports.kinds import ENDINGS, content
from ae_core.imports.pixels import USUAL, pictured
from ae_core.imports.plan import CLASSES, Count, Facts, ImagePlan, Understanding

FOLDER = "folder"
FORMATS = ("PNG", "JPEG")
JPEGS = ("JPEG", "MPO")  # the second is what a camera writes that puts further pictures behind the first
LOOKED_AT = 24  # pictures that are decoded to see whether they have colours
LARGE = 64  # side from which on pictures of one size become USUAL too
GREY = 2.0  # of 255: channels that differ less are one
DEEP = 257  # 16-bit numbers to 8-bit ones
HEAVIEST = 30 * MEGABYTE  # bytes of one file
LONGEST = 60_000  # pixels of a side
PIECES = 20_000  # that a file may be made of: each takes time, even if there is nothing in it
DRAWN = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # chunks of a PNG that say what its pixels are
ALONE = {0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # markers of a JPEG without a length behind them
NOTES = 64  # that cameras left in a file: they are put together, which takes ever more time
FLAT = 500  # times that plots and masks shrink; what shrinks more is next to empty
SCANS = 20  # times that all pixels of the largest picture may be gone over
GLANCED = 4  # of the largest pictures: pixels that are decoded to see whether there are colours
ORIENTATION = 0x0112  # the EXIF tag of how a camera was held


@dataclass(frozen=True)
class Look:
    """A picture's size as it is shown, (width, height). decoded: bytes that its pixels take."""

    blob: Blob
    size: tuple[int, int]
    decoded: int


def looks(blobs: list[Blob], bounds: Bounds, losses: Losses) -> list[Look]:
    """Those that can be decoded, by their headers. Raises ImportRefused where all together are too much."""
    found: list[Look] = []
    refused: ImportRefused | None = None
    pixels = 0
    for blob in blobs:
        try:
            look = _look(blob, bounds)
        except ImportRefused as error:
            refused = error
            losses.add("files", "large" if isinstance(error, TooLarge) else "damaged", blob.name)
            continue
        pixels += look.size[0] * look.size[1]
        if pixels > bounds.all_pixels:
            raise ImportRefused(
                f"Expected at most {bounds.all_pixels // 1_000_000:,} megapixels in all pictures together, got more. "
                "Make them smaller first, or choose fewer."
            )
        found.append(look)
    if refused is not None and not found:
        raise refused
    decoded = sum(look.decoded for look in found)
    if decoded > bounds.unpacked and decoded > FLAT * sum(look.blob.size for look in found):
        raise ImportRefused(
            "These pictures are small, but become far too much when they are decoded. Make them smaller first, or "
            "choose others."
        )
    return found


class TooLarge(ImportRefused):
    """A picture of more pixels than may be decoded."""


def _look(blob: Blob, bounds: Bounds) -> Look:
    with _opened(blob, bounds) as picture:
        width, height = picture.size
        with damaged(blob.name), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            turned = picture.format in JPEGS and picture.getexif().get(ORIENTATION) in (5, 6, 7, 8)
        size = (height, width) if turned else (width, height)
        return Look(blob, size, width * height * len(picture.getbands()))


def _opened(blob: Blob, bounds: Bounds) -> Image.Image:
    """The picture's header. Raises ImportRefused for another format, TooLarge for too many pixels."""
    if blob.size > HEAVIEST:
        raise TooLarge(
            f"Expected pictures of at most {HEAVIEST // MEGABYTE} MB, got one of more. Make it smaller first."
        )
    with damaged(blob.name):
        with blob.open() as stream:
            data = stream.read(HEAVIEST)
        if content(data[:64]) != ENDINGS.get(blob.end):
            raise ValueError("the ending of its name promises something else")
        if _pieces(data) > PIECES or data.count(b"Exif\0\0") > NOTES:
            raise ValueError("it is made of too many pieces")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                warnings.filterwarnings("ignore", category=UserWarning)
                bare = data if data.startswith(b"\xff") else _without_notes(data)
                picture = Image.open(io.BytesIO(bare), formats=FORMATS)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise _too_large(bounds) from None
        pixels = picture.width * picture.height
        if pixels > bounds.pixels or max(picture.size) > LONGEST:
            raise _too_large(bounds)
        if picture.format in JPEGS and data.count(b"\xff\xda") * pixels > SCANS * bounds.pixels:
            raise ValueError("the same pixels come again and again")
    return picture


def _pieces(data: bytes) -> int:
    """Chunks of a PNG, or segments of a JPEG before its pixels, and bytes between them; counted until they are too
    many.
    """
    count, jpeg = 0, data.startswith(b"\xff")
    at = 2 if jpeg else 8
    while at + 4 <= len(data) and count <= PIECES:
        count += 1
        if not jpeg:
            at += 12 + int.from_bytes(data[at : at + 4], "big")
        elif data[at] != 0xFF or data[at + 1] in (0x00, 0xFF):
            at += 1
        elif data[at + 1] == 0xDA:
            break
        else:
            at += 2 if data[at + 1] in ALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return count


def _without_notes(png: bytes) -> bytes:
    """The PNG without texts and profiles, of which each may become a megabyte whenever it is opened."""
    kept, at = [memoryview(png)[:8]], 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] in DRAWN:
            kept.append(memoryview(png)[at:end])
        at = end
    return b"".join(kept)


def _too_large(bounds: Bounds) -> TooLarge:
    return TooLarge(
        f"Expected pictures of at most {bounds.megapixels:,} megapixels, got more. Make them smaller first."
    )


def understood(blobs: list[Blob], title: str, bounds: Bounds, losses: Losses) -> Understanding:
    """Sizes, colours and classes of the pictures, and how they are most likely meant."""
    found = looks(blobs, bounds, losses)
    enough(len(found))
    sizes = Counter(look.size for look in found)
    folders = Counter(look.blob.folder for look in found)
    width, height = _usual(sizes)
    apart = 2 <= len(folders) <= min(CLASSES, len(found) - 1)
    plan = ImagePlan(
        title=title,
        height=height,
        width=width,
        colour="colour" if _coloured(found, bounds) else "grey",
        labels=apart,
    )
    facts = Facts(
        kind="pictures",
        files=len(blobs),
        rows=len(found),
        classes=tuple(Count(name=name or "-", count=count) for name, count in folders.most_common(CLASSES))
        if apart
        else (),
        sizes=tuple(Count(name=f"{w} x {h}", count=count) for (w, h), count in sizes.most_common(100)),
        low=0.0,
        high=1.0,
        dropped=losses.report(),
    )
    return Understanding(plan=plan, facts=facts)


def _usual(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """Their own size where all have one and it is small, else a small square."""
    if len(sizes) == 1:
        [(width, height)] = sizes
        if min(width, height) >= 4 and max(width, height) <= LARGE:
            return width, height
    return USUAL, USUAL


def _coloured(found: list[Look], bounds: Bounds) -> bool:
    """Whether one of some pictures, spread over all, has colours."""
    plan = ImagePlan(height=USUAL, width=USUAL, colour="colour")
    pixels = 0
    for place in np.unique(np.linspace(0, len(found) - 1, LOOKED_AT).astype(int)):
        width, height = found[place].size
        pixels += width * height
        if pixels > GLANCED * bounds.pixels:
            break
        try:
            picture = decode(found[place].blob, plan, bounds)
        except ImportRefused:
            continue
        if np.ptp(picture, axis=2).max() * 255 > GREY:
            return True
    return False


def make(blobs: list[Blob], of: ImagePlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset. Pictures that turn out to be damaged are left out."""
    found = looks(blobs, bounds, losses)
    shape = (of.height, of.width, 3 if of.colour == "colour" else 1)
    folders = [look.blob.folder for look in found]
    labels: Integers | None = None
    names: tuple[str, ...] = ()
    if of.labels:
        labels, names = named([folder or "-" for folder in folders])
    enough(len(found))
    kept = draw(labels, len(found), at_most(of.most, int(np.prod(shape)), bounds))
    losses.add("files", "sample", count=len(found) - len(kept))
    x = np.empty((len(kept), *shape), dtype=np.float32)
    good: list[int] = []
    for place in kept.tolist():
        try:
            x[len(good)] = decode(found[place].blob, of, bounds)
            good.append(place)
        except ImportRefused:
            losses.add("files", "damaged", found[place].blob.name)
    enough(len(good))
    if labels is not None:
        labels, names = present(labels[good], names)
    x = x[: len(good)]
    return pictured(x, of.title, FOLDER, Items(x=x, labels=labels), names)


def decode(blob: Blob, of: ImagePlan, bounds: Bounds) -> Floats:
    """(height, width, channels) in 0..1. Raises ImportRefused for a damaged one."""
    with _opened(blob, bounds) as picture, damaged(blob.name), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        if picture.format in JPEGS:  # decoded at about twice the size that is wanted, which takes less of everything
            picture.draft(None, (2 * of.width, 2 * of.height))
            picture = ImageOps.exif_transpose(picture)
        plain = _plain(picture, of)
        sized = _sized(plain, of)
        values = np.asarray(sized, dtype=np.float32) / 255
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3 if of.colour == "colour" else 1, axis=2)
    return np.clip(values, 0, 1)


def _plain(picture: Image.Image, of: ImagePlan) -> Image.Image:
    """Grey or in three colours, 8 bits (16-bit greys as fractions of them), with the background behind transparency."""
    if picture.mode.startswith("I"):
        values = np.array(picture, dtype=np.float32)
        values /= DEEP
        return Image.fromarray(values)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA") if picture.mode != "RGBA" else picture
        if (fewer := min(picture.width // (4 * of.width), picture.height // (4 * of.height))) > 1:
            picture = picture.reduce(fewer)  # a large one would be there three times
        behind = 255 if of.background == "white" else 0
        ground = Image.new("RGBA", picture.size, (behind, behind, behind, 255))
        ground.alpha_composite(picture)
        picture = ground
    return picture.convert("RGB" if of.colour == "colour" else "L")


def _sized(picture: Image.Image, of: ImagePlan) -> Image.Image:
    size = (of.width, of.height)
    if picture.size == size:
        return picture
    smooth = Image.Resampling.BILINEAR  # an average over the area where pictures become smaller
    if of.fit == "stretch":
        return picture.resize(size, smooth)
    if of.fit == "crop":
        return ImageOps.fit(picture, size, smooth)
    behind = 255 if of.background == "white" else 0
    inner = ImageOps.contain(picture, size, smooth)
    ground = Image.new(picture.mode, size, (behind,) * 3 if picture.mode == "RGB" else behind)
    ground.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    return ground
