"""Datasets that scikit-learn downloads, read from the files that its downloads leave. Loading never downloads.

The files are pickles, so whoever can write the folder can run code: it lies in the installation's own home, and nothing
that was uploaded is ever put there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ae_core.data.corpus import counted
from ae_core.data.dataset import Items
from ae_core.data.files import SCIKIT_LEARN, downloads
from ae_core.spec import California, LfwPeople, Newsgroups, Olivetti

FOLDER = "scikit-learn"
"""Among the downloads; all four sets share it, as they do in scikit-learn."""
PEOPLE = (
    "Ariel Sharon",
    "Colin Powell",
    "Donald Rumsfeld",
    "George W Bush",
    "Gerhard Schroeder",
    "Hugo Chavez",
    "Tony Blair",
)
FEWEST = 70  # portraits of a person, so that these seven remain
GROUPS = (
    "alt.atheism",
    "comp.graphics",
    "comp.os.ms-windows.misc",
    "comp.sys.ibm.pc.hardware",
    "comp.sys.mac.hardware",
    "comp.windows.x",
    "misc.forsale",
    "rec.autos",
    "rec.motorcycles",
    "rec.sport.baseball",
    "rec.sport.hockey",
    "sci.crypt",
    "sci.electronics",
    "sci.med",
    "sci.space",
    "soc.religion.christian",
    "talk.politics.guns",
    "talk.politics.mideast",
    "talk.politics.misc",
    "talk.religion.misc",
)
CALIFORNIA_FEATURES = (
    "median income",
    "house age",
    "average rooms",
    "average bedrooms",
    "population",
    "average occupancy",
    "latitude",
    "longitude",
)
SHORTEST = 20  # words of a message, once headers, footers and quotes are taken off


def places() -> list[Path]:
    """Folders in which scikit-learn's files may lie: the environment's, then our own."""
    own = downloads() / FOLDER
    theirs = os.environ.get(SCIKIT_LEARN, "").strip()
    return [Path(theirs).expanduser(), own] if theirs else [own]


def found(*names: str) -> Path | None:
    """The first folder that has all of these, or None."""
    return next((place for place in places() if all((place / name).exists() for name in names)), None)


MARKS: dict[str, tuple[str, ...]] = {
    "olivetti": ("olivetti_py3.pkz",),
    "lfw_people": ("lfw_home/lfw_funneled", "lfw_home/pairs.txt"),
    "newsgroups": ("20news-bydate_py3.pkz",),
    "california": ("cal_housing_py3.pkz",),
}
"""What each download leaves."""


def olivetti(spec: Olivetti) -> Items:
    """400 portraits, ten of each of 40 people, 64 x 64, grey in 0..1."""
    from sklearn.datasets import fetch_olivetti_faces

    got = _fetched("olivetti", fetch_olivetti_faces)
    return Items(
        x=np.clip(np.asarray(got.images, dtype=np.float32), 0, 1)[..., None], labels=got.target.astype(np.int64)
    )


def lfw_people(spec: LfwPeople) -> Items:
    """1,288 press photographs of seven people, 62 x 47, grey in 0..1."""
    from sklearn.datasets import fetch_lfw_people

    got = _fetched("lfw_people", fetch_lfw_people, min_faces_per_person=FEWEST, resize=0.5)
    names = [str(name) for name in got.target_names]
    if names != list(PEOPLE):
        raise ValueError(f"it holds portraits of {', '.join(names)[:200]}")
    x = np.asarray(got.images, dtype=np.float32)
    return Items(x=np.clip(x, 0, 1)[..., None], labels=got.target.astype(np.int64))


def newsgroups(spec: Newsgroups) -> Items:
    """Messages without headers, footers and quotes, each group its share of `spec.documents`."""
    from sklearn.datasets import fetch_20newsgroups

    got = _fetched("newsgroups", fetch_20newsgroups, subset="all", remove=("headers", "footers", "quotes"))
    if tuple(got.target_names) != GROUPS:
        raise ValueError(f"it holds the groups {', '.join(map(str, got.target_names))[:200]}")
    long = [
        (text, int(label)) for text, label in zip(got.data, got.target, strict=True) if len(text.split()) >= SHORTEST
    ]
    return counted(spec, [text for text, _ in long], [label for _, label in long])


def california(spec: California) -> Items:
    """20,640 districts, eight numbers each, coloured by the price of a house, from the lowest to the highest."""
    from sklearn.datasets import fetch_california_housing

    got = _fetched("california", fetch_california_housing)
    price = np.asarray(got.target, dtype=np.float64)
    spread = max(float(np.ptp(price)), 1e-12)
    return Items(x=np.asarray(got.data, dtype=np.float32), colour=((price - price.min()) / spread).astype(np.float32))


def _fetched(kind: str, fetch: Callable[..., Any], **how: Any) -> Any:
    """What scikit-learn makes of its own files. Raises OSError where they are not here."""
    place = found(*MARKS[kind])
    if place is None:
        raise FileNotFoundError("its files are gone")
    return fetch(data_home=str(place), download_if_missing=False, **how)
