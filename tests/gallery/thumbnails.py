"""Draws the picture of each dataset's card, 240 x 160 on a clear ground: `python -m tests.gallery.thumbnails`.

Every picture is made from the dataset's own items, or, of those that must be downloaded, drawn in their manner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ae_core import spec
from ae_core.data import DATASETS, Items
from ae_core.data.split import items
from ae_core.data.tables import WINE_FEATURES
from ae_core.errors import DataMissing
from ae_core.plots.thumbnail import (
    CLASSES,
    FINE,
    HEIGHT,
    RAMP,
    WIDTH,
    blank,
    cells,
    classes_in_turn,
    lines,
    mosaic,
    of_class,
    over,
    parallel,
    ramp,
    rgb,
    scatter,
    shrunk,
)
from tests.gallery.drawn import cloud, coast, kana, portraits, press, words_of_groups

FOLDER = Path(__file__).parents[2] / "assets" / "images" / "datasets"


def thumbnail(kind: str) -> Image.Image:
    """The picture of one dataset, RGBA, 240 x 160."""
    return shrunk(PICTURES[kind]())


def liveliest(data: spec.DataSpec, count: int) -> list[int]:
    """Rows in which the classes take turns, of each class those that show something."""
    whole = items(data)
    lively = whole.x.std(axis=(1, 2)).mean(axis=1)
    assert whole.labels is not None
    random = np.random.default_rng(6)
    queues = []
    for label in np.unique(whole.labels):
        rows = np.flatnonzero(whole.labels == label)
        best = rows[np.argsort(lively[rows])[-len(rows) // 4 :]]
        queues.append(list(random.permutation(best)))
    return [int(queues[i % len(queues)].pop()) for i in range(count)]


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


CLASSES_OF_CANCER = ("#d3609b", "#3d8fd9")


def bills() -> Items:
    """Bill against tip, each from its lowest to its highest."""
    whole = items(spec.Tips())
    x = whole.x[:, :2] - whole.x[:, :2].min(axis=0)
    return replace(whole, x=x / x.max(axis=0) * (3, 2))


def overlay(data: spec.DataSpec, kept: int, width: float = 1.2, strength: float = 0.35) -> Image.Image:
    """Many series laid over each other, coloured by class."""
    whole = items(data)
    rows = classes_in_turn(whole, kept)
    x = whole.x[rows, :, 0].astype(np.float64)
    low, high = np.quantile(x, (0.002, 0.998))
    ground = np.zeros((HEIGHT * FINE, WIDTH * FINE, 4))
    across = FINE * (8 + 224 * np.arange(x.shape[1]) / (x.shape[1] - 1))
    for row, series in zip(rows, x, strict=True):
        heights = FINE * (148 - 136 * (series - low) / (high - low))
        ground = over(ground, of_class(whole, row), stroke(list(zip(across, heights, strict=True)), width) * strength)
    return as_image(ground)


def stroke(points: list[tuple[float, float]], width: float) -> np.ndarray:
    """A line as a share 0..1 of each pixel."""
    mask = Image.new("L", (WIDTH * FINE, HEIGHT * FINE))
    ImageDraw.Draw(mask).line(points, fill=255, width=round(width * FINE), joint="curve")
    return np.asarray(mask) / 255


def as_image(ground: np.ndarray) -> Image.Image:
    """A sheet of numbers 0..1 as a picture."""
    return Image.fromarray(np.uint8(np.clip(ground, 0, 1) * 255))


def strip(data: spec.DataSpec, across: int, down: int) -> Image.Image:
    """Beats one after the other, as an electrocardiogram has them; abnormal ones stand out by their colour."""
    whole = items(data)
    assert whole.labels is not None
    picture = blank()
    pen = ImageDraw.Draw(picture)
    normal = iter(np.flatnonzero(whole.labels == 0))
    ill = {(0, 2): 1, (1, 1): 2, (2, 3): 3, (3, 2): 4}
    wide, high = WIDTH * FINE / across, HEIGHT * FINE / down
    for y in range(down):
        points: list[tuple[float, float]] = []
        for x in range(across):
            label = ill.get((y, x), 0)
            row = int(np.flatnonzero(whole.labels == label)[0]) if label else int(next(normal))
            series = whole.x[row, :, 0]
            at = wide * (x + np.arange(len(series)) / len(series))
            beat = [*points[-1:], *zip(at, high * (y + 0.74 - 0.55 * series), strict=True)]
            pen.line(beat, fill=(*rgb(BEATS[label]), 255), width=round(1.6 * FINE), joint="curve")
            points = beat
    return picture


BEATS = ("#6b7f9e", "#e69f00", "#d3609b", "#8b75d7", "#d9622b")


def ranked(data: spec.DataSpec, kept: int) -> Image.Image:
    """Each item a line across all features, by its rank in each; those of class 1 on top."""
    whole = items(data)
    assert whole.labels is not None
    random = np.random.default_rng(4)
    rows = np.concatenate(
        [random.choice(np.flatnonzero(whole.labels == label), few) for label, few in ((0, kept), (1, kept // 4))]
    )
    x = np.stack([np.argsort(np.argsort(column, kind="stable")) for column in whole.x.T], axis=1) / len(whole.x)
    ground = np.zeros((HEIGHT * FINE, WIDTH * FINE, 4))
    at = np.linspace(0, x.shape[1] - 1, 200)
    left = np.minimum(at.astype(int), x.shape[1] - 2)
    ease = (1 - np.cos(np.pi * (at - left))) / 2
    for row in rows:
        heights = x[row, left] * (1 - ease) + x[row, left + 1] * ease
        places = list(zip(FINE * (12 + at / at[-1] * 216), FINE * (146 - 132 * heights), strict=True))
        ill = bool(whole.labels[row])
        ground = over(ground, rgb("#d9622b" if ill else "#3d8fd9"), stroke(places, 1.5) * (0.75 if ill else 0.3))
    return as_image(ground)


def sensors(data: spec.DataSpec) -> Image.Image:
    """One exercise of each kind, all its channels, one below the other."""
    whole = items(data)
    assert whole.labels is not None
    ground = np.zeros((HEIGHT * FINE, WIDTH * FINE, 4))
    for label in range(4):
        row = np.flatnonzero(whole.labels == label)[3]
        series = whole.x[row] / np.abs(whole.x[whole.labels == label]).max()
        for channel in range(series.shape[1]):
            across = FINE * (6 + 228 * np.arange(len(series)) / (len(series) - 1))
            heights = FINE * (20 + 40 * label - 24 * np.clip(series[:, channel], -0.8, 0.8))
            shade = 0.95 - 0.13 * channel
            line = stroke(list(zip(across, heights, strict=True)), 1.3)
            ground = over(ground, rgb(CLASSES[label]), line * shade)
    return as_image(ground)


def long_series(data: spec.DataSpec, stride: int, bars: bool) -> Image.Image:
    """A long series put together again from its windows, coloured by its date."""
    whole = items(data)
    assert whole.groups is not None
    pieces = []
    for group in np.unique(whole.groups):
        windows = whole.x[whole.groups == group, :, 0]
        pieces.append(np.concatenate([windows[0], *(window[-stride:] for window in windows[1:])]))
    series = np.concatenate(pieces)
    low, high = (0.0, float(series.max())) if bars else (float(series.min()), float(series.max()))
    heights = FINE * (152 - 144 * (series - low) / (high - low))
    across = FINE * (4 + 232 * np.arange(len(series)) / (len(series) - 1))
    picture = blank()
    pen = ImageDraw.Draw(picture)
    for i in range(len(series) - 1):
        colour = (*ramp(i / len(series)), 255)
        if bars:
            pen.rectangle((across[i], heights[i], across[i + 1] - 1, 154 * FINE), fill=colour)
        else:
            pen.line([(across[i], heights[i]), (across[i + 1], heights[i + 1])], fill=colour, width=2 * FINE)
    return picture


def words(data: spec.DataSpec) -> Image.Image:
    """The words that tell each class from the others, one each, in the colour of the class."""
    whole = items(data)
    assert whole.labels is not None
    every = whole.x.mean(axis=0)
    told: list[tuple[str, int]] = []
    for label in np.unique(whole.labels):
        lift = whole.x[whole.labels == label].mean(axis=0) - every
        for at in np.argsort(lift)[::-1]:
            if (word := whole.feature_names[at]) not in {known for known, _ in told} and 4 <= len(word) <= 11:
                told.append((word, int(label)))
                break
    return cloud(told)


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "digits": lambda: mosaic(items(spec.Digits()), smooth=False),
    "mnist5k": lambda: mosaic(items(spec.Mnist5k())),
    "mnist": lambda: mosaic(items(spec.Mnist5k()), grid=(12, 8)),
    "fashion_mnist": lambda: mosaic(items(spec.FashionMnist())),
    "kmnist": kana,
    "faces": lambda: mosaic(items(spec.Faces())),
    "olivetti": portraits,
    "lfw_people": press,
    "photo_patches": lambda: mosaic(items(spec.PhotoPatches(patch_size=24))),
    "colour_patches": lambda: mosaic(items(spec.ColourPatches()), liveliest(spec.ColourPatches(), 24)),
    "sprites": lambda: mosaic(items(spec.Sprites())),
    "swiss_roll": lambda: scatter(items(spec.SwissRoll(samples=1400, noise=0.01)), turn=-15, tilt=10),
    "s_curve": lambda: scatter(items(spec.SCurve(samples=1400, noise=0.01)), turn=25, tilt=12),
    "rings": lambda: scatter(items(spec.Rings(samples=620, noise=0.02, rings=3))),
    "moons": lambda: scatter(items(spec.Moons(samples=420, noise=0.06)), size=2.8),
    "blobs": lambda: scatter(items(spec.Blobs(samples=420, noise=0.16)), size=2.8),
    "breast_cancer": lambda: nuclei(spec.BreastCancer()),
    "wine": lambda: parallel(items(spec.Wine()), WINE_AXES, 90),
    "tips": lambda: scatter(bills(), size=3.2),
    "california": coast,
    "shuttle": lambda: ranked(spec.Shuttle(), 120),
    "waves": lambda: lines(items(spec.Waves(steps=96, noise=0.0)), 4, 4),
    "heartbeats": lambda: strip(spec.Heartbeats(steps=128, noise=0.01), 4, 4),
    "strokes1d": lambda: lines(items(spec.Strokes1d(noise=0.0)), 5, 4),
    "italy_power": lambda: overlay(spec.ItalyPower(), 70),
    "gun_point": lambda: overlay(spec.GunPoint(), 50),
    "basic_motions": lambda: sensors(spec.BasicMotions()),
    "sunspots": lambda: long_series(spec.Sunspots(), 1, bars=True),
    "co2": lambda: long_series(spec.Co2(), 4, bars=False),
    "docstrings": lambda: words(spec.Docstrings(words=1500)),
    "newsgroups": words_of_groups,
    "ratings": lambda: cells(items(spec.Ratings()), STARS),
    "baskets": lambda: cells(items(spec.Baskets()), {1: CLASSES[2]}),
}
STARS = dict(enumerate(RAMP, start=1))
WINE_AXES = [
    WINE_FEATURES.index(name)
    for name in ("alcohol", "color intensity", "flavanoids", "hue", "od280/od315 of diluted wines", "proline")
]


def main(kinds: list[str]) -> None:
    """Draws these, or all, each under 40 kB. Items that are not on this machine leave their picture as it is."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind in kinds or DATASETS:
        path = FOLDER / f"{kind}.png"
        try:
            picture = thumbnail(kind)
        except DataMissing as error:
            print(f"{path.name:20} left as it is: {error}")
            continue
        few = picture.quantize(160, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        palette = np.array(few.getpalette("RGBA"), dtype=np.uint8).reshape(-1, 4)
        if palette[:, 3].min() > 0:  # the clear ground was mixed with a dark colour
            palette[palette[:, 3] < 8] = 0
            few.putpalette(palette.ravel().tobytes(), "RGBA")
        few.save(path, optimize=True)
        print(f"{path.name:20} {path.stat().st_size / 1000:5.1f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
