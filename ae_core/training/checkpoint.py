"""A run's whole state as one safetensors blob: tensors as tensors, the rest as JSON in its header.

Nothing is ever unpickled. Floats go through `float.hex`, so that a resumed run continues with the same bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ae_core.errors import CheckpointError

VERSION = 1


def pack(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> bytes:
    """tensors by name, and state: JSON values and floats."""
    text = json.dumps({"version": VERSION, "state": _plain(state)}, allow_nan=False)
    copies = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    return save(copies, metadata={"latent_lab": text})


def unpack(blob: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Undoes `pack`. Raises CheckpointError for bytes that are none."""
    try:
        tensors = load(blob)
        length = int.from_bytes(blob[:8], "little")
        found = json.loads(json.loads(blob[8 : 8 + length])["__metadata__"]["latent_lab"])
        version, state = found["version"], _rich(found["state"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"Expected a checkpoint of Latent Lab, got {len(blob)} bytes that are none: {error}"
        ) from None
    if version != VERSION:
        raise CheckpointError(f"Expected a checkpoint of version {VERSION}, got version {version}.")
    return tensors, state


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's tensors, named by parameter number and slot: `optimizer/3/exp_avg`."""
    return {
        f"optimizer/{number}/{slot}": value
        for number, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Undoes `optimizer_tensors` on a fresh optimiser with the same settings."""
    whole = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, number, slot = name.split("/")
            state.setdefault(int(number), {})[slot] = value
    optimizer.load_state_dict({**whole, "state": state})


def saved_sums(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What was added up since the last report, by term."""
    return {name.removeprefix("sums/"): value for name, value in tensors.items() if name.startswith("sums/")}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, float):
        return {"float": value.hex()}
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"float"}:
            return float.fromhex(value["float"])
        return {name: _rich(part) for name, part in value.items()}
    return value
