"""Texts that are on every machine that runs this: what functions of NumPy, SciPy and scikit-learn say of themselves.

Their source is read and parsed, never imported or run. The result is kept as JSON among the caches of the
installation, under the versions of the three packages; where nothing may be written, it is made anew in each process
(some seconds).
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ae_core.data.dataset import Items
from ae_core.data.files import inside
from ae_core.data.idx import share
from ae_core.data.text import bag_of_words
from ae_core.settings import Settings
from ae_core.spec import Docstrings, Documents

PACKAGES = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"}
TOPICS = (
    "numpy.lib",
    "numpy.ma",
    "numpy.polynomial",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.linalg",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.signal",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.special",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.preprocessing",
)
"""Sub-packages with at least sixty documents; the class of each document is the one that it stands in."""
SHORTEST = 40  # words of a document
RECIPE = 1  # part of the cache's name: raise it when documents are made otherwise


def docstrings(spec: Docstrings) -> Items:
    """Documents by topic, each class its share of `spec.documents`."""
    return counted(spec, *corpus())


def counted(spec: Documents, texts: list[str], labels: list[int]) -> Items:
    """Bags of the words of some of these texts, of each class its share. Raises ValueError if there are too few."""
    if len(texts) < spec.documents:
        raise ValueError(f"there are {len(texts)} texts, and {spec.documents} are wanted")
    every = np.array(labels, dtype=np.uint8)
    rows = share(every, spec.documents)
    chosen = tuple(texts[row] for row in rows)
    x, words = bag_of_words(chosen, spec.words, spec.weighting)
    wide = np.zeros((len(x), spec.words), dtype=np.float32)
    wide[:, : len(words)] = x  # fewer words than features: the others never stand anywhere
    names = (*words, *(f"({number})" for number in range(len(words) + 1, spec.words + 1)))
    return Items(x=wide, labels=every[rows].astype(np.int64), texts=chosen, feature_names=names)


def corpus() -> tuple[list[str], list[int]]:
    """Every document and its topic, from the cache if it is there."""
    place = Settings.from_environment().home / "caches" / f"docstrings-{_key()}.json"
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
        texts, labels = kept["texts"], kept["labels"]
        if len(texts) == len(labels) > 0 and all(0 <= label < len(TOPICS) for label in labels):
            return texts, labels
    except (OSError, ValueError, TypeError, KeyError):
        pass  # it was never made, or is damaged
    texts, labels = [], []
    seen: set[str] = set()
    for topic, text in _documents():
        if text not in seen and len(text.split()) >= SHORTEST:
            seen.add(text)
            texts.append(text)
            labels.append(TOPICS.index(topic))
    _keep(place, json.dumps({"texts": texts, "labels": labels}))
    return texts, labels


def cleaned(docstring: str) -> str:
    """Without examples' code, headings and the rulers under them, which tell nothing of the topic."""
    lines = docstring.splitlines()
    ruled = [bool(re.fullmatch(r"\s*[-=~^]{3,}\s*", line)) for line in [*lines, ""]]
    kept = [
        line
        for i, line in enumerate(lines)
        if not ruled[i] and not ruled[i + 1] and not line.lstrip().startswith((">>>", "..."))
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _documents() -> Iterator[tuple[str, str]]:
    for topic in TOPICS:
        package, name = topic.split(".")
        folder = inside(package, name)
        for path in sorted(folder.rglob("*.py")):
            if "tests" in path.parts:
                continue
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, UnicodeDecodeError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and (said := ast.get_docstring(node)):
                    yield topic, cleaned(said)


def _key() -> str:
    made_of = [f"{name} {version(name)}" for name in PACKAGES.values()]
    return hashlib.sha256(repr((RECIPE, SHORTEST, TOPICS, made_of)).encode()).hexdigest()[:16]


def _keep(place: Path, text: str) -> None:
    """Writes a cache at once or not at all; a home that cannot be written to is no error."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=place.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, place)
    except OSError:
        return
