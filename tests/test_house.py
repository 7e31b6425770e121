"""The house keeps its order: imports point down, the library knows no screen, and the web process stays light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "ae_core"
FLOORS = [
    {"spec", "events", "errors", "frames", "settings", "child"},
    {
        "data",
        "dials",
        "models",
        "objectives",
        "metrics",
        "pca",
        "sampling",
        "compatibility",
        "comparison",
        "script",
        "sizes",
        "source",
        "sweep",
        "units",
        "variants",
    },
    {"training", "imports"},
    {"probes", "exports"},
    {"store", "stream", "engine", "tuning"},
    {"services", "web", "starter", "network"},
]
ALLOWED = {room: set().union(*FLOORS[: i + 1]) for i, floor in enumerate(FLOORS) for room in floor}
ALLOWED["plots"] = FLOORS[0] | FLOORS[1] | {"plots"}
ALLOWED["tuning"] |= {"plots"}
ALLOWED["web"] |= {"plots"}
ALLOWED["exports"] |= {"plots"}  # in films, classes have the colours that they have on the page

WEB_ROOMS = (
    "services",
    "starter",
    "web",
    "stream",
    "store",
    "engine.client",
    "data",
    "variants",
    "source",
    "spec",
    "sweep",
)
WEB_ROOMS += ("probes.questions",)
TOO_HEAVY = ("torch", "dask", "distributed", "sklearn", "skimage", "mlxtend", "scipy", "matplotlib")


def imports(source: str) -> Iterator[str]:
    """Dotted name of every thing that the source imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(room: str, source: str) -> list[str]:
    """What a file of that room imports although it may not."""
    names = [name.split(".") for name in imports(source)]
    screen = [".".join(name) for name in names if name[0] in ("streamlit", "pages", "app")]
    upstairs = [".".join(name) for name in names if name[0] == "ae_core" and name[1] not in ALLOWED[room]]
    return screen + upstairs


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


FILES = sorted(path for path in LIBRARY.rglob("*.py") if room_of(path) != "__init__")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_imports_point_down_the_house(path: Path) -> None:
    """A room uses its own floor and the floors below it; no room knows Streamlit or the pages."""
    assert room_of(path) in ALLOWED, f"Give the new room {room_of(path)} a floor in FLOORS."
    assert wrong_imports(room_of(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("room", "planted"),
    [
        ("models", "import streamlit as st"),
        ("store", "def draw():\n    from streamlit import session_state"),
        ("spec", "from ae_core.data import DATASETS"),
        ("data", "import ae_core.training"),
        ("training", "from ae_core.store import Store"),
        ("plots", "from ae_core.training import train"),
        ("web", "from pages._ui.text import t"),
    ],
)
def test_a_planted_wrong_import_is_found(room: str, planted: str) -> None:
    """The test above fails on every kind of import that points up, hidden in a function too."""
    assert wrong_imports(room, planted)


def test_no_browser_wait_is_given_a_promise() -> None:
    """Playwright takes a promise for true and waits for nothing; what the server knows is awaited from Python."""
    promises = re.compile(r"wait_for_function\((?:[^()]|\([^()]*\))*?(fetch\(|async |await |\.then\()")
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path != Path(__file__):
            assert not promises.search(path.read_text(encoding="utf-8")), path


def test_every_chart_is_told_in_words() -> None:
    """Who does not see a chart hears what it shows."""
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "plotly_chart":
                assert any(word.arg == "alt" for word in node.keywords), f"{path.name}:{node.lineno}"


def test_the_package_itself_imports_nothing() -> None:
    """`import ae_core` costs nothing, so every room alone decides what it loads."""
    assert list(imports((LIBRARY / "__init__.py").read_text(encoding="utf-8"))) == []


def loaded_by(*modules: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after importing those modules."""
    script = "import sys\n" + "".join(f"import {name}\n" for name in modules) + "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_web_process_stays_light() -> None:
    """Everything that the web process uses is imported without torch, Dask, scikit-learn or their like."""
    assert loaded_by(*(f"ae_core.{room}" for room in WEB_ROOMS)).isdisjoint(TOO_HEAVY)


def test_the_page_of_studies_trains_nothing() -> None:
    """What Tune alone brings into the web process (Optuna and its pictures) leaves torch and Dask out."""
    loaded = loaded_by("ae_core.tuning.studies", "ae_core.tuning.charts")
    assert "optuna" in loaded
    assert loaded.isdisjoint(("torch", "dask", "distributed"))


def test_the_training_room_is_heavy() -> None:
    """The test above would notice: training does load torch."""
    assert "torch" in loaded_by("ae_core.training")
