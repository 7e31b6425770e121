"""What every run reports, each number computed on whole sets, without dropout and without chance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from ae_core.compatibility import is_sparse
from ae_core.models import Autoencoder, Coded, sample
from ae_core.models.prior import log_normal
from ae_core.objectives import (
    READINGS,
    Batch,
    fixed_damage,
    imputes,
    kl_to_uniform,
    kl_to_unit_normal,
    log_likelihood_constant,
    look,
    observed,
    readings,
    reconstruction,
    terms,
    weight_terms,
)
from ae_core.pca import components, portions, principal, rebuilt, reference
from ae_core.spec import Categorical, NoMatching, RunSpec, Variational

CHUNK = 2048  # items at once: bounds the memory of a pass


def mean_squared_error(model: Autoencoder, x: Tensor) -> float:
    """Mean over items *and* features of (x_hat - x)^2, through the code's centre. x: (items, features).

    Of a masked autoencoder the mean over the entries that it was not shown, of ratings that over the observed ones.
    """
    seen, weights = judged(model, x)
    errors = 0.0
    for rows in _parts(x):
        squares = (model.rows(rows).reconstruct(seen[rows]) - x[rows]).square()
        errors += float((squares if weights is None else squares * weights[rows]).sum(dtype=torch.float64))
    return errors / x.numel()


def evaluate(model: Autoencoder, x: Tensor) -> dict[str, float]:
    """The objective's terms per item, its readings and `mse`, averaged over x. The model must be in evaluation mode.

    Items are seen undamaged, but by a masked autoencoder (see `judged`). What is a property of a batch is that of
    batches as large as those of training, so that its two sides can be compared.
    """
    sums: dict[str, float] = {}
    seen, weights = judged(model, x)
    judged_entries = entries(model.spec, x)
    for rows in _batches(model.spec, x):
        imposed = None if weights is None or not imputes(model.spec) else weights[rows]
        batch = look(model.rows(rows), x[rows], seen[rows], weights=imposed)
        found = {name: value.sum() for name, value in (terms(batch) | readings(batch)).items()}
        found["mse"] = squared_sum(batch, found["reconstruction"]) / judged_entries
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
    return {name: value / x.shape[0] for name, value in sums.items()}


def with_total(model: Autoencoder, means: dict[str, float], mse: float) -> dict[str, float]:
    """`loss`, the sum of all terms per item and of the penalties on the weights, then means, penalties and `mse`."""
    parts = {name: value for name, value in means.items() if name not in READINGS}
    parts |= {name: float(value) for name, value in weight_terms(model).items()}
    total = sum(parts[name] for name in sorted(parts))  # in one order, so that a resumed run has the same last bit
    return {"loss": total, **means, **parts, "mse": mse}


def chunks(model: Autoencoder, x: Tensor) -> Iterator[tuple[Autoencoder, Tensor]]:
    """x in parts that fit in memory, each with the model as it was told that part's classes."""
    for rows in _parts(x):
        yield model.rows(rows), x[rows]


def judged(model: Autoencoder, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """What the model is shown of the items when it is measured, and what each entry's error counts (see `shown`)."""
    return shown(model.spec, level(model), x)


def shown(spec: RunSpec, damaged: float, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """What a model is shown of the items when it is measured, and what each entry's error counts, 1 on average (None:
    1 each).

    A masked autoencoder is measured by how well it fills in a share `damaged` of the entries, always the same ones;
    on ratings only observed entries count.
    """
    if imputes(spec):
        done = fixed_damage(spec, damaged, x)
        return done.seen, done.weights
    return x, observed(x) * (x.shape[1] / entries(spec, x)) if spec.objective.observed_only else None


def level(model: Autoencoder) -> float:
    """How much of its input is damaged now."""
    return model.dials("objective_corruption_level")


def entries(spec: RunSpec, x: Tensor) -> float:
    """Numbers of an item that are judged, on average over x: all features, or those observed."""
    return max(int(x.count_nonzero()), 1) / len(x) if spec.objective.observed_only else float(x.shape[1])


def rival(spec: RunSpec, damaged: float, train: Tensor, val: Tensor) -> dict[str, float]:
    """`train_mse` and `val_mse` of PCA with the code's width: shown what the model is shown, judged where it is."""
    width = spec.model.code.latent_dim
    if not imputes(spec) and not spec.objective.observed_only:
        return reference(spec.data, spec.objective.reconstruction, width)
    found = components(train.numpy())
    errors = {}
    for name, x in (("train_mse", train), ("val_mse", val)):
        seen, weights = shown(spec, damaged, x)
        total = 0.0
        for rows in portions(x.numpy()):
            squares = torch.from_numpy(rebuilt(found, seen[rows].numpy(), width) - x[rows].numpy()).square()
            total += float((squares if weights is None else squares * weights[rows]).sum(dtype=torch.float64))
        errors[name] = total / x.numel()
    return errors


def squared_sum(batch: Batch, reconstruction: Tensor) -> Tensor:
    """Sum over a batch of (x_hat - x)^2, weighted as the batch says. For mse it is twice the reconstruction term, so
    nothing is computed again.
    """
    if batch.spec.objective.reconstruction == "mse":
        return 2 * reconstruction
    rebuilt = batch.model.of_item(batch.model.shown(batch.out.raw), batch.x)
    squares = (rebuilt - batch.x).square()
    return (squares if batch.weights is None else squares * batch.weights).sum()


def _batches(spec: RunSpec, x: Tensor) -> Iterator[slice]:
    """x in parts: as large as a batch of training, or a little larger, where a term belongs to a batch; else as fit in
    memory.
    """
    objective = spec.objective
    if isinstance(objective.matching, NoMatching) and objective.sparsity.kind == "none":
        yield from _parts(x)
        return
    count = max(1, len(x) // spec.training.batch_size)
    ends = [len(x) * part // count for part in range(count + 1)]
    yield from (slice(start, stop) for start, stop in pairwise(ends))


def _parts(x: Tensor) -> Iterator[slice]:
    for start in range(0, len(x), CHUNK):
        yield slice(start, start + CHUNK)


def evidence_lower_bound(
    spec: RunSpec, model: Autoencoder, x: Tensor, generator: torch.Generator
) -> tuple[float, float]:
    """(ELBO, KL) of a Gaussian or a categorical code in nats per item: E_q ln p(x|z) - KL(q || p(z)), at beta = 1
    always, also where several draws were weighed. p(z) is N(0, I), or what the run has learned in its place; of a
    categorical code all classes are alike.

    One draw of z an item. The ELBO is a bound of ln p(x), so usually negative; with mse the decoder is N(x_hat, I).
    Sources: Kingma and Welling 2014, eq. 3; Jang et al. 2017.
    """
    elbo = kl = 0.0
    for told, part in chunks(model, x):
        z, divergence = _drawn(told, told.encode(part), generator)
        likelihood = -reconstruction(model, told.decode_raw(z), part)
        elbo += float((likelihood - divergence).sum(dtype=torch.float64))
        kl += float(divergence.sum(dtype=torch.float64))
    return elbo / x.shape[0] - log_likelihood_constant(spec, entries(spec, x)), kl / x.shape[0]


def _drawn(model: Autoencoder, coded: Coded, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One exact draw of each item's code, (batch, latent), and KL(q || p), (batch,), nats."""
    if coded.logits is not None:
        chances = coded.logits.softmax(dim=-1)
        chosen = torch.multinomial(chances.flatten(0, 1), 1, generator=generator).reshape(chances.shape[:2])
        z = F.one_hot(chosen, chances.shape[-1]).to(chances.dtype).flatten(1)
        return z, kl_to_uniform(coded.logits).sum(dim=-1)
    if coded.mu is None or coded.log_var is None:
        raise TypeError("The evidence lower bound needs a Gaussian or a categorical code.")
    z = sample(coded.mu, coded.log_var, generator)
    if model.prior is None:
        return z, kl_to_unit_normal(coded.mu, coded.log_var).sum(dim=-1)
    return z, log_normal(z, coded.mu, coded.log_var).sum(dim=-1) - model.log_prior(z)


def final(
    spec: RunSpec,
    model: Autoencoder,
    train: Tensor,
    val: Tensor,
    train_labels: Tensor | None = None,
    val_labels: Tensor | None = None,
) -> dict[str, float]:
    """What a finished run reports: `train_mse`, `val_mse`, and for a Gaussian or a categorical code `val_elbo` and
    `val_kl`.

    Of a code that can rest at zero (`compatibility.is_sparse`) also `val_l0`, `val_dead_fraction` (see `activity`) and
    `val_explained_variance`, 1 - val_mse / variance, at most 1.

    Of a masked autoencoder also `val_mse_column_mean`, the error of the least clever way to fill in what is hidden: the
    training items' mean of each feature. Of a denoising one also what `denoised` gives.
    train_labels, val_labels: of all items of each side, for a conditional model.
    """
    on_train, on_val = model.given(train_labels), model.given(val_labels)
    found = {"train_mse": mean_squared_error(on_train, train), "val_mse": mean_squared_error(on_val, val)}
    if imputes(spec):
        weights = fixed_damage(spec, level(model), val).weights
        found["val_mse_column_mean"] = float(((train.mean(dim=0) - val).square() * weights).mean())
    elif spec.objective.corruption.kind != "none":
        found |= denoised(on_val, val)
    if isinstance(spec.model.code, Variational | Categorical):
        generator = torch.Generator().manual_seed(spec.training.seed)
        found["val_elbo"], found["val_kl"] = evidence_lower_bound(spec, on_val, val, generator)
    if is_sparse(spec):
        spread = float((val - val.mean(dim=0)).square().mean(dtype=torch.float64))
        found["val_explained_variance"] = 1 - found["val_mse"] / max(spread, 1e-300)
        found["val_l0"], found["val_dead_fraction"] = activity(on_val, val)
    return found


def denoised(model: Autoencoder, val: Tensor) -> dict[str, float]:
    """How far damaged items lie from the clean ones: `val_mse_damaged` as they come, `val_mse_denoised` repaired by the
    model, and `val_mse_denoised_pca` after PCA with the code's width, fitted to clean training items.

    Means over items and features. The damage is as strong as it is at this moment of the run, and always the same.
    Source: Vincent et al. 2008, whose aim is the clean item.
    """
    spec, seen = model.spec, fixed_damage(model.spec, level(model), val).seen
    repaired = torch.cat([told.reconstruct(part) for told, part in chunks(model, seen)])
    axes = principal(spec.data, spec.objective.reconstruction)
    by_pca = rebuilt(axes, seen.numpy(), spec.model.code.latent_dim)
    return {
        "val_mse_damaged": float((seen - val).square().mean(dtype=torch.float64)),
        "val_mse_denoised": float((repaired - val).square().mean(dtype=torch.float64)),
        "val_mse_denoised_pca": float((torch.from_numpy(by_pca) - val).square().mean(dtype=torch.float64)),
    }


def activity(model: Autoencoder, x: Tensor) -> tuple[float, float]:
    """(L0, dead fraction) on x: numbers of a code that are not zero, mean over items; share of them that never are."""
    active = torch.cat([told.encode(part).centre != 0 for told, part in chunks(model, x)])
    return float(active.sum(dim=1).double().mean()), float(1 - active.any(dim=0).double().mean())
