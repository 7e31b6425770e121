"""Tags and notes beside runs, on a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ae_core.errors import NotYours, SpecError, UnknownRun
from ae_core.spec import RunSpec
from ae_core.store import Remark, Store


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    """A fresh store."""
    made = Store(f"sqlite:///{tmp_path}/lab.db")
    made.create()
    yield made
    made.close()


def test_a_remark_comes_back_and_is_replaced(store):
    """Tags are trimmed and kept once; writing again puts the new words in place of the old ones."""
    run, other = (store.add_run(RunSpec(), "ann") for _ in range(2))
    assert store.remarks.of([run, other]) == {}
    store.remarks.write(run, "ann", ["good", " good", "two words, three"], " <b>bold</b>\n# head ")
    assert store.remarks.of([run, other]) == {run: Remark(("good", "two words", "three"), "<b>bold</b>\n# head")}
    store.remarks.write(run, "ann", [], "new")
    assert store.remarks.of([run])[run] == Remark((), "new")
    store.remarks.write(run, "ann", [" "], "")
    assert store.remarks.of([run]) == {}


def test_only_the_owner_writes(store):
    """A stranger is refused in a sentence, and so is a run that there is not; nothing is lost."""
    run = store.add_run(RunSpec(), "ann")
    store.remarks.write(run, "ann", ["mine"], "")
    with pytest.raises(NotYours, match="another browser"):
        store.remarks.write(run, "bob", ["his"], "")
    with pytest.raises(UnknownRun, match="nobody"):
        store.remarks.write("nobody", "ann", [], "")
    assert store.remarks.of([run])[run].tags == ("mine",)


@pytest.mark.parametrize(
    ("tags", "note", "said"),
    [
        ([str(number) for number in range(13)], "", "at most 12 tags, got 13"),
        (["t" * 41], "", "at most 40 characters, got 41"),
        ([], "n" * 2001, "at most 2,000 characters, got 2,001"),
    ],
)
def test_lengths_are_bounded(store, tags, note, said):
    """Too many tags, a long tag and a long note are refused with the bound; just as many as that are not."""
    run = store.add_run(RunSpec(), "ann")
    with pytest.raises(SpecError, match=said):
        store.remarks.write(run, "ann", tags, note)
    store.remarks.write(run, "ann", [tag[:40] for tag in tags[:12]], note[:2000])


def test_remarks_go_with_their_run(store):
    """What belongs to a run is deleted with it."""
    run = store.add_run(RunSpec(), "ann")
    store.remarks.write(run, "ann", ["gone"], "soon")
    store.delete(run, "ann")
    assert store.remarks.of([run]) == {}


def test_runs_are_found_by_their_ids_in_that_order(store):
    """A link's runs come as the link names them, each once, without those that there are not."""
    first, second = (store.add_run(RunSpec(), owner) for owner in ("ann", "bob"))
    assert [run.id for run in store.runs_called([second, "nobody", first, second])] == [second, first]
    assert store.runs_called([]) == []
