"""The doors of the server: JSON API, live stream, and the middleware that every request passes.

`routes` and `middleware` are plain Starlette, so they run under Streamlit's `st.App` and under a bare `Starlette` in
tests. Every refusal of the API is `{"error": "a sentence"}`; nothing here raises to the reader.

Who a browser is: a random cookie (`ClientCookie`). A request without one gets it both in the response and in its own
headers, so that whatever handles the very first request (a page reads `st.context.cookies`) already knows the client.

Whose request it is: a POST or a WebSocket that names an Origin must name this server, scheme, host and port. One
without an Origin comes from a program, not from a page: browsers send Origin with each of these, and older ones are
held off by the cookie's SameSite=Lax. Behind a proxy that ends TLS, uvicorn learns the scheme from X-Forwarded-Proto
of the addresses in FORWARDED_ALLOW_IPS (by default this machine).
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from ae_core import frames
from ae_core.data.shelf import Shelf, own
from ae_core.engine.client import Client
from ae_core.errors import (
    AeError,
    CheckpointError,
    CommandRefused,
    DataMissing,
    LimitError,
    NotYours,
    SpecError,
    UnknownGroup,
    UnknownRun,
)
from ae_core.probes.questions import FileName, TakeAway, read_question
from ae_core.script import python_lines
from ae_core.spec import Own, read
from ae_core.store import Probe, Run, Store
from ae_core.stream import Hub, Viewer

VERSION = "0.1.0"
ASSETS = Path(__file__).resolve().parents[1] / "assets"
COOKIE = "latent_lab_client"
COOKIE_SECONDS = 365 * 24 * 3600
MOST_BYTES = 64 * 1024
"""Of a request's body."""
MOST_DEPTH = 16
MOST_DIGITS = 18
PATIENCE = 1.0  # seconds that a request for an answer waits for it before it tells how far it is
FILE_PATIENCE = 60.0  # the same of a request for a file, which somebody waits for who cannot ask again by himself
GLANCE, SELDOM = 0.03, 0.4  # seconds between two looks for it, at first and after a while
KEPT_SECONDS = 24 * 3600  # that a browser may keep an answer: the same question has the same one for ever
EVENTS = 5000
"""Most events in one answer."""
WORD = 4096
"""Bytes of a message from a viewer, who has nothing to say."""

_STATUS: dict[type[AeError], int] = {
    SpecError: 422,
    DataMissing: 422,
    LimitError: 429,
    NotYours: 403,
    UnknownRun: 404,
    UnknownGroup: 404,
    CommandRefused: 409,
    CheckpointError: 409,
}
_CLOSE = {UnknownRun: 4404, LimitError: 4429}
_COMMANDS = ("pause", "resume", "step", "stop", "set")
_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_CLIENT = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    # No script-src or style-src: Streamlit's pages need inline styles, eval, blob: and data: (1.67).
    (b"content-security-policy", b"frame-ancestors 'self'; object-src 'none'; base-uri 'self'"),
)
MOST_TOGETHER = 40  # runs that one socket shows
_log = logging.getLogger(__name__)


def routes(store: Store, client: Client, hub: Hub) -> list[BaseRoute]:
    """The JSON API under /api, the live stream under /live/{run}, the project's pictures under /images, and the scripts
    that its components share under /scripts, Plotly's own among them.
    """
    api = _Api(store, client, hub)
    inner = Router(
        [
            Route("/health", api.health),
            Route("/runs", api.start, methods=["POST"]),
            Route("/runs/{run}", api.run),
            Route("/runs/{run}/events", api.events),
            Route("/runs/{run}/commands", api.command, methods=["POST"]),
            Route("/runs/{run}/files/{name}", api.file),
            Route("/runs/{run}/milestones", api.milestones),
            Route("/runs/{run}/snapshots", api.snapshots),
            Route("/runs/{run}/snapshots/{serial}", api.snapshot),
            Route("/datasets/{digest}", api.dataset),
            Route("/datasets/{digest}/thumbnail.png", api.thumbnail),
            Route("/runs/{run}/probes", api.ask, methods=["POST"]),
            Route("/runs/{run}/probes/{probe}", api.answer),
        ],
        redirect_slashes=False,
    )
    handlers: Mapping[Any, Any] = {HTTPException: _http_error, AeError: _ae_error, Exception: _any_error}
    return [
        Mount("/api", app=ExceptionMiddleware(inner, handlers)),
        Mount("/images", app=StaticFiles(directory=ASSETS / "images")),
        Route("/scripts/plotly.js", _plotly),
        Mount("/scripts", app=StaticFiles(directory=ASSETS / "scripts")),
        WebSocketRoute("/live/many", _live_many(hub)),
        WebSocketRoute("/live/{run}", _live(hub)),
    ]


def middleware() -> list[Middleware]:
    """What every request passes, outermost first."""
    return [Middleware(SecurityHeaders), Middleware(ClientCookie), Middleware(SameOrigin)]


def client_of(cookies: Mapping[str, str]) -> str | None:
    """The client that these cookies name, if they name one; pages pass `st.context.cookies`."""
    value = cookies.get(COOKIE, "")
    return value if _CLIENT.fullmatch(value) else None


# ------------------------------------------------------------------------------------------------------- the API


class _Api:
    """The endpoints. Plain functions run in Starlette's thread pool, since the store blocks."""

    def __init__(self, store: Store, client: Client, hub: Hub) -> None:
        self._store, self._client, self._hub = store, client, hub

    def health(self, request: Request) -> Response:
        return _json({"status": "ok", "engine": self._store.engine_state()["state"], "version": VERSION})

    def run(self, request: Request) -> Response:
        run = self._run(request)
        return _json(
            {
                "id": run.id,
                "title": run.title,
                "kind": run.kind,
                "parent": run.parent,
                "mine": run.owner == client_of(request.cookies),
                "status": run.status,
                "step": run.step,
                "epoch": run.epoch,
                "goal": run.goal,
                "seconds": run.seconds,
                "learning_rate": run.learning_rate,
                "seq": run.seq,
                "terms": self._terms(run),
                "metrics": run.metrics,
                "error": run.error,
                "created": run.created,
                "started": run.started,
                "finished": run.finished,
                "spec": run.spec.model_dump(mode="json"),
            }
        )

    def dataset(self, request: Request) -> Response:
        """The card of somebody's own dataset, whether its items are still here, and whether this browser keeps it."""
        digest, shelf = request.path_params["digest"], Shelf(self._client.settings.home)
        card = shelf.card(digest)
        owner = client_of(request.cookies)
        mine = owner is not None and digest in {kept.digest for kept in self._store.datasets.of(owner)}
        return _json({"digest": digest, "here": shelf.has(digest), "mine": mine, **card.model_dump(mode="json")})

    def thumbnail(self, request: Request) -> Response:
        """The picture of somebody's own dataset, drawn when it is first asked for."""
        data, shelf = Own.model_construct(digest=request.path_params["digest"]), Shelf(self._client.settings.home)
        record = own(data, shelf)  # raises DataMissing for what is no digest, so the path is safe
        file = shelf.folder / data.digest / "thumbnail.png"
        if not file.exists():
            from ae_core.plots.thumbnail import thumbnail  # Pillow is loaded only where it is needed

            packed = io.BytesIO()
            thumbnail(record, record.load(data)).save(packed, "PNG", optimize=True)
            file.write_bytes(packed.getvalue())
        return FileResponse(file, headers={"cache-control": f"private, max-age={KEPT_SECONDS}"})

    def events(self, request: Request) -> Response:
        run = self._run(request)
        after = request.query_params.get("after", "0")
        if not re.fullmatch(r"[0-9]{1,9}", after):
            raise SpecError(f"after: expected the number of the last event you have, from 0 up, got {after[:40]!r}.")
        found = self._store.events_after(run.id, int(after), limit=EVENTS)
        return _json([{"seq": seq, **event} for seq, event in found])

    async def file(self, request: Request) -> Response:
        """script.py at once; what the engine makes, as soon as it is made, or 202 with how far it is after a while."""
        owner, run = _owner(request), await run_in_threadpool(self._run, request)
        name, step = request.path_params["name"], request.query_params.get("step")
        if name == "script.py":
            lines = await run_in_threadpool(lambda: python_lines(run.spec, self._store.rates_set(run.id)))
            return _attachment(run.id, name, lines.encode(), "text/x-python; charset=utf-8")
        if name not in get_args(FileName):
            raise HTTPException(404, f"A run has the files script.py, {', '.join(get_args(FileName))}.")
        if step is not None and not re.fullmatch(r"[0-9]{1,12}", step):
            raise SpecError(f"step: expected the step of a milestone, got {step[:40]!r}.")
        question, moment = TakeAway(file=name), None if step is None else int(step)
        probe = await run_in_threadpool(lambda: self._client.ask(run.id, owner, question, moment))
        probe = await self._settled(run.id, probe, FILE_PATIENCE)
        if probe.frame is None:
            return self._open(probe)
        header, arrays = frames.decode(probe.frame)
        return _attachment(run.id, name, arrays["bytes"].tobytes(), header["media"])

    async def start(self, request: Request) -> Response:
        owner, body = _owner(request), await _body(request)
        run = await run_in_threadpool(lambda: self._client.start_run(read(body), owner))
        return _json({"id": run}, 201)

    async def command(self, request: Request) -> Response:
        owner, body = _owner(request), await _body(request)
        verb, rate = body.get("command"), body.get("learning_rate")
        run = await run_in_threadpool(self._run, request)
        if unknown := sorted(body.keys() - {"command", "learning_rate"}):
            raise SpecError(f"A command has the fields command and learning_rate, not {unknown[0][:40]!r}.")
        if verb not in _COMMANDS:
            raise SpecError(f"command: expected one of {', '.join(_COMMANDS)}, got {repr(verb)[:40]}.")
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float)):
            raise SpecError(f"learning_rate: expected a number, got {repr(rate)[:40]}.")
        if verb == "set" and rate is None:
            raise SpecError("set: expected a learning_rate, got none.")
        await run_in_threadpool(
            lambda: self._client.command(run.id, owner, verb, learning_rate=None if rate is None else float(rate))
        )
        self._hub.nudge()
        return _json({"id": run.id, "command": verb}, 202)

    def milestones(self, request: Request) -> Response:
        run = self._run(request)
        kept = [{"step": kept.step, "epoch": kept.epoch} for kept in self._store.probes.milestones(run.id)]
        return _json({"id": run.id, "status": run.status, "step": run.step, "goal": run.goal, "milestones": kept})

    def snapshots(self, request: Request) -> Response:
        run = self._run(request)
        kept = [{"serial": serial, "step": step} for serial, step in self._store.snapshots(run.id)]
        return _json({"id": run.id, "status": run.status, "step": run.step, "goal": run.goal, "snapshots": kept})

    def snapshot(self, request: Request) -> Response:
        """One picture of the run, as a frame; the same serial has the same one for ever."""
        run, serial = self._run(request), request.path_params["serial"]
        if not re.fullmatch(r"[0-9]{1,9}", serial):
            raise SpecError(f"serial: expected the number of a snapshot, from 1 up, got {serial[:40]!r}.")
        headers = {"cache-control": f"private, max-age={KEPT_SECONDS}"}
        frame = self._store.snapshot(run.id, int(serial))
        return Response(frame, media_type="application/octet-stream", headers=headers)

    async def ask(self, request: Request) -> Response:
        owner, body = _owner(request), await _body(request)
        step = body.pop("step", None)
        if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step < 0):
            raise SpecError(f"step: expected the step of a milestone, got {repr(step)[:40]}.")
        question = read_question(body)
        run = await run_in_threadpool(self._run, request)
        probe = await run_in_threadpool(lambda: self._client.ask(run.id, owner, question, step))
        return await self._answered(run.id, probe)

    async def answer(self, request: Request) -> Response:
        run, probe = await run_in_threadpool(self._run, request), request.path_params["probe"]
        if not _ID.fullmatch(probe):
            raise _unknown(probe)
        return await self._answered(run.id, await run_in_threadpool(self._store.probes.look, run.id, probe))

    async def _answered(self, run: str, probe: Probe) -> Response:
        """The frame as soon as it is there, 202 with how far it is after a while, 409 with the reason for no answer."""
        probe = await self._settled(run, probe, PATIENCE)
        if probe.frame is None:
            return self._open(probe)
        headers = {"cache-control": f"private, max-age={KEPT_SECONDS}"}
        return Response(probe.frame, media_type="application/octet-stream", headers=headers)

    async def _settled(self, run: str, probe: Probe, patience: float) -> Probe:
        """The question when it is answered or given up, or as it is after so many seconds. Looks ever more rarely."""
        until, pause = asyncio.get_running_loop().time() + patience, GLANCE
        while probe.status in ("queued", "working") and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(pause)
            pause = min(1.2 * pause, SELDOM)
            probe = await run_in_threadpool(self._store.probes.look, run, probe.id)
        return probe

    def _open(self, probe: Probe) -> Response:
        """How far a question without an answer is. Raises CommandRefused with the reason why there is none."""
        if probe.status == "failed":
            raise CommandRefused(probe.error)
        return _json({"id": probe.id, "status": probe.status, "progress": probe.progress}, 202)

    def _run(self, request: Request) -> Run:
        run = request.path_params["run"]
        if not _ID.fullmatch(run):
            raise _unknown(run)
        return self._store.run(run)

    def _terms(self, run: Run) -> dict[str, Any]:
        """The last measured terms of each side."""
        terms: dict[str, Any] = {"train": None, "val": None}
        for _seq, event in reversed(self._store.events_after(run.id, max(0, run.seq - 200))):
            if event["kind"] == "progress":
                terms = {side: terms[side] or event[side] for side in terms}
        return terms


def _attachment(run: str, name: str, data: bytes, media: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{run}-{name}"', "cache-control": "no-store"}
    return Response(data, media_type=media, headers=headers)


def _plotly(request: Request) -> Response:
    """Plotly's script out of its Python package, so that every chart is drawn by the same version."""
    place = importlib.util.find_spec("plotly")
    folders = [] if place is None else list(place.submodule_search_locations or [])
    return FileResponse(Path(folders[0]) / "package_data" / "plotly.min.js")


def _owner(request: Request) -> str:
    owner = client_of(request.cookies)
    if owner is None:  # only where `middleware()` is missing
        raise NotYours(f"Expected the cookie {COOKIE}. Open the page in a browser first.")
    return owner


async def _body(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises SpecError, or HTTPException 413 before reading more than MOST_BYTES."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise HTTPException(413, f"Expected at most {MOST_BYTES // 1024} kB of JSON, got more.")
    return json_object(bytes(raw))


def json_object(raw: bytes) -> dict[str, Any]:
    """One JSON object, in the strict sense that everybody agrees on. Raises SpecError for anything else."""
    try:
        value = json.loads(
            raw.decode(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=_short_integer
        )
        _check_parts(value)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"Expected a JSON object, got {len(raw)} bytes that are none: {str(error)[:200]}.") from None
    if not isinstance(value, dict):
        raise SpecError(f"Expected a JSON object, got {type(value).__name__}. Put the settings in {{}}.")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _short_integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a whole number has more than {MOST_DIGITS} digits")
    return int(digits)


def _check_parts(value: Any) -> None:
    """Raises ValueError for nesting that is too deep, and for text that cannot be sent back (lone surrogates)."""
    level = [value]
    for _ in range(MOST_DEPTH):
        for part in level:
            if isinstance(part, str):
                part.encode()
        inner = [part for part in level if isinstance(part, dict | list)]
        level = [child for part in inner for child in (part if isinstance(part, list) else [*part, *part.values()])]
        if not level:
            return
    raise ValueError(f"it is nested deeper than {MOST_DEPTH} levels")


def _json(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, {"cache-control": "no-store"})


def _unknown(run: str) -> UnknownRun:
    return UnknownRun(f"There is no run {ascii(run[:40])}. It may have been deleted.")


def _refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, {"cache-control": "no-store", **(headers or {})})


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = ascii(request.url.path[:80])
    allowed = (error.headers or {}).get("Allow", "other methods")
    sentences = {
        404: f"There is nothing at {path}. Try /api/health, /api/runs/ID or /api/runs/ID/events.",
        405: f"{path} does not answer {request.method}; it answers {allowed}.",
    }
    usual = HTTPException(error.status_code).detail
    sentence = sentences.get(error.status_code, usual) if error.detail == usual else error.detail
    return _refusal(error.status_code, sentence, error.headers)


def _ae_error(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    return _refusal(status, re.sub(r"\S{80,}", lambda word: word[0][:77] + "...", str(error)))


def _any_error(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed.", request.method, request.url.path, exc_info=error)
    return _refusal(500, "Something went wrong on the server; its log says what. Try again.")


# ------------------------------------------------------------------------------------------------ the live stream


def _live(hub: Hub) -> Callable[[WebSocket], Awaitable[None]]:
    async def live(socket: WebSocket) -> None:
        """Frames of one run until either side leaves. Close code 4404: no such run; 4429: too many viewers."""
        await socket.accept()
        run = socket.path_params["run"]
        try:
            if not _ID.fullmatch(run):
                raise _unknown(run)
            async with hub.watch(run) as viewer:
                await _show(socket, viewer)
        except (UnknownRun, LimitError) as error:
            await _close(socket, _CLOSE[type(error)], str(error))

    return live


def _live_many(hub: Hub) -> Callable[[WebSocket], Awaitable[None]]:
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
                if not _ID.fullmatch(run):
                    raise _unknown(run)
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


# ----------------------------------------------------------------------------------------------------- middleware


class ClientCookie:
    """Gives each browser a random name, unless it has one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or client_of(HTTPConnection(scope).cookies):
            await self._app(scope, receive, send)
            return
        client = secrets.token_urlsafe(24)
        secure = "; Secure" if scope.get("scheme") in ("https", "wss") else ""
        given = f"{COOKIE}={client}; HttpOnly; SameSite=Lax; Path=/; Max-Age={COOKIE_SECONDS}{secure}".encode()
        # a later cookie header wins over an earlier one, so one that is damaged is replaced too
        known = {**scope, "headers": [*scope["headers"], (b"cookie", f"{COOKIE}={client}".encode())]}
        await self._app(known, receive, _with_headers(send, ((b"set-cookie", given),), websocket=True))


class SecurityHeaders:
    """No guessing of types, no addresses of runs in other sites' logs, no frames of other sites around the pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = scope["type"] == "http"
        await self._app(scope, receive, _with_headers(send, _SECURITY) if http else send)


class SameOrigin:
    """Refuses what another site's page asks of the API or the live stream (Streamlit guards its own doors)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"].startswith("/live/") and not _is_ours(scope):
            await send({"type": "websocket.close", "code": 4403, "reason": _FOREIGN})
        elif (
            scope["type"] == "http"
            and scope["path"].startswith("/api/")
            and scope["method"] not in ("GET", "HEAD", "OPTIONS")
            and not _is_ours(scope)
        ):
            await _refusal(403, _FOREIGN)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


_FOREIGN = "This request comes from another site's page. Open Latent Lab itself."


def _is_ours(scope: Scope) -> bool:
    """Whether every Origin that the request names is this server."""
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    ours = _place(f"{scheme}://{hosts[0]}") if len(hosts) == 1 else None
    return not origins or (ours is not None and all(_place(origin) == ours for origin in origins))


def _place(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what names none (`null`)."""
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        return (parts.scheme, parts.hostname, port) if parts.hostname else None
    except (ValueError, KeyError):
        return None


def _with_headers(send: Send, headers: tuple[tuple[bytes, bytes], ...], *, websocket: bool = False) -> Send:
    """`send` that adds headers to the response, and to the answer to a WebSocket's handshake."""
    starts = {"http.response.start"} | ({"websocket.accept", "websocket.http.response.start"} if websocket else set())

    async def sending(message: Message) -> None:
        if message["type"] in starts:
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return sending
