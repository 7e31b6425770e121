"""New codes to decode: samplers that work on any trained model, each fitted to the codes of its training items alone.

A sampler is a small object: `Mixture(components=5).draw(codes, 100, np.random.default_rng(0))`. It knows no network, so
every model is a generator once its codes are modelled (Dai and Wipf 2019; Ghosh et al. 2020).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ae_core.compatibility import is_sparse
from ae_core.errors import SpecError
from ae_core.spec import Categorical, KSparse, Point, Quantised, RunSpec, Variational

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choices:
    """A discrete code. words: (entries, numbers of a slot). chosen: (n, slots), the entry of each slot of an item.
    usable: the entries that may be drawn at all.
    """

    words: Array
    chosen: Integers
    usable: Integers

    def spelled(self, chosen: Integers) -> Array:
        """(n, slots) -> (n, width): the words side by side."""
        return self.words[chosen].reshape(len(chosen), -1)


@dataclass(frozen=True)
class Codes:
    """What a model makes of its training items. z: (n, width), the codes without chance.

    spread: (n, width), standard deviations of Gaussian posteriors. choices: of a discrete code. bounds: between which
    every number of a code lies. prior: of a learned one the Gaussians' centres and standard deviations, (components,
    width) each.
    """

    z: Array
    spread: Array | None = None
    choices: Choices | None = None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    prior: tuple[Array, Array] | None = None


class Sampler(ABC):
    """Draws codes. `objection` says in a sentence why it cannot for the models of a spec, or nothing."""

    @abstractmethod
    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        """(count, width)."""

    @staticmethod
    @abstractmethod
    def objection(spec: RunSpec) -> str:
        """Why it does not apply, as a sentence; empty where it does."""


def _of_points(spec: RunSpec) -> str:
    code = spec.model.code
    if isinstance(code, KSparse):
        return "A density draws numbers that are all away from zero, and only k of a k-sparse code may be."
    if isinstance(code, Quantised | Categorical):
        return f"A density draws any number, and a {code.kind} code consists of choices from a list."
    return ""


def _learns_prior(spec: RunSpec) -> bool:
    code = spec.model.code
    return isinstance(code, Variational) and code.prior == "vamp"


def _of_choices(spec: RunSpec) -> str:
    code = spec.model.code
    if isinstance(code, Quantised | Categorical):
        return ""
    return f"It draws choices from a list, and a {code.kind} code has none."


def _choices(codes: Codes) -> Choices:
    if codes.choices is None:
        raise TypeError("This sampler needs a discrete code.")
    return codes.choices


@dataclass(frozen=True)
class StandardNormal(Sampler):
    """z ~ N(0, I): the prior of a variational autoencoder, and a guess for every other."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        return chance.standard_normal((count, codes.z.shape[1]))

    objection = staticmethod(_of_points)


@dataclass(frozen=True)
class Gaussian(Sampler):
    """One Gaussian with the mean and the full covariance of the codes."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        covariance = np.atleast_2d(np.cov(codes.z, rowvar=False, ddof=0))
        return chance.multivariate_normal(codes.z.mean(axis=0), covariance, size=count, method="eigh")

    objection = staticmethod(_of_points)


@dataclass(frozen=True)
class Mixture(Sampler):
    """A mixture of Gaussians with full covariances, fitted to the codes by expectation maximisation."""

    components: int = 10

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        from sklearn.mixture import GaussianMixture

        seed = int(chance.integers(2**31))
        fitted = GaussianMixture(min(self.components, len(codes.z)), random_state=seed).fit(codes.z)
        return np.asarray(chance.permutation(fitted.sample(count)[0]))  # it samples component after component

    objection = staticmethod(_of_points)


@dataclass(frozen=True)
class AggregatedPosterior(Sampler):
    """A point out of the cloud of a training item, drawn anew: q(z) itself (Makhzani et al., 2015)."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        if codes.spread is None:
            raise TypeError("The aggregated posterior needs a Gaussian code.")
        rows = chance.integers(len(codes.z), size=count)
        return np.asarray(codes.z[rows] + codes.spread[rows] * chance.standard_normal((count, codes.z.shape[1])))

    @staticmethod
    def objection(spec: RunSpec) -> str:
        if isinstance(spec.model.code, Variational):
            return ""
        return f"It draws from the cloud of each item, and a {spec.model.code.kind} code has no clouds."


@dataclass(frozen=True)
class LearnedPrior(Sampler):
    """A point out of the cloud of a pseudo-input: the prior that the run has learned (Tomczak and Welling, 2018)."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        if codes.prior is None:
            raise TypeError("The learned prior needs a model that has one.")
        centres, spreads = codes.prior
        rows = chance.integers(len(centres), size=count)
        return np.asarray(centres[rows] + spreads[rows] * chance.standard_normal((count, centres.shape[1])))

    @staticmethod
    def objection(spec: RunSpec) -> str:
        if _learns_prior(spec):
            return ""
        return "It draws from the prior that a run has learned, and this model's prior is not learned."


@dataclass(frozen=True)
class Empirical(Sampler):
    """The code of a training item, as it is: nothing new, but a yardstick for every other sampler."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        return codes.z[chance.integers(len(codes.z), size=count)]

    @staticmethod
    def objection(spec: RunSpec) -> str:
        return ""


@dataclass(frozen=True)
class Pattern(Sampler):
    """Which numbers speak is taken from one training item, what each says from another in which it speaks too."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        drawn = np.zeros((count, codes.z.shape[1]))
        active = codes.z[chance.integers(len(codes.z), size=count)] != 0
        for j in range(codes.z.shape[1]):
            said = codes.z[codes.z[:, j] != 0, j]
            if len(said):
                drawn[active[:, j], j] = chance.choice(said, size=int(active[:, j].sum()))
        return drawn

    @staticmethod
    def objection(spec: RunSpec) -> str:
        if is_sparse(spec):
            return ""
        return "It decides which numbers of the code are not zero, and every number of this code is away from zero."


@dataclass(frozen=True)
class Uniform(Sampler):
    """Each choice by itself, all words alike: the prior of a categorical code; of a codebook the words in use."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        choices = _choices(codes)
        return choices.spelled(chance.choice(choices.usable, size=(count, choices.chosen.shape[1])))

    objection = staticmethod(_of_choices)


@dataclass(frozen=True)
class Frequencies(Sampler):
    """Each choice by itself, every word as often as training items have it in that place."""

    def draw(self, codes: Codes, count: int, chance: np.random.Generator) -> Array:
        choices = _choices(codes)
        return choices.spelled(np.stack([chance.choice(slot, size=count) for slot in choices.chosen.T], axis=1))

    objection = staticmethod(_of_choices)


SAMPLERS: dict[str, type[Sampler]] = {
    "normal": StandardNormal,
    "gaussian": Gaussian,
    "gmm": Mixture,
    "posterior": AggregatedPosterior,
    "vamp": LearnedPrior,
    "pattern": Pattern,
    "uniform": Uniform,
    "frequencies": Frequencies,
    "empirical": Empirical,
}

USUAL = {Point: "gmm", Variational: "normal", KSparse: "pattern", Quantised: "frequencies", Categorical: "uniform"}
"""The sampler that belongs to each code (a learned prior has its own, vamp)."""


def sampler_of(spec: RunSpec, wanted: str | Sampler | None = None) -> Sampler:
    """The sampler of that name, with its usual settings; without a name the one that belongs to the spec's code.

    Raises SpecError where there is none of that name, or it does not apply to the spec's models.
    """
    usual = "vamp" if _learns_prior(spec) else USUAL[type(spec.model.code)]
    name = usual if wanted is None else wanted
    if isinstance(name, str) and name not in SAMPLERS:
        raise SpecError(f"There is no sampler {name!r}. Choose one of {', '.join(SAMPLERS)}.")
    found = SAMPLERS[name]() if isinstance(name, str) else name
    if objection := found.objection(spec):
        able = ", ".join(other for other, kind in SAMPLERS.items() if not kind.objection(spec))
        raise SpecError(f"{objection} For this model there are {able}.")
    return found


def draw(codes: Codes, count: int, sampler: Sampler, seed: int = 0) -> Array:
    """(count, width): new codes, the same for the same seed, each number within the bounds of the code."""
    if not np.isfinite(codes.z).all():
        raise SpecError("The codes of the training items are not finite numbers, so nothing can be fitted to them.")
    return sampler.draw(codes, count, np.random.default_rng(seed)).clip(*codes.bounds)
