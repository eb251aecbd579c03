"""Install size, CPU of `assay --help`, time to the first page, memory of an idle server.

The floor in the same run is a bare `python -c pass` and the same interpreter's size.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from assay.wiring.build import open_workspace

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def installed_mb() -> float:
    """A fresh virtual environment from the base lock, without pip and setuptools, in MB (10^6 bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        venv = Path(folder) / "venv"
        print("installing the base lock into a fresh environment …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")], check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True)
        torch = subprocess.run([str(venv / "bin/python"), "-c", "import torch"], capture_output=True, check=False)
        assert torch.returncode != 0, "torch must not be in the base install"
        site = next((venv / "lib").glob("python*/site-packages"))
        for name in ("pip", "setuptools", "pkg_resources", "_distutils_hack"):
            for path in site.glob(f"{name}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return sum(p.stat().st_size for p in venv.rglob("*") if p.is_file() and not p.is_symlink()) / 1e6


def cpu_seconds(command: list[str], runs: int = 7) -> float:
    """Median user + system seconds of a command."""
    spent = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(spent)


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("no VmRSS")


def assay(lab: Path, *words: str) -> str:
    done = subprocess.run([BIN / "assay", *words, "-w", lab], check=True, capture_output=True, text=True)
    return done.stdout.split()[0]


def live_bundle(port: int) -> str:
    """The bundle that answers a question now."""
    question = {"messages": [{"role": "user", "content": "What is the upload limit?"}]}
    ask = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(question).encode())
    with urllib.request.urlopen(ask, timeout=30) as reply:
        return str(json.load(reply)["assay"]["bundle_id"])


def seconds_to_take_up(lab: Path, port: int, bundle: str, *words: str) -> float:
    """Seconds from the moment that the pointer's own record gives to the first answer of `bundle`.

    The server is asked all the while: the command itself takes longer to end than the server to notice.
    """
    command = subprocess.Popen([BIN / "assay", "release", *words, "-w", lab], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while live_bundle(port) != bundle:
        assert time.monotonic() < end, "the server did not take it up within a minute"
        time.sleep(0.01)
    answered = datetime.now(UTC)
    assert command.wait() == 0
    place = open_workspace(lab)
    moved = place.stores.releases.history("assistant")[0]
    place.close()
    assert moved.bundle_id == bundle
    return (answered - datetime.fromisoformat(moved.at)).total_seconds()


def switching(lab: Path, port: int) -> tuple[float, float]:
    """Seconds until a promotion, of a bundle the server has never seen, and a rollback are taken up."""
    first, second = assay(lab, "bundle", "assistant"), assay(lab, "bundle", "assistant", "--set",
                                                             "apps.assistant.retrieve.passages=4")  # fmt: skip
    override = ("--override", "--reason", "benchmark")
    seconds_to_take_up(lab, port, first, "promote", first, *override)
    promoted = seconds_to_take_up(lab, port, second, "promote", second, *override)
    return promoted, seconds_to_take_up(lab, port, first, "rollback", "--reason", "benchmark")


def server() -> tuple[float, float, float, float, float]:
    """Seconds from starting `assay serve` to the first page; resident MB when idle after it, and after an answer, which
    loads the embedding model; seconds until a promotion and a rollback are taken up."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Path(folder) / "lab"
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([BIN / "assay", "init", lab], check=True, stdout=subprocess.DEVNULL)
        (lab / "docs").mkdir()
        (lab / "docs/limits.md").write_text("# Limits\n\nThe upload limit is 40 MB per file.\n")
        subprocess.run([BIN / "assay", "ingest", lab / "docs", "-w", lab, "--wait"], check=True, env=env,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        port = 8399
        begun = time.monotonic()
        process = subprocess.Popen([BIN / "assay", "serve", "-w", lab, "--port", str(port), "--open-demo"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            page = wait_for(f"http://127.0.0.1:{port}/", begun)
            time.sleep(10)
            idle = resident_mb(process.pid)
            live_bundle(port)
            time.sleep(10)
            return page, idle, resident_mb(process.pid), *switching(lab, port)
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str, begun: float) -> float:
    while time.monotonic() - begun < 60:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                reply.read()
                return time.monotonic() - begun
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(url)


def main() -> None:
    floor = cpu_seconds([sys.executable, "-c", "pass"])
    help_cpu = cpu_seconds([str(BIN / "assay"), "--help"])
    import_cpu = cpu_seconds([sys.executable, "-c", "import assay"])
    first_page, idle, answered, promoted, rolled_back = server()
    install = installed_mb()
    rows = [
        ("install MB", install, 400),
        ("assay --help CPU s", help_cpu, 0.3),
        ("import assay CPU s", import_cpu, 0.3),
        ("python -c pass CPU s (floor)", floor, 0),
        ("first page s", first_page, 3),
        ("idle server MB", idle, 250),
        ("idle server MB after an answer", answered, 250),
        ("promotion taken up s", promoted, 1),
        ("rollback taken up s", rolled_back, 1),
    ]
    print(f"\n{'what':32}{'measured':>10}{'limit':>8}{'ratio':>8}")
    for name, value, limit in rows:
        print(f"{name:32}{value:10.3f}{limit:8g}{(f'{value / limit:.2f}' if limit else ''):>8}")
    print(f"`assay --help` is {help_cpu / floor:.1f} times a bare interpreter")
    figures = {
        "install_mb": install,
        "help_cpu_s": help_cpu,
        "import_cpu_s": import_cpu,
        "first_page_s": first_page,
        "idle_mb": idle,
        "idle_after_answer_mb": answered,
        "promotion_s": promoted,
        "rollback_s": rolled_back,
    }
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
