"""Names by a spaCy pipeline: here one of rules, saved as a folder, as a user's own model is."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import spacy
from typer.testing import CliRunner

from assay.adapters.detector_pool import DetectorPool
from assay.adapters.spacy_names import SpacyNames
from assay.cli.main import app
from assay.detect.scanner import RuleScanner
from assay.records.errors import ConfigError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    named = {"PERSON": ["Ada Byron", "Ada Byron\n"], "ORG": ["Analytical Engines"], "DATE": ["1843"], "GPE": ["Turin"]}
    ruler.add_patterns([{"label": label, "pattern": one} for label, many in named.items() for one in many])  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("models") / "names"
    pipeline.to_disk(folder)
    return str(folder)


def test_names_come_with_their_title_and_without_what_is_no_name(model: str) -> None:
    text = "In 1843 Dr. Ada Byron wrote to Analytical Engines in Turin."
    found = SpacyNames(model).recognise(text)
    assert [(one.rule_id, text[one.start : one.end]) for one in found] == [
        ("person_name", "Dr. Ada Byron"), ("organisation", "Analytical Engines"), ("place_name", "Turin"),
    ]  # fmt: skip


def test_names_are_found_at_every_place_of_a_long_text(model: str) -> None:
    line = "the quick brown fox of Ada Byron jumps\n"
    text = line * 2_000
    found = SpacyNames(model).recognise(text)
    assert {text[one.start : one.end] for one in found} == {"Ada Byron"}
    assert len(found) == 2_000


def test_a_scanner_of_rules_takes_names_as_well(model: str) -> None:
    text = "Ada Byron, ada@example.org"
    scanner = RuleScanner(("email",), (SpacyNames(model),))
    assert [one.rule_id for one in scanner.scan(text)] == ["person_name", "email"]
    assert SpacyNames(model).recipe in scanner.recipe


def test_the_recipe_changes_with_the_model(model: str, tmp_path: Path) -> None:
    pipeline = spacy.load(model)
    pipeline.get_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Grace"}])  # type: ignore[attr-defined]
    pipeline.to_disk(tmp_path / "other")
    assert SpacyNames(str(tmp_path / "other")).recipe != SpacyNames(model).recipe


def test_a_policy_may_run_it_in_a_process_that_can_be_ended(model: str) -> None:
    pool = DetectorPool("assay.adapters.spacy_names:finder", options={"model": model}, budget_ms=5_000)
    try:
        found = pool.find("by Ada Byron in Turin", ("person_name",))
        assert [(one.rule_id, one.start, one.end) for one in found] == [("person_name", 3, 12)]
        assert model in pool.recipe
    finally:
        pool.close()


@pytest.mark.parametrize(("stated", "code"), [("no_such_model", "names.no_model")])
def test_a_model_that_is_not_there_is_named(stated: str, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        SpacyNames(stated)
    assert refused.value.code == code


def test_a_model_without_names_is_refused(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "empty")
    with pytest.raises(ConfigError) as refused:
        SpacyNames(str(tmp_path / "empty"))
    assert refused.value.code == "names.no_ner"


def test_a_process_that_reads_documents_loads_the_model_itself(model: str) -> None:
    names = SpacyNames(model)
    sent = pickle.dumps(names)
    assert len(sent) < 1_000
    assert pickle.loads(sent).recipe == names.recipe


def test_the_command_scan_takes_a_model(model: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ada Byron wrote from ada@example.org")
    done = CliRunner().invoke(app, ["scan", "--names", model, "--json", str(tmp_path / "a.txt")])
    assert json.loads(done.output)["counts"] == {"person_name": 1, "email": 1}
    missing = CliRunner().invoke(app, ["scan", "--names", "nothing_here", str(tmp_path / "a.txt")])
    assert isinstance(missing.exception, ConfigError)
