"""All that is kept about a person is found and can be taken away; of a tenant nothing stays; the audit log is whole."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from test_wiring_privacy import on_disk
from typer.testing import CliRunner

from assay.cli.privacy import group
from assay.records.access import Scope
from assay.records.dialogue import Outcome, Turn, Usage
from assay.records.errors import NotFound
from assay.records.golden import Case, Expected, GoldenSet
from assay.records.ledger import Entry
from assay.records.operations import ApiKey, Feedback, Trace
from assay.wiring import auditing, forgetting, ingesting, privacy_subject
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.guarding import vault

ANN, BOB = "ann.erased@example.org", "bob.stays@example.org"
AT = "2026-01-01T00:00:00.000000Z"
RAW = ("index.embedder=none", "privacy.redact.rules=[]", "traces.keep_content=true")


def trace(name: str, question: str, tenant: str = "default") -> Trace:
    return Trace(name, "assistant", "", "", tenant, (), AT, Outcome.ANSWERED, "", None, 1.0, (), (), (), Usage(),
                 question, "")  # fmt: skip


def lab(root: Path) -> Workspace:
    """Ann's e-mail in every store, and a trace that only her key tells of; Bob's and another tenant's beside it."""
    docs = root / "docs"
    docs.mkdir()
    (docs / "ann.md").write_text(f"{ANN}\n")
    (docs / "bob.md").write_text(f"{BOB}\n")
    (docs / "acme.md").write_text("---\ntenant: acme\n---\nGates of Acme open.\n")
    create_workspace(root / "lab")
    place = open_workspace(root / "lab", RAW)
    ingesting.ingest(place, [docs], lambda *_: None)
    stores = place.stores
    stores.keys.put(ApiKey("key-ann", "1" * 64, f"laptop of {ANN}", "default", (), AT))
    stores.keys.put(ApiKey("key-bob", "2" * 64, "server", "default", (), AT))
    stores.keys.put(ApiKey("key-acme", "3" * 64, "server", "acme", (), AT))
    stores.traces.append([trace("t-named", f"Where is {ANN}?"), trace("t-hers", "Is my pay late again?"),
                          trace("t-bob", f"Where is {BOB}?"), trace("t-acme", "Open gates?", "acme")])  # fmt: skip
    stores.traces.add_feedback(Feedback("f-1", "t-bob", "default", "down", f"ask {ANN} instead", AT))
    cases = (Case("c-ann", f"Who is {ANN}?", Expected()), Case("c-bob", f"Who is {BOB}?", Expected()),
             Case("c-acme", "When do the gates open?", Expected(answers=("nine",)), (Turn("user", "hello"),),
                  Scope("acme")))  # fmt: skip
    stores.golden.put(GoldenSet("small", cases, AT))
    stores.ledger.append([Entry("label", "t", "1", {"note": f"as {ANN} said"}, AT),
                          Entry("escalation", "app", "1", {"tenant": "acme", "where": "question"}, AT)])  # fmt: skip
    for tenant, value in (("default", ANN), ("default", BOB), ("acme", BOB)):
        vault(place).pseudonym(tenant, "email", value)
    for tenant, who, request in (("default", "key-ann", "t-hers"), ("default", "key-bob", "t-bob"),
                                 ("acme", "key-acme", "t-acme")):  # fmt: skip
        place.auditor.record("answer", "answered", tenant=tenant, who=who, subject={"request": request})
    return place


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, privacy_subject.Found, privacy_subject.Erased]:
    """The lab, what was found of Ann, and what her erasure came to."""
    place = lab(tmp_path_factory.mktemp("subject"))
    found = privacy_subject.find(place, (ANN,))
    done = privacy_subject.erase(place, privacy_subject.asked_for(place, (ANN,)))
    return place, found, done


Story = tuple[Workspace, privacy_subject.Found, privacy_subject.Erased]


def test_everything_that_names_a_person_or_is_theirs_is_found_and_nothing_of_others(erased: Story) -> None:
    _, found, _ = erased
    assert found.counts == {"keys": 1, "traces": 2, "feedback": 1, "golden": 1, "ledger": 1, "documents": 1,
                            "vault": 1, "audit": 1}  # fmt: skip
    assert {one["trace_id"] for one in found.traces} == {"t-named", "t-hers"}
    assert "key_sha256" not in found.keys[0]
    (document,) = found.documents
    ((start, end),) = document["spans"]
    assert (document["doc_id"], end - start) == ("docs/ann.md", len(ANN))
    assert [one["value"] for one in found.vault] == [ANN]
    assert BOB not in json.dumps([found.traces, found.documents, found.records], default=str)


def test_an_erased_person_is_found_nowhere_and_others_are_as_they_were(erased: Story) -> None:
    place, _, done = erased
    assert done.passed, done.left
    assert done.certificate.findings == ()
    assert done.certificate.facts["asked"] == ["subject"]
    assert privacy_subject.find(place, (ANN,)).total == 0
    assert on_disk(place.store, ANN, "my pay late") == [], "the audit log names the request by its id alone"
    assert on_disk(place.store, BOB) == [BOB]
    assert list(vault(place).values("default").values()) == [BOB]
    assert {key.key_id for key in place.stores.keys.keys()} == {"key-bob", "key-acme"}  # noqa: SIM118 - a store
    assert {one.trace_id for one in place.stores.traces.list()} == {"t-bob", "t-acme"}


def test_the_audit_log_stays_whole_and_leads_to_nobody_who_was_erased(erased: Story) -> None:
    place, found, _ = erased
    assert auditing.verify(place) == []
    hers = found.audit[0]["event"]["actor"]
    assert hers in {event.actor for _, event in auditing.events(place)}, "the line is still there"
    assert [*auditing.events(place, who="key-ann")] == []
    assert [event.action for _, event in auditing.events(place, who="key-bob")] == ["answer"]


def test_a_tenant_goes_with_its_documents_keys_vault_and_cases(erased: Story) -> None:
    place, _, _ = erased
    done = privacy_subject.erase(place, privacy_subject.asked_for_tenant(place, "acme"))
    assert done.passed, (done.left, done.certificate.findings)
    assert on_disk(place.store, "Gates of Acme", "When do the gates open", "key-acme") == []
    assert vault(place).tenants() == ("default",)
    assert [document.doc_id for document in place.stores.catalog.documents()] == ["docs/bob.md"]
    bare = next(case for case in place.stores.golden.get("small").cases if case.case_id == "c-acme")
    assert (bare.question, bare.expected, bare.history) == ("[forgotten]", Expected(), ())
    assert [*place.stores.ledger.entries("escalation")] == []
    assert auditing.verify(place) == []
    assert [*auditing.events(place, who="key-acme")] == []
    with pytest.raises(NotFound):
        privacy_subject.asked_for_tenant(place, "acme")


@pytest.mark.parametrize("step", ["owned", "vault", "names"])
def test_the_certificate_is_red_when_a_step_for_persons_does_nothing(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_workspace(tmp_path / "lab")
    place = open_workspace(tmp_path / "lab", RAW)
    place.stores.keys.put(ApiKey("key-ann", "1" * 64, "a label", "default", (), AT))
    place.stores.traces.append([trace("t-hers", "Is my pay late again?")])
    place.auditor.record("answer", "answered", tenant="default", who="key-ann", subject={"request": "t-hers"})
    vault(place).pseudonym("default", "name", "key-ann")
    with monkeypatch.context() as broken:
        broken.setattr(f"assay.wiring.forget_work.Work._{step}", lambda _: 0)
        done = privacy_subject.erase(place, privacy_subject.asked_for(place, ("key-ann",)))
    assert not done.passed
    assert not done.certificate.passed
    ((_, certificate),) = forgetting.resume(place)
    assert certificate.passed
    assert privacy_subject.find(place, ("key-ann",)).total == 0
    place.close()


def test_the_commands_tell_counts_write_a_zip_and_never_repeat_a_subject_in_errors(tmp_path: Path) -> None:
    create_workspace(tmp_path / "lab")
    where = ["-w", str(tmp_path / "lab")]
    with_content = open_workspace(tmp_path / "lab", RAW)
    with_content.stores.traces.append([trace("t-1", f"Where is {ANN}?")])
    with_content.close()
    names = tmp_path / "names.txt"
    names.write_text(f"{ANN}\n")
    run = CliRunner()
    file = tmp_path / "ann.zip"
    told = run.invoke(group, ["export", "--subject-file", str(names), "--out", str(file), *where])
    assert (told.exit_code, told.stdout) == (0, "traces 1\n"), told.output
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as made:
        assert json.loads(made.read("traces.json"))[0]["trace_id"] == "t-1"
    for wrong in (["export"], ["erase"], ["erase", "x"], ["erase", ANN, "--tenant", "acme"], ["erase", ANN],
                  ["erase", "--tenant", "nobody"], ["export", "--subject-file", str(tmp_path / "no")]):  # fmt: skip
        refused = run.invoke(group, [*wrong, *where])
        assert refused.exit_code != 0, wrong
        assert ANN not in f"{refused.output}{refused.exception}", wrong
    done = run.invoke(group, ["erase", "--subject-file", str(names), "--yes", *where])
    assert done.exit_code == 0, done.output
    assert "a second look finds: nothing" in done.stdout
    assert on_disk(tmp_path / "lab", ANN) == []
