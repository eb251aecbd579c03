"""The server: routes over one workspace, and the process that runs them."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from assay.records.errors import AssayError, Busy, InputError
from assay.serve import labels, management, tools
from assay.serve.chat import chat_completions
from assay.serve.failures import error_response, internal_error, plain_error
from assay.serve.house import House
from assay.serve.openapi import openapi
from assay.serve.options import ServeOptions as ServeOptions
from assay.serve.shell import Shell
from assay.wiring.workspace import Services

Pages = Callable[[House], Sequence[BaseRoute]]


def no_pages(_: House) -> Sequence[BaseRoute]:
    """A server without the console."""
    return ()


def create_app(services: Services, options: ServeOptions, pages: Pages = no_pages) -> ASGIApp:
    """The ASGI application: the API, and the `pages` that are built on the same house."""
    house = House.open(services, options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await house.live.start()
        try:
            yield
        finally:
            await house.live.stop()

    app = Starlette(
        routes=[*api_routes(), *pages(house)],
        lifespan=lifespan,
        exception_handlers={AssayError: _assay_error, HTTPException: _http_error, Exception: _internal},
    )
    app.state.house = house
    return Shell(app, options)


def api_routes() -> list[BaseRoute]:
    return [
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/search", management.search, methods=["POST"]),
        Route("/v1/feedback", management.feedback, methods=["POST"]),
        Route("/v1/traces", management.list_traces),
        Route("/v1/traces/{trace_id}", management.one_trace),
        Route("/v1/models", management.models),
        Route("/v1/documents/{doc_id:path}/text", management.document_text),
        Route("/healthz", management.healthz),
        Route("/readyz", management.readyz),
        *labels.routes(),
        *tools.routes(),
        Route("/openapi.json", openapi),
    ]


async def _assay_error(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, AssayError)
    return error_response(error)


async def _http_error(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return plain_error(f"serve.http_{error.status_code}", error.detail.lower(), error.status_code)


async def _internal(_: HttpRequest, __: Exception) -> Response:
    return internal_error()


def bind(host: str, port: int) -> socket.socket:
    """A listening address. Raises Busy `serve.port_in_use`, or InputError when the address cannot be had."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(socket.SOMAXCONN)
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise Busy(
                "serve.port_in_use",
                "another program listens on this port",
                where=where,
                remedy="stop it, or choose another port with --port (0 takes any free one)",
            ) from error
        raise InputError(
            "serve.address", "this address cannot be bound", where=where, remedy="check --host and --port"
        ) from error
    return bound


def run_server(
    services: Services, options: ServeOptions, pages: Pages = no_pages, announce: Callable[[str], None] = print
) -> None:
    """Serve until SIGINT or SIGTERM; requests that run are given ten seconds to end. `announce` is told the address."""
    import uvicorn

    bound = bind(options.host, options.port)
    host, port = bound.getsockname()[:2]
    logging.getLogger("assay").setLevel(logging.INFO)
    config = uvicorn.Config(
        create_app(services, options, pages),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=options.max_connections,
        timeout_graceful_shutdown=10,
    )
    shown = f"[{host}]" if ":" in host else host
    announce(f"Assay answers on http://{shown}:{port}")
    with bound:
        uvicorn.Server(config).run(sockets=[bound])
