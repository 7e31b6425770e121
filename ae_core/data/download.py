"""Fetching the files of a dataset when somebody asks for it: from which host, how much, and whether they are right.

    downloads = Downloads(home)
    downloads.start("mnist")
    downloads.state("mnist")        # idle, running (how far), failed (a sentence), done

The work is done by a child process (`ae_core.child`), so that it can be cancelled at any moment. Files come into a
folder of their own beside their place, are checked there, and are moved all together: what is in place is whole.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import os
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ae_core import child
from ae_core.data.files import downloads as folder_of
from ae_core.errors import AeError, ChildLost, DownloadFailed

BLOCK = 2**16  # bytes between two looks
PATIENCE = 30  # seconds without a byte until a host counts as unreachable
LONGEST = 2 * 3600  # seconds of one download
ADDRESS_SPACE = 4000  # megabytes of the child, scikit-learn and its libraries counted
TOLD = 0.2  # seconds between two reports
STALE = 24 * 3600  # seconds after which what a killed process left is swept away
PART = ".part-"


@dataclass(frozen=True)
class File:
    """One file of a download. name: as it is kept. most: bytes, more are never taken. md5, sha256: hexadecimal, of the
    file as it comes over the net; an empty one is not checked.
    """

    name: str
    url: str
    most: int
    md5: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Download:
    """How a dataset's files can be fetched. Whoever asks for it is told host and size first.

    host: that the files come from. megabytes: over the net, about. folder: among the downloads, that they are put into.
    files: fetched one by one and checked. fetcher: "module:function" of a library that fetches by itself and checks by
    itself, called with data_home=<folder> and `how`; then there are no files.
    """

    host: str
    megabytes: int
    folder: str
    files: tuple[File, ...] = ()
    fetcher: str = ""
    how: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class State:
    """Where a download stands. fraction: 0..1 of a running one. sentence: why it failed."""

    stage: Literal["idle", "running", "failed", "done"] = "idle"
    fraction: float = 0.0
    sentence: str = ""


# ------------------------------------------------------------------------------------------------- in this process


def fetch(
    download: Download,
    home: Path,
    wanted: Callable[[], bool] = lambda: True,
    told: Callable[[float], None] = lambda _: None,
) -> None:
    """Fetches it into the home's downloads, by a child process. told: hears which part (0..1) is done.

    Raises DownloadFailed with a sentence, and ChildLost if it is not wanted any more. Nothing half done is left.
    """
    place = folder_of(home) / download.folder
    _sweep(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(dir=place.parent, prefix=f"{PART}{place.name}-"))
    except OSError as error:
        raise DownloadFailed(f"There is no room for downloads: {error.strerror}.") from error
    work = "fetch_files" if download.files else "fetch_by_library"
    job = {"download": asdict(download), "folder": str(room)}
    try:
        child.run(
            f"ae_core.data.download:{work}",
            job,
            seconds=LONGEST,
            megabytes=ADDRESS_SPACE,
            wanted=wanted,
            told=lambda news: told(float(news)),
        )
        _move(room, place)
    except ChildLost as error:
        if str(error) == child.UNWANTED:
            raise
        raise DownloadFailed(
            f"The download from {download.host} stopped before its end. Try again when the machine is less busy."
        ) from error
    except DownloadFailed:
        raise
    except AeError as error:  # the child's sentence, which comes without its class
        raise DownloadFailed(str(error)) from error
    except OSError as error:
        raise DownloadFailed(f"There is no room for downloads: {error.strerror}.") from error
    finally:
        shutil.rmtree(room, ignore_errors=True)


class Downloads:
    """The downloads of one process, at most one of each kind at a time. Every method may be called from any thread."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}
        self._stops: dict[str, threading.Event] = {}

    def start(self, kind: str, download: Download | None = None) -> None:
        """Begins to fetch; one that runs already goes on. download: of the dataset's record, if it is not given.

        Raises DownloadFailed for a dataset that cannot be downloaded.
        """
        download = download or _of(kind)
        with self._lock:
            if self._states.get(kind, State()).stage == "running":
                return
            self._states[kind] = State("running")
            stop = self._stops[kind] = threading.Event()
        threading.Thread(target=self._run, args=(kind, download, stop), name=f"download {kind}", daemon=True).start()

    def state(self, kind: str) -> State:
        """Where the download of that dataset stands."""
        with self._lock:
            return self._states.get(kind, State())

    def cancel(self, kind: str) -> None:
        """Stops it at once, and forgets a failure."""
        with self._lock:
            if stop := self._stops.pop(kind, None):
                stop.set()
            self._states.pop(kind, None)

    def close(self) -> None:
        """Stops all of them, for the end of the process."""
        for kind in list(self._stops):
            self.cancel(kind)

    def _run(self, kind: str, download: Download, stop: threading.Event) -> None:
        try:
            fetch(
                download,
                self.home,
                wanted=lambda: not stop.is_set(),
                told=lambda fraction: self._say(kind, stop, State("running", min(max(fraction, 0.0), 1.0))),
            )
        except ChildLost:
            return  # cancelled: who did that has forgotten it already
        except AeError as error:
            self._say(kind, stop, State("failed", sentence=str(error)))
        except BaseException:
            self._say(kind, stop, State("failed", sentence=f"The download from {download.host} broke down."))
            raise
        else:
            self._say(kind, stop, State("done", 1.0))

    def _say(self, kind: str, stop: threading.Event, state: State) -> None:
        """Keeps a state, unless its download was cancelled, or another one has begun since."""
        with self._lock:
            if self._stops.get(kind) is stop:
                self._states[kind] = state


def _of(kind: str) -> Download:
    """How the dataset of that kind is fetched."""
    from ae_core.data.registry import DATASETS  # which needs this module for its records

    record = DATASETS.get(kind)
    if record is None or record.download is None:
        raise DownloadFailed(f"There is nothing to download for the dataset {kind}.")
    return record.download


def _move(room: Path, place: Path) -> None:
    """Puts what was fetched into its place; files of the same name are replaced, each at once."""
    place.mkdir(parents=True, exist_ok=True)
    for entry in sorted(room.iterdir()):
        goal = place / entry.name
        if goal.is_dir():
            shutil.rmtree(goal)
        os.replace(entry, goal)


def _sweep(place: Path) -> None:
    """Removes what a process that was killed left a day ago or earlier."""
    for left in place.parent.glob(f"{PART}{place.name}-*"):
        try:
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue


# ------------------------------------------------------------------------------------------------- in the child


def fetch_files(download: Mapping[str, Any], folder: str) -> int:
    """Fetches each file into the folder, and checks it. Returns the bytes. Raises DownloadFailed."""
    files = [File(**file) for file in download["files"]]
    whole = max(sum(file.most for file in files), 1)
    done, progress = 0, _Progress(whole)
    for file in files:
        progress.before = done
        size = _fetch(file, Path(folder) / file.name, download["host"], progress)
        progress.whole -= file.most - size  # now it is known how large it was
        done += size
    return done


def _fetch(file: File, path: Path, host: str, told: Callable[[int], None]) -> int:
    """One file, to `path`. Returns its size."""
    if not file.url.startswith(("http://", "https://")):
        raise DownloadFailed(f"{file.name} has no address of the web.")
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha256") if getattr(file, name)}
    size = 0
    try:
        with urllib.request.urlopen(file.url, timeout=PATIENCE) as answer, path.open("wb") as kept:
            declared = answer.headers.get("Content-Length", "")
            while block := answer.read(BLOCK):
                size += len(block)
                if size > file.most:
                    raise DownloadFailed(f"{host} sends more for {file.name} than that file has. Nothing was kept.")
                for known in sums.values():
                    known.update(block)
                kept.write(block)
                told(size)
    except urllib.error.HTTPError as error:
        raise DownloadFailed(
            f"{host} answered {error.code} when it was asked for {file.name}. Try again later, or put the files into "
            "their folder by hand."
        ) from error
    except (http.client.HTTPException, OSError) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", error)
        raise DownloadFailed(
            f"{host} cannot be reached, or the connection broke ({reason}). Try again later."
        ) from error
    if declared.isdecimal() and size < int(declared):
        raise DownloadFailed(f"{host} sent only {size:,} of {int(declared):,} bytes of {file.name}. Try again.")
    if any(known.hexdigest() != getattr(file, name) for name, known in sums.items()):
        raise DownloadFailed(
            f"What {host} sent for {file.name} is not that file: its checksum is another one. Nothing was kept."
        )
    return size


def fetch_by_library(download: Mapping[str, Any], folder: str) -> int:
    """Lets the library fetch into the folder, and tells how much there is meanwhile. Raises DownloadFailed."""
    progress, end = _Progress(max(int(download["megabytes"] * 1e6), 1)), threading.Event()

    def watch() -> None:
        while not end.wait(TOLD):
            progress(_size(folder))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    host = download["host"]
    try:
        module, name = download["fetcher"].split(":")
        getattr(importlib.import_module(module), name)(data_home=folder, **dict(download["how"]))
    except ImportError as error:
        raise DownloadFailed(f"This download needs a package that is not installed: {error.name}.") from error
    except (http.client.HTTPException, OSError, ValueError, EOFError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadFailed(
            f"{host} cannot be reached, or the connection broke ({reason}). Try again later."
        ) from error
    finally:
        end.set()
        watcher.join()
    return _size(folder)


def _size(folder: str) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size
            except OSError:  # moved or removed since it was listed
                continue
    return total


class _Progress:
    """Tells the parent which part is done, a few times a second. before: bytes of files that are finished."""

    def __init__(self, whole: int) -> None:
        self.whole, self.before = whole, 0
        self._last = 0.0

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last >= TOLD:
            self._last = now
            child.tell(min((self.before + done) / max(self.whole, 1), 1.0))
