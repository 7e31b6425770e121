"""`python -m tests.benchmarks [training sweep live ...]`: tables of these parts or of all. Wants an idle machine."""

from __future__ import annotations

import sys
from importlib import import_module

from tests.benchmarks.measure import machine

PARTS = ("training", "sweep", "live", "explore", "pages", "tuning", "memory", "imports")


def main(names: list[str]) -> None:
    """Runs these parts, all of them if none is named."""
    if unknown := set(names) - set(PARTS):
        sys.exit(f"Expected some of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}.")
    print(machine(), flush=True)
    for name in names or PARTS:
        print(f"\n{name}\n", flush=True)
        for part in import_module(f"tests.benchmarks.{name}").run():
            print(part, flush=True)


main(sys.argv[1:])
