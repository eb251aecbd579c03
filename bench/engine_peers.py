"""The peers of the engine benchmark, each in an environment of its own under bench/.cache/peers, telemetry off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent / "peers"
CACHE = HERE.parent / ".cache" / "peers"
QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1", "DEEPEVAL_UPDATE_WARNING_OPT_OUT": "1", "DEEPEVAL_NO_INSPECT_PROMPT": "1",
    "ERROR_REPORTING": "0", "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1", "PROMPTFOO_DISABLE_SHARING": "1", "PROMPTFOO_SELF_HOSTED": "1",
    "DO_NOT_TRACK": "1", "OPENAI_API_KEY": "none",
}  # fmt: skip
"""Nobody calls home from here, and nobody finds a real key."""
LONGEST_S = 900
PER_SAMPLE_S = 0.2
"""A peer that needs longer than this for a sample, start-up left aside, is stopped and said to have been."""


@dataclass(frozen=True)
class Peer:
    """`packages` are what its environment is made of; `samples` at most so many, because it is slow."""

    name: str
    packages: tuple[str, ...]
    script: str
    samples: int = 2000
    node: bool = False


PEERS = (
    Peer("promptfoo", ("promptfoo",), "promptfoo_run.py", node=True),
    Peer("inspect_ai", ("inspect-ai", "openai"), "inspect_run.py", 1000),
    Peer("deepeval", ("deepeval", "openai"), "deepeval_run.py", 1000),
)


def command(peer: Peer) -> list[str]:
    """How its script is started; the environment is made when it is not there. Raises OSError with what is missing."""
    folder = CACHE / peer.name
    if peer.node:
        program = folder / "node_modules" / ".bin" / peer.name
        if not program.exists():
            _make_node(peer, folder)
        return [sys.executable, str(HERE / peer.script), str(program)]
    python = folder / "bin" / "python"
    done = folder / "made"
    if not done.exists():
        print(f"making an environment for {peer.name} (minutes, once)", file=sys.stderr)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", *peer.packages])
        done.touch()
    return [str(python), str(HERE / peer.script)]


def _make_node(peer: Peer, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is not installed")
    print(f"making an environment for {peer.name} (minutes, once)", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    _run([npm, "install", "--no-audit", "--no-fund", "--silent", *peer.packages], folder)


def _run(words: list[str], cwd: Path | None = None) -> None:
    try:
        subprocess.run(
            words, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LONGEST_S
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"{Path(words[0]).name} could not install it ({type(error).__name__})") from None


def measure(peer: Peer, port: int, samples: int, in_flight: int) -> dict[str, float | str]:
    """What it used for `samples` samples. Raises OSError when it cannot be had, or did not do the work."""
    words = command(peer)
    with tempfile.TemporaryDirectory() as folder:
        sizes = [str(port), str(samples), str(in_flight), folder]
        environment = {**os.environ, **QUIET, "HOME": folder, "INSPECT_LOG_DIR": folder}
        try:
            done = subprocess.run(
                [*words, *sizes], cwd=folder, env=environment, capture_output=True, text=True,
                timeout=60 + PER_SAMPLE_S * samples, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise OSError(f"it did not end in {60 + PER_SAMPLE_S * samples:.0f} s") from None
    try:
        used = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise OSError(f"it ended with {done.returncode}: {last[0][:200]}") from None
    if used["right"] != samples:
        raise OSError(f"only {used['right']} of {samples} samples were answered and scored")
    return {
        "samples_per_s": samples / used["wall_s"], "cpu_ms_per_sample": 1000 * used["cpu_s"] / samples,
        "peak_mb": used["peak_mb"], "start_cpu_s": used["start_cpu_s"], "version": used["version"],
    }  # fmt: skip
