"""Every file that a run can be taken away as. To add one: a line here, its name in
`probes.questions.FileName`, its sentence in the copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ae_core.exports.animation import film
from ae_core.exports.codes import codes_csv, codes_parquet
from ae_core.exports.onnx import onnx_model
from ae_core.exports.pytorch import script_zip
from ae_core.exports.weights import weights
from ae_core.probes.specimen import Specimen

Tell = Callable[[float], None]


@dataclass(frozen=True)
class File:
    """make: its bytes, from a specimen and what is told of the progress. media: what browsers call its kind."""

    make: Callable[[Specimen, Tell], bytes]
    media: str


def _plain(make: Callable[[Specimen], bytes]) -> Callable[[Specimen, Tell], bytes]:
    """Of those that are soon done."""
    return lambda specimen, _: make(specimen)


FILES: dict[str, File] = {
    "weights.safetensors": File(_plain(weights), "application/octet-stream"),
    "model.onnx": File(_plain(onnx_model), "application/octet-stream"),
    "encoder.onnx": File(_plain(lambda specimen: onnx_model(specimen, "encoder")), "application/octet-stream"),
    "decoder.onnx": File(_plain(lambda specimen: onnx_model(specimen, "decoder")), "application/octet-stream"),
    "codes.csv": File(_plain(codes_csv), "text/csv; charset=utf-8"),
    "codes.parquet": File(_plain(codes_parquet), "application/vnd.apache.parquet"),
    "pytorch.zip": File(_plain(script_zip), "application/zip"),
    "training.gif": File(film, "image/gif"),
}
