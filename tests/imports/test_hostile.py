"""Files that were made to do harm are refused in a sentence, and take next to no memory."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ae_core import child
from ae_core.errors import ChildLost, ImportRefused
from ae_core.imports import door
from ae_core.imports.bounds import Bounds
from ae_core.imports.kinds import ENDINGS, OTHERS, SAID, TAKEN
from ae_core.imports.plan import Source, TextPlan, Understanding
from pages._ui import text
from tests.imports.files import Desk, csv, image, iris, npy, npz, zipped
from tests.imports.hostile import HOSTILE, Hostile, long_words, parquet, png
from tests.test_copy import translated

HIGHEST = 300  # megabytes of the reading process, Python and its packages included


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_it_is_refused_in_a_sentence(hostile: Hostile, tmp_path: Path) -> None:
    """Each says what it is, in both languages, and nothing else is raised."""
    with pytest.raises(ImportRefused, match=hostile.said) as refused:
        Desk(tmp_path).bring(hostile.file, hostile.made()).understand()
    chinese = text._translated(str(refused.value))
    assert re.search("[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[a-z]{3,} (a|an|is|of|in|the|than|not|at) ", chinese)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's count of memory is read from /proc")
@pytest.mark.parametrize("name", [name for name in HOSTILE if "too many bytes" not in name])
def test_it_takes_little_memory(name: str, tmp_path: Path) -> None:
    """The process that reads it never has more than 300 megabytes."""
    hostile, path = HOSTILE[name], tmp_path / "upload"
    path.write_bytes(hostile.made())
    job = {"sources": [Source(name=hostile.file, path=str(path)).model_dump()], "bounds": vars(Bounds())}

    told = child.run("tests.imports.measured:understood", job, seconds=60, megabytes=1_500)

    assert re.search(hostile.said, told["said"])
    assert told["megabytes"] < HIGHEST


def in_columns() -> bytes:
    """An array of 120 megabytes that lies column by column."""
    x = np.random.default_rng(0).integers(0, 4, (60_000, 2_000), dtype=np.uint8)
    return zipped({"x.npy": npy(np.asfortranarray(x))}, 1)


def one_of_many() -> bytes:
    """Labels of 240 megabytes: a single 1 in each row of fractions."""
    codes = np.random.default_rng(0).integers(0, 100, 300_000)
    return zipped({"x.npy": npy(np.random.default_rng(0).random((300_000, 2))), "y.npy": npy(np.eye(100)[codes])}, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's count of memory is read from /proc")
@pytest.mark.parametrize("content", [in_columns, one_of_many])
def test_large_arrays_take_little_memory(content: Callable[[], bytes], tmp_path: Path) -> None:
    """They are read some at a time, in whatever order their numbers lie."""
    path = tmp_path / "upload"
    path.write_bytes(content())
    job = {"sources": [Source(name="a.npz", path=str(path)).model_dump()], "bounds": vars(Bounds())}

    told = child.run("tests.imports.measured:understood", job, seconds=60, megabytes=1_500)

    assert told["said"] == ""
    assert told["megabytes"] < HIGHEST / 2


def test_a_refusal_comes_through_the_door(tmp_path: Path) -> None:
    """What the child refuses is refused by the parent, as ImportRefused, and no folder is left."""
    path = tmp_path / "upload"
    path.write_bytes(csv(iris()).encode())
    good = [Source(name="iris.csv", path=str(path))]
    plan = door.understand(good).plan
    path.write_bytes(b"")

    with pytest.raises(ImportRefused, match="iris.csv is empty"):
        door.understand(good)
    with pytest.raises(ImportRefused, match="iris.csv is empty"):
        door.make(good, plan, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    """As soon as nobody wants it any more, the reading process is gone."""
    path = tmp_path / "upload"
    path.write_bytes(csv(iris()).encode())
    with pytest.raises(ChildLost, match="cancelled"):
        door.understand([Source(name="iris.csv", path=str(path))], wanted=lambda: False)


def test_too_little_memory_is_a_sentence(tmp_path: Path) -> None:
    """A reader that runs out of memory takes nobody with it."""
    path = tmp_path / "upload"
    path.write_bytes(csv(iris()).encode())
    with pytest.raises(ChildLost, match="memory|stopped"):
        door.understand([Source(name="iris.csv", path=str(path))], Bounds(memory=60))


# -------------------------------------------------------------------------------------------- some of it is good


def test_bad_members_of_a_good_zip_are_left_out(tmp_path: Path) -> None:
    """Paths that point out of it, links, archives, damaged and huge pictures: each is reported, the rest is read."""
    random = np.random.default_rng(0)
    members = {
        f"{kind}/{number}.png": image(random.integers(0, 255, (8, 8), dtype=np.uint8))
        for kind in ("cat", "dog")
        for number in range(15)
    }
    whole = image(random.integers(0, 255, (8, 8), dtype=np.uint8))
    members |= {
        "../../etc/evil.png": whole,
        "/root/evil.png": whole,
        "C:\\evil.png": whole,
        "cat/nested.zip": zipped({"a": b"1"}),
        "cat/broken.png": whole[:50],
        "cat/huge.png": png(60_000, 60_000),
        "cat/no.png": b"BM" + bytes(60),
        "notes.txt": b"hello",
        "__MACOSX/cat/0.png": b"rubbish",
        ".DS_Store": b"rubbish",
    }
    desk = Desk(tmp_path).bring("pets.zip", zipped(members))
    card, items = desk.first_try()

    assert card.count == 30
    assert card.label_names == ("cat", "dog")
    assert items.labels is not None
    assert np.bincount(items.labels).tolist() == [15, 15]
    found = {lost.why: lost.count for lost in card.dropped}
    assert found == {"path": 3, "archive": 1, "damaged": 2, "large": 1, "kind": 1}
    assert not list(tmp_path.glob("**/evil*"))


def test_good_arrays_beside_objects_are_read(tmp_path: Path) -> None:
    """An array of objects in an NPZ is left out, and never unpickled."""
    members = {"x.npy": npy(np.random.default_rng(0).random((40, 5))), "meta.npy": HOSTILE["npy of objects"].made()}
    card, _ = Desk(tmp_path).bring("a.npz", zipped(members)).first_try()

    assert card.shape == (5,)
    assert [(lost.why, lost.names) for lost in card.dropped] == [("other_array", ("meta.npy",))]


def test_a_broken_array_is_left_out(tmp_path: Path) -> None:
    """In its header or in its numbers: the others are read."""
    random = np.random.default_rng(0)
    whole = zipped({name: npy(random.integers(0, 3, 40 if name < "x" else (40, 5))) for name in ("x.npy", "a.npy")})
    for place in (whole.find(b"a.npy") - 30, whole.find(b"a.npy") + 40):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        (room := tmp_path / str(place)).mkdir()
        found = Desk(room).bring("a.npz", bytes(broken)).understand()

        assert (found.facts.rows, found.facts.columns) == (40, 5)
        assert [lost.names for lost in found.facts.dropped] == [("a.npy",)]


def test_pictures_gone_over_again_and_again_are_left_out(tmp_path: Path) -> None:
    """A progressive JPEG may send the same pixels as often as it likes; large ones only some times."""
    small = image(np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8), "JPEG", progressive=True)
    begin = small.find(b"\xff\xda")
    size = small.find(b"\xff\xc2") + 5
    scans = small[begin : small.find(b"\xff", begin + 2)] * 2000
    large = small[:size] + b"\x13\x88\x13\x88" + small[size + 4 : begin] + scans + b"\xff\xd9"
    members = {f"{number}.jpg": small for number in range(20)} | {"large.jpg": large}
    card, _ = Desk(tmp_path).bring("a.zip", zipped(members)).first_try()

    assert [(lost.why, lost.names) for lost in card.dropped] == [("damaged", ("large.jpg",))]


def test_honest_tables_that_repeat_themselves_are_no_bombs(tmp_path: Path) -> None:
    """A tenth of a percent of marks in many columns, or a few shops in order, shrink much and are taken."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    from ae_core.imports.blobs import uploaded
    from ae_core.imports.parquet import ParquetSheet

    marks = np.random.default_rng(0).random((20_000, 1_000)) < 0.001
    shops = pa.DictionaryArray.from_arrays(np.arange(900_000) // 100_000, [f"{'shop' * 9} {n}" for n in range(9)])
    tables = {"marks": pa.table({f"m{n}": marks[:, n] for n in range(1_000)}), "shops": pa.table({"a": shops})}
    for name, table in tables.items():
        pq.write_table(table, tmp_path / name, compression="zstd")
        [blob] = uploaded([Source(name=f"{name}.parquet", path=str(tmp_path / name))], Bounds())
        first = next(ParquetSheet(blob, Bounds()).blocks())
        assert len(first) == table.num_columns


def test_long_texts_are_refused_before_they_are_unfolded(tmp_path: Path) -> None:
    """A Parquet file holds a text once that stands in many rows."""
    desk = Desk(tmp_path).bring("a.parquet", long_words(1_500))
    with pytest.raises(ImportRefused, match="at most 100 million characters together"):
        desk.make(TextPlan(text="t"))


def test_names_are_plain_text(tmp_path: Path) -> None:
    """Formulas, HTML, marks of direction, doubled and missing names come through as short text, each another one."""
    names = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "a\u202eb\x07", "same", "same", "", "x" * 5000]
    rows = [[(row * 7 + column) % 11 for column in range(7)] for row in range(40)]
    card, _ = Desk(tmp_path).bring("a.csv", csv([names, *rows])).first_try()

    assert card.feature_names[:6] == (names[0], names[1], "ab", "same", "same (2)", "column 6")
    assert card.feature_names[6] == "x" * 39 + "…"


def test_a_column_of_very_many_categories_is_left_out(tmp_path: Path) -> None:
    """100,000 names become no feature, and the rest of the table is taken."""
    rows = [[f"u{row // 2}", row % 10, row % 7] for row in range(100_000)]
    card, _ = Desk(tmp_path).bring("a.csv", csv([["who", "a", "b"], *rows])).first_try()

    assert card.feature_names == ("a", "b")
    assert card.count == 20_000
    assert [(lost.why, lost.count) for lost in card.dropped] == [("many", 1), ("sample", 80_000)]


def test_words_of_very_many_kinds_are_counted_all_the_same(tmp_path: Path) -> None:
    """What is passed over tells how much of it is missing, and whether a value comes again."""
    rows = [["" if row % 10 == 3 else f"u{row}", f"v{min(row, 49_998)}", row % 7, row % 5] for row in range(50_000)]
    found = Desk(tmp_path).bring("a.csv", csv([["who", "what", "a", "b"], *rows])).understand()

    assert [(c.why, c.missing) for c in found.columns[:2]] == [("identifier", 5_000), ("many", 0)]


def test_what_a_file_is_called_is_said_in_chinese() -> None:
    """Names of kinds stand inside of refusals, so they are translated too."""
    words = {*SAID.values(), TAKEN, *(name for _, name in OTHERS), child.MEMORY, child.BROKEN, child.SLOW}
    assert sorted(words - translated().keys()) == []


# ------------------------------------------------------------------------------------------------- any bytes

BEGINNINGS = (
    *(b"", b"a,b\n1,2\n", b"\xff\xfe", b"\xef\xbb\xbf", b"1;2;3\n" * 25, b"a\tb\n" + b"1\t2\n" * 30),
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0", b"\x93NUMPY\x01\0"),
    *(b"PAR1", png(8, 8), png(8, 8)[:40], zipped({"a.csv": b"1,2\n" * 30}), npy(np.zeros((30, 3)))),
    npz(x=np.ones((30, 3))),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(ENDINGS)), st.sampled_from(BEGINNINGS), st.binary(max_size=400))
@example(".csv", b"", b'"')
@example(".csv", b"", b"\xc3")
def test_any_bytes_are_understood_or_refused(tmp_path: Path, end: str, begin: bytes, rest: bytes) -> None:
    """Whatever is in a file of whatever name, there is an understanding or a refusal, and no other exception."""
    desk = Desk(tmp_path).bring(f"file{end}", begin + rest)
    with suppress(ImportRefused):
        assert isinstance(desk.understand(), Understanding)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_understood_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """A good file with some bytes changed or its end missing makes a dataset or is refused, and nothing else."""
    random = np.random.default_rng(0)
    pictures = {f"{i}.png": image(random.integers(0, 255, (4, 4), dtype=np.uint8)) for i in range(20)}
    good = {
        "a.csv": csv(iris()[:40]).encode(),
        "a.npy": npy(random.random((25, 3))),
        "a.npz": npz(x=random.random((25, 3)), y=np.arange(25) % 3),
        "a.zip": zipped(pictures),
    }
    name = data.draw(st.sampled_from(sorted(good)))
    content = bytearray(good[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 60))
    desk = Desk(tmp_path).bring(name, bytes(content[: len(content) - cut]))
    with suppress(ImportRefused):
        desk.first_try()


def test_any_damage_to_parquet_is_understood_or_refused(tmp_path: Path) -> None:
    """The same for Parquet, whose reader is written in another language."""
    whole = parquet(400)
    random = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(whole)
        for place in random.integers(0, len(content), 3):
            content[place] = random.integers(0, 256)
        with suppress(ImportRefused):
            Desk(tmp_path).bring("a.parquet", bytes(content)).understand()
