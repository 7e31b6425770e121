"""How well entries that were kept from the model are predicted, beside what needs no model.

A fifth of every person's entries stands in `Items.hidden`: never in the input, never in the loss, on neither side of
the split. `train_...` is measured on people who were learned from (the protocol of Sedhain et al., 2015), `val_...` on
people of whom nothing was learned: their other entries are shown, the hidden ones are to be found (Liang et al., 2018).
"""

from __future__ import annotations

import numpy as np
import torch

from ae_core.compatibility import has_stars
from ae_core.data import Split
from ae_core.metrics.evidence import Evidence
from ae_core.metrics.ranking import ndcg_at, recall_at, rmse_hidden
from ae_core.metrics.record import Metric
from ae_core.metrics.reported import chunks
from ae_core.models import Autoencoder
from ae_core.spec import RunSpec

FEW, MANY = 20, 100  # how long a list of recommendations is, for recall and for the discounted gain
DAMPING = 5.0  # entries of no opinion that a mean starts from


def recommending(spec: RunSpec, model: Autoencoder, split: Split) -> dict[str, float]:
    """What a finished run on data with hidden entries reports; nothing for other data.

    Of stars `rmse_hidden` and `rmse_hidden_means` (`by_means`), in stars; of what was taken or not, and of stars under
    cross-entropy, `recall_20`, `ndcg_100` and `ndcg_100_popular` (the most popular things for everybody). The model
    must be in evaluation mode.
    """
    if split.train_hidden is None or split.val_hidden is None:
        return {}
    learned = split.scaling.undo(split.train)
    found = {}
    for side, x, hidden in (("train", split.train, split.train_hidden), ("val", split.val, split.val_hidden)):
        scores = predicted(model, x, split)
        if has_stars(spec):
            found[f"{side}_rmse_hidden"] = rmse_hidden(scores, hidden)
            found[f"{side}_rmse_hidden_means"] = rmse_hidden(by_means(learned, split.scaling.undo(x)), hidden)
        else:
            popular = np.broadcast_to((learned > 0).sum(axis=0), x.shape)
            found[f"{side}_recall_{FEW}"] = recall_at(scores, x, hidden, FEW)
            found[f"{side}_ndcg_{MANY}"] = ndcg_at(scores, x, hidden, MANY)
            found[f"{side}_ndcg_{MANY}_popular"] = ndcg_at(popular, x, hidden, MANY)
    return found


def predicted(model: Autoencoder, x: np.ndarray, split: Split) -> np.ndarray:
    """What the model makes of scaled items, in the data's own units: (items, features)."""
    with torch.inference_mode():
        parts = [told.reconstruct(part).numpy() for told, part in chunks(model, torch.from_numpy(x))]
    return np.asarray(split.scaling.undo(np.concatenate(parts)))


def by_means(learned: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Stars from means alone: the mean of all, plus how far each thing and each person lies from it.

    learned: (users, things), stars to learn from, 0 where there are none. seen: the same of the people to predict for.
    Returns the shape of seen. Source: Koren 2009, section 2.1, with means damped in place of a penalty.
    """
    known, shown = learned > 0, seen > 0
    mean = learned[known].mean()
    thing = ((learned - mean) * known).sum(axis=0) / (known.sum(axis=0) + DAMPING)
    person = ((seen - mean - thing) * shown).sum(axis=1) / (shown.sum(axis=1) + DAMPING)
    return np.asarray(mean + thing + person[:, None])


def _hidden(evidence: Evidence) -> np.ndarray:
    """Hidden entries; who asks has seen to it that there are some (see NEEDS)."""
    return np.asarray(evidence.hidden)


RECOMMENDATION: dict[str, Metric] = {
    f"recall_{FEW}": Metric(
        "recommendation", "", "higher", lambda e: recall_at(e.own(e.x_hat), e.x, _hidden(e), FEW), ("taken",)
    ),
    f"ndcg_{MANY}": Metric(
        "recommendation", "", "higher", lambda e: ndcg_at(e.own(e.x_hat), e.x, _hidden(e), MANY), ("taken",)
    ),
    "rmse_hidden": Metric(
        "recommendation", "stars", "lower", lambda e: rmse_hidden(e.own(e.x_hat), _hidden(e)), ("stars",)
    ),
}
