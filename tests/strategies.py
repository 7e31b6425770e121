"""Random valid specs, drawn from the same fields that validation reads."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from ae_core.spec import RunSpec, Spec, every_setting


def specs(cls: type[Spec] = RunSpec, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any valid value of a spec class; `fixed` gives fields a strategy of their own."""
    fields = {
        name: _values(field.annotation, field.metadata) for name, field in cls.model_fields.items() if name not in fixed
    }
    return st.builds(cls, **fields, **fixed)


def _values(kind: Any, marks: list[Any]) -> st.SearchStrategy[Any]:
    """Every value that a field of this type and with these bounds takes, both ends included."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = [mark for part in parts[1:] for mark in (part.metadata if isinstance(part, FieldInfo) else [part])]
        return _values(parts[0], [*marks, *inner])
    if origin in (Union, types.UnionType):
        return st.one_of(*(_values(part, marks) for part in parts))
    if origin is Literal:
        return st.sampled_from(parts)
    if origin is tuple:
        shortest = next((mark.min_length for mark in marks if isinstance(mark, MinLen)), 0)
        longest = next(mark.max_length for mark in marks if isinstance(mark, MaxLen))
        return st.lists(_values(parts[0], []), min_size=shortest, max_size=longest).map(tuple)
    if kind in (type(None), None):
        return st.none()
    if isinstance(kind, type) and issubclass(kind, Spec):
        return specs(kind)
    if kind is str and any(getattr(mark, "pattern", None) for mark in marks):  # a digest, or none
        return st.sampled_from(["", "0123456789abcdef" * 2])
    if kind is str:  # any other text in a spec is the key that a schedule moves
        return st.sampled_from(sorted(key for key, leaf in every_setting().items() if leaf.knob.moves))
    if kind is bool:
        return st.booleans()
    low = next(mark.ge for mark in marks if isinstance(mark, Ge))
    high = next(mark.le for mark in marks if isinstance(mark, Le))
    ends = st.sampled_from([kind(low), kind(high)])
    return ends | (st.integers(low, high) if kind is int else st.floats(low, high, allow_nan=False))
