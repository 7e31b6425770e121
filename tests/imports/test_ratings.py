"""Ratings: each star stands at its person and its thing, a fifth of them hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ae_core.errors import ImportRefused
from ae_core.imports.plan import RatingsPlan
from tests.imports.files import Desk, csv, stars, zipped


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.data", csv(stars(), "\t")),
        ("ratings.csv", csv([["userId", "movieId", "rating", "timestamp"], *stars()])),
        ("ratings.dat", csv(stars(), "::")),
        ("books.csv", csv([["User-ID", "ISBN", "Rating"], *(row[:3] for row in stars())], ";")),
        ("crossing.csv", csv([["User-ID", "ISBN", "Book-Rating"], *([u, f"0{t}X", s] for u, t, s, _ in stars())], ";")),
        ("nameless.csv", csv(row[:3] for row in stars())),
        ("nameless.tsv", csv(([f"u{u}", f"t{t}", s / 2] for u, t, s, _ in stars()), "\t")),
    ],
)
def test_ratings_are_recognised(tmp_path: Path, name: str, text: str) -> None:
    """As MovieLens ships them, old and new, and as others do."""
    desk = Desk(tmp_path).bring(name, text)
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, RatingsPlan)
    assert (card.form, card.shape, card.count) == ("table", (40,), 60)
    assert (card.zero_is_missing, card.value_range) == (True, (0.0, 2.5 if name == "nameless.tsv" else 5.0))
    assert items.hidden is not None
    assert items.groups is None


def test_points_and_their_classes_are_no_ratings(tmp_path: Path) -> None:
    """Three columns of whole numbers without names, where pairs come again."""
    rows = [[n * 7 % 25, n * n % 23, n % 3] for n in range(900)]
    assert Desk(tmp_path).bring("points.csv", csv(rows)).understand().plan.form == "table"


def test_ratings_in_the_order_of_their_things(tmp_path: Path) -> None:
    """Thousands of people come before the first comes again."""
    rows = [[person, thing, 1 + (person + thing) % 5] for thing in range(3) for person in range(5000)]
    found = Desk(tmp_path).bring("r.csv", csv([["userId", "movieId", "rating"], *rows])).understand()

    assert isinstance(found.plan, RatingsPlan)


def test_every_star_stands_where_it_belongs(tmp_path: Path) -> None:
    """Shown and hidden ones together are the file; of each person's 15 three are hidden."""
    rows = stars()
    card, items = Desk(tmp_path).bring("u.data", csv(rows, "\t")).first_try()
    assert items.hidden is not None

    column = {name: place for place, name in enumerate(card.feature_names)}
    expected = np.zeros((60, 40))
    for person, thing, star, _ in rows:
        expected[int(str(person)) - 1, column[f"column 2 {thing}"]] = star
    assert np.array_equal(items.x + items.hidden, expected)
    assert not np.any((items.x > 0) & (items.hidden > 0))
    assert (items.hidden > 0).sum(axis=1).tolist() == [3] * 60


def test_rare_things_and_people_are_left_out(tmp_path: Path) -> None:
    """The commonest things are kept, then people with enough ratings of them; all is counted."""
    rows = [*([row[0], row[1], row[2]] for row in stars()), [99, 100, 5], [98, 7777, 4]]
    desk = Desk(tmp_path).bring("ratings.csv", csv([["user", "item", "rating"], *rows]))
    plan = RatingsPlan(user="user", item="item", rating="rating", things=20, of_person=3)
    card, _ = desk.make(plan)

    assert card.shape == (20,)
    assert {lost.why for lost in card.dropped} <= {"unpopular", "rare"}
    assert next(lost.count for lost in card.dropped if lost.why == "unpopular") == 21


def test_doubled_and_zero_ratings(tmp_path: Path) -> None:
    """Of a pair that is rated twice the last counts; 0 is no rating; below 0 is refused."""
    rows = [row[:3] for row in stars()]
    again = [rows[0][0], rows[0][1], 4.5]
    desk = Desk(tmp_path).bring("r.csv", csv([["user", "item", "rating"], *rows, again, [1, 139, 0], [2, "", 3]]))
    plan = RatingsPlan(user="user", item="item", rating="rating")
    card, items = desk.make(plan)
    assert items.hidden is not None

    assert {lost.why: lost.count for lost in card.dropped} == {"doubled": 1, "unrated": 1, "gap": 1}
    assert (items.x + items.hidden)[0, card.feature_names.index(f"item {rows[0][1]}")] == 4.5
    with pytest.raises(ImportRefused, match="above 0, got -2"):
        Desk(tmp_path).bring("r.csv", csv([["user", "item", "rating"], *rows, [1, 2, -2]])).make(plan)


def test_the_archive_of_movielens(tmp_path: Path) -> None:
    """Of several tables in a ZIP the ratings are taken, and the others are named."""
    text = csv([["userId", "movieId", "rating", "timestamp"], *stars()])
    members = {"ml/ratings.csv": text.encode(), "ml/movies.csv": b"movieId,title\n" * 9000, "ml/README.txt": b"hello"}
    card, _ = Desk(tmp_path).bring("ml.zip", zipped(members)).first_try()

    assert card.zero_is_missing
    assert [(lost.why, set(lost.names)) for lost in card.dropped] == [("kind", {"movies.csv", "README.txt"})]
