"""Nothing that a person wrote into a question or a comment stands in any file of the workspace, unless it may."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.trace import group
from assay.console.app import console
from assay.records.dialogue import Request
from assay.records.errors import ConfigError
from assay.serve.app import create_app
from assay.serve.inprocess import InProcess, in_process
from assay.serve.keys import new_key
from assay.serve.options import ServeOptions
from assay.wiring import apps, ingesting
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.guarding import vault

PLANTED = ("ann.planted@example.org", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "078-05-1120")
POLICY = """
version: 1
name: test
rules:
  - {id: mails, find: [email], where: [question], action: mask}
"""
KEEP = ("traces.keep_content=true", "index.embedder=none", "apps.assistant.abstain.threshold=0")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one document, made once: each test works on a copy."""
    root = tmp_path_factory.mktemp("privacy")
    docs = root / "docs"
    docs.mkdir()
    (docs / "leave.md").write_text("16 weeks of paid leave.\n")
    create_workspace(root / "lab")
    place = open_workspace(root / "lab", KEEP)
    ingesting.ingest(place, [docs], lambda *_: None)
    place.close()
    return root / "lab"


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "lab")
    return tmp_path / "lab"


def ask(place: Workspace, question: str, name: str = "r-1") -> None:
    async def run() -> None:
        async for _ in apps.start_app(place, "assistant").system.answer(Request(name, question)):
            pass

    asyncio.run(run())


def on_disk(folder: Path, *values: str) -> list[str]:
    """Values that stand in any file, as they are or as JSON escapes them."""
    data = b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return [value for value in values if value.encode() in data or json.dumps(value).strip('"').encode() in data]


def test_no_planted_value_stands_in_any_file_after_asking_by_hand_and_over_http(lab: Path) -> None:
    place = open_workspace(lab, KEEP)
    question = f"How long is paid leave for {', '.join(PLANTED)}?"
    ask(place, question)
    asyncio.run(_over_http(place, question))
    place._writer.flush()  # type: ignore[union-attr]
    assert on_disk(place.store, *PLANTED) == [], "with the log of the database still open"
    trace = place.stores.traces.get("r-1")
    assert "paid leave for [email], [card], [iban]" in trace.question, "the words round the values are kept"
    place.close()
    assert on_disk(place.store, *PLANTED) == []
    assert on_disk(place.store, "paid leave for [email]"), "the look would find what is there"


async def _over_http(place: Workspace, question: str) -> None:
    key, record = new_key("tests", "default", (), ("ask", "operate"), place.clock)
    place.stores.keys.put(record)
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    async with in_process(create_app(apps.services(place), ServeOptions(), console)) as server:
        asked = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": PLANTED[0]},
                              {"role": "user", "content": question}]}  # fmt: skip
        answered = await server.call("POST", "/v1/chat/completions", head, json.dumps(asked).encode())
        assert answered.status == 200, answered.text
        trace_id = json.loads(answered.text)["assay"]["trace_id"]
        comment = {"trace_id": trace_id, "rating": "down", "comment": f"tell {PLANTED[0]}"}
        told = await server.call("POST", "/v1/feedback", head, json.dumps(comment).encode())
        assert told.status == 201, told.text
        await _searched(server, head, question)


async def _searched(server: InProcess, head: dict[str, str], question: str) -> None:
    found = await server.call("POST", "/v1/search", head, json.dumps({"query": question}).encode())
    assert found.status == 200, found.text


def test_what_an_app_s_policy_masks_is_masked_in_its_traces_too(lab: Path) -> None:
    (lab / "policy.yaml").write_text(POLICY)
    (lab / "assay.yaml").write_text(
        "version: 1\nguards: {policy: {kind: policy, file: policy.yaml}}\napps: {assistant: {guards: [policy]}}\n"
    )
    place = open_workspace(lab, [*KEEP, "privacy.redact.rules=[]"])
    ask(place, f"How long is leave for {PLANTED[0]} of {PLANTED[1]}?")
    place.close()
    assert on_disk(place.store, *PLANTED[:2]) == [PLANTED[1]], "the policy says nothing of cards"
    again = open_workspace(lab)
    assert "leave for [email] of 4111" in again.stores.traces.get("r-1").question
    again.close()


def test_pseudonyms_in_traces_can_be_turned_back(lab: Path) -> None:
    place = open_workspace(lab, [*KEEP, "privacy.redact.with=pseudonymise"])
    ask(place, f"Is {PLANTED[0]} here?")
    place.close()
    kept = open_workspace(place.root).stores.traces.get("r-1").question
    assert vault(place).reveal("default", kept.split()[1]) == PLANTED[0]
    assert on_disk(place.store, PLANTED[0]) == []


def test_a_rule_that_does_not_exist_is_told_before_anything_is_asked(lab: Path) -> None:
    with pytest.raises(ConfigError) as told:
        open_workspace(lab, ["privacy.redact.rules=[emial]"])
    assert (told.value.code, told.value.where) == ("detect.unknown_rule", "emial")


def test_an_export_redacts_what_earlier_settings_kept_and_holds_every_trace_once(lab: Path) -> None:
    place = open_workspace(lab, [*KEEP, "privacy.redact.rules=[]"])
    for number in range(3):
        ask(place, f"Is {PLANTED[0]} here?", f"r-{number}")
    place.close()
    assert on_disk(place.store, PLANTED[0])
    done = CliRunner().invoke(group, ["export", str(lab / "out.jsonl"), "-w", str(lab)])
    assert (done.exit_code, done.stdout) == (0, "3 traces\n")
    lines = [json.loads(line) for line in (lab / "out.jsonl").read_text().splitlines()]
    assert [line["trace"]["question"] for line in lines] == ["Is [email] here?"] * 3
    assert {line["trace"]["trace_id"] for line in lines} == {"r-0", "r-1", "r-2"}
