"""A run as a file to take away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ae_core.probes.questions import TakeAway
from ae_core.probes.specimen import Specimen


def take_away(
    question: TakeAway, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`bytes` u1 (size,). header: `file`, its name, and `media`, what browsers call its kind. Raises SpecError where
    the run cannot be written like this.
    """
    from ae_core.exports.files import FILES  # what draws and packs takes long to load, and few ask for it

    file = FILES[question.file]
    data = file.make(specimen, tell)
    return {"file": question.file, "media": file.media}, {"bytes": np.frombuffer(data, np.uint8)}
