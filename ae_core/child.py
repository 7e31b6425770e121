"""Work that may go wrong badly, done by a process of its own with limits: it can be killed, this one goes on.

    run("ae_core.imports.reading:understand", {"files": [...]}, seconds=60, megabytes=1500)

The function takes and gives what JSON can hold. It is imported in the child only, so the caller stays light.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ae_core.errors import AeError, ChildLost

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "ARROW_IO", "NUMEXPR")}
"""Threads reserve memory that the limit counts, and the cores are for training."""
FRUGAL = ONE_THREAD | {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}
"""So do allocators: Arrow's own reserves a gigabyte at its first use."""
GLANCE = 0.05  # seconds between two looks whether the work is still wanted
_log = logging.getLogger(__name__)
_am_child = False


def run(
    function: str,
    job: Mapping[str, Any],
    *,
    seconds: float,
    megabytes: int,
    wanted: Callable[[], bool] = lambda: True,
    told: Callable[[Any], None] = lambda _: None,
) -> Any:
    """What `function` ("module:name") makes of `job`, in a child that gets so much time and address space.

    wanted: asked again and again; the child is killed when it is false. told: hears what the function says by `tell`.
    Raises the function's own AeError again (as AeError, with its sentence), and ChildLost for a child that ran out of
    time or memory, was not wanted any more, or broke.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "ae_core.child", function, str(megabytes), str(int(seconds) + 1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **FRUGAL},
        text=True,
        encoding="utf-8",
    )
    said: list[dict[str, Any]] = []
    wrong: list[str] = []
    ears = [
        threading.Thread(target=_listen, args=(child.stdout, said, told), daemon=True),
        threading.Thread(target=_overhear, args=(child.stderr, wrong), daemon=True),
        threading.Thread(target=_speak, args=(child, json.dumps(job)), daemon=True),
    ]
    for ear in ears:
        ear.start()
    why = _wait(child, seconds, wanted)
    for ear in ears:
        ear.join(5)
    _close(child)
    last = said[-1] if said else {}
    if why:
        raise ChildLost(why)
    if "refused" in last:
        raise AeError(str(last["refused"]))
    if "done" not in last:
        _log.warning("child %s ended with %s: %s", function, child.returncode, "".join(wrong)[-2000:])
        raise ChildLost(_reason(child.returncode, "memory" in last))
    return last["done"]


MEMORY = "This needs more memory than one file may take here. Choose a smaller file, or a part of it."
BROKEN = "The file could not be read: its reader stopped. The file may be damaged; nothing else was touched."
SLOW = "This took longer than a file may take here. Choose a smaller file, or a part of it."
UNWANTED = "This was cancelled."


def tell(news: Any) -> None:
    """Says something (JSON) to the parent before the work is done; for use in the child only."""
    _say({"news": news})


def hold_back(megabytes: int) -> None:
    """From here on the child may take so much more address space than it has; elsewhere this does nothing.

    For libraries that believe what a file says of itself.
    """
    if not _am_child:
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (min(wanted, soft), hard))


def _reason(code: int, memory: bool) -> str:
    """Why a child ended without a last word. code: its exit code, or the signal that ended it, negative."""
    if code == -getattr(signal, "SIGXCPU", 0) and code:
        return SLOW
    return MEMORY if memory or code in (-signal.SIGABRT, -getattr(signal, "SIGKILL", 9)) else BROKEN


def _wait(child: subprocess.Popen[str], seconds: float, wanted: Callable[[], bool]) -> str:
    """Why the child was killed, or nothing if it ended by itself."""
    began = time.monotonic()
    while True:
        try:
            child.wait(GLANCE)
            return ""
        except subprocess.TimeoutExpired:
            pass
        why = SLOW if time.monotonic() - began > seconds else "" if wanted() else UNWANTED
        if why:
            child.kill()
            child.wait()
            return why


def _listen(lines: Any, said: list[dict[str, Any]], told: Callable[[Any], None]) -> None:
    with lines:
        for line in lines:
            try:
                word = json.loads(line)
            except ValueError:  # a library that prints
                continue
            if not isinstance(word, dict):
                continue
            if "news" in word:
                told(word["news"])
            else:
                said.append(word)


def _overhear(pipe: Any, wrong: list[str]) -> None:
    with pipe:
        wrong.append(pipe.read())


def _speak(child: subprocess.Popen[str], job: str) -> None:
    """Says what is to be done. The pipe stays open as long as this process lives, see `_end_with_parent`."""
    assert child.stdin is not None
    try:
        child.stdin.write(job + "\n")
        child.stdin.flush()
    except BrokenPipeError:  # it ended before it listened: what it said tells why
        return


def _close(child: subprocess.Popen[str]) -> None:
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _end_with_parent() -> None:
    """Ends this child when the other end of its input is gone, so that nobody's work goes on without anybody."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _say(word: Mapping[str, Any]) -> None:
    sys.__stdout__.write(json.dumps(word) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def _limit(megabytes: int, seconds: int) -> None:
    """No more address space, processor time and written bytes than that; only where the system can be told."""
    try:
        import resource
    except ImportError:  # Windows: time and cancelling still work, by killing
        return
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (megabytes * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """The child's side."""
    import ae_core.child as me  # this file again, under the name by which others know it

    me._am_child = Path("/proc/self/statm").exists()
    function, megabytes, seconds = sys.argv[1:]
    _limit(int(megabytes), int(seconds))
    job = json.loads(sys.stdin.readline())
    _end_with_parent()
    module, name = function.split(":")
    try:
        _say({"done": getattr(importlib.import_module(module), name)(**job)})
    except AeError as error:
        _say({"refused": str(error)})
    except MemoryError:
        _say({"memory": True})


if __name__ == "__main__":
    main()
