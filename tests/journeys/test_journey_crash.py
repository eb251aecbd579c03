"""A few kills of the crash benchmark, and that its eyes are open: each kind of damage is seen for what it is."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "crash.py"


@pytest.fixture(scope="module")
def crash() -> ModuleType:
    spec = importlib.util.spec_from_file_location("crash_bench", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["crash_bench"] = module
    spec.loader.exec_module(module)
    return module


def whole() -> dict[str, Any]:
    return {
        "documents": {"a": "1", "b": "2"}, "unreadable": [], "chunks": ["c1", "c2"], "indexed": ["c1", "c2"],
        "in_engine": 2, "found": ["c1"], "sources": ["file:///a", "file:///b"], "pending": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "lost", "doubled"),
    [
        ({}, False, False),
        ({"documents": {"a": "1"}}, True, False),
        ({"documents": {"a": "old", "b": "2"}}, True, False),
        ({"documents": {"a": "1", "b": "2", "c": "3"}}, False, True),
        ({"indexed": ["c1"]}, True, False),
        ({"indexed": ["c1", "c1", "c2"]}, False, True),
        ({"in_engine": 3}, False, True),
        ({"unreadable": ["a"]}, True, False),
        ({"found": []}, True, False),
    ],
)
def test_every_kind_of_damage_is_seen(crash: ModuleType, damage: dict[str, Any], lost: bool, doubled: bool) -> None:
    seen = crash.Seen()
    crash.differences({**whole(), **damage}, whole(), seen)
    assert (bool(seen.lost), bool(seen.doubled)) == (lost, doubled)


def test_sixteen_kills_lose_and_double_nothing() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH), "--points", "4", "--seed", "7"],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["kills"] == 16
    assert (figures["lost"], figures["doubled"], figures["reopen_failed"]) == (0, 0, 0), done.stdout
