"""What is watched beside the objective: shown as curves, never part of the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ae_core.objectives.batch import Batch
from ae_core.objectives.codebook import perplexity
from ae_core.objectives.critics import critic_loss
from ae_core.objectives.dead_units import dead
from ae_core.spec import Adversarial, Factor, KSparse, Quantised, RunSpec


@dataclass(frozen=True)
class Reading:
    """applies: whether runs of this spec have it. value: (batch,), or () for a property of the whole batch."""

    applies: Callable[[RunSpec], bool]
    value: Callable[[Batch], Tensor]


READINGS: dict[str, Reading] = {
    "dead": Reading(lambda spec: isinstance(spec.model.code, KSparse), dead),
    "perplexity": Reading(lambda spec: isinstance(spec.model.code, Quantised), perplexity),
    "critic": Reading(
        lambda spec: isinstance(spec.objective.matching, Factor | Adversarial), lambda batch: batch.once(critic_loss)
    ),
}


def readings(batch: Batch) -> dict[str, Tensor]:
    """Each reading that runs of this spec have, (batch,) each."""
    found = {name: reading.value(batch) for name, reading in READINGS.items() if reading.applies(batch.spec)}
    return {name: value.expand(len(batch.x)) for name, value in found.items()}
