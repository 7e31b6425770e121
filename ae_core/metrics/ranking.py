"""How well a recommender ranks what was hidden from it.

scores: (users, things), higher is better. seen: (users, things), above 0 where the model was shown a thing; such things
are never recommended. hidden: (users, things), above 0 where a thing is to be found. Users with nothing hidden are left
out of the mean; where nobody has anything hidden the result is NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def hits(scores: npt.ArrayLike, seen: npt.ArrayLike, hidden: npt.ArrayLike, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of each user's k best unseen things are hidden ones, best first: (users with hidden things, k) of bool, and
    how many hidden things each of these users has. Ties go to the earlier thing.
    """
    given, known, wanted = np.asarray(scores, np.float64), np.asarray(seen) > 0, np.asarray(hidden) > 0
    users = wanted.any(axis=1)
    ranked = np.where(known, -np.inf, given)[users]
    best = np.argsort(-ranked, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(wanted[users] & ~known[users], best, axis=1)
    return found, wanted[users].sum(axis=1)


def recall_at(scores: npt.ArrayLike, seen: npt.ArrayLike, hidden: npt.ArrayLike, k: int) -> float:
    """Share of the hidden things among the k best, of min(k, hidden things): 0..1, averaged over users.

    Source: Liang et al. 2018, section 4.2.
    """
    found, positives = hits(scores, seen, hidden, k)
    return _mean(found.sum(axis=1) / np.minimum(k, positives))


def ndcg_at(scores: npt.ArrayLike, seen: npt.ArrayLike, hidden: npt.ArrayLike, k: int) -> float:
    """Discounted gain of the hidden things among the k best over that of the best order: 0..1, averaged over users.

    A thing at rank r = 1, 2, ... gains 1 / log2(r + 1). Source: Järvelin and Kekäläinen 2002; Liang et al. 2018.
    """
    found, positives = hits(scores, seen, hidden, k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discounts)[np.minimum(k, positives) - 1]
    return _mean((found * discounts[: found.shape[1]]).sum(axis=1) / best)


def rmse_hidden(predicted: npt.ArrayLike, hidden: npt.ArrayLike) -> float:
    """Root of the mean squared error over all hidden entries (those above 0), in the data's own units."""
    wanted = np.asarray(hidden, np.float64)
    apart = (np.asarray(predicted, np.float64) - wanted)[wanted > 0]
    return float(np.sqrt(np.mean(apart**2))) if apart.size else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
