"""The proof of privacy passes when nothing is kept, goes red when redaction or erasure is broken, and is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.privacy import group
from assay.records.safety import Standing
from assay.wiring import privacy_keys, privacy_proving, privacy_redacting, safety_store
from assay.wiring.build import create_workspace, open_workspace


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, and a proof with few examples, so that it is quick."""
    create_workspace(tmp_path / "lab")
    config = tmp_path / "lab" / "assay.yaml"
    config.write_text(config.read_text().replace("embedder: minilm", "embedder: none"))
    monkeypatch.setattr(privacy_proving, "RULES", [r for r in privacy_proving.RULES if r.rule_id in ("card", "email")])
    return tmp_path / "lab"


def standings(root: Path) -> dict[str, tuple[Standing, bool]]:
    place = open_workspace(root)
    subject, _ = safety_store.subject_of(place, "")
    found = safety_store.measurements(place, subject)
    place.close()
    return {one.check: (one.standing, one.n > 2) for one in found}


def test_the_command_records_that_nothing_was_found(lab: Path) -> None:
    done = CliRunner().invoke(group, ["prove", "-w", str(lab)])
    assert done.exit_code == 0, done.output
    assert standings(lab) == {
        "privacy.values_on_disk": (Standing.PASSED, True),
        "privacy.erased_found": (Standing.PASSED, True),
    }
    assert not (lab / ".assay" / "drill").exists()


def test_the_proof_is_red_when_redaction_and_the_vault_are_switched_off(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy_redacting.Redactor, "__call__", lambda _self, text, _tenant="": text)
    monkeypatch.setattr(privacy_keys, "marked_values", lambda _held, _marks: {})
    done = CliRunner().invoke(group, ["prove", "-w", str(lab)])
    assert done.exit_code == 1, done.output
    assert {check: standing for check, (standing, _) in standings(lab).items()} == {
        "privacy.values_on_disk": Standing.FAILED,
        "privacy.erased_found": Standing.FAILED,
    }


def test_without_rules_there_is_nothing_to_measure_and_that_is_no_pass(lab: Path) -> None:
    place = open_workspace(lab, ["privacy.redact.rules=[]"])
    assert privacy_proving.planted(place) == ((), ())
    made = privacy_proving._measured(place, "app:a", 0, 0, 0, 0, ())
    assert {one.standing for one in made} == {Standing.NOT_RUN}
    place.close()
