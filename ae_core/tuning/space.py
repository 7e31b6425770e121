"""Which values a trial may have: a plan's settings as Optuna's distributions, and a trial's values as an experiment.

A setting takes part in a trial only where it has an effect: beta where the code is Gaussian, momentum with SGD, the
width of the third layer where there is one. So Optuna's parameters are conditional, and are asked for in an order in
which what they depend on comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ae_core.compatibility import check
from ae_core.errors import DataMissing, SpecError
from ae_core.spec import MLP, MOST_CHANNELS, WIDEST, Conv, RunSpec, Setting, bound, changed, in_effect, settings
from ae_core.tuning.plan import Layers, Numbers, Sought, StudyPlan, Words

Params = Mapping[str, Any]
Ask = Callable[[str, BaseDistribution], Any]

UNSEARCHED = frozenset(
    {
        "objective_reconstruction",  # its scale is another one for each choice,
        "objective_observed_only",  # and these two change which entries are judged
        "objective_corruption_target",
        "training_seed",  # trials differ by what is searched, not by luck
        "training_max_seconds",  # when a run ends belongs to the budget
        "training_target_loss",
        "training_patience",
        "training_gradients",  # changes speed alone
        "schedules",
    }
)
LAYERS = {
    "model_hidden": (0, bound(MLP, "hidden", "max_length"), WIDEST),
    "model_channels": (bound(Conv, "channels", "min_length"), bound(Conv, "channels", "max_length"), MOST_CHANNELS),
}
"""Settings that are layers: fewest, most, widest."""

USUAL: Mapping[str, tuple[float, float]] = {
    "optimizer_learning_rate": (1e-4, 0.1),
    "training_batch_size": (16, 256),
    "training_epochs": (10, 100),
    "model_code_latent_dim": (1, 16),
    "model_code_beta": (0.01, 10),
    "objective_weight_decay": (1e-6, 0.01),
    "objective_weight_l1": (1e-6, 0.01),
    "objective_code_l1": (1e-5, 1),
    "objective_contractive": (1e-4, 1),
    "model_dropout": (0, 0.5),
    "model_width": (8, 128),
}
"""Where most good values lie; the far ends of a setting's bounds would mostly cost trials."""
USUAL_LAYERS = {"model_hidden": (0, 3, 8, 256), "model_channels": (1, 3, 4, 32)}
SMALLEST = 1e-6  # above zero, on a log scale
DIGITS = 3  # of a number that is tried, so that people can read it
STOPS = 4  # values of a number on a grid
MOST_CELLS = 100_000  # of a grid; its size alone says that it would never end


def searchable(base: RunSpec, kinds: Mapping[str, Sequence[Any]] | None = None) -> dict[str, Setting]:
    """The settings that a study may search from this experiment, by key.

    kinds: choices that are searched too; settings that exist under one of them are among the found.
    """
    found: dict[str, Setting] = {}
    for spec in _forms(base, kinds or {}):
        for leaf in settings(spec):
            if leaf.path[0] != "data" and leaf.key not in UNSEARCHED and _is_still(leaf, base):
                found.setdefault(leaf.key, leaf)
    return found


def _forms(base: RunSpec, kinds: Mapping[str, Sequence[Any]]) -> Iterator[RunSpec]:
    """The experiment, and what it becomes under each choice of a kind."""
    yield base
    for key, words in kinds.items():
        for word in words:
            yield changed(base, {key: word})


def _is_still(leaf: Setting, base: RunSpec) -> bool:
    """No schedule moves it."""
    return leaf.key not in {plan.setting for plan in base.schedules}


def bounds(leaf: Setting) -> tuple[float, float]:
    """The ends that a search may go to: the setting's own, above zero on a log scale."""
    low, high = leaf.low or 0.0, leaf.high or 0.0
    if leaf.knob.scale != "linear" and low <= 0:
        low = 1 if isinstance(leaf.default, int) else SMALLEST
    return low, high


def usual(leaf: Setting, base: RunSpec) -> Sought:
    """How this setting is searched unless somebody says otherwise."""
    if leaf.key in LAYERS:
        fewest, most, narrowest, widest = USUAL_LAYERS[leaf.key]
        return Layers(setting=leaf.key, fewest=fewest, most=most, narrowest=narrowest, widest=widest)
    if words := choices(leaf, base):
        return Words(setting=leaf.key, words=words)
    low, high = USUAL.get(leaf.key, bounds(leaf))
    log, whole = leaf.knob.scale != "linear", isinstance(leaf.default, int)
    return Numbers(setting=leaf.key, low=low, high=high, log=log, whole=whole)


def choices(leaf: Setting, base: RunSpec) -> tuple[Any, ...]:
    """The choices of a setting that can be run with the rest as it is; () for a number."""
    words = (False, True) if isinstance(leaf.default, bool) else leaf.choices
    return tuple(word for word in words if word == leaf.value or _runs(base, leaf.key, word))


def _runs(base: RunSpec, key: str, word: Any) -> bool:
    try:
        check(changed(base, {key: word}))
    except (SpecError, DataMissing):
        return False
    return True


def check_plan(plan: StudyPlan) -> None:
    """Raises SpecError where a plan's settings or objectives do not fit its experiment."""
    kinds = {one.setting: one.words for one in plan.sought if isinstance(one, Words)}
    known = searchable(plan.base, {key: words for key, words in kinds.items() if key.endswith("_kind")})
    for one in plan.sought:
        if one.setting not in known:
            raise SpecError(f"{one.setting} cannot be searched from this experiment. Choose other settings.")
        _check_bounds(one, known[one.setting])
    codes = kinds.get("model_code_kind", (plan.base.model.code.kind,))
    if "val_elbo" in plan.objectives and not set(codes) <= {"variational", "categorical"}:
        raise SpecError("The evidence bound needs a Gaussian or a categorical code. Choose such a code, or val_mse.")
    if len(plan.objectives) > 1 and plan.sampler in ("cmaes",):
        raise SpecError("CMA-ES searches for one objective. Choose NSGA-II or TPE for two.")


def _within(one: Sought, leaf: Setting) -> bool:
    """Whether the setting, as it is here, knows everything that the search may ask of it."""
    try:
        _check_bounds(one, leaf)
    except SpecError:
        return False
    return True


def _check_bounds(one: Sought, leaf: Setting) -> None:
    if isinstance(one, Words):
        words = (False, True) if isinstance(leaf.default, bool) else leaf.choices
        if not set(one.words) <= set(words):
            raise SpecError(f"{one.setting} can be {', '.join(map(str, words))}; the search asks for other choices.")
        return
    low, high = bounds(leaf) if isinstance(one, Numbers) else (1, LAYERS[leaf.key][2])
    asked = (one.low, one.high) if isinstance(one, Numbers) else (one.narrowest, one.widest)
    if not low <= asked[0] <= asked[1] <= high:
        raise SpecError(f"{one.setting} can be searched from {low:g} to {high:g}, got {asked[0]:g} to {asked[1]:g}.")
    if isinstance(one, Layers) and not LAYERS[leaf.key][0] <= one.fewest <= one.most <= LAYERS[leaf.key][1]:
        fewest, most, _ = LAYERS[leaf.key]
        raise SpecError(f"{one.setting} can have {fewest} to {most} layers, got {one.fewest} to {one.most}.")


# ------------------------------------------------------------------------------------------- Optuna's parameters


def distributions(plan: StudyPlan) -> dict[str, BaseDistribution]:
    """Every parameter that a trial of this plan can have. A layer's are `<setting>_count` and `<setting>_<n>`."""
    return {name: spread for one in plan.sought for name, spread in _spreads(one).items()}


def _spreads(one: Sought) -> dict[str, BaseDistribution]:
    if isinstance(one, Words):
        return {one.setting: CategoricalDistribution(one.words)}
    if isinstance(one, Layers):
        width = IntDistribution(one.narrowest, one.widest, log=True)
        widths: dict[str, BaseDistribution] = {f"{one.setting}_{n}": width for n in range(1, one.most + 1)}
        return {f"{one.setting}_count": IntDistribution(one.fewest, one.most), **widths}
    if one.whole:
        return {one.setting: IntDistribution(round(one.low), round(one.high), log=one.log)}
    return {one.setting: FloatDistribution(one.low, one.high, log=one.log)}


def _in_order(sought: Sequence[Sought], base: RunSpec) -> list[Sought]:
    """Kinds first, since they decide which settings there are, then what others lie idle by."""
    kinds = {one.setting: one.words for one in sought if isinstance(one, Words) and one.setting.endswith("_kind")}
    leaves = searchable(base, kinds)
    return sorted(sought, key=lambda one: (one.setting not in kinds, leaves[one.setting].knob.idle is not None))


@dataclass(frozen=True)
class Proposal:
    """An experiment, and the values of Optuna's parameters that it was made from."""

    spec: RunSpec
    params: Params


def proposed(plan: StudyPlan, ask: Ask) -> Proposal:
    """The experiment that comes of asking for each parameter that has an effect. ask: a parameter's value, by name.

    A setting that is narrower under the kind that was chosen (of some codes the activation) is left as it is there.
    """
    spec, params = plan.base, dict[str, Any]()
    for one in _in_order(plan.sought, plan.base):
        if any(leaf.key == one.setting and _within(one, leaf) for leaf in in_effect(spec)):
            value, answers = _answered(one, ask)
            params |= answers
            spec = changed(spec, {one.setting: value})
    return Proposal(spec, params)


def _answered(one: Sought, ask: Ask) -> tuple[Any, dict[str, Any]]:
    """The setting's value, and the parameters behind it."""
    spreads = _spreads(one)
    if not isinstance(one, Layers):
        value = ask(one.setting, spreads[one.setting])
        if isinstance(one, Numbers) and not one.whole:
            value = min(max(float(f"{value:.{DIGITS}g}"), one.low), one.high)
        return value, {one.setting: value}
    answers = {f"{one.setting}_count": ask(f"{one.setting}_count", spreads[f"{one.setting}_count"])}
    for n in range(1, answers[f"{one.setting}_count"] + 1):
        answers[f"{one.setting}_{n}"] = ask(f"{one.setting}_{n}", spreads[f"{one.setting}_{n}"])
    return tuple(list(answers.values())[1:]), answers


def by_optuna(trial: optuna.Trial) -> Ask:
    """Asks a trial of Optuna's."""

    def ask(name: str, spread: BaseDistribution) -> Any:
        if isinstance(spread, CategoricalDistribution):
            return trial.suggest_categorical(name, spread.choices)
        if isinstance(spread, IntDistribution):
            return trial.suggest_int(name, spread.low, spread.high, log=spread.log)
        assert isinstance(spread, FloatDistribution)
        return trial.suggest_float(name, spread.low, spread.high, log=spread.log)

    return ask


def params_of_base(plan: StudyPlan) -> dict[str, Any]:
    """The parameters that describe the plan's own experiment, as far as the search's bounds hold it."""
    now: dict[str, Any] = {}
    for leaf in settings(plan.base):
        if leaf.key in LAYERS:
            now |= {f"{leaf.key}_count": len(leaf.value)}
            now |= {f"{leaf.key}_{n}": width for n, width in enumerate(leaf.value, 1)}
        else:
            now[leaf.key] = leaf.value
    return {
        name: now[name] for name, spread in distributions(plan).items() if name in now and _holds(spread, now[name])
    }


def _holds(spread: BaseDistribution, value: Any) -> bool:
    if isinstance(spread, CategoricalDistribution):
        return value in spread.choices
    assert isinstance(spread, IntDistribution | FloatDistribution)
    return bool(spread.low <= value <= spread.high)


def grid(plan: StudyPlan) -> dict[str, list[Any]]:
    """Up to STOPS values of each parameter, evenly over its range; every choice of words."""
    return {name: _stops(spread) for name, spread in distributions(plan).items()}


def _stops(spread: BaseDistribution) -> list[Any]:
    if isinstance(spread, CategoricalDistribution):
        return list(spread.choices)
    assert isinstance(spread, IntDistribution | FloatDistribution)
    shares = [stop / (STOPS - 1) for stop in range(STOPS)]
    if spread.log:
        values = [spread.low * (spread.high / spread.low) ** share for share in shares]
    else:
        values = [spread.low + (spread.high - spread.low) * share for share in shares]
    if isinstance(spread, IntDistribution):
        return list(dict.fromkeys(round(value) for value in values))
    return [min(max(float(f"{value:.{DIGITS}g}"), spread.low), spread.high) for value in values]
