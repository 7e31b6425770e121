"""The search without an engine: what may be searched, what is proposed, and how trials become Optuna's study."""

from __future__ import annotations

import random
from dataclasses import replace

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from ae_core.compatibility import check
from ae_core.engine.client import Client
from ae_core.errors import LimitError, NotYours, SpecError, UnknownGroup
from ae_core.settings import Settings
from ae_core.spec import RunSpec, changed, every_setting, in_effect, settings
from ae_core.store import Store
from ae_core.tuning.charts import CHARTS, View, charts, picture
from ae_core.tuning.plan import OBJECTIVES, PRUNERS, SAMPLERS, Layers, Numbers, StudyPlan, Words, read_plan
from ae_core.tuning.space import (
    UNSEARCHED,
    USUAL,
    bounds,
    check_plan,
    choices,
    distributions,
    grid,
    params_of_base,
    proposed,
    searchable,
    usual,
)
from ae_core.tuning.studies import go_on, start_study, stop_study
from ae_core.tuning.study import PRUNERS as PRUNERS_OF
from ae_core.tuning.study import hopeless, next_trial, rebuilt
from ae_core.tuning.trials import Reader, Trial, count, ranked, reports, spent
from ae_core.variants import VARIANTS, spec_of
from tests.studies import made_up, plan_of, write

ME = "ann"
BASE = RunSpec()
KINDS = {key: leaf.choices for key, leaf in every_setting().items() if key.endswith("_kind") and key != "data_kind"}
ALL = searchable(BASE, KINDS)


def at_random(dice: random.Random):
    """Answers each parameter by chance, as a sampler would."""

    def ask(_name: str, spread: BaseDistribution) -> object:
        if isinstance(spread, CategoricalDistribution):
            return dice.choice(spread.choices)
        if isinstance(spread, IntDistribution):
            return dice.randint(spread.low, spread.high)
        assert isinstance(spread, FloatDistribution)
        return dice.uniform(spread.low, spread.high)

    return ask


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/lab.db")
    made.create()
    yield made
    made.close()


@pytest.fixture
def client(store, tmp_path):
    return Client(store, Settings.from_environment({"LATENT_LAB_HOME": str(tmp_path)}))


# ---------------------------------------------------------------------------------------------------- the space


def test_every_setting_can_be_searched_or_is_named_as_one_that_may_not() -> None:
    """A new setting is searchable by itself; data and what would make objectives incomparable are left out."""
    left = {key for key in every_setting() if key not in ALL}
    assert {key for key in left if not key.startswith("data_")} == UNSEARCHED


@pytest.mark.parametrize("key", ALL)
def test_a_setting_is_searched_within_its_own_bounds(key: str) -> None:
    """What is usually searched lies within the bounds of the field, and any wider plan is refused."""
    one, leaf = usual(ALL[key], BASE), ALL[key]
    if isinstance(one, Numbers):
        low, high = bounds(leaf)
        assert low <= one.low < one.high <= high
        assert (leaf.low or 0) <= low
        assert one.low > 0 or not one.log
    if isinstance(one, Words):
        assert set(one.words) <= set(leaf.choices or (False, True))


def test_what_is_usual_is_said_of_settings_that_exist() -> None:
    """No narrower range is left over from a setting that has gone."""
    assert USUAL.keys() <= every_setting().keys()


@pytest.mark.parametrize(
    ("sought", "said"),
    [
        (Numbers(setting="optimizer_learning_rate", low=1e-9, high=1, log=True), "1e-06 to 100"),
        (Numbers(setting="training_batch_size", low=64, high=8, log=True, whole=True), "64 to 8"),
        (Numbers(setting="training_seed", low=0, high=9, whole=True), "cannot be searched"),
        (Numbers(setting="model_code_beta", low=0.1, high=1, log=True), "cannot be searched"),
        (Words(setting="model_activation", words=("relu", "magic")), "other choices"),
        (Layers(setting="model_hidden", fewest=3, most=1, narrowest=8, widest=16), "0 to 6 layers"),
        (Layers(setting="model_hidden", fewest=0, most=1, narrowest=8, widest=4096), "1 to 2048"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_with_a_sentence(sought, said: str) -> None:
    """Bounds, choices and settings are checked before anything is stored."""
    with pytest.raises(SpecError, match=said):
        check_plan(StudyPlan(sought=(sought,)))


def test_a_setting_takes_part_only_where_it_has_an_effect() -> None:
    """Beta with a Gaussian code, momentum with SGD, a layer's width where there is the layer."""
    known = searchable(BASE, KINDS)
    keys = (
        "model_code_beta",
        "optimizer_momentum",
        "model_code_kind",
        "optimizer_kind",
        "model_hidden",
        "model_dropout",
    )
    plan = StudyPlan(sought=tuple(usual(known[key], BASE) for key in keys))
    dice = random.Random(0)
    found = [proposed(plan, at_random(dice)) for _ in range(60)]
    for spec, params in ((one.spec, one.params) for one in found):
        assert ("model_code_beta" in params) == (spec.model.code.kind in ("variational", "categorical"))
        assert ("optimizer_momentum" in params) == (spec.optimizer.kind == "sgd")
        assert ("model_dropout" in params) == bool(spec.model.sizes)
        widths = tuple(params[f"model_hidden_{n}"] for n in range(1, params["model_hidden_count"] + 1))
        assert spec.model.sizes == widths
        assert f"model_hidden_{len(widths) + 1}" not in params
    assert {one.spec.model.code.kind for one in found} >= {"point", "variational"}


@given(st.integers(0, 10_000), st.sets(st.sampled_from(sorted(ALL)), min_size=1, max_size=8))
def test_whatever_is_proposed_is_a_spec_with_just_these_values(seed: int, keys: set[str]) -> None:
    """Any set of settings gives specs; asked for the same values again, the same spec; and nothing else changes."""
    keys = keys | {"optimizer_kind"}
    known = searchable(BASE, {key: choices(ALL[key], BASE) for key in keys if key in KINDS})
    plan = StudyPlan(sought=tuple(usual(known[key], BASE) for key in sorted(keys & known.keys())))
    one = proposed(plan, at_random(random.Random(seed)))
    assert proposed(plan, lambda name, _: one.params[name]) == one
    before, after = ({leaf.key: leaf.value for leaf in settings(spec)} for spec in (BASE, one.spec))
    moved = {key for key in after if key in before and after[key] != before[key]}
    assert {key for key in moved if key not in keys} <= {"model_code_activation", "model_activation"}
    assert set(one.params) <= distributions(plan).keys()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_can_be_searched_over_all_its_settings(name: str) -> None:
    """The usual ranges of all its settings fit it, and what is proposed is a spec that differs in nothing else."""
    base = spec_of(name)
    plan = StudyPlan(base=base, sought=tuple(usual(leaf, base) for leaf in list(searchable(base).values())[:20]))
    check_plan(plan)
    dice = random.Random(0)
    for _ in range(5):
        assert proposed(plan, at_random(dice)).spec.data == base.data
    assert set(params_of_base(plan)) <= distributions(plan).keys()


def test_choices_that_cannot_be_run_are_not_offered() -> None:
    """A network for pictures is no choice for a table, and kinds that run stay."""
    table = changed(RunSpec(), {"data_kind": "wine"})
    kinds = usual(searchable(table)["model_kind"], table)
    assert isinstance(kinds, Words)
    assert set(kinds.words) == {"mlp"}
    for word in usual(ALL["optimizer_kind"], BASE).words:
        check(changed(BASE, {"optimizer_kind": word}))


def test_a_plan_survives_the_store() -> None:
    """As JSON and back it is the same plan, truths and numbers told apart."""
    plan = plan_of("model_batch_norm", "model_hidden", "training_batch_size", "optimizer_learning_rate")
    assert read_plan(plan.model_dump(mode="json")) == plan
    with pytest.raises(SpecError, match="trials"):
        read_plan({**plan.model_dump(mode="json"), "trials": 0})


def test_the_settings_of_a_schedule_are_not_searched() -> None:
    """A value that moves over the run would be overruled."""
    moving = changed(RunSpec(), {"model_code_kind": "variational", "schedules": ("model_code_beta~linear~0~1~1~4",)})
    assert "model_code_beta" not in searchable(moving)


# ------------------------------------------------------------------------------------------------ Optuna's study


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_proposes_and_the_same_seed_the_same(sampler) -> None:
    """Twelve trials one after the other, twice: the study does not depend on when it was made anew."""
    plan = plan_of(sampler=sampler, seed=3)
    once, again = (made_up(plan, ["complete"] * 12) for _ in range(2))
    assert [trial.params for trial in once] == [trial.params for trial in again]
    assert len({str(trial.params) for trial in once}) > 6
    if sampler != "grid":
        other = made_up(plan_of(sampler=sampler, seed=4), ["complete"] * 12)
        assert [trial.params for trial in other] != [trial.params for trial in once]


def test_the_present_settings_come_first() -> None:
    """The first trial of a study is the experiment that it starts from, as far as the ranges hold it."""
    plan = plan_of()
    found = next_trial(plan, "x", [])
    assert found is not None
    assert found[0].spec == plan.base
    other = next_trial(plan.model_copy(update={"with_base": False}), "x", [])
    assert other is not None
    assert other[0].spec != plan.base


def test_a_study_made_anew_holds_what_the_trials_say() -> None:
    """States, parameters, values, reports and reasons, in the trials' order."""
    plan = plan_of()
    trials = made_up(plan, ["complete", "pruned", "failed", "running", "complete"])
    study = rebuilt(plan, "x", trials)
    assert [one.state for one in study.trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.RUNNING,
        TrialState.COMPLETE,
    ]
    for mine, theirs in zip(trials, study.trials, strict=True):
        assert theirs.params == dict(mine.params)
        assert theirs.intermediate_values == dict(mine.reports)
        assert theirs.user_attrs["reason"] == mine.reason
    assert study.best_value == min(trial.values[0] for trial in trials if trial.values)


def test_two_objectives_have_a_front() -> None:
    """A study of two objectives knows which trials cannot be bettered."""
    plan = plan_of(objectives=("val_mse", "parameters"), sampler="nsga2")
    trials = made_up(plan, ["complete"] * 12)
    assert rebuilt(plan, "x", trials).best_trials
    assert not plan.prunes


def test_a_grid_ends_when_it_is_used_up() -> None:
    """Two words are two trials, and the third is none."""
    base = changed(RunSpec(), {"training_epochs": 10})
    plan = StudyPlan(base=base, sought=(Words(setting="model_activation", words=("relu", "tanh")),), sampler="grid")
    assert grid(plan) == {"model_activation": ["relu", "tanh"]}
    trials = made_up(plan, ["complete"] * 2)
    assert {trial.params["model_activation"] for trial in trials} == {"relu", "tanh"}
    assert next_trial(plan, "x", trials) is None


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_trial_that_does_worse_than_all_others_is_given_up(pruner) -> None:
    """Except where nobody gives up; and the best one never is."""
    plan = plan_of(pruner=pruner)
    trials = made_up(plan, ["complete"] * 9 + ["running"] * 2)
    worst = replace(trials[-2], reports={10: 50.0, 20: 50.0, 30: 50.0})
    best = replace(trials[-1], reports={10: 1e-3, 20: 1e-3, 30: 1e-3})
    found = hopeless(plan, "x", [*trials[:-2], worst, best])
    assert found == ([] if pruner == "none" else [worst])


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_just_those_are_given_up_that_optuna_itself_gives_up(pruner) -> None:
    """A study that is made anew at each report judges as one that is kept and told report after report."""
    plan = plan_of(pruner=pruner, sampler="random")
    dice = random.Random(1)
    ends = {number: dice.uniform(0.1, 1.0) for number in range(40)}
    usual = optuna.create_study(study_name="x", pruner=PRUNERS_OF[plan.pruner]())
    ours: list[Trial] = []
    theirs: list[bool] = []
    for number, end in ends.items():
        values = {percent: end + 1 - percent / 100 for percent in range(10, 100, 10)}
        asked, gone = usual.ask(), False
        for percent, value in values.items():
            asked.report(value, percent)
            if gone := asked.should_prune():
                break
        usual.tell(asked, end if not gone else None, state=TrialState.PRUNED if gone else TrialState.COMPLETE)
        theirs.append(gone)
        ours.append(_told_step_by_step(plan, number, values, end, ours))
    assert [trial.state == "pruned" for trial in ours] == theirs
    assert 5 < sum(theirs) < 40


def _told_step_by_step(plan: StudyPlan, number: int, values, end: float, before: list[Trial]) -> Trial:
    trial = Trial(number=number, run=str(number), state="running", params={})
    for percent in values:
        trial = replace(trial, reports={part: value for part, value in values.items() if part <= percent})
        if hopeless(plan, "x", [*before, trial]):
            return replace(trial, state="pruned")
    return replace(trial, state="complete", values=(end,))


def test_making_200_trials_anew_is_fast() -> None:
    """Far below the time between two looks, so nothing else needs to be kept. (Measured: 10 ms.)"""
    import time

    plan = plan_of(sampler="random")
    trials = made_up(plan, ["complete"])
    many = [replace(trials[0], number=number, run=str(number)) for number in range(200)]
    started = time.perf_counter()
    rebuilt(plan, "x", many)
    assert time.perf_counter() - started < 1.0


# ---------------------------------------------------------------------------------------- trials and the store


def test_objectives_do_not_depend_on_what_is_searched(store) -> None:
    """The loss of a run with a larger beta is larger, its error is not asked for by beta: no objective is the loss."""
    assert "loss" not in OBJECTIVES
    assert {"objective_reconstruction", "objective_observed_only", "objective_corruption_target"} <= UNSEARCHED
    assert not any(key.startswith("data_") for key in ALL)
    with pytest.raises(SpecError, match="evidence bound"):
        check_plan(plan_of("optimizer_learning_rate", objectives=("val_elbo",)))


def test_reports_are_the_first_measures_at_each_tenth() -> None:
    """Ten at most, however long the run; the bound of a Gaussian code is told from its terms."""
    bodies = [
        {"kind": "progress", "epoch": epoch / 2, "val": {"mse": float(epoch), "reconstruction": 1.0, "kl": 2.0}}
        for epoch in range(61)
    ]
    bodies += [{"kind": "progress", "epoch": 30.0, "val": None}, {"kind": "finished", "epoch": 30.0}]
    assert reports(bodies, 30, "val_mse") == {10 * tenth: 6.0 * tenth for tenth in range(1, 11)}
    assert set(reports(bodies, 30, "val_elbo").values()) == {-3.0}
    assert reports(bodies, 30, "parameters") == {}


def test_a_study_in_the_store_reads_as_it_was(store) -> None:
    """Pruned and failed trials are counted with their reasons, the best is found, and reading again costs nothing."""
    plan = plan_of(trials=8)
    trials = made_up(plan, ["complete", "pruned", "failed", "complete", "running"])
    study = write(store, plan, trials, ME, state="open")
    reader = Reader(store, study, plan)
    found = reader.trials()
    assert [trial.state for trial in found] == [trial.state for trial in trials]
    assert [trial.params for trial in found] == [trial.params for trial in trials]
    assert [trial.reports for trial in found] == [trial.reports for trial in trials]
    assert [trial.values for trial in found] == [trial.values for trial in trials]
    assert found[2].reason == "The loss is no number."
    assert vars(count(found)) == {"complete": 2, "pruned": 1, "failed": 1, "running": 1}
    assert ranked(plan, found)[0].values == min(trial.values for trial in trials if trial.values)
    assert reader.trials() == found


def test_what_was_refused_is_shown_as_failed_and_costs_no_trial(store) -> None:
    """An experiment that cannot be run is told with its reason beside the one that was tried in its stead."""
    plan = plan_of(trials=1)
    study = store.groups.add("study", ME, plan.model_dump(mode="json"))
    kept = {"params": {"model_hidden_count": 0}, "marks": {}, "refused": [{"params": {}, "reason": "No."}]}
    store.add_members(study, [(plan.base, kept)], ME, kind="trial")
    refused, trial = Reader(store, study, plan).trials()
    assert (refused.state, refused.reason, refused.counts) == ("failed", "No.", False)
    assert trial.state == "running"
    assert not spent(plan.model_copy(update={"trials": 2}), [refused, trial])


def test_a_budget_is_trials_or_minutes_of_training() -> None:
    """Whichever is used up first."""
    trials = made_up(plan_of(), ["complete", "failed", "pruned"])
    assert spent(plan_of(trials=3), trials)
    assert not spent(plan_of(trials=4), trials)
    assert spent(plan_of(trials=4, minutes=0.1), trials)
    assert not spent(plan_of(trials=4, minutes=0.2), trials)


def test_a_trial_without_a_number_is_a_failed_one(store) -> None:
    """A finished run that did not measure the objective has not won."""
    plan = plan_of(objectives=("val_elbo",))
    (trial,) = made_up(plan, ["complete"])
    study = write(store, plan, [replace(trial, values=())], ME)
    (found,) = Reader(store, study, plan).trials()
    assert found.state == "failed"
    assert found.reason


def test_a_study_is_started_stopped_and_continued_by_its_owner_only(client, store) -> None:
    """Strangers may look; too many open ones and too many trials are refused with a sentence."""
    study = start_study(client, plan_of(trials=195), ME)
    for deed in (stop_study, go_on):
        with pytest.raises(NotYours):
            deed(store, study, "bob")
        with pytest.raises(UnknownGroup):
            deed(store, "nowhere", ME)
    stop_study(store, study, ME)
    assert store.groups.group(study).state == "stopped"
    with pytest.raises(SpecError, match="200"):
        go_on(store, study, ME, trials=10)
    go_on(store, study, ME, trials=5)
    assert store.groups.group(study).state == "open"
    assert read_plan(store.groups.group(study).plan).trials == 200
    for _ in range(client.settings.limits.studies_per_client - 1):
        start_study(client, plan_of(), ME)
    with pytest.raises(LimitError, match="LIMIT_STUDIES_PER_CLIENT"):
        start_study(client, plan_of(), ME)
    start_study(client, plan_of(), "bob")


# ------------------------------------------------------------------------------------------------------- pictures

STATES = {
    "none": [],
    "one": ["complete"],
    "only failed": ["failed"] * 3,
    "only pruned": ["pruned"] * 3,
    "200": ["complete", "pruned", "complete", "failed"] * 50,
}


@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
@pytest.mark.parametrize("objectives", [("val_mse",), ("val_mse", "parameters")], ids=["one", "two"])
def test_every_picture_can_be_drawn_of_every_study(states, objectives) -> None:
    """Nothing yet, one trial, failures alone and two hundred are all pictures, in the reader's words."""
    plan = plan_of(sampler="random", objectives=objectives, pruner="none")
    trials = made_up(plan, states)
    words = {"val_mse": "error", "Trial": "attempt", "optimizer_learning_rate": "rate"}
    assert set(charts(plan)) < set(CHARTS)
    for chart in charts(plan):
        figure = picture(
            View(plan, "x", trials, words, 0, ("optimizer_learning_rate", "model_hidden_count"), 0.05), chart
        )
        assert figure.layout.title.text is None
        axes = [axis.title.text for axis in (*figure.select_xaxes(), *figure.select_yaxes())]
        assert not {"Trial", "val_mse", "optimizer_learning_rate"} & set(axes)


def test_importances_name_what_matters() -> None:
    """Where one setting decides alone, it is the most important one."""
    plan = plan_of(sampler="random")
    trials = [
        replace(trial, values=(abs(trial.params["optimizer_learning_rate"] - 0.01),))
        for trial in made_up(plan, ["complete"] * 60)
    ]
    found = optuna.importance.get_param_importances(rebuilt(plan, "x", trials))
    assert next(iter(found)) == "optimizer_learning_rate"


def test_a_deleted_trial_is_left_out(store) -> None:
    """The study goes on with the others."""
    plan = plan_of()
    study = write(store, plan, made_up(plan, ["complete"] * 3), ME)
    reader = Reader(store, study, plan)
    reader.trials()
    store.delete(store.groups.members(study)[1].run, ME)
    assert [trial.number for trial in reader.trials()] == [0, 2]


def test_what_has_an_effect_is_what_is_asked_for() -> None:
    """A search over everything asks for nothing that lies idle."""
    plan = StudyPlan(sought=tuple(usual(ALL[key], BASE) for key in list(ALL)[:20]))
    one = proposed(plan, at_random(random.Random(1)))
    working = {leaf.key for leaf in in_effect(one.spec)}
    asked = {name for name in one.params if not name.startswith("model_hidden")}
    assert asked <= working


def _trial(**values) -> Trial:
    return Trial(number=0, run="r", state="complete", params={}, **values)


def test_larger_is_better_for_the_evidence_bound() -> None:
    """The best trial of a study of the bound has the largest one."""
    plan = plan_of(base=changed(RunSpec(), {"model_code_kind": "variational"}), objectives=("val_elbo",))
    assert ranked(plan, [_trial(values=(-60.0,)), _trial(values=(-50.0,))])[0].values == (-50.0,)
