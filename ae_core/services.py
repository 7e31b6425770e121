"""What the web process shares among its pages, its API and its live stream: one store, one client, one hub.

    services.current().client.start_run(spec, owner)

They are made on first use from the environment, so a page works without `app.py` too (Streamlit's AppTest runs it so),
and another environment (a test with a folder of its own) gets its own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ae_core.data.download import Downloads
from ae_core.engine.client import Client
from ae_core.settings import Settings
from ae_core.store import Store
from ae_core.stream import Hub


@dataclass(frozen=True)
class Services:
    """settings: where they came from. The engine is not among them: `app.py` starts and stops it."""

    settings: Settings
    store: Store
    client: Client
    hub: Hub
    downloads: Downloads


_made: dict[Settings, Services] = {}
_lock = threading.Lock()


def current() -> Services:
    """The services of this process. Raises AeError for an environment that cannot be right."""
    settings = Settings.from_environment()
    with _lock:
        if settings not in _made:
            _made[settings] = _make(settings)
        return _made[settings]


def _make(settings: Settings) -> Services:
    settings.home.mkdir(parents=True, exist_ok=True)
    store = Store(settings.database_url)
    store.create()
    hub = Hub(store, most_viewers=settings.limits.viewers)
    client = Client(store, settings)
    client.forget_unused()
    return Services(settings, store, client, hub, Downloads(settings.home))
