"""Tables: what is understood of them is what is in them, and each value arrives where it belongs."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ae_core.data.columns import feature_names
from ae_core.errors import ImportRefused
from ae_core.imports.bounds import Bounds
from ae_core.imports.draw import draw
from ae_core.imports.names import LONGEST, columns, unique
from ae_core.imports.numerals import number, ordered
from ae_core.imports.plan import ColumnPlan, Dialect, TablePlan
from ae_core.imports.survey import Column
from tests.imports.files import Desk, csv, iris, zipped

ROWS = [[f"{row / 4:.2f}", row * row % 97, "yes" if row % 3 else "no", "abc"[row % 3]] for row in range(60)]
HEAD = ["height", "weight", "smoker", "group"]
MIXED = csv([HEAD, *ROWS])


def planned(desk: Desk) -> TablePlan:
    """What is understood, which is a table."""
    plan = desk.understand().plan
    assert isinstance(plan, TablePlan)
    return plan


def changed(plan: TablePlan, **changes: object) -> TablePlan:
    """The plan as somebody changed it."""
    return TablePlan.model_validate(plan.model_dump() | changes)


def test_iris_is_right_at_the_first_try(tmp_path: Path) -> None:
    """150 flowers, four numbers, three species, and the numbers of the file."""
    rows = iris()
    desk = Desk(tmp_path).bring("iris.csv", csv(rows))
    found = desk.understand()
    card, items = desk.make(found.plan)

    assert (found.facts.rows, found.facts.columns) == (150, 5)
    assert {(c.name, c.count) for c in found.facts.classes} == {("setosa", 50), ("versicolor", 50), ("virginica", 50)}
    assert (found.facts.low, found.facts.high) == (0.1, 7.9)
    assert found.preview_names == ("sepal length", "sepal width", "petal length", "petal width", "species")
    assert found.preview[0] == ("5.1", "3.5", "1.4", "0.2", "setosa")
    assert (card.title, card.form, card.shape, card.count) == ("iris", "table", (4,), 150)
    assert (card.label_name, card.label_names) == ("species", ("setosa", "versicolor", "virginica"))
    assert card.nonnegative
    assert card.value_range is None
    assert card.files == ("iris.csv",)
    assert card.dropped == ()
    assert np.allclose(items.x, np.array([row[:4] for row in rows[1:]], dtype=float))
    assert items.labels is not None
    assert [card.label_names[label] for label in items.labels] == [row[4] for row in rows[1:]]


def test_iris_without_names_of_columns(tmp_path: Path) -> None:
    """The only column of text is the class, and columns are numbered."""
    card, items = Desk(tmp_path).bring("iris.data", csv(iris()[1:])).first_try()

    assert card.feature_names == ("column 1", "column 2", "column 3", "column 4")
    assert card.label_names == ("setosa", "versicolor", "virginica")
    assert items.x[0].tolist() == pytest.approx([5.1, 3.5, 1.4, 0.2])


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([[1 + n % 3, n / 4, n * n % 97 / 10, n * 7 % 13] for n in range(60)], "column 1"),
        ([[n / 4, n * n % 97 / 10, n * 7 % 13, n % 2] for n in range(60)], "column 4"),
        ([[n % 2, n / 4, n * n % 97 / 10, n / 3, 1 + n % 4] for n in range(60)], "column 5"),
        ([[n / 4, n * n % 97 / 10, n * 7 % 13 / 4] for n in range(60)], ""),
        ([[n % 3, n * n % 97, n * 7 % 13, n % 5] for n in range(60)], ""),
        ([["a", "b", "quality"], *([n, n * 7 % 13, 3 + n % 6] for n in range(60))], "quality"),
        ([["quality", "b", "species"], *([n % 2, n * 7 % 13, 3 + n % 6] for n in range(60))], "species"),
        ([["quality", "a", "b"], *([n % 2, n * 7 % 13, n % 7] for n in range(60))], ""),
        ([["a", "b", "quality"], *([n, n * 7 % 13, n % 6 / 4] for n in range(60))], ""),
        ([["who", "x", "y"], *([n * 3 % 50, n * 7 % 13, n % 6] for n in range(100))], ""),
    ],
)
def test_which_numbers_are_classes(tmp_path: Path, rows: list[list[object]], label: str) -> None:
    """Small whole ones at an edge beside fractions, where columns have no names; else only what is called so."""
    assert planned(Desk(tmp_path).bring("a.csv", csv(rows))).label == label


def test_mixed_columns_become_features(tmp_path: Path) -> None:
    """A number is one, yes or no is one, three categories are three, and the card tells which is which."""
    card, items = Desk(tmp_path).bring("a.csv", MIXED).first_try()

    assert [(column.name, column.kind) for column in card.columns] == [
        ("height", "number"),
        ("weight", "number"),
        ("smoker", "binary"),
        ("group", "category"),
    ]
    assert card.feature_names == feature_names(card.columns)
    assert card.feature_names[2:] == ("smoker = yes", "group = a", "group = b", "group = c")
    assert np.allclose(items.x[:, 0], [row / 4 for row in range(60)])
    assert items.x[:, 2].tolist() == [float(row % 3 > 0) for row in range(60)]
    assert np.array_equal(items.x[:, 3:], np.eye(3)[np.arange(60) % 3])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_however_it_was_exported_it_is_the_same(tmp_path: Path, delimiter: str, encoding: str, ends: str) -> None:
    """Delimiter, encoding and ends of lines are found out."""
    text = csv([[f"größe {name}" for name in HEAD], *ROWS], delimiter).replace("\n", ends)
    card, items = Desk(tmp_path).bring("a.csv", text.encode(encoding)).first_try()

    assert card.feature_names[0] == "größe height"
    assert card.shape == (6,)
    assert items.x[59, :2].tolist() == [14.75, float(59 * 59 % 97)]


@pytest.mark.parametrize(
    ("encoding", "name", "word"), [("cp1252", "Größe", "grün"), ("cp1252", "été", "Zoë"), ("gb18030", "身高", "男性")]
)
def test_old_encodings_are_recognised(tmp_path: Path, encoding: str, name: str, word: str) -> None:
    """Western and Chinese text that is no UTF-8 keeps its letters."""
    rows = [[name, "weight", "kind"], *([row, row % 7, [word, "b"][row % 2]] for row in range(40))]
    desk = Desk(tmp_path).bring("a.csv", csv(rows).encode(encoding))
    plan = planned(desk)

    assert plan.dialect.encoding == encoding
    assert plan.columns[0].name == name
    assert set(plan.columns[2].examples) == {word, "b"}


def test_decimal_commas_and_grouped_digits(tmp_path: Path) -> None:
    """1.234,5 is read as people in Germany write it, 1,234.5 as people in Britain do."""
    german = csv([["a", "b"], *([f"1.{row:03d},5", f"{row},25"] for row in range(40))], ";")
    british = csv([["a", "b"], *([f'"1,{row:03d}.5"', f"{row}.25"] for row in range(40))])
    for text in (german, british):
        _, items = Desk(tmp_path).bring("a.csv", text).first_try()
        assert np.allclose(items.x, [[1000.5 + row, row + 0.25] for row in range(40)])


def test_amounts_and_shares_are_numbers(tmp_path: Path) -> None:
    """Signs of money and of percent say of what they are; the mark before the fraction is found all the same."""
    rows = [[f"{n},5 %", f"{n + 1}.000,25 €", "ab"[n % 2]] for n in range(30)]
    card, items = Desk(tmp_path).bring("a.csv", csv([["anteil", "preis", "klasse"], *rows], ";")).first_try()

    assert card.feature_names[:2] == ("anteil", "preis")
    assert items.x[:, 0].tolist() == [n + 0.5 for n in range(30)]
    assert items.x[:, 1].tolist() == [1000 * (n + 1) + 0.25 for n in range(30)]


@pytest.mark.parametrize(
    ("delimiter", "cells", "values"),
    [
        (";", ["1.977", "2.954", "900"], [1977, 2954, 900]),
        (";", ["900", "1.162.686", "10.454"], [900, 1162686, 10454]),
        (",", ["900", "1.162.686", "10.454"], [900, 1162686, 10454]),
        (";", ["1.977", "2.95", "900"], [1.977, 2.95, 900]),
        (";", ["1.977", "0.954", "900"], [1.977, 0.954, 900]),
        (",", ["1.977", "2.954", "900"], [1.977, 2.954, 900]),
        (";", ["1'234.50", "900.25", "10'000"], [1234.5, 900.25, 10000]),
    ],
)
def test_points_between_thousands(tmp_path: Path, delimiter: str, cells: list[str], values: list[float]) -> None:
    """A point before three digits parts thousands where all of them do so, or a number has two of them."""
    rows = [[cells[n % 3], n * 7 % 13] for n in range(60)]
    _, items = Desk(tmp_path).bring("a.csv", csv([["sales", "b"], *rows], delimiter)).first_try()

    assert items.x[:3, 0].tolist() == pytest.approx(values)


def test_points_of_whole_numbers_have_no_classes(tmp_path: Path) -> None:
    """A column y is one of classes only where enough is left to learn from."""
    rows = [["x", "y"], *([n * 7 % 31, n % 5] for n in range(40))]
    card, _ = Desk(tmp_path).bring("points.csv", csv(rows)).first_try()

    assert (card.shape, card.label_names) == ((2,), ())


@pytest.mark.parametrize(
    "above",
    [
        "sep=,\r\n",
        "# exported in 2020\n#\n# by me, and nobody else\n",
        "\ufeffsep=,\n",
        "# x, y, or z\n# how it is named:\n",
    ],
)
def test_what_stands_above_the_table_is_passed_over(tmp_path: Path, above: str) -> None:
    """What Excel is told about delimiters, and comments."""
    rows = [[n / 4, n * n % 13, "ab"[n % 2]] for n in range(40)]
    card, _ = Desk(tmp_path).bring("a.csv", above + csv([["x", "y", "class"], *rows])).first_try()

    assert (card.count, card.feature_names, card.label_name) == (40, ("x", "y"), "class")


def test_a_header_may_be_a_comment(tmp_path: Path) -> None:
    """As NumPy writes it; and where all rows begin so, or the first name does, nothing is one."""
    rows = [[n / 4, n * n % 13] for n in range(40)]
    for head, names in (
        ("# made by hand\n# x,y\n", ("x", "y")),
        ("#,y\n", ("#", "y")),
        ("# x y\n", ("x", "y")),
    ):
        text = csv(rows, " " if head == "# x y\n" else ",")
        card, _ = Desk(tmp_path).bring("a.csv", head + text).first_try()
        assert (card.count, card.feature_names) == (40, names)
    tints = [[f"#{n:06}", n * 3 % 17, n * n % 13] for n in range(40)]
    assert Desk(tmp_path).bring("a.csv", csv(tints)).understand().facts.rows == 40


def test_quoted_cells_keep_their_delimiters(tmp_path: Path) -> None:
    """A comma and an end of line inside of quotation marks end nothing."""
    rows = "".join(f'{row},{row % 5},"town, {"ab"[row % 2]}\nrest"\n' for row in range(40))
    card, _ = Desk(tmp_path).bring("a.csv", 'n,m,"place, of birth"\n' + rows).first_try()

    assert card.count == 40
    assert card.feature_names[2] == "place, of birth = town, b rest"


def test_missing_values_are_filled_and_said(tmp_path: Path) -> None:
    """Numbers get the median, categories the commonest, and the card says how many."""
    rows = [[row, "NA" if row == 7 else row * 2, "" if row < 3 else "ab"[row % 5 == 0]] for row in range(1, 41)]
    card, items = Desk(tmp_path).bring("a.csv", csv([["n", "twice", "kind"], *rows])).first_try()

    assert items.x[6, 1] == pytest.approx(np.median([row * 2 for row in range(1, 41) if row != 7]))
    assert items.x[:2, 2].tolist() == [0, 0]
    assert [column.missing for column in card.columns] == [0, 1, 2]
    assert [(lost.what, lost.why, lost.count, lost.names) for lost in card.dropped] == [
        ("values", "filled", 3, ("twice", "kind"))
    ]


def test_rows_with_missing_values_can_be_left_out(tmp_path: Path) -> None:
    """With "drop" nothing is made up."""
    rows = [[row, "?" if row % 4 == 0 else row * 2] for row in range(40)]
    desk = Desk(tmp_path).bring("a.csv", csv([["n", "twice"], *rows]))
    card, items = desk.make(changed(planned(desk), missing="drop"))

    assert card.count == 30
    assert np.allclose(items.x[:, 1], 2 * items.x[:, 0])
    assert [(lost.what, lost.why, lost.count) for lost in card.dropped] == [("rows", "gap", 10)]


def test_columns_that_say_nothing_are_left_out(tmp_path: Path) -> None:
    """Identifiers, constants, empty columns, dates and too many names: each with its reason."""
    head = ["id", "name", "same", "nothing", "born", "city", "a", "b"]
    rows = [
        [row, f"Mr {row}", "x", "", f"19{50 + row % 40}-01-02", f"town {row % 40}", row % 9, row * row % 13]
        for row in range(80)
    ]
    desk = Desk(tmp_path).bring("a.csv", csv([head, *rows]))
    card, _ = desk.first_try()

    assert card.feature_names == ("a", "b")
    reasons = {name: lost.why for lost in card.dropped for name in lost.names}
    assert reasons == {
        "id": "identifier",
        "name": "identifier",
        "same": "constant",
        "nothing": "empty",
        "born": "date",
        "city": "many",
    }


def test_what_comes_again_late_is_no_identifier(tmp_path: Path) -> None:
    """5,000 people who each come four times are no numbers of rows, however late the first comes again."""
    rows = [[7 * row % 5000, 7 * row % 20011, f"n{row % 9000}", row % 13] for row in range(20_000)]
    columns = planned(Desk(tmp_path).bring("log.csv", csv([["user_id", "visit_id", "name", "b"], *rows]))).columns

    assert [(column.use, column.why) for column in columns] == [
        ("number", ""),
        ("leave_out", "identifier"),
        ("leave_out", "many"),
        ("number", ""),
    ]


def test_years_are_no_identifiers(tmp_path: Path) -> None:
    """A column that counts on is kept, unless its name or its lack of one says that it counts rows."""
    rows = [[1950 + row, row * row % 13] for row in range(60)]
    assert Desk(tmp_path).bring("a.csv", csv([["year", "b"], *rows])).make(
        TablePlan(columns=(ColumnPlan(name="year"), ColumnPlan(name="b")))
    )[0].feature_names == ("year", "b")
    assert (
        planned(Desk(tmp_path).bring("a.csv", csv([["", "b", "c"], *([n, *r] for n, r in enumerate(rows))])))
        .columns[0]
        .why
        == "identifier"
    )


def test_infinity_and_huge_numbers_are_missing(tmp_path: Path) -> None:
    """What float32 cannot hold is filled in, so every number of the dataset is finite."""
    rows = [[["inf", "1e300", "-1e39", "5"][row % 4], row] for row in range(40)]
    card, items = Desk(tmp_path).bring("a.csv", csv([["a", "b"], *rows, ["6", 7]])).first_try()

    assert np.isfinite(items.x).all()
    assert {lost.why: lost.count for lost in card.dropped} == {"infinite": 30}
    assert set(items.x[:, 0].tolist()) == {5.0, 6.0}


def test_slips_in_a_column_of_numbers_are_missing(tmp_path: Path) -> None:
    """One word among a hundred numbers does not make categories of them."""
    rows = [["about 5" if row == 50 else row % 30, row % 7] for row in range(100)]
    card, _ = Desk(tmp_path).bring("a.csv", csv([["a", "b"], *rows])).first_try()

    assert card.columns[0].kind == "number"
    assert [(lost.why, lost.names) for lost in card.dropped] == [("not_number", ("a",))]


def test_ragged_rows_are_left_out(tmp_path: Path) -> None:
    """Rows with too few or too many cells are counted; empty cells at the end are none."""
    rows = [[row, row % 7, row % 5, *([""] if row == 2 else [])] for row in range(50)]
    text = csv([["a", "b", "c"], *rows]) + "1\n1,2,3,4\n\n"
    card, _ = Desk(tmp_path).bring("a.csv", text).first_try()

    assert card.count == 50
    assert [(lost.why, lost.count) for lost in card.dropped] == [("ragged", 2)]


@pytest.mark.parametrize("missing", ["", "NA", "?"])
def test_items_without_a_class_are_left_out(tmp_path: Path, missing: str) -> None:
    """A row whose class is not told is no item."""
    rows = [[row, row % 7, missing if row < 5 else "ab"[row % 2]] for row in range(50)]
    card, _ = Desk(tmp_path).bring("a.csv", csv([["x", "y", "class"], *rows])).first_try()

    assert (card.count, card.label_names) == (45, ("a", "b"))
    assert [(lost.why, lost.count) for lost in card.dropped] == [("unlabelled", 5)]


def test_too_many_rows_are_drawn_class_by_class(tmp_path: Path) -> None:
    """Of 1,000 rows 100 are kept, in order, a share of each class; the same file gives the same items."""
    rows = [[row, row % 13, "rare" if row % 100 == 0 else "usual"] for row in range(1000)]
    desk = Desk(tmp_path).bring("a.csv", csv([["x", "y", "class"], *rows]))
    plan = changed(planned(desk), most=100)
    (card, items), (_, again) = desk.make(plan), desk.make(plan)

    assert items.labels is not None
    assert np.bincount(items.labels).tolist() == [1, 99]
    assert np.all(np.diff(items.x[:, 0]) > 0)
    assert np.array_equal(items.x, again.x)
    assert [(lost.why, lost.count) for lost in card.dropped] == [("sample", 900)]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(6, 60))
def test_what_is_drawn_is_a_fair_share(labels: list[int], most: int) -> None:
    """Never more than allowed, each place once, and each class within one of its share, or alone."""
    found = draw(np.array(labels), len(labels), most)

    assert len(found) == min(len(labels), most)
    assert len(set(found.tolist())) == len(found)
    for kind, size in zip(*np.unique(labels, return_counts=True), strict=True):
        assert abs((np.array(labels)[found] == kind).sum() - size * len(found) / len(labels)) < 6
        assert (np.array(labels)[found] == kind).any()


def test_the_limit_on_numbers_draws_fewer_items(tmp_path: Path) -> None:
    """Two numbers an item and room for 80 of them make 40 items."""
    rows = [[row, row * row % 13] for row in range(100)]
    desk = Desk(tmp_path).bring("a.csv", csv([["x", "y"], *rows]))
    card, _ = desk.make(TablePlan(columns=(ColumnPlan(name="x"), ColumnPlan(name="y"))), Bounds(numbers=80))

    assert card.count == 40


def test_the_reader_may_choose_otherwise(tmp_path: Path) -> None:
    """Numbers as categories, a column left out, no class, another title."""
    desk = Desk(tmp_path).bring("a.csv", MIXED)
    plan = planned(desk)
    told = tuple(
        column.model_copy(update={"use": {"weight": "leave_out", "height": "number"}.get(column.name, "category")})
        for column in plan.columns
    )
    card, _ = desk.make(changed(plan, title="People", label="group", columns=[c.model_dump() for c in told]))

    assert card.title == "People"
    assert card.feature_names == ("height", "smoker = yes")
    assert card.label_names == ("a", "b", "c")
    assert [(lost.why, lost.names) for lost in card.dropped] == [("chosen", ("weight",))]


def test_another_dialect_is_obeyed(tmp_path: Path) -> None:
    """Who says that there is no header gets the first row as data."""
    desk = Desk(tmp_path).bring("a.csv", csv([[row * row, row % 7] for row in range(40)]))
    found = desk.understand(dialect=Dialect(header=True))
    assert found.facts.rows == 39
    assert desk.understand().facts.rows == 40


def test_a_column_that_is_gone_is_refused(tmp_path: Path) -> None:
    """A plan for another file says which column it misses."""
    desk = Desk(tmp_path).bring("a.csv", MIXED)
    with pytest.raises(ImportRefused, match="no column called elsewhere"):
        desk.make(changed(planned(desk), label="elsewhere"))


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    """A name of each row is no class."""
    rows = [[row, row % 7, f"n{row}"] for row in range(200)]
    desk = Desk(tmp_path).bring("a.csv", csv([["n", "m", "who"], *rows]))
    with pytest.raises(ImportRefused, match="at most 100 classes, got 200"):
        desk.make(changed(planned(desk), label="who"))


def test_nothing_left_to_learn_from_is_refused(tmp_path: Path) -> None:
    """Who leaves all columns out, or all but one, reads why that is too few."""
    desk = Desk(tmp_path).bring("a.csv", MIXED)
    none = [c.model_dump() | {"use": "leave_out"} for c in planned(desk).columns]
    with pytest.raises(ImportRefused, match="No column is left"):
        desk.make(changed(planned(desk), columns=none))
    with pytest.raises(ImportRefused, match="at least 2 features, got 1"):
        desk.make(changed(planned(desk), columns=[*none[1:], none[0] | {"use": "number"}]))


def test_a_packed_table_is_read_where_it_lies(tmp_path: Path) -> None:
    """A CSV in a gzip or alone in a ZIP is read like the CSV itself."""
    for name, content in (
        ("iris.csv.gz", gzip.compress(csv(iris()).encode())),
        ("iris.zip", zipped({"archive/iris.csv": csv(iris()).encode(), "readme.txt": b"hello"})),
    ):
        card, _ = Desk(tmp_path).bring(name, content).first_try()
        assert (card.title, card.count, card.shape) == ("iris", 150, (4,))


def test_a_parquet_table_is_the_same_as_its_csv(tmp_path: Path) -> None:
    """Numbers, words, yes and no, moments, missing cells and dictionaries come out of Parquet; lists do not."""
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(0)
    values = random.standard_normal(50)
    table = pa.table(
        {
            "a": values,
            "b": pa.array([None if row == 3 else row % 4 for row in range(50)], pa.int8()),
            "c": pa.array(["x", "y"] * 25).dictionary_encode(),
            "d": pa.array([1_577_836_800_000_000_001 + row * 86_400 * 10**9 for row in range(50)], pa.timestamp("ns")),
            "e": [True, False] * 25,
            "list": [[1]] * 50,
            "species": ["cat", "dog"] * 25,
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    desk = Desk(tmp_path).bring("t.parquet", (tmp_path / "t.parquet").read_bytes())
    card, items = desk.first_try()

    assert card.feature_names == ("a", "b", "c = y", "e = True")
    assert np.allclose(items.x[:, 0], values)
    assert card.label_names == ("cat", "dog")
    assert {(lost.why, lost.names) for lost in card.dropped} == {
        ("date", ("d",)),
        ("filled", ("b",)),
        ("nested", ("list",)),
    }


def test_money_and_shares_are_numbers(tmp_path: Path) -> None:
    """What shops and banks export: signs of currency, percent signs, yes and no in capitals."""
    rows = [["price", "share", "paid"]]
    rows += [[f'"${1000 + n:,}.50"', f"{n % 7}%", ("TRUE", "FALSE")[n % 2]] for n in range(50)]
    card, items = Desk(tmp_path).bring("shop.csv", csv(rows)).first_try()

    assert [(column.name, column.kind) for column in card.columns][:2] == [("price", "number"), ("share", "number")]
    assert items.x[:, 0].tolist() == [1000.5 + n for n in range(50)]
    assert items.x[:, 1].tolist() == [n % 7 for n in range(50)]


def test_one_number_beside_very_many_words_is_no_dataset(tmp_path: Path) -> None:
    """Nothing says that such rows follow each other, so they are no series either."""
    rows = [["who", "score"], *([f"person {n}", n] for n in range(5000))]
    with pytest.raises(ImportRefused, match="at least 2 columns"):
        Desk(tmp_path).bring("scores.csv", csv(rows)).understand()


# ------------------------------------------------------------------------------------------- numbers and names


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1.5", ".", 1.5),
        (" -3e2 ", ".", -300),
        ("1,234", ".", 1234),
        ("1,234,567.5", ".", 1234567.5),
        ("1,23", ".", None),
        ("1.234,5", ",", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1,5", ",", 1.5),
        ("1.5", ",", 1.5),
        ("12.5%", ".", 12.5),
        ("-3 %", ".", -3),
        ("$1,234.50", ".", 1234.5),
        ("-$5", ".", -5),
        ("1.234,50\u00a0€", ",", 1234.5),
        ("¥ 300", ".", 300),
        ("%", ".", None),
        ("5%5", ".", None),
        ("1_000", ".", None),
        ("0x10", ".", None),
        ("five", ".", None),
        ("€ 1.234,5", ",", 1234.5),
        ("1.234,5 €", ",", 1234.5),
        ("33%", ".", 33),
        ("12,5 %", ",", 12.5),
        ("$", ".", None),
        ("1'234.50", ".", 1234.5),
        ("1’234’567", ".", 1234567),
        ("1.162.686", ",", 1162686),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, decimal: str, value: float | None) -> None:
    """With points or commas, grouped or not, as money or shares; Python's own spellings are no numbers."""
    assert number(text, decimal) == value  # type: ignore[arg-type]


@given(st.floats(allow_nan=False))
def test_every_number_survives_being_written(value: float) -> None:
    """What Python writes is read as the same number, also with a decimal comma."""
    assert number(repr(value)) == value
    assert number(repr(value).replace(".", ","), ",") == value


@given(st.lists(st.text(max_size=60), max_size=20))
def test_names_of_columns_are_short_and_different(names: list[str]) -> None:
    """Whatever a header holds, each column has a name of its own that fits on a line."""
    found = columns(names)

    assert len(found) == len(names) == len(set(found))
    assert all(name and len(name) <= LONGEST + 5 and name.isprintable() for name in found)
    assert unique(found) == found


def test_categories_are_in_the_order_of_their_numbers() -> None:
    """10 comes after 9, and words after the alphabet."""
    assert ordered(["10", "9", "1"]) == ("1", "9", "10")
    assert ordered(["10", "9", "a"]) == ("10", "9", "a")


@pytest.mark.parametrize("step", [0, 1, 2, -1, 0.5])
@pytest.mark.parametrize("turn", [None, 3_000])
def test_a_column_is_followed_the_same_way_in_blocks(step: float, turn: int | None) -> None:
    """Whether it runs or is in order does not depend on how many cells are looked at together."""
    values = [1_000 + step * row - (5_000 if row == turn else 0) for row in range(6_000)]
    cells = [f"{value:g}" if value % 1 else str(int(value)) for value in values]
    one, many = Column("a", "."), Column("a", ".")
    for cell in cells:
        one.add([cell])
    for begin in range(0, len(cells), 500):
        many.add(cells[begin : begin + 500])

    assert (many.running, many.orderly) == (one.running, one.orderly)
    assert step == 0 or many.steps.tolist() == one.steps.tolist()  # what never moves is soon not followed any more
    assert many.running == (step == 1 and turn is None)
    assert turn or many.orderly == (step != 0)
