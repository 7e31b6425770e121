"""When a run reports: often enough to watch it from the first second, rarely enough to keep a long one light."""

from __future__ import annotations

import pytest

from ae_core.training.cadence import LEAST_STEPS, MAX_MEASURES, MAX_REPORTS, YOUNG, YOUNG_AND_COSTLY, cadence

LENGTHS = [(1, 1), (30, 22), (300, 22), (10_000, 22), (10_000, 1), (30, 59), (10, 3750), (10_000, 3750)]


@pytest.mark.parametrize(("epochs", "steps"), LENGTHS)
def test_the_last_step_is_measured_and_reports_stay_few(epochs, steps):
    """The end always has its measure, and no length of run makes more events than a page can draw."""
    found = cadence(epochs, steps)
    bounded = range(1, min(found.goal, 3_000_000) + 1)

    assert found.measures(found.goal)
    assert sum(map(found.measures, bounded)) <= MAX_MEASURES + YOUNG + 1
    assert sum(map(found.reports, bounded)) <= MAX_REPORTS + MAX_MEASURES + YOUNG + 1


@pytest.mark.parametrize("epochs", [30, 1000, 10_000])
def test_a_young_run_is_measured_after_every_epoch_however_long_it_will_be(epochs):
    """The first epochs of digits are all there, so the curve has a shape within the first second."""
    found = cadence(epochs, 22)

    assert all(found.measures(22 * epoch) for epoch in range(1, 31))


def test_measuring_a_large_share_of_the_items_does_not_slow_a_long_run():
    """Once a run is no longer young, measures that cost a sixth of an epoch each come only every fifth epoch."""
    found = cadence(300, 22, cost=1 / 6)

    assert all(found.measures(22 * epoch) for epoch in range(1, YOUNG_AND_COSTLY + 1))
    assert [epoch for epoch in range(200, 216) if found.measures(22 * epoch)] == [200, 205, 210, 215]


def test_tiny_epochs_are_not_spent_on_measuring():
    """With one step an epoch, measures are eight steps apart."""
    found = cadence(1000, 1)

    assert [step for step in range(1, 33) if found.measures(step)] == [LEAST_STEPS * number for number in (1, 2, 3, 4)]


def test_a_long_epoch_is_reported_inside():
    """An epoch of thousands of steps does not keep its reader waiting."""
    found = cadence(2, 3750)

    assert sum(map(found.reports, range(1, 3750))) > 100


@pytest.mark.parametrize(("epochs", "steps"), LENGTHS[:-1])
def test_nothing_is_reported_before_the_end_of_a_stretch(epochs, steps):
    """Steps taken in stretches meet every report and every end of an epoch."""
    found = cadence(epochs, steps)
    stops, step = set(), 0
    while step < min(found.goal, 100_000):
        step += found.stretch(step)
        stops.add(step)

    events = set(filter(found.reports, range(1, step + 1)))
    assert stops == events | set(range(steps, step + 1, steps))
