"""Ratings: a long list of who gave what how many stars becomes a row for each person and a column for each thing."""

from __future__ import annotations

import re

import numpy as np

from ae_core.data.card import Card
from ae_core.data.dataset import Floats, Items
from ae_core.data.preferences import HIDDEN
from ae_core.errors import ImportRefused
from ae_core.imports.archive import Losses
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import Places, at_most, draw, enough, told
from ae_core.imports.names import clean, unique
from ae_core.imports.numerals import number, tidied
from ae_core.imports.plan import FEWEST, RatingsPlan
from ae_core.imports.sheets import Sheet, glance
from ae_core.imports.survey import Survey

USERS = frozenset(("user", "users", "person", "people", "customer", "reader", "reviewer", "member"))
ITEMS = frozenset(
    ("item", "items", "movie", "film", "book", "isbn", "product", "song", "artist", "game", "thing", "anime", "title")
)
RATINGS = frozenset(("rating", "ratings", "stars", "score"))
STARS = 25  # most different ratings that are recognised as such
FEW = 11  # and where nothing says so
PAIRS = 2_000  # rows that are looked at
SINCE = 1e8  # seconds since 1970 from which on a number is taken for a moment


def plans(seen: Survey, sheet: Sheet, title: str) -> list[tuple[RatingsPlan, bool]]:
    """The sheet as ratings, if it can be, and whether it most likely is."""
    if seen.rows < FEWEST or len(seen.columns) < 3:
        return []
    names = [_called(seen, words) for words in (USERS, ITEMS, RATINGS)]
    sure = all(names)
    if not sure:
        names = [column.name for column in seen.columns[:3]]
        sure = len(seen.columns) == 3 and not sheet.dialect.header and _pairs(seen, sheet)
        clock = len(seen.columns) == 4 and seen.columns[3].numeric and seen.columns[3].low > SINCE
        sure = sure or (clock and not sheet.dialect.header)
        if len(seen.columns) > 4 or any(len(column.values) < FEWEST for column in seen.columns[:2]):
            return []
    who, what, stars = (seen.named(name) for name in names)
    fit = stars.numeric and stars.low >= 0 and len(stars.values) <= STARS and not stars.many
    if not fit or who.alone or what.alone or not (who.whole and what.whole):
        return []
    plan = RatingsPlan(title=title, dialect=sheet.dialect, user=who.name, item=what.name, rating=stars.name)
    return [(plan, sure)]


def _pairs(seen: Survey, sheet: Sheet) -> bool:
    """Whether three columns without names are who, what and how much: many people and things, and a few stars, where
    nobody rates a thing twice.
    """
    stars = seen.columns[2]
    sample = glance(sheet, PAIRS)
    once = len({row[:2] for row in sample}) >= 0.98 * len(sample)
    return once and 2 <= len(stars.values) <= FEW and stars.low >= 0 and stars.high <= 10


def _called(seen: Survey, words: frozenset[str]) -> str:
    for column in seen.columns:
        name = re.sub(r"^.*[ _.-](?=ratings?$)", "", column.name, flags=re.IGNORECASE)  # Book-Rating
        plain = re.sub(r"[ _.-]?ids?$", "", re.sub(r"([a-z])(Id|ID)$", r"\1", name).lower())
        if plain in words:
            return column.name
    return ""


def make(sheet: Sheet, of: RatingsPlan, bounds: Bounds, losses: Losses) -> tuple[Items, Card]:
    """The dataset. A fifth of each person's ratings stands in `Items.hidden`."""
    if len({of.user, of.item, of.rating}) < 3:
        raise ImportRefused("Expected three different columns: who, what, and how much. Choose them.")
    who, what, stars, people, things = _read(sheet, of, losses)
    if not len(stars):
        raise ImportRefused("No rating above 0 was found. Choose another column for the ratings.")
    who, what, stars, things = _popular(who, what, stars, things, of, losses)
    width = len(things)
    if width < 2:
        raise ImportRefused(
            f"Expected at least 2 things that were rated often enough, got {width}. Ask for fewer ratings."
        )
    counts = np.bincount(who, minlength=len(people))
    keen = np.flatnonzero(counts >= of.of_person)
    losses.add("rows", "rare", count=int((counts > 0).sum()) - len(keen))
    enough(len(keen))
    kept = keen[draw(None, len(keen), at_most(of.most, 2 * width, bounds))]
    losses.add("rows", "sample", count=len(keen) - len(kept))
    row = np.full(len(people), -1)
    row[kept] = np.arange(len(kept))
    mine = row[who] >= 0
    x, hidden = _hide(_matrix(row[who[mine]], what[mine], stars[mine], (len(kept), width), losses))
    card = Card(
        title=of.title,
        form="table",
        shape=(width,),
        count=len(x),
        value_range=(0.0, float(stars.max())),
        nonnegative=True,
        zero_is_missing=True,
        feature_names=unique([clean(f"{of.item} {name}" if name.isdecimal() else name) for name in things]),
    )
    return Items(x=x, hidden=hidden), card


def _read(sheet: Sheet, of: RatingsPlan, losses: Losses) -> tuple[Places, Places, Floats, list[str], list[str]]:
    """Each rating's person, thing and stars; names of people and things."""
    places = sheet.places([of.user, of.item, of.rating])
    people: dict[str, int] = {}
    things: dict[str, int] = {}
    known: dict[str, float] = {}
    parts: list[tuple[Places, Places, Floats]] = []
    for block in sheet.blocks():
        users, items, cells = (block[place] for place in places)
        stars = np.array([_stars(cell, sheet, known) for cell in cells], dtype=np.float32)
        named = told(users) & told(items) & ~np.isnan(stars)
        losses.add("rows", "gap", count=int((~named).sum()))
        if (stars[named] < 0).any():
            raise ImportRefused(
                f"Expected ratings above 0, got {float(stars[named].min()):g}; a 0 stands for what nobody rated. "
                "Add a number to all ratings first."
            )
        good = named & (stars > 0)
        losses.add("rows", "unrated", count=int((named & (stars == 0)).sum()))
        who = [people.setdefault(name, len(people)) for name in tidied(users)]
        what = [things.setdefault(name, len(things)) for name in tidied(items)]
        parts.append((np.array(who)[good], np.array(what)[good], stars[good]))
    if not parts:
        enough(0)
    who, what, stars = (np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[assignment]
    return who, what, stars, list(people), list(things)  # type: ignore[return-value]


def _stars(cell: str, sheet: Sheet, known: dict[str, float]) -> float:
    if (value := known.get(cell)) is None:
        read = number(cell, sheet.decimal)
        value = read if read is not None and abs(read) < 1e9 else float("nan")
        if len(known) < 1000:
            known[cell] = value
    return value


def _popular(
    who: Places, what: Places, stars: Floats, things: list[str], of: RatingsPlan, losses: Losses
) -> tuple[Places, Places, Floats, list[str]]:
    """The ratings of the things that are rated most often; the things in that order."""
    counts = np.bincount(what, minlength=len(things))
    order = np.argsort(-counts, kind="stable")
    kept = [int(place) for place in order[: of.things] if counts[place] >= of.of_thing]
    losses.add("columns", "unpopular", count=int((counts > 0).sum()) - len(kept))
    column = np.full(len(things), -1)
    column[kept] = np.arange(len(kept))
    mine = column[what] >= 0
    return who[mine], column[what[mine]], stars[mine], [things[place] for place in kept]


def _matrix(who: Places, what: Places, stars: Floats, shape: tuple[int, int], losses: Losses) -> Floats:
    """(people, things) stars, 0 where there are none; of a pair that is rated twice, the last."""
    matrix = np.zeros(shape, dtype=np.float32)
    matrix[who, what] = stars
    losses.add("rows", "doubled", count=len(stars) - int((matrix > 0).sum()))
    return matrix


def _hide(matrix: Floats) -> tuple[Floats, Floats]:
    """What a model is shown, and a fifth of each person's ratings, at least one, that it is to predict."""
    random = np.random.default_rng(0)
    met = matrix > 0
    aside = np.maximum(np.rint(HIDDEN * met.sum(axis=1)), 1)
    lot = np.where(met, random.random(matrix.shape, dtype=np.float32), np.inf)
    hidden = met & (np.argsort(np.argsort(lot, axis=1), axis=1) < aside[:, None])
    return np.where(hidden, 0, matrix).astype(np.float32), np.where(hidden, matrix, 0).astype(np.float32)
