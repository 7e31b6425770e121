"""Where others on the same network find this computer. `python -m ae_core.network` prints it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def lan_address() -> str:
    """This computer's address on its network, empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))  # sends nothing; only asks which of our addresses would be used
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def for_others(url: str, listens_on: str | None) -> str:
    """The page's address as somebody else on the network has to type it.

    url: as this browser has it. listens_on: the address that the server is bound to, None or 0.0.0.0 for all of them.
    The URL itself is returned where it is no loopback address, or where nobody else can reach the server.
    """
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK or listens_on not in (None, "", "0.0.0.0", "::") or not (host := lan_address()):
        return url
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{host}{port}").geturl()


if __name__ == "__main__":
    print(lan_address())
