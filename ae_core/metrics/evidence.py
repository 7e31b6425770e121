"""What metrics look at: items kept aside, and what a model makes of them. Also what PCA makes of the same items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ae_core.compatibility import code_bits, has_stars
from ae_core.data import Split, prepare
from ae_core.data.columns import Span
from ae_core.data.worlds import WORLDS, World, whole_grid
from ae_core.metrics.reported import chunks, judged
from ae_core.models import Autoencoder
from ae_core.pca import Components, portions, principal
from ae_core.spec import Categorical, Code, Quantised, RunSpec

Value = TypeVar("Value")
Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Evidence:
    """Items are scaled as for training. n items are kept aside; k is the width of the code.

    x: (n, features), and z: (n, k), the code's centre. seen, x_hat: (n, features), what the model was shown for its
    reconstructions, and these; only a masked autoencoder is not shown x itself, and weights: (n, features) then tells
    what each entry's error counts. train_x, train_z: of the items learned from, on which probes are fitted.
    decode: (m, k) and their labels -> (m, features). principal: the training items' components. shape: of one item.
    bits: of one item's code. slot: numbers that are chosen together in a code made of choices. peak: width of the range
    in which all numbers of a picture lie, None where there is none. labels: (n,). log_var: (n, k) of a Gaussian code,
    whose mean is z. logits: (n, features) where the output is a sigmoid. model: told the labels if it is conditional.
    world: where items can be drawn from known factors, and grid: (size, k), their codes, when they are asked for.
    hidden: (n, features), entries that were kept from the model too, in the data's own units, 0 elsewhere; own: from
    scaled items to these units; stars: whether an entry is an opinion, and not only that there is one. spans: of a
    table, which features are numbers, binary, or a category together.
    """

    x: Array
    seen: Array
    x_hat: Array
    z: Array
    train_x: Array
    train_z: Array
    decode: Callable[[Array, Array | None], Array]
    principal: Components
    shape: tuple[int, ...]
    bits: float
    slot: int | None = None
    seed: int = 0
    weights: Array | None = None
    peak: float | None = None
    labels: Array | None = None
    train_labels: Array | None = None
    log_var: Array | None = None
    logits: Array | None = None
    model: Autoencoder | None = None
    world: World | None = None
    grid: Callable[[], Array] | None = None
    hidden: Array | None = None
    own: Callable[[Array], Array] = np.asarray
    stars: bool = False
    spans: tuple[Span, ...] = ()
    _known: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def random(self) -> np.random.Generator:
        """Chance, afresh from the seed each time, so that no metric depends on what was measured before it."""
        return np.random.default_rng(self.seed)

    def once(self, make: Callable[[Evidence], Value]) -> Value:
        """What that function makes of this evidence, made the first time only."""
        if make not in self._known:
            self._known[make] = make(self)
        return self._known[make]  # type: ignore[no-any-return]

    def at_most(self, count: int | None) -> Evidence:
        """The same with at most so many items on each side, drawn by the seed: for what grows with their square."""
        if count is None or (len(self.x) <= count and len(self.train_x) <= count):
            return self
        held, trained = _drawn(self, len(self.x), count), _drawn(self, len(self.train_x), count)
        return replace(
            self,
            x=self.x[held],
            seen=self.seen[held],
            x_hat=self.x_hat[held],
            z=self.z[held],
            weights=_rows(self.weights, held),
            labels=_rows(self.labels, held),
            hidden=_rows(self.hidden, held),
            log_var=_rows(self.log_var, held),
            logits=_rows(self.logits, held),
            train_x=self.train_x[trained],
            train_z=self.train_z[trained],
            train_labels=_rows(self.train_labels, trained),
            model=self.model and self.model.given(_tensor(_rows(self.labels, held))),
            _known={},
        )


def gather(model: Autoencoder, spec: RunSpec) -> Evidence:
    """The evidence of a model in evaluation mode, on the items that `spec` keeps aside."""
    split = prepare(spec.data, spec.objective.reconstruction)
    told = model.given(_tensor(split.val_labels))
    seen, weights = judged(told, torch.from_numpy(split.val))
    z, log_var, raw = _passed(told, split.val)
    if weights is not None:
        raw = _passed(told, seen.numpy())[2]
    world = WORLDS.get(spec.data.kind)

    def encode(x: Array, labels: Array | None) -> Array:
        with torch.inference_mode():
            parts = chunks(model.given(_tensor(labels)), torch.from_numpy(np.ascontiguousarray(x)))
            return torch.cat([told.encode(part).centre for told, part in parts]).numpy()

    def decode(codes: Array, labels: Array | None) -> Array:
        named = model.given(_tensor(labels))
        with torch.inference_mode():
            parts = chunks(named, torch.from_numpy(codes.astype(np.float32)))
            return torch.cat([part_model.decode(part) for part_model, part in parts]).numpy()

    return Evidence(
        x=split.val,
        seen=seen.numpy(),
        x_hat=model.of_item(model.shown(torch.from_numpy(raw)), seen).numpy(),
        z=z,
        train_x=split.train,
        train_z=encode(split.train, split.train_labels),
        decode=decode,
        principal=principal(spec.data, spec.objective.reconstruction),
        shape=split.shape,
        bits=code_bits(model.spec),
        slot=SLOTS.get(type(model.spec.model.code), lambda _: None)(model.spec.model.code),
        seed=spec.training.seed,
        weights=None if weights is None else weights.numpy(),
        peak=_peak(split),
        labels=split.val_labels,
        train_labels=split.train_labels,
        log_var=log_var,
        logits=raw if model.output == "sigmoid" else None,
        model=told,
        hidden=split.val_hidden,
        spans=model.spans,
        own=split.scaling.undo,
        stars=has_stars(spec),
        world=world,
        grid=lambda: encode(split.scaling.apply(whole_grid(spec.data.kind)), None if world is None else world.labels()),
    )


def rival(evidence: Evidence, spec: RunSpec) -> Evidence:
    """What PCA with as many numbers as the code makes of the same items."""
    width = spec.model.code.latent_dim
    axes, mean = evidence.principal.axes[:, :width], evidence.principal.mean
    scaling = prepare(spec.data, spec.objective.reconstruction).scaling

    def encode(x: Array) -> Array:
        return np.concatenate([(x[rows] - mean) @ axes for rows in portions(x)])

    def decode(z: Array, _: Array | None) -> Array:
        return np.asarray(z @ axes.T + mean)

    return replace(
        evidence,
        x_hat=decode(encode(evidence.seen), None),
        z=encode(evidence.x),
        train_z=encode(evidence.train_x),
        decode=decode,
        bits=32.0 * axes.shape[1],
        slot=None,
        log_var=None,
        logits=None,
        model=None,
        grid=lambda: encode(scaling.apply(whole_grid(spec.data.kind))),
        _known={},
    )


SLOTS: dict[type[Code], Callable[[Any], int]] = {
    Quantised: lambda code: code.latent_dim // code.slots,
    Categorical: lambda code: code.classes,
}
"""Codes made of choices, and how many numbers stand for one choice."""


def _passed(model: Autoencoder, x: Array) -> tuple[Array, Array | None, Array]:
    """Centres, log variances where there are any, and raw outputs, portion by portion."""
    centres, spreads, raws = [], [], []
    with torch.inference_mode():
        for part_model, part in chunks(model, torch.from_numpy(np.ascontiguousarray(x))):
            coded = part_model.encode(part)
            centres.append(coded.centre)
            raws.append(part_model.decode_raw(coded.centre))
            if coded.mu is not None and coded.log_var is not None:
                spreads.append(coded.log_var)
    return (
        torch.cat(centres).numpy(),
        torch.cat(spreads).numpy() if spreads else None,
        torch.cat(raws).numpy(),
    )


def _peak(split: Split) -> float | None:
    """Of pictures in their own range; a distribution's bound of 1 is never come near, so it is no peak."""
    bounds = split.scaling.bounds
    return None if bounds is None or split.scaling.kind == "distribution" else bounds[1] - bounds[0]


def _drawn(evidence: Evidence, have: int, count: int) -> Array:
    return np.sort(evidence.random.permutation(have)[:count])


def _tensor(labels: Array | None) -> Tensor | None:
    return None if labels is None else torch.from_numpy(labels)


def _rows(values: Array | None, rows: Array) -> Array | None:
    return None if values is None else values[rows]
