"""Nobody gets in without a credential but the open demo on loopback, and a revoked key is out at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from starlette.requests import HTTPConnection

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryKeys
from assay.records.access import Scope
from assay.records.dialogue import Finished, Outcome, ReplyEvent, Request
from assay.records.errors import AccessDenied, Busy, InputError
from assay.serve.app import bind
from assay.serve.doorman import Doorman
from assay.serve.keys import hash_key, new_key
from assay.serve.options import ServeOptions
from served import DEMO, serving, world

CLOCK = FakeClock()


def came_from(client: str, host: str = "localhost:8321", **headers: str) -> HTTPConnection:
    given = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return HTTPConnection({"type": "http", "headers": raw, "client": (client, 5000), "path": "/"})


def doorman(**options: Any) -> Doorman:
    settings = ServeOptions(open_demo=True, demo_scope=Scope("acme"))
    return Doorman(MemoryKeys(), CLOCK, replace(settings, **options))


def test_a_key_is_kept_only_as_its_hash() -> None:
    plaintext, key = new_key("ci", "acme", ["hr", "hr"], ["ask"], CLOCK)
    assert plaintext.startswith(f"ak_{key.key_id}_")
    assert key.key_sha256 == hash_key(plaintext)
    assert plaintext not in repr(key)
    assert key.groups == ("hr",)
    with pytest.raises(InputError):
        new_key("ci", "acme", [], ["root"], CLOCK)


async def test_the_open_demo_lets_this_machine_in_with_the_demo_scope() -> None:
    caller = await doorman().caller(came_from("127.0.0.1"), "operate")
    assert caller.scope == Scope("acme")
    assert caller.key_id == ""


@pytest.mark.parametrize(
    ("options", "connection"),
    [
        ({}, came_from("10.0.0.7")),
        ({"host": "0.0.0.0"}, came_from("127.0.0.1")),
        ({"open_demo": False}, came_from("127.0.0.1")),
        ({}, came_from("127.0.0.1", x_forwarded_for="10.0.0.7")),
        ({}, came_from("127.0.0.1", host="rebound.evil.test")),
        ({}, came_from("127.0.0.1", authorization="Bearer ak_wrong")),
        ({}, came_from("127.0.0.1", authorization="Basic YTpi")),
    ],
    ids=["remote", "bound-to-all", "not-asked-for", "proxied", "rebound", "wrong-key", "wrong-scheme"],
)
async def test_the_open_demo_is_closed_to_everybody_else(options: dict[str, Any], connection: HTTPConnection) -> None:
    with pytest.raises(AccessDenied):
        await doorman(**options).caller(connection)


async def test_a_key_works_until_it_expires_or_is_revoked() -> None:
    door = doorman(open_demo=False, key_ttl_s=0.0)
    plaintext, key = new_key("ci", "acme", ["hr"], ["ask"], CLOCK)
    door.keys.put(key)
    connection = came_from("10.0.0.7", authorization=f"bearer {plaintext}")
    caller = await door.caller(connection)
    assert (caller.scope, caller.key_id) == (Scope("acme", frozenset({"hr"})), key.key_id)
    with pytest.raises(AccessDenied, match="operate"):
        await door.caller(connection, "operate")
    door.keys.revoke(key.key_id, CLOCK.now())
    with pytest.raises(AccessDenied):
        await door.caller(connection)
    door.keys.put(replace(key, expires_at="2025-01-01T00:00:00Z"))
    with pytest.raises(AccessDenied):
        await door.caller(connection)


async def test_a_key_that_is_in_use_is_looked_up_once_in_a_while() -> None:
    door = doorman(key_ttl_s=60.0)
    looked: list[str] = []
    plaintext, key = new_key("ci", "acme", [], ["ask"], CLOCK)

    class Counting(MemoryKeys):
        def by_hash(self, key_sha256: str) -> Any:
            looked.append(key_sha256)
            return super().by_hash(key_sha256)

    door.keys = Counting({key.key_id: key})
    for _ in range(5):
        await door.caller(came_from("10.0.0.7", authorization=f"Bearer {plaintext}"))
    assert looked == [key.key_sha256]


async def test_a_session_lasts_as_long_as_its_key() -> None:
    door = doorman(open_demo=False, key_ttl_s=0.0)
    plaintext, key = new_key("me", "acme", [], ["ask"], CLOCK)
    door.keys.put(key)
    token = await door.sign_in(f" {plaintext} ")
    connection = came_from("10.0.0.7", cookie=f"assay_session={token}")
    assert (await door.caller(connection)).key_id == key.key_id
    door.keys.revoke(key.key_id, CLOCK.now())
    with pytest.raises(AccessDenied):
        await door.caller(connection)
    with pytest.raises(AccessDenied):
        await door.sign_in("ak_wrong")


async def test_signing_out_ends_the_session() -> None:
    door = doorman(open_demo=False)
    plaintext, key = new_key("me", "acme", [], ["ask"], CLOCK)
    door.keys.put(key)
    token = await door.sign_in(plaintext)
    door.sign_out(token)
    with pytest.raises(AccessDenied):
        await door.caller(came_from("10.0.0.7", cookie=f"assay_session={token}"))


async def test_the_demo_answers_without_a_key_and_only_to_local_names() -> None:
    async with serving(world(), **DEMO) as (client, _):
        async with client.get("/v1/models") as response:
            assert response.status == 200
        async with client.get("/v1/models", headers={"Host": "evil.test"}) as response:
            assert response.status == 403
            assert (await response.json())["error"]["code"] == "serve.host"


async def test_a_body_that_is_too_long_is_refused_whether_its_length_is_stated_or_not() -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 100

    place = world()
    headers = {"Authorization": f"Bearer {place.key()}"}
    async with serving(place, max_body_bytes=1000) as (client, _):
        for body in (b" " * 1001, pieces()):
            async with client.post("/v1/search", data=body, headers=headers) as response:
                assert response.status == 413
                assert (await response.json())["error"]["code"] == "serve.too_large"


async def test_a_body_that_trickles_in_is_cut_off() -> None:
    place = world()
    key = place.key()
    async with serving(place, body_timeout_s=0.1) as (_, base):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rsplit(":", 1)[1]))
        head = (
            f"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: 99\r\n\r\n"
        )
        writer.write(head.encode() + b"{")
        answer = await reader.readuntil(b"\r\n")
        writer.close()
    assert b"408" in answer


async def test_every_response_carries_the_security_headers() -> None:
    async with serving(world()) as (client, _):
        for path in ("/healthz", "/nowhere", "/v1/models"):
            async with client.get(path) as response:
                assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Cache-Control"] == "no-store"


async def test_a_failure_inside_says_nothing_of_what_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def steps(request: Request) -> AsyncIterator[ReplyEvent]:
        raise KeyError(request.question)
        yield Finished(Outcome.FAILED)

    place = world(steps=steps)
    body = {"messages": [{"role": "user", "content": "SECRET"}]}
    headers = {"Authorization": f"Bearer {place.key()}"}
    post = {"json": body, "headers": headers}
    async with serving(place) as (client, _), client.post("/v1/chat/completions", **post) as response:
        assert response.status == 500
        text = await response.text()
    assert "serve.internal" in text
    assert "SECRET" not in text + caplog.text
    assert "KeyError" in caplog.text


def test_a_port_in_use_is_said_with_a_remedy() -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(Busy) as raised:
        bind("127.0.0.1", taken.getsockname()[1])
    assert raised.value.code == "serve.port_in_use"
    assert "--port" in raised.value.remedy


def test_an_address_that_is_not_ours_is_said() -> None:
    with pytest.raises(InputError) as raised:
        bind("192.0.2.1", 0)
    assert raised.value.code == "serve.address"


async def test_unknown_paths_and_methods_answer_in_the_error_shape() -> None:
    async with serving(world()) as (client, _):
        assert await _error(client, "GET", "/v1/nothing") == (404, "serve.http_404")
        assert await _error(client, "GET", "/v1/chat/completions") == (405, "serve.http_405")


async def _error(client: aiohttp.ClientSession, method: str, path: str) -> tuple[int, str]:
    async with client.request(method, path) as response:
        return response.status, (await response.json())["error"]["code"]
