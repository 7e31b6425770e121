"""A dataset in 240 x 160 pixels, for its card: some of its items, drawn as what they are, on a clear ground.

Clear grounds and middling colours serve light and dark pages alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ae_core.data import Dataset, Items

WIDTH, HEIGHT = 240, 160
FINE = 3
"""Everything is drawn this much larger, then shrunk: Pillow's own lines and discs have hard edges."""
CLASSES = ("#3d8fd9", "#e69f00", "#12a37f", "#d3609b", "#8b75d7", "#d9622b", "#5fb8e8", "#a98a16")
"""After Okabe and Ito (2008), evened out in lightness."""
RAMP = ("#4468e0", "#9a55cf", "#dd5a8c", "#f08a3c", "#e9b932")
INK, PAPER = (26, 35, 58), (246, 248, 252)


def thumbnail(record: Dataset, whole: Items) -> Image.Image:
    """The picture of any dataset by its form, RGBA, 240 x 160."""
    if record.form == "image":
        picture = mosaic(whole, smooth=min(whole.x.shape[1:3]) > 10)
    elif record.form == "series":
        picture = lines(whole, 4, 4)
    elif record.zero_is_missing:
        stars = [int(star) for star in np.unique(np.rint(whole.x[whole.x > 0]))][:8]
        picture = cells(whole, {star: RAMP[at * len(RAMP) // len(stars)] for at, star in enumerate(stars)})
    elif record.form == "points" and whole.x.shape[1] in (2, 3):
        picture = scatter(whole)
    else:
        picture = parallel(whole, varied(whole.x), 60)
    return shrunk(picture)


def shrunk(picture: Image.Image) -> Image.Image:
    """At the size of a card."""
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS) if picture.width != WIDTH else picture


def varied(x: np.ndarray, most: int = 7) -> list[int]:
    """Some features in order, at least two places: of those that are not the same for every item, if there are any."""
    spread = np.flatnonzero(np.ptp(x, axis=0) > 0)
    able = spread if len(spread) else np.arange(x.shape[1])
    return [int(able[place]) for place in np.linspace(0, len(able) - 1, min(most, max(len(able), 2))).astype(int)]


def mosaic(
    whole: Items, rows: Sequence[int] | None = None, smooth: bool = True, grid: tuple[int, int] = (6, 4)
) -> Image.Image:
    """Items as rounded tiles, so many across and down, grey or in colour; if no rows are chosen, classes take turns."""
    step = WIDTH * FINE // grid[0]
    tile = round(step * 0.9)
    margin = (step - tile) // 2
    picture = blank()
    corners = Image.new("L", (tile, tile))
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, tile - 1, tile - 1), tile // 9, fill=255)
    resample = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    for place, row in enumerate(rows if rows is not None else classes_in_turn(whole, grid[0] * grid[1])):
        down, across = divmod(place, grid[0])
        coloured = tinted(whole.x[row]).resize((tile, tile), resample)
        picture.paste(coloured, (margin + across * step, margin + down * step), corners)
    return picture


def tinted(x: np.ndarray) -> Image.Image:
    """(h, w, c) in 0..1 as a picture: three channels are its colours, else the first is a shade from ink to paper."""
    share = np.clip(np.asarray(x, dtype=np.float64), 0, 1)
    if x.shape[-1] == 3:
        return Image.fromarray(np.uint8(share * 255))
    share = share[..., :1]
    return Image.fromarray(np.uint8(np.array(INK) * (1 - share) + np.array(PAPER) * share))


def classes_in_turn(whole: Items, count: int) -> list[int]:
    """At most so many rows in which the classes take turns, from fixed random places."""
    random = np.random.default_rng(6)
    labels = whole.labels if whole.labels is not None else np.zeros(len(whole.x), dtype=np.int64)
    queues = [list(random.permutation(np.flatnonzero(labels == label))) for label in np.unique(labels)]
    found: list[int] = []
    while any(queues) and len(found) < count:
        found += [int(queue.pop()) for queue in queues if queue]
    return found[:count]


def scatter(whole: Items, turn: float = 0.0, tilt: float = 0.0, size: float = 2.3) -> Image.Image:
    """Points as discs, far ones first; spatial ones are turned about the vertical and tilted towards the reader."""
    plane, depth = projected(whole.x.astype(np.float64), turn, tilt)
    low, high = plane.min(axis=0), plane.max(axis=0)
    reach = np.maximum(high - low, 1e-9)
    zoom = min((WIDTH - 20) / reach[0], (HEIGHT - 20) / reach[1]) * FINE
    places = (plane - (low + high) / 2) * zoom * (1, -1) + np.array([WIDTH, HEIGHT]) * FINE / 2
    near = (depth - depth.min()) / max(float(np.ptp(depth)), 1e-9) if depth.any() else np.ones(len(depth))
    picture = blank()
    pen = ImageDraw.Draw(picture)
    for i in np.argsort(near, kind="stable"):
        colour = ramp(float(whole.colour[i])) if whole.colour is not None else of_class(whole, i)
        radius = size * FINE * (0.65 + 0.35 * near[i])
        (across, down), edge = places[i], tuple(int(0.72 * part) for part in colour)
        box = (across - radius, down - radius, across + radius, down + radius)
        pen.ellipse(box, fill=(*colour, int(150 + 105 * near[i])), outline=(*edge, 255), width=1)
    return picture


def projected(x: np.ndarray, turn: float, tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) places on the page, and (n,) nearness to the reader; angles in degrees."""
    if x.shape[1] == 2:
        return x, np.zeros(len(x))
    a, b = np.radians([turn, tilt])
    across = np.cos(a) * x[:, 0] + np.sin(a) * x[:, 1]
    into = -np.sin(a) * x[:, 0] + np.cos(a) * x[:, 1]
    return np.stack([across, np.cos(b) * x[:, 2] + np.sin(b) * into], axis=1), np.sin(b) * x[:, 2] - np.cos(b) * into


def lines(whole: Items, across: int, down: int) -> Image.Image:
    """Series as lines in a grid, coloured by class; the classes take turns."""
    picture = blank()
    pen = ImageDraw.Draw(picture)
    wide, high = WIDTH * FINE / across, HEIGHT * FINE / down
    tallest = max(float(np.abs(whole.x).max()), 1e-12)
    for place, row in enumerate(classes_in_turn(whole, across * down)):
        series = whole.x[row, :, 0] / tallest
        x = wide * (place % across + 0.08 + 0.84 * np.arange(len(series)) / (len(series) - 1))
        y = high * (place // across + 0.5 - 0.4 * series)
        pen.line(list(zip(x, y, strict=True)), fill=(*of_class(whole, row), 255), width=2 * FINE, joint="curve")
    return picture


def parallel(whole: Items, features: Sequence[int], kept: int) -> Image.Image:
    """Each item a line across the features, from the lowest to the highest value; some items of each class."""
    x = whole.x[:, list(features)].astype(np.float64)
    x = (x - x.min(axis=0)) / np.maximum(np.ptp(x, axis=0), 1e-12)
    ground = np.zeros((HEIGHT * FINE, WIDTH * FINE, 4))
    at = np.linspace(0, len(features) - 1, 160)
    left = np.minimum(at.astype(int), len(features) - 2)
    ease = (1 - np.cos(np.pi * (at - left))) / 2
    for row in classes_in_turn(whole, kept):
        heights = x[row, left] * (1 - ease) + x[row, left + 1] * ease
        mask = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
        places = zip(FINE * (12 + at / at[-1] * 216), FINE * (146 - 132 * heights), strict=True)
        ImageDraw.Draw(mask).line(list(places), fill=255, width=4, joint="curve")
        ground = over(ground, of_class(whole, row), np.asarray(mask) / 255 * 0.5)
    mask = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
    for i in range(len(features)):
        across = FINE * (12 + i / (len(features) - 1) * 216)
        ImageDraw.Draw(mask).line((across, 10 * FINE, across, 150 * FINE), fill=150, width=3)
    ground = over(ground, (128, 136, 150), np.asarray(mask) / 255)
    return Image.fromarray(np.uint8(np.clip(ground, 0, 1) * 255))


def over(ground: np.ndarray, colour: tuple[int, ...], alpha: np.ndarray) -> np.ndarray:
    """Paint of one colour laid over a clear ground: Porter and Duff's `over`, straight alpha in 0..1."""
    below = ground[..., 3] * (1 - alpha)
    total = alpha + below
    mixed = (np.array(colour) / 255 * alpha[..., None] + ground[..., :3] * below[..., None]) / np.maximum(total, 1e-9)[
        ..., None
    ]
    return np.concatenate([mixed, total[..., None]], axis=2)


def cells(whole: Items, colours: dict[int, str]) -> Image.Image:
    """People as rows, things as columns, sorted so that neighbours are alike; a disc for each entry, none for a 0."""
    x = np.asarray(whole.x[:200, :60])
    known = x > 0
    centred = np.where(known, x - x.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0)
    left, _, right = np.linalg.svd(centred, full_matrices=False)
    people, things = np.argsort(left[:, 0])[::20][:10], np.argsort(right[0])[::4][:15]
    picture = blank()
    pen = ImageDraw.Draw(picture)
    for down, person in enumerate(people):
        for across, thing in enumerate(things):
            centre = np.array([8 + 16 * across, 8 + 16 * down]) * FINE
            value = round(float(x[person, thing]))
            if value in colours:
                radius = (2.5 + 4 * value / max(colours)) * FINE
                pen.ellipse((*(centre - radius), *(centre + radius)), fill=(*rgb(colours[value]), 255))
            else:
                pen.ellipse((*(centre - 2), *(centre + 2)), fill=(128, 136, 150, 160))
    return picture


def blank() -> Image.Image:
    """A clear sheet at drawing size."""
    return Image.new("RGBA", (WIDTH * FINE, HEIGHT * FINE), (128, 136, 150, 0))


def rgb(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` as three bytes."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def of_class(whole: Items, row: int) -> tuple[int, int, int]:
    """The colour of an item's class."""
    return rgb(CLASSES[int(whole.labels[row]) % len(CLASSES)]) if whole.labels is not None else rgb(CLASSES[0])


def ramp(share: float) -> tuple[int, int, int]:
    """The colour at a share 0..1 of the ramp."""
    stops = np.array([rgb(stop) for stop in RAMP])
    at = np.linspace(0, 1, len(stops))
    red, green, blue = (int(np.interp(share, at, stops[:, i])) for i in range(3))
    return red, green, blue
