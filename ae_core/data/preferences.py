"""Stars and baskets of people with known tastes: generated, so nothing is downloaded and the truth is known.

Everybody has a taste of `rank` numbers, everything has as many qualities, and what fits is liked: a matrix of low rank.
A fifth of what each person has done is kept out of `Items.x` and stands in `Items.hidden`, to be predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ae_core.data.dataset import Floats, Items
from ae_core.spec import Baskets, Preferences, Ratings

MOST_THINGS = 600
STARS = (1.0, 5.0)
CENTRE, SPREAD, NOISE = (
    3.4,
    0.9,
    0.5,
)  # of stars before they are rounded: mean, of what tastes explain, of what they do not
CHOOSY = 1.5  # how much likelier one standard deviation of liking puts a thing into a basket, as exp()
HIDDEN = 0.2  # share of each person's stars, or goods, that is kept aside


@dataclass(frozen=True)
class World:
    """What people and things are. liking: (users, things), mean 0 and variance 1 over all pairs. popular: (things,),
    how often a thing is met with, as a logarithm. taste: (users,), the first number of each person's taste.
    """

    liking: np.ndarray
    popular: np.ndarray
    taste: np.ndarray


def world(spec: Preferences, random: np.random.Generator) -> World:
    """Tastes times qualities, plus each person's generosity and each thing's quality: a third of the variance."""
    tastes = random.standard_normal((spec.users, spec.rank))
    qualities = random.standard_normal((spec.things, spec.rank))
    generous = random.standard_normal((spec.users, 1))
    good = random.standard_normal((1, spec.things))
    liking = tastes @ qualities.T / np.sqrt(spec.rank) + 0.5 * (generous + good)
    popular = 0.8 * random.standard_normal(spec.things) + 0.4 * good[0]
    return World((liking - liking.mean()) / liking.std(), popular, tastes[:, 0])


def ratings(spec: Ratings) -> Items:
    """Stars from 1 to 5, 0 where a person has not rated. Popular films are rated more often, liked ones are not."""
    random = np.random.default_rng(0)
    of = world(spec, random)
    stars = np.clip(np.rint(expected(of) + NOISE * random.standard_normal(of.liking.shape)), *STARS)
    return _items(stars, np.broadcast_to(of.popular, of.liking.shape), of, spec, random)


def expected(of: World) -> np.ndarray:
    """Stars of each pair before noise and rounding: (users, things)."""
    return CENTRE + SPREAD * of.liking


def baskets(spec: Baskets) -> Items:
    """1 where a person took a thing, else 0: the popular and the liked ones, each at most once."""
    random = np.random.default_rng(0)
    of = world(spec, random)
    return _items(np.ones_like(of.liking), of.popular + CHOOSY * of.liking, of, spec, random)


def _items(
    values: np.ndarray, pull: np.ndarray, of: World, spec: Ratings | Baskets, random: np.random.Generator
) -> Items:
    """Each person meets so many things, drawn without replacement by exp(pull) (Gumbel's trick); a part is hidden."""
    wanted = spec.density * spec.things * np.exp(0.4 * random.standard_normal(spec.users) - 0.08)
    count = np.clip(np.rint(wanted), 2, spec.things)[:, None]
    place = np.argsort(np.argsort(-(pull + random.gumbel(size=pull.shape)), axis=1), axis=1)
    met = place < count
    aside = np.maximum(np.rint(HIDDEN * count), 1)
    lot = np.where(met, random.random(pull.shape), np.inf)
    hidden = np.argsort(np.argsort(lot, axis=1), axis=1) < aside
    rank = np.argsort(np.argsort(of.taste))
    return Items(
        x=_floats(np.where(met & ~hidden, values, 0)),
        hidden=_floats(np.where(met & hidden, values, 0)),
        colour=_floats(rank / max(len(rank) - 1, 1)),
    )


def _floats(values: np.ndarray) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float32)
