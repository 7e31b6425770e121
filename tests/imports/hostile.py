"""Files that were made to do harm, or are broken in ways that files are: each with the sentence that refuses it."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

MEGABYTE = 2**20


@dataclass(frozen=True)
class Hostile:
    """file: its name. made: its bytes. said: a regular expression of the refusal."""

    file: str
    made: Callable[[], bytes]
    said: str


def zipped(members: dict[str, bytes], level: int = 6) -> bytes:
    """A ZIP of these members."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return whole.getvalue()


def zeros(megabytes: int) -> bytes:
    """Nothing, and much of it."""
    return bytes(megabytes * MEGABYTE)


def many_members(count: int = 1_000_000, *, owned: bool = True) -> bytes:
    """A ZIP whose directory alone has so many entries, each over the same bytes. owned: its old end points to the
    64-bit one, else it speaks of five members.
    """
    entry = b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, 1, 1, 5, 0, 0, 0, 0, 0, 0) + b"a.png"
    size = len(entry) * count
    start = b"PK\x03\x04" + bytes(64)
    wide = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, len(start))
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(start) + size, 1)
    said = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if owned else (5, 5, 300, len(start))
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, *said, 0)
    return start + entry * count + wide + locator + end


def many_cells(rows: int, columns: int) -> bytes:
    """Digits in a gzip file that shrink to a fiftieth or so, as those of honest tables may."""
    random = np.random.default_rng(0)
    parts = []
    for _ in range(rows // 5_000):
        text = np.full((50, columns, 2), ord(","), dtype=np.uint8)
        text[:, :, 0] = random.integers(48, 58, (50, columns))
        text[:, -1, 1] = ord("\n")
        parts.append(gzip.compress(text.tobytes() * 100))
    return b"".join(parts)


def overlapping() -> bytes:
    """A ZIP of 20 entries that all show the same megabyte."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("0.png", bytes(range(256)) * 4096)
        first = archive.infolist()[0]
        for number in range(1, 20):
            twin = zipfile.ZipInfo(f"{number}.png")
            for part in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(twin, part, getattr(first, part))
            archive.filelist.append(twin)
    return whole.getvalue()


def locked() -> bytes:
    """A ZIP whose members say that they are encrypted."""
    plain = bytearray(zipped({f"{number}.png": b"x" * 50 for number in range(3)}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = plain.find(mark)
        while at >= 0:
            plain[at + offset] |= 1
            at = plain.find(mark, at + 4)
    return bytes(plain)


def png(width: int, height: int, *extra: tuple[bytes, bytes], bits: int = 1, data: bytes = b"") -> bytes:
    """A PNG by hand, with these chunks in front of its pixels; grey."""
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    parts = (head, *extra, (b"IDAT", data or zlib.compress(b"\0")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def flat_png(side: int) -> bytes:
    """A black square of one bit a pixel: whole, and tiny on the disk."""
    row = b"\0" + bytes((side + 7) // 8)
    return png(side, side, data=zlib.compress(row * side))


@cache
def empty_png(side: int) -> bytes:
    """A black square in three colours."""
    from PIL import Image

    whole = io.BytesIO()
    Image.new("RGB", (side, side)).save(whole, "PNG", compress_level=9)
    return whole.getvalue()


def big_jpeg(side: int) -> bytes:
    """A JPEG whose header says that it is so large."""
    from PIL import Image

    whole = io.BytesIO()
    Image.new("RGB", (16, 16)).save(whole, "JPEG")
    data = whole.getvalue()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]


def npy(shape: str, body: bytes = b"", descr: str = "<f4") -> bytes:
    """A .npy file whose header says what one likes."""
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (63 - (len(head) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + body


def long_header(size: int) -> bytes:
    """A NumPy header of so many bytes."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + b" " * size


def long_arrays(count: int) -> bytes:
    """An NPZ of that many items with a class each."""
    items = npy(f"({count}, 2)", np.tile(np.arange(250, dtype=np.uint8), count // 125).tobytes(), "|u1")
    return zipped({"x.npy": items, "y.npy": npy(f"({count},)", items[-count:], "|u1")}, 1)


def objects() -> bytes:
    """An array of Python objects."""
    whole = io.BytesIO()
    np.save(whole, np.array([{"a": 1}] * 30, dtype=object), allow_pickle=True)
    return whole.getvalue()


def parquet(rows: int) -> bytes:
    """Two columns of nothing, as long as one likes."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    whole = io.BytesIO()
    block = pa.table({"a": np.zeros(rows // 4, np.int8), "b": np.zeros(rows // 4, np.int8)})
    with pq.ParquetWriter(whole, block.schema) as writer:
        for _ in range(4):
            writer.write_table(block)
    return whole.getvalue()


def parquet_bomb(megabytes: int) -> bytes:
    """One text of zeros, so many megabytes long."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    whole = io.BytesIO()
    text = "0" * (megabytes * MEGABYTE)
    pq.write_table(pa.table({"a": [text] + [""] * 40, "b": list(range(41))}), whole, compression="zstd")
    return whole.getvalue()


def shared_parquet(rows: int) -> bytes:
    """Texts of a megabyte each, stored by the few letters in which they differ."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    whole = io.BytesIO()
    columns = {"a": ["0" * MEGABYTE + str(row % 7) for row in range(rows)], "b": list(range(rows))}
    how = {"a": "DELTA_BYTE_ARRAY", "b": "PLAIN"}
    pq.write_table(pa.table(columns), whole, use_dictionary=False, column_encoding=how)
    return whole.getvalue()


def empty_columns(count: int) -> bytes:
    """A Parquet file whose footer alone is too large."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    whole = io.BytesIO()
    names = [f"c{number}" for number in range(count)]
    pq.write_table(pa.table([pa.array([1])] * count, names=names), whole)
    return whole.getvalue()


def nested_parquet() -> bytes:
    """Lists in cells, and nothing else."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    whole = io.BytesIO()
    pq.write_table(pa.table({"a": [[1, 2]] * 40, "b": [{"c": 1}] * 40}), whole)
    return whole.getvalue()


def dense_parquet(columns: int, rows: int) -> bytes:
    """Columns of next to no bytes that have very many cells."""
    import pyarrow as pa
    from pyarrow import parquet

    column = pa.array(np.arange(rows) % 2 == 0)
    whole = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays([column] * columns, [f"c{i}" for i in range(columns)]), whole)
    return whole.getvalue()


def packed_parquet(columns: Callable[[int], object], count: int, rows: int, **how: object) -> bytes:
    """Columns of many rows that shrink to nearly nothing."""
    import pyarrow as pa
    from pyarrow import parquet

    whole = io.BytesIO()
    table = pa.table({f"c{place}": columns(rows) for place in range(count)})
    parquet.write_table(table, whole, compression="zstd", **how)
    return whole.getvalue()


def nothing(rows: int) -> object:
    """Fractions that are not told."""
    import pyarrow as pa

    return pa.nulls(rows, pa.float64())


def one_word(rows: int) -> object:
    """One word of 1,000 letters in all rows."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * 1_000]))


def long_words(rows: int) -> bytes:
    """Texts of 100,000 characters that a dictionary holds once each."""
    import pyarrow as pa
    from pyarrow import parquet

    words = pa.array([f"{word} " * 25_000 for word in ("ape", "bee", "cow")])
    texts = pa.DictionaryArray.from_arrays(pa.array(np.arange(rows) % 3, pa.int32()), words)
    whole = io.BytesIO()
    parquet.write_table(pa.table({"t": texts, "n": np.arange(rows)}), whole)
    return whole.getvalue()


def wide_csv(columns: int) -> bytes:
    """Thirty rows of very many columns."""
    return (",".join(f"c{i}" for i in range(columns)) + "\n" + ("1," * (columns - 1) + "2\n") * 30).encode()


BOMB = "far too much when it is unpacked"
DAMAGED = "is damaged, or was not uploaded completely"

HOSTILE: dict[str, Hostile] = {
    "zip of zeros": Hostile("bomb.zip", lambda: zipped({"a.csv": zeros(300)}, 1), BOMB),
    "zip of a billion zeros": Hostile("bomb.zip", lambda: zipped({"a.png": zeros(1024)}, 1), BOMB),
    "zip of a million members": Hostile("many.zip", many_members, "at most 20,000 files in it, got 1,000,000"),
    "zip of a million members that speaks of five": Hostile(
        "many.zip", lambda: many_members(owned=False), "at most 20,000 files in it, got 1,000,000"
    ),
    "zip of overlapping members": Hostile("over.zip", overlapping, "members that lie over each other"),
    "zip of zips": Hostile("nest.zip", lambda: zipped({"a.zip": zipped({"b.csv": b"1,2\n"})}), "holds other archives"),
    "zip that is locked": Hostile("lock.zip", locked, "is locked with a password"),
    "zip cut off": Hostile("cut.zip", lambda: zipped({"a.csv": b"a,b\n" + b"1,2\n" * 900})[:-30], "no complete ZIP"),
    "zip without anything": Hostile("none.zip", lambda: zipped({}), "There is nothing in none.zip"),
    "zip of one empty file": Hostile("void.zip", lambda: zipped({"a.csv": b""}), "There is nothing in void.zip"),
    "excel": Hostile("a.zip", lambda: zipped({"[Content_Types].xml": b"<x/>"}), "is an Excel or Word file"),
    "gzip of zeros": Hostile("a.csv.gz", lambda: gzip.compress(zeros(16)) * 64, BOMB),
    "gzip of nothing, very often": Hostile("a.csv.gz", lambda: gzip.compress(b"") * 200_000, BOMB),
    "gzip of very many cells": Hostile(
        "a.csv.gz", lambda: many_cells(600_000, 200), "at most 104,857,600 numbers, got 120,000,000"
    ),
    "gzip in gzip": Hostile("a.csv.gz", lambda: gzip.compress(gzip.compress(b"a,b\n")), "promises text"),
    "png of 60,000 x 60,000": Hostile("a.png", lambda: png(60_000, 60_000), "at most 25 megapixels"),
    "png of 13,000 x 13,000": Hostile("a.png", lambda: flat_png(13_000), "at most 25 megapixels"),
    "png of 9,000 x 9,000": Hostile("a.png", lambda: flat_png(9_000), "at most 25 megapixels"),
    "png with a long text": Hostile(
        "a.png", lambda: png(8, 8, (b"zTXt", b"a\0\0" + zlib.compress(zeros(200)))), DAMAGED + "|at least 20 items"
    ),
    "png cut off": Hostile("a.png", lambda: flat_png(100)[:40], DAMAGED + "|at least 20 items"),
    "png of 20 million rows": Hostile("a.png", lambda: png(1, 20_000_000), "at most 25 megapixels"),
    "png of very many chunks": Hostile("a.png", lambda: png(8, 8, *[(b"abCd", b"")] * 900_000), DAMAGED),
    "jpeg of very many segments": Hostile(
        "a.jpg", lambda: b"\xff\xd8" + b"\xff\xe5\0\2" * 4_000_000 + big_jpeg(8)[2:], DAMAGED
    ),
    "jpeg of very many notes": Hostile(
        "a.jpg", lambda: b"\xff\xd8" + (b"\xff\xe1\xff\xffExif" + bytes(65_529)) * 400 + big_jpeg(8)[2:], DAMAGED
    ),
    "jpeg of very much before its pixels": Hostile(
        "a.jpg", lambda: b"\xff\xd8" + b"\xff" * (20 * MEGABYTE) + big_jpeg(8)[2:], DAMAGED
    ),
    "jpeg of 13,000 x 13,000": Hostile("a.jpg", lambda: big_jpeg(13_000), "at most 25 megapixels"),
    "many empty pngs": Hostile(
        "a.zip", lambda: zipped({f"{i}.png": empty_png(5_000) for i in range(20)}, 0), "far too much when they are dec"
    ),
    "many large pngs": Hostile(
        "a.zip", lambda: zipped({f"{i}.png": flat_png(4_900) for i in range(110)}, 0), "2,500 megapixels in all"
    ),
    "png called csv": Hostile("a.csv", lambda: flat_png(8), "promises text, but its content is a PNG picture"),
    "bmp called png": Hostile("a.png", lambda: b"BM\0\0\0\0\0\0\0\0" * 9, "a.png is a BMP picture"),
    "csv called npy": Hostile("a.npy", lambda: b"a,b\n1,2\n" * 30, "promises a NumPy array, but its content is text"),
    "zip called parquet": Hostile("a.parquet", lambda: zipped({"a": b"1"}), "but its content is a ZIP archive"),
    "json": Hostile("a.json", lambda: b'{"a": [1, 2]}', "Expected CSV, TSV, Parquet"),
    "npy that promises a terabyte": Hostile("a.npy", lambda: npy("(250000, 1000000)", bytes(64)), "promises .* bytes"),
    "npy of a negative shape": Hostile("a.npy", lambda: npy("(-5, 3)", bytes(64)), "shape|" + DAMAGED),
    "npy of a shape of 3,000 digits": Hostile("a.npy", lambda: npy(f"({'9' * 3000}, 3)"), "an impossible shape"),
    "npy of a long header": Hostile("a.npy", lambda: long_header(150 * MEGABYTE), DAMAGED),
    "npy of a deep header": Hostile("a.npy", lambda: npy("-" * 9000 + "1"), DAMAGED),
    "npz of very many items": Hostile("a.npz", lambda: long_arrays(10_000_000), "at most 2,000,000 rows"),
    "npy with a program in its header": Hostile("a.npy", lambda: npy("__import__('os').abort()"), DAMAGED),
    "npy of objects": Hostile("a.npy", objects, "holds object, not plain numbers"),
    "npy that is a pickle": Hostile("a.npy", lambda: pickle.dumps([1] * 99), "is a Python pickle"),
    "npy without items": Hostile("a.npy", lambda: npy("(0, 4)"), "has no items in it"),
    "npy of one number": Hostile("a.npy", lambda: npy("()", bytes(4)), "has no items in it"),
    "npz of zeros": Hostile("a.npz", lambda: zipped({"x.npy": npy("(8192, 8192)", zeros(256))}, 1), BOMB),
    "npz of a pickle": Hostile("a.npz", lambda: zipped({"x.npy": pickle.dumps([1] * 99)}), "is a Python pickle"),
    "npz of objects": Hostile("a.npz", lambda: zipped({"x.npy": objects()}), "not plain numbers"),
    "npz of nothing": Hostile("a.npz", lambda: zipped({"readme.txt": b"hello"}), "There is no array in this file"),
    "parquet of many rows": Hostile("a.parquet", lambda: parquet(20_000_000), "at most 2,000,000 rows, got 20,000,000"),
    "parquet of a long text": Hostile("a.parquet", lambda: parquet_bomb(150), BOMB),
    "parquet of texts that hardly differ": Hostile("a.parquet", lambda: shared_parquet(150), BOMB),
    "parquet of many columns": Hostile("a.parquet", lambda: empty_columns(80_000), "far more columns than can be used"),
    "parquet of 10,000 columns": Hostile(
        "a.parquet", lambda: empty_columns(10_000), "at most 4,000 columns, got 10,000"
    ),
    "parquet of very many cells": Hostile(
        "a.parquet", lambda: dense_parquet(400, 400_000), "at most 104,857,600 numbers, got 160,000,000"
    ),
    "parquet of zeros": Hostile(
        "a.parquet", lambda: packed_parquet(lambda rows: np.zeros(rows, np.int8), 50, 1_990_000), BOMB
    ),
    "parquet of nothing": Hostile("a.parquet", lambda: packed_parquet(nothing, 50, 1_990_000), BOMB),
    "parquet of one word": Hostile("a.parquet", lambda: packed_parquet(one_word, 10, 1_990_000), BOMB),
    "parquet of one number more in each row": Hostile(
        "a.parquet",
        lambda: packed_parquet(np.arange, 20, 1_990_000, use_dictionary=False, column_encoding="DELTA_BINARY_PACKED"),
        BOMB,
    ),
    "parquet of yes and no": Hostile(
        "a.parquet", lambda: packed_parquet(lambda rows: np.arange(rows) % 2 == 0, 40, 1_990_000), BOMB
    ),
    "parquet of lists": Hostile("a.parquet", nested_parquet, "has no column of numbers or text"),
    "parquet cut off": Hostile("a.parquet", lambda: parquet(4000)[:-9], DAMAGED),
    "parquet with a broken footer": Hostile("a.parquet", lambda: b"PAR1" + bytes(99) + b"\x20\0\0\0PAR1", DAMAGED),
    "parquet of another length": Hostile("a.parquet", lambda: b"PAR1" + b"\xff" * 8 + b"PAR1", DAMAGED),
    "csv that is empty": Hostile("a.csv", lambda: b"", "is empty"),
    "csv of blanks": Hostile("a.csv", lambda: b"\n \n\n", "is empty"),
    "csv of empty lines": Hostile("a.csv", lambda: b"\n" * (60 * MEGABYTE), "more than 500,000 empty lines"),
    "csv of a byte order mark": Hostile("a.csv", lambda: b"\xff\xfe", "is empty"),
    "csv of one row": Hostile("a.csv", lambda: b"a,b\n1,2\n", "at least 20 rows, got 1"),
    "csv of names alone": Hostile("a.csv", lambda: b"a,b,c\n", "names of columns, but no rows"),
    "csv of one column": Hostile(
        "a.csv", lambda: b"a\n" + b"".join(b"%d\n" % i for i in range(50)), "at least 2 columns"
    ),
    "csv of 100,000 columns": Hostile("a.csv", lambda: wide_csv(100_000), "at most 4,000 columns, got 100,000"),
    "csv of long rows of nothing": Hostile(
        "a.csv", lambda: (b"1" + b"," * 3_000_000 + b"\n") * 40, "far more columns than can be used"
    ),
    "csv of five million rows": Hostile("a.csv", lambda: b"a,1\n" * 5_000_000, "at most 2,000,000 rows, got more"),
    "csv of one line": Hostile("a.csv", lambda: b"1," * (60 * MEGABYTE), "a line of more than 4 million"),
    "csv of one word": Hostile("a.csv", lambda: b"x" * (120 * MEGABYTE), "a line of more than 4 million"),
    "csv of too many bytes": Hostile("a.csv", lambda: b"1,2\n" * (51 * MEGABYTE), "at most 200 MB"),
    "csv with an open quote": Hostile("a.csv", lambda: b'a,b\n1,"2\n' + b"1,2\n" * MEGABYTE, "a quotation mark near"),
    "csv with NUL bytes": Hostile("a.csv", lambda: b"a,b\n1,\0\n" * 30, "is no text that can be read"),
    "csv of noise": Hostile("a.csv", lambda: np.random.default_rng(0).bytes(9_000), "is no text that can be read"),
    "csv of ragged rows": Hostile(
        "a.csv",
        lambda: b"".join(b"1," * (i % 17) + b"2\n" for i in range(99)),
        "Most rows have another number of cells",
    ),
    "csv of one category too many": Hostile(
        "a.csv", lambda: b"a,b\n" + b"".join(b"u%d,x\n" % (i // 2) for i in range(200_000)), "at least 2 columns"
    ),
    "csv of constants": Hostile("a.csv", lambda: b"a,b\n" + b"1,x\n" * 50, "at least 2 columns"),
    "csv of infinities": Hostile("a.csv", lambda: b"a,b\n" + b"inf,1e999\nnan,-inf\n" * 50, "at least 2 columns"),
    "program": Hostile("a.csv", lambda: b"\x7fELF" + bytes(99), "a.csv is a program"),
}
