"""Code that is shown is the code that runs."""

from __future__ import annotations

import importlib
import inspect

import pytest

from ae_core.source import source
from ae_core.variants import VARIANTS

PLACES = sorted({place for record in VARIANTS.values() for place in record.code})


@pytest.mark.parametrize("place", PLACES)
def test_what_is_read_from_the_file_is_what_python_runs(place: str) -> None:
    """Every place that a variant shows is the same text that `inspect` finds of the imported object."""
    module, _, name = place.partition(":")
    shown = getattr(importlib.import_module(module), name)
    assert source(place).rstrip() == inspect.getsource(shown).rstrip()


def test_constants_and_names_from_elsewhere_are_found() -> None:
    """A registry is shown with all its lines, and an imported name where it is defined."""
    assert source("ae_core.dials:WAYS").startswith("WAYS: dict")
    assert source("ae_core.objectives:kl_to_unit_normal") == source("ae_core.objectives.code:kl_to_unit_normal")


@pytest.mark.parametrize("place", ["os:path", "ae_core.dials:nothing", "ae_core.nowhere:name", "ae_core/../app:x"])
def test_anything_else_is_refused(place: str) -> None:
    """Only definitions of this library are read."""
    with pytest.raises(LookupError):
        source(place)
