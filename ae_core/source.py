"""The source of a function or class by name, as it stands in the library: to be read, without importing it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@cache
def source(place: str) -> str:
    """The text of a definition, with its decorators.

    place: `module:name`, of a function, a class or a constant at the top of a module of this library, or of one that
    the module imports from another. Raises LookupError where there is none.
    """
    module, _, name = place.partition(":")
    text = _file(module, place).read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and any((part.asname or part.name) == name for part in node.names):
            return source(f"{node.module}:{name}")
        if name in _names(node):
            first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", []))])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise LookupError(f"Expected a definition of {name} in {module}; there is none.")


def _file(module: str, place: str) -> Path:
    """The file of a module of this library."""
    at = ROOT.joinpath(*module.split("."))
    for file in (at.with_suffix(".py"), at / "__init__.py"):
        if module.startswith("ae_core.") and file.is_file():
            return file
    raise LookupError(f"Expected `module:name` of this library, got {place}.")


def _names(node: ast.stmt) -> list[str]:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
