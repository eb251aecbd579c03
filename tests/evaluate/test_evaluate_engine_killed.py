"""What the engine has counted survives kill -9, and the run goes on where it was."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from evaluation_examples import FakeSystem, golden

from assay.adapters.clocks import FakeClock, SystemClock
from assay.adapters.sql.database import open_database
from assay.adapters.sql.runs import SqlRuns
from assay.evaluate.engine import evaluate
from assay.evaluate.runs import new_run
from assay.evaluate.scorers import scorer
from assay.records.evaluation import Run, RunStatus
from assay.records.golden import GoldenSet

SCORERS = (scorer("correct"),)
CASES = 300


def specified() -> tuple[GoldenSet, Run]:
    cases = golden(count=CASES)
    run = new_run(cases, app="helpdesk", system="fake.v1", scorers=SCORERS, clock=FakeClock())
    return cases, replace(run, run_id="killed")


def go(path: Path, delay_s: float, report: bool) -> RunStatus:
    cases, run = specified()
    database = open_database(path)
    try:
        return asyncio.run(
            evaluate(
                FakeSystem(delay_s=delay_s), cases, SCORERS, SqlRuns(database), run=run, clock=SystemClock(),
                concurrency=10, progress=lambda done, _total: print(done, flush=True) if report else None,
            )
        )  # fmt: skip
    finally:
        database.close()


def killed_after(path: Path, count: int) -> int:
    """Run in a process of its own until it has counted so many samples, then kill it. What it said at last."""
    command = [sys.executable, __file__, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        said = 0
        while said < count:
            said = int(running.stdout.readline())
        running.send_signal(signal.SIGKILL)
        return max(said, *(int(line) for line in running.stdout.read().splitlines(True) if line.endswith("\n")), 0)


def test_a_run_that_was_killed_twice_has_all_it_counted_and_ends_with_every_sample_once(tmp_path: Path) -> None:
    path = tmp_path / "assay.db"
    for count in (40, 120):
        said = killed_after(path, count)
        database = open_database(path)
        store = SqlRuns(database)
        assert count <= said <= len(store.done("killed")) < CASES
        assert store.run("killed").status is RunStatus.RUNNING
        database.close()
    assert go(path, 0.0, report=False) is RunStatus.COMPLETE
    database = open_database(path)
    kept = Counter(sample.case_id for sample in SqlRuns(database).samples("killed"))
    assert kept == {f"c-{number}": 1 for number in range(CASES)}
    database.close()


if __name__ == "__main__":
    go(Path(sys.argv[1]), 0.02, report=True)
