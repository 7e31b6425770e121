"""Serves the components outside Streamlit, with the made-up runs of `scenes` behind `/live/{scene}`.

    python -m tests.browser.harness.server 8791     then open http://127.0.0.1:8791/?run=digits&theme=dark

Query of the page: `run` (a scene; none for the empty stage), `hz`, `at` (0..1 where it begins), `still=1` (it stays
there), `theme` light or dark, `language` en or zh, `part` stage or hourglass. Posts: `/drop` cuts every socket, `/hold`
refuses new ones until `/release`. `GET /sockets` counts the open ones, `/oracle` is a frame with every dtype, and
`/oracle?values` what is in it.
"""

from __future__ import annotations

import asyncio
import functools
import math
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from ae_core import frames
from tests.browser.harness.scenes import ROWS, SCENES, Scene, frame

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@functools.cache
def scene(name: str) -> Scene:
    return SCENES[name]()


def words(language: str) -> dict[str, Any]:
    """The copy of both components."""
    tables = tomllib.loads((ROOT / "assets" / "copy" / f"{language}.toml").read_text(encoding="utf-8"))
    return {name: tables[name] for name in ("stage", "hourglass")}


ORACLE = {
    "floats": np.array([[0.5, -1.25, 3e-7], [1e30, 0, -0.0]], "f4"),
    "halves": np.array([0.5, -2.0, 6.1e-5, 5.96e-8, 65504.0, 0.0], "f2"),
    "doubles": np.array([np.pi, -1e-300], "f8"),
    "bytes": np.arange(7, dtype="u1"),
    "signed": np.array([-128, 127, -1], "i1"),
    "shorts": np.array([-32768, 32767], "i2"),
    "ints": np.array([[2**31 - 1], [-(2**31)]], "i4"),
    "none": np.zeros((0, 3), "f4"),
}


async def oracle(request: Request) -> Response:
    if "values" in request.query_params:
        return JSONResponse(
            {n: {"shape": list(a.shape), "values": a.astype("f8").ravel().tolist()} for n, a in ORACLE.items()}
        )
    return Response(frames.encode({"run": "oracle", "note": "损失 ≤ ½"}, ORACLE), media_type="application/octet-stream")


class Live:
    """All open sockets, and what tests do to them."""

    def __init__(self) -> None:
        self.sockets: dict[WebSocket, int] = {}
        self.held = False
        self.opened = 0
        self.rows: dict[str, int] = {}

    async def serve(self, socket: WebSocket) -> None:
        """Push frames at `hz` until the run ends, then keep the socket open."""
        if self.held:
            await socket.close(1013)
            return
        await socket.accept()
        self.opened += 1
        self.sockets[socket] = 0
        listener = asyncio.create_task(self._listen(socket))
        try:
            await self._play(socket, listener)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            listener.cancel()
            self.sockets.pop(socket, None)

    async def _play(self, socket: WebSocket, listener: asyncio.Task[None]) -> None:
        query, name = socket.query_params, socket.path_params["run"]
        hz, still, visit = float(query.get("hz", 20)), query.get("still") == "1", name + query.get("visit", "")
        if name == "queued":
            header = {
                "run": name,
                "step": 0,
                "epoch": 0.0,
                "status": "queued",
                "seconds": 0.0,
                "goal": 100,
                "full": True,
                "learning_rate": 1e-3,
                "note": "",
                "error": "",
                "curve_from": 0,
                "meta": None,
                "marks": [],
            }
            await socket.send_bytes(frames.encode(header))
            await listener
        if name not in SCENES:
            await socket.close(4404)
            return
        made = scene(name)
        last = math.ceil(ROWS * made.until)
        row = min(last, max(self.rows.get(visit, 0), round(ROWS * float(query.get("at", 0.02)))))
        seen, full = 0, True
        while not listener.done():
            self.rows[visit] = row
            await socket.send_bytes(
                frame(made, name, seen, row, full=full, status="running" if still and row < last else None)
            )
            self.sockets[socket] += 1
            seen, full = row, False
            if still or row >= last:
                await listener
                return
            row = min(last, row + 1)
            await asyncio.wait({listener}, timeout=1 / hz)

    async def _listen(self, socket: WebSocket) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await socket.receive()

    async def drop(self, request: Request) -> Response:
        for socket in list(self.sockets):
            with suppress(RuntimeError):
                await socket.close(1012)
        return JSONResponse({})

    async def hold(self, request: Request) -> Response:
        self.held = request.url.path == "/hold"
        return JSONResponse({})

    async def count(self, request: Request) -> Response:
        return JSONResponse({"open": len(self.sockets), "opened": self.opened})


async def page(request: Request) -> Response:
    return FileResponse(HERE / "index.html")


async def copy(request: Request) -> Response:
    return JSONResponse(words(request.path_params["language"]))


def application() -> Starlette:
    live = Live()
    return Starlette(
        routes=[
            Route("/", page),
            Route("/copy/{language}", copy),
            Route("/oracle", oracle),
            Route("/sockets", live.count),
            Route("/drop", live.drop, methods=["POST"]),
            Route("/hold", live.hold, methods=["POST"]),
            Route("/release", live.hold, methods=["POST"]),
            WebSocketRoute("/live/{run}", live.serve),
            Mount("/components", StaticFiles(directory=ROOT / "assets" / "components")),
        ]
    )


@contextmanager
def serving() -> Iterator[str]:
    """The harness in a thread of its own; gives its address."""
    server = uvicorn.Server(
        uvicorn.Config(application(), host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    )
    ready = threading.Event()
    startup = server.startup

    async def started(*arguments: Any, **more: Any) -> None:
        await startup(*arguments, **more)
        ready.set()

    server.startup = started  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    if not ready.wait(30):
        raise RuntimeError("The harness did not start within 30 seconds.")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


if __name__ == "__main__":
    uvicorn.run(
        application(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8791, log_level="warning"
    )
