"""JSON in and out: what a request may say, and how it is refused, always as `{"error": "a sentence"}`."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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

MOST_BYTES = 64 * 1024
"""Of a request's body."""
MOST_DEPTH = 16
MOST_DIGITS = 18
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
ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""What the ids of runs and of questions look like."""
_log = logging.getLogger(__name__)


async def body_of(request: Request) -> dict[str, Any]:
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


def answer(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, {"cache-control": "no-store"})


def unknown(run: str) -> UnknownRun:
    return UnknownRun(f"There is no run {ascii(run[:40])}. It may have been deleted.")


def refusal(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, {"cache-control": "no-store", **(headers or {})})


def http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = ascii(request.url.path[:80])
    allowed = (error.headers or {}).get("Allow", "other methods")
    sentences = {
        404: f"There is nothing at {path}. Try /api/health, /api/runs/ID or /api/runs/ID/events.",
        405: f"{path} does not answer {request.method}; it answers {allowed}.",
    }
    usual = HTTPException(error.status_code).detail
    sentence = sentences.get(error.status_code, usual) if error.detail == usual else error.detail
    return refusal(error.status_code, sentence, error.headers)


def ae_error(request: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)
    return refusal(status, re.sub(r"\S{80,}", lambda word: word[0][:77] + "...", str(error)))


def any_error(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed.", request.method, request.url.path, exc_info=error)
    return refusal(500, "Something went wrong on the server; its log says what. Try again.")
