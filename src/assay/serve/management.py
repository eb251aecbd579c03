"""The other endpoints: search, feedback, traces, models, documents and health."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from assay.records.digest import plain
from assay.records.documents import public_source
from assay.records.errors import InputError
from assay.records.retrieval import Query, Ranked
from assay.serve.house import House
from assay.serve.wire import (
    FeedbackRequest,
    FeedbackResponse,
    ModelList,
    ModelOut,
    SearchHit,
    SearchRequest,
    SearchResponse,
    StageScore,
    TextResponse,
    decode,
    encoder,
)

MOST_HITS = 100
MOST_TRACES = 200


def reply(value: Any, status: int = 200) -> Response:
    return Response(encoder.encode(value), status, media_type="application/json")


def house_of(http: HttpRequest) -> House:
    house: House = http.app.state.house
    return house


async def search(http: HttpRequest) -> Response:
    """`POST /v1/search`: ranked chunks inside the caller's scope, with the rank and score of every stage."""
    house = house_of(http)
    caller = await house.doorman.caller(http)
    asked = decode(await http.body(), SearchRequest)
    if not 1 <= asked.limit <= MOST_HITS:
        raise InputError("serve.limit", f"limit is from 1 to {MOST_HITS}", where="$.limit")
    text = house.question(asked.query, caller.scope).question
    running = await house.live.running(asked.app)
    query = Query(text, caller.scope, asked.limit, asked.mode, as_of=asked.as_of)
    found = await asyncio.to_thread(running.retriever.retrieve, query)
    hits = [_hit(ranked) for ranked in found.ranked]
    return reply(SearchResponse(hits, found.mode, found.snapshot_id, found.stage_ms))


def _hit(ranked: Ranked) -> SearchHit:
    chunk = ranked.chunk
    return SearchHit(
        chunk_id=chunk.chunk_id,
        doc_id=chunk.doc_id,
        text_sha256=chunk.text_sha256,
        span_start=chunk.start,
        span_end=chunk.end,
        page=chunk.page,
        title=chunk.title,
        heading_path=list(chunk.heading_path),
        source_uri=public_source(chunk.source_uri, chunk.doc_id),
        modified_at=chunk.modified_at,
        language=chunk.language,
        text=chunk.text,
        score=ranked.score,
        stages={name: StageScore(rank, score) for name, (rank, score) in ranked.stages.items()},
        also_in=list(dict.fromkeys(twin.doc_id for twin in ranked.also)),
    )


async def feedback(http: HttpRequest) -> Response:
    """`POST /v1/feedback`: an opinion on an answer of the caller's own tenant."""
    house = house_of(http)
    caller = await house.doorman.caller(http)
    asked = decode(await http.body(), FeedbackRequest)
    given = await house.rate(caller.scope, asked.trace_id, asked.rating, asked.comment)
    return reply(FeedbackResponse(given.feedback_id, given.trace_id), 201)


async def list_traces(http: HttpRequest) -> Response:
    """`GET /v1/traces?limit=&before=`: the tenant's traces, newest first; `next_before` leads to the next page."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "operate")
    limit = whole_number(http.query_params.get("limit", "50"), 1, MOST_TRACES, "limit")
    before = http.query_params.get("before", "")
    seen = await house.traces(caller.scope, limit, before)
    more = seen[-1].trace.at if len(seen) == limit else None
    return reply({"object": "list", "data": [plain(one.trace) for one in seen], "next_before": more})


async def one_trace(http: HttpRequest) -> Response:
    """`GET /v1/traces/{id}`: one trace of the tenant with the feedback on it, and how much of it is withheld because
    the caller may not see it."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "operate")
    seen = await house.trace(caller.scope, http.path_params["trace_id"])
    opinions = await house.opinions(caller.scope, seen)
    withheld = {"passages": seen.passages_withheld, "content": seen.content_withheld}
    return reply({"trace": plain(seen.trace), "feedback": plain(opinions), "withheld": withheld})


async def models(http: HttpRequest) -> Response:
    """`GET /v1/models`: the apps, which is what `model` names in a chat request."""
    house = house_of(http)
    await house.doorman.caller(http)
    return reply(ModelList([ModelOut(state.app, state.bundle_id, state.ready) for state in house.live.states()]))


async def document_text(http: HttpRequest) -> Response:
    """`GET /v1/documents/{doc_id}/text?start=&end=&sha=&chunk=`: characters of an immutable copy."""
    house = house_of(http)
    caller = await house.doorman.caller(http)
    params = http.query_params
    copy = await asyncio.to_thread(
        house.copy,
        caller.scope,
        http.path_params["doc_id"],
        params.get("sha", ""),
        params.get("chunk", ""),
    )
    chars = len(copy.text)
    start = whole_number(params.get("start", "0"), 0, chars, "start")
    end = whole_number(params.get("end", str(chars)), start, chars, "end")
    document = copy.document
    return reply(
        TextResponse(
            document.doc_id,
            copy.text_sha256,
            document.title,
            public_source(document.source_uri, document.doc_id),
            chars,
            start,
            end,
            copy.text[start:end],
        )
    )


def whole_number(text: str, low: int, high: int, name: str) -> int:
    """A query parameter as a number within its bounds. Raises InputError."""
    if not (text.isascii() and text.isdigit() and len(text) < 16 and low <= int(text) <= high):
        raise InputError("serve.parameter", f"{name} is a whole number from {low} to {high}", where=name)
    return int(text)


async def healthz(_: HttpRequest) -> Response:
    """The process answers."""
    return reply({"status": "ok"})


async def readyz(http: HttpRequest) -> Response:
    """200 when every app answers, 503 otherwise. Shows a bundle that could not be started beside the one that runs."""
    live = house_of(http).live
    states = live.states()
    lagging = any(state.error for state in states)
    status = "not_ready" if not live.ready else "degraded" if lagging else "ready"
    return reply({"status": status, "apps": [plain(state) for state in states]}, 200 if live.ready else 503)
