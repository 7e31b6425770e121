"""The sweep page, driven without a browser by Streamlit's own AppTest."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ae_core import services
from ae_core.engine.client import Client
from ae_core.spec import RunSpec, changed
from ae_core.store import Publication
from ae_core.sweep import PRESETS, Axis, SweepPlan
from tests.pages.opened import clean

PLAN = SweepPlan(
    base=changed(RunSpec(), {"training_epochs": 3}),
    axes=(Axis(key="optimizer_learning_rate", values=(0.001, 0.01, 1.0)),),
)


@pytest.fixture
def page(visitor) -> AppTest:
    """The sweep page."""
    return clean(visitor.run().switch_page("sweep.py").run())


def sweeps(app: AppTest):
    """The sweeps of this visitor, newest first."""
    return services.current().store.groups.of(app.session_state["_owner"], "sweep")


def words(app: AppTest) -> str:
    """All that is written on the page."""
    return " ".join(part.value for kind in (app.markdown, app.caption, app.subheader, app.info) for part in kind)


def end(run: str, status: str, error: float | None = None) -> None:
    """The run is over, as a worker would say."""
    store = services.current().store
    attempt = store.begin_attempt(run, 0)
    metrics = {} if error is None else {"val_mse": error, "train_mse": error}
    store.publish(
        Publication(
            run=run, attempt=attempt.number, status=status, step=3, epoch=3.0, seconds=0.1, goal=3, learning_rate=0.1,
            metrics=metrics,
        )
    )  # fmt: skip


def begun(app: AppTest, plan: SweepPlan = PLAN, owner: str | None = None) -> tuple[str, list[str]]:
    """A sweep in the store that this tab looks at."""
    here = services.current()
    group = Client(here.store, here.settings).start_sweep(plan, owner or app.session_state["_owner"])
    app.query_params["sweep"] = group
    return group, [member.run for member in here.store.groups.members(group)]


def test_a_first_visitor_can_ask_every_question_of_the_textbook(page):
    """Each preset has its claim and one button, which starts all its runs and puts the sweep into the link."""
    assert {f"ask_{name}" for name in PRESETS} <= {button.key for button in page.button}
    clean(page.button(key="ask_depth").click().run())
    (sweep,) = sweeps(page)
    assert sweep.runs == len(PRESETS["depth"].axis.values)
    assert page.query_params["sweep"] == sweep.id
    assert "The book says" in words(page)


def test_ones_own_question_in_two_settings_and_three_seeds(page):
    """Every pair of values becomes three runs."""
    page.selectbox(key="sweep_column").select("training_batch_size").run()
    page.text_input(key="sweep_column_training_batch_size").input("16, 64").run()
    page.toggle(key="sweep_second").set_value(True).run()
    page.selectbox(key="sweep_row").select("model_activation").run()
    page.multiselect(key="sweep_row_model_activation").set_value(["relu", "tanh", "gelu"]).run()
    clean(page.segmented_control(key="sweep_seeds").set_value(3).run())
    assert "18" in page.button(key="sweep_start").label
    clean(page.button(key="sweep_start").click().run())
    (sweep,) = sweeps(page)
    assert sweep.runs == 18


@pytest.mark.parametrize(
    ("text", "said"),
    [("1, x", "got x"), ("-1", "got -1"), ("", "at least one"), ("1,2,3,4,5,6,7", "at most 6"), ("1.5", "got 1.5")],
)
def test_values_that_make_no_sense_are_said_and_nothing_starts(page, text, said):
    """A sentence under the field, and the button waits."""
    page.selectbox(key="sweep_column").select("training_batch_size").run()
    clean(page.text_input(key="sweep_column_training_batch_size").input(text).run())
    assert said in " ".join(error.value for error in page.error)
    assert page.button(key="sweep_start").disabled


def test_what_came_of_it_is_said_in_words(page):
    """Best, worst and lost; the best run can be opened."""
    _, (first, second, third) = begun(page)
    end(first, "finished", 0.08)
    end(second, "finished", 0.02)
    end(third, "diverged")
    clean(page.run())
    assert "0.01**: 0.02" in words(page)
    assert "4 times as much" in words(page)
    assert "with **1**: the training diverged" in words(page)
    assert page.button(key="sweep_best")


def test_a_sweep_that_still_waits_and_one_whose_runs_are_gone(page):
    """Both say what there is to see."""
    group, runs = begun(page)
    clean(page.run())
    assert "as the 3 runs end" in words(page)
    for run in runs:
        services.current().store.delete(run, page.session_state["_owner"])
    clean(page.run())
    assert "have been deleted" in words(page)
    assert services.current().store.groups.group(group).runs == 0


def test_anybody_may_look_and_only_the_owner_may_stop_or_delete(page):
    """A stranger gets the pictures without those buttons."""
    begun(page, owner="somebody-else-abcdef")
    clean(page.run())
    assert not {"sweep_stop", "sweep_delete"} & {button.key for button in page.button}
    group, runs = begun(page)
    clean(page.run())
    clean(page.button(key="sweep_stop").click().run())
    assert services.current().store.groups.group(group).runs == len(runs)
    clean(page.button(key="sweep_delete").click().run())
    assert sweeps(page) == []


def test_a_link_to_nothing_is_said(page):
    """The page goes on with its questions."""
    page.query_params["sweep"] = "nothing-of-the-kind"
    clean(page.run())
    assert "no sweep with this id" in " ".join(part.value for part in page.warning)
    assert "ask_depth" in {button.key for button in page.button}
