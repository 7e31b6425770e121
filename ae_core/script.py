"""A run's spec as the few lines of Python that train the same model without any screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ae_core.spec import RunSpec, Spec

WIDTH = 80

_REST = """\
training = train(spec)
for event in training:
    if event.kind == "progress":
        print(f"epoch {event.epoch:.2f}  loss {event.train['loss']:.4f}")
print(event.metrics)
model = training.result()  # model.encode(x), model.decode(z), model.reconstruct(x)
"""


def python_lines(spec: RunSpec, rates: Sequence[tuple[int, float]] = ()) -> str:
    """A script that trains this spec and keeps the fitted model. Only settings that are not the default are named.

    rates: (step, learning rate) of each change by hand. The script names them, it does not repeat them.
    """
    by_hand = "".join(f"# At step {step} the learning rate was set to {rate:g} by hand.\n" for step, rate in rates)
    names = ", ".join(sorted({type(part).__name__ for part in _constructed(spec)}))
    imports = f"from ae_core.spec import {names}\nfrom ae_core.training import train\n"
    return f"{by_hand}{imports}\nspec = {_call(spec)}\n{_REST}"


def _changed(spec: Spec) -> dict[str, object]:
    """The fields that are not what the class would choose by itself."""
    fields = type(spec).model_fields
    return {name: getattr(spec, name) for name in fields if getattr(spec, name) != fields[name].default}


def _constructed(spec: Spec) -> Iterator[Spec]:
    """The specs whose constructors the script calls."""
    yield spec
    for value in _changed(spec).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Spec):
                yield from _constructed(part)


def _call(value: object, indent: str = "") -> str:
    """Python that makes this value, on one line where it fits."""
    if isinstance(value, tuple) and any(isinstance(part, Spec) for part in value):
        return f"({''.join(f'{_call(part, indent)}, ' for part in value).rstrip()})"
    if not isinstance(value, Spec):
        return repr(value)
    deeper = indent + "    "
    arguments = [f"{name}={_call(part, deeper)}" for name, part in _changed(value).items()]
    line = f"{type(value).__name__}({', '.join(arguments)})"
    if "\n" not in line and len(indent) + len(line) <= WIDTH:
        return line
    lines = "".join(f"{deeper}{argument},\n" for argument in arguments)
    return f"{type(value).__name__}(\n{lines}{indent})"
