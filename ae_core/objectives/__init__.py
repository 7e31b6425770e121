"""What training makes small: named terms, each one value for each item, in nats; their weighted sum.

Convention: sums over features and over code dimensions, the mean over the batch is taken once, in training. So a
weight means the same for every batch size and every width, and beta = 1 is the evidence lower bound.
"""

from ae_core.objectives.batch import Batch, look
from ae_core.objectives.code import jacobian_norm, kl_to_uniform, kl_to_unit_normal
from ae_core.objectives.codebook import codebook, commitment, perplexity
from ae_core.objectives.corruption import Damage, corrupt, damage, fixed_damage, imputes
from ae_core.objectives.dead_units import auxiliary
from ae_core.objectives.readings import READINGS, Reading, readings
from ae_core.objectives.reconstruction import (
    RECONSTRUCTIONS,
    bernoulli,
    continuous_bernoulli,
    cross_entropy,
    gaussian,
    log_likelihood_constant,
    observed,
    reconstruction,
    squared_error,
)
from ae_core.objectives.terms import PENALTIES, Term, terms
from ae_core.objectives.weights import weight_terms

__all__ = [
    "PENALTIES",
    "READINGS",
    "RECONSTRUCTIONS",
    "Batch",
    "Damage",
    "Reading",
    "Term",
    "auxiliary",
    "bernoulli",
    "codebook",
    "commitment",
    "continuous_bernoulli",
    "corrupt",
    "cross_entropy",
    "damage",
    "fixed_damage",
    "imputes",
    "gaussian",
    "jacobian_norm",
    "kl_to_uniform",
    "kl_to_unit_normal",
    "log_likelihood_constant",
    "look",
    "observed",
    "perplexity",
    "readings",
    "reconstruction",
    "squared_error",
    "terms",
    "weight_terms",
]
