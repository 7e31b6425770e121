"""How good a trained model is, in numbers.

`reported` holds what every run tells of itself while it trains and when it is finished, which is cheap; `recommender`
adds what is known of entries that were kept from the model, by the measures of `ranking`. Everything else is asked for:
`measure(model)` computes the metrics of the registry `METRICS` on items kept aside.
"""

from ae_core.metrics.measure import METRICS, measure
from ae_core.metrics.recommender import recommending
from ae_core.metrics.record import NEEDS, Measured, Metric
from ae_core.metrics.reported import (
    CHUNK,
    entries,
    evaluate,
    evidence_lower_bound,
    final,
    mean_squared_error,
    rival,
    squared_sum,
    with_total,
)

__all__ = [
    "CHUNK",
    "METRICS",
    "NEEDS",
    "Measured",
    "Metric",
    "entries",
    "evaluate",
    "evidence_lower_bound",
    "final",
    "mean_squared_error",
    "measure",
    "recommending",
    "rival",
    "squared_sum",
    "with_total",
]
