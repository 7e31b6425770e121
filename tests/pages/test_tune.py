"""The page of studies, driven without a browser by Streamlit's own AppTest."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ae_core import services
from ae_core.spec import read
from ae_core.starter import STARTER
from ae_core.tuning.charts import charts
from ae_core.tuning.plan import read_plan
from ae_core.tuning.space import searchable
from ae_core.variants import spec_of
from pages._ui import text
from pages._ui.tuning import FIRST
from tests.pages.opened import clean
from tests.studies import made_up, plan_of, write

STRANGER = "somebody-else"
STATES = {
    "none": ("open", []),
    "one": ("open", ["running"]),
    "running": ("open", ["complete", "pruned", "failed", "complete", "running"]),
    "only failed": ("done", ["failed"] * 3),
    "done": ("done", ["complete"] * 8 + ["pruned"] * 3),
}


@pytest.fixture
def spoken():
    """The language of the visitor."""
    return "en"


@pytest.fixture
def page(visitor, monkeypatch, spoken) -> AppTest:
    """The opened Tune page of a new visitor."""
    monkeypatch.setattr(text, "language", lambda: spoken)
    return clean(visitor.run().switch_page("tune.py").run())


def studies(app: AppTest):
    """The studies of this visitor, newest first."""
    return services.current().store.groups.of(owner(app), "study")


def owner(app: AppTest) -> str:
    return app.session_state["_owner"]


def shows(app: AppTest, state: str, states, whose: str = "", **more) -> str:
    """A study of such trials, opened on the page: its id."""
    plan = plan_of(**more)
    study = write(services.current().store, plan, made_up(plan, states), whose or owner(app), state)
    app.query_params["study"] = study
    clean(app.run())
    return study


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


def said(app: AppTest) -> str:
    """All captions, for what is counted in words."""
    return "\n".join(str(caption.value) for caption in app.caption)


def test_a_first_visitor_can_press_start(page):
    """The usual settings are chosen; pressing Start without touching anything opens a study of them."""
    assert page.info
    clean(page.button(key="tune_start").click().run())
    (study,) = studies(page)
    assert study.state == "open"
    assert [one["setting"] for one in study.plan["sought"]] == [
        key
        for key in FIRST
        if key in ("optimizer_learning_rate", "model_hidden", "model_activation", "training_batch_size")
    ]
    assert read(study.plan["base"]) == STARTER
    assert page.query_params["study"] == study.id
    assert {"tune_stop", "tune_delete"} <= keys(page)


def test_ranges_objectives_sampler_and_budget_are_what_the_widgets_say(page):
    """Each widget finds its place in the plan."""
    page.multiselect(key="tune_settings").set_value(["optimizer_learning_rate", "optimizer_kind", "model_hidden"]).run()
    page.select_slider(key="tune_range_optimizer_learning_rate").set_value((0.001, 0.01)).run()
    page.multiselect(key="tune_words_optimizer_kind").set_value(["adam", "sgd"]).run()
    page.slider(key="tune_count_model_hidden").set_value((1, 2)).run()
    page.selectbox(key="tune_second").set_value("parameters").run()
    page.button_group(key="tune_budget").set_value("minutes").run()
    page.slider(key="tune_minutes").set_value(7).run()
    clean(page.button(key="tune_start").click().run())
    plan = read_plan(studies(page)[0].plan)
    rate, rule, layers = plan.sought
    assert (rate.low, rate.high, rate.log) == (0.001, 0.01, True)
    assert rule.words == ("adam", "sgd")
    assert (layers.fewest, layers.most) == (1, 2)
    assert plan.objectives == ("val_mse", "parameters")
    assert (plan.sampler, plan.pruner) == ("nsga2", "none")
    assert plan.minutes == 7


def test_what_was_chosen_is_still_there_after_a_look_at_another_page(page):
    """Settings, ranges, aims and budget wait for the reader to come back, with the experiment changed or not."""
    page.multiselect(key="tune_settings").set_value(["optimizer_learning_rate", "model_hidden", "optimizer_kind"]).run()
    page.select_slider(key="tune_range_optimizer_learning_rate").set_value((0.001, 0.01)).run()
    page.multiselect(key="tune_words_optimizer_kind").set_value(["adam", "sgd"]).run()
    page.slider(key="tune_trials").set_value(55).run()
    page.selectbox(key="tune_pruner").set_value("hyperband").run()
    page.switch_page("playground.py").run()
    page.select_slider(key="training_batch_size").set_value(128).run()
    clean(page.switch_page("tune.py").run())
    clean(page.run())
    clean(page.button(key="tune_start").click().run())
    plan = read_plan(studies(page)[0].plan)
    assert [one.setting for one in plan.sought] == ["optimizer_learning_rate", "model_hidden", "optimizer_kind"]
    assert (plan.sought[0].low, plan.sought[0].high) == (0.001, 0.01)
    assert plan.sought[2].words == ("adam", "sgd")
    assert (plan.trials, plan.pruner, plan.base.training.batch_size) == (55, "hyperband", 128)


def test_a_kind_that_is_searched_brings_its_own_settings(page):
    """Beta can be searched once a Gaussian code may be chosen, and is forgotten with it."""
    assert "model_code_beta" not in page.multiselect(key="tune_settings").options
    page.multiselect(key="tune_settings").set_value(["model_code_kind"]).run()
    chosen = ["model_code_kind", "model_code_beta"]
    clean(page.multiselect(key="tune_settings").set_value(chosen).run())
    clean(page.button(key="tune_start").click().run())
    assert [one["setting"] for one in studies(page)[0].plan["sought"]] == chosen
    clean(page.multiselect(key="tune_settings").set_value(["model_code_beta"]).run())
    assert page.multiselect(key="tune_settings").value == []
    assert page.button(key="tune_start").disabled


@pytest.mark.parametrize("name", ["conv", "sequence", "vae", "vq_vae", "denoising", "info_vae", "multi_vae"])
def test_every_kind_of_experiment_can_be_searched(page, name):
    """All settings of a variant get their ranges, and the search of them starts."""
    page.session_state["_spec"] = spec_of(name).model_dump_json()
    clean(page.run())
    clean(page.multiselect(key="tune_settings").set_value(list(searchable(spec_of(name)))[:20]).run())
    clean(page.button(key="tune_start").click().run())
    assert not page.error
    assert len(studies(page)[0].plan["sought"]) >= 10


@pytest.mark.parametrize(("state", "states"), STATES.values(), ids=STATES)
@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_every_picture_of_every_study_can_be_looked_at(page, state, states):
    """Nothing yet, one trial, failures alone, a mixture: each chart, in both languages, without an error."""
    shows(page, state, states)
    for chart in charts(plan_of()):
        clean(page.button_group(key="tune_chart").set_value(chart).run())
    numbers = {name: states.count(name) for name in ("complete", "pruned", "failed", "running")}
    assert all(f"**{number}**" in said(page) for number in numbers.values())
    assert ("tune_stop" in keys(page)) == (state == "open")
    assert page.button(key="tune_take").disabled == ("complete" not in states)


def test_two_objectives_show_a_front(page):
    """The front is among the pictures, and each picture is of one of the two."""
    shows(page, "done", ["complete"] * 6, objectives=("val_mse", "parameters"), sampler="nsga2")
    for chart in charts(plan_of(objectives=("val_mse", "parameters"))):
        clean(page.button_group(key="tune_chart").set_value(chart).run())
    clean(page.button_group(key="tune_chart").set_value("history").run())
    clean(page.button_group(key="tune_shown").set_value(1).run())


def test_failed_trials_are_shown_with_their_reason(page):
    """The table names what went wrong."""
    shows(page, "done", ["complete", "failed"])
    rows = page.dataframe[0].value
    assert "The loss is no number." in set(rows[rows.columns[-1]])


def test_200_trials_are_shown_at_once(page):
    """Each picture of a large study can be drawn, again and again; how fast is measured by `benchmarks pages`."""
    shows(page, "done", ["complete", "pruned", "complete", "failed"] * 50, sampler="random")
    for chart in (*charts(plan_of()), *charts(plan_of())):
        clean(page.button_group(key="tune_chart").set_value(chart).run())
        assert page.button_group(key="tune_chart").value == chart


def test_stop_go_on_and_more(page):
    """An open study can be stopped, a stopped one goes on, one that is done gets ten trials more."""
    study = shows(page, "open", ["complete"], trials=30)
    store = services.current().store
    clean(page.button(key="tune_stop").click().run())
    assert store.groups.group(study).state == "stopped"
    clean(page.run())
    clean(page.button(key="tune_go_on").click().run())
    assert store.groups.group(study).state == "open"
    assert store.groups.group(study).plan["trials"] == 30
    store.groups.set_state(study, "done")
    clean(page.run())
    clean(page.button(key="tune_go_on").click().run())
    assert store.groups.group(study).plan["trials"] == 40


def test_a_deleted_study_is_gone_with_its_runs(page):
    """What is left is the empty page."""
    study = shows(page, "done", ["complete"] * 2)
    runs = [member.run for member in services.current().store.groups.members(study)]
    clean(page.button(key="tune_delete").click().run())
    clean(page.run())
    assert studies(page) == []
    assert services.current().store.heads(runs) == {}
    assert page.info


def test_the_best_trial_comes_into_the_playground(page):
    """Its experiment is on the knobs and its run on the stage."""
    study = shows(page, "done", ["complete"] * 6)
    store = services.current().store
    runs = [store.run(member.run) for member in store.groups.members(study)]
    best = min(runs, key=lambda run: run.metrics["val_mse"])
    clean(page.button(key="tune_take").click().run())
    assert page.session_state["_run"] == best.id
    assert read(page.session_state["_spec"]) == best.spec
    assert "train" in keys(page)


def test_a_stranger_may_look_but_not_touch(page):
    """A link opens anybody's study, without the buttons of its owner; the best can be taken all the same."""
    shows(page, "open", ["complete", "running"], whose=STRANGER)
    assert {"tune_stop", "tune_go_on", "tune_delete"}.isdisjoint(keys(page))
    assert not page.button(key="tune_take").disabled
    assert studies(page) == []


def test_a_link_to_nowhere_is_said(page):
    """A study that was deleted is a sentence, and the page works as usual."""
    page.query_params["study"] = "does-not-exist"
    clean(page.run())
    assert len(page.warning) == 1
    clean(page.button(key="tune_start").click().run())
    assert len(studies(page)) == 1


@pytest.mark.parametrize("run", ["_begins16lettersX", "in__side16letters"])
def test_any_id_of_a_run_has_its_stage(page, monkeypatch, run):
    """Ids are random letters, _ and -; whatever they hold, the best run's pictures stand on the page."""
    numbers = iter(range(100))
    monkeypatch.setattr("ae_core.store.store.secrets.token_urlsafe", lambda _count: f"{run}{next(numbers)}")
    study = shows(page, "done", ["complete"])

    assert services.current().store.runs_in(study)[0][1].id.startswith(run)


def test_one_of_several_studies_is_chosen(page):
    """The newest is shown first; another one is a choice away, and the link follows."""
    first, second = (shows(page, "done", ["complete"]) for _ in range(2))
    assert page.selectbox(key="tune_study").value == second
    clean(page.selectbox(key="tune_study").set_value(first).run())
    assert page.query_params["study"] == first


def test_a_refused_plan_is_a_sentence(page):
    """Too many open studies are refused, and nothing is lost."""
    for _ in range(5):
        clean(page.button(key="tune_start").click().run())
    clean(page.button(key="tune_start").click().run())
    assert len(page.error) == 1
    assert len(studies(page)) == 5
