"""The frozen record, and what a widget needs beside a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Scale = Literal["linear", "log", "log2"]
Level = Literal["beginner", "advanced"]


class Spec(BaseModel):
    """A frozen record: unknown fields are refused, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _usual_kind(cls, value: Any) -> Any:
        """A part that does not say its kind is of the usual one."""
        if not isinstance(value, Mapping):
            return value
        usual = {name: field.default.kind for name, field in cls.model_fields.items() if hasattr(field.default, "kind")}
        parts = {name: value[name] for name in usual if isinstance(value.get(name), Mapping)}
        return {**value, **{name: {"kind": usual[name], **part} for name, part in parts.items()}}


@dataclass(frozen=True)
class Knob:
    """What a widget needs beside a field's type and bounds.

    unit: of the number ("" = a pure number). step: of a slider, in the field's own units (a `log` slider moves by 1, 2,
    5, 10 and a `log2` slider by doubling; they ignore `step`). live: may change while the run trains. moves: may follow
    a schedule of its own over the run (see `Schedule`). idle: a field beside this one, and its values at which this one
    has no effect.
    """

    unit: str = ""
    scale: Scale = "linear"
    step: float | None = None
    level: Level = "advanced"
    live: bool = False
    moves: bool = False
    idle: tuple[str, tuple[Any, ...]] | None = None
