"""Groups that the codes fall into by themselves, whatever the labels say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ae_core.errors import SpecError
from ae_core.probes.codes import coded
from ae_core.probes.questions import Clusters
from ae_core.probes.specimen import Specimen

CODED = 0.2  # share of the work that the codes take
JUDGED = 2000  # items of which the silhouette is taken


def clusters(
    question: Clusters, specimen: Specimen, tell: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """k-means on the codes at their full width: `cluster` i2 (n,), `item` i4 (n,).

    header: `count` of groups, `silhouette` (of a sample, -1 to 1; Rousseeuw 1987), `nmi`, the normalised mutual
    information with the labels, null without labels.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score, silhouette_score

    z, arrays = coded(specimen, question.most, lambda share: tell(CODED * share))
    if len(np.unique(z, axis=0)) <= question.count:
        raise SpecError(f"There are fewer than {question.count + 1} different codes. Choose fewer groups.")
    found = KMeans(question.count, n_init=4, random_state=question.seed).fit_predict(z).astype(np.int16)
    tell(0.8)
    some = np.random.default_rng(question.seed).permutation(len(z))[:JUDGED]
    judged = len(np.unique(found[some])) > 1
    labels = arrays["label"]
    header = {
        "count": question.count,
        "silhouette": float(silhouette_score(z[some], found[some])) if judged else None,
        "nmi": float(normalized_mutual_info_score(labels, found)) if labels.min() >= 0 else None,
    }
    return header, {"cluster": found, "item": arrays["item"]}
