"""Policy files are checked with their lines, tested, explained, replayed and frozen by the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.records.dialogue import Outcome, Usage
from assay.records.errors import ConfigError
from assay.records.operations import Trace
from assay.wiring import guarding, policies
from assay.wiring.apps import HEAD, components
from assay.wiring.build import create_workspace, open_workspace

POLICY = """version: 1
reveal_purposes: [support]
rules:
  - id: cards
    find: [card]
    action: mask
  - id: mails
    find: [email]
    where: [answer]
    action: pseudonymise
  - id: persons
    find: [national_id]
    where: [question]
    action: escalate
"""
CARD = "4111 1111 1111 1111"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = create_workspace(tmp_path / "w")
    (made / "policy.yaml").write_text(POLICY)
    config = (made / "assay.yaml").read_text()
    config = config.replace("guards: [limits, visible, personal_data]", "guards: [limits, policy]")
    (made / "assay.yaml").write_text(config.replace("\nguards:\n", "\nguards:\n  policy: {kind: policy}\n"))
    return made


def run(root: Path, *words: str, code: int = 0, text: str = "") -> str:
    result = CliRunner().invoke(app, ["policy", *words, "-w", str(root)], input=text)
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("version: 1\nrulez: []\n", "policy.value", "line 2"),
        ("version: 2\n", "policy.value", "line 1"),
        ("version: 1\nversion: 1\n", "policy.value", ":2"),
        ("version: [\n", "policy.syntax", ":2"),
        ("version: 1\nrules:\n  - {id: a, find: [blood], action: mask}\n", "detect.unknown_rule", ":3"),
        (
            "version: 1\nrules:\n  - {id: a, find: [card], action: hash, where: [passages]}\n",
            "policy.value",
            "passages",
        ),
        (
            "version: 1\nrules:\n  - {id: a, find: [card], action: allow, tenants: [x]}\n"
            "  - {id: b, find: [card], action: mask}\n",
            "policy.contradiction",
            "line 3) allows what the rule b (line 4)",
        ),
    ],
)
def test_a_policy_that_cannot_be_used_says_where(tmp_path: Path, text: str, code: str, told: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        policies.load(path)
    assert error.value.code == code
    assert told in str(error.value)


def test_cases_pass_or_fail_with_their_lines(root: Path) -> None:
    cases = root / "cases.yaml"
    cases.write_text(
        f"- {{text: 'card {CARD}', where: answer, expect: 'card [card]'}}\n"
        "- {text: 'hello', where: question, outcome: allow}\n"
    )
    assert "2 of 2" in run(root, "test", str(root / "policy.yaml"), "--cases", str(cases))
    cases.write_text(f"- {{text: 'card {CARD}', where: answer, outcome: refused}}\n")
    out = run(root, "test", str(root / "policy.yaml"), "--cases", str(cases), code=1)
    assert "cases.yaml:1: case 1: should be refused, is change" in out
    assert CARD not in out


def test_explain_names_rules_and_never_what_was_found(root: Path) -> None:
    out = run(root, "explain", "-", text=f"pay with {CARD}")
    assert "cards" in out
    assert "outcome change" in out
    assert "4111" not in out


def test_filter_lets_a_stream_through_and_names_come_back_for_a_purpose_only(root: Path) -> None:
    out = run(root, "filter", text=f"Mail anna@example.com, card {CARD}.")
    assert "anna@" not in out
    assert out.endswith("card [card].")
    name = out.split()[1].rstrip(",")
    assert "anna@example.com" in run(root, "reveal", name, "--tenant", "default", "--purpose", "support")
    run(root, "reveal", name, "--tenant", "default", "--purpose", "marketing", code=1)
    run(root, "vault", "default", "--shred", "--yes")
    assert "policy stopped" in run(root, "filter", text="anna@example.com", code=1)


def test_replay_counts_what_changes_and_what_cannot_be_replayed(root: Path) -> None:
    place = open_workspace(root)
    for n, (question, answer) in enumerate([("Is it?", f"Card {CARD}, a@example.com"), ("Who?", "Anna."), ("", "")]):
        place.stores.traces.append([
            Trace(f"t{n}", place.default_app, "", "", "default", (), f"2026-01-0{n + 1}T00:00:00Z", Outcome.ANSWERED,
                  "", None, 1.0, (), (), (), Usage(), question, answer)
        ])  # fmt: skip
    place.close()
    new = root / "new.yaml"
    new.write_text("version: 1\nrules:\n  - {id: a, find: [card], action: refuse}\n")
    told = json.loads(run(root, "replay", str(new), "--json"))
    assert told["changed"] == [{"where": "answer", "was": "change", "would_be": "refused", "count": 1}]
    assert (told["traces"], told["not_replayed"], told["same"]) == (3, 1, 1)


def test_a_bundle_holds_the_policy_and_ids_of_others_stay(root: Path) -> None:
    place = open_workspace(root)
    guards = components(place, place.default_app, HEAD)["guards"]
    assert guards[0] == {"name": "limits", "kind": "limits", "max_question_chars": 4000}
    assert guarding.thawed(guards[1]).digest == guards[1]["digest"] == policies.load(root / "policy.yaml").digest
    (root / "policy.yaml").unlink()
    assert guarding.thawed(guards[1]).policy.rules
    changed = {**guards[1], "content": {**guards[1]["content"], "default": "mask"}}
    with pytest.raises(ConfigError):
        guarding.thawed(changed)
    place.close()


def test_an_escalation_waits_for_a_person_and_is_decided_once(root: Path) -> None:
    place = open_workspace(root)
    kept = guarding.LedgerEscalations(place.stores.ledger, place.clock, "p")
    kept.raise_to_person("r-1", "acme", "assistant", "question", ["persons"])
    kept.raise_to_person("r-1", "acme", "assistant", "question", ["persons"])
    place.close()
    assert run(root, "escalations").count("r-1.question") == 1
    run(root, "escalations", "--decide", "r-1", "--decision", "upheld")
    assert "nothing waits" in run(root, "escalations")
    assert "upheld" in run(root, "escalations", "--all")
    run(root, "escalations", "--decide", "r-1", "--decision", "upheld", code=1)
