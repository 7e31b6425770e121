"""Documents: columns of texts and text files become counts of their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ae_core.data.text import bag_of_words
from ae_core.errors import ImportRefused
from ae_core.imports.plan import TextPlan
from tests.imports.files import WORDS, Desk, csv, prose, zipped


def test_a_column_of_texts(tmp_path: Path) -> None:
    """Texts with quotation marks and commas, and the only other column is their class."""
    texts = prose(60)
    rows = [["ham" if n % 2 else "spam", f'"{text}, ""quoted"""'] for n, text in enumerate(texts)]
    desk = Desk(tmp_path).bring("sms.csv", csv([["v1", "v2"], *rows]))
    plan = desk.understand().plan
    card, items = desk.make(plan)

    assert isinstance(plan, TextPlan)
    assert (plan.text, plan.label) == ("v2", "v1")
    assert (card.form, card.count, card.label_names) == ("table", 60, ("ham", "spam"))
    assert set(card.feature_names) == {*WORDS, "quoted"}
    expected, _ = bag_of_words([f'{text}, "quoted"' for text in texts], 1000, "tf_idf")
    assert np.allclose(items.x, expected)


DISHES, VERDICTS = ("面条", "米饭", "火锅"), ("味道很好我还会再来", "味道一般服务员冷淡", "味道很差我不会再来")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "chinese.csv",
            [
                ["文本", "类别"],
                *([f"这家餐厅的{DISHES[n % 3]}{VERDICTS[n // 3 % 3]}第{n}次", "好坏"[n % 2]] for n in range(300)),
            ],
        ),
        ("titles.csv", [["标题", "类别"], *([f"{DISHES[n % 3]}店今日开业第{n}家", "好坏"[n % 2]] for n in range(300))]),
        (
            "headlines.csv",
            [
                ["headline", "label"],
                *([f"{' '.join(t.split()[:5])} {n}", "ab"[n % 2]] for n, t in enumerate(prose(300))),
            ],
        ),
        ("sms.tsv", [["ham" if n % 5 else "spam", " ".join(t.split()[: 3 + n % 4])] for n, t in enumerate(prose(200))]),
    ],
)
def test_short_texts_and_those_without_blanks(tmp_path: Path, name: str, rows: list[list[str]]) -> None:
    """Reviews and titles in Chinese, headlines of six words, messages of three: what their column is called helps."""
    text = csv(rows, "\t" if name.endswith("tsv") else ",")
    desk = Desk(tmp_path).bring(name, text)
    plan = desk.understand().plan
    card, _ = desk.make(plan)

    assert isinstance(plan, TextPlan)
    assert (card.count, len(card.label_names)) == (200 if name == "sms.tsv" else 300, 2)


def test_news_with_the_number_of_their_class(tmp_path: Path) -> None:
    """Class, title and text without names of columns."""
    rows = [[1 + n % 4, f"Title {t[:20]}", t] for n, t in enumerate(prose(60))]
    card, _ = Desk(tmp_path).bring("news.csv", csv(rows)).first_try()

    assert (card.label_name, card.label_names) == ("column 1", ("1", "2", "3", "4"))


def test_a_column_called_text_is_meant(tmp_path: Path) -> None:
    """With a class beside it, although there are numbers and categories, too; one that is called otherwise is not."""
    rows = [[n * 77, text, "abc"[n % 3], n % 9, ("bad", "so", "good")[n % 3]] for n, text in enumerate(prose(60))]
    for name, form in (("text", "text"), ("history", "table")):
        head = ["tweet_id", name, "airline", "likes", "sentiment"]
        found = Desk(tmp_path).bring("tweets.csv", csv([head, *rows])).understand()
        assert (found.plan.form, getattr(found.plan, "label", "")) == (form, "sentiment")


def test_titles_beside_numbers_stay_a_table(tmp_path: Path) -> None:
    """A table of films is one although their titles are words."""
    rows = [[f"The {t.split()[0]} of film {n}", 1980 + n % 40, n * 7 % 91] for n, t in enumerate(prose(60))]
    found = Desk(tmp_path).bring("films.csv", csv([["title", "released", "minutes"], *rows])).understand()

    assert found.plan.form == "table"


def test_counts_are_counts(tmp_path: Path) -> None:
    """Counted, not weighted: whole numbers, and the card says so, so that cross-entropy takes them."""
    texts = prose(40)
    desk = Desk(tmp_path).bring("a.csv", csv([["n", "text"], *([n, t] for n, t in enumerate(texts))]))
    card, items = desk.make(TextPlan(text="text", weighting="counts", words=10))

    assert (card.counts, card.nonnegative, card.value_range) == (True, True, None)
    assert len(card.feature_names) == 10
    word = card.feature_names[0]
    assert items.x[:, 0].tolist() == [text.split().count(word) for text in texts]


def test_text_files_in_folders(tmp_path: Path) -> None:
    """Each file of a ZIP is a document, its folder its class; other encodings are read, noise is left out."""
    members = {f"reviews/{'pos' if n % 2 else 'neg'}/{n}.txt": text.encode() for n, text in enumerate(prose(30))}
    members["reviews/pos/accents.txt"] = "café garden music in the winter light".encode("cp1252")
    members["reviews/pos/noise.txt"] = np.random.default_rng(0).bytes(500)
    card, items = Desk(tmp_path).bring("reviews.zip", zipped(members)).first_try()

    assert (card.count, card.label_names, card.label_name) == (31, ("neg", "pos"), "folder")
    assert items.labels is not None
    assert np.bincount(items.labels).tolist() == [15, 16]
    assert [(lost.why, lost.names) for lost in card.dropped] == [("damaged", ("noise.txt",))]


def test_a_bad_text_is_left_out_wherever_it_is(tmp_path: Path) -> None:
    """The first one, too, which would be shown."""
    members = {f"{n:02}.txt": text.encode() for n, text in enumerate(prose(25))} | {"00.txt": b"\0\1\2"}
    desk = Desk(tmp_path).bring("texts.zip", zipped(members))
    found = desk.understand()

    assert len(found.preview) == 8
    assert [(lost.why, lost.names) for lost in desk.make(found.plan)[0].dropped] == [("damaged", ("00.txt",))]


@pytest.mark.parametrize("count", [30, 120])
def test_folders_of_one_text_each_are_no_classes(tmp_path: Path, count: int) -> None:
    """What is understood can be made."""
    members = {f"{n}/text.txt": text.encode() for n, text in enumerate(prose(count))}
    card, _ = Desk(tmp_path).bring("texts.zip", zipped(members)).first_try()

    assert (card.count, card.label_names) == (count, ())


def test_several_text_files(tmp_path: Path) -> None:
    """Chosen one by one they are documents without classes, and their texts are kept to be shown."""
    desk = Desk(tmp_path)
    for number, text in enumerate(prose(25)):
        desk.bring(f"{number}.txt", text)
    card, _ = desk.first_try()

    assert (card.count, card.label_names) == (25, ())
    assert (tmp_path / "made-1" / "texts.json").exists()


def test_texts_without_words_are_refused(tmp_path: Path) -> None:
    """Only short or stop words leave nothing to count."""
    desk = Desk(tmp_path).bring("a.csv", csv([["text", "n"], *(["a an of to it is 12 34", n] for n in range(40))]))
    with pytest.raises(ImportRefused, match="No words could be counted"):
        desk.make(TextPlan(text="text"))
