"""The whole experiment, and its forms as JSON, as URL parameters and as settings for widgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from ae_core.errors import SpecError
from ae_core.spec.data import AnyData, Digits
from ae_core.spec.model import MLP, AnyModel
from ae_core.spec.objective import Objective
from ae_core.spec.record import Knob, Spec
from ae_core.spec.training import Optimizer, Schedule, Training


class RunSpec(Spec):
    """One experiment. Everything that is shown of a run follows from this and from its events."""

    data: AnyData = Digits()
    model: AnyModel = MLP()
    objective: Objective = Objective()
    optimizer: Optimizer = Optimizer()
    training: Training = Training()
    schedules: Annotated[
        tuple[Schedule, ...], Field(max_length=8, description="Settings that move while the run trains."), Knob()
    ] = ()


@dataclass(frozen=True)
class Setting:
    """One leaf of a spec: where it stands, what it may be, and what it is now.

    key: the path joined by underscores (`optimizer_learning_rate`), which is also its widget key and URL parameter.
    choices: for fields that are one of a few words. low, high: bounds of numbers, None where there is none.
    """

    path: tuple[str, ...]
    value: Any
    default: Any
    field: FieldInfo
    knob: Knob
    choices: tuple[Any, ...]
    low: float | None
    high: float | None
    optional: bool

    @property
    def key(self) -> str:
        return "_".join(self.path)


def read(value: Mapping[str, Any] | str | bytes) -> RunSpec:
    """A spec from JSON or from nested mappings; missing fields take their defaults.

    Raises SpecError with one sentence for each field that does not fit.
    """
    try:
        if isinstance(value, str | bytes):
            return RunSpec.model_validate_json(value)
        return RunSpec.model_validate(value)
    except ValidationError as error:
        raise SpecError(" ".join(sentence(problem) for problem in error.errors()[:5])) from None


def sentence(problem: Mapping[str, Any]) -> str:
    """One of Pydantic's findings as a sentence: which setting, what was expected, what came."""
    *way, last = problem["loc"] or ("the experiment",)
    where = ".".join(str(part) for part in (*(part for part in way if part not in _TAGS), last))
    came = repr(problem.get("input"))
    came = came if len(came) <= 60 else came[:57] + "..."
    return f"{where}: {_wanted(problem)}, got {came}."


def _wanted(problem: Mapping[str, Any]) -> str:
    """What was expected, in words that do not need Python."""
    facts, kind = problem.get("ctx", {}), str(problem["type"])
    usual = f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"
    return {
        "greater_than_equal": f"expected {facts.get('ge')} or more",
        "less_than_equal": f"expected {facts.get('le')} or less",
        "literal_error": f"expected one of {facts.get('expected')}",
        "too_long": f"expected at most {facts.get('max_length')} of them",
        "extra_forbidden": "there is no such setting",
        "union_tag_invalid": f"expected a kind among {facts.get('expected_tags')}",
        "tuple_type": "expected a list",
        "value_error": str(facts.get("error")),
        "finite_number": "expected a number",
    }.get(kind) or next((f"expected {word}" for start, word in _KINDS_OF_NUMBER if kind.startswith(start)), usual)


_KINDS_OF_NUMBER = (("int_", "a whole number"), ("float_", "a number"), ("bool_", "yes or no"))


def bound(cls: type[Spec], field: str, name: str) -> int:
    """A bound as it stands on a field: `ge`, `le`, `min_length` or `max_length`."""
    return next(int(getattr(mark, name)) for mark in cls.model_fields[field].metadata if hasattr(mark, name))


def settings(spec: Spec, prefix: tuple[str, ...] = ()) -> Iterator[Setting]:
    """Every leaf of the spec in the order of its fields. A union's `kind` is a leaf whose choices are the kinds."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if isinstance(value, Spec):
            kinds = _kinds(field)
            if len(kinds) > 1:
                yield _setting((*prefix, name, "kind"), value.kind, field.default.kind, field, tuple(kinds))  # type: ignore[attr-defined]
            yield from settings(value, (*prefix, name))
        elif name != "kind" or len(_words(field)) > 1:
            yield _setting((*prefix, name), value, field.default, field, _words(field))


def every_setting(cls: type[Spec] = RunSpec, prefix: tuple[str, ...] = ()) -> dict[str, Setting]:
    """Every leaf that any spec can have, over all kinds of every union, by key and with its default as its value.

    A key that several kinds share is the first one's, so the kind that knows most words for it comes first.
    """
    found: dict[str, Setting] = {}
    for name, field in cls.model_fields.items():
        if isinstance(field.default, Spec):
            kinds = _kinds(field)
            if len(kinds) > 1:
                leaf = _setting((*prefix, name, "kind"), field.default.kind, field.default.kind, field, tuple(kinds))  # type: ignore[attr-defined]
                found[leaf.key] = leaf
            for member in kinds.values():
                found = every_setting(member, (*prefix, name)) | found
        elif name != "kind" or len(_words(field)) > 1:
            leaf = _setting((*prefix, name), field.default, field.default, field, _words(field))
            found.setdefault(leaf.key, leaf)
    return found


def in_effect(spec: RunSpec) -> Iterator[Setting]:
    """The leaves that change something under the other settings of this spec."""
    leaves = list(settings(spec))
    moved = {plan.setting: max(plan.start, plan.end) for plan in spec.schedules}
    values = {leaf.path: moved.get(leaf.key, leaf.value) for leaf in leaves}
    for leaf in leaves:
        beside, idle = leaf.knob.idle or ("", ())
        if values.get((*leaf.path[:-1], beside)) not in idle:
            yield leaf


def changed(spec: RunSpec, values: Mapping[str, Any]) -> RunSpec:
    """The spec with some settings replaced, by key. A new kind keeps the settings that it shares with the old one and
    drops the others, with the schedules that moved them, also a word that the new kind does not know and a number that
    is out of its bounds.

    Raises SpecError where a value does not fit, and for a key that this spec does not have.
    """
    before = {leaf.key: leaf.value for leaf in settings(spec)}
    tree, used = _tree(RunSpec, (), before | dict(values), frozenset(values))
    if unknown := set(values) - used - set(before):
        raise SpecError(f"This experiment has no setting {', '.join(sorted(unknown))}.")
    made = read(tree)
    if "schedules" in values or not made.schedules:
        return made
    gone = set(before) - {leaf.key for leaf in settings(made)}
    return read(tree | {"schedules": tuple(plan for plan in made.schedules if plan.setting not in gone)})


def to_url(spec: RunSpec, start: RunSpec | None = None) -> dict[str, str]:
    """The settings that differ from `start` (usually `RunSpec()`), as URL parameters.

    Schedules are also written where they are the start's and move a setting that this spec does not have: whoever reads
    the link would drop them with that setting.
    """
    usual, own = ({leaf.key: leaf.value for leaf in settings(one)} for one in (start or RunSpec(), spec))
    differs = {leaf.key: leaf.value for leaf in settings(spec) if leaf.value != usual.get(leaf.key, leaf.default)}
    if any(plan.setting in usual and plan.setting not in own for plan in spec.schedules):
        differs["schedules"] = spec.schedules
    return {key: _to_text(value) for key, value in differs.items()}


def from_url(params: Mapping[str, str], start: RunSpec | None = None) -> tuple[RunSpec, list[str]]:
    """A spec from URL parameters, and a sentence for each parameter that was refused and left at its start value.

    Parameters that are no settings are ignored. Whatever comes, the result is a valid spec.
    """
    spec, problems = start or RunSpec(), []
    kinds_first = sorted(params, key=lambda key: not key.endswith("_kind"))
    for key in kinds_first:
        leaf = next((leaf for leaf in settings(spec) if leaf.key == key), None)
        if leaf is None:
            continue
        try:
            spec = changed(spec, {key: _from_text(params[key], leaf)})
        except SpecError as error:
            problems.append(str(error))
    return spec, problems


def _setting(path: tuple[str, ...], value: Any, default: Any, field: FieldInfo, choices: tuple[Any, ...]) -> Setting:
    marks = field.metadata
    return Setting(
        path=path,
        value=value,
        default=default,
        field=field,
        knob=next((mark for mark in marks if isinstance(mark, Knob)), Knob()),
        choices=choices,
        low=next((float(mark.ge) for mark in marks if isinstance(mark, Ge)), None),  # type: ignore[arg-type]
        high=next((float(mark.le) for mark in marks if isinstance(mark, Le)), None),  # type: ignore[arg-type]
        optional=type(None) in (field.annotation, *get_args(field.annotation)),
    )


def _words(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _known(field: FieldInfo, value: Any) -> bool:
    """Whether a value that another kind had is one of this field's words, or within its bounds."""
    if words := _words(field):
        return value in words
    if not isinstance(value, int | float):
        return True
    low = max((float(mark.ge) for mark in field.metadata if isinstance(mark, Ge)), default=value)  # type: ignore[arg-type]
    high = min((float(mark.le) for mark in field.metadata if isinstance(mark, Le)), default=value)  # type: ignore[arg-type]
    return bool(low <= value <= high)


def _kinds(field: FieldInfo) -> dict[str, type[Spec]]:
    """The tagged union's members by kind; one entry for a plain nested spec."""
    members = get_args(field.annotation) or (field.annotation,)
    return {
        str(member.model_fields["kind"].default) if "kind" in member.model_fields else "": member for member in members
    }


def _tree(
    cls: type[Spec], path: tuple[str, ...], flat: Mapping[str, Any], asked: frozenset[str]
) -> tuple[dict[str, Any], set[str]]:
    """Nested values for `cls` out of flat ones, and the keys that were of use. asked: keys that may not be dropped."""
    tree: dict[str, Any] = {}
    used: set[str] = set()
    for name, field in cls.model_fields.items():
        key = "_".join((*path, name))
        if isinstance(field.default, Spec):
            kinds = _kinds(field)
            kind = flat.get(f"{key}_kind", getattr(field.default, "kind", ""))
            member = kinds.get(kind) if isinstance(kind, str) else None
            if member is None and len(kinds) == 1:
                member = next(iter(kinds.values()))
            if member is None:
                raise SpecError(f"{key}_kind: expected one of {', '.join(kinds)}, got {str(kind)[:60]!r}.")
            tree[name], inner = _tree(member, (*path, name), flat, asked)
            used |= inner
        elif key in flat and (key in asked or _known(field, flat[key])):
            tree[name] = flat[key]
            used.add(key)
    return tree, used


def _to_text(value: Any) -> str:
    if isinstance(value, tuple):
        return _between(value).join(str(part) for part in value) or "none"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")  # the shortest text that gives the same number back
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _between(value: tuple[Any, ...]) -> str:
    return "," if value and isinstance(value[0], Schedule) else "-"


def _from_text(text: str, leaf: Setting) -> Any:
    """Undoes `_to_text`; Pydantic turns what is left as text into numbers, or refuses it."""
    if leaf.optional and text == "none":
        return None
    if isinstance(leaf.default, tuple):
        return () if text in ("", "none") else tuple(text[:1000].split("," if leaf.key == "schedules" else "-"))
    return next((choice for choice in leaf.choices if str(choice) == text), text)


def _tags(cls: type[Spec]) -> Iterator[str]:
    """The kinds of every tagged union below this record."""
    for field in cls.model_fields.values():
        if isinstance(field.default, Spec):
            kinds = _kinds(field)
            yield from kinds
            for member in kinds.values():
                yield from _tags(member)


_TAGS = frozenset(_tags(RunSpec))
