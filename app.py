"""Latent Lab as one ASGI app: pages, JSON API and live stream on the same port. `streamlit run app.py`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from ae_core import services, starter, web
from ae_core.engine.client import EngineProcess
from ae_core.errors import AeError

try:
    here = services.current()
except AeError as error:
    sys.exit(str(error))


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """The engine and the live stream live as long as the server."""
    starter.ensure(here.store)
    engine = EngineProcess(here.settings)
    await asyncio.to_thread(engine.start)
    try:
        yield
    finally:
        await here.hub.stop()
        here.downloads.close()
        await asyncio.to_thread(engine.stop)
        here.store.close()


app = st.App(
    "pages/_shell.py",
    lifespan=lifespan,
    routes=web.routes(here.store, here.client, here.hub),
    middleware=web.middleware(),
)
