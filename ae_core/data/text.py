"""Documents as numbers: how often each of the commonest words stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ae_core.data.dataset import Floats

Weighting = Literal["tf_idf", "counts"]


def bag_of_words(texts: Sequence[str], words: int, weighting: Weighting) -> tuple[Floats, tuple[str, ...]]:
    """(n, w) numbers and the w <= `words` words that they belong to, in alphabetical order.

    The commonest words of three letters or more that are no English stop words and stand in at least two documents, or
    in one where none stands in two. counts: how often; tf_idf: times the inverse document frequency, rows of length 1
    (Salton and Buckley 1988; scikit-learn's TfidfVectorizer). Raises ValueError where no word is left.
    """
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    kind = TfidfVectorizer if weighting == "tf_idf" else CountVectorizer
    usual = {"max_features": words, "stop_words": "english", "token_pattern": r"(?u)\b[^\W\d_]{3,}\b"}
    try:
        counter = kind(min_df=2, **usual)
        found = counter.fit_transform(texts)
    except ValueError:
        counter = kind(min_df=1, **usual)
        found = counter.fit_transform(texts)
    return np.asarray(found.toarray(), dtype=np.float32), tuple(map(str, counter.get_feature_names_out()))
