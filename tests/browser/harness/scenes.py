"""Runs made up for the components' tests and pictures: what the hub would send, encoded by `ae_core.frames`.

Nothing is trained. A `Scene` is what never changes (meta, fixed arrays), and a function from progress 0..1 to a
snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_wine, make_s_curve
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ae_core import frames
from ae_core.data.series import SHAPES, draw

Arrays = dict[str, np.ndarray]
ROWS = 400
"""Rows of the curves from the first step to the last."""
STEPS_PER_ROW = 12


@dataclass(frozen=True)
class Scene:
    """One made-up run. `status`: what it is in the end; `until`: progress at which it ends."""

    meta: dict[str, Any]
    fixed: Arrays
    picture: Callable[[float], Arrays]
    start: float = 0.14
    floor: float = 0.018
    status: str = "finished"
    until: float = 1.0
    error: str = ""
    marks: list[dict[str, Any]] = field(default_factory=list)
    variational: bool = False


def curves(scene: Scene, first: int, last: int) -> Arrays:
    """Rows `first` to `last` of the curves; validation is measured on every fourth."""
    rows = np.arange(first, last)
    noise = np.random.default_rng(3).normal(0, 0.06, 2 * ROWS)
    at = rows / ROWS
    train = scene.floor + (scene.start - scene.floor) * np.exp(-7 * at) * (1 + noise[rows])
    val = scene.floor * 1.12 + (scene.start - scene.floor) * np.exp(-6.4 * at)
    val[rows % 4 != 0] = np.nan
    size = int(np.prod(scene.meta["shape"]))
    columns: Arrays = {
        "curve.step": rows.astype("i4") * STEPS_PER_ROW,
        "curve.epoch": rows * STEPS_PER_ROW / scene.meta["steps_per_epoch"],
        "curve.seconds": rows * 0.031,
        "curve.learning_rate": np.where(rows < 220, 1e-3, 3e-4),
    }
    for side, mse in (("train", train), ("val", val)):
        kl = (6 * (1 - np.exp(-5 * at)) + 0.4) * np.where(np.isnan(mse), np.nan, 1)
        columns[f"curve.{side}.mse"] = mse
        columns[f"curve.{side}.reconstruction"] = mse * size
        columns[f"curve.{side}.loss"] = mse * size + (kl if scene.variational else 0)
        if scene.variational:
            columns[f"curve.{side}.kl"] = kl
    return {name: values if name == "curve.step" else values.astype("f4") for name, values in columns.items()}


def frame(scene: Scene, run: str, seen: int, row: int, *, full: bool, status: str | None = None) -> bytes:
    """What a viewer who has `seen` rows gets when the run is at `row`."""
    at = row / ROWS
    ended = at >= scene.until
    status = status or (scene.status if ended else "running")
    step = row * STEPS_PER_ROW
    header: dict[str, Any] = {
        "run": run,
        "seq": row,
        "step": step,
        "epoch": step / scene.meta["steps_per_epoch"],
        "status": status,
        "seconds": row * 0.031,
        "goal": ROWS * STEPS_PER_ROW,
        "full": full,
        "learning_rate": 1e-3 if row < 220 else 3e-4,
        "terms": {"train": None, "val": None},
        "note": "",
        "error": scene.error if ended else "",
        "curve_from": 0 if full else seen,
        "snapshot_step": step,
    }
    arrays = curves(scene, 0 if full else seen, row) | scene.picture(at)
    if full:
        header["meta"] = scene.meta
        arrays = scene.fixed | arrays
    if full or any(seen * STEPS_PER_ROW <= mark["step"] < step for mark in scene.marks):
        header["marks"] = [mark for mark in scene.marks if mark["step"] <= step]
    return frames.encode(header, arrays)


def _meta(form: str, shape: list[int], latent: int, **more: Any) -> dict[str, Any]:
    return {
        "form": form,
        "shape": shape,
        "label_names": [],
        "feature_names": [],
        "latent_dim": latent,
        "projection": "none",
        "code": "point",
        "parameters": 12_482,
        "steps_per_epoch": 60,
        "epochs": ROWS * STEPS_PER_ROW // 60,
        "train_items": 1347,
        "val_items": 450,
        "output": "sigmoid",
        "reconstruction": "mse",
        "units": {},
        "corrupted": False,
        "layers": ["encoder.0", "encoder.1", "code", "decoder.0", "decoder.1", "output"],
        "reference": {"train_mse": 0.0405, "val_mse": 0.0413},
    } | more


def _layers(at: float, count: int = 6) -> Arrays:
    norm = np.linspace(1.2, 3.1, count) * (0.5 + at)
    dead = np.where(np.arange(count) % 3 == 2, np.nan, np.linspace(0, 0.3, count) * at)
    return {"layers.weight_norm": norm.astype("f4"), "layers.dead": dead.astype("f4")}


def _settle(start: np.ndarray, goal: np.ndarray, at: float) -> np.ndarray:
    """Codes on the way from noise to their classes, slowly turning."""
    share = 1 - np.exp(-5 * at)
    codes = start * (1 - share) + goal * share
    if codes.shape[1] > 1:
        turn = np.eye(codes.shape[1])
        turn[:2, :2] = [[np.cos(at * 2), -np.sin(at * 2)], [np.sin(at * 2), np.cos(at * 2)]]
        codes = codes @ turn
    return codes.astype("f4")


def digits(latent: int = 2, *, items: int = 1797, noisy: bool = False, shown: int = 48, **more: Any) -> Scene:
    """scikit-learn's digits. The codes are discriminant axes, the reconstructions come from a widening PCA."""
    data = load_digits()
    x, labels = data.data[:items] / 16, data.target[:items]
    if items > len(x):
        x, labels = np.resize(x, (items, 64)), np.resize(labels, items)
    rng = np.random.default_rng(1)
    goal = LinearDiscriminantAnalysis(n_components=min(latent, 3)).fit_transform(
        x + rng.normal(0, 0.05, x.shape), labels
    )
    start = rng.normal(0, 0.6, goal.shape)
    order = np.argsort(np.r_[[list(np.flatnonzero(labels == c)).index(i) for i, c in enumerate(labels)]], kind="stable")
    index = order[:shown]
    originals = x[index]
    mean = x.mean(0)
    axes = np.linalg.svd(x - mean, full_matrices=False)[2]

    def rebuilt(at: float) -> np.ndarray:
        used = axes[: 1 + int(22 * at)]
        return np.clip((mean + (originals - mean) @ used.T @ used * min(1, 0.1 + 3 * at)), 0, 1)

    units = [rng.normal(0, 1, (24, 8, 8, 1)), axes[:24].reshape(24, 8, 8, 1)]
    is_val = (np.arange(len(x)) < len(x) // 4).astype("u1")

    def picture(at: float) -> Arrays:
        out = rebuilt(at)
        weights = units[0] * (1 - at) + units[1] * 8 * at
        weights = weights / np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
        arrays = {
            "latent": _settle(start, goal, at),
            "reconstructions": (out * 255).astype("u1").reshape(-1, 8, 8, 1),
            "item_error": ((out - originals) ** 2).mean(1).astype("f4"),
            "units.encoder": (128 + 127 * weights).astype("u1"),
            "units.decoder": (128 + 127 * weights[::-1]).astype("u1"),
        }
        if noisy:
            damage = np.random.default_rng(int(at * 1000)).random(originals.shape) < 0.3
            arrays["corrupted"] = (np.where(damage, 0, originals) * 255).astype("u1").reshape(-1, 8, 8, 1)
        if more.get("variational"):
            arrays["kl.dimensions"] = (
                np.array([3.4, 2.2, 1.1, 0.6, 0.02, 0.005, 0.9, 0.001])[: max(latent, 2)] * at
            ).astype("f4")
        return arrays | _layers(at)

    return Scene(
        _meta(
            "image",
            [8, 8, 1],
            latent,
            label_names=[str(i) for i in range(10)],
            corrupted=noisy,
            projection="pca" if latent > 3 else "none",
            code="variational" if more.get("variational") else "point",
        ),
        {
            "labels": labels.astype("i2"),
            "is_val": is_val,
            "originals": (originals * 255).astype("u1").reshape(-1, 8, 8, 1),
            "original_labels": labels[index].astype("i2"),
            "original_index": index.astype("i4"),
        },
        picture,
        **more,
    )


def s_curve(dimensions: int = 3) -> Scene:
    """Points with a continuous colour: a cloud that unrolls."""
    cloud, colour = make_s_curve(1200, random_state=0)
    cloud = (cloud - cloud.mean(0)) / cloud.std(0)
    if dimensions == 2:
        cloud = cloud[:, [0, 2]]
    cloud = cloud.astype("f4")
    goal = np.c_[colour, cloud[:, 1]]
    rng = np.random.default_rng(0)
    start, noise, units = (
        rng.normal(0, 0.3, goal.shape),
        rng.normal(0, 0.4, cloud.shape),
        rng.normal(0, 1, (16, dimensions)),
    )

    def picture(at: float) -> Arrays:
        share = 1 - np.exp(-5 * at)
        out = (cloud * share + noise * (1 - share) * 0.4).astype("f4")
        return {
            "latent": _settle(start, goal, at),
            "cloud_out": out,
            "reconstructions": out[:48],
            "item_error": ((out - cloud)[:48] ** 2).mean(1),
            "units.encoder": (units * (0.4 + at)).astype("f4"),
            "units.decoder": units[:, ::-1].astype("f4"),
        } | _layers(at)

    names = ["x", "y", "z"][:dimensions]
    return Scene(
        _meta("points", [dimensions], 2, feature_names=names, reference={"train_mse": 0.21, "val_mse": 0.22}),
        {
            "labels": np.full(1200, -1, "i2"),
            "colour": colour.astype("f4"),
            "is_val": (np.arange(1200) < 300).astype("u1"),
            "originals": cloud[:48],
            "original_labels": np.full(48, -1, "i2"),
            "original_index": np.arange(48, dtype="i4"),
            "cloud": cloud,
            "cloud_colour": colour.astype("f4"),
        },
        picture,
        start=1.1,
        floor=0.02,
    )


def table() -> Scene:
    """The wine table: thirteen named features, three classes."""
    data = load_wine()
    x = ((data.data - data.data.mean(0)) / data.data.std(0)).astype("f4")
    goal = LinearDiscriminantAnalysis(n_components=2).fit_transform(x, data.target)
    rng = np.random.default_rng(0)
    start, units = rng.normal(0, 0.5, goal.shape), rng.normal(0, 1, (16, 13))
    index = np.arange(0, 178, 5)[:24]
    axes = np.linalg.svd(x, full_matrices=False)[2]

    def picture(at: float) -> Arrays:
        used = axes[: 1 + int(7 * at)]
        out = (x[index] @ used.T @ used).astype("f4")
        return {
            "latent": _settle(start, goal, at),
            "reconstructions": out,
            "item_error": ((out - x[index]) ** 2).mean(1),
            "units.encoder": units.astype("f4"),
            "units.decoder": units[::-1].astype("f4"),
        } | _layers(at)

    return Scene(
        _meta(
            "table",
            [13],
            2,
            label_names=list(data.target_names),
            feature_names=list(data.feature_names),
            reference={"train_mse": 0.43, "val_mse": 0.45},
        ),
        {
            "labels": data.target.astype("i2"),
            "is_val": (np.arange(178) % 4 == 0).astype("u1"),
            "originals": x[index],
            "original_labels": data.target[index].astype("i2"),
            "original_index": index.astype("i4"),
        },
        picture,
        start=1.0,
        floor=0.34,
    )


def series() -> Scene:
    """Waves read by a recurrent network: two channels here, four shapes, and no picture of its units."""
    steps, count = 32, 400
    labels = np.arange(count) % len(SHAPES)
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * rng.random(count)
    factors = np.c_[labels, 1 + 2 * rng.random(count), np.ones(count), np.cos(angle), np.sin(angle)]
    clean = draw(factors, steps)
    x = np.stack([clean, np.gradient(clean, axis=1)], axis=2).reshape(count, -1).astype("f4")
    goal, start, index = np.c_[np.cos(angle), np.sin(angle)], rng.normal(0, 0.3, (count, 2)), np.arange(24)
    axes = np.linalg.svd(x, full_matrices=False)[2]

    def picture(at: float) -> Arrays:
        used = axes[: 1 + int(7 * at)]
        out = (x[index] @ used.T @ used).astype("f4")
        return {
            "latent": _settle(start, goal, at),
            "reconstructions": out,
            "item_error": ((out - x[index]) ** 2).mean(1),
        } | _layers(at)

    return Scene(
        _meta("series", [steps, 2], 2, label_names=list(SHAPES), reference={"train_mse": 0.43, "val_mse": 0.45}),
        {
            "labels": labels.astype("i2"),
            "is_val": (np.arange(count) % 4 == 0).astype("u1"),
            "originals": x[index],
            "original_labels": labels[index].astype("i2"),
            "original_index": index.astype("i4"),
        },
        picture,
        start=1.0,
        floor=0.34,
    )


CHANGED = {"step": 220 * STEPS_PER_ROW, "epoch": 44.0, "kind": "learning_rate_set", "value": 3e-4}
BROKEN = {"step": 170 * STEPS_PER_ROW, "epoch": 34.0, "kind": "diverged"}

SCENES: Mapping[str, Callable[[], Scene]] = {
    "digits": lambda: digits(marks=[CHANGED]),
    "large": lambda: digits(items=2000, shown=64),
    "one": lambda: digits(1),
    "three": lambda: digits(3),
    "eight": lambda: digits(8, noisy=True),
    "variational": lambda: digits(2, variational=True),
    "variational8": lambda: digits(8, variational=True),
    "points": lambda: s_curve(3),
    "plane": lambda: s_curve(2),
    "table": table,
    "series": series,
    "diverged": lambda: digits(
        status="diverged",
        until=0.42,
        marks=[BROKEN],
        error="The loss reached 3.1e+12 at step 2,040, 5,000 times its start.",
    ),
    "interrupted": lambda: digits(status="interrupted", until=0.42),
}
