"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, reached through a socket in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest


def binaries() -> Path | None:
    """The folder of PostgreSQL's server programs, newest version first; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    on_path = shutil.which("postgres")
    return found[0].parent if found else Path(on_path).parent if on_path else None


def require() -> Path:
    """The same, but without it the test fails in CI and is skipped elsewhere."""
    folder = binaries()
    if folder is None:
        reason = "PostgreSQL is not installed (Debian: apt-get install postgresql)."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@contextmanager
def server() -> Iterator[str]:
    """A running cluster, as the URL of its database `postgres`."""
    folder = require()
    home = Path(tempfile.mkdtemp(prefix="ll-pg-"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root; Debian's package brings a user for it
        shutil.chown(home, "postgres")
    data, log = home / "data", home / "log"
    _run([folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"])
    options = f"-k {home} -c listen_addresses='' -c fsync=off -c max_connections=200"
    _run([folder / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"])
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={home}"
    finally:
        _run([folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"])
        shutil.rmtree(home, ignore_errors=True)


def _run(command: Sequence[str | Path]) -> None:
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # not through a pipe: the server that pg_ctl leaves behind would hold it open
    with tempfile.TemporaryFile("w+") as said:
        arguments = [*as_user, *map(str, command)]
        if subprocess.run(arguments, stdout=said, stderr=said, cwd="/", check=False).returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed: {said.read()}")
