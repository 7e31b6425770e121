"""The live stream: frames of runs through WebSockets, until either side leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from ae_core.errors import (
    LimitError,
    UnknownRun,
)
from ae_core.stream import Hub, Viewer
from ae_core.web.answers import ID, unknown

WORD = 4096
"""Bytes of a message from a viewer, who has nothing to say."""
_CLOSE = {UnknownRun: 4404, LimitError: 4429}
MOST_TOGETHER = 40  # runs that one socket shows


def live_of(hub: Hub) -> Callable[[WebSocket], Awaitable[None]]:
    async def live(socket: WebSocket) -> None:
        """Frames of one run until either side leaves. Close code 4404: no such run; 4429: too many viewers."""
        await socket.accept()
        run = socket.path_params["run"]
        try:
            if not ID.fullmatch(run):
                raise unknown(run)
            async with hub.watch(run) as viewer:
                await _show(socket, viewer)
        except (UnknownRun, LimitError) as error:
            await _close(socket, _CLOSE[type(error)], str(error))

    return live


def live_many_of(hub: Hub) -> Callable[[WebSocket], Awaitable[None]]:
    async def live_many(socket: WebSocket) -> None:
        """Frames of up to MOST_TOGETHER runs, ?runs=a,b,..., through one socket: browsers open one at a time.

        Each frame names its run. For a run that there is not, or no more, comes a text, {"missing": run}.
        """
        await socket.accept()
        runs = list(dict.fromkeys(socket.query_params.get("runs", "").split(",")))
        if len(runs) > MOST_TOGETHER:
            await _close(socket, 1008, f"Expected at most {MOST_TOGETHER} runs, got {len(runs)}.")
            return
        sending = asyncio.Lock()

        async def one(run: str) -> tuple[int, str] | None:
            try:
                if not ID.fullmatch(run):
                    raise unknown(run)
                async with hub.watch(run) as viewer:
                    async for frame in viewer:
                        async with sending:
                            await socket.send_bytes(frame)
                    if not viewer.deleted:
                        return 1001, viewer.farewell
            except LimitError as error:
                return _CLOSE[LimitError], str(error)
            except UnknownRun:
                pass
            async with sending:
                await socket.send_json({"missing": run[:64]})
            await asyncio.Event().wait()  # the others go on
            return None

        await _both(socket, [one(run) for run in runs])

    return live_many


async def _show(socket: WebSocket, viewer: Viewer) -> None:
    """Send frames and listen; whichever ends first ends both."""
    await _both(socket, [_send(socket, viewer)])


async def _both(socket: WebSocket, senders: Iterable[Coroutine[Any, Any, tuple[int, str] | None]]) -> None:
    """Send and listen; whichever ends first ends all, and closes the socket with its code and reason."""
    tasks = [asyncio.create_task(part) for part in (*senders, _listen(socket))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (end := _end_of(task)):
            await _close(socket, *end)


def _end_of(task: asyncio.Task[tuple[int, str] | None]) -> tuple[int, str] | None:
    """Code and reason to close with; None if the viewer has left, which a sender notices by an exception."""
    try:
        return task.result()
    except (WebSocketDisconnect, OSError):
        return None


async def _send(socket: WebSocket, viewer: Viewer) -> tuple[int, str] | None:
    """Every frame that there is time for. Returns code and reason to close with."""
    async for frame in viewer:
        await socket.send_bytes(frame)
    return (4404 if viewer.deleted else 1001), viewer.farewell


async def _listen(socket: WebSocket) -> tuple[int, str] | None:
    """Wait until the viewer leaves (None), or says more than one who only watches would (code and reason)."""
    loop = asyncio.get_running_loop()
    begin, words = loop.time(), 0
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        words += 1
        if len(message.get("bytes") or message.get("text") or "") > WORD:
            return 1009, "A viewer has nothing to say that is so long."
        if words > 20 + 5 * (loop.time() - begin):
            return 1008, "A viewer has nothing to say so often."


async def _close(socket: WebSocket, code: int, sentence: str) -> None:
    """Close with as much of the sentence as a closing frame holds (123 bytes), unless it is closed already."""
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.close(code, sentence.encode()[:123].decode(errors="ignore"))
