"""Every knock at the server's door is accounted for, without what the caller wrote into the address."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection

from assay.serve.doorman import route_of


def connection(path: str, **params: str) -> HTTPConnection:
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "path_params": params, "headers": []}
    return HTTPConnection(scope)


def test_an_address_is_told_by_its_pattern() -> None:
    assert route_of(connection("/v1/search")) == "GET /v1/search"
    assert route_of(connection("/v1/traces/secret-7", trace_id="secret-7")) == "GET /v1/traces/{trace_id}"
    private = "hr/salary of ann.md"
    assert private not in route_of(connection(f"/v1/documents/{private}/text", doc_id=private))


def test_an_empty_parameter_changes_nothing() -> None:
    assert route_of(connection("/documents/", doc_id="")) == "GET /documents/"
