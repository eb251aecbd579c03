"""Labelling over HTTP: the tasks a person may work on, their next item, their word on it, and how far a task is.

Who labels is the key: its id is the pseudonym, and no request can name another. What is shown is what the key's scope
may see today, and never which system, run, judge or person said what, nor which items are attention checks.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assay.records.access import Caller
from assay.records.errors import NotFound
from assay.records.labels import LabelTask
from assay.serve.house import House
from assay.serve.management import house_of, reply
from assay.serve.wire import decode
from assay.wiring import labelling, labelling_standing
from assay.wiring.labelling import Ahead

OPEN_DEMO = "demo"
"""The pseudonym of everybody at an open demo on loopback."""


class LabelRequest(msgspec.Struct):
    """A person's word on an item. `choice` is one of those shown, empty when they cannot say."""

    item_id: str
    choice: str
    seconds: float | None = None
    note: str = ""
    adjudicate: bool = False


class LabelResponse(msgspec.Struct):
    task: str
    item_id: str
    choice: str
    at: str


class TaskOut(msgspec.Struct):
    """A task as a person who labels sees it."""

    task: str
    question: str
    guidelines: str
    guidelines_sha256: str
    kind: str
    done: int
    left: int


class TaskList(msgspec.Struct):
    data: list[TaskOut]
    object: str = "list"


class PassageOut(msgspec.Struct):
    number: int
    title: str
    quote: str
    page: int
    withheld: bool


class ReplyOut(msgspec.Struct):
    text: str
    passages: list[PassageOut]


class ItemOut(msgspec.Struct):
    """What is shown. `replies` are two for a pair, in the order drawn; `disputed` is what others chose, nobody named,
    and only for somebody who is to decide."""

    item_id: str
    question: str
    history: list[dict[str, str]]
    replies: list[ReplyOut]
    expected: list[str]
    choices: list[str]
    disputed: list[dict[str, str]]


class NextResponse(msgspec.Struct):
    """`item` is null when nothing is left for this person."""

    task: str
    item: ItemOut | None
    done: int
    left: int
    withheld: int


def pseudonym(caller: Caller) -> str:
    return caller.key_id or OPEN_DEMO


def routes() -> list[BaseRoute]:
    return [
        Route("/v1/labels", list_tasks),
        Route("/v1/labels/{task}/next", next_item),
        Route("/v1/labels/{task}/status", status),
        Route("/v1/labels/{task}", submit, methods=["POST"]),
    ]


async def list_tasks(http: HttpRequest) -> Response:
    """`GET /v1/labels`: the tasks that hold something the caller may label, with how far the caller is."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "label")
    return reply(TaskList(await asyncio.to_thread(_tasks, house, caller)))


def _tasks(house: House, caller: Caller) -> list[TaskOut]:
    place, person = house.services, pseudonym(caller)
    made = labelling.tasks_inside(place, caller.scope)
    return [
        TaskOut(one.name, one.question, one.guidelines, one.guidelines_sha256, one.kind.value, ahead.done, ahead.left)
        for one in made
        if not one.annotators or person in one.annotators
        for ahead in [labelling.ahead(place, one.name, person, caller.scope)]
    ]


async def next_item(http: HttpRequest) -> Response:
    """`GET /v1/labels/{task}/next?adjudicate=false`: the caller's next item."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "label")
    adjudicate = http.query_params.get("adjudicate", "") == "true"
    name = http.path_params["task"]

    def found() -> Ahead:
        made = _task(house, caller, name)
        return labelling.ahead(house.services, made.name, pseudonym(caller), caller.scope, adjudicate=adjudicate)

    ahead = await asyncio.to_thread(found)
    return reply(NextResponse(name, _item(ahead), ahead.done, ahead.left, ahead.withheld))


def _task(house: House, caller: Caller, name: str) -> LabelTask:
    """The task, when the caller may see something of it; the same NotFound otherwise."""
    unknown = NotFound("label.unknown_task", "there is no such labelling task here")
    if name not in labelling.names(house.services):
        raise unknown
    made = labelling.task(house.services, name)
    if not labelling.seen_by(house.services, made, caller.scope):
        raise unknown
    return made


def _item(ahead: Ahead) -> ItemOut | None:
    seen = ahead.shown
    if seen is None:
        return None
    return ItemOut(
        seen.item_id,
        seen.question,
        [{"role": turn.role, "content": turn.content} for turn in seen.history],
        [
            ReplyOut(one.text, [PassageOut(p.number, p.title, p.quote, p.page, p.withheld) for p in one.passages])
            for one in seen.replies
        ],
        list(seen.expected),
        list(seen.choices),
        [{"choice": choice, "note": note} for choice, note in ahead.dispute],
    )


async def submit(http: HttpRequest) -> Response:
    """`POST /v1/labels/{task}`: the caller's word on an item; another one later is a correction."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "label")
    asked = decode(await http.body(), LabelRequest)
    name = http.path_params["task"]

    def keep() -> Any:
        made = _task(house, caller, name)
        return labelling.give(
            house.services, made.name, asked.item_id, pseudonym(caller), asked.choice, seconds=asked.seconds,
            note=asked.note, adjudicate=asked.adjudicate, scope=caller.scope,
        )  # fmt: skip

    label = await asyncio.to_thread(keep)
    return reply(LabelResponse(name, label.item_id, asked.choice, label.at), 201)


async def status(http: HttpRequest) -> Response:
    """`GET /v1/labels/{task}/status` (role operate): counts, people and their attention checks; no content."""
    house = house_of(http)
    caller = await house.doorman.caller(http, "operate")
    name = http.path_params["task"]

    def found() -> dict[str, Any]:
        made = labelling_standing.status(house.services, _task(house, caller, name).name)
        people = [
            {
                "annotator": one.annotator, "labelled": one.labelled, "passed": one.passed, "checks": one.checks,
                "checks_right": one.checks_right, "set_aside": one.aside,
            }
            for one in made.people
        ]  # fmt: skip
        return {
            "task": name, "items": len(made.task.asked), "resolved": made.resolved, "disputed": made.disputed,
            "unlabelled": made.unlabelled, "complete": made.complete, "people": people,
        }  # fmt: skip

    return reply(await asyncio.to_thread(found))
