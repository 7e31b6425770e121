"""Trains the starter run and writes it to assets: `python -m tests.gallery.starter`. Takes a few seconds."""

from __future__ import annotations

import torch

from ae_core import frames
from ae_core.events import Event, Finished, to_json
from ae_core.starter import FILE, STARTER, STARTER_RUN, packed
from ae_core.store import Publication
from ae_core.training import Trainer
from ae_core.training.pictures import log_spaced

PICTURES = 14


def news(trainer: Trainer, events: list[Event], first: bool = False) -> Publication:
    """What a worker would publish now."""
    shot = trainer.snapshot()
    facts = {"step": shot.step, "epoch": shot.epoch, "seconds": shot.seconds}
    end = next((event for event in events if isinstance(event, Finished)), None)
    return Publication(
        run=STARTER_RUN,
        attempt=1,
        status=trainer.status,
        goal=trainer.goal,
        learning_rate=trainer.learning_rate,
        events=[to_json(event) for event in events],
        introduction=_introduction(trainer) if first else None,
        snapshot=frames.encode(facts, shot.arrays),
        checkpoint=trainer.checkpoint() if end else None,
        milestone=trainer.weights(),
        metrics=dict(end.metrics) if end else {},
        **facts,
    )


def _introduction(trainer: Trainer) -> bytes:
    facts, arrays = trainer.introduction()
    return frames.encode(facts, arrays)


def main() -> None:
    """Trains, packs, writes."""
    torch.set_num_threads(1)
    trainer = Trainer(STARTER)
    parts = [news(trainer, trainer.start(), first=True)]
    for step in log_spaced(trainer.goal, PICTURES):
        parts.append(news(trainer, trainer.advance(steps=step - trainer.step)))
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(packed(parts))
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB, {dict(parts[-1].metrics)}")


if __name__ == "__main__":
    main()
