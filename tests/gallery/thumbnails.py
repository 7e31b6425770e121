"""Draws the picture of each dataset's card, 240 x 160 on a clear ground: `python -m tests.gallery.thumbnails`.

Every picture is made from the dataset's own items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ae_core import spec
from ae_core.data import DATASETS, Items
from ae_core.data.split import items
from ae_core.data.tables import WINE_FEATURES
from ae_core.plots.thumbnail import (
    CLASSES,
    FINE,
    RAMP,
    blank,
    cells,
    classes_in_turn,
    lines,
    mosaic,
    parallel,
    rgb,
    scatter,
    shrunk,
)

FOLDER = Path(__file__).parents[2] / "assets" / "images" / "datasets"


def thumbnail(kind: str) -> Image.Image:
    """The picture of one dataset, RGBA, 240 x 160."""
    return shrunk(PICTURES[kind]())


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


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "digits": lambda: mosaic(items(spec.Digits()), smooth=False),
    "mnist5k": lambda: mosaic(items(spec.Mnist5k())),
    "faces": lambda: mosaic(items(spec.Faces())),
    "photo_patches": lambda: mosaic(items(spec.PhotoPatches(patch_size=24))),
    "sprites": lambda: mosaic(items(spec.Sprites())),
    "swiss_roll": lambda: scatter(items(spec.SwissRoll(samples=1400, noise=0.01)), turn=-15, tilt=10),
    "s_curve": lambda: scatter(items(spec.SCurve(samples=1400, noise=0.01)), turn=25, tilt=12),
    "rings": lambda: scatter(items(spec.Rings(samples=620, noise=0.02, rings=3))),
    "moons": lambda: scatter(items(spec.Moons(samples=420, noise=0.06)), size=2.8),
    "blobs": lambda: scatter(items(spec.Blobs(samples=420, noise=0.16)), size=2.8),
    "breast_cancer": lambda: nuclei(spec.BreastCancer()),
    "wine": lambda: parallel(items(spec.Wine()), WINE_AXES, 90),
    "tips": lambda: scatter(bills(), size=3.2),
    "waves": lambda: lines(items(spec.Waves(steps=96, noise=0.0)), 4, 4),
    "ratings": lambda: cells(items(spec.Ratings()), STARS),
    "baskets": lambda: cells(items(spec.Baskets()), {1: CLASSES[2]}),
}
STARS = dict(enumerate(RAMP, start=1))
WINE_AXES = [
    WINE_FEATURES.index(name)
    for name in ("alcohol", "color intensity", "flavanoids", "hue", "od280/od315 of diluted wines", "proline")
]


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
