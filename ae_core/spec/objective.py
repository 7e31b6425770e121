"""What is made small: reconstruction, penalties, the shape of all codes together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ae_core.spec.record import Knob, Spec


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
    ] = "mss"


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
