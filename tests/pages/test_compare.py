"""The page that compares runs, driven without a browser by Streamlit's own AppTest."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ae_core import services
from ae_core.spec import RunSpec, changed
from ae_core.store import Publication
from tests.pages.opened import clean
from tests.writer import Writer

PARTS = ("curves", "numbers", "all", "map")


@pytest.fixture
def page(visitor) -> AppTest:
    """The compare page."""
    return clean(visitor.run().switch_page("compare.py").run())


def words(app: AppTest) -> str:
    """All that is written on the page."""
    return " ".join(part.value for kind in (app.markdown, app.caption, app.info, app.warning) for part in kind)


def made(app: AppTest, owner: str | None = None, error: float | None = None, status: str = "finished", **values) -> str:
    """A run that trained for three steps and ended like this."""
    store = services.current().store
    writer = Writer(store, owner or app.session_state["_owner"], changed(RunSpec(), values))
    writer.begin()
    writer.train(3)
    metrics = {} if error is None else {"val_mse": error, "train_mse": error / 2, "seconds": 1.0}
    store.publish(
        Publication(
            run=writer.id, attempt=writer.attempt, status=status, step=3, epoch=0.3, seconds=1.0, goal=3,
            learning_rate=0.1, metrics=metrics,
        )
    )  # fmt: skip
    return writer.id


def compared(app: AppTest, *runs: str, part: str = "") -> AppTest:
    """The page with these runs pinned, and a part of it open."""
    app.session_state["_pins"] = list(runs)
    clean(app.run())
    return clean(app.segmented_control(key="compare_part").set_value(part).run()) if part else app


def table(app: AppTest, number: int = 0) -> list[dict]:
    """What a table of the page holds, a row each."""
    return app.dataframe[number].value.to_dict("records")


def test_a_first_visitor_is_told_what_to_do(page):
    """No run yet, then one alone: each has its sentence."""
    assert "two or more runs" in words(page)
    assert "Choose another one" in words(compared(page, made(page, error=0.1)))


def test_only_what_differs_is_listed(page):
    """Two runs with other rates and depths: two rows, and the facts of each."""
    first = made(page, error=0.2, optimizer_learning_rate=0.001)
    second = made(page, error=0.1, optimizer_learning_rate=0.1, model_hidden=(32,))
    compared(page, first, second)
    rows = {row["Setting"]: list(row.values())[1:] for row in table(page)}
    assert rows["Learning rate"] == ["0.001", "0.1"]
    assert {"Learning rate", "Hidden layers", "Status", "Numbers to learn", "Seconds of training"} == set(rows)
    assert page.query_params["runs"] == f"{first},{second}"


def test_runs_that_differ_by_their_seed_show_how_much_is_chance(page):
    """Mean and standard deviation of the error; and the reader is told that nothing else differs."""
    runs = [made(page, error=error, training_seed=seed) for seed, error in enumerate((0.1, 0.2, 0.3))]
    compared(page, *runs, part="numbers")
    assert "nothing but the seed" in words(page)
    assert "0.2 ± 0.1" in words(page)


def test_the_best_is_marked_and_failed_runs_have_no_numbers(page):
    """Smaller errors are better; a run that failed or still waits shows a dash."""
    good, bad = made(page, error=0.1), made(page, error=0.2, optimizer_learning_rate=0.1)
    failed = made(page, status="failed", optimizer_learning_rate=1.0)
    compared(page, good, bad, failed, part="numbers")
    assert [row["Error, items kept aside"] for row in table(page, 1)] == ["★ 0.1", "0.2", "–"]


def test_other_data_are_not_on_one_scale(page):
    """The reader is warned."""
    assert "not on one scale" in words(compared(page, made(page), made(page, data_kind="wine")))


def test_what_the_link_names_and_is_gone_is_said(page):
    """Runs of strangers can be compared; unknown ones are counted and left out."""
    other = made(page, owner="somebody-else-abcdef", error=0.1)
    compared(page, other, "nothing-of-the-kind")
    assert "1 of these runs cannot be found" in words(page)
    assert page.session_state["_pins"] == [other]


def test_a_pin_is_set_and_taken_out_anywhere(page):
    """The button on Explore adds the run that is looked at."""
    run = made(page, error=0.1)
    page.session_state["_run"] = run
    clean(page.switch_page("explore.py").run())
    clean(page.button(key="pin").click().run())
    assert page.session_state["_pins"] == [run]
    clean(page.button(key="pin").click().run())
    assert page.session_state["_pins"] == []


def test_names_that_people_give_are_words_and_nothing_else(page):
    """Markdown and HTML in a title stay what they are."""
    runs = [made(page, error=0.1 + seed / 100, training_seed=seed) for seed in range(2)]
    store, owner = services.current().store, page.session_state["_owner"]
    for run in runs:
        store.rename(run, owner, "**bold** <img src=x>")
    assert r"\*\*bold\*\* \<img src=x\>" in words(compared(page, *runs, part="numbers"))


@pytest.mark.parametrize("part", PARTS)
def test_two_hundred_runs_are_no_trouble(page, part):
    """Every part of the page with two hundred runs of many settings, some of them failed."""
    runs = [
        made(page, error=None if n % 7 == 0 else 1 / (n + 1), status="failed" if n % 7 == 0 else "finished",
             optimizer_learning_rate=0.001 * (n + 1), training_seed=n % 3, model_activation=("relu", "tanh")[n % 2])
        for n in range(200)
    ]  # fmt: skip
    compared(page, *runs, part=part)
    assert "first" in words(page)
