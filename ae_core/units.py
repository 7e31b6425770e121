"""What other people's numbers are in the units used here: nats, sums over features and over the code."""

from __future__ import annotations


def beta_of(weight: float, features: int, averaged_over: int = 1) -> float:
    """The beta that pulls as strongly as a weight on the KL does beside the squared error averaged over features.

    Here the loss is half the squared error summed over features, plus beta times the KL summed over the code. Elsewhere
    it is often mean((x - x')^2) + weight * KL; multiplied by features / 2 the two are the same, so that
    beta = weight * features / 2. averaged_over: how many numbers of the code the other KL is averaged over, 1 where it
    is summed.
    """
    return weight * features / (2 * averaged_over)
