"""No command repeats, in an error, what a person wrote into a question, a case, a note, a policy text or a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assay.cli.main import main
from assay.wiring.build import create_workspace

MARK = "Quetzalmark"
TEXT = f"who is {MARK}, ann@example.org?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace, and files that are nothing of what they claim to be."""
    root = tmp_path_factory.mktemp("errors")
    config = create_workspace(root / "lab") / "assay.yaml"
    config.write_text(config.read_text().replace("embedder: minilm", "embedder: none"))
    (root / "bytes").write_bytes(MARK.encode() + b"\xff\xfe\x00")
    (root / "bad.jsonl").write_text(f'{{"id": "{MARK}" "question"\n{{"question": 7, "answers": "{TEXT}"}}\n')
    (root / "bad.yaml").write_text(f"version: 1\n{MARK}: [{TEXT}\n")
    (root / "bad.csv").write_text(f"{MARK},{TEXT}\n{TEXT}\n")
    return root


COMMANDS = [
    ("ask", TEXT, "--app", "nope"),
    ("ask", TEXT, "--as-of", "never"),
    ("ask", *TEXT.split()),
    ("search", TEXT, "--mode", "nope"),
    ("search", *TEXT.split()),
    ("golden", "import", "small", "{}/bad.jsonl"),
    ("golden", "import", "small", "{}/bytes"),
    ("golden", "import", "small", "{}/bad.csv"),
    ("policy", "test", "{}/bad.yaml", "--cases", "{}/bad.jsonl"),
    ("policy", "explain", TEXT),
    ("policy", "reveal", f"[email:{MARK}]", "--purpose", "none"),
    ("scan", "{}/bytes"),
    ("runs", "import", "{}/bad.jsonl"),
    ("forget", "--subject", TEXT),
    ("forget", "--subject-file", "{}/bytes"),
    ("privacy", "erase", TEXT),
    ("privacy", "export", TEXT, "--out", "{}/no/such.zip"),
    ("certificate", "verify", "{}/bad.jsonl"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_error_names_a_code_and_a_place_and_nothing_that_was_written(
    words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_WORKSPACE", str(folder / "lab"))
    monkeypatch.setattr(sys, "argv", ["assay", *(word.replace("{}", str(folder)) for word in words)])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert ended.value.code, told.out
    assert "[" in told.err, "a code"
    assert "internal" not in told.err
    assert MARK not in told.err
    assert "ann@example.org" not in told.err + told.out
