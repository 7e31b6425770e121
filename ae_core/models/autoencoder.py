"""The autoencoder as every other room sees it, and `build`, which makes one from a spec."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ae_core.compatibility import classes, column_spans, output_of, takes_counts, unit_input
from ae_core.dials import Dials
from ae_core.errors import SpecError
from ae_core.models.blocks import Kit
from ae_core.models.code import CODES
from ae_core.models.coded import Coded
from ae_core.models.conv import ConvEncoder, conv_decoder
from ae_core.models.critic import Critic
from ae_core.models.mlp import DenseEncoder, dense_decoder
from ae_core.models.outputs import shaped
from ae_core.models.prior import VampPrior, log_normal
from ae_core.models.sequence import SequenceDecoder, SequenceEncoder, sequence_decoder
from ae_core.spec import MLP, Adversarial, Conv, Factor, Network, RunSpec, Sequence, Variational


@dataclass(frozen=True)
class Pass:
    """One pass through the network. raw: (batch, features), before the output's shape; losses work on it.

    layers: every hidden activation by name (`encoder.0` ... `decoder.0` ...), (batch, width) each; of a convolutional
    network (batch, channels, h, w), of a recurrent one (batch, width, steps).
    """

    raw: Tensor
    coded: Coded
    layers: dict[str, Tensor] = field(default_factory=dict)


class Autoencoder(nn.Module):
    """Encoder, code, decoder. (batch, features) in and out. log_variance: of the items around their reconstructions,
    one learned number; only with the gaussian reconstruction. prior: where it is learned too. critic: judges codes,
    where the objective has a game.

    A conditional one (Sohn et al., 2015) also has to be told the classes of the items at hand: `model.given(labels)`.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self.spec, self.dials, self.chance = kit.spec, kit.dials, kit.chance
        encoder_of, decoder_of = BODIES[type(kit.spec.model)]
        self.encoder = encoder_of(kit)
        self.code = CODES[type(kit.spec.model.code)](cast(int, self.encoder.width), kit)
        self.decoder, self.last = decoder_of(kit, self.encoder, self.code)
        self.output = output_of(kit.spec)
        self.spans = column_spans(kit.spec)
        if kit.spec.objective.reconstruction == "gaussian":
            self.log_variance = nn.Parameter(torch.zeros(()))
        self.classes = classes(kit.spec)
        code = kit.spec.model.code
        self.prior = VampPrior(kit) if isinstance(code, Variational) and code.prior == "vamp" else None
        judged = isinstance(kit.spec.objective.matching, Factor | Adversarial)
        self.critic = Critic(self.code.width, kit) if judged else None
        self.counts = takes_counts(kit.spec)
        self.unit_input = unit_input(kit.spec)
        self._told: Tensor | None = None

    def forward(self, x: Tensor) -> Pass:
        layers: dict[str, Tensor] = {}
        coded = self.encode(x, layers)
        if self.training:
            self.code.witness(coded)
        return Pass(self.decode_raw(coded.z, layers, x), coded, layers)

    def given(self, labels: Tensor | None) -> Autoencoder:
        """This network for items of these classes, (batch,) integers: both its nets are told them.

        What comes back shares every part with this one. A network that is not conditional gives itself.
        """
        if not self.classes or labels is None:
            return self
        told = copy.copy(self)
        told._told = F.one_hot(labels, self.classes).to(torch.float32)
        return told

    def rows(self, rows: slice) -> Autoencoder:
        """This network for some of the items whose classes it was told."""
        if self._told is None:
            return self
        told = copy.copy(self)
        told._told = self._told[rows]
        return told

    def _with_class(self, x: Tensor) -> Tensor:
        """(..., batch, width) -> the same with the one-hot class of each item beside it, for a conditional model."""
        if not self.classes:
            return x
        if self._told is None:
            raise SpecError("A conditional model needs the class of each item. Give it labels.")
        return torch.cat([x, self._told.expand(*x.shape[:-1], self.classes)], dim=-1)

    def encode(self, x: Tensor, layers: dict[str, Tensor] | None = None) -> Coded:
        """(batch, features) -> codes. Hidden activations are written into `layers` if it is given.

        Where the code is centred the last layer's bias is taken off first (Bricken et al., 2023).
        """
        if getattr(self.spec.model.code, "centred", False):
            x = x - cast(Tensor, self.last.bias)
        x = F.normalize(x, dim=-1) if self.unit_input else x
        return self.code(self.encoder(self._with_class(x), layers))  # type: ignore[no-any-return]

    def decode_raw(self, z: Tensor, layers: dict[str, Tensor] | None = None, taught: Tensor | None = None) -> Tensor:
        """(..., latent) -> (..., features), before the output's shape. taught: items that a decoder which is taught by
        them may look at, while training only.
        """
        seen = self._with_class(z)
        raw = self.last(self.decoder(seen.flatten(0, -2), layers, taught if self.training else None))
        return raw.unflatten(0, z.shape[:-1])  # type: ignore[no-any-return]

    def decode(self, z: Tensor, layers: dict[str, Tensor] | None = None) -> Tensor:
        """(batch, latent) -> reconstructions (batch, features)."""
        return self.shown(self.decode_raw(z, layers))

    def shown(self, raw: Tensor) -> Tensor:
        """What the last layer gives, in the output's shape: what is compared with the item. (..., features) both."""
        return shaped(self.output, raw, self.spans)

    def reconstruct(self, x: Tensor, layers: dict[str, Tensor] | None = None) -> Tensor:
        """(batch, features) -> (batch, features), through the code's centre. Hidden activations go into `layers`."""
        return self.of_item(self.decode(self.encode(x, layers).centre, layers), x)

    def of_item(self, rebuilt: Tensor, x: Tensor) -> Tensor:
        """A reconstruction in the item's own units: shares of counts become the counts expected of as many as x has."""
        return rebuilt * x.sum(dim=-1, keepdim=True) if self.counts else rebuilt

    def begin_at(self, ratings: Tensor) -> None:
        """Lets every output begin at the mean of what is known, so that a thing which nobody rated is predicted with it
        (Sedhain et al., 2015, predict such things with a constant too). ratings: (items, features), 0 for unknown.
        """
        bias = getattr(self.last, "bias", None)
        if bias is not None:
            nn.init.constant_(bias, float(ratings[ratings != 0].mean()))

    def log_prior(self, z: Tensor) -> Tensor:
        """ln p(z) of the prior that a Gaussian code is pulled to: (..., latent) -> (...), nats."""
        if self.prior is not None:
            return self.prior.log_density(z, self.encode)
        return log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(dim=-1)

    def matrices(self) -> Iterator[tuple[str, Tensor]]:
        """Every layer's weights by its name, input to output: (outputs, inputs), or kernels (outputs, inputs, h, w)."""
        for i, block in enumerate(self.encoder.children()):
            yield f"encoder.{i}", cast(Tensor, block.matrix)
        yield "code", self.code.dense.matrix
        for i, block in enumerate(self.decoder.children()):
            yield f"decoder.{i}", cast(Tensor, block.matrix)
        yield "output", cast(Tensor, self.last.matrix)

    @property
    def readers(self) -> Tensor:
        """(outputs, latent): the weights with which the decoder reads the code, one column for each of its numbers."""
        if isinstance(self.decoder, SequenceDecoder):
            return self.decoder.readers
        found = dict(self.matrices())
        return found["decoder.0" if "decoder.0" in found else "output"][:, : self.code.width]

    def weights(self) -> list[nn.Parameter]:
        """The matrices and kernels that are learned: what weight decay and weight L1 act on, never biases or scales."""
        return [part for name, part in self._learned() if name.endswith("weight") and part.ndim >= 2]

    def learned(self) -> list[nn.Parameter]:
        """Every number that the objective teaches: all but the critic's, which has an aim of its own."""
        return [part for _, part in self._learned()]

    def _learned(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, part) for name, part in self.named_parameters() if not name.startswith("critic."))

    def decoder_weights(self) -> list[nn.Parameter]:
        """Those of `weights` that the decoder owns, its last layer's among them; none where they are tied."""
        owned = {id(part) for side in (self.decoder, self.last) for part in side.parameters()}
        return [weight for weight in self.weights() if id(weight) in owned]


BODIES: dict[type[Network], tuple[Callable[[Kit], nn.Module], Callable[..., tuple[nn.Module, nn.Module]]]] = {
    MLP: (DenseEncoder, dense_decoder),
    Conv: (ConvEncoder, conv_decoder),
    Sequence: (SequenceEncoder, sequence_decoder),
}
"""Each kind of network: what makes its encoder, and what makes its decoder and last layer from encoder and code."""


def build(spec: RunSpec, init: torch.Generator, chance: torch.Generator, dials: Dials | None = None) -> Autoencoder:
    """The network that the spec describes. init: draws the first weights. chance: drives dropout and sampling. dials:
    of the run it is trained in; without them its settings stand still.
    """
    return Autoencoder(Kit(spec, init, chance, dials or Dials(spec)))
