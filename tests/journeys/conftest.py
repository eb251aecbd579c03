"""Workspaces that journeys start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from journey import HANDBOOK, ok, without_network


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    folder = tmp_path / "handbook"
    for name, text in HANDBOOK.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def lab(tmp_path: Path, handbook: Path) -> Path:
    """A workspace with the small handbook, searched by words only so that journeys stay quick."""
    folder = tmp_path / "lab"
    ok("init", folder)
    config = folder / "assay.yaml"
    config.write_text(config.read_text().replace("embedder: minilm", "embedder: none"))
    ok("ingest", handbook, "-w", folder)
    return folder


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo lab, built once for all tests with the network denied, and what building it printed."""
    folder = tmp_path_factory.mktemp("demo") / "lab"
    return folder, without_network("demo", "--no-serve", folder)
