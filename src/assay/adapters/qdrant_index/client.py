"""The door to Qdrant: a server, or the client's local mode in a folder or in memory, with failures in Assay's words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from assay.adapters.remote_index.failures import refused, unreachable
from assay.records.errors import Busy, ConfigError

TIMEOUT_S = 30
IN_MEMORY = ":memory:"

_open: dict[str, LocalClient] = {}
_opening = threading.Lock()


@dataclass
class Client:
    """A client for a server; nothing is reached before the first call. Raises Unavailable and ConfigError."""

    raw: Any
    where: str

    @property
    def server(self) -> bool:
        """Whether there is a server that keeps payload indexes; the local mode compares every point."""
        return True

    @contextmanager
    def calls(self) -> Iterator[Any]:
        """The client, for one or more calls."""
        from httpx import HTTPError
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            with self._turn():
                yield self.raw
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                raise ConfigError(
                    "index.credentials", "Qdrant does not accept the key", where="index.qdrant.api_key_env",
                    remedy="put a key that may read and write into the variable that is named there",
                ) from error  # fmt: skip
            if error.status_code in (502, 503, 504):
                raise unreachable(self.where) from error
            raise refused(self.where, f"HTTP {error.status_code}") from error
        except (ResponseHandlingException, HTTPError, ConnectionError) as error:
            raise unreachable(self.where) from error

    def _turn(self) -> Any:
        return nullcontext()

    def close(self) -> None:
        self.raw.close()


@dataclass
class LocalClient(Client):
    """The local mode: one process, one call at a time, every search a full scan. Users of one folder share it."""

    users: int = 1
    lock: Any = field(default_factory=threading.RLock)

    @property
    def server(self) -> bool:
        return False

    def _turn(self) -> Any:
        return self.lock

    def close(self) -> None:
        with _opening:
            self.users -= 1
            if not self.users:
                _open.pop(self.where, None)
                self.raw.close()


def qdrant_client(place: str, api_key: str = "") -> Client:
    """A client for an address (`http://…`), a folder, or `:memory:`. Raises Busy if another process has the folder."""
    from qdrant_client import QdrantClient

    if "://" in place:
        made = QdrantClient(url=place, api_key=api_key or None, timeout=TIMEOUT_S, check_compatibility=False)
        return Client(made, place)
    if place == IN_MEMORY:
        return LocalClient(QdrantClient(location=IN_MEMORY), IN_MEMORY)
    with _opening:
        if place in _open:
            _open[place].users += 1
            return _open[place]
        try:
            raw = QdrantClient(path=place, force_disable_check_same_thread=True)
        except RuntimeError as error:  # what the client raises when the folder is locked
            raise Busy(
                "index.busy", "another process has this folder open, and Qdrant's local mode allows one", where=place,
                remedy="wait for it to end, or use a Qdrant server (index.qdrant.url)",
            ) from error  # fmt: skip
        _open[place] = LocalClient(raw, place)
        return _open[place]
