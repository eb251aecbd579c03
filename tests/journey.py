"""What journeys share: the installed command, a small handbook in several formats, and a live server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forked_command import Forked

ASSAY = Path(sys.executable).parent / "assay"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def assay(*arguments: object, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 240) -> Done:
    """Run the command as a user does; see `forked_command` for how its packages are imported only once."""
    command, environment = [str(one) for one in arguments], {**os.environ, **(env or {})}
    if any(name.startswith("PYTHON") for name in env or {}):  # what only a new interpreter reads
        started = subprocess.run(
            [str(ASSAY), *command], capture_output=True, text=True, cwd=cwd, env=environment, timeout=timeout,
            check=False,
        )  # fmt: skip
        return Done(started.returncode, started.stdout, started.stderr)
    try:
        forked = _idle.pop()
    except IndexError:
        forked = Forked()
    done = Done(*forked.run(command, cwd, environment, timeout))
    _idle.append(forked)
    return done


_idle: list[Forked] = []
"""Processes to fork from that no thread is using."""


def ok(*arguments: object, **options: Any) -> str:
    """Run the command and expect exit code 0; what it printed comes back."""
    done = assay(*arguments, **options)
    assert done.code == 0, f"assay {' '.join(map(str, arguments))}\n{done.out}\n{done.err}"
    return done.out


NO_NETWORK = """
import socket, sys
def refuse(*a, **k): raise OSError("the network is denied in this test")
real = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX: sys.stderr.write("DENIED CONNECT\\n"); refuse()
    return real(self, address)
socket.socket.connect = connect
socket.socket.connect_ex = connect
socket.getaddrinfo = lambda *a, **k: (sys.stderr.write("DENIED LOOKUP\\n"), refuse())
from assay.cli.main import main
sys.argv = ["assay", *sys.argv[1:]]
main()
"""


def without_network(*arguments: object) -> str:
    """Run the command with every way out of the process denied, and expect that none was tried."""
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DENIED" not in done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    url: str

    def call(self, path: str, body: object = None, key: str = "", raw: bool = False) -> tuple[int, Any]:
        """POST with a body, GET without; status and decoded JSON (or text)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)
        request.add_header("Content-Type", "application/json")
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                text, status = reply.read().decode(), reply.status
        except urllib.error.HTTPError as error:
            text, status = error.read().decode(), error.code
        return status, text if raw else json.loads(text)


@contextmanager
def serving(lab: Path, *arguments: object) -> Iterator[Server]:
    """`assay serve` on a free port until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [str(ASSAY), "serve", "-w", str(lab), "--port", str(port), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: server.call("/readyz")[0] == 200, process)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, process.stdout.read() if process.stdout else "the server ended"
        try:
            if true():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError


HANDBOOK = {
    "leave.md": "# Leave\n\n## Parental leave\n\n"
    "Every parent takes 16 weeks of paid parental leave in the first year.\n\n"
    "## Moving house\n\nYou get one day off when you move house.\n",
    "expenses.html": "<html><head><title>Expenses</title></head><body><h1>Expenses</h1><p>The daily meal allowance is "
    "45 euros in Germany.</p><script>alert(1)</script></body></html>",
    "hr/salary.md": "---\ngroups: [hr]\n---\n# Salary bands\n\nThe band of a senior engineer starts at 91,000 euros.\n",
    "tools.txt": "Ticket tool\n\nRequests for new laptops go through the ticket tool named Foxglove.\n",
    "faq.jsonl": '{"id": "faq-vpn", "title": "VPN", "text": "The VPN disconnects idle sessions after 12 hours."}\n',
}
