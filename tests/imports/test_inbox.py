"""Where uploaded files wait: under names of our own, for a day, within bounds, and gone when they are done."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ae_core.errors import ImportRefused
from ae_core.imports.bounds import MEGABYTE, Bounds
from ae_core.imports.inbox import KEPT, Inbox


def test_files_keep_their_names_for_people_and_lie_under_others(tmp_path: Path) -> None:
    """What a stranger calls a file never becomes a path."""
    parcel = Inbox(tmp_path).receive([("../../evil.csv", b"a,b"), ("a\0b" * 200, b"c")], Bounds())
    assert [source.name for source in parcel.sources] == ["../../evil.csv", ("a\0b" * 200)[:200]]
    assert [Path(source.path).read_bytes() for source in parcel.sources] == [b"a,b", b"c"]
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"0", "1"}
    assert not (tmp_path.parent / "evil.csv").exists()


@pytest.mark.parametrize("files", [[b"x" * MEGABYTE] * 3, [b"x"] * 4])
def test_too_much_is_refused_and_nothing_stays(tmp_path: Path, files: list[bytes]) -> None:
    """Files beyond the bounds of one import, in bytes or in number."""
    few = replace(Bounds(), megabytes=2, files=3)
    with pytest.raises(ImportRefused, match="at most 3 files of 2 megabytes"):
        Inbox(tmp_path).receive([(f"{n}.csv", content) for n, content in enumerate(files)], few)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_nobody_comes_back_for_goes(tmp_path: Path) -> None:
    """After a day, or sooner where very much waits: then the oldest first."""
    inbox, bounds = Inbox(tmp_path), replace(Bounds(), megabytes=1)
    old, older = (inbox.receive([("a.csv", b"x" * 1000)], bounds) for _ in range(2))
    for parcel, age in ((old, 60), (older, KEPT + 60)):
        os.utime(tmp_path / "uploads" / parcel.token, (time.time() - age,) * 2)
    newer = inbox.receive([("b.csv", b"y")], bounds)
    assert {room.name for room in inbox.folder.iterdir()} == {old.token, newer.token}
    inbox.tidy(500)
    assert {room.name for room in inbox.folder.iterdir()} == {newer.token}


def test_forgetting_takes_a_token_and_nothing_else(tmp_path: Path) -> None:
    """Files go when they are done; what is no token names no folder."""
    inbox = Inbox(tmp_path)
    parcel = inbox.receive([("a.csv", b"x")], Bounds())
    (tmp_path / "kept").mkdir()
    for other in ("../kept", "", "kept", parcel.token[:-1]):
        inbox.forget(other)
    assert (tmp_path / "kept").exists()
    assert Path(parcel.sources[0].path).exists()
    inbox.forget(parcel.token)
    assert list(inbox.folder.iterdir()) == []


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    """A place that cannot be written to."""
    (tmp_path / "uploads").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ImportRefused, match="no room"):
        Inbox(tmp_path).receive([("a.csv", b"x")], Bounds())
