"""What is searched, for what and how: the widgets that make a study's plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from ae_core.spec import RunSpec, Setting
from ae_core.tuning.plan import (
    MOST_PARALLEL,
    MOST_TRIALS,
    OBJECTIVES,
    PRUNERS,
    SAMPLERS,
    Layers,
    Numbers,
    Sought,
    StudyPlan,
    Words,
)
from ae_core.tuning.space import LAYERS, bounds, choices, searchable, usual
from pages._ui import knobs, state
from pages._ui.text import t
from pages._ui.titles import title

FIRST = ("optimizer_learning_rate", "model_hidden", "model_channels", "model_width", "model_activation")
FIRST += ("training_batch_size", "model_code_beta")
"""What a beginner searches, as far as the experiment has it."""
USUAL_SAMPLERS = {1: "tpe", 2: "nsga2"}
"""By the number of objectives."""
ONE_OBJECTIVE = frozenset({"cmaes"})


def plan_ui(spec: RunSpec) -> StudyPlan | None:
    """The plan that the widgets describe; None while no setting is chosen."""
    st.header(t("tune.what"))
    st.caption(t("tune.base", base=base_name(spec)))
    sought = _settings_ui(spec)
    objectives = _objectives_ui(spec)
    budget = _budget_ui()
    with st.expander(t("tune.how"), key="tune_how"):
        options = [name for name in SAMPLERS if len(objectives) == 1 or name not in ONE_OBJECTIVE]
        sampler = _choice(f"tune_sampler_{len(objectives)}", "sampler", options, USUAL_SAMPLERS[len(objectives)])
        pruner = _choice("tune_pruner", "pruner", PRUNERS, "median") if len(objectives) == 1 else "none"
        state.fill("tune_parallel", state.held("tune_parallel", 2))
        parallel = st.slider(t("tune.parallel"), 1, MOST_PARALLEL, key="tune_parallel", help=t("tune.parallel_help"))
        state.fill("tune_seed", state.held("tune_seed", 0))
        seed = st.number_input(t("tune.seed"), 0, 2**31 - 1, key="tune_seed", help=t("tune.seed_help"))
        state.fill("tune_with_base", state.held("tune_with_base", True))
        with_base = st.toggle(t("tune.with_base"), key="tune_with_base", disabled=sampler == "grid")
    if not sought:
        return None
    return StudyPlan(
        base=spec,
        sought=tuple(sought),
        objectives=tuple(objectives),
        sampler=sampler,
        pruner=pruner,
        parallel=parallel,
        seed=seed,
        with_base=with_base,
        **budget,
    )


def base_name(spec: RunSpec) -> str:
    """What an experiment is made of."""
    layers = knobs.show((*spec.model.sizes, spec.model.code.latent_dim))
    return t("runs.untitled", data=title(spec.data), layers=layers)


def parameter_name(name: str) -> str:
    """What people call a parameter of a trial: a setting, or a part of the hidden layers."""
    for key in LAYERS:
        if name.startswith(f"{key}_"):
            part = name.removeprefix(f"{key}_")
            return t("tune.layer_count") if part == "count" else t("tune.layer_width", number=part)
    return knobs.label(name)


def _settings_ui(spec: RunSpec) -> list[Sought]:
    """Which settings are searched, and between which ends."""
    chosen = state.value("tune_settings")
    wanted: Sequence[str] = state.held("tune_settings", FIRST) if chosen is None else chosen
    plain = searchable(spec)
    kinds = {key: choices(plain[key], spec) for key in wanted if key.endswith("_kind") and key in plain}
    known = {key: leaf for key, leaf in searchable(spec, kinds).items() if _has_room(leaf, spec)}
    state.replace("tune_settings", [key for key in wanted if key in known])
    options = sorted(known, key=lambda key: known[key].knob.level != "beginner")
    keys = st.multiselect(t("tune.settings"), options, key="tune_settings", format_func=knobs.label)
    with st.expander(t("tune.ranges"), key="tune_ranges"):
        return [_range_ui(known[key], spec) for key in keys]


def _has_room(leaf: Setting, spec: RunSpec) -> bool:
    """Whether there is more than one value to choose from."""
    return bool(leaf.key in LAYERS or leaf.high is not None) or len(choices(leaf, spec)) > 1


def _range_ui(leaf: Setting, spec: RunSpec) -> Sought:
    one = usual(leaf, spec)
    if isinstance(one, Words):
        return _words_ui(one)
    return _layers_ui(one) if isinstance(one, Layers) else _numbers_ui(one, leaf)


def _words_ui(one: Words) -> Words:
    key = f"tune_words_{one.setting}"
    state.fill(key, [word for word in state.held(key, one.words) if word in one.words])
    picked = st.multiselect(
        knobs.label(one.setting), one.words, key=key, format_func=lambda word: knobs.show(word, one.setting)
    )
    return Words(setting=one.setting, words=tuple(picked) or one.words)


def _numbers_ui(one: Numbers, leaf: Setting) -> Numbers:
    kind = int if one.whole else float
    low, high = bounds(leaf)
    said = {"label": knobs.label(one.setting), "key": f"tune_range_{one.setting}"}
    usually = (kind(one.low), kind(one.high))
    stops, now = _stops(one, leaf), state.held(said["key"], usually)
    if one.log or not leaf.knob.step:
        value = now if set(now) <= set(stops) else usually
        ends = st.select_slider(options=stops, value=value, format_func=knobs.show, **said)
    else:
        value = now if low <= now[0] <= now[1] <= high else usually
        ends = st.slider(min_value=kind(low), max_value=kind(high), value=value, step=kind(leaf.knob.step), **said)
    return Numbers(setting=one.setting, low=ends[0], high=ends[1], log=one.log, whole=one.whole)


def _stops(one: Numbers, leaf: Setting) -> list[float]:
    kind = int if one.whole else float
    low, high = bounds(leaf)
    if not one.log:
        return [kind(low), kind(one.low), kind(one.high), kind(high)]
    return sorted({kind(stop) for stop in (*knobs.steps(leaf), low, one.low, one.high, high) if low <= stop <= high})


def _layers_ui(one: Layers) -> Layers:
    fewest, most, widest = LAYERS[one.setting]
    key, other = f"tune_count_{one.setting}", f"tune_width_{one.setting}"
    counts = st.slider(t("tune.layer_count"), fewest, most, state.held(key, (one.fewest, one.most)), key=key)
    stops, now = [2**power for power in range(widest.bit_length())], state.held(other, (one.narrowest, one.widest))
    widths = st.select_slider(t("tune.layer_widths"), stops, now, key=other)
    return Layers(setting=one.setting, fewest=counts[0], most=max(counts[1], 1), narrowest=widths[0], widest=widths[1])


def _objectives_ui(spec: RunSpec) -> list[str]:
    """One or two things that are to be good."""
    has_bound = spec.model.code.kind in ("variational", "categorical")
    known = [name for name in OBJECTIVES if name != "val_elbo" or has_bound]
    first = _choice("tune_objective", "objective", known, "val_mse")
    second = _choice("tune_second", "second", ["none", *(name for name in known if name != first)], "none")
    return [first] if second == "none" else [first, second]


def _budget_ui() -> Mapping[str, float | int | None]:
    """How long: so many trials, or so many minutes of training."""
    state.fill("tune_budget", state.held("tune_budget", "trials"))
    unit = st.segmented_control(
        t("tune.budget"), ("trials", "minutes"), key="tune_budget", format_func=lambda name: t(f"tune.unit.{name}")
    )
    if unit == "minutes":
        state.fill("tune_minutes", state.held("tune_minutes", 5))
        minutes = st.slider(t("tune.minutes"), 1, 60, key="tune_minutes", help=t("tune.minutes_help"))
        return {"trials": MOST_TRIALS, "minutes": float(minutes)}
    state.fill("tune_trials", state.held("tune_trials", 30))
    return {"trials": st.slider(t("tune.trials"), 5, MOST_TRIALS, step=5, key="tune_trials"), "minutes": None}


def _choice(key: str, what: str, options: Sequence[str], usually: str) -> str:
    """A select box over words that have a name and a sentence each."""
    if state.value(key) not in options:
        before = state.held(key, usually)
        state.replace(key, before if before in options else usually)
    return str(
        st.selectbox(
            t(f"tune.{what}.label"),
            options,
            key=key,
            format_func=lambda name: t(f"tune.{what}.{name}"),
            help=t(f"tune.{what}.help"),
        )
    )
