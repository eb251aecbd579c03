"""The demo's PDF and Word files are what their sources say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from assay.adapters.parsers.registry import parsers

TOOL = Path(__file__).resolve().parents[2] / "tools" / "build_demo_corpus.py"


def load() -> ModuleType:
    pytest.importorskip("fpdf", reason="fpdf2 is a development dependency")
    spec = importlib.util.spec_from_file_location("build_demo_corpus", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_building_twice_gives_the_same_bytes() -> None:
    """Dates and archive entries are fixed, so that a rebuild changes nothing."""
    tool = load()
    first = dict(tool.built())
    assert first == dict(tool.built())
    assert len(first) >= 12


def test_every_source_has_its_file_and_every_file_its_source() -> None:
    """No built document is missing or left over."""
    tool = load()
    built = {path.with_suffix("").relative_to(tool.SOURCES) for path in tool.SOURCES.rglob("*.txt")}
    committed = {path.relative_to(tool.CORPUS) for path in tool.CORPUS.rglob("*") if path.suffix in {".pdf", ".docx"}}
    assert built == committed


def test_committed_files_say_what_their_sources_say() -> None:
    """The text of each committed file is that of a fresh build; bytes may differ between versions of zlib."""
    tool = load()
    read = parsers()
    for path, data in tool.built():
        (fresh,) = read[path.suffix].parse(data, path.name)
        (kept,) = read[path.suffix].parse(path.read_bytes(), path.name)
        assert fresh.text == kept.text, path.name
