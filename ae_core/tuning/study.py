"""Optuna's study, made anew from trials whenever something is asked of it: what to try next, what to give up."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from ae_core.tuning.plan import Pruner, Sampler, StudyPlan
from ae_core.tuning.space import Proposal, by_optuna, distributions, grid, params_of_base, proposed
from ae_core.tuning.trials import REPORTS, Trial

FIRST, LAST = 100 // REPORTS, 100  # percent of the training at the first report and at the last
FACTOR = 3  # of successive halving: one in so many goes on
WARM = 5  # complete trials before the median means something
PARENTS = 10  # in a generation of NSGA-II; Optuna's 50 would be more than most studies here have trials
PRIVATE = "cma:"  # marks of CMA-ES are pickles, which the store does not hold; the next host begins a new evolution

_STATES = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

optuna.logging.set_verbosity(optuna.logging.ERROR)


SAMPLERS: dict[Sampler, Callable[[StudyPlan, int], BaseSampler]] = {
    "tpe": lambda plan, seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda plan, seed: optuna.samplers.RandomSampler(seed=seed),
    "grid": lambda plan, seed: optuna.samplers.GridSampler(grid(plan), seed=plan.seed),
    "gp": lambda plan, seed: optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False),
    "cmaes": lambda plan, seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
    "nsga2": lambda plan, seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=PARENTS),
}
"""A plan's sampler, from a seed. GP loads torch when it is first asked, so only in the engine's host."""

PRUNERS: dict[Pruner, Callable[[], optuna.pruners.BasePruner]] = {
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=WARM, n_warmup_steps=FIRST),
    "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST, reduction_factor=FACTOR),
    "hyperband": lambda: optuna.pruners.HyperbandPruner(min_resource=FIRST, max_resource=LAST, reduction_factor=FACTOR),
    "none": optuna.pruners.NopPruner,
}


def rebuilt(
    plan: StudyPlan,
    name: str,
    trials: Sequence[Trial],
    labels: Callable[[str], str] = str,
    first_rung: Callable[[int], int] = lambda _: FIRST,
) -> optuna.Study:
    """Optuna's study of these trials, in memory. name: the same for the same study, for Hyperband deals by it.

    labels: what parameters are called in it, by their names in the plan. The sampler is seeded by the plan's seed and
    the number of trials, so a study goes on the same way whether or not it was ever interrupted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        sampler = SAMPLERS[plan.sampler](plan, _seed(plan, trials))
        study = optuna.create_study(
            study_name=name, directions=plan.directions, sampler=sampler, pruner=PRUNERS[plan.pruner]()
        )
    spreads = distributions(plan)
    for number, trial in enumerate(trials):
        study.add_trial(_frozen(trial, plan, spreads, labels, _rungs(trial, first_rung(number))))
    return study


def _seed(plan: StudyPlan, trials: Sequence[Trial]) -> int:
    return (plan.seed * 1_000_003 + len(trials)) % 2**31


def _frozen(
    trial: Trial,
    plan: StudyPlan,
    spreads: Mapping[str, BaseDistribution],
    labels: Callable[[str], str],
    rungs: Mapping[str, float],
) -> FrozenTrial:
    last = list(trial.reports.values())[-1:] if len(plan.objectives) == 1 else []
    made = create_trial(
        state=_STATES[trial.state],
        values=list(trial.values or (last if trial.state == "pruned" else ())) or None,
        params={labels(name): value for name, value in trial.params.items()},
        distributions={labels(name): spreads[name] for name in trial.params},
        intermediate_values=dict(trial.reports),
        user_attrs={"run": trial.run, "number": trial.number, "reason": trial.reason},
        system_attrs={**trial.marks, **rungs},
    )
    if trial.started is not None:
        made.datetime_start = datetime.fromtimestamp(trial.started)
        made.datetime_complete = datetime.fromtimestamp(trial.finished) if trial.finished else None
    return made


def _rungs(trial: Trial, first: int) -> dict[str, float]:
    """What successive halving would have noted of a trial that is over: its value at each of its rungs, from `first`
    percent of the training up. A running trial gets its own when it is judged.
    """
    if trial.state == "running":
        return {}
    values, rung, found = trial.reports, 0, {}
    for percent in sorted(values):
        if percent >= first * FACTOR**rung:
            found[f"completed_rung_{rung}"] = values[percent]
            rung += 1
    return found


def _first_rungs(plan: StudyPlan, name: str) -> Callable[[int], int]:
    """Percent of the training at a trial's first rung, by its place in the study. Hyperband deals trials to brackets,
    whose first rungs lie ever higher; to which, its pruner alone knows.
    """
    pruner = PRUNERS[plan.pruner]()
    if not isinstance(pruner, optuna.pruners.HyperbandPruner):
        return lambda _: FIRST
    study = optuna.create_study(study_name=name, pruner=pruner)
    pruner._try_initialization(study)
    return lambda number: FIRST * FACTOR ** pruner._get_bracket_id(study, cast(FrozenTrial, _Numbered(number)))


@dataclass(frozen=True)
class _Numbered:
    """All that Hyperband looks at of a trial when it deals."""

    number: int


# ------------------------------------------------------------------------------------------------ what is asked


def next_trial(plan: StudyPlan, name: str, trials: Sequence[Trial]) -> tuple[Proposal, dict[str, Any]] | None:
    """What to try next, and the sampler's marks on it; None where a grid is used up. The plan's own experiment comes
    first, if it is wanted.
    """
    study = rebuilt(plan, name, trials)
    if isinstance(study.sampler, optuna.samplers.GridSampler) and trials and study.sampler.is_exhausted(study):
        return None
    if plan.with_base and not trials and plan.sampler != "grid":
        study.enqueue_trial(params_of_base(plan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        asked = study.ask()
        proposal = proposed(plan, by_optuna(asked))
    marks = study.get_trials(deepcopy=False)[asked.number].system_attrs
    return proposal, {key: value for key, value in marks.items() if key != "fixed_params"}


def hopeless(plan: StudyPlan, name: str, trials: Sequence[Trial]) -> list[Trial]:
    """Running trials that the pruner gives up."""
    if not plan.prunes:
        return []
    study, found = rebuilt(plan, name, trials, first_rung=_first_rungs(plan, name)), []
    for number, trial in enumerate(trials):
        if trial.state == "running" and trial.reports and max(trial.reports) < LAST:
            frozen = study.get_trials(deepcopy=False)[number]
            if study.pruner.prune(study, frozen):
                found.append(trial)
    return found
