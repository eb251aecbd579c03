"""A newcomer's way from documents to a released bundle, with the installed command and the live server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from journey import assay, ok, serving

CASES = [
    {"id": "leave", "question": "How many weeks of parental leave do I get?", "answers": ["16 weeks"],
     "evidence": [{"doc": "handbook/leave.md", "quote": "Every parent takes 16 weeks of paid parental leave"}]},
    {"id": "meal", "question": "What is the meal allowance in Germany?", "answers": ["45 euros"],
     "evidence": [{"doc": "handbook/expenses.html", "quote": "The daily meal allowance is 45 euros in Germany."}]},
    {"id": "vpn", "question": "When does the VPN disconnect idle sessions?", "answers": ["12 hours"],
     "evidence": [{"doc": "faq-vpn", "quote": "The VPN disconnects idle sessions after 12 hours."}]},
    {"id": "laptop", "question": "Where do requests for a new laptop go?", "answers": ["Foxglove"],
     "evidence": [{"doc": "handbook/tools.txt", "quote": "through the ticket tool named Foxglove"}]},
    {"id": "zebra", "question": "Which striped animal won the office chess cup?", "answerable": False},
]  # fmt: skip


@pytest.fixture
def golden(lab: Path, tmp_path: Path) -> Path:
    path = tmp_path / "golden.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in CASES))
    ok("golden", "import", "small", path, "-w", lab)
    return path


def bundle(lab: Path, *change: str) -> str:
    settings = [part for one in change for part in ("--set", one)]
    return ok("bundle", "assistant", "-w", lab, *settings).splitlines()[0]


def test_documents_of_every_kind_are_found_and_answered_with_their_source(lab: Path) -> None:
    assert "handbook/leave.md" in ok("search", "parental leave", "-w", lab)
    said = ok("ask", "How many weeks of parental leave do I get?", "-w", lab, "--set",
              "apps.assistant.abstain.threshold=0")  # fmt: skip
    assert "16 weeks" in said
    assert "handbook/leave.md" in said
    assert "[1]" in said
    assert ok("trace", "list", "-w", lab).count("answered") == 1


def test_a_group_sees_what_others_do_not(lab: Path) -> None:
    question = ("search", "salary band of a senior engineer", "-w", lab)
    assert "91,000" not in ok(*question)
    assert "91,000" in ok(*question, "--group", "hr")


def test_running_ingest_again_touches_only_what_changed_and_removal_is_complete(lab: Path, handbook: Path) -> None:
    assert "5 unchanged" in ok("ingest", handbook, "-w", lab)
    (handbook / "tools.txt").write_text("Requests for new laptops go through the ticket tool named Larkspur.\n")
    (handbook / "leave.md").unlink()
    said = ok("ingest", handbook, "-w", lab)
    assert "1 changed" in said
    assert "1 deleted" in said
    assert "Larkspur" in ok("search", "laptop ticket tool", "-w", lab)
    assert "16 weeks" not in ok("search", "parental leave weeks", "-w", lab)


def test_a_worse_bundle_is_stopped_and_a_release_needs_a_record(lab: Path, golden: Path) -> None:
    good = bundle(lab, "apps.assistant.abstain.threshold=0.1")
    again = bundle(lab, "apps.assistant.abstain.threshold=0.1")
    assert good == again, "the same content has the same id"
    mute = bundle(lab, "apps.assistant.abstain.threshold=1.01")
    refused = assay("release", "promote", good, "-w", lab)
    assert (refused.code, "release.no_passing_record" in refused.err) == (1, True)
    assert assay("release", "promote", good, "-w", lab, "--override").code != 0, "an override needs a reason"
    ok("release", "promote", good, "-w", lab, "--override", "--reason", "first release")
    judged = assay("gate", mute, "--against", "live", "--golden", "small", "-w", lab)
    assert judged.code in (1, 2), judged.out + judged.err
    assert assay("release", "promote", mute, "-w", lab).code == 1
    assert "first release" in ok("release", "history", "-w", lab)
    compared = ok("compare", good[:12], mute[:12], "-w", lab)
    report = Path(compared.rsplit("report: ", 1)[1].strip())
    html = report.read_text()
    assert "<script" not in html
    assert "parental leave" in html


def test_comparing_what_cannot_be_compared_is_exit_code_three(lab: Path, golden: Path) -> None:
    one, other = bundle(lab), bundle(lab, "apps.assistant.retrieve.passages=2")
    assert assay("gate", one, "--against", other, "-w", lab).code == 3


def test_evaluation_reports_every_metric_and_check_finds_nothing_wrong(lab: Path, golden: Path) -> None:
    said = ok("eval", "assistant", "--golden", "small", "-w", lab, "--set", "apps.assistant.abstain.threshold=0.1")
    for metric in ("recall@", "nDCG@10", "MRR", "groundedness", "citation_precision", "abstention_right", "latency_ms"):
        assert metric in said
    assert "NaN" not in said
    assert "nan" not in said.lower().replace("tenant", "")
    assert assay("golden", "check", "small", "-w", lab).code == 0
    assert "5" in ok("golden", "show", "small", "-w", lab)
    calibrated = ok("calibrate", "assistant", "--golden", "small", "--split", "test", "-w", lab)
    assert "interval" in calibrated


def test_the_server_answers_on_the_openai_wire_and_takes_up_a_promotion(lab: Path, golden: Path) -> None:
    frank = bundle(lab, "apps.assistant.abstain.threshold=0")
    mute = bundle(lab, "apps.assistant.abstain.threshold=1.01")
    ok("release", "promote", frank, "-w", lab, "--override", "--reason", "first")
    key = ok("key", "create", "tests", "-w", lab, "--role", "ask", "--role", "operate").splitlines()[0]
    question = {"model": "assistant", "messages": [{"role": "user", "content": "How long is parental leave?"}]}
    with serving(lab) as server:
        assert server.call("/v1/chat/completions", question)[0] == 401
        status, reply = server.call("/v1/chat/completions", question, key)
        assert status == 200
        message = reply["choices"][0]["message"]
        assert "16 weeks" in message["content"]
        assert "[1]" in message["content"]
        assert message["annotations"]
        assert reply["assay"]["bundle_id"] == frank
        _, streamed = server.call("/v1/chat/completions", {**question, "stream": True}, key, raw=True)
        assert streamed.rstrip().endswith("data: [DONE]")
        ok("release", "promote", mute, "-w", lab, "--override", "--reason", "to roll back from")
        assert seconds_until(lambda: live_bundle(server, question, key) == mute) < 3
        ok("release", "rollback", "-w", lab, "--reason", "it says nothing")
        assert seconds_until(lambda: live_bundle(server, question, key) == frank) < 3
        trace_id = reply["assay"]["trace_id"]
        assert server.call("/v1/feedback", {"trace_id": trace_id, "rating": "up"}, key)[0] in (200, 201)
        assert seconds_until(lambda: server.call(f"/v1/traces/{trace_id}", key=key)[0] == 200) < 5
        assert server.call("/v1/search", {"query": "parental leave"}, key)[0] == 200
    assert "up" in ok("trace", "show", trace_id, "-w", lab)


def live_bundle(server, question: dict[str, object], key: str) -> str:  # type: ignore[no-untyped-def]
    return str(server.call("/v1/chat/completions", question, key)[1]["assay"]["bundle_id"])


def seconds_until(true, limit: float = 10) -> float:  # type: ignore[no-untyped-def]
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < limit
        time.sleep(0.05)
    return time.monotonic() - begun
