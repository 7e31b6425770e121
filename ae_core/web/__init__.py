"""The doors of the server: JSON API, live stream, and the middleware that every request passes.

`routes` and `middleware` are plain Starlette, so they run under Streamlit's `st.App` and under a bare `Starlette` in
tests. Every refusal of the API is `{"error": "a sentence"}`; nothing here raises to the reader.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ae_core.engine.client import Client
from ae_core.errors import AeError
from ae_core.store import Store
from ae_core.stream import Hub
from ae_core.web.answers import ae_error, any_error, http_error, json_object
from ae_core.web.api import VERSION, Api
from ae_core.web.live import live_many_of, live_of
from ae_core.web.visitors import COOKIE, client_of, middleware

__all__ = ["COOKIE", "VERSION", "client_of", "json_object", "middleware", "routes"]

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def routes(store: Store, client: Client, hub: Hub) -> list[BaseRoute]:
    """The JSON API under /api, the live stream under /live/{run}, the project's pictures under /images, and the scripts
    that its components share under /scripts, Plotly's own among them.
    """
    api = Api(store, client, hub)
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
    handlers: Mapping[Any, Any] = {HTTPException: http_error, AeError: ae_error, Exception: any_error}
    return [
        Mount("/api", app=ExceptionMiddleware(inner, handlers)),
        Mount("/images", app=StaticFiles(directory=ASSETS / "images")),
        Route("/scripts/plotly.js", plotly),
        Mount("/scripts", app=Scripts(directory=ASSETS / "scripts")),
        WebSocketRoute("/live/many", live_many_of(hub)),
        WebSocketRoute("/live/{run}", live_of(hub)),
    ]


class Scripts(StaticFiles):
    """Scripts that browsers keep but ask about at every visit: after an update nobody runs a mixture of old and new."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or nothing but "not modified"."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["cache-control"] = "no-cache"
        return response


async def plotly(request: Request) -> Response:
    """Plotly's script out of its Python package, so that every chart is drawn by the same version."""
    place = importlib.util.find_spec("plotly")
    folders = [] if place is None else list(place.submodule_search_locations or [])
    return await Scripts(directory=Path(folders[0]) / "package_data").get_response("plotly.min.js", request.scope)
