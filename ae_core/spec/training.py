"""How it learns: optimiser, length, and numbers that move over the run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ae_core.spec.record import Knob, Spec


class Optimizer(Spec):
    """How weights move against the gradient."""

    kind: Annotated[
        Literal["adam", "adamw", "sgd", "rmsprop"],
        Field(description="The rule that turns gradients into steps."),
        Knob(level="beginner"),
    ] = "adam"
    learning_rate: Annotated[
        float,
        Field(ge=1e-6, le=100, description="Length of each step. May change while the run trains."),
        Knob(scale="log", level="beginner", live=True),
    ] = 0.001
    momentum: Annotated[
        float,
        Field(ge=0, le=0.999, description="Share of the last step that is kept; only sgd uses it."),
        Knob(step=0.01, idle=("kind", ("adam", "adamw", "rmsprop"))),
    ] = 0.9
    schedule: Annotated[
        Literal["constant", "cosine", "step", "linear", "warm_up", "cyclic"],
        Field(
            description="How the learning rate moves over the run: stays, falls to zero along a half cosine, is cut to "
            "a tenth after each third, falls evenly, rises over the first tenth, or falls four times from the top."
        ),
        Knob(),
    ] = "constant"


class Training(Spec):
    """How long, in what portions, from which random start."""

    batch_size: Annotated[
        int,
        Field(ge=1, le=4096, description="Items looked at before each step."),
        Knob(unit="items", scale="log2", level="beginner"),
    ] = 64
    epochs: Annotated[
        int,
        Field(ge=1, le=10_000, description="How often the training items are gone through."),
        Knob(unit="epochs", scale="log", level="beginner"),
    ] = 30
    max_seconds: Annotated[
        float | None, Field(ge=0.1, le=86_400, description="Stop after this much training time."), Knob(unit="seconds")
    ] = None
    target_loss: Annotated[
        float | None,
        Field(ge=-1e9, le=1e9, description="Stop when the validation loss is this small."),
        Knob(unit="nats per item"),
    ] = None
    patience: Annotated[
        int | None,
        Field(
            ge=1,
            le=10_000,
            description="Stop after this many epochs without a better validation loss, counted after all schedules.",
        ),
        Knob(unit="epochs"),
    ] = None
    seed: Annotated[
        int,
        Field(ge=0, le=2**31 - 1, description="Start of every random number: weights, order of batches, noise."),
        Knob(level="beginner"),
    ] = 0
    gradients: Annotated[
        Literal["auto", "explicit", "autograd"],
        Field(
            description="How gradients are found: written out for dense layers, which is several times faster, or by "
            "PyTorch's autograd, which knows everything. Auto takes the faster one that can."
        ),
        Knob(),
    ] = "auto"


Way = Literal["linear", "cosine", "cyclic", "warm_up", "step"]


class Schedule(Spec):
    """How one setting moves over the run: from `start` to `end`, within the first `share` of it (cyclic: again and
    again, `cycles` times over the whole run, each time rising for that share of the cycle and then staying).

    setting: the key of a number whose knob `moves`.
    """

    setting: Annotated[str, Field(max_length=80)]
    way: Way = "linear"
    start: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    end: Annotated[float, Field(ge=-1e6, le=1e6)] = 1.0
    share: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    cycles: Annotated[int, Field(ge=1, le=20)] = 4

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """`setting~way~start~end~share~cycles`, as it stands in a link."""
        if not isinstance(value, str):
            return value
        parts = value.split("~")
        if len(parts) != len(cls.model_fields):
            raise ValueError("expected setting~way~start~end~share~cycles")
        return dict(zip(cls.model_fields, parts, strict=True))

    def __str__(self) -> str:
        return "~".join(
            repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
            for value in (getattr(self, name) for name in type(self).model_fields)
        )
