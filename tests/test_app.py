"""The real server, started as a reader starts it: what it answers, what it loads, and what it leaves behind."""

# ruff: noqa: TID251 - Streamlit itself is under test here

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import websockets
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from ae_core import web
from ae_core.frames import decode
from ae_core.starter import STARTER_RUN
from tests.waiting import PATIENCE, wait_for

ROOT = Path(__file__).parents[1]
TOO_HEAVY = {"torch", "dask", "distributed", "sklearn", "skimage", "mlxtend", "scipy"}


@dataclass
class Server:
    """A running `streamlit run app.py`. log: what it writes, with one line for each module that it imports."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=PATIENCE)

    def family(self) -> list[psutil.Process]:
        """The server and all that it has started."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]


def start(home: Path) -> Server:
    """A server on a free port; returns when it answers."""
    log = home / "server.log"
    environment = os.environ | {
        "LATENT_LAB_HOME": str(home),
        "LATENT_LAB_WORKERS": "1",
        "PYTHONPROFILEIMPORTTIME": "1",
        "PYTHONUNBUFFERED": "1",
    }
    options = ["--server.headless=true", "--server.port=0", "--browser.serverAddress=localhost"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def port() -> int:
        assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        found = re.search(r"URL: http://localhost:(\d+)", log.read_text(encoding="utf-8"))
        return int(found[1]) if found else 0

    wait_for(lambda: port() > 0, "the server's start message")
    server = Server(process, port(), log)

    def answers() -> bool:
        try:
            return server.get("/api/health").status_code == 200
        except httpx.TransportError:
            return False

    wait_for(answers, "the server's first answer")
    return server


def stop(server: Server) -> None:
    """Ends whatever of it is left."""
    if server.process.poll() is None:
        for process in server.family():
            process.kill()
    server.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = start(tmp_path_factory.mktemp("server"))
    yield made
    stop(made)


def ready(server: Server) -> bool:
    return server.get("/api/health").json()["engine"] == "ready"


def test_the_page_names_its_reader(server: Server) -> None:
    """The document itself sets the client cookie, so that the page's WebSocket brings it, and the headers guard it."""
    page = server.get("/")

    assert page.status_code == 200
    assert '<div id="root">' in page.text
    assert page.headers["set-cookie"].startswith(web.COOKIE)
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert "set-cookie" not in httpx.get(server.url, cookies={web.COOKIE: page.cookies[web.COOKIE]}).headers


def test_other_paths_are_pages_and_the_api_is_not(server: Server) -> None:
    """An unknown page is left to Streamlit's router in the browser; of the API it is a JSON sentence."""
    assert server.get("/explore").status_code == 200
    assert server.get("/api/nothing").json()["error"]
    assert server.get("/api/nothing").status_code == 404


async def _open_page(server: Server) -> list[str]:
    """Runs the first page as a browser does; what happened in the order of Streamlit's messages."""
    address = f"ws://localhost:{server.port}/_stcore/stream"
    said = []
    async with websockets.connect(address, subprotocols=["streamlit"], max_size=None, origin=server.url) as socket:
        await socket.send(BackMsg(rerun_script=ClientState()).SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while "script_finished" not in said:
                message = ForwardMsg.FromString(await socket.recv())
                said.append(message.WhichOneof("type"))
                if message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("exception"):
                    said.append("exception")
    return said


def test_the_web_process_stays_light(server: Server) -> None:
    """Neither starting the server nor running its first page imports torch, Dask or their like."""
    assert "exception" not in asyncio.run(_open_page(server))
    lines = server.log.read_text(encoding="utf-8").splitlines()
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines if line.startswith("import time:")}

    assert {"streamlit", "ae_core", "sqlalchemy"} <= imported
    assert imported.isdisjoint(TOO_HEAVY)


async def _watch(server: Server, run: str) -> tuple[list[int], dict]:
    """Frames of a run until it is finished: all steps of its curves, and the last header."""
    steps: list[int] = []
    async with (
        asyncio.timeout(PATIENCE),
        websockets.connect(f"ws://localhost:{server.port}/live/{run}", max_size=None) as socket,
    ):
        while True:
            header, arrays = decode(await socket.recv())
            new = arrays["curve.step"].tolist() if "curve.step" in arrays else []
            steps = ([] if header["full"] else steps[: header["curve_from"]]) + new
            if header["status"] == "finished":
                return steps, header


def test_a_run_trains_before_your_eyes(server: Server) -> None:
    """From POST to the last frame: the viewer's curves hold every Progress event of the API."""
    run = httpx.post(server.url + "/api/runs", json={"training": {"epochs": 5}}, timeout=PATIENCE).json()["id"]
    steps, header = asyncio.run(_watch(server, run))
    events = server.get(f"/api/runs/{run}/events").json()

    assert steps == [event["step"] for event in events if event["kind"] == "progress"]
    assert header["step"] == header["goal"] == events[-1]["step"]
    assert events[-1]["metrics"]["val_mse"] > 0


def test_a_finished_run_is_there_from_the_start(server: Server) -> None:
    """The starter run can be watched before anybody has trained anything, and belongs to nobody."""
    steps, header = asyncio.run(_watch(server, STARTER_RUN))

    assert steps[-1] == header["step"] == header["goal"]
    assert server.get(f"/api/runs/{STARTER_RUN}").json()["mine"] is False


async def _refused(server: Server, path: str) -> int:
    """The HTTP status that answers a handshake from another site."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        await websockets.connect(f"ws://localhost:{server.port}{path}", origin="http://evil.example")
    return refused.value.response.status_code


@pytest.mark.parametrize("path", ["/live/anything", "/_stcore/stream"])
def test_other_sites_are_kept_out(server: Server, path: str) -> None:
    """Our stream and Streamlit's own refuse the handshake of a foreign page."""
    assert asyncio.run(_refused(server, path)) == 403


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_is_left_behind(tmp_path: Path, name: str) -> None:
    """However the server ends, with a run training and a viewer watching: no process of it stays."""
    server = start(tmp_path)
    try:
        wait_for(lambda: ready(server), "the engine")
        family = asyncio.run(_end_while_watched(server, getattr(signal, name)))
        assert len(family) >= 3  # the server, the engine's host, a worker
        assert psutil.wait_procs(family, PATIENCE)[1] == []
    finally:
        stop(server)


async def _end_while_watched(server: Server, number: int) -> list[psutil.Process]:
    """Ends the server; who belonged to it. Returns when the viewer's socket has closed."""
    run = httpx.post(server.url + "/api/runs", json={"training": {"epochs": 10_000}}, timeout=PATIENCE).json()["id"]
    async with (
        asyncio.timeout(PATIENCE),
        websockets.connect(f"ws://localhost:{server.port}/live/{run}", max_size=None) as socket,
    ):
        while decode(await socket.recv())[0]["step"] == 0:
            pass
        family = server.family()
        server.process.send_signal(number)
        with suppress(websockets.exceptions.ConnectionClosedError):  # 1012 on a signal, 1006 on a kill
            async for _frame in socket:
                pass
    return family


def test_every_option_of_streamlit_exists() -> None:
    """No name in .streamlit/config.toml is misspelt or gone from this version."""

    def names(table: dict, prefix: str = "") -> Iterator[str]:
        for name, value in table.items():
            yield from names(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]

    written = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))

    assert [name for name in names(written) if name not in config._config_options_template] == []
