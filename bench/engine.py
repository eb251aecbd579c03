"""How fast, how lean and how safe the evaluation engine is against a chat endpoint with 200 ms latency.

    python bench/engine.py [--samples 2000] [--in-flight 100] [--latency-ms 200] [--rounds 3] [--peers all|none|NAME,…]

Time and CPU are of the process that evaluates, from the call of `evaluate` to its return; its start (imports, a new
store) stands in a column of its own, and memory is the process's peak. The mock endpoint runs in a process of its own.
A floor, the least that could be called an evaluation (aiohttp, one SQLite journal, one score), is measured in the same
way in turn with it. Then the engine is killed with SIGKILL in the middle of a run, several times over, and what it had
counted is looked for in the journal. Each figure is the median of the rounds.

promptfoo, Inspect and DeepEval follow in the same run, each in an environment of its own (bench/peers), on the same
endpoint with as many in flight, one chat call and one string comparison a sample; once each, the slow ones with fewer
samples. Their start-up is left out as ours is. A peer that cannot be installed or run is named and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine_peers import PEERS
from engine_peers import measure as measure_peer

HERE = Path(__file__).resolve().parent
TRIALS = 5


@contextmanager
def clocked() -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of the block, and the CPU seconds this process had used before it."""
    before, began = _cpu_s(), time.perf_counter()
    used = {"start_cpu_s": before}
    yield used
    used |= {"wall_s": time.perf_counter() - began, "cpu_s": _cpu_s() - before}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def floor(port: int, samples: int, in_flight: int, folder: Path) -> dict[str, float]:
    """The floor: ask, compare, journal; nothing else."""
    import aiohttp

    journal = sqlite3.connect(folder / "floor.db", isolation_level=None)
    journal.execute("PRAGMA journal_mode=WAL")
    journal.execute("PRAGMA synchronous=NORMAL")
    journal.execute("CREATE TABLE samples (id INTEGER PRIMARY KEY, record TEXT)")
    body = {"model": "mock", "messages": [{"role": "user", "content": "How long is the trial?"}]}
    left = iter(range(samples))

    async def worker(session: aiohttp.ClientSession) -> None:
        for number in left:
            async with session.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as response:
                text = (await response.json())["choices"][0]["message"]["content"]
            record = json.dumps({"id": number, "text": text, "score": float("30 days" in text)})
            journal.execute("INSERT INTO samples VALUES (?, ?)", (number, record))

    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        with clocked() as used:
            await asyncio.gather(*(worker(session) for _ in range(in_flight)))
    return used


async def engine(port: int, samples: int, in_flight: int, folder: Path) -> dict[str, float]:
    """The engine over the real stack: chat system, HTTP client, all default scorers, SQL journal."""
    import aiohttp  # noqa: F401  (the client imports it with its first request; the floor has it before the clock runs)

    from assay.adapters.clocks import SystemClock
    from assay.adapters.openai_chat import OpenAIChat
    from assay.adapters.sql.database import open_database
    from assay.adapters.sql.runs import SqlRuns
    from assay.assist.direct import DirectChat
    from assay.evaluate.engine import evaluate
    from assay.evaluate.runs import new_run
    from assay.evaluate.scorers import default_scorers
    from assay.records.golden import Case, Expected, GoldenSet

    expected = Expected(answers=("30 days",), must=("30 days",), must_not=("60 days",))
    cases = tuple(Case(f"case-{n}", f"How long is trial number {n}?", expected) for n in range(samples))
    golden, scorers, clock = GoldenSet("bench", cases), default_scorers(), SystemClock()
    database = open_database(folder / "assay.db")
    chat = OpenAIChat(f"http://127.0.0.1:{port}/v1", "mock-1", max_connections=in_flight)
    system = DirectChat(chat, clock)
    run = new_run(golden, app="bench", system=system.recipe, scorers=scorers, clock=clock)
    print(json.dumps({"run": run.run_id}), flush=True)
    with clocked() as used:
        status = await evaluate(
            system, golden, scorers, SqlRuns(database), run=run, clock=clock, concurrency=in_flight,
            progress=lambda done, _total: print(done, flush=True),
        )  # fmt: skip
    await chat.aclose()
    database.close()
    assert status == "complete"
    return used


def child(which: str, port: int, samples: int, in_flight: int, folder: Path) -> None:
    """Run one subject and print what this process used."""
    used = asyncio.run((floor if which == "floor" else engine)(port, samples, in_flight, folder))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**used, "peak_mb": peak_mb}), flush=True)


def _command(which: str, port: int, given: argparse.Namespace, folder: Path) -> list[str]:
    sizes = [str(given.samples), str(given.in_flight)]
    return [sys.executable, __file__, "--child", which, str(port), *sizes, str(folder)]


def measure(which: str, port: int, given: argparse.Namespace) -> dict[str, float]:
    """One subject in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(_command(which, port, given, Path(folder)), stdout=subprocess.PIPE, check=True, text=True)
        if which == "engine":
            _check_journal(Path(folder), given.samples)
    used = json.loads(done.stdout.splitlines()[-1])
    return {
        "samples_per_s": given.samples / used["wall_s"],
        "cpu_ms_per_sample": 1000 * used["cpu_s"] / given.samples,
        "peak_mb": used["peak_mb"],
        "start_cpu_s": used["start_cpu_s"],
    }


def _kept(folder: Path) -> int:
    with sqlite3.connect(folder / "assay.db") as journal:
        return int(journal.execute("SELECT count(*) FROM samples").fetchone()[0])


def _check_journal(folder: Path, samples: int) -> None:
    """A fast run of failures would be no evidence."""
    with sqlite3.connect(folder / "assay.db") as journal:
        records = [json.loads(row[0]) for row in journal.execute("SELECT record FROM samples")]
    right = sum(record["scores"].get("correct") == 1.0 and not record["error"] for record in records)
    if right != samples:
        raise SystemExit(f"only {right} of {samples} samples were answered and scored")


def killed(port: int, given: argparse.Namespace, after_s: float) -> tuple[int, int]:
    """Kill a run with SIGKILL. Samples it had counted by then, and how many of those the journal does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        running = subprocess.Popen(
            _command("engine", port, given, Path(folder)), stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(after_s)
        os.kill(running.pid, signal.SIGKILL)
        counts = [int(line) for line in running.stdout.read().split() if line.isdigit()]
        running.wait()
        counted = counts[-1] if counts else 0
        return counted, max(0, counted - _kept(Path(folder)))


@contextmanager
def mock_chat(latency_ms: float) -> Iterator[int]:
    command = [sys.executable, str(HERE / "mock_chat.py"), "--latency-ms", str(latency_ms)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())["port"]
    finally:
        server.stdin.close()
        server.wait()


def measure_peers(names: str, port: int, given: argparse.Namespace) -> dict[str, dict[str, float | str]]:
    """Figures of the peers that could be had, by name; why of the others on stderr."""
    wanted = {peer.name for peer in PEERS} if names == "all" else set(names.split(",")) - {"none", ""}
    found: dict[str, dict[str, float | str]] = {}
    for peer in PEERS:
        if peer.name in wanted:
            samples = min(given.samples, peer.samples)
            print(f"{peer.name}: {samples} samples", file=sys.stderr)
            try:
                found[peer.name] = {**measure_peer(peer, port, samples, given.in_flight), "samples": samples}
            except OSError as error:
                print(f"{peer.name} is left out: {error}", file=sys.stderr)
    return found


def _print_peers(ours: dict[str, float], peers: dict[str, dict[str, float | str]]) -> None:
    if not peers:
        return
    print(f"{'':22}{'samples/s':>10}{'ours is':>10}{'CPU-ms/sample':>15}{'ours is':>10}{'peak MB':>9}{'samples':>9}")
    for name, row in peers.items():
        speed, cpu, peak = (float(row[key]) for key in ("samples_per_s", "cpu_ms_per_sample", "peak_mb"))
        faster, leaner = ours["samples_per_s"] / speed, cpu / ours["cpu_ms_per_sample"]
        title = f"{name} {row['version']}"
        print(f"{title:22}{speed:10.0f}{faster:9.1f}x{cpu:15.2f}{leaner:9.1f}x{peak:9.0f}{int(row['samples']):9,}")


def _print_table(rows: dict[str, dict[str, float]], ideal: float) -> None:
    print(f"{'':10}{'samples/s':>12}{'of ideal':>10}{'CPU-ms/sample':>15}{'peak MB':>9}{'start CPU-s':>13}")
    for name, row in rows.items():
        speed, cpu, peak = row["samples_per_s"], row["cpu_ms_per_sample"], row["peak_mb"]
        print(f"{name:10}{speed:12.0f}{speed / ideal:10.2f}{cpu:15.2f}{peak:9.0f}{row['start_cpu_s']:13.2f}")
    ratio = rows["engine"]["cpu_ms_per_sample"] / rows["floor"]["cpu_ms_per_sample"]
    print(f"the engine uses {ratio:.1f} times the CPU of the floor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="all", help="all, none, or names with commas")
    given = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = {"floor": [], "engine": []}
    chance = random.Random(7)
    with mock_chat(given.latency_ms) as port:
        for _ in range(given.rounds):
            for which, figures in rows.items():
                figures.append(measure(which, port, given))
        expected_s = given.samples / statistics.median(row["samples_per_s"] for row in rows["engine"])
        trials = [killed(port, given, expected_s * (0.2 + 0.6 * chance.random())) for _ in range(TRIALS)]
        peers = measure_peers(given.peers, port, given)
    medians = {
        which: {key: statistics.median(row[key] for row in figures) for key in figures[0]}
        for which, figures in rows.items()
    }
    _print_table(medians, 1000 * given.in_flight / given.latency_ms)
    _print_peers(medians["engine"], peers)
    lost = sum(missing for _, missing in trials)
    print(
        f"killed {TRIALS} times after {', '.join(str(counted) for counted, _ in trials)} counted samples: {lost} lost"
    )
    final: dict[str, Any] = {key: round(value, 3) for key, value in medians["engine"].items()}
    final |= {"lost_after_kill": lost, "killed_after": [counted for counted, _ in trials]}
    final["peers"] = {
        name: {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
        for name, row in peers.items()
    }
    for name, row in peers.items():
        final[f"times_{name}"] = round(final["samples_per_s"] / float(row["samples_per_s"]), 2)
    print(json.dumps(final))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), Path(sys.argv[6]))
    else:
        main()
