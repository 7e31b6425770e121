"""Networks: blocks, codes, and `build(spec, ...)`."""

from ae_core.models.autoencoder import Autoencoder, Pass, build
from ae_core.models.code import sample
from ae_core.models.coded import Coded
from ae_core.models.outputs import OUTPUTS

__all__ = ["OUTPUTS", "Autoencoder", "Coded", "Pass", "build", "sample"]
