"""Connections to PostgreSQL that survive its restart, and its failures in the words of Assay's error tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from assay.adapters.pgvector_index import schema
from assay.adapters.remote_index.failures import refused, unreachable
from assay.records.errors import Busy, ConfigError, Unavailable

CONNECT_TIMEOUT_S = 5
_OPTIONS = "-c client_min_messages=warning -c jit=off -c plan_cache_mode=force_custom_plan"
"""A plan made once for all arrays of terms is a bad one, and compiling a plan takes longer than these searches."""
_LOCKED = ("55P03", "40001", "40P01")


class Server:
    """A pool of connections, each checked before use. Nothing is reached before the first `transaction`.

    Raises Unavailable (`index.unreachable`, `index.disk_full`, `index.refused`), Busy, and ConfigError.
    """

    def __init__(self, dsn: str, name: str) -> None:
        url = driver_url(dsn, "index.postgres.dsn_env")
        self.name = name
        self.where = f"{url.host or 'local'}/{url.database or ''} {name}"
        self._engine = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=24,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": _OPTIONS},
        )
        event.listen(self._engine, "connect", self._prepare)

    def _prepare(self, connection: Any, _record: Any) -> None:
        from pgvector.psycopg import register_vector

        with connection.cursor() as cursor:
            schema.prepare(cursor, self.name)
        register_vector(connection)
        connection.commit()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of it is kept, or, when anything raises, nothing."""
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Every statement for itself, for what PostgreSQL does not do inside a transaction."""
        with self._explained(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise Busy("index.busy", "too many searches at once", where=self.where, remedy="try again") from error
        except (DBAPIError, psycopg.Error) as error:  # the driver's own come from preparing a new connection
            raise self._explanation(error) from error

    def _explanation(self, error: DBAPIError | psycopg.Error) -> Exception:
        cause = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(cause, "sqlstate", None)
        if state is None:
            return unreachable(self.where) if isinstance(cause, psycopg.OperationalError) else error
        if state.startswith(("08", "57P", "28", "3D")):
            return unreachable(self.where)
        if state in _LOCKED:
            return Busy("index.busy", "another process is writing the index", where=self.where, remedy="try again")
        if state == "53100":
            return Unavailable(
                "index.disk_full", "the server's disk is full; nothing of this step was written", where=self.where,
                remedy="free space there and run the command again",
            )  # fmt: skip
        if state in ("42501", "0A000", "58P01"):
            return ConfigError(
                "index.pgvector", "the database does not let us make a schema or use pgvector", where=self.where,
                remedy="install pgvector there, and let its owner run: CREATE EXTENSION vector",
            )  # fmt: skip
        return refused(self.where, str(state)) if state[:2] in ("53", "54", "58", "XX") else error

    def close(self) -> None:
        self._engine.dispose()


def driver_url(dsn: str, where: str) -> URL:
    """An address as people write it, for the driver that is installed. Raises ConfigError (`index.dsn`)."""
    try:
        url = make_url(dsn)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(
            "index.dsn", "this is no address of a PostgreSQL database", where=where,
            remedy="postgresql://user:password@host:5432/database",
        )  # fmt: skip
    return url.set(drivername="postgresql+psycopg")
