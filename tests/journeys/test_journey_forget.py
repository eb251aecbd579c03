"""`assay forget` with the installed command: a plan first, a certificate after, and a live server that says no more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from journey import ASSAY, assay, ok, serving

DOC = "handbook/tools.txt"
TEXT = b"Foxglove"


def files_with(store: Path, text: bytes) -> list[str]:
    return [str(path.relative_to(store)) for path in store.rglob("*") if path.is_file() and text in path.read_bytes()]


@pytest.fixture
def golden(lab: Path, tmp_path: Path) -> None:
    case = {"id": "laptop", "question": "Where do requests for a new laptop go?", "answers": ["Foxglove"],
            "evidence": [{"doc": DOC, "quote": "through the ticket tool named Foxglove"}]}  # fmt: skip
    path = tmp_path / "golden.jsonl"
    path.write_text(json.dumps(case))
    ok("golden", "import", "small", path, "-w", lab)


def test_the_plan_comes_first_and_nothing_happens_without_a_yes(lab: Path) -> None:
    shown = assay("forget", "--document", DOC, "-w", lab)
    assert shown.code == 64
    assert "1 documents" in shown.out
    assert "forget.not_confirmed" in shown.err
    assert files_with(lab / ".assay", TEXT)


def test_a_document_is_forgotten_certified_and_stays_away(
    lab: Path, handbook: Path, golden: None, tmp_path: Path
) -> None:
    ok("ask", "Where do requests for a new laptop go?", "-w", lab, "--set", "apps.assistant.abstain.threshold=0")
    said = ok("forget", "--document", DOC, "-w", lab, "--yes", "--out", tmp_path / "proof.json")
    assert "nothing remains" in said
    assert "small@" in said, "the golden set that needs attention is named"
    assert files_with(lab / ".assay", TEXT) == []
    assert "the signature holds" in ok("certificate", "verify", tmp_path / "proof.json", "-w", lab)
    assert TEXT.decode() not in (tmp_path / "proof.json").read_text()
    assert "ingest.forgotten" in ok("ingest", handbook, "-w", lab)
    assert "Foxglove" not in ok("search", "laptop ticket tool", "-w", lab)
    ok("forget", "--allow", DOC, "-w", lab)
    ok("ingest", handbook, "-w", lab)
    assert "Foxglove" in ok("search", "laptop ticket tool", "-w", lab)


def test_a_person_is_named_in_a_file_so_that_no_shell_history_keeps_the_name(lab: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("  fOXGLOVE \n")
    done = assay("forget", "--subject-file", names, "-w", lab, "--yes", "--json")
    assert done.code == 0, done.err
    assert "oxglove" not in (done.out + done.err).lower()
    assert json.loads(done.out)["certificate"]["passed"] is True
    assert files_with(lab / ".assay", TEXT) == []


BAD: list[tuple[tuple[str, ...], str]] = [
    ((), "forget.what"),
    (("--document", DOC, "--resume"), "forget.what"),
    (("--document", "no/such"), "forget.no_document"),
    (("--source", "/no/such"), "forget.no_source"),
    (("--subject", "x"), "forget.subject_too_short"),
    (("--subject", "Nobody Known Here"), "forget.nothing_found"),
    (("--subject-file", "/no/such"), "forget.subject_file"),
    (("--allow", DOC), "forget.not_forgotten"),
]


def test_bad_input_is_told_by_its_code_and_never_repeats_a_subject(lab: Path) -> None:
    for arguments, code in BAD:
        done = assay("forget", *arguments, "-w", lab)
        assert (done.code, code in done.err) == (64, True), (arguments, done.err)
        assert "Nobody Known" not in done.out + done.err


def test_a_running_server_says_nothing_of_it_any_more(lab: Path) -> None:
    bundle = ok("bundle", "assistant", "-w", lab, "--set", "apps.assistant.abstain.threshold=0").splitlines()[0]
    ok("release", "promote", bundle, "-w", lab, "--override", "--reason", "first")
    key = ok("key", "create", "tests", "-w", lab, "--role", "ask", "--role", "operate").splitlines()[0]
    question = {"messages": [{"role": "user", "content": "Where do requests for new laptops go?"}]}
    with serving(lab) as server:
        assert "Foxglove" in json.dumps(server.call("/v1/chat/completions", question, key))
        ends = time.monotonic() + 10
        while not server.call("/v1/traces", None, key)[1]["data"]:  # it is written behind the answer
            assert time.monotonic() < ends
            time.sleep(0.05)
        said = ok("forget", "--document", DOC, "-w", lab, "--yes")
        assert "nothing remains" in said
        assert "live: assistant" in said
        for path, body in (
            ("/v1/chat/completions", question),
            ("/v1/search", {"query": "new laptops ticket tool"}),
            ("/v1/traces", None),
            (f"/documents/{DOC}", None),
        ):
            assert "Foxglove" not in json.dumps(server.call(path, body, key, raw=True))
        other = {"messages": [{"role": "user", "content": "How many weeks of paid parental leave are there?"}]}
        assert "16 weeks" in json.dumps(server.call("/v1/chat/completions", other, key))
    with serving(lab) as server:
        reply = server.call("/v1/chat/completions", other, key)[1]
        assert reply["assay"]["bundle_id"] == bundle, "a restart brings the live bundle up, on the snapshot without it"
        assert "16 weeks" in json.dumps(reply)


def test_an_erasure_that_is_killed_is_finished_by_the_next_write(lab: Path, handbook: Path) -> None:
    command = [str(ASSAY), "forget", "--document", DOC, "-w", str(lab), "--yes"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "removing …\n"
    time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    ok("ingest", handbook, "-w", lab)
    assert files_with(lab / ".assay", TEXT) == []
    assert "done" in ok("forget", "--list", "-w", lab)
    assert "nothing was left unfinished" in ok("forget", "--resume", "-w", lab)
