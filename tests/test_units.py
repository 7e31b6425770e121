"""Other people's numbers in our units."""

from __future__ import annotations

import pytest
import torch

from ae_core.objectives import kl_to_unit_normal
from ae_core.units import beta_of


@pytest.mark.parametrize(
    ("weight", "features", "averaged_over", "beta"),
    [
        (0.00025, 3 * 64 * 64, 1, 1.54),  # PyTorch-VAE on CelebA
        (0.1, 3 * 32 * 32, 256, 0.6),  # lightning-bolts on CIFAR-10
        (1.0, 784, 1, 392),  # a mean over pixels beside a summed KL
    ],
)
def test_known_settings_become_the_known_beta(weight: float, features: int, averaged_over: int, beta: float) -> None:
    """Published defaults come out as the beta that they really are."""
    assert beta_of(weight, features, averaged_over) == pytest.approx(beta, abs=0.005)


@pytest.mark.parametrize("averaged", [False, True])
def test_both_losses_have_the_same_gradient_but_for_one_factor(averaged: bool) -> None:
    """The other loss times features / 2 is this one at the converted beta, to the last term."""
    chance = torch.Generator().manual_seed(1)
    x, x_hat = torch.rand(8, 30, generator=chance), torch.rand(8, 30, generator=chance)
    mu, log_var = torch.randn(8, 5, generator=chance), torch.randn(8, 5, generator=chance)
    kl = kl_to_unit_normal(mu, log_var).sum(dim=-1)
    over = 5 if averaged else 1
    theirs = (x - x_hat).square().mean() + 0.01 * kl.mean() / over
    ours = 0.5 * (x - x_hat).square().sum(dim=-1).mean() + beta_of(0.01, 30, over) * kl.mean()
    torch.testing.assert_close(theirs * 30 / 2, ours)
