"""Pictures of datasets whose items are on no machine before somebody downloads them: drawn in their manner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ae_core import spec
from ae_core.data.split import items
from ae_core.plots.thumbnail import CLASSES, FINE, HEIGHT, INK, PAPER, WIDTH, blank, ramp, rgb

SERIF = Path("/usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc")
"""Debian's fonts-noto-cjk."""
KANA = "おきすつなはまやれを"
COAST = np.array(
    [
        (-124.2, 42),
        (-124.1, 40.4),
        (-123.7, 39),
        (-122.5, 37.8),
        (-121.9, 36.6),
        (-120.6, 34.6),
        (-118.4, 34),
        (-117.1, 32.5),
    ]
)
"""Longitude and latitude of the shore of California, from north to south."""
BORDER = np.array([(-114.7, 32.7), (-114.6, 35), (-120, 39), (-120, 42)])
CITIES = ((-118.2, 34.0, 0.55, 5), (-122.2, 37.7, 0.45, 4), (-117.1, 32.8, 0.3, 2), (-121.5, 38.6, 0.5, 1.4))
CITIES += ((-119.7, 36.7, 0.7, 1), (-119, 35.4, 0.6, 0.6), (-117.3, 34, 0.4, 1.2))
"""Longitude, latitude, spread and weight of where people live."""


def kana() -> Image.Image:
    """The ten syllables as a brush writes them, a little askew, as tiles."""
    random = np.random.default_rng(8)
    font = ImageFont.truetype(str(SERIF), 32 * FINE)
    picture = blank()
    tile = 36 * FINE
    for place in range(24):
        sheet = Image.new("L", (tile, tile))
        pen = ImageDraw.Draw(sheet)
        pen.text((tile / 2, tile / 2), KANA[place * 7 % 10], fill=255, font=font, anchor="mm")
        lean, tall = random.uniform(-0.35, 0.35), random.uniform(0.75, 1.1)
        shift = (lean * tile / 2, tile / 2 * (1 - 1 / tall))
        sheet = sheet.transform(
            sheet.size, Image.Transform.AFFINE, (1, -lean, shift[0], 0, 1 / tall, shift[1]), Image.Resampling.BICUBIC
        ).rotate(random.uniform(-14, 14), Image.Resampling.BICUBIC)
        tiled(picture, np.asarray(sheet) / 255, place, tile)
    return picture


def portraits() -> Image.Image:
    """Six people, one a column, in four portraits each: the light comes from another side."""
    picture = blank()
    tile = 36 * FINE
    y, x = (np.mgrid[0:tile, 0:tile] / tile - 0.5) * 0.82
    for place in range(24):
        person, pose = place % 6, place // 6
        turn = (-0.05, 0.0, 0.06, 0.02)[pose]
        wide, tall = 0.2 + 0.02 * (person % 3), 0.29 + 0.015 * (person % 2)
        face = np.clip(1 - ((x - turn) / wide) ** 2 - ((y + 0.02) / tall) ** 2, 0, None)
        light = np.clip(0.72 + (1.9, -1.9, 0.6, -0.8)[pose] * (x - turn) - 0.25 * y, 0.15, 1)
        hair = ((x - turn * 0.8) / (wide + 0.06)) ** 2 + ((y + 0.09 - 0.03 * (person % 2)) / (tall + 0.03)) ** 2 < 1
        body = ((x - turn * 0.3) / 0.46) ** 2 + ((y - 0.62) / 0.28) ** 2 < 1
        shade = np.full_like(x, 0.32 + 0.08 * (pose % 2))
        shade[body] = 0.16 + 0.12 * (person % 4)
        shade[hair] = 0.05 + 0.11 * (person % 3)
        neck = (np.abs(x - turn * 0.6) < 0.085) & (y > 0.1) & (y < 0.38)
        shade[neck] = (0.55 * light)[neck]
        shade = np.where(face > 0, np.minimum(light * (0.55 + 0.45 * face**0.4), 1), shade)
        for side in (-1, 1):
            eye = ((x - turn * 1.25 - side * 0.085) / 0.036) ** 2 + ((y + 0.05) / 0.017) ** 2 < 1
            brow = (np.abs(x - turn * 1.25 - side * 0.085) < 0.05) & (np.abs(y + 0.1 + 0.1 * (x - turn) ** 2) < 0.011)
            shade[eye] = 0.1
            shade[brow] = 0.22
        shade[(np.abs(x - turn * 1.4) < 0.016) & (y > -0.02) & (y < 0.075)] *= 0.82
        shade[((x - turn * 1.25) / (0.05 + 0.012 * pose)) ** 2 + ((y - 0.135) / 0.014) ** 2 < 1] = 0.3
        if person % 3 == 1:
            for side in (-1, 1):
                ring = ((x - turn * 1.25 - side * 0.088) / 0.068) ** 2 + ((y + 0.05) / 0.052) ** 2
                shade[(ring > 0.75) & (ring < 1.1)] = 0.12
        tiled(picture, shade, place, tile)
    return picture


def press() -> Image.Image:
    """Faces of the same photographs, from scikit-image's small set of them."""
    faces = items(spec.Faces()).x[..., 0]
    chosen = np.random.default_rng(11).permutation(100)[:15]
    picture = blank()
    wide, high = 42 * FINE, 48 * FINE
    corners = Image.new("L", (wide, high))
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, wide - 1, high - 1), 5 * FINE, fill=255)
    for place, row in enumerate(chosen):
        grey = Image.fromarray(np.uint8(faces[row] * 255)).resize((high, high), Image.Resampling.LANCZOS)
        grey = grey.crop(((high - wide) // 2, 0, (high + wide) // 2, high))
        down, across = divmod(place, 5)
        picture.paste(coloured(np.asarray(grey) / 255), ((3 + 48 * across) * FINE, (3 + 53 * down) * FINE), corners)
    return picture


def coast() -> Image.Image:
    """California as dots where people live, dear by the sea and cheap inland."""
    random = np.random.default_rng(5)
    outline = np.concatenate([COAST, BORDER])
    weights = np.array([weight for *_, weight in CITIES])
    chosen = random.choice(len(CITIES), 1500, p=weights / weights.sum())
    near = np.array([(x, y) for x, y, *_ in CITIES])[chosen]
    spread = np.array([s for _, _, s, _ in CITIES])[chosen]
    places = near + random.standard_normal((1500, 2)) * spread[:, None]
    places = np.concatenate([places, random.uniform((-124.5, 32.4), (-114.4, 42), (700, 2))])
    places = places[[inside(place, outline) for place in places]]
    shore = np.array([np.interp(y, COAST[::-1, 1], COAST[::-1, 0]) for y in places[:, 1]])
    price = np.exp(-(places[:, 0] - shore) / 1.1) + 0.1 * random.standard_normal(len(places))
    picture = blank()
    pen = ImageDraw.Draw(picture)
    zoom, radius = 15.5 * FINE, 1.9 * FINE
    for i in np.argsort(price):
        x = WIDTH * FINE / 2 + (places[i, 0] + 119.4) * 0.8 * zoom * 1.25
        y = HEIGHT * FINE / 2 - (places[i, 1] - 37.25) * zoom
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*ramp(float(np.clip(price[i], 0, 1))), 225))
    return picture


def inside(place: np.ndarray, outline: np.ndarray) -> bool:
    """Whether a place lies within the outline (even-odd rule)."""
    x, y = place
    (x1, y1), (x2, y2) = outline.T, np.roll(outline, 1, axis=0).T
    crossing = (y1 > y) != (y2 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool((crossing & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)).sum() % 2)


def words_of_groups() -> Image.Image:
    """A word for each of the twenty groups."""
    told = "belief graphics windows disk apple server sale engine bike inning goalie cipher circuit doctor orbit church"
    told += " rifle border senate faith"
    return cloud([(word, i) for i, word in enumerate(told.split())])


def cloud(told: list[tuple[str, int]]) -> Image.Image:
    """Words in rows that fill the sheet, each in the colour of its class."""
    picture = blank()
    pen = ImageDraw.Draw(picture)
    order = np.random.default_rng(3).permutation(len(told))
    rows = np.array_split(order, 6)
    high = HEIGHT * FINE / len(rows)
    for down, row in enumerate(rows):
        size = 21 * FINE
        gap = 5 * FINE
        while True:
            font = ImageFont.load_default(size)
            wide = [pen.textlength(told[i][0], font) for i in row]
            if sum(wide) + gap * (len(row) - 1) <= (WIDTH - 8) * FINE or size < 8 * FINE:
                break
            size -= 1
        left = (WIDTH * FINE - sum(wide) - gap * (len(row) - 1)) / 2
        for i, width in zip(row, wide, strict=True):
            word, label = told[i]
            colour = rgb(CLASSES[label % len(CLASSES)])
            pen.text((left, high * (down + 0.5)), word, fill=(*colour, 255), font=font, anchor="lm")
            left += width + gap
    return picture


def tiled(picture: Image.Image, shade: np.ndarray, place: int, tile: int) -> None:
    """Puts a square of shades 0..1 on the sheet as a rounded tile, six across."""
    corners = Image.new("L", (tile, tile))
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, tile - 1, tile - 1), 4 * FINE, fill=255)
    down, across = divmod(place, 6)
    picture.paste(coloured(shade), ((2 + 40 * across) * FINE, (2 + 40 * down) * FINE), corners)


def coloured(shade: np.ndarray) -> Image.Image:
    """Shades 0..1 from ink to paper."""
    share = np.clip(shade, 0, 1)[..., None]
    return Image.fromarray(np.uint8(np.array(INK) * (1 - share) + np.array(PAPER) * share))
