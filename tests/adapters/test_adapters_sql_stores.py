"""What only the SQL stores can get wrong: damage, a full disk, half a transaction, and keeping step with the fake."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import event, text

from assay.adapters.memory import MemoryCatalog
from assay.adapters.sql.database import Database, open_database
from assay.adapters.sql.stores import SqlStores, sql_stores
from assay.ports.storage import Catalog, SourceState
from assay.records.access import AccessList, Scope
from assay.records.bundles import Bundle
from assay.records.dialogue import Outcome, Reply
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.errors import CannotJudge, Unavailable
from assay.records.evaluation import Run, Sample
from assay.records.golden import Case, Expected, GoldenSet

AT = "2026-01-01T00:00:00.000000Z"
ACCESS = [AccessList("acme"), AccessList("acme", ("hr",)), AccessList("*"), AccessList("globex")]
SCOPES = [Scope("acme"), Scope("acme", frozenset({"hr"})), Scope("globex")]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(tmp_path / "assay.db")


@pytest.fixture
def kept(database: Database) -> SqlStores:
    return sql_stores(database)


def run() -> Run:
    return Run("run-1", "helpdesk", "assist.v1", "", "support", "c" * 64, 2, 1, 7, (), AT)


def sample(number: int, reason: str = "") -> Sample:
    return Sample(f"c-{number}", 0, Reply(Outcome.ABSTAINED, reason), {"correct": 1.0}, {})


def document(
    doc_id: str, version: int = 1, access: AccessList = ACCESS[0], chunks: int = 2
) -> tuple[Document, list[Chunk]]:
    sha = str(version) * 64
    one = Document(doc_id, sha, "A title", f"{doc_id}.md", "text/plain", "en", AT, access, 20)
    pieces = [
        Chunk(
            f"{doc_id}-{version}-{place}", doc_id, sha, place, place, place + 1, "x", "A title", (),
            BlockKind.PARAGRAPH, "en", access,
        )
        for place in range(chunks)
    ]  # fmt: skip
    return one, pieces


def state(uri: str, *doc_ids: str) -> SourceState:
    return SourceState(uri, "docs", 1, 1, "a" * 64, "text.v1", doc_ids)


def test_a_run_survives_a_full_disk_with_what_was_journalled_before(kept: SqlStores, database: Database) -> None:
    kept.runs.create(run())
    kept.runs.append("run-1", [sample(0)])
    with database.read() as connection:
        pages = connection.execute(text("pragma page_count")).scalar_one()
    database.close()
    event.listen(database.engine, "connect", lambda raw, _: raw.execute(f"pragma max_page_count={pages + 3}"))
    with pytest.raises(Unavailable) as full:
        kept.runs.append("run-1", [sample(number, "x" * 500) for number in range(1, 300)])
    assert full.value.code == "store.disk_full"
    assert kept.runs.done("run-1") == {("c-0", 0)}
    kept.runs.append("run-1", [sample(1)])
    assert len(list(kept.runs.samples("run-1"))) == 2


def test_a_golden_set_whose_cases_were_changed_is_not_handed_out(kept: SqlStores, database: Database) -> None:
    version = kept.golden.put(GoldenSet("support", (Case("c-1", "How long?", Expected(answers=("six",))),), AT))
    with database.write() as connection:
        connection.execute(text("update golden set record = replace(record, 'six', 'ten')"))
    with pytest.raises(CannotJudge) as damaged:
        kept.golden.get("support")
    assert damaged.value.code == "golden.digest_mismatch"
    assert version[:12] in damaged.value.where


def test_a_bundle_whose_content_was_changed_is_not_handed_out(kept: SqlStores, database: Database) -> None:
    name = kept.bundles.put(Bundle("helpdesk", "assistant", {"prompt": {"text": "Answer."}}))
    with database.write() as connection:
        connection.execute(text("update bundles set record = replace(record, 'Answer.', 'Guess.')"))
    with pytest.raises(CannotJudge) as damaged:
        kept.bundles.get(name)
    assert damaged.value.code == "bundle.digest_mismatch"


def test_a_bundle_has_the_same_id_however_its_values_are_kept(kept: SqlStores) -> None:
    bundle = Bundle(
        "helpdesk", "assistant", {"abstain": {"threshold": 1.0, "rules": frozenset("zyxabc"), "pair": (1, 2)}}
    )
    assert kept.bundles.get(kept.bundles.put(bundle)).bundle_id == bundle.bundle_id


def test_a_source_is_replaced_whole_or_not_at_all(kept: SqlStores) -> None:
    kept.catalog.put_source(state("a.md", "a"), [document("a")])
    one, pieces = document("a", 2)
    broken = [*pieces, replace(pieces[0], chunk_id="z", text="\ud800")]
    with pytest.raises(UnicodeEncodeError):
        kept.catalog.put_source(state("a.md", "a"), [(one, broken)])
    assert kept.catalog.document("a") == document("a")[0]
    assert [piece.chunk_id for piece in kept.catalog.chunks_of("a")] == ["a-1-0", "a-1-1"]
    assert kept.catalog.chunks(["a-2-0"]) == {}


def test_a_deleted_row_of_a_page_does_not_end_a_reading(kept: SqlStores) -> None:
    names = [f"d{number:04}" for number in range(1100)]
    kept.catalog.put_source(state("t.csv", *names), [document(name, chunks=1) for name in names])
    seen = []
    for one in kept.catalog.documents():
        if not seen:
            kept.catalog.put_source(state("t.csv", *names[1:]), [document(name, chunks=1) for name in names[1:]])
        seen.append(one.doc_id)
    assert seen == names


SOURCES, NAMES = st.sampled_from(["a.md", "b.md", "c.csv"]), st.sampled_from("pqr")


class TwoCatalogs(RuleBasedStateMachine):
    """Whatever is done to both, the SQL catalog and the one in memory say the same."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        path = self.folder / "assay.db"
        for old in self.folder.glob("assay.db*"):
            old.unlink()
        self.database = open_database(path)
        self.real: Catalog = sql_stores(self.database).catalog
        self.fake: Catalog = MemoryCatalog()

    def teardown(self) -> None:
        self.database.close()

    @rule(uri=SOURCES, held=st.dictionaries(NAMES, st.tuples(st.integers(1, 3), st.sampled_from(ACCESS)), max_size=3))
    def put(self, uri: str, held: dict[str, tuple[int, AccessList]]) -> None:
        documents = [document(name, version, access) for name, (version, access) in held.items()]
        for catalog in (self.real, self.fake):
            catalog.put_source(state(uri, *held), documents)

    @rule(uri=SOURCES)
    def remove(self, uri: str) -> None:
        assert self.real.remove_source(uri) == self.fake.remove_source(uri)

    @rule(access=st.dictionaries(NAMES, st.sampled_from(ACCESS), max_size=3))
    def allow(self, access: dict[str, AccessList]) -> None:
        for catalog in (self.real, self.fake):
            catalog.set_access(access)

    @rule(names=st.lists(NAMES))
    def index(self, names: list[str]) -> None:
        for catalog in (self.real, self.fake):
            catalog.mark_indexed(names)
            catalog.mark_removed(names)

    @invariant()
    def they_say_the_same(self) -> None:
        every = [f"{name}-{version}-{place}" for name in "pqr" for version in (1, 2, 3) for place in (0, 1)]
        for scope in SCOPES:
            assert self.real.visible(every, scope) == self.fake.visible(every, scope)
        assert list(self.real.documents()) == list(self.fake.documents())
        assert list(self.real.source_states()) == list(self.fake.source_states())
        assert sorted(self.real.current_chunk_ids()) == sorted(self.fake.current_chunk_ids())
        assert self.real.chunks(every).keys() == self.fake.chunks(every).keys()
        assert [self.real.chunks_of(name) for name in "pqr"] == [self.fake.chunks_of(name) for name in "pqr"]
        assert (self.real.pending(), self.real.removed_pending()) == (self.fake.pending(), self.fake.removed_pending())
        assert self.real.counts() == self.fake.counts()


def test_the_sql_catalog_keeps_step_with_the_fake(tmp_path: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    TwoCatalogs.folder = tmp_path
    run_state_machine_as_test(TwoCatalogs, settings=settings(max_examples=15, stateful_step_count=8, deadline=None))
