"""The steps of the CI files are run as a runner runs them, with the hosts' API on loopback.

The gate of the GitHub workflow is the installed command. The other calls of `assay` run in this process, through a
script of that name that asks it to: each would import for two seconds of CPU otherwise.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import foreign_logs as logs
from assay.records.errors import AssayError
from assay.wiring.build import create_workspace

DEPLOY = Path(__file__).parents[2] / "deploy" / "ci"
TOKEN = "not-a-real-token"
POLICY = """
gate:
  clauses:
    - {metric: match, margin: 0.03}
"""


class Host(ThreadingHTTPServer):
    """GitHub's and GitLab's comments, as far as the script uses them."""

    comments: list[dict[str, Any]]
    seen: list[tuple[str, str]]


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def _answer(self, found: Any, status: int = 200) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self) -> None:
        if self.path == "/assay":
            return self._answer(_in_this_process(json.loads(self.rfile.read(int(self.headers["content-length"])))))
        self.server.seen.append((self.command, self.path))
        given = self.headers.get("authorization") or self.headers.get("private-token") or ""
        if TOKEN not in given:
            return self._answer({"message": "no"}, 401)
        size = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        if self.path.endswith("/user"):
            return self._answer({"id": 7})
        if self.command == "GET":
            return self._answer(self.server.comments)
        if self.command == "POST":
            made = {"id": 100 + len(self.server.comments), "user": {"type": "Bot"}, "author": {"id": 7}, **body}
            self.server.comments.append(made)
            return self._answer(made, 201)
        wanted = int(self.path.rsplit("/", 1)[1])
        (one,) = [comment for comment in self.server.comments if comment["id"] == wanted]
        one.update(body)
        return self._answer(one)

    do_GET = do_POST = do_PATCH = do_PUT = _handle

    def log_message(self, *_arguments: Any) -> None:
        return


def _in_this_process(asked: dict[str, Any]) -> dict[str, Any]:
    """Run the command line in the folder and with the workspace of the one who asks."""
    from assay.cli.main import app

    with contextlib.chdir(asked["folder"]):
        done = CliRunner().invoke(app, asked["arguments"], env={"ASSAY_WORKSPACE": asked["workspace"]})
    failure = done.exception if isinstance(done.exception, AssayError) else None
    return {"code": failure.exit_code if failure else done.exit_code, "out": done.output + str(failure or "")}


SCRIPT = """#!{python} -E
import json, os, sys, urllib.request
if sys.argv[1] == "gate" and os.environ.get("REAL_GATE"):
    os.execv("{assay}", sys.argv)
asked = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "workspace": os.environ["ASSAY_WORKSPACE"]}}
done = json.load(urllib.request.urlopen("http://127.0.0.1:{port}/assay", json.dumps(asked).encode()))
print(done["out"])
sys.exit(done["code"])
"""


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host(("127.0.0.1", 0), _Handler)
    stranger = {"user": {"type": "User"}, "author": {"id": 8}, "body": "<!-- assay report -->\n## Ship"}
    server.comments, server.seen = [{"id": 1, **stranger}], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def checkout(tmp_path: Path, host: Host) -> Path:
    """A repository with evals: a baseline, and a candidate that is clearly worse."""
    real = Path(sys.executable).parent / "assay"
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "assay"
    script.write_text(SCRIPT.format(python=sys.executable, assay=real, port=host.server_port))
    script.chmod(0o755)
    evals = create_workspace(tmp_path / "evals")
    text = re.sub(r"(?ms)^gate:.*?(?=^\S)", "", (evals / "assay.yaml").read_text())
    (evals / "assay.yaml").write_text(text + POLICY)
    shutil.copy(DEPLOY / "post_report.py", evals)
    chance = random.Random(3)
    right = [chance.random() < 0.9 for _ in range(200)]
    worse = [one and chance.random() < 0.8 for one in right]
    for name, values in (("baseline", right), ("made", worse)):
        samples = [
            logs.inspect_sample(f"q{n}", value="C" if one else "I", metadata={"document": f"d{n}"})
            for n, one in enumerate(values)
        ]
        (evals / f"{name}.eval").write_bytes(logs.inspect_eval(samples))
    (evals / "evaluate.sh").write_text('#!/bin/sh\ncp evals/made.eval "$1"\n')
    (evals / "evaluate.sh").chmod(0o755)
    return tmp_path


def run(script: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """As a runner does: a shell that stops at the first command that fails."""
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, "PATH": path, **env}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_github_workflow_posts_the_report_and_keeps_the_gates_exit_code(checkout: Path, host: Host) -> None:
    workflow = yaml.safe_load((DEPLOY / "github-actions.yml").read_text())
    steps = {step["name"]: step for step in workflow["jobs"]["gate"]["steps"] if "run" in step}
    output, summary = checkout / "output.txt", checkout / "summary.md"
    env = {
        **workflow["env"], "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_API_URL": f"http://127.0.0.1:{host.server_port}", "GITHUB_REPOSITORY": "us/app",
        "GITHUB_TOKEN": TOKEN, "PULL_REQUEST": "12", "REAL_GATE": "yes",
    }  # fmt: skip
    for name in ("Evaluate", "Read both logs", "Gate"):
        done = run(steps[name]["run"], checkout, env)
        assert done.returncode == 0, done.stderr
    assert output.read_text() == "code=1\n"
    assert "Do not ship" in summary.read_text()
    for expected in ("report posted", "report replaced"):
        done = run(steps["Post the report"]["run"], checkout, env)
        assert (done.returncode, done.stdout.strip()) == (0, expected)
        assert TOKEN not in done.stdout + done.stderr
    assert [comment["id"] for comment in host.comments] == [1, 101]
    assert host.comments[0]["body"].endswith("## Ship")  # a stranger's comment with our marker is left alone
    assert host.comments[1]["body"] == (checkout / "assay-report" / "gate.md").read_text()
    assert host.seen[-1] == ("PATCH", "/repos/us/app/issues/comments/101")
    assert run(steps["Verdict"]["run"], checkout, {**env, "CODE": "1"}).returncode == 1
    assert (checkout / "assay-report" / "gate.xml").is_file()
    assert json.loads((checkout / "assay-report" / "gate.json").read_text())["verdict"] == "do_not_ship"


def test_the_gitlab_job_posts_a_note_and_ends_with_the_gates_exit_code(checkout: Path, host: Host) -> None:
    job = yaml.safe_load((DEPLOY / "gitlab-ci.yml").read_text())["assay-gate"]
    env = {
        **job["variables"], "CI_API_V4_URL": f"http://127.0.0.1:{host.server_port}/api/v4", "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "9", "ASSAY_GITLAB_TOKEN": TOKEN,
    }  # fmt: skip
    done = run("\n".join(job["script"]), checkout, env)
    assert done.returncode == 1, done.stderr
    assert "report posted" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert host.seen[-1] == ("POST", "/api/v4/projects/5/merge_requests/9/notes")
    assert host.comments[-1]["body"].startswith("<!-- assay report -->\n## ✕ Do not ship")


def test_a_report_that_cannot_be_posted_says_why_without_the_token(tmp_path: Path, host: Host) -> None:
    (tmp_path / "gate.md").write_text("<!-- assay report -->\n## Ship\n")
    script = f"{sys.executable} {DEPLOY / 'post_report.py'} gate.md"
    env = {
        "GITHUB_API_URL": f"http://127.0.0.1:{host.server_port}", "GITHUB_REPOSITORY": "us/app", "PULL_REQUEST": "3",
        "GITHUB_TOKEN": "wrong",
    }  # fmt: skip
    done = run(script, tmp_path, env)
    assert (done.returncode, done.stderr) == (1, "not posted: the host answered 401\n")
    assert run(script, tmp_path, {**env, "GITHUB_REPOSITORY": ""}).returncode == 1
    assert run(script, tmp_path, {**env, "PULL_REQUEST": "3; rm -rf /"}).stderr == "not posted: ValueError\n"


def test_the_ci_files_ask_for_little_and_pin_what_they_run() -> None:
    text = (DEPLOY / "github-actions.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    used = re.findall(r"uses: (\S+)@(\S+)", text)
    assert used
    assert all(re.fullmatch(r"[0-9a-f]{40}", pin) for _, pin in used)
    for step in workflow["jobs"]["gate"]["steps"]:
        assert "${{" not in step.get("run", ""), "an expression in a script is code that somebody else can write"
    job = yaml.safe_load((DEPLOY / "gitlab-ci.yml").read_text())["assay-gate"]
    assert job["artifacts"]["when"] == "always"
    assert not job["image"].endswith(":latest")
