"""Memory of one process that trains on a full set of 70,000 x 784: one run, and a second one with another split.

Needs Fashion-MNIST on the machine (Debian: apt-get install dataset-fashion-mnist); else an array of that size is made.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import table

MOST = 1500  # megabytes that a worker may take


def run() -> Iterator[str]:
    """The table, one row a moment."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.memory"], capture_output=True, text=True, check=True, timeout=1800
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    yield table(("70,000 x 784, peak so far", "MB"), [(name, f"{size:,.0f}") for name, size in rows])
    yield f"A worker may take {MOST:,} MB.\n"


def main() -> None:
    """The measured process: says after each moment what it has taken at most."""
    import resource

    import numpy as np

    from ae_core.data import DATASETS, missing
    from ae_core.data.idx import NAMES
    from ae_core.spec import MLP, FashionMnist, RunSpec, Training, Variational
    from ae_core.training import train

    def say(what: str) -> None:
        print(json.dumps([what, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]), flush=True)

    with tempfile.TemporaryDirectory() as folder, _named(Path(folder)):
        if missing(DATASETS["fashion_mnist"]):
            place = Path(folder, "fashion_mnist")
            place.mkdir()
            random = np.random.default_rng(0)
            for names, count in zip(NAMES, (60_000, 10_000), strict=True):
                for name, shape in zip(names, ((count, 28, 28), (count,)), strict=True):
                    head = bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes()
                    body = random.integers(0, 10 if len(shape) == 1 else 256, shape, dtype=np.uint8)
                    (place / name).write_bytes(head + body.tobytes())
        say("imports")
        models = []
        for what, data in {
            "one run": FashionMnist(samples=70_000),
            "a second run, another split": FashionMnist(samples=70_000, split_seed=1),
            "a third, standardised": FashionMnist(samples=70_000, standardise="standard"),
        }.items():
            net = MLP(hidden=(128, 64), code=Variational(latent_dim=8))
            training = train(RunSpec(data=data, model=net, training=Training(epochs=1, batch_size=256)))
            for _ in training:
                pass
            models.append(training)  # runs are kept, as a worker keeps those that may go on
            say(what)
            if len(models) == 1:
                training.result().measure()
                say("all its metrics")


class _named:
    """The folder is one that the user named, as long as this lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        import os

        os.environ["LATENT_LAB_DATA"] = str(self.folder)

    def __exit__(self, *_: object) -> None:
        import os

        del os.environ["LATENT_LAB_DATA"]


if __name__ == "__main__":
    main()
