"""The JSON API: runs, their events, files and questions, and people's datasets."""

from __future__ import annotations

import asyncio
import io
import re
from typing import Any, get_args

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from ae_core import frames
from ae_core.data.shelf import Shelf, own
from ae_core.engine.client import Client
from ae_core.errors import (
    CommandRefused,
    SpecError,
)
from ae_core.probes.questions import FileName, TakeAway, read_question
from ae_core.script import python_lines
from ae_core.spec import Own, read
from ae_core.store import Probe, Run, Store
from ae_core.stream import Hub
from ae_core.web.answers import ID, answer, body_of, unknown
from ae_core.web.visitors import client_of, owner_of

VERSION = "0.1.0"
PATIENCE = 1.0  # seconds that a request for an answer waits for it before it tells how far it is
FILE_PATIENCE = 60.0  # the same of a request for a file, which somebody waits for who cannot ask again by himself
GLANCE, SELDOM = 0.03, 0.4  # seconds between two looks for it, at first and after a while
KEPT_SECONDS = 24 * 3600  # that a browser may keep an answer: the same question has the same one for ever
EVENTS = 5000
"""Most events in one answer."""
_COMMANDS = ("pause", "resume", "step", "stop", "set")


class Api:
    """The endpoints. Plain functions run in Starlette's thread pool, since the store blocks."""

    def __init__(self, store: Store, client: Client, hub: Hub) -> None:
        self._store, self._client, self._hub = store, client, hub

    def health(self, request: Request) -> Response:
        return answer({"status": "ok", "engine": self._store.engine_state()["state"], "version": VERSION})

    def run(self, request: Request) -> Response:
        run = self._run(request)
        return answer(
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
        return answer({"digest": digest, "here": shelf.has(digest), "mine": mine, **card.model_dump(mode="json")})

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
        return answer([{"seq": seq, **event} for seq, event in found])

    async def file(self, request: Request) -> Response:
        """script.py at once; what the engine makes, as soon as it is made, or 202 with how far it is after a while."""
        owner, run = owner_of(request), await run_in_threadpool(self._run, request)
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
        owner, body = owner_of(request), await body_of(request)
        run = await run_in_threadpool(lambda: self._client.start_run(read(body), owner))
        return answer({"id": run}, 201)

    async def command(self, request: Request) -> Response:
        owner, body = owner_of(request), await body_of(request)
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
        return answer({"id": run.id, "command": verb}, 202)

    def milestones(self, request: Request) -> Response:
        run = self._run(request)
        kept = [{"step": kept.step, "epoch": kept.epoch} for kept in self._store.probes.milestones(run.id)]
        return answer({"id": run.id, "status": run.status, "step": run.step, "goal": run.goal, "milestones": kept})

    def snapshots(self, request: Request) -> Response:
        run = self._run(request)
        kept = [{"serial": serial, "step": step} for serial, step in self._store.snapshots(run.id)]
        return answer({"id": run.id, "status": run.status, "step": run.step, "goal": run.goal, "snapshots": kept})

    def snapshot(self, request: Request) -> Response:
        """One picture of the run, as a frame; the same serial has the same one for ever."""
        run, serial = self._run(request), request.path_params["serial"]
        if not re.fullmatch(r"[0-9]{1,9}", serial):
            raise SpecError(f"serial: expected the number of a snapshot, from 1 up, got {serial[:40]!r}.")
        headers = {"cache-control": f"private, max-age={KEPT_SECONDS}"}
        frame = self._store.snapshot(run.id, int(serial))
        return Response(frame, media_type="application/octet-stream", headers=headers)

    async def ask(self, request: Request) -> Response:
        owner, body = owner_of(request), await body_of(request)
        step = body.pop("step", None)
        if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step < 0):
            raise SpecError(f"step: expected the step of a milestone, got {repr(step)[:40]}.")
        question = read_question(body)
        run = await run_in_threadpool(self._run, request)
        probe = await run_in_threadpool(lambda: self._client.ask(run.id, owner, question, step))
        return await self._answered(run.id, probe)

    async def answer(self, request: Request) -> Response:
        run, probe = await run_in_threadpool(self._run, request), request.path_params["probe"]
        if not ID.fullmatch(probe):
            raise unknown(probe)
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
        return answer({"id": probe.id, "status": probe.status, "progress": probe.progress}, 202)

    def _run(self, request: Request) -> Run:
        run = request.path_params["run"]
        if not ID.fullmatch(run):
            raise unknown(run)
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
