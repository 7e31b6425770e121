"""What is shown of a model while it learns: a fixed set of items, and what the model makes of them.

`introduction` names what never changes, `arrays` what each snapshot holds. All arrays are NumPy, pixels are bytes.

introduction: `item_ids` i4 (items,), rows of the dataset; `labels` i2 (items,), -1 where there are none; `colour` f4
(items,) for continuous positions; `is_val` u1; `originals` u1 (shown, h, w, c) or f4 (shown, features);
`original_labels` i2; `original_index` i4, the row among the items; for points `cloud` f4 (items, features),
`cloud_labels`, `cloud_colour`.
Items of points, tables and series are shown as they are scaled for training, so that their features can be compared.
snapshot: `latent` f4 (items, 1..3); `reconstructions` like originals; `corrupted` like originals for a denoising run;
`cloud_out` f4; `units.encoder`, `units.decoder` u1 or f4, each unit's weights with 128 or 0 for zero, like originals
or, for a convolutional network, its kernels u1 (units, side, side, c);
`layers.weight_norm` f4, `layers.dead` f4, the share of units that answer no item (NaN where no unit can be dead);
`kl.dimensions` f4 (latent,), nats, of a categorical code or a Gaussian one with the normal prior;
`code.use` f4, the share of choices that fell on each entry of a codebook (entries,) or class (choices, classes);
`code.entries` f4 (entries, 1..3), a codebook that can be drawn where `latent` is;
`code.activity` f4 (latent,), of a code that can rest: the share of items for which each number is not zero, or, of a
sigmoid code, its mean;
`latent.spread` f4 (shown, 1..3), standard deviations of the clouds of the items shown, along the axes of `latent`;
`item_error` f4 (shown,), mean squared error.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ae_core.compatibility import code_width, features, gradients_of, output_of
from ae_core.data import Split
from ae_core.models import Autoencoder
from ae_core.models.quantised import QuantisedCode
from ae_core.objectives import READINGS, corrupt, kl_to_uniform, kl_to_unit_normal, observed
from ae_core.pca import project
from ae_core.sizes import item_products, layers, parameter_count
from ae_core.spec import Code, Feedforward, KSparse, RunSpec, Sequence, Variational

MOST_ITEMS, LEAST_ITEMS = 2000, 300
ITEM_BUDGET = 1.2e8  # operations that a snapshot may spend on codes: about 1.5 ms of one core
MOST_SHOWN = 48
MOST_UNITS = 24
PROBED = 128  # items on which dead units are looked for, those shown among them
DRAWN_CODE = 3  # widest code that is drawn as it is; wider ones are projected on PROJECTED axes
PROJECTED = 2


class Exhibition:
    """The fixed items of one run, and the pictures that a model makes of them."""

    def __init__(self, spec: RunSpec, split: Split) -> None:
        self.spec, self.split = spec, split
        labels = _joined(split.val_labels, split.train_labels)
        colour = _joined(split.val_colour, split.train_colour)
        encoder = sum(layer.products for layer in layers(spec) if layer.name.startswith(("encoder", "code")))
        every = len(split.val) + len(split.train)
        count = min(every, max(LEAST_ITEMS, min(MOST_ITEMS, int(ITEM_BUDGET / (2 * encoder)))))
        from_val = min(len(split.val), max(count // 2, count - len(split.train)))
        rows = np.concatenate([np.arange(from_val), len(split.val) + np.arange(count - from_val)])
        self.items = torch.from_numpy(np.concatenate([split.val[:from_val], split.train[: count - from_val]]))
        self.is_val = (rows < len(split.val)).astype(np.uint8)
        self.ids = np.concatenate([split.val_index, split.train_index])[rows].astype(np.int32)
        self.labels = np.full(count, -1, np.int16) if labels is None else labels[rows].astype(np.int16)
        self.known = torch.from_numpy(self.labels.astype(np.int64))  # told to a conditional model
        self.colour = None if colour is None else colour[rows].astype(np.float32)
        self.shown = _one_of_each(self.labels[:from_val], MOST_SHOWN)
        corruption, noise = spec.objective.corruption, torch.Generator().manual_seed(spec.training.seed)
        self.damaged = None
        if corruption.kind != "none":
            self.damaged = corrupt(self.items[self.shown], corruption.kind, corruption.level, noise)
        others = np.setdiff1d(np.arange(count), self.shown)[: max(PROBED - len(self.shown), 0)]
        self.probed = np.concatenate([self.shown, others])  # rows of one pass, for reconstructions and dead units
        self.seen = self.items[self.probed]
        if self.damaged is not None:
            self.seen[: len(self.shown)] = self.damaged

    def introduction(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What never changes: facts for the header, and arrays."""
        spec, split = self.spec, self.split
        arrays = {
            "labels": self.labels,
            "is_val": self.is_val,
            "item_ids": self.ids,
            "originals": self._pictured(self.items[self.shown]),
            "original_labels": self.labels[self.shown],
            "original_index": self.shown.astype(np.int32),
        }
        if self.colour is not None:
            arrays["colour"] = self.colour
        if split.form == "points":
            arrays |= {"cloud": self.items.numpy(), "cloud_labels": self.labels}
            if self.colour is not None:
                arrays["cloud_colour"] = self.colour
        facts = {
            "data": spec.data.kind,
            "form": split.form,
            "shape": list(split.shape),
            "label_names": list(split.label_names),
            "feature_names": list(split.feature_names),
            "latent_dim": spec.model.code.latent_dim,
            "projection": "none" if code_width(spec) <= DRAWN_CODE else "pca",
            "code": spec.model.code.kind,
            "parameters": parameter_count(spec),
            "epochs": spec.training.epochs,
            "output": output_of(spec),
            "layers": [layer.name for layer in layers(spec)],
            "reconstruction": spec.objective.reconstruction,
            "corrupted": self.damaged is not None,
            "gradients": gradients_of(spec),
            "readings": [name for name, reading in READINGS.items() if reading.applies(spec)],
            "activity_target": getattr(spec.objective.sparsity, "target", None),
        }
        return facts, arrays

    @torch.inference_mode()
    def arrays(self, model: Autoencoder) -> dict[str, np.ndarray]:
        """What the model, in evaluation mode, makes of the items now."""
        originals, told = self.items[self.shown], model.given(self.known)
        layers: dict[str, Tensor] = {}
        rebuilt = model.given(self.known[self.probed]).reconstruct(self.seen, layers)[: len(self.shown)]
        codes = told.encode(self.items)
        found = {
            "latent": _drawable(codes.centre.numpy()),
            "reconstructions": self._pictured(rebuilt),
            "item_error": self._error(rebuilt, originals).numpy(),
        }
        if self.damaged is not None:
            found["corrupted"] = self._pictured(self.damaged)
        if self.split.form == "points":
            found["cloud_out"] = told.reconstruct(self.items).numpy()
        normal = isinstance(self.spec.model.code, Variational) and model.prior is None
        if normal and codes.mu is not None and codes.log_var is not None:
            found["kl.dimensions"] = kl_to_unit_normal(codes.mu, codes.log_var).mean(dim=0).numpy()
        if codes.logits is not None:
            found["kl.dimensions"] = kl_to_uniform(codes.logits).mean(dim=0).numpy()
            found["code.use"] = codes.z.reshape(codes.logits.shape).mean(dim=0).numpy()
        if isinstance(model.code, QuantisedCode) and codes.chosen is not None:
            found["code.use"] = model.code.use(codes.chosen).numpy()
            if codes.chosen.shape[1] == 1 and model.code.width <= DRAWN_CODE:
                found["code.entries"] = model.code.codebook.numpy()
        if codes.log_var is not None and code_width(self.spec) <= DRAWN_CODE:
            found["latent.spread"] = (0.5 * codes.log_var[self.shown]).exp().numpy()
        if (activity := _activity(self.spec.model.code, codes.centre)) is not None:
            found["code.activity"] = activity.numpy()
        found = {name: np.nan_to_num(array) for name, array in found.items()}  # of a model that is about to diverge
        return found | self._units(model) | self._layers(model, layers)

    def _error(self, rebuilt: Tensor, originals: Tensor) -> Tensor:
        """Mean squared error of each item, of ratings over those that it has."""
        squares = (rebuilt - originals).square()
        if not self.spec.objective.observed_only:
            return squares.mean(dim=-1)
        known = observed(originals)
        return (squares * known).sum(dim=-1) / known.sum(dim=-1).clamp(min=1)

    def _pictured(self, x: Tensor) -> np.ndarray:
        """(n, features) -> bytes (n, h, w, c) for images, else the items as they are scaled for training."""
        return as_pictures(x.numpy(), self.split) if self.split.form == "image" else x.numpy()

    def _units(self, model: Autoencoder) -> dict[str, np.ndarray]:
        """Weights into the first layer's units and out of the last layer's, each scaled by its own largest; none of a
        recurrent network, whose units see one step at a time.
        """
        sides = outer_weights(model)
        if sides is None:
            return {}
        found = {}
        for name, matrix in zip(("units.encoder", "units.decoder"), sides, strict=True):
            shape = self.split.shape if matrix.ndim == 2 else tuple(matrix.shape[1:])
            units = np.nan_to_num(matrix[:MOST_UNITS].flatten(1).numpy())
            units = units / np.maximum(np.abs(units).max(axis=1, keepdims=True), 1e-12)
            if self.split.form == "image":
                found[name] = (128 + 127 * units).astype(np.uint8).reshape(-1, *shape)
            else:
                found[name] = units.astype(np.float32)
        return found

    def _layers(self, model: Autoencoder, answers: dict[str, Tensor]) -> dict[str, np.ndarray]:
        """Norm of each weight matrix, and the share of units that are silent on every probed item (ReLU only).
        answers: of every layer to the probed items.
        """
        norms = np.nan_to_num(np.array([float(matrix.norm()) for _, matrix in model.matrices()], np.float32))
        dead = np.full(len(norms), np.nan, np.float32)
        if isinstance(self.spec.model, Feedforward) and self.spec.model.activation == "relu":
            names = [name for name, _ in model.matrices()]
            for name, hidden in answers.items():
                silent = (hidden <= 0).transpose(0, 1).flatten(1).all(dim=1)  # a feature map is one unit
                dead[names.index(name)] = float(silent.float().mean())
        return {"layers.weight_norm": norms, "layers.dead": dead}


def as_pictures(x: np.ndarray, split: Split) -> np.ndarray:
    """Scaled images (n, features) as they are seen: bytes (n, h, w, c). Shares are as bright as can be."""
    values = split.scaling.undo(x) if split.scaling.kind != "none" else x
    if split.scaling.kind == "distribution":
        values = values / np.maximum(values.max(axis=1, keepdims=True), 1e-12)
    safe: np.ndarray = np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=0.0)
    return (safe.clip(0, 1) * 255 + 0.5).astype(np.uint8).reshape(-1, *split.shape)


def outer_weights(model: Autoencoder) -> tuple[Tensor, Tensor] | None:
    """Weights into the first layer's units, and out of the units before the output: (units, features), or of feature
    maps kernels (units, side, side, channels). None of a recurrent network, whose units see one step at a time.
    """
    if isinstance(model.spec.model, Sequence):
        return None
    matrices = [matrix for _, matrix in model.matrices()]
    into, out = matrices[0], matrices[-1].transpose(0, 1)
    if into.ndim == 2:
        into = into[:, : features(model.spec)]  # without the classes that a conditional network is told
    return _last_channels(into), _last_channels(out)


def _last_channels(matrix: Tensor) -> Tensor:
    return matrix.permute(0, 2, 3, 1) if matrix.ndim == 4 else matrix


def snapshot_flops(spec: RunSpec) -> float:
    """About how many operations one snapshot costs."""
    return 2 * ITEM_BUDGET + 2.0 * PROBED * item_products(spec)


def _drawable(codes: np.ndarray) -> np.ndarray:
    """Codes of up to three numbers as they are; wider ones on their first two principal axes."""
    if codes.shape[1] <= DRAWN_CODE:
        return np.ascontiguousarray(codes)
    if not np.isfinite(codes).all():
        return np.zeros((len(codes), PROJECTED), np.float32)
    return project(codes.astype(np.float64), PROJECTED).astype(np.float32)  # squares of large codes leave float32


def _activity(code: Code, z: Tensor) -> Tensor | None:
    """How active each number of a code (items, latent) is, (latent,); None of a code that never rests."""
    bend = getattr(code, "activation", "")
    if isinstance(code, KSparse) or bend == "relu":
        return (z != 0).float().mean(dim=0)
    return z.mean(dim=0) if bend == "sigmoid" else None


def _joined(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.concatenate([first, second])


def _one_of_each(labels: np.ndarray, most: int) -> np.ndarray:
    """Rows of up to `most` items, going round the classes in turn."""
    turn = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    return np.sort(np.lexsort((labels, turn))[:most])


def log_spaced(goal: int, count: int) -> tuple[int, ...]:
    """Up to `count` steps from 1 to goal, denser at the start, the last always among them."""
    if count < 2 or goal < 2:
        return (goal,)
    return tuple(sorted({round(math.exp(math.log(goal) * i / (count - 1))) for i in range(count)}))
