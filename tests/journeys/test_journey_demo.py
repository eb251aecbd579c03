"""The demo lab: built without a network, it proves one change safe and stops another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from journey import ok, serving

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


def test_the_demo_ships_the_safe_change_and_stops_the_planted_regression(demo: tuple[Path, str]) -> None:
    folder, said = demo
    verdicts = [line.split()[0] for line in said.splitlines() if "compare-" in line]
    assert verdicts == ["ship", "do_not_ship"]
    assert "interval" in said
    assert "demo" in (folder / "assay.yaml").read_text().lower()


def test_the_demo_can_be_built_again_over_itself(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    assert "do_not_ship" in ok("demo", "--no-serve", folder)


def test_nothing_reaches_for_the_network(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    for arguments in (["ask", "How many API requests per minute may I send?", "--tenant", "halvard", "-w", str(folder)],
                      ["search", "limits", "-w", str(folder)], ["demo", "--no-serve", str(folder)]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", NO_NETWORK, *arguments], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "DENIED" not in done.stderr


def test_the_demo_answers_in_the_browsers_home_page_without_a_key(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    with serving(folder, "--open-demo") as server:
        status, page = server.call("/", raw=True)
        assert status == 200
        assert "demo" in page.lower()
