"""What a study searches, for what, how, and for how long: a frozen `StudyPlan`, which is all that is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from ae_core.errors import SpecError
from ae_core.spec import RunSpec, Spec, sentence

Objective = Literal["val_mse", "val_elbo", "parameters", "seconds"]
Sampler = Literal["tpe", "random", "grid", "gp", "cmaes", "nsga2"]
Pruner = Literal["median", "halving", "hyperband", "none"]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
SAMPLERS: tuple[Sampler, ...] = get_args(Sampler)
PRUNERS: tuple[Pruner, ...] = get_args(Pruner)
LARGER_IS_BETTER: frozenset[Objective] = frozenset({"val_elbo"})
REPORTED: frozenset[Objective] = frozenset({"val_mse", "val_elbo"})  # known while a trial still trains
MOST_TRIALS = 200
MOST_PARALLEL = 8

Key = Annotated[str, Field(max_length=80)]
Bound = Annotated[float, Field(ge=-1e9, le=1e9)]
Width = Annotated[int, Field(ge=1, le=4096)]


class Numbers(Spec):
    """A setting that is a number, between two ends. whole: an integer. log: its size counts, not its distance."""

    kind: Literal["numbers"] = "numbers"
    setting: Key
    low: Bound
    high: Bound
    log: bool = False
    whole: bool = False


class Words(Spec):
    """A setting that is one of a few choices."""

    kind: Literal["words"] = "words"
    setting: Key
    words: Annotated[tuple[str | bool | int, ...], Field(min_length=1, max_length=20)]


class Layers(Spec):
    """Hidden layers: how many, and the width of each between two ends. A width exists only if its layer does."""

    kind: Literal["layers"] = "layers"
    setting: Key
    fewest: Annotated[int, Field(ge=0, le=6)]
    most: Annotated[int, Field(ge=1, le=6)]
    narrowest: Width
    widest: Width


Sought = Annotated[Numbers | Words | Layers, Field(discriminator="kind")]


class StudyPlan(Spec):
    """A search. base: the experiment that every trial starts from; what is not sought stays as it is there, the seed
    too, so that trials differ by nothing else.

    objectives: what is to be good, one or two of them. minutes: of training, all trials together. note: why nothing
    happens or why it ended early, a sentence.
    """

    base: RunSpec = RunSpec()
    sought: Annotated[tuple[Sought, ...], Field(min_length=1, max_length=20)]
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=2)] = ("val_mse",)
    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 30
    minutes: Annotated[float | None, Field(gt=0, le=600)] = None
    parallel: Annotated[int, Field(ge=1, le=MOST_PARALLEL)] = 2
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    with_base: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _fits(self) -> StudyPlan:
        settings = [one.setting for one in self.sought]
        if len(set(settings)) < len(settings):
            raise ValueError("expected each setting once")
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("expected two different objectives")
        return self

    @property
    def directions(self) -> list[Literal["minimize", "maximize"]]:
        """For each objective."""
        return ["maximize" if name in LARGER_IS_BETTER else "minimize" for name in self.objectives]

    @property
    def prunes(self) -> bool:
        """Whether a trial may be stopped early: with one objective that is known while it trains."""
        return self.pruner != "none" and len(self.objectives) == 1 and self.objectives[0] in REPORTED


def read_plan(value: Mapping[str, Any]) -> StudyPlan:
    """A plan from nested mappings. Raises SpecError with a sentence for each part that does not fit."""
    try:
        return StudyPlan.model_validate(value)
    except ValidationError as error:
        raise SpecError(" ".join(sentence(problem) for problem in error.errors()[:5])) from None
