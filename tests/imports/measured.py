"""The child's side of the tests: what it says of some files, and how much memory it ever had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ae_core.errors import ImportRefused
from ae_core.imports import reading


def understood(**job: Any) -> dict[str, Any]:
    """The refusal, or nothing, and the megabytes at the highest, by the kernel's own count."""
    try:
        reading.understood(**job)
        said = ""
    except ImportRefused as error:
        said = str(error)
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return {"said": said, "megabytes": int(line.split()[1]) / 1024}
