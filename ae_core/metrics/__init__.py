"""How good a trained model is, in numbers.

`reported` holds what every run tells of itself while it trains and when it is finished, which is cheap.
"""

from ae_core.metrics.reported import (
    CHUNK,
    evaluate,
    evidence_lower_bound,
    final,
    mean_squared_error,
    squared_sum,
)

__all__ = ["CHUNK", "evaluate", "evidence_lower_bound", "final", "mean_squared_error", "squared_sum"]
