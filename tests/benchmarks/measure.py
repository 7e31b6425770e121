"""How to measure on a machine that is never quite idle: interleaved rounds, medians, ratios within one run."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SECONDS = 0.3  # of one case in one round
ROUNDS = 7


def rates(
    cases: Mapping[str, Callable[[], float]], *, seconds: float = SECONDS, rounds: int = ROUNDS
) -> dict[str, float]:
    """Units per second of each case, the median over rounds.

    A case does some work and returns how many units that was. Every round runs all cases, each for about `seconds`,
    and turns their order round, so that a slow moment of the machine meets them all alike.
    """
    found: dict[str, list[float]] = {name: [] for name in cases}
    for case in cases.values():
        case()  # warm, not counted
    for number in range(rounds):
        for name in sorted(cases, reverse=bool(number % 2)):
            units, began = 0.0, time.perf_counter()
            while (took := time.perf_counter() - began) < seconds:
                units += cases[name]()
            found[name].append(units / took)
    return {name: statistics.median(values) for name, values in found.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine() -> str:
    """One line that says what the figures belong to."""
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
