"""What every run reports, each number computed on whole sets, without dropout and without chance."""

from __future__ import annotations

import torch
from torch import Tensor

from ae_core.models import OUTPUTS, Autoencoder, sample
from ae_core.objectives import Batch, kl_to_unit_normal, log_likelihood_constant, look, reconstruction, terms
from ae_core.spec import RunSpec, Variational

CHUNK = 2048  # items at once: bounds the memory of a pass


def mean_squared_error(model: Autoencoder, x: Tensor) -> float:
    """Mean over items *and* features of (x_hat - x)^2, through the code's centre. x: (items, features)."""
    errors = [float((model.reconstruct(part) - part).square().sum(dtype=torch.float64)) for part in _chunks(x)]
    return sum(errors) / x.numel()


def evaluate(model: Autoencoder, x: Tensor) -> dict[str, float]:
    """The objective's terms per item and `mse`, averaged over x. The model must be in evaluation mode."""
    sums: dict[str, float] = {}
    for part in _chunks(x):
        batch = look(model, part)
        found = {name: value.sum() for name, value in terms(batch).items()}
        found["mse"] = squared_sum(batch, found["reconstruction"]) / x.shape[1]
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
    return {name: value / x.shape[0] for name, value in sums.items()}


def _chunks(x: Tensor) -> tuple[Tensor, ...]:
    return torch.split(x, CHUNK)


def squared_sum(batch: Batch, reconstruction: Tensor) -> Tensor:
    """Sum over a batch of (x_hat - x)^2. For mse it is twice the reconstruction term, so nothing is computed again."""
    if batch.spec.objective.reconstruction == "mse":
        return 2 * reconstruction
    return (OUTPUTS[batch.model.output](batch.out.raw) - batch.x).square().sum()


def evidence_lower_bound(
    spec: RunSpec, model: Autoencoder, x: Tensor, generator: torch.Generator
) -> tuple[float, float]:
    """(ELBO, KL) of a Gaussian code in nats per item: E_q ln p(x|z) - KL(q || N(0, I)), at beta = 1 always.

    One draw of z an item. The ELBO is a bound of ln p(x), so usually negative; with mse the decoder is N(x_hat, I).
    Source: Kingma and Welling 2014, eq. 3.
    """
    elbo = kl = 0.0
    for part in _chunks(x):
        coded = model.encode(part)
        if coded.mu is None or coded.log_var is None:
            raise TypeError("The evidence lower bound needs a Gaussian code.")
        raw = model.decode_raw(sample(coded.mu, coded.log_var, generator))
        divergence = kl_to_unit_normal(coded.mu, coded.log_var).sum(dim=-1)
        likelihood = -reconstruction(model, raw, part)
        elbo += float((likelihood - divergence).sum(dtype=torch.float64))
        kl += float(divergence.sum(dtype=torch.float64))
    return elbo / x.shape[0] - log_likelihood_constant(spec, x.shape[1]), kl / x.shape[0]


def final(spec: RunSpec, model: Autoencoder, train: Tensor, val: Tensor) -> dict[str, float]:
    """What a finished run reports: `train_mse`, `val_mse`, and for a Gaussian code `val_elbo` and `val_kl`."""
    found = {"train_mse": mean_squared_error(model, train), "val_mse": mean_squared_error(model, val)}
    if isinstance(spec.model.code, Variational):
        generator = torch.Generator().manual_seed(spec.training.seed)
        found["val_elbo"], found["val_kl"] = evidence_lower_bound(spec, model, val, generator)
    return found
