"""Series that were measured, and come as files with packages; no package is imported to read them.

UCR and UEA sets (Dau et al., 2019; Bagnall et al., 2018) from sktime, sunspots and carbon dioxide from statsmodels.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ae_core.data.dataset import Floats, Items
from ae_core.data.files import inside
from ae_core.spec import BasicMotions, Co2, GunPoint, ItalyPower, Sunspots

YEARS, WEEKS = 12, 52
"""Steps of a window of sunspots, and of carbon dioxide."""
BLOCKS = 20
"""A long series is cut into so many blocks, so that every twentieth of it can be kept aside exactly."""


def italy_power(spec: ItalyPower) -> Items:
    """1,096 days, 24 hours each; label 0 is October to March, 1 April to September."""
    return _ucr("ItalyPowerDemand", ("1", "2"), (24, 1))


def gun_point(spec: GunPoint) -> Items:
    """200 movements of a hand, 150 steps; label 0 draws a gun, 1 points a finger."""
    return _ucr("GunPoint", ("1", "2"), (150, 1))


def basic_motions(spec: BasicMotions) -> Items:
    """80 exercises, 100 steps of 3 accelerations and 3 turning rates."""
    return _ucr("BasicMotions", ("standing", "running", "walking", "badminton"), (100, 6))


def sunspots(spec: Sunspots) -> Items:
    """Windows of 12 years out of 1700 to 2008, coloured by their date.

    Windows that share a year are always on the same side of the split: each lies wholly within one of 20 blocks.
    """
    table = _columns(inside("statsmodels", "datasets", "sunspots", "sunspots.csv"))
    return windows(np.array([float(value) for _, value in table]), YEARS, 1)


def co2(spec: Co2) -> Items:
    """Windows of 52 weeks out of 1958 to 2001, every fourth one, in parts per million, coloured by their date.

    59 weeks were not measured, and are joined by straight lines. Blocks as for sunspots.
    """
    table = _columns(inside("statsmodels", "datasets", "co2", "co2.csv"))
    values = np.array([float(value) if value else np.nan for _, value in table])
    known = np.isfinite(values)
    return windows(np.interp(np.arange(len(values)), np.flatnonzero(known), values[known]), WEEKS, 4)


def windows(series: np.ndarray, steps: int, stride: int) -> Items:
    """Windows of a long series, each within one of 20 blocks of equal length, which is its group."""
    length = len(series) // BLOCKS
    starts = np.arange(0, length - steps + 1, stride)
    first = (np.arange(BLOCKS)[:, None] * length + starts).ravel()
    x = series[first[:, None] + np.arange(steps)]
    return Items(
        x=x.astype(np.float32)[..., None],
        colour=(first / max(first[-1], 1)).astype(np.float32),
        groups=np.repeat(np.arange(BLOCKS, dtype=np.int64), len(starts)),
    )


def count(series: int, steps: int, stride: int) -> int:
    """How many windows a series of that length gives."""
    return BLOCKS * ((series // BLOCKS - steps) // stride + 1)


def _columns(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _ucr(name: str, words: tuple[str, ...], shape: tuple[int, int]) -> Items:
    """Training and test items of a set together, in the order of the files."""
    found = [_ts(inside("sktime", "datasets", "data", name, f"{name}_{side}.ts"), shape) for side in ("TRAIN", "TEST")]
    x = np.concatenate([values for values, _ in found])
    labels = [word for _, said in found for word in said]
    if unknown := set(labels) - set(words):
        raise ValueError(f"{name} holds the labels {', '.join(sorted(unknown)[:5])}, which it should not")
    return Items(x=x, labels=np.array([words.index(word) for word in labels], dtype=np.int64))


def _ts(path: Path, shape: tuple[int, int]) -> tuple[Floats, list[str]]:
    """sktime's text form: after `@data` an item a line, channels and at last the label between colons."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip().lower() == "@data"), len(lines))
    items, labels = [], []
    for line in lines[start + 1 :]:
        if not line.strip():
            continue
        *channels, label = line.strip().split(":")
        series = np.array([channel.split(",") for channel in channels], dtype=np.float32).T
        if series.shape != shape:
            raise ValueError(f"{path.name} should hold series of {shape}, one is {series.shape}")
        items.append(series)
        labels.append(label.strip().lower())
    if not items:
        raise ValueError(f"{path.name} holds no items")
    return np.stack(items), labels
