"""Blocks of convolutions that halve a picture's sides down to the code, and blocks that double them up again.

Pictures come and go flat, (batch, h * w * c), row by row with the colours of a pixel together. That is PyTorch's
`channels_last` memory, so a picture becomes feature maps without being copied, and convolutions run faster on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ae_core.models.blocks import ACTIVATIONS, Dense, Dropout, Kit, through
from ae_core.sizes import picture_sizes
from ae_core.spec import Conv

Size = tuple[int, int, int]  # height, width, channels


def as_maps(x: Tensor, size: Size) -> Tensor:
    """(batch, h * w * c) -> (batch, c, h, w), the same memory."""
    return x.reshape(-1, *size).permute(0, 3, 1, 2)


def as_items(maps: Tensor) -> Tensor:
    """(batch, c, h, w) -> (batch, h * w * c)."""
    return maps.permute(0, 2, 3, 1).flatten(1)


def kernels(shape: tuple[int, ...], inputs: int, biases: int, kit: Kit) -> tuple[nn.Parameter, nn.Parameter | None]:
    """Weights and biases with PyTorch's usual start, U(-1/sqrt(inputs), 1/sqrt(inputs)). inputs: numbers that each
    output looks at.
    """
    bound = 1 / math.sqrt(inputs)
    weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=kit.init))
    if not kit.spec.model.bias:
        return weight, None
    return weight, nn.Parameter(torch.empty(biases).uniform_(-bound, bound, generator=kit.init))


class Halving(nn.Module):
    """A convolution with stride 2: (batch, c, h, w) -> (batch, channels, h / 2, w / 2), sides rounded up."""

    def __init__(self, before: Size, after: Size, kit: Kit) -> None:
        super().__init__()
        self.before, self.after = before, after
        side = cast(Conv, kit.spec.model).kernel
        self.weight, self.bias = kernels((after[2], before[2], side, side), before[2] * side**2, after[2], kit)

    @property
    def matrix(self) -> Tensor:
        """Kernels (outputs, inputs, side, side)."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, stride=2, padding=self.weight.shape[-1] // 2)


class Nearest(nn.Module):
    """Repeats each pixel up to the size wanted, then convolves: every output sees equally many inputs, so there is no
    checkerboard (Odena, Dumoulin and Olah, 2016). (batch, c, h, w) -> (batch, channels, h', w').
    """

    def __init__(self, before: Size, after: Size, kit: Kit) -> None:
        super().__init__()
        self.before, self.after = before, after
        side = cast(Conv, kit.spec.model).kernel
        self.weight, self.bias = kernels((after[2], before[2], side, side), before[2] * side**2, after[2], kit)

    @property
    def matrix(self) -> Tensor:
        """Kernels (outputs, inputs, side, side)."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        larger = F.interpolate(x, size=self.after[:2], mode="nearest")
        return F.conv2d(larger, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


class Transposed(nn.Module):
    """The transpose of `Halving`: a quarter of the arithmetic of `Nearest`, and neighbouring outputs that see unequally
    many inputs. (batch, c, h, w) -> (batch, channels, h', w') for sides of 2 h or 2 h - 1.
    """

    def __init__(self, before: Size, after: Size, kit: Kit) -> None:
        super().__init__()
        self.before, self.after = before, after
        side = cast(Conv, kit.spec.model).kernel
        self.more = [large - (2 * small - 1) for small, large in zip(before[:2], after[:2], strict=True)]
        self.weight, self.bias = kernels((before[2], after[2], side, side), before[2] * side**2 // 4, after[2], kit)

    @property
    def matrix(self) -> Tensor:
        """Kernels (outputs, inputs, side, side)."""
        return self.weight.transpose(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        padding = self.weight.shape[-1] // 2
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=padding, output_padding=self.more)


class Shuffle(nn.Module):
    """Four sets of feature maps woven into one of twice the side (Shi et al., 2016), cut to the size wanted. The four
    start with the same kernels, as if nearest, so that no checkerboard is there at the start (Aitken et al., 2017).
    (batch, c, h, w) -> (batch, channels, h', w').
    """

    def __init__(self, before: Size, after: Size, kit: Kit) -> None:
        super().__init__()
        self.before, self.after = before, after
        side = cast(Conv, kit.spec.model).kernel
        weight, bias = kernels((after[2], before[2], side, side), before[2] * side**2, after[2], kit)
        self.weight = nn.Parameter(weight.detach().repeat_interleave(4, dim=0))
        self.bias = None if bias is None else nn.Parameter(bias.detach().repeat_interleave(4))

    @property
    def matrix(self) -> Tensor:
        """Kernels (outputs, inputs, 2 side, 2 side): those of the four sets woven like their outputs."""
        return F.pixel_shuffle(self.weight.transpose(0, 1), 2).transpose(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)
        height, width, _ = self.after
        return F.pixel_shuffle(maps, 2)[..., :height, :width]


UPSAMPLINGS: dict[str, Callable[[Size, Size, Kit], nn.Module]] = {
    "nearest": Nearest,
    "transposed": Transposed,
    "shuffle": Shuffle,
}


class Unfold(nn.Module):
    """Dense, from the code to small feature maps: (batch, latent) -> (batch, c, h, w)."""

    def __init__(self, inputs: int, after: Size, kit: Kit) -> None:
        super().__init__()
        self.size = after
        self.dense = Dense(inputs, math.prod(after), kit.spec.model.bias, kit.init)

    @property
    def matrix(self) -> Tensor:
        """(h * w * c, latent)."""
        return self.dense.matrix

    def forward(self, z: Tensor) -> Tensor:
        return as_maps(self.dense(z), self.size)


class Block(nn.Module):
    """A layer that gives feature maps, batch norm where asked for, activation, dropout."""

    def __init__(self, layer: nn.Module, after: Size, kit: Kit) -> None:
        super().__init__()
        model = cast(Conv, kit.spec.model)
        self.layer = layer
        self.norm = nn.BatchNorm2d(after[2]) if model.batch_norm else None
        self.activate = ACTIVATIONS[model.activation]
        self.dropout = Dropout(kit)

    @property
    def matrix(self) -> Tensor:
        """The layer's weights."""
        return cast(Tensor, self.layer.matrix)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        if self.norm is not None:
            x = self.norm(x)
        return self.dropout(self.activate(x))  # type: ignore[no-any-return]


class ConvEncoder(nn.ModuleList):
    """(batch, h * w * c) -> (batch, numbers in the last feature maps)."""

    def __init__(self, kit: Kit) -> None:
        sizes = picture_sizes(kit.spec)
        pairs = zip(sizes, sizes[1:], strict=False)
        super().__init__([Block(Halving(before, after, kit), after, kit) for before, after in pairs])
        self.size, self.width = sizes[0], math.prod(sizes[-1])

    def forward(self, x: Tensor, layers: dict[str, Tensor] | None = None) -> Tensor:
        """Hidden activations are written into `layers` if it is given."""
        return as_items(through(self, as_maps(x, self.size), layers, "encoder"))


class ConvDecoder(nn.ModuleList):
    """(batch, latent) -> (batch, c, h, w), ready for the last layer."""

    def forward(self, z: Tensor, layers: dict[str, Tensor] | None = None, taught: Tensor | None = None) -> Tensor:
        """Hidden activations are written into `layers` if it is given. Nothing is looked at while decoding."""
        return through(self, z, layers, "decoder")


class Painted(nn.Module):
    """The last layer: (batch, c, h, w) -> pictures (batch, h * w * c) of twice the side."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    @property
    def matrix(self) -> Tensor:
        """Kernels (colours, inputs, side, side)."""
        return cast(Tensor, self.layer.matrix)

    def forward(self, x: Tensor) -> Tensor:
        return as_items(self.layer(x))


def conv_decoder(kit: Kit, encoder: nn.Module, code: nn.Module) -> tuple[ConvDecoder, Painted]:
    """The decoder and the last layer, the encoder's sizes in reverse, so that any size comes back as it was."""
    sizes = picture_sizes(kit.spec)[::-1]
    doubling = UPSAMPLINGS[cast(Conv, kit.spec.model).upsampling]
    blocks = [Block(Unfold(cast(int, code.width), sizes[0], kit), sizes[0], kit)]
    layers = [doubling(before, after, kit) for before, after in zip(sizes, sizes[1:], strict=False)]
    blocks += [Block(layer, after, kit) for layer, after in zip(layers[:-1], sizes[1:-1], strict=True)]
    return ConvDecoder(blocks), Painted(layers[-1])
