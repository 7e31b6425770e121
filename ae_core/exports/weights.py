"""The weights of a network as safetensors, which nothing in can be executed when it is opened."""

from __future__ import annotations

from safetensors.torch import save

from ae_core.probes.specimen import Specimen


def weights(specimen: Specimen) -> bytes:
    """All tensors of the model by their names. Metadata: the run, its step, its spec as JSON."""
    about = {"format": "pt", "run": specimen.run, "step": str(specimen.step), "spec": specimen.spec.model_dump_json()}
    return save({name: value.contiguous() for name, value in specimen.model.state_dict().items()}, about)
