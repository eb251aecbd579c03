"""HTTP to the outside world: one pooled aiohttp session per event loop behind a transport of two methods."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import aiohttp


class Exchange(Protocol):
    """A response whose head has come. Raises ConnectionError when the peer goes away before the end."""

    @property
    def status(self) -> int: ...
    def header(self, name: str) -> str:
        """The header's value, empty when it was not sent."""
        ...

    async def read_some(self) -> bytes:
        """Bytes as soon as there are any; empty at the end of the body."""
        ...

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else cut it."""
        ...


class Transport(Protocol):
    """Sends requests. Raises ConnectionError when no response head comes."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Exchange: ...
    async def aclose(self) -> None: ...


class AiohttpExchange:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str:
        return self._response.headers.get(name, "")

    async def read_some(self) -> bytes:
        import aiohttp

        try:
            return await self._response.content.readany()
        except aiohttp.ClientError as error:
            raise ConnectionError(type(error).__name__) from error

    def close(self) -> None:
        self._response.release()


@dataclass
class AiohttpTransport:
    """Lends connections from a pool that is made when an event loop first asks.

    Redirects are not followed (a key must not travel to another host), cookies are dropped, and no proxy or credential
    is read from the environment.
    """

    max_connections: int = 128
    connect_timeout_s: float = 10.0
    _sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = self._open()
        return session

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=self.max_connections, ttl_dns_cache=60, keepalive_timeout=30)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.connect_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Exchange:
        import aiohttp

        try:
            response = await self._session().post(url, data=body, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, aiohttp.ServerTimeoutError) as error:
            raise ConnectionError(type(error).__name__) from error
        return AiohttpExchange(response)

    async def aclose(self) -> None:
        """Close the pool of the running loop; pools of other loops end with their loops."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()
