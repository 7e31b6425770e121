"""Many runs in one picture: the numbers in it."""

from __future__ import annotations

import pytest

from ae_core.plots.comparison import MOST_POINTS, Course, Dimension, course, draw_courses, draw_parallel, draw_scatter

WORDS = {"along": "epochs", "value": "error"}


def events(count: int) -> list[dict]:
    """Progress of which every second is measured on items kept aside."""
    return [
        {
            "kind": "progress",
            "step": 10 * n,
            "epoch": n,
            "seconds": n / 10,
            "train": {"mse": 1 / (n + 1)},
            "val": {"mse": 2 / (n + 1)} if n % 2 == 0 else None,
        }
        for n in range(count)
    ]


def test_a_course_holds_what_was_measured_along_the_axis_asked_for():
    """Items kept aside are measured less often; steps, epochs and seconds are the event's own."""
    found = course("run", [{"kind": "started"}, *events(5)], "val", "mse", "step")
    assert found == Course("run", [0.0, 20.0, 40.0], [2.0, 2 / 3, 2 / 5])
    assert course("run", events(5), "train", "mse", "seconds").along == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert course("run", events(5), "val", "kl", "step") == Course("run", [], [])


def test_a_long_course_is_thinned_and_keeps_its_end():
    """As many points as a screen shows, the last among them."""
    found = course("run", events(5000), "train", "mse", "epoch")
    assert len(found.along) <= 2 * MOST_POINTS
    assert found.along[-1] == 4999


def test_names_are_no_markup_and_what_is_not_positive_has_no_logarithm():
    """Plotly reads tags in names; an importance term may be below zero."""
    figure = draw_courses([Course("<b>x</b>", [0, 1], [1.0, -1.0])], WORDS)
    assert figure.data[0].name == "&lt;b&gt;x&lt;/b&gt;"
    assert figure.layout.yaxis.type == "linear"
    assert draw_courses([Course("a", [0], [1.0])], WORDS).layout.yaxis.type == "log"
    assert not draw_courses([], WORDS).data


def test_words_stand_on_an_axis_by_their_place():
    """Numbers as they are; a missing value is a gap."""
    assert Dimension("knob", [3, None, 1.5]).places() == [3.0, None, 1.5]
    assert Dimension("knob", ["relu", "gelu", None, "relu"]).places() == [1.0, 0.0, None, 1.0]
    assert not Dimension("knob", [True, False]).numeric


def test_runs_that_are_not_chosen_are_grey():
    """In both pictures; with all of them or none chosen nothing is greyed on the axes."""
    knob, result = Dimension("knob", [1, 2, 3]), Dimension("error", [0.3, 0.2, None])
    axes = draw_parallel([knob, result], [False, True, False]).data[0].dimensions
    ((low, high),) = axes[-1].constraintrange
    assert low < 0.2 < high
    assert draw_parallel([knob, result], [False] * 3).data[0].dimensions[-1].constraintrange is None
    grey, bright = draw_scatter(knob, result, ["a", "<i>b</i>", "c"], [False, True, True]).data
    assert (list(grey.x), list(bright.x), list(bright.text)) == ([1], [2], ["&lt;i&gt;b&lt;/i&gt;"])
    assert bright.y[0] == pytest.approx(0.2)
