"""What a term of the objective may look at."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ae_core.dials import Dials
from ae_core.models import Autoencoder, Pass
from ae_core.spec import RunSpec


@dataclass(frozen=True)
class Batch:
    """Some items and what the model made of them. x: (batch, features), the targets. seen: what the encoder was given,
    x itself or x damaged. model: told the items' classes, if it is conditional.
    """

    model: Autoencoder
    x: Tensor
    seen: Tensor
    out: Pass

    @property
    def spec(self) -> RunSpec:
        """The experiment."""
        return self.model.spec

    @property
    def dials(self) -> Dials:
        """Its numbers as they stand now."""
        return self.model.dials


def look(model: Autoencoder, x: Tensor, seen: Tensor | None = None, labels: Tensor | None = None) -> Batch:
    """One pass of x, or of its damaged form `seen`, through the model. labels: (batch,), for a conditional one."""
    told, given = model.given(labels), x if seen is None else seen
    return Batch(told, x, given, told(given))
