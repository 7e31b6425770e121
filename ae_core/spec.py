"""What an experiment is: a frozen `RunSpec`, and its forms as JSON and as URL parameters.

Bounds, default, unit and help of every setting stand here once, on its field. Validation, widgets, links and
documentation read them from the field (`knobs()` lists them all). Choice among kinds is a tagged union.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from ae_core.errors import SpecError

Scale = Literal["linear", "log", "log2"]
Level = Literal["beginner", "advanced"]


class Spec(BaseModel):
    """A frozen record: unknown fields are refused, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _usual_kind(cls, value: Any) -> Any:
        """A part that does not say its kind is of the usual one."""
        if not isinstance(value, Mapping):
            return value
        usual = {name: field.default.kind for name, field in cls.model_fields.items() if hasattr(field.default, "kind")}
        parts = {name: value[name] for name in usual if isinstance(value.get(name), Mapping)}
        return {**value, **{name: {"kind": usual[name], **part} for name, part in parts.items()}}


@dataclass(frozen=True)
class Knob:
    """What a widget needs beside a field's type and bounds.

    unit: of the number ("" = a pure number). step: of a slider, in the field's own units (a `log` slider moves by 1, 2,
    5, 10 and a `log2` slider by doubling; they ignore `step`). live: may change while the run trains. moves: may follow
    a schedule of its own over the run (see `Schedule`). idle: a field beside this one, and its values at which this one
    has no effect.
    """

    unit: str = ""
    scale: Scale = "linear"
    step: float | None = None
    level: Level = "advanced"
    live: bool = False
    moves: bool = False
    idle: tuple[str, tuple[Any, ...]] | None = None


# ---------------------------------------------------------------------------------------------------- data


class DataSpec(Spec):
    """What every dataset needs to be split and scaled."""

    val_fraction: Annotated[
        float,
        Field(ge=0.05, le=0.5, description="Share of the items kept aside to measure, never to learn from."),
        Knob(step=0.05),
    ] = 0.25
    split_seed: Annotated[
        int,
        Field(ge=0, le=2**31 - 1, description="Chooses which items are kept aside; the same number, the same split."),
        Knob(),
    ] = 0
    standardise: Annotated[
        Literal["auto", "none", "standard", "minmax", "distribution"],
        Field(
            description="How features are scaled, fitted on the training items only. Auto leaves pictures in 0..1, "
            "gives tables and points mean 0 and variance 1, and turns items into distributions for cross-entropy."
        ),
        Knob(),
    ] = "auto"


Samples = Annotated[
    int, Field(ge=50, le=20_000, description="How many points are generated."), Knob(unit="points", step=50)
]
Noise = Annotated[
    float,
    Field(ge=0, le=1, description="Spread of the Gaussian noise added to each point, in the units of the shape."),
    Knob(step=0.01),
]
Dimensions = Annotated[
    Literal[2, 3], Field(description="Width of a point: drawn in the plane or lifted into space."), Knob()
]


class Digits(DataSpec):
    """Handwritten digits, 8 x 8."""

    kind: Literal["digits"] = "digits"


class Mnist5k(DataSpec):
    """5,000 handwritten digits, 28 x 28."""

    kind: Literal["mnist5k"] = "mnist5k"


class FullSet(DataSpec):
    """70,000 pictures, 28 x 28: training and test items of the original together."""

    samples: Annotated[
        int,
        Field(ge=500, le=70_000, description="How many of the 70,000 pictures are used, of each class its share."),
        Knob(unit="pictures", scale="log"),
    ] = 10_000


class Mnist(FullSet):
    """Handwritten digits, all of MNIST."""

    kind: Literal["mnist"] = "mnist"


class FashionMnist(FullSet):
    """Clothes and shoes."""

    kind: Literal["fashion_mnist"] = "fashion_mnist"


class Kmnist(FullSet):
    """Handwritten syllables of old Japanese."""

    kind: Literal["kmnist"] = "kmnist"


class Faces(DataSpec):
    """Small faces and non-faces, 25 x 25."""

    kind: Literal["faces"] = "faces"


class Olivetti(DataSpec):
    """Ten portraits of each of 40 people, 64 x 64."""

    kind: Literal["olivetti"] = "olivetti"


class LfwPeople(DataSpec):
    """Seven people in the news, 62 x 47."""

    kind: Literal["lfw_people"] = "lfw_people"


class PhotoPatches(DataSpec):
    """Patches cut from photographs."""

    kind: Literal["photo_patches"] = "photo_patches"
    patch_size: Annotated[
        int, Field(ge=6, le=32, description="Side of a square patch."), Knob(unit="pixels", step=2)
    ] = 12
    samples: Samples = 4000


class ColourPatches(DataSpec):
    """Patches cut from photographs in colour, 32 x 32."""

    kind: Literal["colour_patches"] = "colour_patches"
    samples: Annotated[
        int, Field(ge=50, le=6000, description="How many patches are cut."), Knob(unit="patches", step=50)
    ] = 3000


class Sprites(DataSpec):
    """Generated shapes with known factors, 32 x 32."""

    kind: Literal["sprites"] = "sprites"
    samples: Samples = 3000


class SwissRoll(DataSpec):
    """A sheet rolled up in three dimensions."""

    kind: Literal["swiss_roll"] = "swiss_roll"
    samples: Samples = 1500
    noise: Noise = 0.05


class SCurve(DataSpec):
    """A sheet bent into an S in three dimensions."""

    kind: Literal["s_curve"] = "s_curve"
    samples: Samples = 1500
    noise: Noise = 0.05


class Rings(DataSpec):
    """Rings inside each other."""

    kind: Literal["rings"] = "rings"
    samples: Samples = 1000
    noise: Noise = 0.05
    rings: Annotated[int, Field(ge=1, le=5, description="How many rings."), Knob(step=1)] = 2
    dimensions: Dimensions = 2


class Moons(DataSpec):
    """Two half circles that interlock."""

    kind: Literal["moons"] = "moons"
    samples: Samples = 1000
    noise: Noise = 0.08
    dimensions: Dimensions = 2


class Blobs(DataSpec):
    """Round clusters."""

    kind: Literal["blobs"] = "blobs"
    samples: Samples = 1000
    noise: Noise = 0.15
    clusters: Annotated[int, Field(ge=1, le=10, description="How many clusters."), Knob(step=1)] = 4
    dimensions: Dimensions = 2


class BreastCancer(DataSpec):
    """30 measurements of cell nuclei."""

    kind: Literal["breast_cancer"] = "breast_cancer"


class Wine(DataSpec):
    """13 chemical measurements of wines."""

    kind: Literal["wine"] = "wine"


class Tips(DataSpec):
    """Restaurant bills: numbers, yes or no, and categories in one table."""

    kind: Literal["tips"] = "tips"


class California(DataSpec):
    """Houses in 20,640 districts of California."""

    kind: Literal["california"] = "california"


class Shuttle(DataSpec):
    """49,097 readings of nine sensors, the abnormal ones labelled."""

    kind: Literal["shuttle"] = "shuttle"


class Waves(DataSpec):
    """Generated waves with known factors, a series each."""

    kind: Literal["waves"] = "waves"
    samples: Samples = 1500
    steps: Annotated[
        int, Field(ge=8, le=128, description="Moments at which each series is measured."), Knob(unit="steps", step=4)
    ] = 32
    noise: Noise = 0.05


class Heartbeats(DataSpec):
    """Generated heartbeats as an electrocardiogram shows them, some of them abnormal."""

    kind: Literal["heartbeats"] = "heartbeats"
    samples: Samples = 2000
    steps: Annotated[
        int, Field(ge=32, le=128, description="Moments at which each beat is measured."), Knob(unit="steps", step=4)
    ] = 64
    noise: Noise = 0.02
    anomalies: Annotated[
        float,
        Field(ge=0.01, le=0.5, description="Share of beats that are abnormal, in four ways that take turns."),
        Knob(step=0.01),
    ] = 0.1


class Strokes1d(DataSpec):
    """Digits as lines of 40 steps."""

    kind: Literal["strokes1d"] = "strokes1d"
    samples: Samples = 4000
    noise: Noise = 0.02


class ItalyPower(DataSpec):
    """1,096 days of electricity use, hour by hour."""

    kind: Literal["italy_power"] = "italy_power"


class GunPoint(DataSpec):
    """The path of a hand that draws a gun, or points, in 150 steps."""

    kind: Literal["gun_point"] = "gun_point"


class BasicMotions(DataSpec):
    """Six sensors of a watch in 80 exercises."""

    kind: Literal["basic_motions"] = "basic_motions"


class Sunspots(DataSpec):
    """Windows of 12 years of sunspots."""

    kind: Literal["sunspots"] = "sunspots"


class Co2(DataSpec):
    """Windows of 52 weeks of carbon dioxide in the air."""

    kind: Literal["co2"] = "co2"


class Documents(DataSpec):
    """Texts as the words that stand in them."""

    documents: Annotated[
        int,
        Field(ge=200, le=2500, description="How many texts are used, of each class its share."),
        Knob(unit="texts", step=100),
    ] = 2000
    words: Annotated[
        int,
        Field(ge=50, le=2000, description="How many of the commonest words are counted; each is a feature."),
        Knob(unit="words", step=50),
    ] = 500
    weighting: Annotated[
        Literal["tf_idf", "counts"],
        Field(description="Words as often as they stand there, or less the more texts have them."),
        Knob(),
    ] = "tf_idf"


class Docstrings(Documents):
    """What the functions of NumPy, SciPy and scikit-learn say of themselves."""

    kind: Literal["docstrings"] = "docstrings"


class Newsgroups(Documents):
    """Messages to 20 newsgroups of the 1990s."""

    kind: Literal["newsgroups"] = "newsgroups"


Share = Annotated[
    float,
    Field(ge=0.02, le=0.6, description="Share of all things that a person has met, on average."),
    Knob(step=0.01),
]


class Preferences(DataSpec):
    """People and what they like, from tastes that are known."""

    users: Annotated[
        int, Field(ge=50, le=5000, description="How many people are generated; each is an item."), Knob(step=50)
    ] = 1500
    things: Annotated[
        int, Field(ge=20, le=600, description="How many things there are to like; each is a feature."), Knob(step=10)
    ] = 150
    rank: Annotated[
        int,
        Field(ge=1, le=20, description="Numbers in a person's taste: how many the code needs to hold it."),
        Knob(step=1),
    ] = 2


class Ratings(Preferences):
    """Stars that people gave to some films."""

    kind: Literal["ratings"] = "ratings"
    density: Share = 0.4


class Baskets(Preferences):
    """What people put into their baskets."""

    kind: Literal["baskets"] = "baskets"
    density: Share = 0.15


class Own(DataSpec):
    """A dataset that somebody imported or drew."""

    kind: Literal["own"] = "own"
    digest: Annotated[
        str,
        Field(pattern="^([0-9a-f]{32})?$", description="Hash of the dataset's content, by which it is found."),
        Knob(),
    ] = ""


AnyData = Annotated[
    Digits
    | Mnist5k
    | Mnist
    | FashionMnist
    | Kmnist
    | Faces
    | Olivetti
    | LfwPeople
    | PhotoPatches
    | ColourPatches
    | Sprites
    | SwissRoll
    | SCurve
    | Rings
    | Moons
    | Blobs
    | BreastCancer
    | Wine
    | Tips
    | California
    | Shuttle
    | Waves
    | Heartbeats
    | Strokes1d
    | ItalyPower
    | GunPoint
    | BasicMotions
    | Sunspots
    | Co2
    | Docstrings
    | Newsgroups
    | Ratings
    | Baskets
    | Own,
    Field(discriminator="kind"),
]

# --------------------------------------------------------------------------------------------------- model


class Code(Spec):
    """What every bottleneck has: a width."""

    latent_dim: Annotated[
        int,
        Field(ge=1, le=256, description="Numbers in the bottleneck: all that the decoder gets to see of an item."),
        Knob(unit="numbers", step=1, level="beginner"),
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
        Field(ge=1, le=256, description="Numbers of the code that each item keeps, its largest; the others are zero."),
        Knob(unit="numbers", step=1, level="beginner", moves=True),
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
    """The code is a row of choices, each one of a few classes (Jang et al., 2017; Maddison et al., 2017). `latent_dim`
    is the number of choices.
    """

    kind: Literal["categorical"] = "categorical"
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

# ----------------------------------------------------------------------------------------------- objective


class Corruption(Spec):
    """Damage done to the input, fresh in each step; the target stays clean (Vincent et al., 2008)."""

    kind: Annotated[
        Literal["none", "gaussian", "masking", "salt_pepper"],
        Field(description="Damage the input and ask for the clean item back: a denoising autoencoder."),
        Knob(),
    ] = "none"
    level: Annotated[
        float,
        Field(ge=0, le=1, description="How much damage: standard deviation of the noise, or share of features hit."),
        Knob(step=0.05, moves=True, idle=("kind", ("none",))),
    ] = 0.0
    target: Annotated[
        Literal["all", "damaged"],
        Field(
            description="What is judged: the whole item, or only the features that were damaged, as in a masked "
            "autoencoder (He et al., 2022)."
        ),
        Knob(idle=("kind", ("none",))),
    ] = "all"


class NoSparsity(Spec):
    """No target."""

    kind: Literal["none"] = "none"


class KLSparsity(Spec):
    """Each sigmoid unit of the code is to be active in a set share of the items (Ng, 2011)."""

    kind: Literal["kl"] = "kl"
    target: Annotated[
        float,
        Field(ge=0.001, le=0.999, description="Mean activity that each number of the code is pulled to."),
        Knob(step=0.01, moves=True),
    ] = 0.05
    weight: Annotated[
        float, Field(ge=0, le=100, description="How strongly it is pulled."), Knob(scale="log", moves=True)
    ] = 1.0


AnySparsity = Annotated[NoSparsity | KLSparsity, Field(discriminator="kind")]


class NoMatching(Spec):
    """Nothing beyond the code's own KL term, where it has one."""

    kind: Literal["none"] = "none"


MatchingWeight = Annotated[
    float,
    Field(ge=0, le=10_000, description="How strongly the codes of all items together are pulled to their shape."),
    Knob(scale="log", moves=True),
]


class Capacity(Spec):
    """The KL term is held at a set number of nats, usually rising from 0 by a schedule (Burgess et al., 2018)."""

    kind: Literal["capacity"] = "capacity"
    weight: MatchingWeight = 1000.0
    capacity: Annotated[
        float,
        Field(ge=0, le=200, description="Nats that the code may spend on an item: the KL term is pulled to this."),
        Knob(unit="nats", step=0.5, moves=True),
    ] = 25.0


PartWeight = Annotated[float, Field(ge=0, le=1000), Knob(scale="log", moves=True)]


class TotalCorrelation(Spec):
    """The KL term in three parts, each with a weight of its own (Chen et al., 2018)."""

    kind: Literal["total_correlation"] = "total_correlation"
    mutual_information: Annotated[
        PartWeight, Field(description="Weight of what the code tells about which item it is.")
    ] = 1.0
    total_correlation: Annotated[
        PartWeight, Field(description="Weight of how much the numbers of the code tell about each other.")
    ] = 6.0
    dimension_wise: Annotated[
        PartWeight, Field(description="Weight of how far each number of the code is from the standard Gaussian.")
    ] = 1.0
    estimator: Annotated[
        Literal["mws", "mss"],
        Field(
            description="How the density of all codes is judged from a batch: by a weighted sample of the items (mws) "
            "or by a stratified one, which is unbiased but noisier (mss)."
        ),
        Knob(),
    ] = "mws"


class DIP(Spec):
    """The covariance of all codes is pulled to the identity (Kumar et al., 2018), beside the KL term."""

    kind: Literal["dip"] = "dip"
    version: Annotated[
        Literal["i", "ii"],
        Field(description="Covariance of the clouds' centres (i), or of codes drawn from the clouds (ii)."),
        Knob(),
    ] = "i"
    off_diagonal: Annotated[
        PartWeight, Field(description="Weight of the squared covariances between the numbers of the code.")
    ] = 10.0
    diagonal: Annotated[
        PartWeight, Field(description="Weight of how far the variance of each number of the code is from 1, squared.")
    ] = 100.0


Kernel = Annotated[
    Literal["imq", "rbf"],
    Field(description="What counts as near: inverse multiquadratic (imq), with far-reaching tails, or Gaussian (rbf)."),
    Knob(),
]
Bandwidth = Annotated[
    float,
    Field(ge=0.01, le=100, description="How far near reaches, in typical distances between two draws of the prior."),
    Knob(scale="log"),
]
Scales = Annotated[
    Literal["one", "seven"],
    Field(description="One bandwidth, or the sum over seven from a tenth to ten times as much."),
    Knob(),
]


class Info(Spec):
    """The KL term weighs 1 - alpha and the MMD alpha + weight - 1 (Zhao et al., 2017); beta is not used."""

    kind: Literal["info"] = "info"
    alpha: Annotated[
        float,
        Field(ge=-10, le=1, description="How little each cloud is pulled to the standard one; 1: not at all."),
        Knob(step=0.1),
    ] = 0.0
    weight: MatchingWeight = 10.0
    kernel: Kernel = "imq"
    bandwidth: Bandwidth = 1.0
    scales: Scales = "one"


class MMD(Spec):
    """All codes together are to look like draws of the prior, by kernels (Tolstikhin et al., 2018)."""

    kind: Literal["mmd"] = "mmd"
    weight: MatchingWeight = 10.0
    kernel: Kernel = "imq"
    bandwidth: Bandwidth = 1.0
    scales: Scales = "one"


class Sliced(Spec):
    """All codes together are to look like draws of the prior, seen along random lines (Kolouri et al., 2018)."""

    kind: Literal["sliced"] = "sliced"
    weight: MatchingWeight = 10.0
    projections: Annotated[
        int,
        Field(ge=1, le=1000, description="Random lines along which codes and draws are compared in each step."),
        Knob(unit="lines", scale="log"),
    ] = 50
    power: Annotated[int, Field(ge=1, le=4, description="Power of the distance along a line."), Knob(step=1)] = 2


CriticWidth = Annotated[
    int,
    Field(ge=1, le=2048, description="Neurons of each hidden layer of the critic, a second network that judges codes."),
    Knob(unit="neurons", scale="log2"),
]
CriticDepth = Annotated[int, Field(ge=1, le=6, description="Hidden layers of the critic."), Knob(step=1)]
CriticRate = Annotated[float, Field(ge=1e-6, le=1, description="Length of the critic's own steps."), Knob(scale="log")]


class Factor(Spec):
    """A critic tells codes from shuffled ones, which estimates the total correlation (Kim and Mnih, 2018)."""

    kind: Literal["factor"] = "factor"
    weight: MatchingWeight = 10.0
    width: CriticWidth = 64
    depth: CriticDepth = 3
    learning_rate: CriticRate = 0.001


class Adversarial(Spec):
    """A critic tells codes from draws of the prior, and the encoder learns to mislead it (Makhzani et al., 2015)."""

    kind: Literal["adversarial"] = "adversarial"
    weight: MatchingWeight = 0.3
    width: CriticWidth = 64
    depth: CriticDepth = 3
    learning_rate: CriticRate = 0.001


AnyMatching = Annotated[
    NoMatching | Capacity | TotalCorrelation | DIP | Info | MMD | Sliced | Factor | Adversarial,
    Field(discriminator="kind"),
]


class Objective(Spec):
    """What is made small: a reconstruction term and weighted penalties, in nats per item."""

    reconstruction: Annotated[
        Literal["mse", "gaussian", "bce", "continuous_bernoulli", "cross_entropy", "mixed"],
        Field(description="How a reconstruction is compared with its original."),
        Knob(level="beginner"),
    ] = "mse"
    observed_only: Annotated[
        bool,
        Field(description="Entries of 0 mean that nothing is known, and are not judged: for ratings."),
        Knob(),
    ] = False
    weight_decay: Annotated[
        float,
        Field(ge=0, le=1, description="Pulls every weight towards zero, in proportion to its size (L2)."),
        Knob(scale="log", level="beginner"),
    ] = 0.0
    weight_l1: Annotated[
        float,
        Field(ge=0, le=1, description="Pulls every weight towards zero by the same force, so many become zero."),
        Knob(scale="log", moves=True),
    ] = 0.0
    code_l1: Annotated[
        float,
        Field(ge=0, le=100, description="Charges for every active number of the code: a sparse autoencoder."),
        Knob(scale="log", moves=True),
    ] = 0.0
    code_l1_by_decoder: Annotated[
        bool,
        Field(
            description="Code L1 charges each number by how much it adds to the picture, the length of its weights in "
            "the decoder, so shrinking the code and growing the weights saves nothing."
        ),
        Knob(idle=("code_l1", (0.0,))),
    ] = False
    code_l2: Annotated[
        float,
        Field(ge=0, le=100, description="Pulls every code towards the middle, by half the square of its length."),
        Knob(scale="log", moves=True),
    ] = 0.0
    decoder_decay: Annotated[
        float,
        Field(ge=0, le=10, description="Pulls the decoder's weights towards zero, and no others (L2)."),
        Knob(scale="log", moves=True),
    ] = 0.0
    decoder_gradient: Annotated[
        float,
        Field(ge=0, le=100, description="Charges for pictures that change a lot when the code moves a little."),
        Knob(scale="log", moves=True),
    ] = 0.0
    sparsity: Annotated[
        AnySparsity,
        BeforeValidator(lambda value: NoSparsity() if value is None else value),
        Field(description="A target for how often each number of the code is active."),
        Knob(),
    ] = NoSparsity()
    contractive: Annotated[
        float,
        Field(ge=0, le=100, description="Charges for codes that move when the input moves a little."),
        Knob(scale="log", moves=True),
    ] = 0.0
    matching: Annotated[
        AnyMatching,
        BeforeValidator(lambda value: NoMatching() if value is None else value),
        Field(description="How the codes of all items together are shaped, beyond each item's own KL term."),
        Knob(),
    ] = NoMatching()
    topological: Annotated[
        float,
        Field(ge=0, le=1000, description="Charges where items that hang together have codes that do not."),
        Knob(scale="log", moves=True),
    ] = 0.0
    corruption: Corruption = Corruption()


# ------------------------------------------------------------------------------------ optimizer and training


class Optimizer(Spec):
    """How weights move against the gradient."""

    kind: Annotated[
        Literal["adam", "adamw", "sgd", "rmsprop"],
        Field(description="The rule that turns gradients into steps."),
        Knob(level="beginner"),
    ] = "adam"
    learning_rate: Annotated[
        float,
        Field(ge=1e-6, le=100, description="Length of each step. May change while the run trains."),
        Knob(scale="log", level="beginner", live=True),
    ] = 0.001
    momentum: Annotated[
        float,
        Field(ge=0, le=0.999, description="Share of the last step that is kept; only sgd uses it."),
        Knob(step=0.01, idle=("kind", ("adam", "adamw", "rmsprop"))),
    ] = 0.9
    schedule: Annotated[
        Literal["constant", "cosine", "step"],
        Field(
            description="How the learning rate moves over the run: stays, falls to zero along a half cosine, "
            "or is cut to a tenth after each third."
        ),
        Knob(),
    ] = "constant"


class Training(Spec):
    """How long, in what portions, from which random start."""

    batch_size: Annotated[
        int,
        Field(ge=1, le=4096, description="Items looked at before each step."),
        Knob(unit="items", scale="log2", level="beginner"),
    ] = 64
    epochs: Annotated[
        int,
        Field(ge=1, le=10_000, description="How often the training items are gone through."),
        Knob(unit="epochs", scale="log", level="beginner"),
    ] = 30
    max_seconds: Annotated[
        float | None, Field(ge=0.1, le=86_400, description="Stop after this much training time."), Knob(unit="seconds")
    ] = None
    target_loss: Annotated[
        float | None,
        Field(ge=-1e9, le=1e9, description="Stop when the validation loss is this small."),
        Knob(unit="nats per item"),
    ] = None
    patience: Annotated[
        int | None,
        Field(ge=1, le=10_000, description="Stop after this many epochs without a better validation loss."),
        Knob(unit="epochs"),
    ] = None
    seed: Annotated[
        int,
        Field(ge=0, le=2**31 - 1, description="Start of every random number: weights, order of batches, noise."),
        Knob(level="beginner"),
    ] = 0
    gradients: Annotated[
        Literal["auto", "explicit", "autograd"],
        Field(
            description="How gradients are found: written out for dense layers, which is several times faster, or by "
            "PyTorch's autograd, which knows everything. Auto takes the faster one that can."
        ),
        Knob(),
    ] = "auto"


Way = Literal["linear", "cosine", "cyclic", "warm_up"]


class Schedule(Spec):
    """How one setting moves over the run: from `start` to `end`, within the first `share` of it (cyclic: again and
    again, `cycles` times over the whole run, each time rising for that share of the cycle and then staying).

    setting: the key of a number whose knob `moves`.
    """

    setting: Annotated[str, Field(max_length=80)]
    way: Way = "linear"
    start: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    end: Annotated[float, Field(ge=-1e6, le=1e6)] = 1.0
    share: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    cycles: Annotated[int, Field(ge=1, le=20)] = 4

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """`setting~way~start~end~share~cycles`, as it stands in a link."""
        if not isinstance(value, str):
            return value
        parts = value.split("~")
        if len(parts) != len(cls.model_fields):
            raise ValueError("expected setting~way~start~end~share~cycles")
        return dict(zip(cls.model_fields, parts, strict=True))

    def __str__(self) -> str:
        return "~".join(
            repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
            for value in (getattr(self, name) for name in type(self).model_fields)
        )


class RunSpec(Spec):
    """One experiment. Everything that is shown of a run follows from this and from its events."""

    data: AnyData = Digits()
    model: AnyModel = MLP()
    objective: Objective = Objective()
    optimizer: Optimizer = Optimizer()
    training: Training = Training()
    schedules: Annotated[
        tuple[Schedule, ...], Field(max_length=8, description="Settings that move while the run trains."), Knob()
    ] = ()


# ------------------------------------------------------------------------------------- JSON, URL and widgets


@dataclass(frozen=True)
class Setting:
    """One leaf of a spec: where it stands, what it may be, and what it is now.

    key: the path joined by underscores (`optimizer_learning_rate`), which is also its widget key and URL parameter.
    choices: for fields that are one of a few words. low, high: bounds of numbers, None where there is none.
    """

    path: tuple[str, ...]
    value: Any
    default: Any
    field: FieldInfo
    knob: Knob
    choices: tuple[Any, ...]
    low: float | None
    high: float | None
    optional: bool

    @property
    def key(self) -> str:
        return "_".join(self.path)


def read(value: Mapping[str, Any] | str | bytes) -> RunSpec:
    """A spec from JSON or from nested mappings; missing fields take their defaults.

    Raises SpecError with one sentence for each field that does not fit.
    """
    try:
        if isinstance(value, str | bytes):
            return RunSpec.model_validate_json(value)
        return RunSpec.model_validate(value)
    except ValidationError as error:
        raise SpecError(" ".join(sentence(problem) for problem in error.errors()[:5])) from None


def sentence(problem: Mapping[str, Any]) -> str:
    """One of Pydantic's findings as a sentence: which setting, what was expected, what came."""
    *way, last = problem["loc"] or ("the experiment",)
    where = ".".join(str(part) for part in (*(part for part in way if part not in _TAGS), last))
    came = repr(problem.get("input"))
    came = came if len(came) <= 60 else came[:57] + "..."
    return f"{where}: {_wanted(problem)}, got {came}."


def _wanted(problem: Mapping[str, Any]) -> str:
    """What was expected, in words that do not need Python."""
    facts, kind = problem.get("ctx", {}), str(problem["type"])
    usual = f"{problem['msg'][:1].lower()}{problem['msg'][1:]}"
    return {
        "greater_than_equal": f"expected {facts.get('ge')} or more",
        "less_than_equal": f"expected {facts.get('le')} or less",
        "literal_error": f"expected one of {facts.get('expected')}",
        "too_long": f"expected at most {facts.get('max_length')} of them",
        "extra_forbidden": "there is no such setting",
        "value_error": str(facts.get("error")),
        "finite_number": "expected a number",
    }.get(kind) or next((f"expected {word}" for start, word in _KINDS_OF_NUMBER if kind.startswith(start)), usual)


_KINDS_OF_NUMBER = (("int_", "a whole number"), ("float_", "a number"), ("bool_", "yes or no"))


def bound(cls: type[Spec], field: str, name: str) -> int:
    """A bound as it stands on a field: `ge`, `le`, `min_length` or `max_length`."""
    return next(int(getattr(mark, name)) for mark in cls.model_fields[field].metadata if hasattr(mark, name))


def settings(spec: Spec, prefix: tuple[str, ...] = ()) -> Iterator[Setting]:
    """Every leaf of the spec in the order of its fields. A union's `kind` is a leaf whose choices are the kinds."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if isinstance(value, Spec):
            kinds = _kinds(field)
            if len(kinds) > 1:
                yield _setting((*prefix, name, "kind"), value.kind, field.default.kind, field, tuple(kinds))  # type: ignore[attr-defined]
            yield from settings(value, (*prefix, name))
        elif name != "kind" or len(_words(field)) > 1:
            yield _setting((*prefix, name), value, field.default, field, _words(field))


def every_setting(cls: type[Spec] = RunSpec, prefix: tuple[str, ...] = ()) -> dict[str, Setting]:
    """Every leaf that any spec can have, over all kinds of every union, by key and with its default as its value.

    A key that several kinds share is the first one's, so the kind that knows most words for it comes first.
    """
    found: dict[str, Setting] = {}
    for name, field in cls.model_fields.items():
        if isinstance(field.default, Spec):
            kinds = _kinds(field)
            if len(kinds) > 1:
                leaf = _setting((*prefix, name, "kind"), field.default.kind, field.default.kind, field, tuple(kinds))  # type: ignore[attr-defined]
                found[leaf.key] = leaf
            for member in kinds.values():
                found = every_setting(member, (*prefix, name)) | found
        elif name != "kind" or len(_words(field)) > 1:
            leaf = _setting((*prefix, name), field.default, field.default, field, _words(field))
            found.setdefault(leaf.key, leaf)
    return found


def in_effect(spec: RunSpec) -> Iterator[Setting]:
    """The leaves that change something under the other settings of this spec."""
    leaves = list(settings(spec))
    moved = {plan.setting: max(plan.start, plan.end) for plan in spec.schedules}
    values = {leaf.path: moved.get(leaf.key, leaf.value) for leaf in leaves}
    for leaf in leaves:
        beside, idle = leaf.knob.idle or ("", ())
        if values.get((*leaf.path[:-1], beside)) not in idle:
            yield leaf


def changed(spec: RunSpec, values: Mapping[str, Any]) -> RunSpec:
    """The spec with some settings replaced, by key. A new kind keeps the settings that it shares with the old one and
    drops the others, with the schedules that moved them, also a word that the new kind does not know and a number that
    is out of its bounds.

    Raises SpecError where a value does not fit, and for a key that this spec does not have.
    """
    before = {leaf.key: leaf.value for leaf in settings(spec)}
    tree, used = _tree(RunSpec, (), before | dict(values), frozenset(values))
    if unknown := set(values) - used - set(before):
        raise SpecError(f"This experiment has no setting {', '.join(sorted(unknown))}.")
    made = read(tree)
    if "schedules" in values or not made.schedules:
        return made
    gone = set(before) - {leaf.key for leaf in settings(made)}
    return read(tree | {"schedules": tuple(plan for plan in made.schedules if plan.setting not in gone)})


def to_url(spec: RunSpec, start: RunSpec | None = None) -> dict[str, str]:
    """The settings that differ from `start` (usually `RunSpec()`), as URL parameters.

    Schedules are also written where they are the start's and move a setting that this spec does not have: whoever reads
    the link would drop them with that setting.
    """
    usual, own = ({leaf.key: leaf.value for leaf in settings(one)} for one in (start or RunSpec(), spec))
    differs = {leaf.key: leaf.value for leaf in settings(spec) if leaf.value != usual.get(leaf.key, leaf.default)}
    if any(plan.setting in usual and plan.setting not in own for plan in spec.schedules):
        differs["schedules"] = spec.schedules
    return {key: _to_text(value) for key, value in differs.items()}


def from_url(params: Mapping[str, str], start: RunSpec | None = None) -> tuple[RunSpec, list[str]]:
    """A spec from URL parameters, and a sentence for each parameter that was refused and left at its start value.

    Parameters that are no settings are ignored. Whatever comes, the result is a valid spec.
    """
    spec, problems = start or RunSpec(), []
    kinds_first = sorted(params, key=lambda key: not key.endswith("_kind"))
    for key in kinds_first:
        leaf = next((leaf for leaf in settings(spec) if leaf.key == key), None)
        if leaf is None:
            continue
        try:
            spec = changed(spec, {key: _from_text(params[key], leaf)})
        except SpecError as error:
            problems.append(str(error))
    return spec, problems


def _setting(path: tuple[str, ...], value: Any, default: Any, field: FieldInfo, choices: tuple[Any, ...]) -> Setting:
    marks = field.metadata
    return Setting(
        path=path,
        value=value,
        default=default,
        field=field,
        knob=next((mark for mark in marks if isinstance(mark, Knob)), Knob()),
        choices=choices,
        low=next((float(mark.ge) for mark in marks if isinstance(mark, Ge)), None),  # type: ignore[arg-type]
        high=next((float(mark.le) for mark in marks if isinstance(mark, Le)), None),  # type: ignore[arg-type]
        optional=type(None) in (field.annotation, *get_args(field.annotation)),
    )


def _words(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _known(field: FieldInfo, value: Any) -> bool:
    """Whether a value that another kind had is one of this field's words, or within its bounds."""
    if words := _words(field):
        return value in words
    if not isinstance(value, int | float):
        return True
    low = max((float(mark.ge) for mark in field.metadata if isinstance(mark, Ge)), default=value)  # type: ignore[arg-type]
    high = min((float(mark.le) for mark in field.metadata if isinstance(mark, Le)), default=value)  # type: ignore[arg-type]
    return bool(low <= value <= high)


def _kinds(field: FieldInfo) -> dict[str, type[Spec]]:
    """The tagged union's members by kind; one entry for a plain nested spec."""
    members = get_args(field.annotation) or (field.annotation,)
    return {
        str(member.model_fields["kind"].default) if "kind" in member.model_fields else "": member for member in members
    }


def _tree(
    cls: type[Spec], path: tuple[str, ...], flat: Mapping[str, Any], asked: frozenset[str]
) -> tuple[dict[str, Any], set[str]]:
    """Nested values for `cls` out of flat ones, and the keys that were of use. asked: keys that may not be dropped."""
    tree: dict[str, Any] = {}
    used: set[str] = set()
    for name, field in cls.model_fields.items():
        key = "_".join((*path, name))
        if isinstance(field.default, Spec):
            kinds = _kinds(field)
            kind = flat.get(f"{key}_kind", getattr(field.default, "kind", ""))
            member = kinds.get(kind) if isinstance(kind, str) else None
            if member is None and len(kinds) == 1:
                member = next(iter(kinds.values()))
            if member is None:
                raise SpecError(f"{key}_kind: expected one of {', '.join(kinds)}, got {str(kind)[:60]!r}.")
            tree[name], inner = _tree(member, (*path, name), flat, asked)
            used |= inner
        elif key in flat and (key in asked or _known(field, flat[key])):
            tree[name] = flat[key]
            used.add(key)
    return tree, used


def _to_text(value: Any) -> str:
    if isinstance(value, tuple):
        return _between(value).join(str(part) for part in value) or "none"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")  # the shortest text that gives the same number back
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _between(value: tuple[Any, ...]) -> str:
    return "," if value and isinstance(value[0], Schedule) else "-"


def _from_text(text: str, leaf: Setting) -> Any:
    """Undoes `_to_text`; Pydantic turns what is left as text into numbers, or refuses it."""
    if leaf.optional and text == "none":
        return None
    if isinstance(leaf.default, tuple):
        return () if text in ("", "none") else tuple(text[:1000].split("," if leaf.key == "schedules" else "-"))
    return next((choice for choice in leaf.choices if str(choice) == text), text)


def _tags(cls: type[Spec]) -> Iterator[str]:
    """The kinds of every tagged union below this record."""
    for field in cls.model_fields.values():
        if isinstance(field.default, Spec):
            kinds = _kinds(field)
            yield from kinds
            for member in kinds.values():
                yield from _tags(member)


_TAGS = frozenset(_tags(RunSpec))
