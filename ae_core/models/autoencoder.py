"""The autoencoder as every other room sees it, and `build`, which makes one from a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from ae_core.compatibility import features, output_of
from ae_core.models.blocks import Dense, Dropout, Hidden
from ae_core.models.code import CODES, Coded
from ae_core.spec import RunSpec

OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda raw: raw,
    "sigmoid": torch.sigmoid,
    "softmax": lambda raw: torch.softmax(raw, dim=-1),
}


@dataclass(frozen=True)
class Pass:
    """One pass through the network. raw: (batch, features), before the output's shape; losses work on it.

    layers: every hidden activation by name (`encoder.0` ... `decoder.0` ...), (batch, width) each.
    """

    raw: Tensor
    coded: Coded
    layers: dict[str, Tensor] = field(default_factory=dict)


class Autoencoder(nn.Module):
    """Encoder, code, mirrored decoder. (batch, features) in and out."""

    def __init__(self, spec: RunSpec, init: torch.Generator, chance: torch.Generator) -> None:
        super().__init__()
        model, size = spec.model, features(spec)
        down = (size, *model.hidden)
        up = (model.code.latent_dim, *reversed(down))

        def hidden(dense: Dense, width: int) -> Hidden:
            return Hidden(dense, width, model.activation, model.batch_norm, Dropout(model.dropout, chance))

        encoders = [Dense(a, b, model.bias, init) for a, b in zip(down, down[1:], strict=False)]
        self.encoder = nn.ModuleList([hidden(dense, dense.weight.shape[0]) for dense in encoders])
        self.code = CODES[type(model.code)](down[-1], model.code, model.bias, init, chance)
        head = cast(Dense, self.code.dense)
        mirrored: list[Dense | None] = [head, *reversed(encoders)] if model.tied else [None] * (len(up) - 1)
        decoders = [Dense(a, b, model.bias, init, twin) for a, b, twin in zip(up, up[1:], mirrored, strict=False)]
        self.decoder = nn.ModuleList([hidden(dense, up[i + 1]) for i, dense in enumerate(decoders[:-1])])
        self.last = decoders[-1]
        self.output = output_of(spec)

    def forward(self, x: Tensor) -> Pass:
        layers: dict[str, Tensor] = {}
        coded = self.encode(x, layers)
        return Pass(self.decode_raw(coded.z, layers), coded, layers)

    def encode(self, x: Tensor, layers: dict[str, Tensor] | None = None) -> Coded:
        """(batch, features) -> codes. Hidden activations are written into `layers` if it is given."""
        for i, block in enumerate(self.encoder):
            x = block(x)
            if layers is not None:
                layers[f"encoder.{i}"] = x
        return self.code(x)  # type: ignore[no-any-return]

    def decode_raw(self, z: Tensor, layers: dict[str, Tensor] | None = None) -> Tensor:
        """(batch, latent) -> (batch, features), before the output's shape."""
        for i, block in enumerate(self.decoder):
            z = block(z)
            if layers is not None:
                layers[f"decoder.{i}"] = z
        return self.last(z)  # type: ignore[no-any-return]

    def decode(self, z: Tensor) -> Tensor:
        """(batch, latent) -> reconstructions (batch, features)."""
        return OUTPUTS[self.output](self.decode_raw(z))

    def reconstruct(self, x: Tensor) -> Tensor:
        """(batch, features) -> (batch, features), through the code's centre."""
        return self.decode(self.encode(x).centre)

    def matrices(self) -> Iterator[tuple[str, Tensor]]:
        """Every weight matrix (outputs, inputs) by its layer's name, from input to output."""
        for i, block in enumerate(self.encoder):
            yield f"encoder.{i}", cast(Hidden, block).dense.matrix
        yield "code", cast(Dense, self.code.dense).matrix
        for i, block in enumerate(self.decoder):
            yield f"decoder.{i}", cast(Hidden, block).dense.matrix
        yield "output", self.last.matrix

    def weights(self) -> list[nn.Parameter]:
        """The matrices that are learned: what weight decay and weight L1 act on, never biases or scales."""
        return [part for name, part in self.named_parameters() if name.endswith("weight") and part.ndim == 2]


def build(spec: RunSpec, init: torch.Generator, chance: torch.Generator) -> Autoencoder:
    """The network that the spec describes. init: draws the first weights. chance: drives dropout and sampling."""
    return Autoencoder(spec, init, chance)
