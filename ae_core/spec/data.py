"""Datasets: what each is made by, and what every one needs to be split and scaled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ae_core.spec.record import Knob, Spec


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
