"""What engine tests get."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.lab import Inline, Lab, lab_settings


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A store in a file, limits wide enough for tests, no engine."""
    made = Lab(lab_settings(tmp_path))
    yield made
    made.store.close()


@pytest.fixture
def inline(lab: Lab) -> Iterator[Inline]:
    """An engine with threads in this process."""
    engine = Inline(lab)
    yield engine
    engine.stop()
