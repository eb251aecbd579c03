"""The installed command, run in a fork of a process that has imported it already: a second less for each call.

A journey makes dozens of calls. Each still is a process of its own with its own arguments, folder, environment and exit
code; only the import of the packages and the model of languages are shared. What starting costs and imports is tested
with the command itself.
Run as a program this file is the process that forks: a line of JSON in, a line of JSON out.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

_OPTIONAL = ("ray", "lance", "qdrant", "opensearch", "pgvector", "s3", "minilm", "onnx", "pytest")


class Forked:
    """A process to fork from. `run` gives exit code, output and errors. Raises TimeoutError."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._owner = os.getpid()
        atexit.register(self.close)

    def run(self, arguments: list[str], cwd: Path | None, env: dict[str, str], timeout: float) -> tuple[int, str, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            asked = {
                "arguments": arguments,
                "cwd": str(cwd or Path.cwd()),
                "env": env,
                "timeout": timeout,
                "to": folder,
            }
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            code = json.loads(self._process.stdout.readline())
            said = [(Path(folder) / name).read_bytes().decode() for name in ("out", "err")]
        if code is None:
            raise TimeoutError(f"assay {' '.join(arguments)}\n{said[0]}\n{said[1]}")
        return code, said[0], said[1]

    def close(self) -> None:
        if self._owner == os.getpid() and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _become_the_command(asked: dict[str, Any]) -> NoReturn:
    """In the child: everything as if it had been started with these arguments."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(os.path.join(asked["to"], name), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["assay", *asked["arguments"]]
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    from assay.cli.main import main

    main()
    sys.exit(0)


def _waited(child: int, timeout: float) -> int | None:
    """The exit code, as `subprocess` tells it; None when the child had to be killed."""
    ends = time.monotonic() + timeout
    pause = 0.001
    while time.monotonic() < ends:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _import_everything() -> None:
    import assay.cli
    import assay.retrieve
    import assay.wiring
    from assay.adapters.language import Py3LangId

    Py3LangId().identify("The model is loaded with the first text of some length.")
    packages = (assay.cli, assay.wiring, assay.retrieve)
    found = [one.name for package in packages for one in pkgutil.iter_modules(package.__path__, package.__name__ + ".")]
    others = ["assay.adapters.sql.stores", "assay.adapters.embedded_index.index", "assay.adapters.openai_chat"]
    others += ["tantivy", "yaml", "markdown_it", "selectolax.lexbor", "multiprocessing.context"]
    for name in (*found, *others):
        if not any(word in name for word in _OPTIONAL):
            with contextlib.suppress(Exception):  # what cannot be imported fails in the command that needs it
                importlib.import_module(name)


def main() -> None:
    _import_everything()
    gc.collect()
    gc.freeze()  # a child neither looks through what was imported nor takes it apart when it ends: .4 s for each call
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become_the_command(asked)
        print(json.dumps(_waited(child, asked["timeout"])), flush=True)


if __name__ == "__main__":
    main()
