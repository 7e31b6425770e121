"""Downloads against a real server on this machine: whole, cancelled, and everything that can go wrong on the way."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ae_core.data import DATASETS, load, missing
from ae_core.data.download import Download, Downloads, File, State, _sweep, fetch
from ae_core.errors import DownloadFailed
from tests.standins import four_files, idx
from tests.waiting import wait_for

CONTENT = bytes(range(256)) * 400  # 102,400 bytes


class Handler(BaseHTTPRequestHandler):
    """/name serves a file of `content`; /short/name breaks off, /slow/name never ends, all else is not there."""

    content: dict[str, bytes] = {"a": CONTENT}
    release = threading.Event()

    def do_GET(self) -> None:
        *way, name = self.path.strip("/").split("/")
        body = self.content.get(name)
        if body is None or way not in ([], ["short"], ["slow"], ["mnist"]):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if way == ["short"]:
            self.wfile.write(body[: len(body) // 2])
        elif way == ["slow"]:
            self.wfile.write(body[:70_000])
            self.wfile.flush()
            self.release.wait(60)
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that runs as long as the test."""
    Handler.release.clear()
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    Handler.release.set()
    served.shutdown()
    served.server_close()
    thread.join()


def of(url: str, most: int = 200_000, **sums: str) -> Download:
    """A download of one file."""
    return Download("example.org", 1, "things", (File("a.bin", url, most, **sums),))


def left(home: Path) -> list[str]:
    """Everything below the home's downloads."""
    return sorted(str(path.relative_to(home / "downloads")) for path in (home / "downloads").rglob("*"))


def test_a_file_comes_whole_and_is_checked(server: str, tmp_path: Path) -> None:
    """What was served lies in its folder, byte for byte, and nothing else does."""
    sums = {"md5": hashlib.md5(CONTENT).hexdigest(), "sha256": hashlib.sha256(CONTENT).hexdigest()}
    fetch(of(f"{server}/a", **sums), tmp_path)

    assert (tmp_path / "downloads/things/a.bin").read_bytes() == CONTENT
    assert left(tmp_path) == ["things", "things/a.bin"]


@pytest.mark.parametrize(
    ("way", "more", "words"),
    [
        ("a", {"md5": "0" * 32}, "not that file: its checksum"),
        ("a", {"sha256": "0" * 64}, "not that file: its checksum"),
        ("short/a", {}, "sent only 51,200 of 102,400 bytes of a.bin"),
        ("nothing", {}, "answered 404 when it was asked for a.bin"),
        ("a", {"most": 1000}, "sends more for a.bin than that file has"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_leaves_nothing(
    server: str, tmp_path: Path, way: str, more: dict[str, object], words: str
) -> None:
    """The reader is told which host did what, and no part of a file stays."""
    with pytest.raises(DownloadFailed, match=words) as refused:
        fetch(of(f"{server}/{way}", **more), tmp_path)  # type: ignore[arg-type]

    assert "example.org" in str(refused.value)
    assert str(refused.value).endswith(".")
    assert left(tmp_path) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a", "http://no-such-host.invalid/a"])
def test_a_host_that_is_not_reached_is_a_sentence(tmp_path: Path, url: str) -> None:
    """Offline is no traceback."""
    with pytest.raises(DownloadFailed, match="example.org cannot be reached, or the connection broke"):
        fetch(of(url), tmp_path)


def test_only_addresses_of_the_web_are_fetched(tmp_path: Path) -> None:
    """A record cannot make the machine read a file of its own."""
    with pytest.raises(DownloadFailed, match="no address of the web"):
        fetch(of("file:///etc/passwd"), tmp_path)


def test_a_home_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    """The page says that there is no room, whatever the reason."""
    (tmp_path / "downloads").write_text("a file where a folder should be")
    with pytest.raises(DownloadFailed, match="There is no room for downloads"):
        fetch(of("http://127.0.0.1:9/a"), tmp_path)


def test_failed_second_file_keeps_no_first_one(server: str, tmp_path: Path) -> None:
    """Files of a set come together or not at all, and what was in place before stays."""
    (tmp_path / "downloads/things").mkdir(parents=True)
    (tmp_path / "downloads/things/a.bin").write_text("before")
    two = of(f"{server}/a")
    with pytest.raises(DownloadFailed, match="404"):
        fetch(replace(two, files=(*two.files, File("b.bin", f"{server}/b", 10))), tmp_path)

    assert (tmp_path / "downloads/things/a.bin").read_text() == "before"
    assert left(tmp_path) == ["things", "things/a.bin"]


def test_a_download_tells_how_far_it_is_and_can_be_cancelled(server: str, tmp_path: Path) -> None:
    """It runs, says which part is there, and at a click is gone with all that it brought; it can be started again."""
    downloads = Downloads(tmp_path)
    assert downloads.state("x") == State()
    downloads.start("x", of(f"{server}/slow/a"))
    downloads.start("x", of(f"{server}/nothing"))  # one that runs goes on
    wait_for(lambda: downloads.state("x").fraction > 0)
    assert downloads.state("x").stage == "running"
    assert 0 < downloads.state("x").fraction < 1

    downloads.cancel("x")
    assert downloads.state("x") == State()
    wait_for(lambda: left(tmp_path) == [])
    downloads.start("x", of(f"{server}/a"))
    wait_for(lambda: downloads.state("x").stage == "done")
    assert left(tmp_path) == ["things", "things/a.bin"]


def test_a_failure_is_kept_until_it_is_tried_again(server: str, tmp_path: Path) -> None:
    """The page can show the sentence as long as it likes; a new try begins afresh."""
    downloads = Downloads(tmp_path)
    downloads.start("x", of(f"{server}/nothing"))
    wait_for(lambda: downloads.state("x").stage == "failed")
    assert "404" in downloads.state("x").sentence
    downloads.start("x", of(f"{server}/slow/a"))
    assert downloads.state("x").stage == "running"
    downloads.close()
    assert downloads.state("x") == State()


def test_only_what_can_be_fetched_is_started(tmp_path: Path) -> None:
    """A dataset without a download, or an unknown one, is refused in a sentence; others are known by their kind."""
    downloads = Downloads(tmp_path)
    for kind in ("digits", "no_such_set"):
        with pytest.raises(DownloadFailed, match=f"nothing to download for the dataset {kind}."):
            downloads.start(kind)
    assert downloads.state("digits") == State()


def test_leftovers_of_a_killed_process_are_swept_away_after_a_day(tmp_path: Path) -> None:
    """What may still be in use stays."""
    import os

    old, new = tmp_path / ".part-things-old", tmp_path / ".part-things-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    _sweep(tmp_path / "things")

    assert [path.name for path in tmp_path.iterdir()] == [".part-things-new"]


def test_a_downloaded_set_is_found_and_loaded(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the click to the items: the record's own four files, from another host, are fetched, found and read."""
    monkeypatch.setenv("LATENT_LAB_HOME", str(tmp_path))
    record = DATASETS["mnist"]
    assert record.download is not None
    four_files(tmp_path / "served", 600, 200, zipped=True)
    served = {path.name: path.read_bytes() for path in (tmp_path / "served").iterdir()}
    monkeypatch.setattr(Handler, "content", served)
    files = tuple(
        replace(file, url=f"{server}/mnist/{file.name}", md5=hashlib.md5(served[file.name]).hexdigest())
        for file in record.download.files
    )
    assert missing(record) is not None
    fetch(replace(record.download, files=files), tmp_path)

    assert missing(record) is None
    assert load(record, record.spec(samples=500)).x.shape == (500, 28, 28, 1)


def test_a_library_fetches_into_the_folder_and_its_failure_is_a_sentence(tmp_path: Path) -> None:
    """scikit-learn's own download functions run in the child: what they leave is moved, what they raise is told."""
    fetch(Download("example.org", 1, "scikit-learn", fetcher="tests.test_download:brings"), tmp_path)
    assert left(tmp_path) == ["scikit-learn", "scikit-learn/inner", "scikit-learn/inner/b", "scikit-learn/thing.pkz"]

    with pytest.raises(DownloadFailed, match=r"example.org cannot be reached.*no net"):
        fetch(Download("example.org", 1, "scikit-learn", fetcher="tests.test_download:fails"), tmp_path)
    with pytest.raises(DownloadFailed, match="not installed: no_such_package"):
        fetch(Download("example.org", 1, "scikit-learn", fetcher="no_such_package:x"), tmp_path)


def brings(data_home: str) -> None:
    """Stands for a fetch_* of scikit-learn that succeeds."""
    Path(data_home, "thing.pkz").write_bytes(idx(np.zeros(3)))
    Path(data_home, "inner").mkdir()
    Path(data_home, "inner", "b").write_text("b")


def fails(data_home: str) -> None:
    """Stands for one without a net."""
    Path(data_home, "half").write_text("half")
    raise OSError("no net")


@pytest.mark.parametrize("kind", [kind for kind, record in DATASETS.items() if record.download])
def test_every_record_of_a_download_is_whole(kind: str) -> None:
    """Host and size are told, files have checksums and addresses on that host, fetchers exist."""
    download = DATASETS[kind].download
    assert download is not None
    assert download.megabytes > 0
    assert bool(download.files) != bool(download.fetcher)
    for file in download.files:
        assert file.url.split("/")[2] == download.host
        assert len(file.md5) == 32 or len(file.sha256) == 64
    if download.fetcher:
        import sklearn.datasets

        assert hasattr(sklearn.datasets, download.fetcher.split(":")[1])
