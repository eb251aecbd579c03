"""Systems that Assay did not build: whatever they say or fail to say ends in one counted reply."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.clocks import SystemClock
from assay.adapters.systems.endpoint import OPENAI_BODY, OPENAI_PATHS, EndpointRecipe, EndpointSystem, filled
from assay.adapters.systems.function import FunctionSystem, load_function
from assay.adapters.systems.pointers import find, parse
from assay.adapters.systems.recorded import RecordedSystem, read_replies
from assay.adapters.systems.said import BadReply, events
from assay.ports.answering import System
from assay.records.dialogue import LabelledSpan, Outcome, Reply, Request, ToolCall, Turn, Usage, fold
from assay.records.errors import ConfigError, InputError
from chat_server import chat_server

Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def ask(system: System, question: str = "How long?", case: str = "c-1", repeat: int = 0) -> Reply:
    request = Request("r", question, history=(Turn("user", "Hi"),), metadata={"case": case, "repeat": str(repeat)})
    return fold([event async for event in system.answer(request)])


def raw(body: bytes, status: str = "200 OK", *headers: str) -> Script:
    async def play(writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)

    return play


def saying(value: Any) -> Script:
    return raw(json.dumps(value).encode())


async def hang(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    writer.close()


BODY = {"input": {"q": "Q: {question}", "before": "{history}", "n": 3}}
PATHS = {"answer": "$.result.text", "citations": "$.result.sources[*].url", "tokens_in": "$.usage.in"}


def endpoint(url: str, **more: Any) -> EndpointSystem:
    timeout = more.pop("timeout_s", 5.0)
    how = EndpointRecipe(url, more.pop("body", BODY), more.pop("paths", PATHS), **more)
    return EndpointSystem("shop", how, SystemClock(), {"X-Key": "k"}, timeout)


async def test_an_endpoint_is_asked_by_its_template_and_read_by_its_paths() -> None:
    answer = {"result": {"text": "30 days.", "sources": [{"url": "d-1"}, {"url": "d-2"}]}, "usage": {"in": 7}}
    async with chat_server(saying(answer)) as server:
        question = 'a "quoted" {history} question\n{"x": 1}'
        reply = await ask(endpoint(server.base_url, price_per_call=0.5), question)
    assert server.requests == [
        {"input": {"q": f"Q: {question}", "before": [{"role": "user", "content": "Hi"}], "n": 3}}
    ]
    assert server.headers[0]["x-key"] == "k"
    assert (reply.outcome, reply.text, reply.usage) == (Outcome.ANSWERED, "30 days.", Usage(7, None, 0.5))
    assert [citation.span.doc_id for citation in reply.citations] == ["d-1", "d-2"]
    assert reply.duration_ms > 0


async def test_a_chat_endpoint_gives_text_tools_and_cost() -> None:
    function = {"name": "book", "arguments": '{"day": 3}'}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    answer = {"choices": [{"message": message}], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}
    async with chat_server(saying(answer)) as server:
        system = endpoint(
            server.base_url, body={"model": "m", **OPENAI_BODY}, paths=OPENAI_PATHS, price_in_per_million=10.0,
            price_out_per_million=100.0,
        )  # fmt: skip
        reply = await ask(system)
    assert server.requests[0]["messages"][-1] == {"role": "user", "content": "How long?"}
    assert reply.output is not None
    assert reply.output.tools == (ToolCall("book", {"day": 3}),)
    assert reply.usage == Usage(100, 10, 0.002)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (raw(b"<html>Oops</html>"), "endpoint.not_json"), (raw(b'{"result": NaN}'), "endpoint.not_json"),
        (raw(b"[" * 100_000), "endpoint.not_json"), (saying({"other": 1}), "endpoint.no_answer"),
        (saying([]), "endpoint.no_answer"), (saying({"result": {"text": 7}}), "endpoint.bad_reply"),
        (raw(b"", "429 Too Many", "Retry-After: 3"), "endpoint.rate_limited"),
        (raw(b"", "503 Busy"), "endpoint.overloaded"), (raw(b"", "404 No"), "endpoint.status"),
        (raw(b"", "302 Found", "Location: http://127.0.0.1:1/"), "endpoint.status"),
        (hang, "endpoint.timeout"), (cut, "endpoint.dropped"),
    ],
)  # fmt: skip
async def test_whatever_an_endpoint_does_wrong_has_a_code(script: Script, code: str) -> None:
    async with chat_server(script) as server:
        reply = await ask(endpoint(server.base_url, timeout_s=0.15))
    assert (reply.outcome, reply.reason) == (Outcome.FAILED, code)
    asked = [stage.detail.get("retry_after_ms") for stage in reply.stages if "retry_after_ms" in stage.detail]
    assert asked == ([3000] if code == "endpoint.rate_limited" else [])


async def test_an_endpoint_that_is_not_there_is_a_failure_of_the_moment() -> None:
    reply = await ask(endpoint("http://127.0.0.1:9/none"))
    assert reply.reason == "endpoint.dropped"


async def test_an_answer_that_declines_in_words_counts_as_declined() -> None:
    async with chat_server(saying({"result": {"text": "Sorry, I do not know that."}})) as server:
        reply = await ask(endpoint(server.base_url, declines=("I do not know",)))
    assert reply.outcome is Outcome.ABSTAINED


def test_a_recipe_changes_with_template_paths_version_and_query_and_holds_no_secret() -> None:
    url = "http://user.example/answer?key=hidden"
    recipes = [
        endpoint(url).recipe,
        endpoint(url, body={"q": "{question}"}).recipe,
        endpoint(url, paths={"answer": "$.a"}).recipe,
        endpoint(url, version="2").recipe,
        endpoint("http://user.example/answer?key=other").recipe,
    ]
    assert len(set(recipes)) == 5
    assert "hidden" not in recipes[0]
    for bad in ("ftp://x/", "http://me:pw@host/", "nonsense"):
        with pytest.raises(ConfigError, match=r"system\.url"):
            endpoint(bad)
    with pytest.raises(ConfigError, match=r"system\.body"):
        endpoint(url, body={"fixed": "text", "history": "{history}"})
    assert filled({"m": "{messages}"}, Request("r", "Q?"))["m"] == [{"role": "user", "content": "Q?"}]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.a.b[1]", 2), ("a.b[0]", 1), ("$['a']['b'][1]", 2), ("$.a.b[5]", None), ("$.a.x", None), ("$", "all"),
        ("$.c[*].d", [1, 2]), ("$.a[*]", None), ("$.c[0].d.e", None),
    ],
)  # fmt: skip
def test_a_path_finds_what_stands_there_or_nothing(path: str, found: Any) -> None:
    value = {"a": {"b": [1, 2]}, "c": [{"d": 1}, {"x": 9}, {"d": 2}]}
    assert find(value, parse(path)) == (value if found == "all" else found)


@pytest.mark.parametrize("path", ["$..a", "a[", "a[-1]", "a b", "$.a[?(@.x)]"])
def test_what_is_no_path_is_refused_when_it_is_read(path: str) -> None:
    with pytest.raises(ConfigError, match=r"system\.pointer"):
        parse(path)


def test_everything_a_system_may_say_is_kept() -> None:
    said = {
        "answer": "30 days.", "label": "a", "scores": {"a": 0.9}, "fields": {"x": [1]}, "confidence": 0.5,
        "spans": [{"start": 0, "end": 2, "label": "N"}], "tools": [{"name": "f", "arguments": {"x": 1}}],
        "passages": [{"id": "d-1", "text": "It lasts 30 days.", "score": 2.0}, "d-2"],
        "citations": [{"doc": "d-1", "quote": "30 days"}], "usage": {"tokens_in": 3}, "outcome": "answered",
    }  # fmt: skip
    reply = fold(events(said, 12.0))
    assert reply.output is not None
    assert (reply.output.label, reply.output.spans) == ("a", (LabelledSpan(0, 2, "N"),))
    assert [passage.span.doc_id for passage in reply.passages] == ["d-1", "d-2"]
    assert (reply.citations[0].quote, reply.confidence, reply.duration_ms) == ("30 days", 0.5, 12.0)
    assert fold(events({})).reason == "system.empty"
    assert fold(events({"outcome": "abstained"})).outcome is Outcome.ABSTAINED


@pytest.mark.parametrize(
    "said",
    [
        {"answer": 7}, {"outcome": "perhaps"}, {"scores": {"a": float("nan")}}, {"scores": {"a": True}},
        {"fields": "no json"}, {"fields": [1]}, {"fields": {"x": float("inf")}}, {"spans": [{"start": 3, "end": 1}]},
        {"tools": [{"arguments": {}}]}, {"tools": "f"}, {"citations": [{"quote": "x"}]}, {"usage": {"tokens_in": -1}},
        {"confidence": "high"}, {"passages": [{"id": "d", "score": "x"}]},
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_type_is_refused_before_the_first_event(said: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        next(events({"answer": "x", **said}))


def function_of(tmp_path: Path, source: str, name: str = "answer") -> FunctionSystem:
    (tmp_path / "bot.py").write_text(source)
    return load_function(f"bot.py:{name}", tmp_path, SystemClock())


async def test_a_function_may_be_plain_or_asynchronous_and_take_the_history(tmp_path: Path) -> None:
    source = "def answer(q): return q.upper()\nasync def later(q, history): return {'answer': history[0]['content']}\n"
    assert (await ask(function_of(tmp_path, source))).text == "HOW LONG?"
    assert (await ask(function_of(tmp_path, source, "later"))).text == "Hi"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def answer(q): raise KeyError(q)", "function.raised.KeyError"),
        ("def answer(q): raise SystemExit", "function.raised.RuntimeError"),
        ("def answer(q): raise StopIteration", "function.raised.RuntimeError"),
        ("async def answer(q): raise ValueError(q)", "function.raised.ValueError"),
        ("def answer(q): return 7", "function.bad_reply"), ("def answer(q): return None", "function.bad_reply"),
        ("def answer(q): return {'reply': q}", "function.bad_reply"),
        ("def answer(q): return {'label': 3}", "function.bad_reply"), ("def answer(q): return ''", "system.empty"),
    ],
)  # fmt: skip
async def test_a_function_that_raises_or_gives_a_wrong_type_is_a_failed_reply(
    tmp_path: Path, source: str, code: str
) -> None:
    reply = await ask(function_of(tmp_path, source))
    assert (reply.outcome, reply.reason) == (Outcome.FAILED, code)


async def test_a_function_that_never_returns_costs_its_sample_alone(tmp_path: Path) -> None:
    system = function_of(tmp_path, "import threading\nfree = threading.Event()\ndef answer(q): free.wait()\n")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ask(system)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "assay-function")
    system.function.__globals__["free"].set()


def test_a_functions_recipe_follows_its_file(tmp_path: Path) -> None:
    one = function_of(tmp_path, "def answer(q): return q").recipe
    assert function_of(tmp_path, "def answer(q): return q").recipe == one
    assert function_of(tmp_path, "def answer(q): return q + ''").recipe != one


@pytest.mark.parametrize(
    ("reference", "source", "code"),
    [
        ("bot.py", "", "system.function"), ("none.py:answer", "", "system.no_module"),
        ("no_such_module_here:answer", "", "system.no_module"), ("bot.py:answer", "x = 1", "system.no_function"),
        ("bot.py:answer", "1/0", "system.import_failed"), ("bot.py:answer", "import no_such_x", "system.import_failed"),
        ("bot.py:answer", "def answer(): pass", "system.function"),
        ("bot.py:answer", "def answer(a, b): pass", "system.function"),
    ],
)  # fmt: skip
def test_a_function_that_cannot_be_used_is_a_clear_error(
    tmp_path: Path, reference: str, source: str, code: str
) -> None:
    (tmp_path / "bot.py").write_text(source)
    with pytest.raises(ConfigError) as raised:
        load_function(reference, tmp_path, SystemClock())
    assert raised.value.code == code


def recorded(tmp_path: Path, text: str, name: str = "replies.jsonl") -> RecordedSystem:
    path = tmp_path / name
    path.write_text(text)
    return read_replies(path)


async def test_recorded_replies_are_given_by_case_and_repeat_and_a_missing_one_has_a_code(tmp_path: Path) -> None:
    lines = ['{"id": "c-1", "answer": "30 days.", "duration_ms": 5}', '{"case_id": "c-1", "repeat": 1, "text": "31."}']
    system = recorded(tmp_path, "\n".join(lines))
    first, second = await ask(system), await ask(system, repeat=1)
    assert (first.text, second.text, first.duration_ms) == ("30 days.", "31.", 5.0)
    assert [stage.detail["timed"] for reply in (first, second) for stage in reply.stages] == [1, 0]
    assert (await ask(system, repeat=2)).reason == "replies.missing"
    assert (await ask(system, case="c-9")).reason == "replies.missing"
    assert recorded(tmp_path, lines[0]).recipe != system.recipe


async def test_a_csv_has_the_same_keys_with_json_where_they_are_structured(tmp_path: Path) -> None:
    text = 'id,answer,label,scores,tokens_in,cost_usd\nc-1,"Yes, ""really""",a,"{""a"": 0.9}",12,0.01\nc-2,No,,,,\n'
    system = recorded(tmp_path, text, "replies.csv")
    reply = await ask(system)
    assert reply.output is not None
    assert (reply.text, reply.output.scores, reply.usage) == ('Yes, "really"', {"a": 0.9}, Usage(12, None, 0.01))
    assert (await ask(system, case="c-2")).usage == Usage()


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "replies.empty", ""), ('{"answer": "x"}', "replies.invalid", ":1"), ("\n[1]", "replies.invalid", ":2"),
        ('{"id": "a"}\n{"id": "a"}', "replies.duplicate_id", ":2"),
        ('{"id": "a", "answer": 1}', "replies.invalid", ":1"),
        ('{"id": "a", "repeat": "x"}', "replies.invalid", ":1"), ('{"id"', "replies.invalid", ":1"),
    ],
)  # fmt: skip
def test_a_file_with_a_mistake_is_refused_with_its_line(tmp_path: Path, text: str, code: str, line: str) -> None:
    with pytest.raises(InputError) as raised:
        recorded(tmp_path, text)
    assert raised.value.code == code
    assert raised.value.where.endswith(line)
