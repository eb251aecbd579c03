"""A chat endpoint that misbehaves, and a run that is interrupted twice: all end in time with a code, none is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from chat_server import ChatServer, Script, chat_server, delta, drops, hangs, rate_limited, says, sse, streams
from journey import ASSAY, assay, ok, serving

MARK = "Quetzalmark"
SENTENCE = "Every parent takes 16 weeks of paid parental leave in the first year."
BEGUN = sse(delta(f"{SENTENCE} [1] And {MARK}"), done=False)
BUDGET_S = 30
"""Far above `timeout_s: 2` and the start of a process on a busy machine, far below the minute an endpoint asks for."""

FAILURES: dict[str, tuple[Script, str]] = {
    "hangs": (hangs(), "chat.timeout"),
    "hangs in the middle": (hangs(BEGUN), "chat.timeout"),
    "sends malformed SSE": (says(200, f"data: {{{MARK}\n\n".encode(), "text/event-stream"), "chat.malformed_stream"),
    "drops mid-stream": (drops(BEGUN), "chat.dropped"),
    "ends mid-stream": (drops(BEGUN, reset=False), "chat.dropped"),
    "wants a minute's rest": (rate_limited("60"), "chat.rate_limited"),
    "refuses the key": (says(401, MARK.encode()), "chat.status"),
}


def use_chat(lab: Path, base_url: str) -> None:
    """Let the workspace's app answer with the endpoint, with short patience."""
    config = lab / "assay.yaml"
    text = config.read_text()
    model = f"{{kind: openai, base_url: '{base_url}', model: tiny, timeout_s: 2, first_token_timeout_s: 1}}"
    if "scripted:" not in text:
        text = text.replace("models:\n", f"models:\n  scripted: {model}\n").replace(
            "model: extractive", "model: scripted"
        )
        text = text.replace("threshold: calibrated", "threshold: 0")
    config.write_text(text)


@pytest.fixture
def cases(lab: Path, tmp_path: Path) -> int:
    """A golden set; how many cases it has."""
    path = tmp_path / "cases.jsonl"
    evidence = [{"doc": "handbook/leave.md", "quote": SENTENCE}]
    rows = [{"id": f"c{n}", "question": f"How long is parental leave, {MARK} {n}?", "answers": ["16 weeks"],
             "evidence": evidence, "split": "test"} for n in range(24)]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    ok("golden", "import", "cases", path, "-w", lab)
    return len(rows)


async def test_an_answer_that_fails_ends_in_time_with_its_reason(lab: Path) -> None:
    at_once = asyncio.Semaphore(3)

    async def ask(name: str, script: Script, code: str) -> None:
        async with at_once, chat_server(script) as chat:
            model = (
                f"{{kind: openai, base_url: '{chat.base_url}', model: tiny, timeout_s: 2, first_token_timeout_s: 1}}"
            )
            done = await asyncio.to_thread(
                assay, "ask", f"How long is parental leave, {MARK}?", "-w", lab, "--set", f"models.scripted={model}",
                "--set", "apps.assistant.model=scripted", "--set", "apps.assistant.abstain.threshold=0",
                timeout=BUDGET_S,
            )  # fmt: skip
        assert done.code == 70, name + done.out + done.err
        assert f"[{code}]" in done.err, name
        assert "→" in done.err, name
        assert "Traceback" not in done.out + done.err, name
        assert MARK not in done.err, name
        assert chat.requests, name

    await asyncio.gather(*(ask(name, *failure) for name, failure in FAILURES.items()))
    assert ok("trace", "list", "-w", lab).count("failed") == len(FAILURES)


async def test_a_run_counts_every_failure_by_its_reason(lab: Path, cases: int) -> None:
    answered = streams(f"{SENTENCE} [1]")
    async with chat_server(*(script for script, _ in FAILURES.values()), answered) as chat:
        use_chat(lab, chat.base_url)
        done = await asyncio.to_thread(
            assay, "eval", "assistant", "--golden", "cases", "-w", lab, "--json", "--concurrency", "1",
            "--set", "models.scripted.max_retries=0", "--set", "evaluate.retry_budget=0", timeout=4 * BUDGET_S,
        )  # fmt: skip
    assert done.code == 0, done.err
    assert MARK not in done.err
    report = json.loads(done.out)
    assert report["run"]["status"] == "complete"
    assert report["failures"] == {
        "chat.timeout": 2, "chat.dropped": 2, "chat.malformed_stream": 1, "chat.rate_limited": 1, "chat.status": 1,
    }  # fmt: skip
    correct = next(one for one in report["summaries"] if one["metric"]["name"] == "correct")
    assert correct["scored"] + sum(correct["unscored"].values()) == cases
    assert correct["unscored"] == {"failed": len(FAILURES)}
    shown = ok("runs", "show", report["run"]["run_id"], "-w", lab, "--failed")
    assert shown.count("attempts 1") == len(FAILURES)


def samples(lab: Path) -> list[tuple[str, str]]:
    """Case and content of every sample in the journal, read beside the product."""
    with sqlite3.connect(f"file:{lab / '.assay' / 'assay.db'}?mode=ro", uri=True) as store:
        return store.execute("SELECT case_id, record FROM samples ORDER BY case_id").fetchall()


def slow(seconds: float) -> Script:
    answer = streams(f"{SENTENCE} [1]")

    async def play(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await answer(writer)

    return play


async def test_a_run_interrupted_twice_keeps_every_sample_and_doubles_none(lab: Path, cases: int) -> None:
    async with chat_server(slow(0.2)) as chat:
        use_chat(lab, chat.base_url)
        kept: list[tuple[str, str]] = []
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
            ended, err = await interrupted(lab, chat, number)
            assert ended == code
            assert MARK not in err
            if number == signal.SIGINT:
                assert "run the same command again" in err
            known, kept = kept, samples(lab)
            assert len(known) < len(kept) < cases
            assert set(known) <= set(kept)
        asked = len(chat.requests)
        said = await asyncio.to_thread(ok, "eval", "assistant", "--golden", "cases", "-w", lab)
    assert "complete" in said
    assert "failed samples: none" in said
    everything = samples(lab)
    assert set(kept) <= set(everything)
    assert len({case for case, _ in everything}) == len(everything) == cases
    assert len(chat.requests) - asked == cases - len(kept), "what was journalled is not asked for again"
    assert ok("runs", "list", "-w", lab).count("cases@") == 1


async def interrupted(lab: Path, chat: ChatServer, number: signal.Signals) -> tuple[int, str]:
    """Begin the run, send the signal once some samples are in, and give exit code and errors."""
    command = [str(ASSAY), "eval", "assistant", "--golden", "cases", "-w", str(lab), "--concurrency", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    before = len(chat.requests)
    while len(chat.requests) < before + 8:
        assert process.poll() is None
        await asyncio.sleep(0.02)
    process.send_signal(number)
    _, err = await asyncio.to_thread(process.communicate, timeout=BUDGET_S)
    return process.returncode, err


async def test_a_server_reports_a_failing_endpoint_and_answers_when_it_is_back(lab: Path) -> None:
    async with chat_server(says(401, MARK.encode()), drops(BEGUN), streams(f"{SENTENCE} [1]")) as chat:
        use_chat(lab, chat.base_url)
        ok("release", "promote", ok("bundle", "assistant", "-w", lab).splitlines()[0], "-w", lab, "--override",
           "--reason", "the first")  # fmt: skip
        key = ok("key", "create", "tests", "-w", lab, "--role", "ask").splitlines()[0]
        asked = {
            "model": "assistant",
            "messages": [{"role": "user", "content": f"How long is parental leave, {MARK}?"}],
        }
        await asyncio.to_thread(ask_three_times, lab, asked, key)


def ask_three_times(lab: Path, asked: dict[str, object], key: str) -> None:
    with serving(lab) as server:
        status, refused = server.call("/v1/chat/completions", asked, key)
        assert (status, refused["error"]["code"]) == (502, "chat.status")
        _, broken = server.call("/v1/chat/completions", {**asked, "stream": True}, key, raw=True)
        assert "chat.dropped" in broken
        assert MARK not in json.dumps(refused) + broken
        status, reply = server.call("/v1/chat/completions", asked, key)
        assert status == 200
        assert "16 weeks" in reply["choices"][0]["message"]["content"]
        assert server.call("/readyz")[0] == 200
