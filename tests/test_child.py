"""A child with limits: what it says arrives, what goes wrong in it is a sentence, and it never outlives its parent."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ae_core import child
from ae_core.errors import AeError, ChildLost, ImportRefused

ROOT = Path(__file__).parents[1]
HERE = "tests.test_child"
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")


def double(number: int) -> int:
    """What a child may be asked."""
    print("a library that prints")
    child.tell({"half": number})
    return 2 * number


def refuse() -> None:
    """A sentence for the reader."""
    raise ImportRefused("This is no table. Choose one.")


def hoard() -> int:
    """More than there is."""
    return len(bytes(10**10))


def believe(claimed: int) -> int:
    """Room for what a file says that it holds, after it was decided how much a file may take."""
    child.hold_back(200)
    return len(bytes(claimed * 2**20))


def spin() -> None:
    """Work without an end."""
    while True:
        pass


def write(place: str) -> None:
    """A file without an end."""
    with Path(place).open("wb") as file:
        while True:
            file.write(bytes(2**20))


def end(code: int) -> None:
    """Like a library that gives up, or is stopped by a signal."""
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def run(function: str, seconds: float = 30, **job: Any) -> Any:
    """That function of this file, done by a child."""
    return child.run(f"{HERE}:{function}", job, seconds=seconds, megabytes=600)


def test_it_answers_and_tells() -> None:
    """The answer comes back, news on the way are heard, and what is printed disturbs nobody."""
    heard: list[Any] = []
    answer = child.run(f"{HERE}:double", {"number": 21}, seconds=30, megabytes=600, told=heard.append)

    assert answer == 42
    assert heard == [{"half": 21}]


def test_its_refusal_is_raised_again() -> None:
    """The sentence arrives as it was said."""
    with pytest.raises(AeError, match=r"^This is no table. Choose one.$"):
        run("refuse")


@linux
@pytest.mark.parametrize(
    ("function", "job", "said"),
    [
        ("hoard", {}, child.MEMORY),
        ("end", {"code": 3}, child.BROKEN),
        ("end", {"code": -11}, child.BROKEN),
        ("end", {"code": -6}, child.MEMORY),
        ("end", {"code": -9}, child.MEMORY),
        ("end", {"code": -24}, child.SLOW),
    ],
)
def test_every_end_has_its_sentence(function: str, job: dict[str, Any], said: str) -> None:
    """Out of memory, an exit code, and signals: broken, killed by the system, out of processor time."""
    with pytest.raises(ChildLost) as lost:
        run(function, **job)
    assert str(lost.value) == said


@linux
def test_it_can_be_held_back_on_its_way() -> None:
    """What comes after may take so much more and nothing above it; this process is not touched by asking for it."""
    assert child.run(f"{HERE}:believe", {"claimed": 50}, seconds=20, megabytes=3000) == 50 * 2**20
    with pytest.raises(ChildLost, match="more memory"):
        child.run(f"{HERE}:believe", {"claimed": 500}, seconds=20, megabytes=3000)
    assert believe(500) == 500 * 2**20


def test_it_is_stopped_when_time_is_up_or_nobody_wants_it() -> None:
    """Work without an end ends, within the time that it may take or as soon as it is cancelled."""
    began = time.monotonic()
    with pytest.raises(ChildLost, match="longer than a file may take"):
        run("spin", seconds=0.5)
    with pytest.raises(ChildLost, match="cancelled"):
        child.run(f"{HERE}:spin", {}, seconds=60, megabytes=600, wanted=lambda: False)
    assert time.monotonic() - began < 30


@linux
def test_it_cannot_fill_the_disk(tmp_path: Path) -> None:
    """A file grows to as many bytes as the child may have memory, and no further."""
    with pytest.raises(ChildLost):
        child.run(f"{HERE}:write", {"place": str(tmp_path / "file")}, seconds=60, megabytes=200)
    assert (tmp_path / "file").stat().st_size <= 200 * 2**20


def test_it_ends_with_its_parent() -> None:
    """When the process that asked is killed, the child is gone as well, whatever it was doing."""
    code = f"from ae_core import child; child.run('{HERE}:spin', {{}}, seconds=60, megabytes=600)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as parent:
        children: list[psutil.Process] = []
        until = time.monotonic() + 30
        while not children and time.monotonic() < until:
            time.sleep(0.05)
            children = psutil.Process(parent.pid).children()
        time.sleep(1)
        parent.kill()
    assert children
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
