"""What holds an encoder and its codebook together."""

from __future__ import annotations

from typing import cast

from torch import Tensor

from ae_core.models.quantised import QuantisedCode
from ae_core.objectives.batch import Batch


def commitment(batch: Batch) -> Tensor:
    """||z - sg(e)||^2, what the encoder said against the entries it got, summed over the code: (batch,).

    Pulls the encoder alone. Source: van den Oord et al. 2017, eq. 3, third term.
    """
    code, full, chosen = _parts(batch)
    return (full - code.look_up(chosen).detach()).square().sum(dim=-1)


def codebook(batch: Batch) -> Tensor:
    """||sg(z) - e||^2, the same distance, pulling the entries alone: (batch,).

    Source: van den Oord et al. 2017, eq. 3, second term.
    """
    code, full, chosen = _parts(batch)
    return (full.detach() - code.look_up(chosen)).square().sum(dim=-1)


def perplexity(batch: Batch) -> Tensor:
    """exp of the entropy of the choices in this batch: (), from 1 (all the same) to the size of the codebook."""
    code, _, chosen = _parts(batch)
    use = code.use(chosen)
    return (-use.xlogy(use).sum()).exp()


def _parts(batch: Batch) -> tuple[QuantisedCode, Tensor, Tensor]:
    coded = batch.out.coded
    return cast(QuantisedCode, batch.model.code), cast(Tensor, coded.full), cast(Tensor, coded.chosen)
