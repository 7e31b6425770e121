"""Schedules: each against its formula, and through a whole run."""

from __future__ import annotations

import pytest

from ae_core.compatibility import check
from ae_core.dials import Dials, scheduled
from ae_core.errors import SpecError
from ae_core.events import Progress
from ae_core.spec import MLP, Corruption, Objective, RunSpec, Schedule, Variational, Wine, from_url, to_url
from ae_core.spec import Training as TrainingSpec
from ae_core.training import Trainer, train

BETA = "model_code_beta"


@pytest.mark.parametrize(
    ("way", "values"),
    [
        ("linear", {0.0: 1.0, 0.25: 2.0, 0.5: 3.0, 0.9: 3.0}),
        ("cosine", {0.0: 1.0, 0.25: 2.0, 0.5: 3.0, 1.0: 3.0}),
        ("warm_up", {0.0: 1.0, 0.25: 2.0, 0.5: 3.0, 1.0: 3.0}),
        ("step", {0.0: 1.0, 0.49: 1.0, 0.5: 3.0, 1.0: 3.0}),
        ("cyclic", {0.0: 1.0, 0.0625: 2.0, 0.125: 3.0, 0.2: 3.0, 0.25: 1.0, 0.3125: 2.0}),
    ],
)
def test_each_way_goes_where_it_says(way, values):
    """From start to end within its share of the run; cyclic does so in each of its cycles."""
    plan = Schedule(setting=BETA, way=way, start=1.0, end=3.0, share=0.5, cycles=4)

    assert {done: scheduled(plan, done) for done in values} == pytest.approx(values)


def test_a_dial_without_a_schedule_stands_still():
    """Settings keep the spec's value, and a setting that this spec does not have counts as 0."""
    dials = Dials(RunSpec())
    dials.turn(0.7)

    assert dials("optimizer_learning_rate") == 0.001
    assert dials(BETA) == 0.0
    assert not dials.ever(BETA)


def moving(*plans: Schedule) -> RunSpec:
    return RunSpec(
        data=Wine(),
        model=MLP(hidden=(8,), code=Variational()),
        objective=Objective(corruption=Corruption(kind="gaussian", level=0.1)),
        training=TrainingSpec(epochs=6),
        schedules=plans,
    )


def test_a_weight_that_starts_at_zero_is_a_term_from_the_beginning():
    """The KL term of a warm-up is in every report, 0 at first, and counts once the weight has risen."""
    spec = moving(Schedule(setting=BETA, way="step", start=0.0, end=2.0, share=0.5))
    reports = [event for event in train(spec) if isinstance(event, Progress) and event.val]

    assert reports[0].val["kl"] == 0.0
    assert reports[-1].val["kl"] > 0.0
    assert {"kl"} <= set.intersection(*(set(report.train) for report in reports))


def test_a_scheduled_run_is_resumed_with_the_same_bits():
    """The dials stand where they stood, so a resumed run tells the same events."""
    spec = moving(
        Schedule(setting=BETA, start=0.0, end=1.0),
        Schedule(setting="objective_corruption_level", way="cosine", start=0.5, end=0.0),
    )
    whole = Trainer(spec)
    whole.start()
    first = Trainer(spec)
    first.start()
    first.advance(steps=8)
    rest = Trainer(spec, first.checkpoint()).advance()

    assert rest == [event for event in whole.advance() if event.step > 8]


def test_schedules_travel_in_links():
    """What to_url writes from_url reads, also small and negative numbers."""
    spec = moving(Schedule(setting=BETA, way="cyclic", start=1e-05, end=2.5, share=0.25, cycles=7))

    assert from_url(to_url(spec)) == (spec, [])


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Schedule(setting="training_seed"), "cannot move"),
        (Schedule(setting="nonsense"), "cannot move"),
        (Schedule(setting=BETA, start=0, end=2000), "between 0 and 1000"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(plan, said):
    """Only numbers that may move, only to values that they may have, and each once; the sentence says which."""
    with pytest.raises(SpecError, match=said):
        check(moving(plan))


def test_no_setting_has_two_schedules():
    """Two plans for one number contradict each other."""
    with pytest.raises(SpecError, match="already has"):
        check(moving(Schedule(setting=BETA), Schedule(setting=BETA)))
