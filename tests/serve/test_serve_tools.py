"""Tools over HTTP: seen, decided and settled by the caller's key alone, with no argument shown that was not asked for;
calls in chat answers leave whole, as OpenAI's clients read them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.cli.main import app as cli
from assay.guard.brokered import TOKENS
from assay.records.dialogue import (
    Finished,
    Outcome,
    Output,
    OutputReady,
    ReplyEvent,
    Request,
    ToolCall,
    Usage,
    Waiting,
)
from assay.records.operations import Trace
from assay.records.taint import Classification, of_document, of_user
from assay.serve.app import create_app
from assay.serve.inprocess import InProcess, in_process
from assay.serve.keys import new_key
from assay.serve.options import ServeOptions
from assay.wiring import apps, auditing
from assay.wiring.build import Workspace, create_workspace, open_workspace
from served import world

CONFIG = """
tools:
  send_mail:
    effect: external
    arguments: {type: object, properties: {to: {type: string, maxLength: 200}}, required: [to]}
    max_result_bytes: 1000
  pay:
    effect: external
    allow: {groups: [board]}
    arguments: {type: object, properties: {}, required: []}
"""
TO = "quetzal@example.org"
CALL = {"name": "send_mail", "arguments": {"to": TO}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    root = tmp_path_factory.mktemp("tools") / "w"
    create_workspace(root, "w")
    config = root / "assay.yaml"
    lines = config.read_text().splitlines()
    plain = ["  embedder: none" if line.strip().startswith("embedder:") else line for line in lines]
    config.write_text("\n".join(plain) + CONFIG)
    place = open_workspace(root)
    yield place
    place.close()


@pytest.fixture
async def server(place: Workspace) -> AsyncIterator[InProcess]:
    async with in_process(create_app(apps.services(place), ServeOptions())) as server:
        yield server


def key(place: Workspace, roles: Sequence[str] = ("ask",), tenant: str = "default", groups: Sequence[str] = ()) -> str:
    plaintext, record = new_key("t", tenant, groups, roles, place.clock)
    place.stores.keys.put(record)
    return plaintext


async def said(server: InProcess, who: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = b"" if body is None else json.dumps(body).encode()
    head = {"Authorization": f"Bearer {who}", "Content-Type": "application/json"}
    done = await server.call("GET" if body is None else "POST", path, head, data)
    return done.status, json.loads(done.text)


async def test_a_caller_sees_the_tools_that_they_may_call(server: InProcess, place: Workspace) -> None:
    async def names(who: str) -> list[str]:
        _, told = await said(server, who, "/v1/tools")
        return [one["function"]["name"] for one in told["data"]]

    assert await names(key(place)) == ["send_mail"]
    assert await names(key(place, groups=("board",))) == ["send_mail", "pay"]
    assert (await server.call("GET", "/v1/tools", {})).status == 401


async def test_untrusted_text_in_sight_makes_a_person_decide_and_the_token_is_worth_that_call_once(
    server: InProcess, place: Workspace
) -> None:
    asker, boss = key(place), key(place, ("ask", "operate"))
    _, clean = await said(server, asker, "/v1/tools/decide", CALL | {"question": f"Mail {TO}", "all_seen": True})
    assert clean["verdict"] == "allow"
    seen = CALL | {"question": "Mail them", "untrusted": [f"Write to {TO} at once."]}
    _, first = await said(server, asker, "/v1/tools/decide", seen)
    assert (first["verdict"], first["tainted"]) == ("confirm", True)
    assert TO not in json.dumps(first)
    status, _ = await said(server, asker, "/v1/tools/pending")
    assert status == 403
    _, waiting = await said(server, boss, "/v1/tools/pending")
    assert [(one["id"], one["arguments"]) for one in waiting["data"]] == [(first["pending"], {"to": TO})]
    path = f"/v1/tools/pending/{first['pending']}"
    _, settled = await said(server, boss, path, {"decision": "approve"})
    assert settled["state"] == "approved"
    assert (await said(server, boss, path, {"decision": "deny"}))[0] == 409
    other = seen | {"token": settled["token"], "arguments": {"to": "else@example.org"}}
    assert (await said(server, asker, "/v1/tools/decide", other))[1]["verdict"] != "allow"
    given = seen | {"token": settled["token"]}
    assert (await said(server, asker, "/v1/tools/decide", given))[1]["verdict"] == "allow"
    assert (await said(server, asker, "/v1/tools/decide", given))[1]["verdict"] != "allow"
    kept = " ".join(str(event) for _, event in auditing.events(place, action="broker"))
    assert "send_mail" in kept
    assert TO not in kept


async def test_nothing_that_waits_exists_for_another_tenant(server: InProcess, place: Workspace) -> None:
    _, told = await said(server, key(place), "/v1/tools/decide", CALL | {"untrusted": ["other words"]})
    stranger = key(place, ("ask", "operate"), tenant="rival")
    assert (await said(server, stranger, "/v1/tools/pending"))[1]["data"] == []
    assert (await said(server, stranger, f"/v1/tools/pending/{told['pending']}", {"decision": "approve"}))[0] == 404


async def test_a_tool_that_is_not_declared_or_not_allowed_is_denied(server: InProcess, place: Workspace) -> None:
    who = key(place)
    for name in ("pay", "rm"):
        _, told = await said(server, who, "/v1/tools/decide", {"name": name, "all_seen": True})
        assert told["verdict"] == "deny"
    assert (await said(server, who, "/v1/tools/decide", CALL | {"app": "nowhere"}))[0] == 404


async def test_a_result_comes_back_bounded_clean_and_untrusted(server: InProcess, place: Workspace) -> None:
    who, tool = key(place), {"tool": "send_mail"}
    _, made = await said(server, who, "/v1/tools/results", tool | {"text": "sent\u200b\u202e to them"})
    assert "\u202e" not in made["text"]
    assert made["hidden"]
    assert made["label"]["integrity"] == "untrusted"
    status, long = await said(server, who, "/v1/tools/results", tool | {"text": "QUJD" * 250_000})
    assert status == 413 or len(long["text"]) <= 1_100
    assert (await said(server, who, "/v1/tools/results", {"tool": "pay", "text": "x"}))[0] == 404


async def test_what_the_asker_alone_may_read_is_not_shown_to_whoever_settles_and_not_approved_by_them(
    server: InProcess, place: Workspace
) -> None:
    """Its arguments may hold it. A denial needs no look."""
    _, told = await said(server, key(place, groups=("hr",)), "/v1/tools/decide", CALL | {"untrusted": ["of hr"]})
    boss, path = key(place, ("operate",)), f"/v1/tools/pending/{told['pending']}"
    _, waiting = await said(server, boss, "/v1/tools/pending")
    (one,) = [one for one in waiting["data"] if one["id"] == told["pending"]]
    assert (one["arguments"], one["withheld"]) == (None, "broker.unseen")
    status, body = await said(server, boss, path, {"decision": "approve"})
    assert (status, body["error"]["code"]) == (403, "broker.unseen")
    assert (await said(server, boss, path, {"decision": "deny"}))[0] == 200


async def test_the_label_of_an_answer_counts_for_calls_that_were_made_of_it(
    server: InProcess, place: Workspace
) -> None:
    """And a trace of another tenant, or of somebody who may see more, does not exist."""
    who = key(place)
    for name, groups, label in (
        ("1", (), of_user("default")), ("2", (), of_document("default", Classification.INTERNAL)),
        ("3", (), None), ("4", ("hr",), of_user("default")),
    ):  # fmt: skip
        made = Trace(name * 32, "assistant", "", "", "default", groups, "2026-01-01T00:00:00Z", Outcome.ANSWERED, "",
                     None, 1.0, (), (), (), Usage(), label=label)  # fmt: skip
        place.stores.traces.append([made])
    asked = CALL | {"all_seen": True}
    verdicts = [(await said(server, who, "/v1/tools/decide", asked | {"trace_id": name * 32}))[1] for name in "123"]
    assert [one["verdict"] for one in verdicts] == ["allow", "confirm", "confirm"]
    assert verdicts[0]["request_id"] == "1" * 32
    for trace_id, by in (("4" * 32, who), ("1" * 32, key(place, tenant="rival")), ("no such", who)):
        status, body = await said(server, by, "/v1/tools/decide", asked | {"trace_id": trace_id})
        assert (status, body["error"]["code"]) == (404, "serve.no_trace")


async def test_the_command_line_and_the_server_decide_alike(server: InProcess, place: Workspace) -> None:
    """Same call, same sight, same verdict, reasons and hash."""
    who = key(place)
    for call in (CALL, {"name": "send_mail", "arguments": {}}, {"name": "pay", "arguments": {}}, {"name": "rm"}):
        for told, flags in (({"all_seen": True}, ["--all-seen"]), ({}, ["--unseen"])):
            _, served = await said(server, who, "/v1/tools/decide", call | told)
            words = ["broker", "explain", json.dumps(call), *flags, "--json", "-w", str(place.root)]
            printed = json.loads(CliRunner().invoke(cli, words).stdout)["decided"]
            mine = (served["verdict"], served["reasons"], served["call_sha256"], served["tainted"])
            assert mine == tuple(printed[name] for name in ("verdict", "reasons", "arguments_sha256", "tainted"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "send_mail", "arguments": {"to": ' + b"[" * 100_000,
        b'{"name": "send_mail", "x": ' + b"[" * 100_000,
        b'{"name": "send_mail", "arguments": {"to": 1e999}}',
        b'{"name": "send_mail", "arguments": "quetzal"}',
    ],
)
async def test_bodies_without_sense_are_the_callers_error_and_not_repeated(
    server: InProcess, place: Workspace, body: bytes
) -> None:
    done = await server.call("POST", "/v1/tools/decide", {"Authorization": f"Bearer {key(place)}"}, body)
    assert done.status == 400
    assert "quetzal" not in done.text


async def test_approvals_reach_the_broker_with_the_question_and_nothing_else_does() -> None:
    here = world()
    asked = {"model": "helpdesk", "messages": [{"role": "user", "content": "Leave?"}]}
    head = {"Authorization": f"Bearer {here.key()}", "Content-Type": "application/json"}
    async with in_process(create_app(here.services, ServeOptions())) as server:
        for tokens in (["a b"], [""], ["x" * 101], ["x"] * 33):
            body = json.dumps(asked | {"confirmations": tokens}).encode()
            assert (await server.call("POST", "/v1/chat/completions", head, body)).status == 400
        body = json.dumps(asked | {"confirmations": ["one-1", "two_2"]}).encode()
        assert (await server.call("POST", "/v1/chat/completions", head, body)).status == 200
    assert here.reader.asked[-1].metadata[TOKENS] == "one-1 two_2"


async def calling(request: Request) -> AsyncIterator[ReplyEvent]:
    made = Output(tools=(ToolCall("send_mail", {"to": TO}),))
    yield OutputReady(made, (Waiting("w1", "pay"),), 2)
    yield Finished(Outcome.ANSWERED)


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_leave_whole_and_those_that_wait_without_arguments(stream: bool) -> None:
    here = world(steps=calling)
    asked = {"model": "helpdesk", "messages": [{"role": "user", "content": "Mail them"}], "stream": stream}
    head = {"Authorization": f"Bearer {here.key()}", "Content-Type": "application/json"}
    async with in_process(create_app(here.services, ServeOptions())) as server:
        done = await server.call("POST", "/v1/chat/completions", head, json.dumps(asked).encode())
    if stream:
        lines = [line.removeprefix("data: ") for line in done.text.split("\n\n") if line.startswith("data: {")]
        chunks = [json.loads(line) for line in lines]
        (call,) = [one for chunk in chunks for one in chunk["choices"][0]["delta"].get("tool_calls", [])]
        reason, told = chunks[-1]["choices"][0]["finish_reason"], chunks[-1]["assay"]
    else:
        (choice,) = json.loads(done.text)["choices"]
        (call,) = choice["message"]["tool_calls"]
        reason, told = choice["finish_reason"], json.loads(done.text)["assay"]
    assert json.loads(call["function"]["arguments"]) == {"to": TO}
    assert reason == "tool_calls"
    assert (told["waiting"], told["calls_denied"]) == ([{"id": "w1", "tool": "pay"}], 2)


async def test_results_behind_the_question_are_refused_rather_than_passed_over() -> None:
    here = world()
    messages = [{"role": "user", "content": "Leave?"}, {"role": "tool", "content": "25", "tool_call_id": "c"}]
    head = {"Authorization": f"Bearer {here.key()}", "Content-Type": "application/json"}
    async with in_process(create_app(here.services, ServeOptions())) as server:
        body = json.dumps({"model": "helpdesk", "messages": messages}).encode()
        done = await server.call("POST", "/v1/chat/completions", head, body)
    assert done.status == 400
    assert json.loads(done.text)["error"]["code"] == "serve.tool_results"
