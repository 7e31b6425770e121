"""Games with a critic: what it learns, and what the codes are charged for its judgement.

Both sides see the same batch. The critic learns from codes that pass no gradient to the encoder, and the codes are
charged through weights that take none.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_core.models.critic import Critic
from ae_core.objectives.batch import Batch
from ae_core.spec import Factor


def critic_of(batch: Batch) -> Critic:
    """The model's critic. Raises TypeError where it has none."""
    if batch.model.critic is None:
        raise TypeError("This term needs a critic.")
    return batch.model.critic


def factor(batch: Batch) -> Tensor:
    """ln D/(1 - D) of each code, D the critic's belief that it is no shuffled one: on average the total correlation, if
    the critic is perfect. (batch,), nats. Source: Kim and Mnih 2018, eq. 3.
    """
    return critic_of(batch).judge(batch.codes)


def adversarial(batch: Batch) -> Tensor:
    """-ln D of each code, D the critic's belief that it is a draw of the prior. (batch,), nats.

    Source: Makhzani et al. 2015, with the generator's loss that does not saturate (Goodfellow et al. 2014, section 3).
    """
    return F.softplus(-critic_of(batch).judge(batch.codes))


def critic_loss(batch: Batch) -> Tensor:
    """What the critic makes small: the mean of -ln D over what it should take for true and of -ln(1 - D) over the rest,
    half each; ln 2 if it cannot tell them apart. A scalar, nats.

    FactorVAE: codes are true and shuffled codes are not. Adversarial: draws of the prior are true and codes are not.
    """
    critic, z = critic_of(batch), batch.codes.detach()
    if isinstance(batch.spec.objective.matching, Factor):
        true, false = z, shuffled(z, batch.chance)
    else:
        true, false = batch.prior(), z
    return 0.5 * (F.softplus(-critic(true)).mean() + F.softplus(critic(false)).mean())


def shuffled(z: Tensor, generator: torch.Generator) -> Tensor:
    """Each number of the code shuffled over the batch by itself, as if numbers knew nothing of each other.

    (batch, latent) in and out. Source: Kim and Mnih 2018, algorithm 1.
    """
    return z.gather(0, torch.rand(z.shape, generator=generator).argsort(dim=0))
