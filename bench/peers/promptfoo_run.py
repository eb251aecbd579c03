"""promptfoo on the mock endpoint: one chat call a test, asserted with `contains`. Starts its command; what the command
needs to start is measured with a single test and taken off."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from usage import cpu_s


def evaluated(command: str, port: int, samples: int, in_flight: int, folder: Path) -> tuple[float, float, int, str]:
    """Wall and CPU seconds of the whole command, tests that passed, and its version."""
    provider = {"id": "openai:chat:mock-1", "config": {"apiBaseUrl": f"http://127.0.0.1:{port}/v1", "apiKey": "none"}}
    expected = [{"type": "contains", "value": "30 days"}]
    tests = [{"vars": {"n": str(n)}, "assert": expected} for n in range(samples)]
    config = {"prompts": ["How long is trial number {{n}}?"], "providers": [provider], "tests": tests}
    (folder / "config.json").write_text(json.dumps(config))
    out = folder / "out.json"
    words = [command, "eval", "-c", "config.json", "-o", str(out), "--max-concurrency", str(in_flight), "--no-cache"]
    words += ["--no-progress-bar", "--no-table", "--no-write"]
    before, began = cpu_s(), time.perf_counter()
    subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall, cpu = time.perf_counter() - began, cpu_s() - before
    made = json.loads(out.read_text())
    version = str(made.get("metadata", {}).get("promptfooVersion", ""))
    return wall, cpu, int(made["results"]["stats"]["successes"]), version


def one_answer_s(port: int) -> float:
    """How long the endpoint takes for one answer: no part of a start."""
    message = {"model": "mock-1", "messages": [{"role": "user", "content": "How long?"}]}
    body = json.dumps(message).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body)
    began = time.perf_counter()
    urllib.request.urlopen(asked).read()
    return time.perf_counter() - began


def main(command: str, port: int, samples: int, in_flight: int, folder: Path) -> None:
    os.environ["PROMPTFOO_CONFIG_DIR"] = str(folder / "config")
    start_wall, start_cpu, _, _ = evaluated(command, port, 1, 1, folder)
    start_wall -= one_answer_s(port)
    wall, cpu, right, version = evaluated(command, port, samples, in_flight, folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    used = {"wall_s": wall - start_wall, "cpu_s": cpu - start_cpu, "start_cpu_s": start_cpu, "peak_mb": peak}
    print(json.dumps({**used, "right": right, "version": version}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
