"""No refusal of the server, and no line of its log, repeats what a caller wrote, whatever is wrong with the request."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from assay.adapters.clocks import SystemClock
from assay.adapters.memory_index import MemoryIndex
from assay.console.app import console
from assay.serve.app import api_routes, create_app
from assay.serve.inprocess import in_process
from assay.serve.keys import new_key
from assay.serve.options import ServeOptions
from assay.wiring.workspace import Services
from served import memory_stores

MARK = "Quetzalmark"
BODIES: list[Any] = [
    f"{{broken {MARK}",
    f'"{MARK}"',
    [MARK],
    {MARK: MARK},
    {"messages": MARK, "query": [MARK], "trace_id": {"a": MARK}, "rating": 7, "comment": [MARK]},
    {"messages": [{"role": MARK, "content": MARK}], "query": MARK, "mode": MARK, "trace_id": MARK, "rating": MARK},
    {"messages": [{"role": "user", "content": {"a": MARK}}], "query": "", "limit": MARK, "rating": "up",
     "trace_id": "x", "comment": MARK * 1000},
    {"messages": [{"role": "user", "content": MARK * 4000}], "query": MARK * 4000, "as_of": MARK, "rating": "down"},
    {"messages": [{"role": "user", "content": MARK}], "model": "no-app", "query": MARK, "app": "no-app"},
    {"item": MARK, "value": MARK, "note": MARK * 900},
]  # fmt: skip


def broken_start(*_: object) -> Any:
    raise RuntimeError(f"a part of the program failed on {MARK}")


def paths() -> list[str]:
    """Every path of the API, with a name where it takes one."""
    return [
        "/".join("none" if part.startswith("{") else part for part in route.path.split("/"))  # type: ignore[attr-defined]
        for route in api_routes()
    ]


async def test_no_answer_and_no_log_line_repeats_what_stood_in_a_bad_request(caplog: pytest.LogCaptureFixture) -> None:
    stores = memory_stores()
    key, record = new_key("tests", "default", (), ("ask", "operate", "label"), SystemClock())
    stores.keys.put(record)
    services = Services(stores, MemoryIndex(), SystemClock(), ("a",), "a", broken_start, broken_start)
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    caplog.set_level(logging.DEBUG, "assay")
    refused = 0
    async with in_process(create_app(services, ServeOptions(), console)) as server:
        for path in paths():
            for body in BODIES:
                data = body if isinstance(body, str) else json.dumps(body)
                answered = await server.call("POST", path, head, data.encode())
                refused += answered.status >= 400
                assert MARK not in answered.text, (path, answered.status, str(body)[:60])
                assert MARK not in answered.head, path
            for target in (f"{path}?limit={MARK}&before={MARK}&start={MARK}&sha={MARK}", f"{path}/{MARK}"):
                answered = await server.call("GET", target, head)
                assert MARK not in answered.text, (target, answered.status)
    assert refused > len(BODIES) * 3, "the requests are bad indeed"
    assert MARK not in caplog.text
