"""Units of a k-sparse code that no item keeps any more: how many there are, and what brings them back."""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor

from ae_core.models.sparse import KSparseCode, largest
from ae_core.objectives.batch import Batch


def auxiliary(batch: Batch) -> Tensor:
    """Half the squared error of the dead units' attempt to rebuild what the others left over: (batch,), nats.

    The residual x - x' is a fixed target. Of the dead units, the half as many as an item has features that answer most
    give g(z_dead) - g(0), before the output's shape: with a linear decoder W z_dead. Dropout is off and batch norm at
    rest, so that this second look through the decoder leaves no trace. Nothing where no unit is dead.
    Source: Gao et al. 2024, appendix A.2 (there divided by the variance of the residual).
    """
    code, full = cast(KSparseCode, batch.model.code), batch.out.coded.full
    count = int(code.dead.sum())
    if count == 0 or full is None:
        return batch.out.raw.new_zeros(len(batch.x))
    some = min(count, max(1, batch.x.shape[1] // 2))
    answers = full * largest(full.detach().masked_fill(~code.dead, -math.inf), some)
    residual = (batch.x - batch.model.shown(batch.out.raw)).detach()
    training = batch.model.training
    batch.model.eval()
    rebuilt = batch.model.decode_raw(answers) - batch.model.decode_raw(answers.new_zeros(answers.shape))
    batch.model.train(training)
    missed = (residual - rebuilt).square()
    return 0.5 * (missed if batch.weights is None else missed * batch.weights).sum(dim=-1)


def dead(batch: Batch) -> Tensor:
    """Share of the code's units that were silent for the last `dead_after` steps of training: (), 0..1."""
    return cast(KSparseCode, batch.model.code).dead.to(batch.x.dtype).mean()
