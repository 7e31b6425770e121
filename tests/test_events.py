"""What can happen in a run, and its form as JSON."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_core.events import (
    KINDS,
    Diverged,
    Event,
    Finished,
    LearningRateSet,
    Progress,
    Recovered,
    Snapshot,
    Started,
    from_json,
    to_json,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
terms = st.dictionaries(st.sampled_from(["loss", "reconstruction", "mse", "kl", "weight_decay"]), finite)
now = {"step": st.integers(0, 10**9), "epoch": st.floats(0, 1e6), "seconds": st.floats(0, 1e6)}
count = st.integers(0, 10**9)

EVENTS = st.one_of(
    st.builds(
        Started, **now, parameters=count, train_items=count, val_items=count, steps_per_epoch=count, reference=terms
    ),
    st.builds(Progress, **now, train=terms, val=st.none() | terms, learning_rate=finite),
    st.builds(LearningRateSet, **now, learning_rate=finite),
    st.builds(Recovered, **now, reason=st.text()),
    st.builds(Diverged, **now, reason=st.text(), good_step=count),
    st.builds(Finished, **now, reason=st.text(), metrics=terms),
)
MOMENT = {"step": 3, "epoch": 0.5, "seconds": 0.1}


def whole(event: Event) -> dict[str, object]:
    """Every field, also those that do not take part in comparison."""
    return {part.name: getattr(event, part.name) for part in dataclasses.fields(event)}


@given(EVENTS)
def test_json_gives_the_same_event_back(event: Event) -> None:
    """Event to JSON text to event is the identity, to the last bit of every number."""
    back = from_json(json.loads(json.dumps(to_json(event), allow_nan=False)))
    assert type(back) is type(event)
    assert whole(back) == whole(event)


@given(EVENTS, count)
def test_the_sequence_number_beside_an_event_is_ignored(event: Event, seq: int) -> None:
    """Stored events carry a `seq`, which is the store's and not the event's."""
    assert from_json({"seq": seq, **to_json(event)}) == event


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_become_null(number: float) -> None:
    """A diverged loss reaches the browser as null, at the top and inside terms, and never as invalid JSON."""
    event = Progress(**MOMENT, train={"loss": number, "mse": 1.0}, val={"loss": number}, learning_rate=number)
    found = to_json(event)
    assert found["train"] == {"loss": None, "mse": 1.0}
    assert found["val"] == {"loss": None}
    assert found["learning_rate"] is None
    json.dumps(found, allow_nan=False)


def test_numbers_of_numpy_are_plain_json() -> None:
    """A metric read off an array does not break the store, and NaN among them is null too."""
    found = to_json(Finished(**MOMENT, reason="epochs", metrics={"a": np.float64(1.5), "b": np.float64("nan")}))
    assert json.loads(json.dumps(found, allow_nan=False))["metrics"] == {"a": 1.5, "b": None}


def test_a_snapshot_leaves_its_arrays_out_of_json() -> None:
    """Arrays travel in frames, not in JSON."""
    found = to_json(Snapshot(**MOMENT, arrays={"latent": np.zeros((2, 2), np.float32)}))
    assert found == {"kind": "snapshot", **MOMENT}


def test_time_does_not_take_part_in_comparison() -> None:
    """Equal specs give equal events on machines of any speed."""
    slow = Progress(step=3, epoch=0.5, seconds=9.0, train={"loss": 1.0}, val=None, learning_rate=0.1)
    assert slow == dataclasses.replace(slow, seconds=0.1)
    assert slow != dataclasses.replace(slow, step=4)


def test_events_are_frozen() -> None:
    """What happened cannot be changed afterwards."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recovered(**MOMENT, reason="a worker was lost").step = 4  # type: ignore[misc]


def test_every_kind_of_event_can_be_read_back() -> None:
    """No subclass of Event is missing from the table that readers use."""
    assert set(KINDS.values()) == set(Event.__subclasses__())
