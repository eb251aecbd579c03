"""`/openapi.json`, made from the wire types themselves."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from assay.serve import labels, tools, wire

BODIES: dict[tuple[str, str], tuple[str, type | None, type | None]] = {
    ("/v1/chat/completions", "post"): ("Ask an app", wire.ChatRequest, wire.ChatResponse),
    ("/v1/search", "post"): ("Find passages", wire.SearchRequest, wire.SearchResponse),
    ("/v1/feedback", "post"): ("Rate an answer", wire.FeedbackRequest, wire.FeedbackResponse),
    ("/v1/models", "get"): ("List the apps", None, wire.ModelList),
    ("/v1/documents/{doc_id}/text", "get"): ("Read a document's copy", None, wire.TextResponse),
    ("/v1/traces", "get"): ("List traces (role operate)", None, None),
    ("/v1/traces/{trace_id}", "get"): ("Show a trace (role operate)", None, None),
    ("/v1/labels", "get"): ("List the labelling tasks of the caller (role label)", None, labels.TaskList),
    ("/v1/labels/{task}/next", "get"): ("The caller's next item (role label)", None, labels.NextResponse),
    ("/v1/labels/{task}", "post"): ("Label an item (role label)", labels.LabelRequest, labels.LabelResponse),
    ("/v1/labels/{task}/status", "get"): ("How far a labelling task is (role operate)", None, None),
    ("/v1/tools", "get"): ("List the tools that the caller may call", None, tools.ToolList),
    ("/v1/tools/decide", "post"): ("Decide a tool's call", tools.DecideRequest, tools.DecideResponse),
    ("/v1/tools/results", "post"): ("Make a tool's result fit for a prompt", tools.ResultRequest, tools.ResultResponse),
    ("/v1/tools/pending", "get"): ("List calls that wait for a person (role operate)", None, tools.PendingList),
    ("/v1/tools/pending/{id}", "post"): (
        "Approve or deny a call (role operate)",
        tools.SettleRequest,
        tools.SettleResponse,
    ),
    ("/healthz", "get"): ("Is the process up", None, None),
    ("/readyz", "get"): ("Does every app answer, and which bundle is live", None, None),
}
PARAMETERS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "/v1/documents/{doc_id}/text": (
        ("doc_id", "path", "string"),
        ("start", "query", "integer"),
        ("end", "query", "integer"),
        ("sha", "query", "string"),
        ("chunk", "query", "string"),
    ),
    "/v1/traces": (("limit", "query", "integer"), ("before", "query", "string")),
    "/v1/traces/{trace_id}": (("trace_id", "path", "string"),),
    "/v1/labels/{task}/next": (("task", "path", "string"), ("adjudicate", "query", "boolean")),
    "/v1/labels/{task}": (("task", "path", "string"),),
    "/v1/tools": (("app", "query", "string"),),
    "/v1/tools/pending/{id}": (("id", "path", "string"),),
    "/v1/labels/{task}/status": (("task", "path", "string"),),
}
CREATED = (wire.FeedbackResponse, labels.LabelResponse)
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


async def openapi(_: HttpRequest) -> Response:
    return Response(_document(), media_type="application/json")


@cache
def _document() -> bytes:
    shapes = sorted(
        {shape for _, *pair in BODIES.values() for shape in pair if isinstance(shape, type)} | {wire.ErrorOut},
        key=lambda shape: shape.__name__,
    )
    schemas, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    named = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, Any] = {}
    for (path, method), (summary, asked, given) in BODIES.items():
        paths.setdefault(path, {})[method] = _operation(path, summary, asked, given, named)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Assay", "version": "1"},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }
    return msgspec.json.encode(document)


def _operation(
    path: str, summary: str, asked: type | None, given: type | None, named: dict[type, dict[str, Any]]
) -> dict[str, Any]:
    def body(shape: type | None) -> dict[str, Any]:
        return {"application/json": {"schema": named[shape] if shape else {"type": "object"}}}

    operation: dict[str, Any] = {
        "summary": summary,
        "security": [] if path in OPEN_PATHS else [{"key": []}],
        "responses": {
            "201" if given in CREATED else "200": {"description": "Done", "content": body(given)},
            "4XX": {"description": "The request is wrong", "content": body(wire.ErrorOut)},
            "5XX": {"description": "The server or a model failed", "content": body(wire.ErrorOut)},
        },
    }
    if asked is not None:
        operation["requestBody"] = {"required": True, "content": body(asked)}
    if path in PARAMETERS:
        operation["parameters"] = [
            {"name": name, "in": place, "required": place == "path", "schema": {"type": kind}}
            for name, place, kind in PARAMETERS[path]
        ]
    return operation
