"""A viewer without a browser: starts runs, commands them, and reads their live stream, as any program may."""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import ClientConnection, connect

from ae_core.spec import RunSpec

Header = dict[str, Any]


class Api:
    """One client of the JSON API, with the cookie that makes runs its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=30)

    def start(self, spec: RunSpec) -> str:
        """A new run's id."""
        answer = self._http.post("/api/runs", json=spec.model_dump(mode="json"))
        answer.raise_for_status()
        return str(answer.json()["id"])

    def told(self, run: str) -> dict[str, Any]:
        """What the API says of a run: status, step and the rest."""
        return dict(self._http.get(f"/api/runs/{run}").json())

    def command(self, run: str, command: str, **more: float) -> None:
        """Tells a run to do something."""
        self._http.post(f"/api/runs/{run}/commands", json={"command": command, **more}).raise_for_status()

    def close(self) -> None:
        """Lets go of its connections."""
        self._http.close()

    @contextmanager
    def watching(self, run: str) -> Iterator[Viewer]:
        """The run's live stream."""
        with connect(socket_url(self.url, run), max_size=None) as socket:
            yield Viewer(socket)


class Viewer:
    """Reads frames, of which only the header is looked at."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def next(self, timeout: float = 30) -> Header:
        """The next frame's header."""
        return header(self._socket.recv(timeout))

    def until(self, holds: Callable[[Header], bool], timeout: float = 60) -> Header:
        """The first frame of which that holds."""
        give_up = time.monotonic() + timeout
        while time.monotonic() < give_up:
            if holds(found := self.next()):
                return found
        raise TimeoutError("The frame that was waited for did not come.")

    def count(self, seconds: float) -> tuple[int, Header, Header, float]:
        """How many frames come in that time after a first one; that one, the last, and the seconds between the two."""
        first = last = self.next()
        began = came = time.monotonic()
        frames, end = 0, began + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                last = self.next(left)
            except TimeoutError:
                break
            frames, came = frames + 1, time.monotonic()
        return frames, first, last, came - began


def header(frame: bytes | str) -> Header:
    """The JSON header of one frame."""
    assert isinstance(frame, bytes)
    (length,) = struct.unpack_from("<I", frame)
    return dict(json.loads(frame[4 : 4 + length]))


def socket_url(url: str, run: str) -> str:
    """Address of a run's live stream."""
    return f"{url.replace('http', 'ws', 1)}/live/{run}"


async def crowd(url: str, run: str, viewers: int, seconds: float) -> list[int]:
    """Frames that each of so many viewers gets in that time."""

    async def one() -> int:
        frames = 0
        async with connect_async(socket_url(url, run), max_size=None) as socket:
            await socket.recv()
            with_end = asyncio.get_running_loop().time() + seconds
            while (left := with_end - asyncio.get_running_loop().time()) > 0:
                try:
                    await asyncio.wait_for(socket.recv(), left)
                except TimeoutError:
                    break
                frames += 1
        return frames

    return await asyncio.gather(*(one() for _ in range(viewers)))


if __name__ == "__main__":  # a process of its own, so that its work is not taken for the server's
    print(json.dumps(asyncio.run(crowd(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))))
