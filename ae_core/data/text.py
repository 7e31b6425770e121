"""Documents as numbers: how often each of the commonest words stands in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from ae_core.data.dataset import Floats

Weighting = Literal["tf_idf", "counts"]

LONG = 8_000_000  # characters in all from which on not every word is remembered
MOST_REMEMBERED = 400_000
UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"  # kana, Han and Hangul
_TOKEN = re.compile(rf"(?<![^\W{UNSPACED}])[^\W\d_{UNSPACED}]{{3,}}(?![^\W{UNSPACED}])|[{UNSPACED}]{{2,}}")
_UNSPACED = re.compile(f"[{UNSPACED}]")


def tokens(text: str) -> list[str]:
    """Words of three letters or more; where a script sets no spaces between words, every two neighbouring characters
    (as Lucene's CJKAnalyzer does).
    """
    found: list[str] = _TOKEN.findall(text)
    if not _UNSPACED.search(text):
        return found
    return [part for word in found for part in (_pairs(word) if _UNSPACED.match(word) else [word])]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def bag_of_words(texts: Sequence[str], words: int, weighting: Weighting) -> tuple[Floats, tuple[str, ...]]:
    """(n, w) numbers and the w <= `words` words that they belong to, in alphabetical order.

    The commonest words (see `tokens`) that are no English stop words and stand in at least two documents, or in one
    where none stands in two. counts: how often; tf_idf: times the inverse document frequency, rows of length 1 (Salton
    and Buckley 1988; scikit-learn's TfidfVectorizer). Raises ValueError where no word is left.
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    kind = TfidfVectorizer if weighting == "tf_idf" else CountVectorizer
    usual = {"stop_words": "english", "tokenizer": tokens, "token_pattern": None}
    if sum(map(len, texts)) > LONG:
        counter = kind(vocabulary=commonest(texts, words), **usual)
        found = counter.fit_transform(texts)
    else:
        try:
            counter = kind(min_df=2, max_features=words, **usual)
            found = counter.fit_transform(texts)
        except ValueError:
            counter = kind(min_df=1, max_features=words, **usual)
            found = counter.fit_transform(texts)
    return np.asarray(found.astype(np.float32).toarray()), tuple(map(str, counter.get_feature_names_out()))


def commonest(texts: Iterable[str], words: int, most: int = MOST_REMEMBERED) -> list[str]:
    """The same words as above, in alphabetical order, counted while never much more than `most` are remembered.

    Where more come, those seen in fewest documents are forgotten, which may undercount rare words that come late (the
    lossy counting of Manku and Motwani 2002) but none of the common ones.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    often: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    few = 0
    for text in texts:
        here = Counter(tokens(text.lower()))
        often.update(here)
        documents.update(here.keys())
        while len(documents) > most:
            few += 1
            for word in [word for word, count in documents.items() if count <= few]:
                del documents[word], often[word]
    known = {word: count for word, count in often.items() if word not in ENGLISH_STOP_WORDS}
    shared = {word: count for word, count in known.items() if documents[word] > 1} or known
    return sorted(sorted(shared, key=lambda word: (-shared[word], word))[:words])
