"""Words of documents: which are counted, in every script, and how many are remembered while counting."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from ae_core.data import text
from ae_core.data.text import bag_of_words, commonest, tokens

PROSE = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[1] / "ae_core").glob("*.py"))]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Don't stop, it is wor2ld a_bc 12345", ["Don", "stop"]),
        ("über naïve façade", ["über", "naïve", "façade"]),
        ("我爱Python语言", ["我爱", "Python", "语言"]),
        ("机器学习很有用", ["机器", "器学", "学习", "习很", "很有", "有用"]),
        ("テスト 한국어 日", ["テス", "スト", "한국", "국어"]),
        ("", []),
    ],
)
def test_what_counts_as_a_word(said: str, expected: list[str]) -> None:
    """Words of three letters or more, and pairs of neighbours where no spaces are set."""
    assert tokens(said) == expected


def test_words_with_spaces_are_those_of_the_usual_pattern() -> None:
    """scikit-learn's own tokenizer with the pattern of three letters is the oracle."""
    for one in PROSE:
        assert tokens(one) == re.findall(r"(?u)\b[^\W\d_]{3,}\b", one)


@pytest.mark.parametrize("weighting", ["counts", "tf_idf"])
def test_a_long_corpus_is_counted_like_a_short_one(weighting: text.Weighting, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing must be forgotten both ways find words of the same frequency, and the same numbers of each."""
    short, names = bag_of_words(PROSE, 120, "counts")
    monkeypatch.setattr(text, "LONG", 0)
    long, others = bag_of_words(PROSE, 120, weighting)
    kind = TfidfVectorizer if weighting == "tf_idf" else CountVectorizer
    expected = kind(vocabulary=others, token_pattern=r"(?u)\b[^\W\d_]{3,}\b").fit_transform(PROSE).toarray()

    assert np.allclose(long, expected)
    counted = CountVectorizer(vocabulary=others, token_pattern=r"(?u)\b[^\W\d_]{3,}\b").fit_transform(PROSE)
    assert sorted(counted.toarray().sum(0)) == sorted(short.sum(0))  # words that tie at the end may differ
    assert len(set(names) & set(others)) > 100


def test_common_words_survive_any_number_of_rare_ones() -> None:
    """Few words are remembered at a time, and those that stand in many documents come out."""
    rng = random.Random(0)
    common = [f"common{letter}" for letter in "abcdefgh"]
    texts = [
        " ".join([*rng.sample(common, 3), *("".join(rng.choices("abcdefghij", k=9)) for _ in range(20))])
        for _ in range(2000)
    ]

    assert set(common) <= set(commonest(texts, 40, most=500))
    assert commonest(texts, 8, most=500) == common


def test_a_long_corpus_without_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a short one is, so that whoever asked can say it in a sentence."""
    monkeypatch.setattr(text, "LONG", 0)
    for nothing in (["12 34", "a b"], ["the", "and the"]):
        with pytest.raises(ValueError, match="vocabulary"):
            bag_of_words(nothing, 10, "counts")
