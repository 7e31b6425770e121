"""What can be asked of a run: one frozen record a question, with bounds and defaults on its fields.

A question's answer depends on nothing but the question, the run and the step, so it is worked out once and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from ae_core.errors import SpecError
from ae_core.spec import Spec, sentence

VERSION = 2  # of the answers: raised when one of them changes, so that none that was kept is taken for a new one
MOST_ITEMS = 10_000  # items of which codes are told, unless more are asked for


class Codes(Spec):
    """Where the items lie: codes as they are up to three dimensions, wider ones on their first principal axes."""

    kind: Literal["codes"] = "codes"
    most: Annotated[int, Field(ge=100, le=100_000, description="Items at most.")] = MOST_ITEMS


class Items(Spec):
    """The items themselves, as pictures or numbers."""

    kind: Literal["items"] = "items"
    first: Annotated[int, Field(ge=0, le=1_000_000, description="Number of the first item.")] = 0
    most: Annotated[int, Field(ge=1, le=20_000, description="Items at most.")] = 5_000


class Program(Spec):
    """The network itself, as operations that a browser can run."""

    kind: Literal["program"] = "program"


class Projection(Spec):
    """Codes of any width on a plane or in space."""

    kind: Literal["projection"] = "projection"
    method: Literal["pca", "axes", "tsne", "umap"] = "pca"
    dimensions: Annotated[int, Field(ge=2, le=3, description="Axes to draw on.")] = 2
    chosen: Annotated[
        tuple[Annotated[int, Field(ge=0, le=4096)], ...],
        Field(max_length=3, description="Numbers of the code, counted from 0, for the method axes."),
    ] = (0, 1)
    neighbours: Annotated[int, Field(ge=2, le=200, description="Neighbours that t-SNE and UMAP keep close.")] = 30
    most: Annotated[int, Field(ge=100, le=10_000, description="Items at most.")] = 5_000
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="Seed of chance.")] = 0


class Clusters(Spec):
    """Groups that the codes fall into by themselves."""

    kind: Literal["clusters"] = "clusters"
    count: Annotated[int, Field(ge=2, le=50, description="Groups.")] = 10
    most: Annotated[int, Field(ge=100, le=100_000, description="Items at most.")] = MOST_ITEMS
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="Seed of chance.")] = 0


class Numbers(Spec):
    """Every metric of the model."""

    kind: Literal["numbers"] = "numbers"


class Samples(Spec):
    """New items out of codes drawn at random."""

    kind: Literal["samples"] = "samples"
    sampler: Annotated[str, Field(max_length=20, description="Of ae_core.sampling; empty for the code's own.")] = ""
    count: Annotated[int, Field(ge=1, le=256, description="Items.")] = 24
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="Seed of chance.")] = 0


class Layers(Spec):
    """The size of each layer's weights, how hard the loss pulls at them, and what the layer answers."""

    kind: Literal["layers"] = "layers"
    most: Annotated[int, Field(ge=16, le=5_000, description="Items at most.")] = 512


class Units(Spec):
    """The units of one layer, those that differ most between items."""

    kind: Literal["units"] = "units"
    layer: Annotated[str, Field(max_length=40, description="Of the network; empty for its first.")] = ""
    units: Annotated[int, Field(ge=1, le=256, description="Units at most.")] = 24
    most: Annotated[int, Field(ge=100, le=20_000, description="Items at most.")] = 2_000


class Dimensions(Spec):
    """How much each number of the code says."""

    kind: Literal["dimensions"] = "dimensions"
    most: Annotated[int, Field(ge=100, le=20_000, description="Items at most.")] = 5_000


class Landscape(Spec):
    """The loss around the model, in the plane in which training moved most."""

    kind: Literal["landscape"] = "landscape"
    points: Annotated[int, Field(ge=5, le=41, description="Places along each direction.")] = 15
    most: Annotated[int, Field(ge=16, le=5_000, description="Items at most.")] = 512


FileName = Literal[
    "pytorch.zip",
    "model.onnx",
    "encoder.onnx",
    "decoder.onnx",
    "weights.safetensors",
    "codes.csv",
    "codes.parquet",
    "training.gif",
]
"""In the order in which they are offered."""


class TakeAway(Spec):
    """The run as a file (see `exports.files`)."""

    kind: Literal["take_away"] = "take_away"
    file: FileName


Question = Annotated[
    Codes
    | Items
    | Program
    | Projection
    | Clusters
    | Numbers
    | Samples
    | Layers
    | Units
    | Dimensions
    | Landscape
    | TakeAway,
    Field(discriminator="kind"),
]
_READER: TypeAdapter[Any] = TypeAdapter(Question)


def read_question(value: Mapping[str, Any]) -> Spec:
    """The question that this JSON asks. Raises SpecError with a sentence where it asks none."""
    try:
        found: Spec = _READER.validate_python(dict(value))
    except ValidationError as error:
        raise SpecError("; ".join(sentence(dict(problem)) for problem in error.errors()[:3])) from None
    return found


def probe_id(run: str, step: int, question: Spec) -> str:
    """The name of this question about this run at this step: the same question has the same name."""
    text = f"{VERSION}|{run}|{step}|{question.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
