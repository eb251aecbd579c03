"""An OpenAI-compatible endpoint's answer comes out whole, once, however its bytes were cut and whatever went wrong."""

from __future__ import annotations

import asyncio
import gc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chat_server as server
from assay.adapters.openai_chat import OpenAIChat, retry_after_s
from assay.adapters.sse import EventParser
from assay.records.chat import ChatDone, ChatEvent, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage
from assay.records.errors import ConfigError, Unavailable

ASK = (Turn("user", "How many days of leave are there?"),)


def connect(base_url: str, **settings: object) -> OpenAIChat:
    settings = {"timeout_s": 5.0, "first_token_timeout_s": 5.0, "max_retries": 2, "jitter": lambda: 0.0} | settings
    return OpenAIChat(base_url, "tiny", "key-1", **settings)  # type: ignore[arg-type]


async def ask(chat: OpenAIChat, options: ChatOptions | None = None) -> list[ChatEvent]:
    try:
        return [event async for event in chat.stream(ASK, options or ChatOptions())]
    finally:
        await chat.aclose()


async def fail(chat: OpenAIChat, options: ChatOptions | None = None) -> tuple[Unavailable, str]:
    """The error a call ends in, and the text that came before it."""
    text = ""
    try:
        async for event in chat.stream(ASK, options or ChatOptions()):
            text += event.text if isinstance(event, TextDelta) else ""
    except Unavailable as error:
        return error, text
    finally:
        await chat.aclose()
    pytest.fail("the call did not fail")


def said(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
fields = st.sampled_from([b"data: ", b"data:", b": ", b"event: ", b"id: ", b"retry: ", b""])
values = st.text("ab:é {}", max_size=6).map(str.encode)
lines = st.tuples(fields, values, line_ends).map(b"".join) | line_ends
streams = st.tuples(st.sampled_from([b"", b"\xef\xbb\xbf"]), st.lists(lines, max_size=12).map(b"".join)).map(b"".join)


@given(streams, st.lists(st.integers(0, 120), max_size=6))
def test_where_a_stream_is_cut_does_not_change_its_events(stream: bytes, cuts: list[int]) -> None:
    whole, pieces = EventParser(), EventParser()
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    cut = [event for a, b in pairwise(edges) for event in pieces.feed(stream[a:b])]
    assert cut + pieces.finish() == whole.feed(stream) + whole.finish()


def test_events_follow_the_standard() -> None:
    parser = EventParser()
    given_ = b"\xef\xbb\xbf: hello\r\ndata: a\r\ndata:b\r\n\r\nevent: x\nid: 1\n\ndata\n\ndata:  c\n\ndata: cut off"
    assert parser.feed(given_) == [b"a\nb", b"", b" c"]
    assert parser.finish() == [b"cut off"]


@pytest.mark.parametrize("piece", [0, 1, 13])
async def test_a_streamed_answer_gives_its_deltas_usage_and_cost(piece: int) -> None:
    async with server.chat_server(server.streams("Twenty-", "five dâys.", piece=piece)) as endpoint:
        events = await ask(connect(endpoint.base_url, price_in_per_million=2.0, price_out_per_million=10.0))
    assert said(events) == "Twenty-five dâys."
    assert events[-1] == ChatDone(Usage(11, 5, (11 * 2.0 + 5 * 10.0) / 1e6), "stop", "tiny-1", 1)
    assert endpoint.headers[0]["authorization"] == "Bearer key-1"
    assert endpoint.requests[0]["stream_options"] == {"include_usage": True}


async def test_an_answer_in_one_json_object_is_read_as_well() -> None:
    async with server.chat_server(server.answers_json("Twenty-five.")) as endpoint:
        events = await ask(connect(endpoint.base_url))
    assert events == [TextDelta("Twenty-five."), ChatDone(Usage(3, 2), "stop", "tiny-1", 1)]


async def test_usage_that_was_not_sent_is_unknown_and_not_free() -> None:
    async with server.chat_server(server.streams("Hi.", with_usage=False)) as endpoint:
        events = await ask(connect(endpoint.base_url, price_in_per_million=2.0, price_out_per_million=10.0))
    assert events[-1] == ChatDone(Usage(None, None, None), "stop", "tiny-1", 1)


async def test_calls_in_turn_use_one_connection() -> None:
    async with server.chat_server(server.streams("Hi.")) as endpoint:
        chat = connect(endpoint.base_url)
        for _ in range(3):
            assert said([event async for event in chat.stream(ASK, ChatOptions())]) == "Hi."
        await chat.aclose()
    assert endpoint.connections == 1


@pytest.mark.parametrize(
    "trouble",
    [
        server.drops(),
        server.drops(b": ping\n\n"),
        server.says(503),
        server.rate_limited("0"),
        server.says(200, b"data: {oh\n\n", "text/event-stream"),
        server.says(200, b'data: {"error":{"message":"overloaded"}}\n\n', "text/event-stream"),
    ],
    ids=["dropped", "dropped-after-head", "503", "429", "malformed", "error-event"],
)
async def test_trouble_before_the_first_word_is_tried_again(trouble: server.Script) -> None:
    async with server.chat_server(trouble, server.streams("Hi.")) as endpoint:
        chat = connect(endpoint.base_url)
        chat.jitter = lambda: -1.0  # no wait at all
        events = await ask(chat)
    assert said(events) == "Hi."
    assert events[-1].attempts == 2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (server.drops(server.sse(server.delta("Twenty"), done=False)), "chat.dropped"),
        (server.drops(server.sse(server.delta("Twenty"), done=False), reset=False), "chat.dropped"),
        (server.hangs(server.sse(server.delta("Twenty"), done=False)), "chat.timeout"),
        (server.hangs(server.sse(server.delta("Twenty"), done=False), b"data: {oh\n\n"), "chat.malformed_stream"),
    ],
    ids=["reset", "ended", "hung", "malformed"],
)
async def test_trouble_after_the_first_word_ends_the_call_and_never_repeats_text(
    trouble: server.Script, code: str
) -> None:
    async with server.chat_server(trouble) as endpoint:
        error, text = await fail(connect(endpoint.base_url, timeout_s=0.3))
    assert (error.code, text) == (code, "Twenty")
    assert len(endpoint.requests) == 1


async def test_an_endpoint_that_hangs_times_out() -> None:
    async with server.chat_server(server.hangs()) as endpoint:
        error, _ = await fail(connect(endpoint.base_url, first_token_timeout_s=0.1, max_retries=0))
    assert error.code == "chat.timeout"


async def test_silence_before_the_first_text_times_out_although_bytes_come() -> None:
    async with server.chat_server(server.hangs(b": ping\n\n")) as endpoint:
        error, _ = await fail(connect(endpoint.base_url, first_token_timeout_s=0.1, max_retries=0))
    assert error.code == "chat.timeout"


async def test_a_rate_limit_longer_than_the_budget_gives_up_at_once() -> None:
    async with server.chat_server(server.rate_limited("60")) as endpoint:
        async with asyncio.timeout(5):
            error, _ = await fail(connect(endpoint.base_url, max_retry_wait_s=30.0))
    assert error.code == "chat.rate_limited"
    assert len(endpoint.requests) == 1


async def test_the_time_limit_holds_for_all_attempts_together() -> None:
    async with server.chat_server(server.hangs()) as endpoint:
        async with asyncio.timeout(5):
            error, _ = await fail(connect(endpoint.base_url, timeout_s=0.3, max_retries=10_000))
    assert error.code == "chat.timeout"
    assert len(endpoint.requests) == 1, "the wait before a second attempt would pass the limit"


async def test_retries_are_spent_before_a_call_fails() -> None:
    async with server.chat_server(server.rate_limited("0")) as endpoint:
        error, _ = await fail(connect(endpoint.base_url, max_retries=3))
    assert error.code == "chat.rate_limited"
    assert len(endpoint.requests) == 4


async def test_calls_at_once_all_learn_what_the_endpoint_refuses() -> None:
    refusal = server.says(400, b'{"error":{"message":"no seed here","param":"seed"}}')
    async with server.chat_server(refusal, refusal, server.streams("Hi.")) as endpoint:
        chat = connect(endpoint.base_url, max_retries=0)

        async def text() -> str:
            return said([event async for event in chat.stream(ASK, ChatOptions(seed=1))])

        assert await asyncio.gather(text(), text()) == ["Hi.", "Hi."]
        await chat.aclose()


@pytest.mark.parametrize("status", [401, 404])
async def test_a_status_that_will_not_change_is_not_tried_again(status: int) -> None:
    async with server.chat_server(server.says(status, b'{"error":{"message":"secret text"}}')) as endpoint:
        error, _ = await fail(connect(endpoint.base_url))
    assert error.code == "chat.status"
    assert "secret" not in str(error)
    assert len(endpoint.requests) == 1


async def test_a_page_instead_of_a_stream_is_malformed() -> None:
    async with server.chat_server(server.says(200, b"<html>login</html>\n", "text/html")) as endpoint:
        error, _ = await fail(connect(endpoint.base_url, max_retries=0))
    assert error.code == "chat.malformed_stream"


async def test_nobody_listening_is_said_and_a_redirect_is_not_followed() -> None:
    error, _ = await fail(connect("http://127.0.0.1:9/v1", max_retries=0))
    assert error.code == "chat.dropped"
    async with server.chat_server(server.says(307, header="Location: http://127.0.0.1:9/")) as endpoint:
        error, _ = await fail(connect(endpoint.base_url))
    assert error.code == "chat.status"


async def test_a_schema_is_sent_and_the_answer_must_be_json() -> None:
    options = ChatOptions(schema={"type": "object"})
    async with server.chat_server(server.streams('{"days"', ": 25}")) as endpoint:
        events = await ask(connect(endpoint.base_url), options)
    assert said(events) == '{"days": 25}'
    sent = endpoint.requests[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"] == {"type": "object"}
    async with server.chat_server(server.streams("25 days")) as endpoint:
        error, _ = await fail(connect(endpoint.base_url), options)
    assert error.code == "chat.refused_schema"


async def test_an_endpoint_without_schemas_says_so() -> None:
    refusal = server.says(400, b'{"error":{"message":"response_format is not supported"}}')
    async with server.chat_server(refusal) as endpoint:
        error, _ = await fail(connect(endpoint.base_url), ChatOptions(schema={"type": "object"}))
    assert error.code == "chat.refused_schema"


async def test_a_parameter_the_endpoint_refuses_by_name_is_left_out_from_then_on() -> None:
    refusals = [
        server.says(400, b'{"error":{"message":"Use max_completion_tokens","param":"max_tokens"}}'),
        server.says(400, b'{"error":{"message":"stream_options: extra fields not permitted"}}'),
    ]
    async with server.chat_server(*refusals, server.streams("Hi.")) as endpoint:
        events = await ask(connect(endpoint.base_url, max_retries=0), ChatOptions(max_tokens=7))
    assert said(events) == "Hi."
    assert endpoint.requests[2]["max_completion_tokens"] == 7
    assert "max_tokens" not in endpoint.requests[2]
    assert "stream_options" not in endpoint.requests[2]


async def test_leaving_an_answer_early_cuts_the_connection() -> None:
    async with server.chat_server(server.hangs(server.sse(server.delta("a"), done=False))) as endpoint:
        chat = connect(endpoint.base_url)
        stream = chat.stream(ASK, ChatOptions())
        assert await anext(stream) == TextDelta("a")
        await stream.aclose()
        await chat.aclose()
    assert len(endpoint.requests) == 1


def test_the_key_is_in_no_printed_form() -> None:
    chat = OpenAIChat("http://user:pass@127.0.0.1:1/v1", "tiny", "key-1", headers={"X-Key": "key-2"})
    assert "key-" not in repr(chat)
    assert "pass" not in chat.recipe


def test_an_address_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError):
        OpenAIChat("localhost:8080", "tiny")


@pytest.mark.parametrize(
    ("milliseconds", "header", "seconds"),
    [
        ("", "7", 7.0),
        ("250", "7", 0.25),
        ("", "Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("", "soon", None),
        ("", "", None),
        ("", "-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(milliseconds: str, header: str, seconds: float | None) -> None:
    assert retry_after_s(milliseconds, header) == seconds


def test_pools_end_with_their_loop_or_their_transport(recwarn: pytest.WarningsRecorder) -> None:
    async def use(chat: OpenAIChat) -> str:
        return said([event async for event in chat.stream(ASK, ChatOptions())])

    async def run(keep: OpenAIChat | None) -> OpenAIChat:
        async with server.chat_server(server.streams("Hi.")) as endpoint:
            chat = keep or connect(endpoint.base_url)
            chat._url = f"{endpoint.base_url}/chat/completions"
            assert await use(chat) == "Hi."
            thrown_away = connect(endpoint.base_url)
            assert await use(thrown_away) == "Hi."
            del thrown_away
            gc.collect()
            return chat

    chat = asyncio.run(run(None))
    asyncio.run(run(chat))
    del chat
    gc.collect()
    assert [str(warning.message) for warning in recwarn if "nclosed" in str(warning.message)] == []
