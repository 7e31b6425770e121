"""Dense layers down to the code, and their mirror image up again."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from ae_core.compatibility import classes, features
from ae_core.models.blocks import Dense, Hidden, Kit, through
from ae_core.spec import MLP


class DenseEncoder(nn.ModuleList):
    """(batch, features, and the one-hot class if conditional) -> (batch, width of the last hidden layer)."""

    def __init__(self, kit: Kit) -> None:
        sizes = (features(kit.spec) + classes(kit.spec), *cast(MLP, kit.spec.model).hidden)
        pairs = list(zip(sizes, sizes[1:], strict=False))
        super().__init__([Hidden(Dense(a, b, kit.spec.model.bias, kit.init), b, kit) for a, b in pairs])
        self.width = sizes[-1]

    def forward(self, x: Tensor, layers: dict[str, Tensor] | None = None) -> Tensor:
        """Hidden activations are written into `layers` if it is given."""
        return through(self, x, layers, "encoder")


class DenseDecoder(nn.ModuleList):
    """(batch, latent, and the one-hot class if conditional) -> (batch, width of the first hidden layer)."""

    def forward(self, z: Tensor, layers: dict[str, Tensor] | None = None, taught: Tensor | None = None) -> Tensor:
        """Hidden activations are written into `layers` if it is given. Nothing is looked at while decoding."""
        return through(self, z, layers, "decoder")


def dense_decoder(kit: Kit, encoder: nn.Module, code: nn.Module) -> tuple[DenseDecoder, Dense]:
    """The decoder and the last layer; tied layers use the transposed weights of their twins."""
    model = cast(MLP, kit.spec.model)
    sizes = (cast(int, code.width) + classes(kit.spec), *reversed(model.hidden), features(kit.spec))
    twins: list[Dense | None] = [None] * (len(sizes) - 1)
    if model.tied:
        twins = [cast(Dense, code.dense), *(cast(Hidden, block).dense for block in reversed(list(encoder.children())))]
    layers = [Dense(a, b, model.bias, kit.init, twin) for a, b, twin in zip(sizes, sizes[1:], twins, strict=False)]
    blocks = [Hidden(layer, width, kit) for layer, width in zip(layers[:-1], sizes[1:-1], strict=True)]
    return DenseDecoder(blocks), layers[-1]
