"""Who a browser is, and which requests are its own: the middleware that everything passes.

Who it is: a random cookie (`ClientCookie`). A request without one gets it both in the response and in its own
headers, so that whatever handles the very first request (a page reads `st.context.cookies`) already knows the client.

Whose request it is: a POST or a WebSocket that names an Origin must name this server, scheme, host and port. One
without an Origin comes from a program, not from a page: browsers send Origin with each of these, and older ones are
held off by the cookie's SameSite=Lax. Behind a proxy that ends TLS, uvicorn learns the scheme from X-Forwarded-Proto
of the addresses in FORWARDED_ALLOW_IPS (by default this machine).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ae_core.errors import NotYours
from ae_core.web.answers import refusal

COOKIE = "latent_lab_client"
COOKIE_SECONDS = 365 * 24 * 3600
_CLIENT = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    # No script-src or style-src: Streamlit's pages need inline styles, eval, blob: and data: (1.67).
    (b"content-security-policy", b"frame-ancestors 'self'; object-src 'none'; base-uri 'self'"),
)


def middleware() -> list[Middleware]:
    """What every request passes, outermost first."""
    return [Middleware(SecurityHeaders), Middleware(ClientCookie), Middleware(SameOrigin)]


def client_of(cookies: Mapping[str, str]) -> str | None:
    """The client that these cookies name, if they name one; pages pass `st.context.cookies`."""
    value = cookies.get(COOKIE, "")
    return value if _CLIENT.fullmatch(value) else None


def owner_of(request: Request) -> str:
    """The client of a request. Raises NotYours for one that has no cookie."""
    owner = client_of(request.cookies)
    if owner is None:  # only where `middleware()` is missing
        raise NotYours(f"Expected the cookie {COOKIE}. Open the page in a browser first.")
    return owner


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
            await refusal(403, _FOREIGN)(scope, receive, send)
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
