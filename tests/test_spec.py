"""What an experiment may be, and its forms as JSON and as a link."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ae_core.errors import SpecError
from ae_core.spec import RunSpec, Schedule, Setting, changed, from_url, in_effect, read, settings, to_url
from ae_core.spec import every_setting as every_leaf
from tests.strategies import specs

DATA_KINDS = next(leaf.choices for leaf in settings(RunSpec()) if leaf.key == "data_kind")
CODE_KINDS = next(leaf.choices for leaf in settings(RunSpec()) if leaf.key == "model_code_kind")


def every_setting() -> Iterator[tuple[RunSpec, Setting]]:
    """Each setting once, with a spec that has it."""
    seen = set()
    for data in DATA_KINDS:
        for code in CODE_KINDS:
            spec = changed(RunSpec(), {"data_kind": data, "model_code_kind": code})
            for leaf in settings(spec):
                if (leaf.key, data if leaf.path[0] == "data" else "") not in seen:
                    seen.add((leaf.key, data if leaf.path[0] == "data" else ""))
                    yield spec, leaf


def ids(pair: Any) -> str:
    return f"{pair[0].data.kind}-{pair[1].key}" if pair[1].path[0] == "data" else pair[1].key


SETTINGS = list(every_setting())
NUMBERS = [(spec, leaf) for spec, leaf in SETTINGS if leaf.low is not None]


# ---------------------------------------------------------------------------------------------- round trips


@given(specs())
def test_json_gives_the_same_spec_back(spec: RunSpec) -> None:
    """Spec to JSON to spec is the identity, also through a plain JSON parser."""
    assert read(spec.model_dump_json()) == spec
    assert read(json.loads(spec.model_dump_json())) == spec


@given(specs())
def test_a_link_gives_the_same_spec_back(spec: RunSpec) -> None:
    """Spec to URL parameters to spec is the identity, and nothing on the way is complained about."""
    assert from_url(to_url(spec)) == (spec, [])


@given(specs(), specs())
def test_a_link_gives_the_same_spec_back_wherever_the_reader_was(spec: RunSpec, start: RunSpec) -> None:
    """A link that names every setting means the same on top of any other experiment."""
    full = {leaf.key: to_url_text(leaf) for leaf in settings(spec)}
    assert from_url(full, start) == (spec, [])


def to_url_text(leaf: Setting) -> str:
    """One setting as it stands in a link: from `to_url` where it differs from the default, else spelled plainly."""
    if isinstance(leaf.value, tuple):
        return ("," if leaf.key == "schedules" else "-").join(map(str, leaf.value)) or "none"
    if leaf.value is None or isinstance(leaf.value, bool):
        return str(leaf.value).lower()
    return repr(leaf.value) if isinstance(leaf.value, float) else str(leaf.value)


@given(specs(), specs())
def test_a_link_may_name_only_what_differs_from_another_start(spec: RunSpec, start: RunSpec) -> None:
    """Writer and reader of a link may agree on any experiment to start from, not only on the usual one."""
    assert from_url(to_url(spec, start), start) == (spec, [])


def test_the_usual_experiment_has_an_empty_link() -> None:
    """Defaults are not written into links."""
    assert to_url(RunSpec()) == {}


# -------------------------------------------------------------------------------------------------- changing


@given(specs(), st.sampled_from(DATA_KINDS), st.sampled_from(CODE_KINDS))
def test_a_new_kind_keeps_the_settings_it_shares_with_the_old_one(spec: RunSpec, data: str, code: str) -> None:
    """Switching the dataset or the code resets only settings that the new kind does not have or cannot take."""
    new = changed(spec, {"data_kind": data, "model_code_kind": code})
    before = {leaf.key: leaf.value for leaf in settings(spec)}
    after = {leaf.key: leaf for leaf in settings(new)}

    assert (new.data.kind, new.model.code.kind) == (data, code)
    for key, leaf in after.items():
        if not key.endswith("_kind") and key != "schedules":
            fits = not leaf.choices or before.get(key) in leaf.choices
            if fits and leaf.low is not None and leaf.high is not None and before.get(key) is not None:
                fits = leaf.low <= before[key] <= leaf.high
            assert leaf.value == (before.get(key, leaf.default) if fits else leaf.default), key
    assert (new.objective, new.optimizer, new.training) == (spec.objective, spec.optimizer, spec.training)


@given(specs())
def test_changing_nothing_changes_nothing(spec: RunSpec) -> None:
    """Every setting written over itself gives an equal spec."""
    assert changed(spec, {leaf.key: leaf.value for leaf in settings(spec)}) == spec


def test_a_setting_that_the_experiment_lacks_is_refused() -> None:
    """A key of another kind is named in the refusal."""
    with pytest.raises(SpecError, match="data_rings"):
        changed(RunSpec(), {"data_rings": 3})


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    """The refusal lists what could have been meant."""
    with pytest.raises(SpecError, match=r"data_kind.*digits.*swiss_roll.*'imagenet'"):
        changed(RunSpec(), {"data_kind": "imagenet"})


# ---------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize("pair", NUMBERS, ids=ids)
def test_both_ends_of_a_number_are_accepted(pair: tuple[RunSpec, Setting]) -> None:
    """The bounds that a slider shows are themselves valid."""
    spec, leaf = pair
    for end in (leaf.low, leaf.high):
        value = type(leaf.value)(end) if isinstance(leaf.value, int) else end
        assert {x.key: x.value for x in settings(changed(spec, {leaf.key: value}))}[leaf.key] == value


@pytest.mark.parametrize("pair", NUMBERS, ids=ids)
def test_beyond_either_end_a_number_is_refused_with_a_sentence(pair: tuple[RunSpec, Setting]) -> None:
    """One step outside, the refusal names the setting, what was expected and what came."""
    spec, leaf = pair
    for value in (leaf.low - 1, leaf.high + 1, math.inf, -math.inf, math.nan, "many"):
        with pytest.raises(SpecError) as refused:
            changed(spec, {leaf.key: value})
        said = str(refused.value)
        assert leaf.path[-1] in said
        assert said.endswith(".")
        assert "\n" not in said


@pytest.mark.parametrize("pair", SETTINGS, ids=ids)
def test_every_setting_has_bounds_and_says_what_it_does(pair: tuple[RunSpec, Setting]) -> None:
    """A widget can be made of each: choices or both bounds or yes and no, with a default inside and a description."""
    _, leaf = pair
    assert leaf.key.startswith(tuple(RunSpec.model_fields))
    if leaf.path[-1] != "kind":
        assert leaf.field.description
        assert leaf.field.description.endswith(".")
    if leaf.choices:
        assert leaf.default in leaf.choices
    elif leaf.low is not None:
        assert leaf.high is not None
        assert leaf.default is None or leaf.low <= leaf.default <= leaf.high
    else:
        assert isinstance(leaf.default, bool | tuple) or leaf.default in (None, "")


@pytest.mark.parametrize("hidden", [(0,), (2049,), (8,) * 7, ("a",), 8])
def test_impossible_layers_are_refused(hidden: Any) -> None:
    """At most six layers, of 1 to 2,048 neurons each."""
    with pytest.raises(SpecError, match="hidden"):
        changed(RunSpec(), {"model_hidden": hidden})


def test_a_spec_is_frozen() -> None:
    """Nobody changes an experiment in place, at any depth."""
    spec = RunSpec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.training.epochs = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        spec.data = spec.data  # type: ignore[misc]


@pytest.mark.parametrize("part", ["", *RunSpec.model_fields])
def test_fields_that_do_not_exist_are_refused(part: str) -> None:
    """A misspelt setting is said, not silently dropped."""
    stray = {"learnig_rate": 1.0}
    with pytest.raises(SpecError, match="learnig_rate"):
        read({part: stray} if part else stray)


def test_missing_fields_take_their_defaults() -> None:
    """An empty object is the usual experiment."""
    assert read({}) == read("{}") == RunSpec()


@pytest.mark.parametrize("text", ['{"data": {"val_fraction": 0.2}}', '{"model": {"code": {"latent_dim": 3}}}'])
def test_a_part_that_does_not_say_its_kind_is_of_the_usual_one(text: str) -> None:
    """Missing fields take their defaults, also the kind of a dataset, a model or a code."""
    spec = read(text)

    assert (spec.data.kind, spec.model.kind, spec.model.code.kind) == ("digits", "mlp", "point")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"data": 3}', '{"data": {"kind": "nope"}}', '"\\ud800"'])
def test_text_that_is_no_spec_is_refused_with_a_sentence(text: str) -> None:
    """Whatever arrives as JSON, the answer is a spec or a sentence."""
    with pytest.raises(SpecError, match=r"\.$"):
        read(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted({leaf.key for _, leaf in SETTINGS})


@given(st.dictionaries(st.sampled_from([*RunSpec.model_fields, "x"]), ANYTHING))
def test_any_mapping_is_a_spec_or_a_sentence(value: dict[str, Any]) -> None:
    """Fuzzed JSON never brings anything but a spec or a SpecError."""
    with contextlib.suppress(SpecError):
        assert isinstance(read(value), RunSpec)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=12), st.text(max_size=40), max_size=8), specs())
@example({"data_kind": "rings", "data_rings": "99"}, RunSpec())
@example({"optimizer_learning_rate": "nan"}, RunSpec())
@example({"optimizer_learning_rate": "1e999"}, RunSpec())
@example({"training_seed": "1_0"}, RunSpec())
@example({"model_hidden": "9" * 5000}, RunSpec())
@example({"training_seed": "9" * 5000}, RunSpec())
@example({"model_hidden": "-".join("8" * 500)}, RunSpec())
@example({"data_kind": "<script>alert(1)</script>"}, RunSpec())
def test_whatever_a_link_says_the_spec_is_valid(params: dict[str, str], start: RunSpec) -> None:
    """Hostile links give a valid spec; each refused parameter gives one sentence and leaves its setting alone."""
    spec, problems = from_url(params, start)
    assert RunSpec.model_validate(spec.model_dump()) == spec
    assert len(problems) <= len(params)
    assert all(said and "\n" not in said and len(said) < 500 for said in problems)


def test_an_out_of_range_link_says_so_and_keeps_the_start() -> None:
    """A good parameter beside a bad one is still taken."""
    spec, problems = from_url({"training_epochs": "0", "training_seed": "7", "utm_source": "mail"})
    assert (spec.training.epochs, spec.training.seed) == (RunSpec().training.epochs, 7)
    assert len(problems) == 1
    assert "epochs" in problems[0]


def test_a_setting_without_effect_is_named_so() -> None:
    """Momentum works with sgd alone, an amount of damage with a damage, a bend with a hidden layer; all else always."""
    plain = {leaf.key for leaf in settings(RunSpec())} - {leaf.key for leaf in in_effect(RunSpec())}
    assert plain >= {"optimizer_momentum", "objective_corruption_level"}
    busy = changed(
        RunSpec(),
        {"optimizer_kind": "sgd", "objective_corruption_kind": "masking", "model_hidden": (), "model_tied": True},
    )
    idle = {leaf.key for leaf in settings(busy)} - {leaf.key for leaf in in_effect(busy)}
    assert idle >= {"model_activation", "model_dropout", "model_batch_norm"}
    assert idle.isdisjoint({"optimizer_momentum", "objective_corruption_level", "model_tied"})


def test_every_setting_that_may_idle_names_a_neighbour_and_values_that_it_may_have() -> None:
    """A typing error in such a note would show a knob for ever, or never."""
    every = every_leaf()
    for leaf in every.values():
        if leaf.knob.idle:
            beside, values = leaf.knob.idle
            neighbour = every["_".join((*leaf.path[:-1], beside))]
            assert all(value in neighbour.choices for value in values if neighbour.choices), leaf.key


def test_a_schedule_goes_with_its_setting() -> None:
    """Another kind of code takes the schedule of beta away; other changes leave it."""
    spec = changed(RunSpec(), {"model_code_kind": "variational", "schedules": (Schedule(setting="model_code_beta"),)})
    assert changed(spec, {"training_epochs": 5}).schedules == spec.schedules
    assert changed(spec, {"model_code_kind": "point"}).schedules == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"data": {"kind": "mnst"}}, "data: expected a kind among 'digits', "),
        ({"model": {"code": {"kind": "vae"}}}, "model.code: expected a kind among 'point', 'variational', "),
        ({"model": {"hidden": "128"}}, "model.hidden: expected a list, got '128'."),
    ],
)
def test_what_is_not_there_is_refused_in_plain_words(value, said):
    """Without the words of the library that checks it."""
    with pytest.raises(SpecError) as refused:
        read(value)
    assert str(refused.value).startswith(said)
