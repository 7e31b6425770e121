"""Every sentence on the screen exists in both languages, is used, and gets the numbers that it names."""

from __future__ import annotations

import ast
import dataclasses
import re
import string
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from ae_core.data import DATASETS
from ae_core.imports.plan import WHYS
from ae_core.metrics import METRICS, NEEDS
from ae_core.objectives import PENALTIES, READINGS
from ae_core.probes.questions import FileName
from ae_core.settings import Limits
from ae_core.spec import every_setting
from ae_core.variants import VARIANTS
from pages._ui import text

ROOT = Path(__file__).parents[1]
COPY = ROOT / "assets" / "copy"
LANGUAGES = ("en", "zh")
SCREEN = sorted([ROOT / "app.py", *(ROOT / "pages").rglob("*.py")])


def flat(table: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            assert isinstance(value, str), f"{prefix}{name} is no text"
            yield prefix + name, value


@cache
def copy(language: str) -> dict[str, str]:
    return dict(flat(tomllib.loads((COPY / f"{language}.toml").read_text(encoding="utf-8"))))


def demanded(language: str) -> Iterator[str]:
    """Keys that each setting, dataset and metric needs in that language. English help is the field's description."""
    for key, leaf in every_setting().items():
        yield f"knob.{key}.label"
        if language != "en" or not leaf.field.description:
            yield f"knob.{key}.help"
        if leaf.low is not None and leaf.low != leaf.high and not key.endswith("_seed"):
            yield f"knob.{key}.low"
            yield f"knob.{key}.high"
    for kind in DATASETS:
        yield f"dataset.{kind}.title"
        yield f"dataset.{kind}.why"
    for name in (*PENALTIES, *READINGS):
        yield f"stage.term_{name}"
    for name in VARIANTS:
        yield from (f"variant.{name}.{part}" for part in ("title", "buys", "costs", "watch", "figure"))
    for name in METRICS:
        yield from (f"metric.{name}.title", f"metric.{name}.meaning")
    yield from (f"need.{name}" for name in NEEDS)
    yield from (f"dropped.{why}" for why in WHYS)
    yield from (f"explore.file_{name.replace('.', '_')}" for name in get_args(FileName))
    yield from (f"unit.{metric.unit.replace(' ', '_')}" for metric in METRICS.values() if metric.unit)


def called(name: str) -> Iterator[tuple[Path, ast.Call]]:
    """Every call of that function in the code of the screen."""
    for path in SCREEN:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path, node


def constants(name: str) -> Iterator[tuple[Path, str, ast.Call]]:
    """The plain keys that calls of that function are given (both branches of a conditional count)."""
    for path, node in called(name):
        first = node.args[0]
        for part in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
            if isinstance(part, ast.Constant):
                yield path, str(part.value), node


REGISTRIES = (
    "knob",
    "choice",
    "dataset",
    "variant",
    "metric",
    "need",
)  # keys made from specs and datasets; checked by name, not by pattern


def patterns() -> Iterator[str]:
    """What f-strings inside t(...) and has(...), and whole sections, can name."""
    for function in ("t", "has"):
        for _, node in called(function):
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.JoinedStr):
                    text = "".join(
                        re.escape(str(piece.value)) if isinstance(piece, ast.Constant) else r"[^.]+"
                        for piece in part.values
                    )
                    if not text.startswith(REGISTRIES):
                        yield text
    for _, prefix, _ in constants("section"):
        yield re.escape(prefix) + r"\..+"


def optional_keys() -> set[str]:
    """What there may be: a name for each choice (without it the word itself is shown), and ends of any number."""
    leaves = every_setting().items()
    choices = {f"choice.{key}.{choice}" for key, leaf in leaves for choice in leaf.choices}
    return choices | {f"knob.{key}.{end}" for key, leaf in leaves if leaf.low is not None for end in ("low", "high")}


def names(text: str) -> set[str]:
    """What a sentence wants filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


REFUSING = ["compatibility.py", "settings.py", "engine/client.py", "store/store.py", "data/dataset.py", "data/split.py"]
REFUSING += ["data/download.py"]
REFUSING += [
    "sweep.py",
    "store/groups.py",
    "store/owners.py",
    "store/probes.py",
    "store/remarks.py",
    *(f"probes/{file.name}" for file in (ROOT / "ae_core/probes").glob("*.py")),
]
REFUSING += ["data/shelf.py", "data/drawn.py", "store/datasets.py", "child.py"]
REFUSING += [f"imports/{file.name}" for file in (ROOT / "ae_core/imports").glob("*.py")]
REFUSING += ["tuning/space.py", "tuning/studies.py", "tuning/driver.py"]
REFUSING += [f"exports/{file.name}" for file in (ROOT / "ae_core/exports").glob("*.py")]
REFUSALS = {
    "SpecError",
    "DataMissing",
    "DownloadFailed",
    "CommandRefused",
    "LimitError",
    "NotYours",
    "UnknownRun",
    "UnknownGroup",
    "refusal",
    "ImportRefused",
    "ChildLost",
}


def refusals() -> Iterator[str]:
    """Every sentence with which the library refuses what a page asks for, with {} where something is filled in."""
    for file in [*REFUSING, "data/scaling.py"]:
        for node in ast.walk(ast.parse((ROOT / "ae_core" / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in REFUSALS:
                said = node.args[-1]
                parts = said.values if isinstance(said, ast.JoinedStr) else [said]
                if all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)


@cache
def translated() -> dict[str, str]:
    """The Chinese of each refusal, by its English."""
    rows = tomllib.loads((COPY / "refusals.zh.toml").read_text(encoding="utf-8"))["refusal"]
    return {row["en"]: row["zh"] for row in rows}


def test_every_refusal_is_translated() -> None:
    """Whatever the library refuses on a page, a Chinese reader reads in Chinese."""
    known = {re.sub(r"\{\w*\}", "{}", sentence) for sentence in translated()}
    assert sorted(set(refusals()) - known) == []


def test_every_limit_is_translated() -> None:
    """A refusal says which limit it is, in the reader's language too."""
    assert {part.metadata["description"] for part in dataclasses.fields(Limits)} - translated().keys() == set()


def test_a_translated_refusal_names_what_the_english_names() -> None:
    """No number is lost or invented on the way."""
    assert {en for en, zh in translated().items() if not names(zh) <= names(en)} == set()


def test_a_refusal_is_said_in_the_readers_language(monkeypatch) -> None:
    """Settings are called by their names, sentences inside sentences are translated too, and several at once."""
    monkeypatch.setattr(text, "language", lambda: "zh")
    refused = text.said("training.epochs: expected 1 or more, got 0. training.seed: expected a whole number, got 'x'.")
    assert refused == "训练轮数：至少为 1，收到 0。 随机种子：需要整数，收到 'x'。".replace(
        "训练轮数", copy("zh")["knob.training_epochs.label"]
    ).replace("随机种子", copy("zh")["knob.training_seed.label"])
    assert "你有 3 次运行" in text.said(str(Limits().refusal("runs_per_client", "You have 3 runs; delete some first")))
    monkeypatch.setattr(text, "language", lambda: "en")
    assert text.said("training.epochs: expected 1 or more, got 0.").startswith(copy("en")["knob.training_epochs.label"])


def test_both_languages_have_the_same_keys() -> None:
    """Nothing is said in one language only, but for the help of settings, which in English stands on the field."""
    english, chinese = set(copy("en")), set(copy("zh"))
    assert english - chinese == set()
    assert {key for key in chinese - english if not re.fullmatch(r"knob\..+\.help", key)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_that_a_page_asks_for_exists(language: str) -> None:
    """No page stops at a missing key."""
    missing = {f"{path.name}: {key}" for path, key, _ in constants("t") if key not in copy(language)}
    assert sorted(missing) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_and_dataset_is_explained(language: str) -> None:
    """Each setting has a name, help and, if it is a number, a sentence for each end; each dataset a title and why."""
    assert sorted(set(demanded(language)) - set(copy(language))) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_over(language: str) -> None:
    """Every key is asked for by a page, demanded by a registry, or the name of a choice."""
    used = {key for _, key, _ in constants("t")} | {key for _, key, _ in constants("has")}
    known = used | set(demanded(language)) | optional_keys()
    computed = [re.compile(pattern) for pattern in patterns()]
    left = {key for key in set(copy(language)) - known if not any(pattern.fullmatch(key) for pattern in computed)}
    assert sorted(left) == []


def test_every_sentence_wants_the_same_names_in_both_languages() -> None:
    """A translation neither drops nor invents a number."""
    wrong = {key for key in set(copy("en")) & set(copy("zh")) if names(copy("en")[key]) != names(copy("zh")[key])}
    assert sorted(wrong) == []


def test_every_sentence_gets_the_names_it_wants() -> None:
    """What t(...) is given covers what the sentence names, so formatting never fails."""
    wrong = set()
    for path, key, node in constants("t"):
        given = {keyword.arg for keyword in node.keywords}
        if None not in given and names(copy("en").get(key, "")) - given:
            wrong.add(f"{path.name}:{node.lineno} {key}")
    assert sorted(wrong) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_trimmed_and_not_empty(language: str) -> None:
    """No stray blanks, and nothing is left to be translated later."""
    assert {key for key, text in copy(language).items() if text != text.strip() or not text} == set()


def test_chinese_is_chinese() -> None:
    """A key that was only copied over is found: apart from names and pure symbols a sentence has Chinese characters."""
    same = {key for key, text in copy("zh").items() if text == copy("en").get(key) and len(text.split()) > 2}
    assert same == set()


SCRIPTS = sorted(
    [*(ROOT / "assets" / "scripts" / "explore").glob("*.js"), *(ROOT / "assets" / "components" / "explore").iterdir()]
)
SAID = re.compile(
    r"""K\.say\(\s*["'](\w+)["']|data-t(?:-label)?="(\w+)"|\bt: ["'](\w+)["']"""
    r"""|(?:part|choice|lever|button)\("(\w+)"(?:, "(\w+)")?"""
)


def test_every_sentence_that_explore_asks_for_exists() -> None:
    """Keys that stand as they are in its scripts and skeleton; those put together are seen by the browser's tests."""
    asked = {
        key for path in SCRIPTS for found in SAID.findall(path.read_text(encoding="utf-8")) for key in found if key
    }
    assert len(asked) > 60
    assert sorted(key for key in asked if f"explore.{key}" not in copy("en")) == []


def test_every_class_and_feature_has_a_chinese_name() -> None:
    """Names of real things are translated; single letters and figures are the same everywhere."""
    chinese = text.names("zh")
    names = {name for dataset in DATASETS.values() for name in (*dataset.label_names, *dataset.feature_names)}
    columns = [column for dataset in DATASETS.values() for column in dataset.columns]
    names |= {name for column in columns for name in (column.name, *column.categories)}
    stems = {re.sub(r" \d+$", "", name) for name in names if len(name) > 1 and not name.isdecimal()}
    assert sorted(stems - set(chinese)) == []
    assert sorted(set(chinese) - stems) == []
    assert text.names("en") == {}
