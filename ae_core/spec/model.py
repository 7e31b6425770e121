"""Networks and their codes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ae_core.spec.record import Knob, Spec


class Code(Spec):
    """What every bottleneck has: a width."""

    latent_dim: Annotated[
        int,
        Field(ge=1, le=1024, description="Numbers in the bottleneck: all that the decoder gets to see of an item."),
        Knob(unit="numbers", scale="log", level="beginner"),
    ] = 2


Centred = Annotated[
    bool,
    Field(
        description="The constant that the decoder adds is taken off each item before it is encoded, so that a code of "
        "zeros stands for the typical item."
    ),
    Knob(),
]


class Point(Code):
    """The code is one point, as in the plain autoencoder."""

    kind: Literal["point"] = "point"
    activation: Annotated[
        Literal["identity", "relu", "sigmoid", "tanh"],
        Field(description="The bend of the code itself; sparsity needs one that can rest at zero."),
        Knob(),
    ] = "identity"
    centred: Centred = False


class Variational(Code):
    """The code is a Gaussian cloud (Kingma and Welling, 2014), pulled towards N(0, I)."""

    kind: Literal["variational"] = "variational"
    beta: Annotated[
        float,
        Field(
            ge=0, le=1000, description="Weight of the KL term: how strongly each cloud is pulled to the standard one."
        ),
        Knob(scale="log", level="beginner", moves=True),
    ] = 1.0
    samples: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="Draws of each item's code that are weighed together for a tighter bound; 1 is the plain VAE.",
        ),
        Knob(unit="draws", scale="log"),
    ] = 1
    prior: Annotated[
        Literal["normal", "vamp"],
        Field(description="What clouds are pulled to: N(0, I), or the clouds of learned pseudo-inputs (VampPrior)."),
        Knob(),
    ] = "normal"
    pseudo_inputs: Annotated[
        int,
        Field(ge=1, le=1000, description="How many pseudo-inputs the prior is made of; the normal prior has none."),
        Knob(unit="items", scale="log", idle=("prior", ("normal",))),
    ] = 50


class KSparse(Code):
    """Only the k largest numbers of each item's code are kept (Makhzani and Frey, 2013), and units that never are among
    them are revived (Gao et al., 2024).
    """

    kind: Literal["k_sparse"] = "k_sparse"
    k: Annotated[
        int,
        Field(ge=1, le=1024, description="Numbers of the code that each item keeps, its largest; the others are zero."),
        Knob(unit="numbers", scale="log", level="beginner", moves=True),
    ] = 2
    test_factor: Annotated[
        float,
        Field(ge=1, le=8, description="Once trained, so many times k numbers are kept: more detail comes back."),
        Knob(step=0.5),
    ] = 1.0
    activation: Annotated[
        Literal["identity", "relu"],
        Field(
            description="The bend of the code itself: linear units keep exactly k numbers, with relu they may be fewer."
        ),
        Knob(),
    ] = "identity"
    centred: Centred = False
    auxiliary: Annotated[
        float,
        Field(ge=0, le=10, description="Weight of the task given to dead units: to rebuild what the others left over."),
        Knob(scale="log", moves=True),
    ] = 1 / 32
    dead_after: Annotated[
        int,
        Field(ge=1, le=100_000, description="A unit that no item kept for so many steps counts as dead."),
        Knob(unit="steps", scale="log"),
    ] = 100


class Quantised(Code):
    """The code is made of entries of a codebook, the nearest to what the encoder says (van den Oord et al., 2017)."""

    kind: Literal["quantised"] = "quantised"
    slots: Annotated[
        int,
        Field(ge=1, le=256, description="Entries of the codebook that an item gets; they share out the code's width."),
        Knob(unit="entries", step=1, level="beginner"),
    ] = 1
    codebook_size: Annotated[
        int,
        Field(ge=2, le=1024, description="Entries of the codebook: the words that items are described with."),
        Knob(unit="entries", scale="log2", level="beginner"),
    ] = 32
    commitment: Annotated[
        float,
        Field(ge=0, le=10, description="Weight of the term that keeps the encoder near the entries it is given."),
        Knob(step=0.05, moves=True),
    ] = 0.25
    ema: Annotated[
        float,
        Field(
            ge=0,
            le=0.999,
            description="Entries follow the mean of what chose them, keeping this share of the past in each step; "
            "at 0 they are learned by gradient instead.",
        ),
        Knob(step=0.01),
    ] = 0.99
    restart: Annotated[
        int,
        Field(ge=0, le=100_000, description="An entry unused for so many steps moves to where an item is; 0: never."),
        Knob(unit="steps", scale="log"),
    ] = 50


class Categorical(Code):
    """The code is a row of choices, each one of a few classes (Jang et al., 2017; Maddison et al., 2017)."""

    kind: Literal["categorical"] = "categorical"
    latent_dim: Annotated[
        int,
        Field(ge=1, le=256, description="Choices in the bottleneck: all that the decoder gets to see of an item."),
        Knob(unit="numbers", scale="log", level="beginner"),
    ] = 2
    classes: Annotated[
        int,
        Field(ge=2, le=64, description="Classes that each choice of the code is made among."),
        Knob(unit="classes", step=1, level="beginner"),
    ] = 10
    temperature: Annotated[
        float,
        Field(ge=0.05, le=10, description="How soft a choice is while training: the lower, the nearer to one class."),
        Knob(step=0.05, moves=True),
    ] = 1.0
    beta: Annotated[
        float,
        Field(ge=0, le=1000, description="Weight of the KL term: how strongly each choice is pulled to equal chances."),
        Knob(scale="log", level="beginner", moves=True),
    ] = 1.0


AnyCode = Annotated[Point | Variational | KSparse | Quantised | Categorical, Field(discriminator="kind")]
WIDEST = 2048  # neurons of one layer
Width = Annotated[int, Field(ge=1, le=WIDEST)]


class Network(Spec):
    """What every network has, whatever its layers are made of."""

    dropout: Annotated[
        float,
        Field(ge=0, le=0.9, description="Share of hidden neurons switched off at random in each training step."),
        Knob(step=0.05, moves=True, idle=("hidden", ((),))),
    ] = 0.0
    unit_input: Annotated[
        bool,
        Field(
            description="Each item is brought to length 1 before the encoder sees it: how much of everything there "
            "is does not count, only in what proportion."
        ),
        Knob(),
    ] = False
    bias: Annotated[bool, Field(description="Each neuron has a constant of its own to add."), Knob()] = True
    output: Annotated[
        Literal["auto", "identity", "sigmoid", "softmax"],
        Field(description="Shape of the last layer's output. Auto follows the data's range and the loss."),
        Knob(),
    ] = "auto"
    code: AnyCode = Point()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons or feature maps of each hidden layer of the encoder."""
        raise NotImplementedError


class Feedforward(Network):
    """A network whose hidden layers bend what they pass on."""

    activation: Annotated[
        Literal["relu", "tanh", "sigmoid", "gelu", "identity"],
        Field(description="The bend after each hidden layer; without one (identity) the network is linear, like PCA."),
        Knob(level="beginner", idle=("hidden", ((),))),
    ] = "relu"
    batch_norm: Annotated[
        bool,
        Field(description="Rescale each hidden layer over the batch, which steadies deep networks."),
        Knob(idle=("hidden", ((),))),
    ] = False


class MLP(Feedforward):
    """Dense layers down to the code, mirrored up again."""

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[
        tuple[Width, ...],
        Field(
            max_length=6,
            description="Neurons of each encoder layer, from the input to the code; the decoder mirrors them.",
        ),
        Knob(unit="neurons", level="beginner"),
    ] = (128, 64)
    tied: Annotated[
        bool, Field(description="The decoder uses the encoder's weights, transposed: half the parameters."), Knob()
    ] = False
    conditional: Annotated[
        bool,
        Field(description="Encoder and decoder are told each item's class, so the code need not hold it."),
        Knob(),
    ] = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each hidden layer."""
        return self.hidden


MOST_CHANNELS = 256  # feature maps of one block


class Conv(Feedforward):
    """Blocks of convolutions that halve a picture's sides on the way to the code, and blocks that double them again."""

    kind: Literal["conv"] = "conv"
    channels: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MOST_CHANNELS)], ...],
        Field(
            min_length=1,
            max_length=4,
            description="Feature maps of each encoder block, from the input to the code; each block halves the "
            "picture's sides, and the decoder mirrors it.",
        ),
        Knob(unit="feature maps", level="beginner"),
    ] = (16, 32)
    kernel: Annotated[Literal[3, 5], Field(description="Side of the patch that each kernel looks at."), Knob()] = 3
    upsampling: Annotated[
        Literal["nearest", "transposed", "shuffle"],
        Field(
            description="How the decoder doubles the sides. Nearest: repeat each pixel, then convolve; slowest, and "
            "free of checkerboards. Transposed: one convolution with gaps, a quarter of the arithmetic, about twice as "
            "fast, and prone to checkerboards. Shuffle: four sets of feature maps woven into one, between the two."
        ),
        Knob(),
    ] = "nearest"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Feature maps of each block."""
        return self.channels


class Sequence(Network):
    """Gated recurrent units (GRU): one reads a series into its last state, another draws it again from the code."""

    kind: Literal["sequence"] = "sequence"
    width: Annotated[
        int,
        Field(ge=1, le=512, description="Numbers in the state that each layer carries from step to step."),
        Knob(unit="numbers", step=1, level="beginner"),
    ] = 64
    layers: Annotated[
        int,
        Field(ge=1, le=3, description="Recurrent layers on each side of the code, one above the other."),
        Knob(step=1),
    ] = 1
    reverse: Annotated[
        bool,
        Field(description="Draw the series from its end: what was read last is still fresh (Srivastava et al., 2015)."),
        Knob(),
    ] = True
    feedback: Annotated[
        bool,
        Field(description="The decoder reads its own previous output; without, it draws from its state alone, faster."),
        Knob(),
    ] = False
    teacher_forcing: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="While training, the share of steps at which a decoder with feedback reads the true previous "
            "value instead of its own.",
        ),
        Knob(step=0.05, moves=True, idle=("feedback", (False,))),
    ] = 0.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Width of each layer's state."""
        return (self.width,) * self.layers


AnyModel = Annotated[MLP | Conv | Sequence, Field(discriminator="kind")]
