"""Every ChatModel keeps the promises of the port: deltas, then one ChatDone; failures are Unavailable with a code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

import chat_server as server
from assay.adapters.fake_chat import FakeChat
from assay.adapters.openai_chat import OpenAIChat
from assay.ports.answering import ChatModel
from assay.records.chat import ChatDone, ChatOptions, TextDelta
from assay.records.dialogue import Turn
from assay.records.errors import Unavailable

ANSWER = "Zwölf Monate. 十二か月。 Twelve months."
Maker = Callable[[bool], AbstractAsyncContextManager[ChatModel]]


@asynccontextmanager
async def over_http(broken: bool, streaming: bool = True) -> AsyncIterator[ChatModel]:
    script = server.streams(*ANSWER.split("."), piece=5) if streaming else server.answers_json(ANSWER)
    async with server.chat_server(server.says(401) if broken else script) as endpoint:
        chat = OpenAIChat(endpoint.base_url, "tiny", streaming=streaming)
        yield chat
        await chat.aclose()


@asynccontextmanager
async def in_one_piece(broken: bool) -> AsyncIterator[ChatModel]:
    async with over_http(broken, streaming=False) as chat:
        yield chat


@asynccontextmanager
async def in_memory(broken: bool) -> AsyncIterator[ChatModel]:
    yield FakeChat([Unavailable("chat.status", "the endpoint answered with status 401") if broken else ANSWER])


every_model = pytest.mark.parametrize("make", [over_http, in_one_piece, in_memory])
ASK = (Turn("system", "Answer."), Turn("user", "How long?"))


@every_model
async def test_deltas_come_first_and_one_done_comes_last(make: Maker) -> None:
    async with make(False) as chat:
        events = [event async for event in chat.stream(ASK, ChatOptions())]
    assert [type(event) for event in events[:-1]] == [TextDelta] * (len(events) - 1)
    assert isinstance(events[-1], ChatDone)
    text = "".join(event.text for event in events[:-1] if isinstance(event, TextDelta))
    assert text.replace(".", "") == ANSWER.replace(".", "")
    assert all(event.text for event in events[:-1] if isinstance(event, TextDelta))


@every_model
async def test_a_failure_is_unavailable_with_a_code_of_the_port(make: Maker) -> None:
    async with make(True) as chat:
        with pytest.raises(Unavailable) as raised:
            _ = [event async for event in chat.stream(ASK, ChatOptions())]
    assert raised.value.code == "chat.status"
    assert "How long" not in str(raised.value)


@every_model
async def test_one_model_answers_many_times_under_one_recipe(make: Maker) -> None:
    async with make(False) as chat:
        recipe = chat.recipe
        for _ in range(3):
            assert [event async for event in chat.stream(ASK, ChatOptions())]
        assert chat.recipe == recipe
