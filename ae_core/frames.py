"""The binary message of the live stream and of stored snapshots.

uint32 length of the header (little-endian) · header, UTF-8 JSON, padded with spaces so that the arrays begin on a
multiple of 8 · the arrays, little-endian, C order, each begun on a multiple of 8. `header["arrays"]` lists them:
`{"name", "dtype", "shape", "offset"}`, the offset counted from the end of the header. dtypes are NumPy's short names
(`f4 f2 u1 i4 i2`), so a browser can view each array without copying.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from ae_core.errors import FrameError

VERSION = 1
DTYPES = frozenset({"f4", "f2", "f8", "u1", "i1", "i2", "i4"})
_LENGTH = struct.Struct("<I")


def encode(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> bytes:
    """One frame. Header values must be JSON; a number that is not finite raises FrameError."""
    index, parts, offset = [], [], 0
    for name, array in (arrays or {}).items():
        data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        dtype = data.dtype.str[1:]
        if dtype not in DTYPES:
            raise FrameError(f"A frame holds {', '.join(sorted(DTYPES))}; {name} is {dtype}. Convert it first.")
        index.append({"name": name, "dtype": dtype, "shape": list(array.shape), "offset": offset})
        raw = data.tobytes()
        parts += [raw, bytes(-len(raw) % 8)]
        offset += len(raw) + -len(raw) % 8
    try:
        text = json.dumps({"v": VERSION, **header, "arrays": index}, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise FrameError(f"A frame's header must be finite JSON: {error}") from None
    text += b" " * (-(len(text) + _LENGTH.size) % 8)
    return b"".join([_LENGTH.pack(len(text)), text, *parts])


def decode(frame: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header (without its index of arrays) and arrays by name; the arrays are read-only views of the frame."""
    try:
        (length,) = _LENGTH.unpack_from(frame)
        start = _LENGTH.size + length
        header = dict(json.loads(frame[_LENGTH.size : start]))
        arrays = {item["name"]: _view(frame, start, item) for item in header.pop("arrays")}
    except (struct.error, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise FrameError(f"Expected a frame of the live stream, got {len(frame)} other bytes: {error}") from None
    if header.pop("v", None) != VERSION:
        raise FrameError(f"Expected a frame of version {VERSION}. Reload the page.")
    return header, arrays


def _view(frame: bytes, start: int, item: Mapping[str, Any]) -> np.ndarray:
    """One array of a frame whose arrays begin at `start`."""
    if item["dtype"] not in DTYPES:
        raise FrameError(f"A frame holds {', '.join(sorted(DTYPES))}; {item['name']} is {item['dtype']}.")
    if any(number < 0 for number in (item["offset"], *item["shape"])):
        raise FrameError(f"A frame's arrays begin and end inside it; {item['name']} does not.")
    flat = np.frombuffer(frame, np.dtype("<" + item["dtype"]), math.prod(item["shape"]), start + item["offset"])
    return flat.reshape(item["shape"])
