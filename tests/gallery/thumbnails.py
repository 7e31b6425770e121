"""Draws the picture of each dataset's card, 240 x 160 on a clear ground: `python -m tests.gallery.thumbnails`.

Every picture is made from the dataset's own items. Clear grounds and middling colours serve light and dark pages alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ae_core import spec
from ae_core.data import DATASETS, Items
from ae_core.data.split import items

FOLDER = Path(__file__).parents[2] / "assets" / "images" / "datasets"
WIDTH, HEIGHT = 240, 160
FINE = 3
"""Everything is drawn this much larger, then shrunk: Pillow's own lines and discs have hard edges."""
CLASSES = ("#3d8fd9", "#e69f00", "#12a37f", "#d3609b", "#8b75d7", "#d9622b", "#5fb8e8", "#a98a16")
"""After Okabe and Ito (2008), evened out in lightness."""
RAMP = ("#4468e0", "#9a55cf", "#dd5a8c", "#f08a3c", "#e9b932")
INK, PAPER = (26, 35, 58), (246, 248, 252)


def thumbnail(kind: str) -> Image.Image:
    """The picture of one dataset, RGBA, 240 x 160."""
    picture = PICTURES[kind]()
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS) if picture.width != WIDTH else picture


def mosaic(data: spec.DataSpec, chosen: list[int] | None = None, smooth: bool = True) -> Image.Image:
    """Six by four items as rounded tiles; the classes take turns unless rows are chosen."""
    whole = items(data)
    rows = chosen if chosen is not None else classes_in_turn(whole, 24)
    tile, gap = 36 * FINE, 4 * FINE
    picture = blank()
    corners = Image.new("L", (tile, tile))
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, tile - 1, tile - 1), 4 * FINE, fill=255)
    resample = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    for place, row in enumerate(rows):
        down, across = divmod(place, 6)
        grey = Image.fromarray(np.uint8(whole.x[row, ..., 0] * 255)).resize((tile, tile), resample)
        share = np.asarray(grey, dtype=np.float64)[..., None] / 255
        coloured = Image.fromarray(np.uint8(np.array(INK) * (1 - share) + np.array(PAPER) * share))
        picture.paste(coloured, (2 * FINE + across * (tile + gap), 2 * FINE + down * (tile + gap)), corners)
    return picture


def classes_in_turn(whole: Items, count: int) -> list[int]:
    """Rows in which the classes take turns, from fixed random places."""
    random = np.random.default_rng(6)
    assert whole.labels is not None
    queues = [list(random.permutation(np.flatnonzero(whole.labels == label))) for label in np.unique(whole.labels)]
    return [int(queues[i % len(queues)].pop()) for i in range(count)]


def scatter(data: spec.DataSpec, turn: float = 0.0, tilt: float = 0.0, size: float = 2.3) -> Image.Image:
    """Points as discs, far ones first; spatial ones are turned about the vertical and tilted towards the reader."""
    whole = items(data)
    plane, depth = projected(whole.x.astype(np.float64), turn, tilt)
    low, high = plane.min(axis=0), plane.max(axis=0)
    zoom = min((WIDTH - 20) / (high[0] - low[0]), (HEIGHT - 20) / (high[1] - low[1])) * FINE
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


def parallel(data: spec.DataSpec, features: tuple[str, ...], kept: int) -> Image.Image:
    """Each item a line across the features, from the lowest to the highest value; some items of each class."""
    whole = items(data)
    names = DATASETS[str(type(data).model_fields["kind"].default)].feature_names
    x = whole.x[:, [names.index(feature) for feature in features]].astype(np.float64)
    x = (x - x.min(axis=0)) / np.ptp(x, axis=0)
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


def nuclei(data: spec.DataSpec) -> Image.Image:
    """Tumours as outlines: size by mean radius, waviness by mean concavity, coloured by class."""
    whole = items(data)
    names = DATASETS["breast_cancer"].feature_names
    radius, concavity = (whole.x[:, names.index(f"mean {name}")] for name in ("radius", "concavity"))
    random = np.random.default_rng(3)
    picture = blank()
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    for place, row in enumerate(random.permutation(classes_in_turn(whole, 24))):
        down, across = divmod(place, 6)
        phases = random.uniform(0, 2 * np.pi, 4)
        waves = sum(np.sin(n * angle + phase) for n, phase in zip((2, 3, 5, 7), phases, strict=True))
        reach = FINE * 0.72 * radius[row] * (1 + 0.4 * concavity[row] * waves)
        centre = np.array([20 + 40 * across, 20 + 40 * down]) * FINE
        outline = [tuple(point) for point in centre + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)]
        colour = CLASSES_OF_CANCER[0 if whole.labels is not None and whole.labels[row] == 0 else 1]
        pen = ImageDraw.Draw(picture)
        pen.polygon(outline, fill=(*rgb(colour), 90))
        pen.line([*outline, *outline[:2]], fill=(*rgb(colour), 255), width=5, joint="curve")
        core = 0.3 * reach.mean()
        pen.ellipse((*(centre - core), *(centre + core)), fill=(*rgb(colour), 255))
    return picture


def cells(data: spec.DataSpec, colours: dict[int, str]) -> Image.Image:
    """People as rows, things as columns, sorted so that neighbours are alike; a disc for each entry, none for a 0."""
    x = items(data).x[:200, :60]
    known = x > 0
    centred = np.where(known, x - x.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0)
    left, _, right = np.linalg.svd(centred, full_matrices=False)
    people, things = np.argsort(left[:, 0])[::20][:10], np.argsort(right[0])[::4][:15]
    picture = blank()
    pen = ImageDraw.Draw(picture)
    for down, person in enumerate(people):
        for across, thing in enumerate(things):
            centre = np.array([8 + 16 * across, 8 + 16 * down]) * FINE
            value = int(x[person, thing])
            if value:
                radius = (2.5 + 4 * value / max(colours)) * FINE
                pen.ellipse((*(centre - radius), *(centre + radius)), fill=(*rgb(colours[value]), 255))
            else:
                pen.ellipse((*(centre - 2), *(centre + 2)), fill=(128, 136, 150, 160))
    return picture


CLASSES_OF_CANCER = ("#d3609b", "#3d8fd9")


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


def lines(data: spec.DataSpec, across: int, down: int) -> Image.Image:
    """Series as lines in a grid, coloured by class; the classes take turns."""
    whole = items(data)
    picture = blank()
    pen = ImageDraw.Draw(picture)
    wide, high = WIDTH * FINE / across, HEIGHT * FINE / down
    tallest = float(np.abs(whole.x).max())
    for place, row in enumerate(classes_in_turn(whole, across * down)):
        series = whole.x[row, :, 0] / tallest
        x = wide * (place % across + 0.08 + 0.84 * np.arange(len(series)) / (len(series) - 1))
        y = high * (place // across + 0.5 - 0.4 * series)
        pen.line(list(zip(x, y, strict=True)), fill=(*of_class(whole, row), 255), width=2 * FINE, joint="curve")
    return picture


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "digits": lambda: mosaic(spec.Digits(), smooth=False),
    "mnist5k": lambda: mosaic(spec.Mnist5k()),
    "faces": lambda: mosaic(spec.Faces()),
    "photo_patches": lambda: mosaic(spec.PhotoPatches(patch_size=24)),
    "sprites": lambda: mosaic(spec.Sprites()),
    "swiss_roll": lambda: scatter(spec.SwissRoll(samples=1400, noise=0.01), turn=-15, tilt=10),
    "s_curve": lambda: scatter(spec.SCurve(samples=1400, noise=0.01), turn=25, tilt=12),
    "rings": lambda: scatter(spec.Rings(samples=620, noise=0.02, rings=3)),
    "moons": lambda: scatter(spec.Moons(samples=420, noise=0.06), size=2.8),
    "blobs": lambda: scatter(spec.Blobs(samples=420, noise=0.16), size=2.8),
    "breast_cancer": lambda: nuclei(spec.BreastCancer()),
    "wine": lambda: parallel(spec.Wine(), WINE_AXES, 90),
    "waves": lambda: lines(spec.Waves(steps=96, noise=0.0), 4, 4),
    "ratings": lambda: cells(spec.Ratings(), STARS),
    "baskets": lambda: cells(spec.Baskets(), {1: CLASSES[2]}),
}
STARS = dict(enumerate(RAMP, start=1))
WINE_AXES = ("alcohol", "color intensity", "flavanoids", "hue", "od280/od315 of diluted wines", "proline")


def main() -> None:
    """Draw them all, each under 40 kB."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind in DATASETS:
        path = FOLDER / f"{kind}.png"
        thumbnail(kind).quantize(160, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        print(f"{path.name:20} {path.stat().st_size / 1000:5.1f} kB")


if __name__ == "__main__":
    main()
