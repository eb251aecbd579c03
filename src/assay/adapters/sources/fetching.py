"""Getting pages of one site: in turn, politely, within limits, and never from another host."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from assay.records.errors import InputError, Unavailable

if TYPE_CHECKING:
    import aiohttp

AGENT = "assay"
_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class TooLarge(Exception):
    """More bytes than asked for."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response: status, media type in lower case without parameters, and body."""

    status: int
    media_type: str
    charset: str
    body: bytes = field(repr=False)


@dataclass
class Site:
    """GET requests to one origin (scheme, host and port), `delay_s` apart, each with all its redirects and its body
    within `timeout_s`.

    Raises Unavailable `source.unreachable` when nothing comes back in time, InputError `ingest.redirect_off_host` for a
    redirect to another origin and `ingest.too_many_redirects`, and TooLarge. No cookie is kept, no proxy or password is
    read from the environment.
    """

    origin: str
    delay_s: float = 0.2
    timeout_s: float = 30.0
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    allowed: Callable[[str], bool] = lambda _url: True
    """Asked before a redirect is followed."""
    _last: float = field(default=float("-inf"), init=False)
    _runner: asyncio.Runner | None = field(default=None, init=False, repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    def get(self, url: str, limit: int) -> Fetched:
        """At most `limit` bytes of body, unpacked."""
        import aiohttp

        wait = self._last + self.delay_s - self.now()
        if wait > 0:
            self.pause(wait)
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            return self._runner.run(self._within(url, limit))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(
                "source.unreachable", f"no answer came ({type(error).__name__})", where=url,
                remedy="nothing of it was changed; ingest again when the site answers",
            ) from error  # fmt: skip
        finally:
            self._last = self.now()

    def close(self) -> None:
        """Close connections and the loop."""
        if self._runner is not None:
            if self._session is not None:
                self._runner.run(self._session.close())
            self._runner.close()
        self._runner = self._session = None

    async def _within(self, url: str, limit: int) -> Fetched:
        async with asyncio.timeout(self.timeout_s):
            for _ in range(_HOPS + 1):
                found = await self._once(url, limit)
                if isinstance(found, Fetched):
                    return found
                url = self._followed(url, found)
        raise InputError(
            "ingest.too_many_redirects", f"more than {_HOPS} redirects", where=url, remedy="mend the page's address"
        )

    async def _once(self, url: str, limit: int) -> Fetched | str:
        """The response, or where it redirects to."""
        import aiohttp
        from yarl import URL

        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False,
                headers={"User-Agent": f"{AGENT} (document ingest)", "Accept-Encoding": "gzip, identity"},
            )  # fmt: skip
        async with self._session.get(URL(url, encoded=True), allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                return response.headers.get("Location", "")
            body = await self._body(response, limit) if response.status == 200 else b""
            return Fetched(response.status, response.content_type.lower(), response.charset or "", body)

    async def _body(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        packing = response.headers.get("Content-Encoding", "identity").lower()
        if packing not in ("identity", "gzip", "x-gzip", ""):
            raise ValueError("a content encoding that was not asked for")
        unpack = zlib.decompressobj(31) if "gzip" in packing else None
        body = bytearray()
        async for block in response.content.iter_any():
            body += unpack.decompress(block, limit + 1 - len(body)) if unpack else block
            if len(body) > limit:
                raise TooLarge
        return bytes(body)

    def _followed(self, url: str, location: str) -> str:
        target = urljoin(url, location).partition("#")[0]
        if origin_of(target) != self.origin:
            raise InputError(
                "ingest.redirect_off_host", "it leads to another host, scheme or port, which is not followed",
                where=url, remedy="make the other site a source of its own",
            )  # fmt: skip
        if not self.allowed(target):
            raise InputError(
                "ingest.robots", "it leads to a page that robots.txt asks not to read", where=url, remedy="ask the site"
            )
        return target


def origin_of(url: str) -> str:
    """`scheme://host[:port]` in lower case without the scheme's own port; empty for what is no plain web address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    plain = port is None or port == {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if plain else f":{port}")


def unpacked(data: bytes, limit: int) -> bytes:
    """Gzip data unpacked, anything else as it is. Raises TooLarge, and ValueError when it is damaged."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        unpack = zlib.decompressobj(31)
        plain = unpack.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError("damaged gzip data") from error
    if len(plain) > limit:
        raise TooLarge
    return plain
