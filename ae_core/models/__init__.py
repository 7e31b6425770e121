"""Networks: blocks, codes, and `build(spec, ...)`."""

from ae_core.models.autoencoder import OUTPUTS, Autoencoder, Pass, build
from ae_core.models.code import sample
from ae_core.models.coded import Coded

__all__ = ["OUTPUTS", "Autoencoder", "Coded", "Pass", "build", "sample"]
