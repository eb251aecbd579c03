"""Watching: changes of files and of access lists reach a running server within seconds, and Ctrl-C ends it in order."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from journey import ASSAY, Server, ok, serving

SECONDS = 20.0
"""How long a busy machine may take; on an idle one each change takes about two."""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    ok("init", tmp_path / "lab")
    (tmp_path / "lab" / "access.csv").write_text("path,tenant,groups\n")
    config = tmp_path / "lab" / "assay.yaml"
    config.write_text(config.read_text().replace("  # csv: access.csv", "  csv: access.csv"))
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nEvery parent takes 16 weeks of leave.\n")
    return tmp_path / "lab"


@pytest.fixture
def watcher(lab: Path) -> Iterator[subprocess.Popen[str]]:
    command = [str(ASSAY), "ingest", str(lab.parent / "docs"), "-w", str(lab), "--watch", "--no-vectors", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait(10)


def found(server: Server, words: str) -> list[str]:
    status, body = server.call("/v1/search", {"query": words, "mode": "lexical"})
    assert status == 200, body
    return [hit["text"] for hit in body["data"]]


def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_a_running_server_follows_files_and_access_lists_that_are_watched(
    lab: Path, watcher: subprocess.Popen[str]
) -> None:
    docs = lab.parent / "docs"
    with serving(lab, "--open-demo") as server:
        until(lambda: found(server, "leave") == ["Every parent takes 16 weeks of leave."])
        (docs / "leave.md").write_text("# Leave\n\nEvery parent takes 20 weeks of leave.\n")
        until(lambda: found(server, "leave") == ["Every parent takes 20 weeks of leave."])
        (lab / "access.csv").write_text("path,tenant,groups\ndocs/leave.md,default,hr\n")
        until(lambda: found(server, "leave") == [])
        (lab / "access.csv").write_text("path,tenant,groups\n")
        until(lambda: found(server, "leave"))
        (docs / "leave.md").unlink()
        until(lambda: found(server, "leave") == [])
    watcher.send_signal(signal.SIGINT)
    out, err = watcher.communicate(timeout=20)
    assert watcher.returncode == 0, err
    statuses = [outcome["status"] for line in out.splitlines() for outcome in json.loads(line)["outcomes"]]
    assert [status for status in statuses if status in ("added", "deleted")] == ["added", "deleted"]


def test_a_watcher_says_what_is_wrong_once_and_goes_on_when_it_is_mended(
    lab: Path, watcher: subprocess.Popen[str]
) -> None:
    config = lab / "assay.yaml"
    good = config.read_text()
    assert watcher.stderr is not None
    assert "watching" in watcher.stderr.readline()
    assert watcher.stdout is not None
    assert '"added"' in watcher.stdout.readline()
    config.write_text(good + "\nnonsense: [\n")
    assert "assay.yaml" in watcher.stderr.readline()
    config.write_text(good)
    (lab.parent / "docs" / "more.md").write_text("# More\n\nMore text.\n")
    assert '"added"' in watcher.stdout.readline()
    watcher.send_signal(signal.SIGTERM)
    assert watcher.wait(20) == 0
