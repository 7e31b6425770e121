"""The training of a run as a film: its latent map and some reconstructions at every step that was kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ae_core.errors import SpecError
from ae_core.pca import components
from ae_core.plots.palette import PALETTE
from ae_core.probes.codes import coded
from ae_core.probes.specimen import Specimen, revive
from ae_core.training.pictures import as_pictures

MOST_FRAMES = 60
MOST_POINTS = 1000
SHOWN = 12  # items whose reconstructions are drawn
STILL = 2500  # ms that the last frame stays
FRAME = 160  # ms of every other
SIZE, DOTS = (8.4, 4.4), 90  # inches, and pixels an inch


def film(specimen: Specimen, tell: Callable[[float], None] = lambda _: None) -> bytes:
    """A GIF that runs for ever: up to the specimen's step, on axes that stay. Codes wider than two numbers are drawn on
    the principal axes of the last ones. Raises SpecError where fewer than two steps are kept.
    """
    kept = [(step, blob) for step, blob in specimen.path() if step <= specimen.step]
    if len(kept) < 2:
        raise SpecError(
            "A film needs two kept steps at least, and up to this one there are fewer. Choose a later epoch."
        )
    chosen = [kept[at] for at in sorted({round(at) for at in np.linspace(0, len(kept) - 1, MOST_FRAMES)})]
    scenes = []
    for number, (step, blob) in enumerate(chosen, 1):
        scenes.append(_scene(revive(specimen.run, specimen.spec, step, blob, specimen.goal)))
        tell(0.4 * number / len(chosen))
    places = _places([codes for codes, _, _ in scenes])
    frames = []
    for number, (place, (_, rebuilt, error), (step, _)) in enumerate(zip(places, scenes, chosen, strict=True), 1):
        frames.append(_drawn(specimen, places, place, rebuilt, error, step))
        tell(0.4 + 0.6 * number / len(chosen))
    packed = io.BytesIO()
    times = [FRAME] * (len(frames) - 1) + [STILL]
    frames[0].save(packed, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=False)
    return packed.getvalue()


Scene = tuple[np.ndarray, np.ndarray, float]


def _scene(specimen: Specimen) -> Scene:
    """Codes of the first items, some reconstructions, and the error of these items, mean over items and features."""
    codes, arrays = coded(specimen, MOST_POINTS)
    rows = slice(0, SHOWN)
    with torch.inference_mode():
        rebuilt = specimen.told(rows).reconstruct(torch.from_numpy(specimen.items(rows)))
    return codes, np.nan_to_num(rebuilt.numpy()), float(arrays["error"].mean())


def _places(codes: list[np.ndarray]) -> list[np.ndarray]:
    """(n, 2) for each step: codes of one number lie on a line, wider ones on the principal axes of the last ones."""
    width = codes[-1].shape[1]
    if width == 1:
        return [np.hstack([z, np.zeros_like(z)]) for z in codes]
    if width == 2:
        return codes
    found = components(codes[-1].astype(np.float64))
    return [(z - found.mean) @ found.axes[:, :2] for z in codes]


def _drawn(
    specimen: Specimen, places: list[np.ndarray], place: np.ndarray, rebuilt: np.ndarray, error: float, step: int
) -> Image.Image:
    figure = Figure(figsize=SIZE, dpi=DOTS, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    left, right = cast(np.ndarray, figure.subfigures(1, 2, width_ratios=(1.15, 1)))
    _map(left, specimen, places, place)
    _items(right, specimen, rebuilt)
    per_epoch = max(specimen.goal, 1) / specimen.spec.training.epochs
    figure.suptitle(f"epoch {step / per_epoch:.3g}   step {step:,}   error {error:.4g}", fontsize=11)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
    return Image.fromarray(np.ascontiguousarray(pixels)).quantize(128, method=Image.Quantize.FASTOCTREE)


def _map(part: Figure, specimen: Specimen, places: list[np.ndarray], place: np.ndarray) -> None:
    axes, labels = part.subplots(), specimen.labels[: len(place)]
    colours = np.array(PALETTE)[labels % len(PALETTE)] if labels.min() >= 0 else PALETTE[0]
    axes.scatter(place[:, 0], place[:, 1], s=8, c=colours, linewidths=0)
    everywhere = np.concatenate([places[0], places[len(places) // 2], places[-1]])
    low, high = np.percentile(everywhere, 0.5, axis=0), np.percentile(everywhere, 99.5, axis=0)
    room = 0.08 * np.maximum(high - low, 1e-6)
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
    axes.tick_params(labelsize=8)


def _items(part: Figure, specimen: Specimen, rebuilt: np.ndarray) -> None:
    """Originals above their reconstructions, four pairs a row."""
    originals = specimen.items(slice(0, len(rebuilt)))
    grid = part.subplots(2 * int(np.ceil(len(rebuilt) / 4)), 4, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for at, pair in enumerate(zip(originals, rebuilt, strict=True)):
        row, column = divmod(at, 4)
        for below, item in enumerate(pair):
            _item(grid[2 * row + below][column], specimen, item, original=below == 0)


def _item(axes: Any, specimen: Specimen, item: np.ndarray, *, original: bool) -> None:
    split = specimen.split
    if split.form == "image":
        axes.imshow(as_pictures(item[None], split)[0].squeeze(), cmap="gray", vmin=0, vmax=255)
    elif split.form == "series":
        axes.plot(item.reshape(split.shape), color="#555" if original else PALETTE[0])
        axes.set_ylim(-3, 3)
    else:
        axes.bar(range(len(item)), item, color="#555" if original else PALETTE[0])
        axes.set_ylim(-3, 3)
