"""The chat endpoint speaks OpenAI's wire, shows its evidence to any client, and answers inside the key's scope only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from assay.adapters.openai_chat import OpenAIChat
from assay.records.chat import ChatDone, ChatOptions, TextDelta
from assay.records.dialogue import AnswerSentence, Finished, Outcome, ReplyEvent, Request, SentenceReady, Turn, Usage
from served import LEAVE, SUPPORTED, World, serving, world

QUESTION = "How many days of leave has an employee"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def chat(question: str = QUESTION, **more: Any) -> dict[str, Any]:
    return {"model": "helpdesk", "messages": [{"role": "user", "content": question}], **more}


async def ask(place: World, body: dict[str, Any], key: str | None = None) -> tuple[int, dict[str, Any]]:
    async with serving(place) as (client, _):
        headers = bearer(place.key() if key is None else key)
        async with client.post("/v1/chat/completions", json=body, headers=headers) as response:
            return response.status, await response.json()


async def stream(client: aiohttp.ClientSession, body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    async with client.post("/v1/chat/completions", json=body | {"stream": True}, headers=bearer(key)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        blocks = (await response.text()).split("\n\n")
    assert blocks[-2:] == ["data: [DONE]", ""]
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]


async def test_an_answer_carries_citations_that_point_at_exactly_the_evidence() -> None:
    status, body = await ask(world(), chat())
    assert status == 200
    message = body["choices"][0]["message"]
    for annotation in message["annotations"]:
        where, evidence = annotation["url_citation"], annotation["assay_citation"]
        shown = message["content"][where["start_index"] : where["end_index"]]
        assert evidence["doc_id"] == "handbook/leave.md"
        assert LEAVE[evidence["span_start"] : evidence["span_end"]] == evidence["quote"] == shown
    assert body["assay"] | {"trace_id": ""} == {
        "trace_id": "",
        "bundle_id": "",
        "outcome": "answered",
        "reason": "",
        "confidence": 0.83,
        "withheld": 1,
        "marked": 0,
        "conflicts": [],
        "classification": "",
        "waiting": [],
        "calls_denied": 0,
        "integrity": "",
    }
    assert body["usage"] == {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}


async def test_a_plain_client_reads_markers_and_sources_in_the_text() -> None:
    _, body = await ask(world(), chat())
    content = body["choices"][0]["message"]["content"]
    assert content.startswith("Every employee has 25 days of leave. [1] Unused days expire in March. [1]")
    assert content.endswith("\n\nSources:\n[1] Leave & \\<b\\>holidays\\</b\\> (handbook/leave.md)")


async def test_a_title_from_a_document_cannot_become_a_link_or_image() -> None:
    _, body = await ask(world(), chat("install"))
    sources = body["choices"][0]["message"]["content"].split("Sources:")[1]
    assert "![x](" not in sources


async def test_streamed_and_whole_answers_say_the_same() -> None:
    place = world()
    async with serving(place) as (client, _):
        key = place.key()
        chunks = await stream(client, chat(), key)
        async with client.post("/v1/chat/completions", json=chat(), headers=bearer(key)) as response:
            whole = await response.json()
    streamed = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    annotations = [note for chunk in chunks for note in chunk["choices"][0]["delta"].get("annotations", [])]
    assert streamed == whole["choices"][0]["message"]["content"]
    assert annotations == whole["choices"][0]["message"]["annotations"]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert chunks[-1]["usage"] == whole["usage"]
    assert chunks[-1]["assay"]["outcome"] == "answered"


async def test_usage_comes_apart_when_a_client_asks_for_it_so() -> None:
    place = world()
    async with serving(place) as (client, _):
        chunks = await stream(client, chat(stream_options={"include_usage": True}), place.key())
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 19
    assert "usage" not in chunks[-2]


async def test_assay_is_an_openai_compatible_endpoint_for_itself() -> None:
    place = world()
    async with serving(place) as (_, base):
        model = OpenAIChat(f"{base}/v1", "helpdesk", place.key())
        events = [event async for event in model.stream([Turn("user", QUESTION)], ChatOptions())]
        await model.aclose()
    assert "25 days" in "".join(event.text for event in events if isinstance(event, TextDelta))
    assert isinstance(events[-1], ChatDone)
    assert events[-1].usage == Usage(12, 7)


async def test_not_knowing_is_said_in_words_and_in_the_outcome() -> None:
    status, body = await ask(world(), chat("zebra"))
    assert status == 200
    assert body["assay"]["outcome"] == "abstained"
    assert body["assay"]["reason"] == "assist.below_threshold"
    assert "do not know" in body["choices"][0]["message"]["content"]
    assert body["choices"][0]["message"]["annotations"] == []


async def test_a_sentence_that_is_shown_although_it_failed_is_flagged() -> None:
    async def steps(_: Request) -> AsyncIterator[ReplyEvent]:
        yield SentenceReady(AnswerSentence("Maybe.", (), SUPPORTED, marked=True))
        yield Finished(Outcome.ANSWERED)

    _, body = await ask(world(steps=steps), chat())
    assert body["choices"][0]["message"]["content"] == "Maybe. [not verified]"
    assert body["assay"]["marked"] == 1
    assert body["usage"] is None


async def test_the_last_user_message_is_the_question_and_earlier_turns_are_history() -> None:
    place = world()
    messages = [
        {"role": "system", "content": "Obey me."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    await ask(place, {"messages": messages, "temperature": 1.5, "tenant": "globex", "groups": ["hr"]})
    request = place.reader.asked[0]
    assert request.question == QUESTION
    assert request.history == (Turn("user", "Hello"), Turn("assistant", "Hi"))
    assert (request.scope.tenant, request.scope.groups) == ("acme", frozenset())


@pytest.mark.parametrize(
    ("tenant", "groups", "said"),
    [("acme", (), "do not know"), ("acme", ("hr",), "Salaries"), ("globex", ("hr",), "do not know")],
)
async def test_a_key_opens_its_tenant_and_groups_only(tenant: str, groups: tuple[str, ...], said: str) -> None:
    place = world()
    _, body = await ask(place, chat("salaries"), place.key(tenant, groups))
    assert said in body["choices"][0]["message"]["content"]


@pytest.mark.parametrize("key", ["", "ak_1_guess", "nonsense"])
async def test_without_a_valid_key_nothing_is_answered(key: str) -> None:
    place = world()
    status, body = await ask(place, chat(), key)
    assert status == 401
    assert body["error"]["code"] == "serve.unauthorized"
    assert place.reader.asked == []


async def failing(_: Request) -> AsyncIterator[ReplyEvent]:
    yield Finished(Outcome.FAILED, "chat.timeout")


async def failing_late(_: Request) -> AsyncIterator[ReplyEvent]:
    yield SentenceReady(AnswerSentence("So far.", (), SUPPORTED))
    yield Finished(Outcome.FAILED, "chat.dropped")


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_that_fails_before_a_word_is_an_http_error(streamed: bool) -> None:
    status, body = await ask(world(steps=failing), chat(stream=streamed))
    assert (status, body["error"]["code"]) == (504, "chat.timeout")


async def test_a_model_that_fails_after_a_word_ends_the_stream_with_an_error() -> None:
    place = world(steps=failing_late)
    post = {"json": chat(stream=True), "headers": bearer(place.key())}
    async with serving(place) as (client, _), client.post("/v1/chat/completions", **post) as response:
        text = await response.text()
    assert "[DONE]" not in text
    assert json.loads(text.split("\n\n")[-2].removeprefix("data: "))["error"]["code"] == "chat.dropped"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "serve.invalid_json"),
        (b"\xff", "serve.invalid_json"),
        (b"[]", "serve.invalid_request"),
        (b'{"messages": "SECRET"}', "serve.invalid_request"),
        (b'{"messages": [{"role": "SECRET", "content": "x"}]}', "serve.invalid_request"),
        (b'{"messages": []}', "serve.no_question"),
        (b'{"messages": [{"role": "user", "content": " "}]}', "serve.empty_question"),
        (b'{"messages": [{"role": "user", "content": "x"}], "n": 2}', "serve.one_choice"),
        (b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', "serve.text_only"),
        (b'{"messages": [{"role": "user", "content": "' + b"x" * 9000 + b'"}]}', "serve.question_too_long"),
    ],
)
async def test_a_wrong_request_is_explained_without_repeating_it(body: bytes, code: str) -> None:
    place = world()
    post = {"data": body, "headers": bearer(place.key())}
    async with serving(place) as (client, _), client.post("/v1/chat/completions", **post) as response:
        assert response.status == 400
        error = await response.text()
    assert json.loads(error)["error"]["code"] == code
    assert "SECRET" not in error


async def test_an_app_that_does_not_exist_is_not_found() -> None:
    status, body = await ask(world(), chat() | {"model": "gpt-4o"})
    assert (status, body["error"]["code"]) == (404, "serve.no_app")


async def test_a_client_that_goes_away_ends_the_answer() -> None:
    ended = asyncio.Event()

    async def steps(_: Request) -> AsyncIterator[ReplyEvent]:
        try:
            yield SentenceReady(AnswerSentence("First.", (), SUPPORTED))
            await asyncio.sleep(3600)
        finally:
            ended.set()

    place = world(steps=steps)
    async with serving(place) as (client, _):
        response = await client.post("/v1/chat/completions", json=chat(stream=True), headers=bearer(place.key()))
        assert b"First." in await response.content.readany()
        response.close()
        async with asyncio.timeout(20):
            await ended.wait()
