"""Forgetting in a whole workspace: nothing is left, the rest is as it was, no step idle."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from forgetting_lab import GONE, LEAVE, NEWER, SECRET, TOOLS, bytes_below, lab, opened, small, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.adapters.sql.erasing import SqlJournal
from assay.govern.forget import DONE, REMAINS
from assay.records.access import Scope
from assay.records.bundles import Bundle
from assay.records.errors import CannotJudge, InputError, NotFound
from assay.records.retrieval import Query
from assay.wiring import apps, forgetting, ingesting
from assay.wiring.build import Workspace
from assay.wiring.forget_work import Work
from assay.wiring.forgetting import Asked


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished lab, made once: each test works on a copy, and only reads the documents it was made from."""
    root = tmp_path_factory.mktemp("template")
    lab(root).close()
    return root


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    shutil.copytree(template / "lab", tmp_path / "lab")
    place = opened(tmp_path / "lab")
    yield place
    place.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Workspace]:
    """A lab with documents of its own, for tests that change them."""
    place = lab(tmp_path)
    yield place
    place.close()


def told(place: Workspace, text: str, mode: str = "hybrid") -> list[tuple[str, float]]:
    found = apps.head_retriever(place).retrieve(Query(text, Scope(), 10, mode))
    return [(one.chunk.text, round(one.score, 6)) for one in found.ranked]


def test_nothing_of_a_forgotten_document_is_left_in_any_file_or_store(place: Workspace) -> None:
    before = bytes_below(place.store)
    assert b"principal engineer" in before
    erasure, certificate = forgetting.forget(place, Asked(documents=(GONE,)))
    assert certificate.findings == ()
    assert certificate.passed
    assert erasure.state == DONE
    after = bytes_below(place.store)
    for word in (b"Graz", b"Linz", b"principal", b"104,500", b"salary.md"):
        assert word in before
        assert word not in after, word
    assert LEAVE.encode() in after
    assert certificate.facts["hits"] == 0
    assert set(certificate.facts["removed"]) >= {"catalog", "blobs", "golden", "runs", "traces", "index", "snapshots"}
    assert all(certificate.facts["removed"].values()), "the lab holds something for every step to remove"


STEPS = [
    "catalog", "vault", "blobs", "golden", "runs", "traces", "records", "kept_replies", "index", "history", "snapshots",
    "cache", "files", "tighten",
]  # fmt: skip


def test_every_step_is_sabotaged_below(place: Workspace) -> None:
    work = forgetting._marked(place, Asked(documents=(GONE,)), (GONE,), ())
    assert [*work.steps(), "tighten"] == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_the_probe_goes_red_when_any_one_step_does_nothing_and_green_when_it_is_done(
    place: Workspace, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Work.steps
    if step == "tighten":
        monkeypatch.setattr(Work, "tighten", lambda self: None)
        monkeypatch.setattr("assay.adapters.sql.erasing._overwriting", lambda connection: None)
    else:
        monkeypatch.setattr(Work, "steps", lambda self: {**whole(self), step: lambda: 0})
    erasure, certificate = forgetting.forget(place, Asked(documents=(GONE,)))
    assert not certificate.passed
    assert erasure.state == REMAINS
    assert certificate.facts["hits"] > 0
    monkeypatch.undo()
    ((again, green),) = forgetting.resume(place)
    assert (again.state, green.findings) == (DONE, ())


def test_what_stays_answers_as_if_the_document_had_never_been_there(place: Workspace, tmp_path: Path) -> None:
    forgetting.forget(place, Asked(documents=(GONE,)))
    never = small(tmp_path / "never", {"leave.md": LEAVE, "tools.md": TOOLS})
    for question in ("parental leave", "laptops ticket", "senior engineer in Graz", "salary band"):
        for mode in ("lexical", "dense", "hybrid"):
            assert told(place, question, mode) == told(never, question, mode)


def test_a_pinned_snapshot_still_opens_without_what_was_forgotten(place: Workspace) -> None:
    (bundle,) = place.stores.bundles.bundles()
    erasure, _ = forgetting.forget(place, Asked(documents=(GONE,)))
    reader = place.index.open(bundle.snapshot_id)
    assert reader.snapshot_id == erasure.snapshots[bundle.snapshot_id] != bundle.snapshot_id
    assert reader.chunks == 2
    assert not reader.lexical("salary band senior engineer", Scope(), 10)
    assert len(reader.lexical("parental leave", Scope(), 10)) == 1
    assert reader.vectors == 2


def test_golden_sets_get_a_new_version_without_the_evidence_and_the_old_one_is_gone(place: Workspace) -> None:
    ((old, _, _),) = place.stores.golden.versions("small")
    erasure, _ = forgetting.forget(place, Asked(documents=(GONE,)))
    new = place.stores.golden.get("small")
    assert erasure.golden == {f"small@{old}": new.version}
    with pytest.raises(NotFound):
        place.stores.golden.get("small", old)
    pay, leave = new.cases
    assert (pay.expected.evidence, pay.expected.answers) == ((), ())
    assert leave.expected.answers == ("sixteen",)
    (sample,) = place.stores.runs.samples("run-1")
    assert sample.scores == {"correct": 1.0}


def test_a_subject_takes_every_document_that_names_it_and_every_record(tmp_path: Path) -> None:
    place = small(
        tmp_path, {"a.md": "Ask jane.doe@example.com about it.", "b.md": LEAVE, "c.md": "JANE.DOE@EXAMPLE.COM left."}
    )
    (key,) = [forgetting.plan(place, Asked(subjects=("Jane.Doe@example.com",)))]
    assert key.doc_ids == ("docs/a.md", "docs/c.md")
    _, certificate = forgetting.forget(place, Asked(subjects=("Jane.Doe@example.com",)))
    assert certificate.passed
    assert b"jane.doe" not in bytes_below(place.store).lower()
    assert [d.doc_id for d in place.stores.catalog.documents()] == ["docs/b.md"]
    assert "jane" not in str(certificate).lower()


def test_a_source_takes_everything_below_it(place: Workspace, template: Path) -> None:
    _, certificate = forgetting.forget(place, Asked(sources=(str(template / "docs"),)))
    assert certificate.findings == ()
    assert list(place.stores.catalog.documents()) == []
    assert place.index.head().chunks == 0


def test_what_stands_in_another_document_too_is_no_trace(tmp_path: Path) -> None:
    mine = "Only this document says what comes after."
    texts = {"a.md": f"{LEAVE}\n\n{mine}", "b.md": f"{LEAVE}\n\n{TOOLS}", "c.md": LEAVE, "same.txt": LEAVE}
    place = small(tmp_path, texts)
    _, certificate = forgetting.forget(place, Asked(documents=("docs/a.md", "docs/c.md")))
    assert certificate.findings == ()
    assert certificate.facts["marks"]["also_elsewhere"] > 0
    assert LEAVE in {text for text, _ in told(place, "parental leave", "lexical")}
    assert mine.encode() not in bytes_below(place.store)


def test_a_file_that_was_ingested_by_its_own_path_leaves_no_address(tmp_path: Path) -> None:
    place = small(tmp_path, {"b.md": TOOLS})
    write(tmp_path, {"personal/Jane Doe.md": SECRET})
    ingesting.ingest(place, [tmp_path / "personal" / "Jane Doe.md"], lambda *_: None)
    assert b"Jane%20Doe" in bytes_below(place.store)
    _, certificate = forgetting.forget(place, Asked(sources=(str(tmp_path / "personal"),)))
    assert certificate.findings == ()
    assert b"Jane" not in bytes_below(place.store)


def test_the_next_sync_does_not_bring_it_back_under_any_name_until_it_is_allowed(
    own: Workspace, tmp_path: Path
) -> None:
    forgetting.forget(own, Asked(documents=(GONE,)))
    write(tmp_path / "docs", {"copy.md": NEWER, "salary.md": "Another text under the same id."})

    def outcomes() -> dict[str, str]:
        report = ingesting.ingest(opened(tmp_path / "lab"), [tmp_path / "docs"], lambda *_: None)
        return {Path(one.source_uri).name: one.code for one in report.outcomes}

    assert outcomes() == {
        "copy.md": "ingest.forgotten", "salary.md": "ingest.forgotten", "leave.md": "", "tools.md": "",
    }  # fmt: skip
    with pytest.raises(NotFound):
        forgetting.allow(own, ["docs/leave.md"])
    forgetting.allow(own, [GONE])
    assert outcomes()["salary.md"] == ""
    assert GONE in {document.doc_id for document in own.stores.catalog.documents()}


def test_a_document_that_left_by_sync_before_can_still_be_forgotten(own: Workspace, tmp_path: Path) -> None:
    (tmp_path / "docs" / "salary.md").unlink()
    ingesting.ingest(own, [tmp_path / "docs"], lambda *_: None)
    assert NEWER.encode() in bytes_below(own.store), "old versions stay for pinned snapshots and as-of searches"
    _, certificate = forgetting.forget(own, Asked(documents=(GONE,)))
    assert certificate.passed
    assert b"Linz" not in bytes_below(own.store)


def test_what_cannot_be_asked_is_refused_and_changes_nothing(place: Workspace) -> None:
    for asked, error in (
        (Asked(documents=("no such",)), NotFound),
        (Asked(sources=("/no/such",)), NotFound),
        (Asked(subjects=("ab",)), InputError),
        (Asked(subjects=("Nobody Whom Anybody Knows",)), NotFound),
    ):
        with pytest.raises(error):
            forgetting.forget(place, asked)
    assert forgetting.erasures(place) == ()
    assert len(list(place.stores.catalog.documents())) == 3


def test_a_trace_of_an_answer_that_was_being_made_just_then_is_forgotten_by_asking_again(place: Workspace) -> None:
    late = place.stores.traces.get("trace-1")
    forgetting.forget(place, Asked(documents=(GONE,)))
    with pytest.raises(NotFound, match=r"forget\.nothing_found"):
        forgetting.forget(place, Asked(documents=(GONE,)))
    place.stores.traces.append([late])
    _, certificate = forgetting.forget(place, Asked(documents=(GONE,)))
    assert certificate.passed
    assert b"Linz" not in bytes_below(place.store)
    assert place.stores.traces.get("trace-1").passages == ()


def test_what_remains_is_told_by_place_and_waits_for_a_person(place: Workspace) -> None:
    told_to = "Always greet Jane Doe first."
    pinned = place.stores.bundles.bundles()[0].components["snapshot"]
    place.stores.bundles.put(Bundle("assistant", "assistant", {"prompt": {"system": told_to}, "snapshot": pinned}))
    erasure, certificate = forgetting.forget(place, Asked(subjects=("jane doe",)))
    assert erasure.state == REMAINS
    assert [finding for finding in certificate.findings if "bundles" in finding]
    assert "jane" not in str(certificate).lower()
    with place.writing("the next write"):
        pass
    assert len(forgetting.erasures(place)) == 1
    assert forgetting.erasures(place)[0].attempts == 1


class Stop(BaseException):
    """A process that dies here."""


@pytest.mark.parametrize("step", [*STEPS, "probe"])
def test_a_death_before_any_step_is_gone_on_from_before_the_next_write(
    place: Workspace, template: Path, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> int:
        raise Stop

    whole = Work.steps
    if step in ("tighten", "probe"):
        monkeypatch.setattr(Work, step, die)
    else:
        monkeypatch.setattr(Work, "steps", lambda self: {**whole(self), step: die})
    with pytest.raises(Stop):
        forgetting.forget(place, Asked(documents=(GONE,)))
    monkeypatch.undo()
    (record,) = SqlJournal(place.database).erasures()
    assert record.open
    assert "salary" not in str(record), "the journal names neither texts nor documents"
    place.close()
    place = opened(tmp_path / "lab")
    ingesting.ingest(place, [template / "docs"], lambda *_: None)
    (record,) = SqlJournal(place.database).erasures()
    assert record.state == DONE
    assert place.stores.certificates.get(record.certificate_id).passed
    assert b"Linz" not in bytes_below(place.store)


def test_an_erasure_whose_marks_are_lost_is_not_claimed_to_be_done(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: object) -> None:
        raise Stop

    monkeypatch.setattr(Work, "probe", die)
    with pytest.raises(Stop):
        forgetting.forget(place, Asked(documents=(GONE,)))
    monkeypatch.undo()
    for path in (place.store / "forget").iterdir():
        path.unlink()
    with pytest.raises(CannotJudge, match=r"forget\.no_marks"):
        forgetting.resume(place)


def test_an_open_connection_does_not_keep_the_log_alive(place: Workspace) -> None:
    with sqlite3.connect(place.store / "assay.db") as other:
        other.execute("SELECT count(*) FROM chunks").fetchall()
        _, certificate = forgetting.forget(place, Asked(documents=(GONE,)))
    assert certificate.passed


WORDS = st.sampled_from([f"{a}{b}" for a in ("ba", "do", "ke", "lu", "mi", "no", "ra", "tu") for b in "bdfgklmnprst"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), min_size=2, max_size=5, unique=True)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(texts=TEXTS, which=st.integers(0, 4))
def test_forgetting_any_document_of_any_workspace_leaves_it_as_if_it_had_never_been(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], which: int
) -> None:
    names = {f"{number}.txt": text for number, text in enumerate(texts)}
    gone = f"{which % len(texts)}.txt"
    place = small(tmp_path_factory.mktemp("whole"), names)
    _, certificate = forgetting.forget(place, Asked(documents=(f"docs/{gone}",)))
    assert certificate.findings == ()
    never = small(tmp_path_factory.mktemp("never"), {name: text for name, text in names.items() if name != gone})
    for text in texts:
        assert told(place, text) == told(never, text)
    for opened_place in (place, never):
        opened_place.close()
