"""Waiting for what will come true, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 90.0  # seconds after which a condition counts as never coming true


def wait_for(condition: Callable[[], Any], what: str = "") -> Any:
    """The first true value of the condition."""
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < until, f"never came true: {what or condition}"
        time.sleep(0.005)
    return found
