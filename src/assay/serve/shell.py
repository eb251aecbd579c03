"""What stands round every request: the Host check, limits on bodies, security headers, and the last line of defence."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.records.errors import AccessDenied, InputError
from assay.serve.doorman import LOOPBACK_NAMES, host_name, is_loopback
from assay.serve.failures import error_response, internal_error
from assay.serve.options import ServeOptions

log = logging.getLogger("assay.serve")

SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NO_STORE = (b"cache-control", b"no-store")


class Shell:
    """Wraps the application. Nothing that a caller wrote reaches a log line or an error."""

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app = app
        self._options = options
        self._local_only = options.open_demo and is_loopback(options.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _with_security(message["headers"])
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check(scope["method"], headers)
            await self._app(scope, _bounded(receive, self._options), guarded_send)
        except (AccessDenied, InputError) as error:
            await error_response(error)(scope, receive, guarded_send)
        except Exception as error:  # noqa: BLE001 - the message may hold what a caller wrote, so only the frames are kept
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("a request failed inside: %s\n%s", type(error).__name__, frames)
            if not started:
                await internal_error()(scope, receive, guarded_send)

    def _check(self, method: str, headers: Headers) -> None:
        """Against DNS rebinding: an open demo answers to this machine's names only. Against forged requests: what
        another site's page makes a browser send is refused, unless it brings a key of its own."""
        if self._local_only and host_name(headers) not in LOOPBACK_NAMES:
            raise AccessDenied(
                "serve.host", "this demo answers to localhost only", remedy="open it under http://localhost"
            )
        if method not in SAFE_METHODS and "authorization" not in headers and _from_elsewhere(headers):
            raise AccessDenied("serve.cross_site", "requests from other sites' pages are not taken")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._options.max_body_bytes:
            raise _too_large(self._options)


def _from_elsewhere(headers: Headers) -> bool:
    """True for a browser's request that another origin's page made; programs send neither header."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _too_large(options: ServeOptions) -> InputError:
    return InputError("serve.too_large", f"a request's body has at most {options.max_body_bytes:,} bytes")


def _bounded(receive: Receive, options: ServeOptions) -> Callable[[], Awaitable[Message]]:
    """`receive` that ends when the body grows too long or comes too slowly; waiting for a disconnect is not bounded."""
    size = 0
    whole = False
    deadline = asyncio.get_running_loop().time() + options.body_timeout_s

    async def receive_some() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise InputError("serve.slow_body", "the request's body came too slowly") from None
        size += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if size > options.max_body_bytes:
            raise _too_large(options)
        return message

    return receive_some


def _with_security(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    named = {name.lower() for name, _ in headers}
    return [*headers, *(pair for pair in (*SECURITY_HEADERS, NO_STORE) if pair[0] not in named)]
