"""What the README says is true."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from ae_core.settings import PREFIX, Limits

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOP = re.compile(
    r"(requirements\.txt|app\.py|pages|ae_core|assets|tests|README\.md|pyproject\.toml|Makefile|LICENSE|"
    r"CHANGELOG\.md|CONTRIBUTING\.md|build|__pycache__|\..*)"
)


def blocks(kind: str) -> list[str]:
    """The text of each fenced block of that kind; "" is a block that names none."""
    return [text for name, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.M) if name == kind]


def test_the_python_lines_run_as_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten lines, copied out of the README, train a model and give codes; two more measure it."""
    training, measuring, _ = blocks("python")
    assert len([line for line in training.splitlines() if line]) <= 10
    found: dict[str, object] = {}
    exec(compile(training.replace("epochs=20", "epochs=1"), "README.md", "exec"), found)
    assert found["codes"].shape == (1797, 2)  # type: ignore[attr-defined]
    exec(compile(measuring, "README.md", "exec"), found)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[-5:]] == [
        "ssim",
        "trustworthiness",
        "knn_accuracy",
        "iwae",
        "frechet_pca32",
    ]


def test_the_lines_for_many_runs_go_on_from_there() -> None:
    """The last example runs after the first and gives a model for each rate."""
    first, _, last = blocks("python")
    found: dict[str, object] = {}
    exec(compile((first + last).replace("epochs=20", "epochs=1"), "README.md", "exec"), found)
    assert len(found["models"]) == 4  # type: ignore[arg-type]


def test_every_limit_is_in_the_table_with_its_default() -> None:
    """The README names each environment variable of a limit, what it counts, and its default."""
    for part in dataclasses.fields(Limits):
        row = f"| `{PREFIX}LIMIT_{part.name.upper()}` | {part.metadata['description']} | {part.default:,} |"
        assert row in README


def test_the_file_tree_names_files_that_exist() -> None:
    """Each path in the annotated tree is there."""
    folder = ROOT
    for line in blocks("")[0].splitlines():
        names = re.split(r"\s{2,}", line.strip())[0].split()
        if not line.startswith(" "):
            folder = ROOT
        for name in names:
            assert (folder / name).exists(), name
        if names[0].endswith("/") and not line.startswith(" "):
            folder = ROOT / names[0]


def test_every_link_and_picture_is_there() -> None:
    """No relative link of the README leads nowhere."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_nothing_else_stands_at_the_top() -> None:
    """The top level is what the README shows, and the usual files beside it."""
    assert [path.name for path in ROOT.iterdir() if not TOP.fullmatch(path.name)] == []
