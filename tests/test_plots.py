"""The still pictures: numbers first, ink second, and nothing yet is a valid picture."""

from __future__ import annotations

import numpy as np
import pytest

from ae_core.events import Finished, Progress
from ae_core.plots.curves import curves, draw_curves
from ae_core.plots.latent import draw_latent, latent_map
from ae_core.plots.palette import MARKERS, PALETTE
from ae_core.plots.schedule import course, draw_course
from ae_core.spec import Schedule

WORDS = {"train": "train", "val": "validation", "epoch": "epoch", "mse": "MSE", "axis": "code", "class": "class"}


def progress(step: int, val: float | None) -> Progress:
    """A made-up report."""
    terms = {"loss": 2.0 / step, "mse": 1.0 / step}
    return Progress(
        step=step,
        epoch=step / 10,
        seconds=1.0,
        train=terms,
        val=None if val is None else {"loss": val, "mse": val},
        learning_rate=0.1,
    )


def test_curves_keep_one_row_for_each_report_and_skip_other_events():
    """Every Progress event becomes a row; where the validation set was not measured there is a gap."""
    end = Finished(step=2, epoch=0.2, seconds=1.0, reason="epochs", metrics={})
    found = curves([progress(1, 0.5), progress(2, None), end])

    assert found.epochs == [0.1, 0.2]
    assert found.train["mse"] == [1.0, 0.5]
    assert found.val["mse"] == [0.5, None]


def test_drawn_curves_tell_train_and_validation_apart_without_colour():
    """Train is solid and validation dashed, and the axes carry their names."""
    figure = draw_curves(curves([progress(1, 0.5), progress(2, 0.4)]), "mse", WORDS)

    assert [trace.line.dash for trace in figure.data] == ["solid", "dash"]
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("epoch", "MSE")


def test_no_events_are_a_valid_picture():
    """A run that has not begun has empty curves."""
    figure = draw_curves(curves([]), "mse", WORDS)

    assert all(len(trace.x) == 0 for trace in figure.data)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_each_class_has_its_own_colour_and_marker(width):
    """Classes differ by colour and by a second cue, in one, two and three dimensions."""
    codes = np.arange(4 * width, dtype=np.float32).reshape(4, width)
    labels = np.array([0, 1, 0, 1], np.int16)
    figure = draw_latent(latent_map({"labels": labels}, {"latent": codes}, ["a", "b"]), WORDS)

    assert [trace.name for trace in figure.data] == ["a", "b"]
    assert figure.data[0].marker.color != figure.data[1].marker.color
    assert figure.data[0].marker.symbol != figure.data[1].marker.symbol
    assert np.allclose(figure.data[0].x, codes[labels == 0, 0])


def test_a_continuous_position_is_drawn_as_one_shaded_cloud():
    """Points along a roll are one trace whose colour is the position."""
    arrays = {"labels": np.full(3, -1, np.int16), "colour": np.array([0, 0.5, 1], np.float32)}
    figure = draw_latent(latent_map(arrays, {"latent": np.zeros((3, 2), np.float32)}, []), WORDS)

    assert len(figure.data) == 1
    assert list(figure.data[0].marker.color) == [0, 0.5, 1]


def test_no_snapshot_is_a_valid_map():
    """A run without pictures has an empty map."""
    assert len(draw_latent(latent_map({}, {}, []), WORDS).data) == 0


def test_the_palette_has_as_many_markers_as_colours():
    """Every class that has a colour of its own has a marker of its own."""
    assert len(set(PALETTE)) == len(PALETTE) == len(set(MARKERS)) == len(MARKERS)


def test_the_course_of_a_schedule_is_what_the_run_will_follow():
    """It begins at the start value, ends at the end value, and a cycle begins again at the bottom."""
    plan = Schedule(setting="model_code_beta", way="cyclic", start=1, end=3, share=0.5, cycles=4)
    found = course(plan, 20)

    assert (found.epochs[0], found.epochs[-1]) == (0, 20)
    assert (min(found.values), max(found.values)) == (1, 3)
    assert found.values[60] == 1  # a quarter of the run: the second cycle begins
    still = course(Schedule(setting="model_code_beta", start=2, end=2), 1)
    for shown in (found, still):
        drawn = draw_course(shown)
        assert drawn.count("<polyline") == 1
        assert "nan" not in drawn
