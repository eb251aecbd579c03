"""HTTP to the outside world: one pooled aiohttp session per event loop behind a transport of two methods."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

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


async def _lent_session(max_connections: int, connect_timeout_s: float) -> AsyncGenerator[aiohttp.ClientSession, None]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=max_connections, ttl_dns_cache=60, keepalive_timeout=30)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
    ) as session:
        yield session


class _Pool:
    """One loop's session, held open by a generator that the loop finishes when it ends (`shutdown_asyncgens`)."""

    def __init__(self, session: aiohttp.ClientSession, lifetime: AsyncGenerator[aiohttp.ClientSession, None]) -> None:
        self.session = session
        self.lifetime = lifetime
        weakref.finalize(self, _end, asyncio.get_running_loop(), lifetime).atexit = False


def _end(loop: asyncio.AbstractEventLoop, lifetime: AsyncGenerator[aiohttp.ClientSession, None]) -> None:
    """Close a pool that was thrown away, in its loop; a loop that has ended closed it already."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: loop.create_task(_close(lifetime)))


async def _close(lifetime: AsyncGenerator[aiohttp.ClientSession, None]) -> None:
    await lifetime.aclose()


@dataclass
class AiohttpTransport:
    """Lends connections from a pool that is made when an event loop first asks, and that ends with `aclose`, with its
    loop, or with the transport, whichever comes first.

    Redirects are not followed (a key must not travel to another host), cookies are dropped, and no proxy or credential
    is read from the environment.
    """

    max_connections: int = 128
    connect_timeout_s: float = 10.0
    _pools: dict[asyncio.AbstractEventLoop, _Pool] = field(default_factory=dict, init=False, repr=False)

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None or pool.session.closed:
            self._pools = {other: kept for other, kept in self._pools.items() if not other.is_closed()}
            lifetime = _lent_session(self.max_connections, self.connect_timeout_s)
            pool = self._pools[loop] = _Pool(await anext(lifetime), lifetime)
        return pool.session

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Exchange:
        import aiohttp

        try:
            session = await self._session()
            response = await session.post(url, data=body, headers=headers, allow_redirects=False)
        except aiohttp.ClientError as error:
            raise ConnectionError(type(error).__name__) from error
        return AiohttpExchange(response)

    async def aclose(self) -> None:
        """Close the pool of the running loop; the others end with their loops."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.lifetime.aclose()
