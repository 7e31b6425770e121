"""Answers: what each question of `probes.questions` comes to, worked out on a specimen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ae_core import frames
from ae_core.probes.clusters import clusters
from ae_core.probes.codes import codes
from ae_core.probes.dimensions import dimensions
from ae_core.probes.items import items
from ae_core.probes.landscape import landscape
from ae_core.probes.layers import layers
from ae_core.probes.numbers import numbers
from ae_core.probes.program import program
from ae_core.probes.projection import projection
from ae_core.probes.questions import (
    Clusters,
    Codes,
    Dimensions,
    Items,
    Landscape,
    Layers,
    Numbers,
    Program,
    Projection,
    Samples,
    TakeAway,
    Units,
)
from ae_core.probes.samples import samples
from ae_core.probes.specimen import Specimen
from ae_core.probes.take_away import take_away
from ae_core.probes.units import units
from ae_core.spec import Spec

Found = tuple[Mapping[str, Any], Mapping[str, np.ndarray]]  # header and arrays of a frame
Tell = Callable[[float], None]  # is called with the share of the work that is done, 0 to 1

ANSWERS: dict[type[Spec], Callable[[Any, Specimen, Tell], Found]] = {
    Codes: codes,
    Items: items,
    Program: program,
    Projection: projection,
    Clusters: clusters,
    Numbers: numbers,
    Samples: samples,
    Layers: layers,
    Units: units,
    Dimensions: dimensions,
    Landscape: landscape,
    TakeAway: take_away,
}
"""What works each question out."""


def answer(question: Spec, specimen: Specimen, tell: Tell) -> bytes:
    """The answer as a frame, whose header also says of which run and step. Raises AeError where there is none."""
    header, arrays = ANSWERS[type(question)](question, specimen, tell)
    kind = str(getattr(question, "kind", ""))
    return frames.encode({"kind": kind, "run": specimen.run, "step": specimen.step, **header}, arrays)
