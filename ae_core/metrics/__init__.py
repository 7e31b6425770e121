"""How good a trained model is, in numbers.

`reported` holds what every run tells of itself while it trains and when it is finished, which is cheap. Everything else
is asked for: `measure(model)` computes the metrics of the registry `METRICS` on items kept aside.
"""

from ae_core.metrics.measure import METRICS, measure
from ae_core.metrics.record import NEEDS, Measured, Metric
from ae_core.metrics.reported import (
    CHUNK,
    evaluate,
    evidence_lower_bound,
    final,
    mean_squared_error,
    squared_sum,
)

__all__ = [
    "CHUNK",
    "METRICS",
    "NEEDS",
    "Measured",
    "Metric",
    "evaluate",
    "evidence_lower_bound",
    "final",
    "mean_squared_error",
    "measure",
    "squared_sum",
]
