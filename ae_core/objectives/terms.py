"""The objective: its terms by name, and what weighs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ae_core.dials import Dials
from ae_core.objectives.batch import Batch
from ae_core.objectives.code import code_l1, code_l2, decoder_jacobian_norm, importance, jacobian_norm, kl, kl_sparsity
from ae_core.objectives.codebook import codebook, commitment
from ae_core.objectives.critics import adversarial, factor
from ae_core.objectives.dead_units import auxiliary
from ae_core.objectives.matching import capacity_gap, diagonal, mmd, off_diagonal, part_of_kl, sliced
from ae_core.objectives.reconstruction import reconstruction
from ae_core.objectives.topological import topological
from ae_core.spec import (
    DIP,
    MMD,
    Adversarial,
    Capacity,
    Factor,
    Info,
    NoMatching,
    Quantised,
    RunSpec,
    Sliced,
    Spec,
    TotalCorrelation,
    Variational,
)


@dataclass(frozen=True)
class Term:
    """A penalty. weight: key of the setting that weighs it; where the spec has no such setting, or it is 0 all through
    the run, the term is not there. Or what makes the weight of several settings. None: it weighs 1. value: (batch,),
    nats before weighting; a property of the whole batch is given to each of its items. applies: whether runs of this
    spec can have it.
    """

    weight: str | Callable[[Dials], float] | None
    value: Callable[[Batch], Tensor]
    applies: Callable[[RunSpec], bool] = lambda spec: True

    def weighs(self, batch: Batch) -> float | None:
        """What its value is multiplied by now; None where the objective does not have it."""
        if not self.applies(batch.spec):
            return None
        if isinstance(self.weight, str):
            return batch.dials(self.weight) if batch.dials.ever(self.weight) else None
        return self.weight(batch.dials) if self.weight else 1.0


KL = {"kl": Term("model_code_beta", kl)}

MATCHINGS: dict[type[Spec], dict[str, Term]] = {
    NoMatching: KL,
    Capacity: {"capacity": Term("objective_matching_weight", capacity_gap)},
    TotalCorrelation: {
        name: Term(f"objective_matching_{name}", part_of_kl(name))
        for name in ("mutual_information", "total_correlation", "dimension_wise")
    },
    DIP: KL
    | {
        "off_diagonal": Term("objective_matching_off_diagonal", off_diagonal),
        "diagonal": Term("objective_matching_diagonal", diagonal),
    },
    Info: {
        "kl": Term(lambda dials: 1 - dials("objective_matching_alpha"), kl),
        "mmd": Term(lambda dials: dials("objective_matching_alpha") + dials("objective_matching_weight") - 1, mmd),
    },
    MMD: KL | {"mmd": Term("objective_matching_weight", mmd)},
    Factor: KL | {"factor": Term("objective_matching_weight", factor)},
    Adversarial: KL | {"adversarial": Term("objective_matching_weight", adversarial)},
    Sliced: KL | {"sliced": Term("objective_matching_weight", sliced)},
}
"""What shapes the codes of all items together, by kind. A kind without `kl` puts something else in its place."""

PENALTIES: dict[str, Term] = {
    "importance": Term(
        None, importance, lambda spec: isinstance(spec.model.code, Variational) and spec.model.code.samples > 1
    ),
    "code_l1": Term("objective_code_l1", code_l1),
    "code_l2": Term("objective_code_l2", code_l2),
    "decoder_gradient": Term("objective_decoder_gradient", decoder_jacobian_norm),
    "sparsity": Term("objective_sparsity_weight", kl_sparsity),
    "contractive": Term("objective_contractive", jacobian_norm),
    "topological": Term("objective_topological", topological),
    "auxiliary": Term("model_code_auxiliary", auxiliary),
    "commitment": Term("model_code_commitment", commitment),
    "codebook": Term(None, codebook, lambda spec: isinstance(spec.model.code, Quantised) and not spec.model.code.ema),
}


def terms(batch: Batch) -> dict[str, Tensor]:
    """Each term of the objective times its weight, (batch,) each, `reconstruction` first."""
    found = {"reconstruction": reconstruction(batch.model, batch.out.raw, batch.x, batch.weights)}
    for name, term in (MATCHINGS[type(batch.spec.objective.matching)] | PENALTIES).items():
        weight = term.weighs(batch)
        if weight is not None:
            found[name] = weight * term.value(batch)
    return found
