"""The binary message of the live stream."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ae_core.errors import FrameError
from ae_core.frames import DTYPES, decode, encode

ARRAYS = st.dictionaries(
    st.text(max_size=20),
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda kind: npst.arrays(np.dtype(kind), npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
    ),
    max_size=5,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.text().filter(lambda name: name not in ("v", "arrays")), JSON, max_size=5)


@given(HEADERS, ARRAYS)
def test_what_goes_in_comes_out(header: dict[str, object], arrays: dict[str, np.ndarray]) -> None:
    """Any finite JSON header and any arrays, empty and NaN ones too, survive a round trip bit by bit."""
    seen, found = decode(encode(header, arrays))

    assert seen == header
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@given(ARRAYS)
def test_arrays_lie_where_a_browser_can_view_them(arrays: dict[str, np.ndarray]) -> None:
    """Every array begins on a multiple of eight bytes of the message, so no typed array needs a copy."""
    frame = encode({}, arrays)
    (length,) = struct.unpack_from("<I", frame)

    assert (length + 4) % 8 == 0
    assert all(item["offset"] % 8 == 0 for item in json.loads(frame[4 : 4 + length])["arrays"])


def test_byte_order_and_layout_do_not_matter() -> None:
    """Big-endian and transposed arrays arrive with the same values."""
    array = np.arange(6, dtype=">f4").reshape(2, 3).T

    assert np.array_equal(decode(encode({}, {"a": array}))[1]["a"], array)


@pytest.mark.parametrize("array", [np.array([1 + 2j]), np.array([1], np.int64), np.array([True]), np.array(["a"])])
def test_other_kinds_of_numbers_are_refused(array: np.ndarray) -> None:
    """A dtype that no browser can view is the writer's error, with a sentence."""
    with pytest.raises(FrameError, match="Convert it first"):
        encode({}, {"a": array})


def test_a_header_is_finite() -> None:
    """NaN belongs into arrays, never into the header."""
    with pytest.raises(FrameError, match="finite"):
        encode({"loss": float("nan")})


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused(raw: bytes) -> None:
    """Bytes that are no frame raise FrameError, whatever they are."""
    with pytest.raises(FrameError):
        decode(raw)


HOSTILE = [
    b"null",
    b"[]",
    b"{}",
    b'{"arrays":null}',
    b'{"arrays":[1]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"O","shape":[1],"offset":0}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"f4","shape":[9],"offset":0}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"f4","shape":[-1],"offset":0}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"f4","shape":[1],"offset":-1}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"f4","shape":"x","offset":0}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"f4","shape":[1e999],"offset":0}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":"f4","shape":[9999999999999999999999],"offset":0}]}',
    b'{"v":1,"arrays":[{"name":"a","dtype":["f4"],"shape":[1],"offset":0}]}',
    b'{"v":1,"arrays":[{"name":["a"],"dtype":"f4","shape":[0],"offset":0}]}',
    b'{"v":2,"arrays":[]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("header", HOSTILE, ids=lambda header: repr(header[:60]))
def test_hostile_headers_are_refused(header: bytes) -> None:
    """A header that lies about its arrays raises FrameError and reads nothing outside the frame."""
    with pytest.raises(FrameError):
        decode(struct.pack("<I", len(header)) + header + bytes(8))


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_frame_is_a_frame_or_refused(place: int, byte: int) -> None:
    """One wrong byte gives other numbers or FrameError, nothing else."""
    frame = bytearray(encode({"run": "a"}, {"a": np.arange(3, dtype=np.float32)}))
    frame[place % len(frame)] = byte
    try:
        decode(bytes(frame))
    except FrameError as error:
        assert str(error)  # noqa: PT017
