"""Labelling over HTTP: behind its role, inside the key's scope, blind, and under the key's own pseudonym."""

from __future__ import annotations

from typing import Any

import aiohttp

from assay.golden.labelling.drawing import Frame, Unit, unit_id
from assay.golden.labelling.making import Check, new_task
from assay.records.labels import LabelTask
from assay.wiring import labelling
from label_examples import CASES, QUALITY, SECRET, served_lab
from served import World, serving


def kept_task(place: World) -> LabelTask:
    """All sixty replies, and one attention check."""
    golden = place.stores.golden.get("faq")
    units = [Unit(unit_id("reply", c.case_id, "aaaa1111"), c.case_id, "aaaa1111") for c in golden.cases]
    frame = Frame(0, tuple(units))
    made = new_task(
        QUALITY, frame, CASES, [Check(units[1], "bad", shown_case="case-02")], by="uniform", guesses={}, left_out={},
        golden_name="faq", golden_version=golden.version, now=place.clock.now(),
    )  # fmt: skip
    labelling.keep_task(place.services, made, frame)
    return made


async def call(client: aiohttp.ClientSession, key: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with client.request(method, path, json=body, headers=headers) as reply:
        return reply.status, await reply.json()


async def test_a_person_labels_item_after_item_and_sees_nothing_they_should_not() -> None:
    """The next item, a word, the same word again, a correction; no run, no gold, no other's label in any answer."""
    place = served_lab()
    made = kept_task(place)
    key = place.key(roles=("label",))
    async with serving(place) as (client, _):
        status, listed = await call(client, key, "GET", "/v1/labels")
        assert (status, [task["task"] for task in listed["data"]]) == (200, ["quality"])
        status, first = await call(client, key, "GET", "/v1/labels/quality/next")
        assert (status, first["done"], first["withheld"]) == (200, 0, 1)
        assert not {"aaaa", "gold", "shown_case", "stratum"} & set(str(first).replace("'", " ").split())
        body = {"item_id": first["item"]["item_id"], "choice": "good", "seconds": 3.5}
        for expected in (201, 201):
            assert (await call(client, key, "POST", "/v1/labels/quality", body))[0] == expected
        await call(client, key, "POST", "/v1/labels/quality", body | {"choice": "bad"})
        status, second = await call(client, key, "GET", "/v1/labels/quality/next")
        assert second["done"] == 1
        assert second["item"]["item_id"] != first["item"]["item_id"]
    given = labelling.labels(place.services, "quality")
    assert [(label.value, label.annotator) for label in given] == [
        ("good", place.stores.keys.keys()[0].key_id),
        ("bad", place.stores.keys.keys()[0].key_id),
    ]
    assert given[0].guidelines_sha256 == made.guidelines_sha256


async def test_what_a_key_may_not_see_it_may_not_label() -> None:
    """The item of the group hr is withheld from others, and a task of another tenant does not exist for them."""
    place = served_lab()
    made = kept_task(place)
    secret = next(item.item_id for item in made.items if item.case_id == f"case-{CASES - 1}")
    plain, hr = place.key(roles=("label",)), place.key(groups=tuple(SECRET.groups), roles=("label",))
    foreign, asker = place.key(tenant="globex", roles=("label",)), place.key(roles=("ask",))
    async with serving(place) as (client, _):
        body = {"item_id": secret, "choice": "good"}
        status, refused = await call(client, plain, "POST", "/v1/labels/quality", body)
        assert (status, refused["error"]["code"]) == (400, "label.foreign_item")
        assert (await call(client, hr, "POST", "/v1/labels/quality", body))[0] == 201
        assert (await call(client, foreign, "GET", "/v1/labels"))[1]["data"] == []
        assert (await call(client, foreign, "GET", "/v1/labels/quality/next"))[0] == 404
        assert (await call(client, asker, "GET", "/v1/labels/quality/next"))[0] == 403
        assert (await call(client, "", "GET", "/v1/labels"))[0] == 401
        status, wrong = await call(client, plain, "POST", "/v1/labels/quality", {"item_id": "x", "choice": "good"})
        assert status == 400
        item = next(item.item_id for item in made.asked if item.item_id != secret)
        status, wrong = await call(client, plain, "POST", "/v1/labels/quality", {"item_id": item, "choice": "great"})
        assert (status, wrong["error"]["code"]) == (400, "label.unknown_label")
        assert "great" not in str(wrong)
        assert (await call(client, plain, "GET", "/v1/labels/quality/status"))[0] == 403
        operator = place.key(roles=("operate",))
        status, found = await call(client, operator, "GET", "/v1/labels/quality/status")
        assert (status, found["items"], found["resolved"]) == (200, CASES, {"single": 1})


async def test_a_third_key_decides_what_two_others_disagree_on() -> None:
    place = served_lab()
    made = kept_task(place)
    item = made.asked[0].item_id
    if made.asked[0].case_id == f"case-{CASES - 1}":
        item = made.asked[1].item_id
    one, two, three = (place.key(roles=("label",)) for _ in range(3))
    async with serving(place) as (client, _):
        await call(client, one, "POST", "/v1/labels/quality", {"item_id": item, "choice": "good", "note": "clear"})
        await call(client, two, "POST", "/v1/labels/quality", {"item_id": item, "choice": "bad"})
        own = await call(client, one, "GET", "/v1/labels/quality/next?adjudicate=true")
        assert own[1]["item"] is None
        _, found = await call(client, three, "GET", "/v1/labels/quality/next?adjudicate=true")
        assert found["item"]["item_id"] == item
        assert found["item"]["disputed"] == [{"choice": "bad", "note": ""}, {"choice": "good", "note": "clear"}]
        body = {"item_id": item, "choice": "good", "adjudicate": True}
        assert (await call(client, one, "POST", "/v1/labels/quality", body))[0] == 403
        assert (await call(client, three, "POST", "/v1/labels/quality", body))[0] == 201
    (resolved,) = labelling.resolved_labels(place.services, "quality")
    assert (resolved.value, resolved.how) == ("good", "adjudicated")
