"""Search, feedback, traces and documents stay inside the caller's tenant and groups."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records.access import AccessList, Scope
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Finished, Outcome
from assay.records.documents import Span
from assay.records.errors import NotFound
from assay.serve.content import Content, one_line
from assay.serve.documents import read_copy
from assay.serve.house import House
from assay.serve.options import ServeOptions
from served import LEAVE, World, add_document, memory_stores, serving, world


async def call(
    client: aiohttp.ClientSession, key: str, method: str, path: str, body: Any = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with client.request(method, path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def answer_one(client: aiohttp.ClientSession, key: str) -> str:
    body = {"messages": [{"role": "user", "content": "leave"}]}
    _, answered = await call(client, key, "POST", "/v1/chat/completions", body)
    trace_id: str = answered["assay"]["trace_id"]
    return trace_id


async def test_search_shows_ranked_chunks_with_their_stages() -> None:
    place = world()
    async with serving(place) as (client, _):
        status, found = await call(client, place.key(), "POST", "/v1/search", {"query": "leave", "limit": 5})
    assert status == 200
    assert [hit["doc_id"] for hit in found["data"]] == ["handbook/leave.md"]
    assert found["data"][0]["text"] == LEAVE
    assert found["data"][0]["stages"] == {"lexical": {"rank": 1, "score": 1.0}}
    assert (found["mode"], found["snapshot_id"]) == ("lexical", "snap-1")


@pytest.mark.parametrize("limit", [0, 101])
async def test_search_has_a_limit(limit: int) -> None:
    place = world()
    async with serving(place) as (client, _):
        status, body = await call(client, place.key(), "POST", "/v1/search", {"query": "leave", "limit": limit})
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, "serve.limit", "$.limit")


async def test_feedback_is_kept_on_traces_of_the_own_tenant_only() -> None:
    place = world()
    async with serving(place) as (client, _):
        trace_id = await answer_one(client, place.key())
        opinion = {"trace_id": trace_id, "rating": "down", "comment": "wrong year"}
        status, _ = await call(client, place.key(), "POST", "/v1/feedback", opinion)
        assert status == 201
        status, body = await call(client, place.key("globex"), "POST", "/v1/feedback", opinion)
        assert (status, body["error"]["code"]) == (404, "serve.no_trace")
        status, _ = await call(client, place.key(), "POST", "/v1/feedback", opinion | {"trace_id": trace_id[:8]})
        assert status == 404
        status, _ = await call(client, place.key(), "POST", "/v1/feedback", opinion | {"rating": "meh"})
        assert status == 400
    assert [kept.comment for kept in place.stores.traces.feedback(trace_id)] == ["wrong year"]


async def test_traces_are_for_operators_of_the_tenant() -> None:
    place = world()
    async with serving(place) as (client, _):
        ids = [await answer_one(client, place.key()) for _ in range(3)]
        operator = place.key(roles=("operate",))
        _, page = await call(client, operator, "GET", "/v1/traces?limit=2")
        assert [trace["trace_id"] for trace in page["data"]] == ids[:0:-1]
        _, rest = await call(client, operator, "GET", f"/v1/traces?limit=2&before={page['next_before']}")
        assert [trace["trace_id"] for trace in rest["data"]] == ids[:1]
        assert rest["next_before"] is None
        status, one = await call(client, operator, "GET", f"/v1/traces/{ids[0]}")
        assert (status, one["trace"]["outcome"]) == (200, "answered")
        stranger = place.key("globex", roles=("operate",))
        assert (await call(client, stranger, "GET", "/v1/traces"))[1]["data"] == []
        assert (await call(client, stranger, "GET", f"/v1/traces/{ids[0]}"))[0] == 404
        assert (await call(client, place.key(), "GET", "/v1/traces"))[0] == 403
        assert (await call(client, operator, "GET", "/v1/traces?limit=many"))[0] == 400


async def test_a_document_is_read_inside_the_scope_only() -> None:
    place = world()
    async with serving(place) as (client, _):
        path = "/v1/documents/handbook/leave.md/text"
        _, body = await call(client, place.key(), "GET", f"{path}?start=2&end=7")
        assert (body["text"], body["chars"]) == ("Leave", len(LEAVE))
        assert (await call(client, place.key("globex"), "GET", path))[0] == 404
        assert (await call(client, place.key(), "GET", "/v1/documents/pay.md/text"))[0] == 404
        assert (await call(client, place.key(), "GET", f"{path}?start=9&end=7"))[0] == 400
        assert (await call(client, "", "GET", path))[0] == 401


def replaced() -> tuple[World, str, str]:
    """A world in which one document was replaced: its old version's hash and chunk."""
    place = world()
    old = add_document(place.stores, "old.md", "It was 20 days.", "Old", AccessList("acme"))
    add_document(place.stores, "old.md", "It is 25 days.", "Old", AccessList("acme"))
    return place, old.text_sha256, old.chunk_id


def test_a_replaced_version_is_shown_to_who_names_a_chunk_of_it() -> None:
    place, sha, chunk_id = replaced()
    copy = read_copy(place.stores, Scope("acme"), "old.md", sha, chunk_id)
    assert (copy.text, copy.current) == ("It was 20 days.", False)
    assert read_copy(place.stores, Scope("acme"), "old.md").text == "It is 25 days."
    with pytest.raises(NotFound):
        read_copy(place.stores, Scope("acme"), "old.md", sha)


def test_a_hash_does_not_open_another_document() -> None:
    stores = memory_stores()
    add_document(stores, "mine.md", "Mine.", "Mine", AccessList("acme"))
    secret = add_document(stores, "secret.md", "Secret.", "Secret", AccessList("globex"))
    for chunk_id in ("", secret.chunk_id):
        with pytest.raises(NotFound):
            read_copy(stores, Scope("acme"), "mine.md", secret.text_sha256, chunk_id)


def test_an_old_version_follows_the_access_list_of_today() -> None:
    place, sha, chunk_id = replaced()
    place.stores.catalog.set_access({"old.md": AccessList("acme", ("hr",))})
    with pytest.raises(NotFound):
        read_copy(place.stores, Scope("acme"), "old.md", sha, chunk_id)


async def test_the_api_describes_itself() -> None:
    async with serving(world()) as (client, _):
        status, document = await call(client, "", "GET", "/openapi.json")
    assert status == 200
    assert document["openapi"] == "3.1.0"
    assert "ChatRequest" in document["components"]["schemas"]
    assert set(document["paths"]["/v1/search"]) == {"post"}


def citation(title: str, uri: str, page: int) -> Citation:
    return Citation(Span("d", "0" * 64, 0, 1), "q", title, uri, "c", page)


sentences = st.builds(
    AnswerSentence,
    st.text(min_size=1, max_size=12),
    st.lists(st.builds(citation, st.text(max_size=9), st.text(max_size=9), st.integers(0, 2)), max_size=3).map(tuple),
    st.just(Check(CheckStatus.SUPPORTED)),
    st.booleans(),
)


@given(st.lists(sentences, max_size=5))
def test_annotations_always_point_at_their_sentence(said: list[AnswerSentence]) -> None:
    content = Content()
    pieces = [content.add(sentence)[0] for sentence in said]
    pieces.append(content.finish(Finished(Outcome.ANSWERED)))
    assert content.text == "".join(pieces)
    expected = [sentence.text for sentence in said for _ in sentence.citations]
    shown = [content.text[a.url_citation.start_index : a.url_citation.end_index] for a in content.annotations]
    assert shown == expected
    assert len(content.sources) == len({a.assay_citation.number for a in content.annotations})


@given(st.text())
def test_a_title_is_one_line_without_live_markup(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    bare = line.replace("\\\\", "")
    for mark in "[]()<>!`*":
        assert bare.count(mark) == bare.count(f"\\{mark}")


def test_an_answer_without_sentences_says_why() -> None:
    for outcome in Outcome:
        assert Content().finish(replace(Finished(Outcome.ANSWERED), outcome=outcome))


async def test_a_trace_that_is_written_behind_its_answer_is_waited_for() -> None:
    place = world()
    house = House.open(place.services, ServeOptions())
    request = house.question("leave", Scope("acme"))

    async def write_later() -> None:
        await asyncio.sleep(0.1)
        async for _ in place.reader.answer(request):
            pass

    writing = asyncio.create_task(write_later())
    kept = await house.rate(Scope("acme"), request.request_id, "up")
    await writing
    assert place.stores.traces.feedback(request.request_id) == (kept,)
