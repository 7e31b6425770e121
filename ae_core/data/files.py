"""Where files of datasets are looked for: inside installed packages, in folders of the user, among the downloads.

Looking never opens a file: whether one is there is asked each time that the gallery is drawn.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from ae_core.settings import Settings

FOLDERS = "LATENT_LAB_DATA"
"""Environment variable: folders in which a user keeps data files, separated as in PATH."""
SCIKIT_LEARN = "SCIKIT_LEARN_DATA"
"""scikit-learn's own variable for the folder of its downloads."""


def inside(package: str, *parts: str) -> Path:
    """A file that comes with an installed package, which is not imported. Raises ImportError without the package."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"{package} was not found")
    return Path(found.submodule_search_locations[0], *parts)


def downloads(home: Path | None = None) -> Path:
    """The folder that downloads go to."""
    return (home or Settings.from_environment().home) / "downloads"


def named() -> list[Path]:
    """The folders that the user named."""
    return [Path(part).expanduser() for part in os.environ.get(FOLDERS, "").split(os.pathsep) if part.strip()]
