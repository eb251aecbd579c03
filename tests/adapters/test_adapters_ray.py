"""Batch work on a real Ray cluster of two workers on this machine, with a worker killed in the middle of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import ray_story

pytest.importorskip("ray", reason="the extra `ray` is not installed")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The cluster takes half a minute to come and go: one story for all tests."""
    folder = tmp_path_factory.mktemp("ray")
    command = [sys.executable, ray_story.__file__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=420, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_a_workspace_built_on_the_cluster_is_the_one_built_here(told: dict[str, Any]) -> None:
    """A worker died after 20 of 120 files: documents, chunks, index and outcomes are the same, nothing lost or
    doubled, every chunk has its vector."""
    assert told["different"] == {}
    assert told["documents"] == 120
    assert told["vectors"] == [120, 120]


def test_an_evaluation_outlives_a_worker(told: dict[str, Any]) -> None:
    """Every case has one sample, and all are right, although a worker died half a second in."""
    assert told["evaluated"] == {"samples": 60, "distinct": 60, "right": 60.0}


def test_vectors_made_on_the_cluster_are_the_same(told: dict[str, Any]) -> None:
    """Divided over workers and put together again in order."""
    assert told["same_vectors"] is True


def test_a_file_that_kills_every_worker_ends_as_a_failure(told: dict[str, Any]) -> None:
    """After a few deaths it is told, and the others go on."""
    assert told["poison"] == "ingest.parser_died"


def test_a_cluster_that_is_not_there_is_told() -> None:
    """One code and what to check, without a long wait or a trace of Ray's own."""
    script = (
        "from assay.adapters.ray_batch import RayCluster\nfrom assay.records.errors import AssayError\n"
        "try:\n    RayCluster('127.0.0.1:9').cpus\nexcept AssayError as error:\n    print(error.code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "batch.unreachable"
