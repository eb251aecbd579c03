"""A promotion or rollback is taken up without a restart, and a bundle that cannot start leaves the old one up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from assay.records.dialogue import AnswerSentence, Finished, Outcome, ReplyEvent, Request, SentenceReady
from assay.serve.live import Live
from served import SUPPORTED, World, serving, world


async def apps(client: aiohttp.ClientSession) -> tuple[int, dict[str, Any]]:
    async with client.get("/readyz") as response:
        return response.status, (await response.json())


async def until(client: aiohttp.ClientSession, bundle_id: str) -> dict[str, Any]:
    """Wait for the bundle; the limit is far over the second that is promised, so that a busy machine cannot fail it."""
    async with asyncio.timeout(20):
        while True:
            _, body = await apps(client)
            if body["apps"][0]["bundle_id"] == bundle_id and body["apps"][0]["ready"]:
                return body["apps"][0]
            await asyncio.sleep(0.01)


async def bundle_that_answers(client: aiohttp.ClientSession, place: World) -> str:
    body = {"messages": [{"role": "user", "content": "leave"}]}
    headers = {"Authorization": f"Bearer {place.key()}"}
    async with client.post("/v1/chat/completions", json=body, headers=headers) as response:
        answered: str = (await response.json())["assay"]["bundle_id"]
        return answered


async def test_promotion_and_rollback_are_taken_up_while_serving() -> None:
    place = world()
    async with serving(place) as (client, _):
        await until(client, "")
        assert await bundle_that_answers(client, place) == ""
        one = place.promote("one")
        await until(client, one)
        assert await bundle_that_answers(client, place) == one
        await until(client, place.promote("two"))
        await until(client, place.promote("one"))
        assert await bundle_that_answers(client, place) == one
    assert place.started == ["one", "two"], "the bundle that was live before is still warm"


async def test_a_bundle_that_cannot_start_leaves_the_old_one_live_and_shows() -> None:
    place = world()
    place.broken.add("two")
    async with serving(place) as (client, _):
        one = place.promote("one")
        await until(client, one)
        two = place.promote("two")
        async with asyncio.timeout(20):
            while (await apps(client))[1]["status"] != "degraded":
                await asyncio.sleep(0.01)
        status, body = await apps(client)
        assert await bundle_that_answers(client, place) == one
    assert status == 200
    assert body["apps"][0] == {
        "app": "helpdesk",
        "bundle_id": one,
        "wanted": two,
        "revision": 2,
        "ready": True,
        "error": "model.missing",
    }


async def test_an_app_that_never_started_is_not_ready_and_says_so() -> None:
    place = world()
    place.broken.add("one")
    place.promote("one")
    async with serving(place) as (client, _):
        status, body = await apps(client)
        request = {"messages": [{"role": "user", "content": "leave"}]}
        headers = {"Authorization": f"Bearer {place.key()}"}
        async with client.post("/v1/chat/completions", json=request, headers=headers) as response:
            assert response.status == 503
            assert (await response.json())["error"]["code"] == "serve.not_ready"
        async with client.get("/healthz") as alive:
            assert alive.status == 200
    assert (status, body["status"]) == (503, "not_ready")


async def test_a_stream_that_runs_ends_with_the_bundle_it_began_with() -> None:
    go_on = asyncio.Event()

    async def steps(_: Request) -> AsyncIterator[ReplyEvent]:
        yield SentenceReady(AnswerSentence("First.", (), SUPPORTED))
        await go_on.wait()
        yield Finished(Outcome.ANSWERED)

    place = world(steps=steps)
    async with serving(place) as (client, _):
        one = place.promote("one")
        await until(client, one)
        body = {"messages": [{"role": "user", "content": "leave"}], "stream": True}
        headers = {"Authorization": f"Bearer {place.key()}"}
        async with client.post("/v1/chat/completions", json=body, headers=headers) as response:
            await response.content.readany()
            await until(client, place.promote("two"))
            go_on.set()
            assert f'"bundle_id":"{one}"' in await response.text()


async def test_a_store_that_fails_keeps_what_runs_and_recovers() -> None:
    place = world()
    live = Live(place.services)
    await live.look()
    releases = place.stores.releases
    whole = type(releases).pointer

    def broken(self: object, app: str) -> None:
        raise OSError("the disk is gone")

    type(releases).pointer = broken  # type: ignore[method-assign,assignment]
    try:
        await live.look()
    finally:
        type(releases).pointer = whole  # type: ignore[method-assign]
    assert live.ready
    assert live.states()[0].error == "serve.store.OSError"
    await live.look()
    assert live.states()[0].error == ""


async def test_an_app_without_a_bundle_is_made_anew_when_the_index_moves() -> None:
    place = world()
    live = Live(place.services)
    await live.look()
    first = await live.running("")
    await live.look()
    assert await live.running("") is first
    chunk = place.stores.catalog.chunks_of("handbook/leave.md")[0]
    place.services.index.add([chunk])
    place.services.index.commit()
    live._head = (0.0, live._head[1])  # as if the time to look again had come
    await live.look()
    assert await live.running("") is not first
