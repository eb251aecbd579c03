"""`assay scan` tells what a file holds by rule, place and shape, and never what it found."""

import json
from pathlib import Path

import pytest
from fpdf import FPDF
from typer.testing import CliRunner

from assay.cli.main import app
from assay.records.errors import ConfigError, InputError
from assay.wiring.scanning import look, shape

CARD, KEY = "4111 1111 1111 1111", "AKIAQ3EGRIL5DTXVN7ZK"


def run(*arguments: str, given: str | None = None) -> str:
    done = CliRunner().invoke(app, ["scan", *arguments], input=given, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_findings_are_told_with_rule_span_line_and_shape_but_without_content(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text(f"Ärger:\nPaid with {CARD},\nkey {KEY}.", encoding="utf-8")
    shown = run(str(file))
    assert "9999 9999 9999 9999" in shown
    assert "card" in shown
    assert "17-36" in shown
    assert CARD not in shown
    assert KEY not in shown
    assert "aws_access_key 1, card 1" in shown


def test_json_has_every_finding_and_counts() -> None:
    told = json.loads(run("-", "--json", "--kinds", "us_ssn,hidden", given="a\u200bb SSN 123-45-6789"))
    assert [one["rule"] for one in told["findings"]] == ["hidden.zero_width", "us_ssn"]
    assert told["findings"][1] | {"score": 0} == {
        "text": "-", "rule": "us_ssn", "version": 2, "kind": "national_id", "start": 8, "end": 19, "line": 1,
        "score": 0, "basis": "shape", "shape": "999-99-9999",
    }  # fmt: skip
    assert told["counts"] == {"hidden.zero_width": 1, "us_ssn": 1}


def test_a_text_without_findings_says_so_and_rules_are_listed() -> None:
    assert run("-", given="Nothing of the kind.") == "nothing found\n"
    listed = run("--rules")
    assert "it_fiscal_code" in listed
    assert "groups: card, iban" in listed


def test_a_pdf_is_scanned_in_its_text(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.cell(text=f"Paid with {CARD} today")
    file = tmp_path / "paid.pdf"
    pdf.output(str(file))
    assert [one.rule for one in look(str(file), ["card"])] == ["card"]


def test_bad_input_is_told_by_code(tmp_path: Path) -> None:
    odd = tmp_path / "odd.bin"
    odd.write_bytes(b"\xff\xfe\x00")
    for source, kinds, code in (
        (str(tmp_path / "none"), (), "scan.unreadable"),
        (str(odd), (), "scan.not_text"),
        (str(odd), ("shoe_size",), "detect.unknown_rule"),
    ):
        with pytest.raises((InputError, ConfigError)) as error:
            look(source, kinds)
        assert error.value.code == code


def test_a_shape_keeps_marks_and_length_and_nothing_else() -> None:
    assert shape("Ann-9@x.é\u200b漢") == "Aaa-9@a.a·a"
    assert shape("a" * 50) == "a" * 32 + "…"
