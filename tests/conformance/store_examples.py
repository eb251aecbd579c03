"""Records to put into stores, and the stores to put them into."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assay.adapters import memory
from assay.adapters.sql.catalog import SqlCatalog
from assay.adapters.sql.database import open_database
from assay.adapters.sql.golden import SqlGolden
from assay.adapters.sql.runs import SqlRuns
from assay.ports.storage import Catalog, GoldenStore, RunStore, SourceState
from assay.records.access import AccessList, Scope
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Outcome,
    Passage,
    Reply,
    StageDone,
    Turn,
    Usage,
)
from assay.records.documents import Block, BlockKind, Chunk, Document, Page, Span
from assay.records.evaluation import Direction, Metric, MetricKind, Run, Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet


@dataclass(frozen=True)
class Kept:
    catalog: Catalog
    golden: GoldenStore
    runs: RunStore


def in_memory() -> Kept:
    return Kept(memory.MemoryCatalog(), memory.MemoryGolden(), memory.MemoryRuns())


@contextmanager
def on_disk(folder: Path) -> Iterator[Kept]:
    database = open_database(folder / "assay.db")
    yield Kept(SqlCatalog(database), SqlGolden(database), SqlRuns(database))
    database.close()


ACCESS = AccessList("acme", ("hr",))
SCOPE = Scope("acme", frozenset({"hr"}))
AT = "2026-01-01T00:00:00.000000Z"
LATER = "2026-01-02T00:00:00.000000Z"


def document(doc_id: str, version: str = "1", access: AccessList = ACCESS) -> Document:
    return Document(
        doc_id=doc_id,
        text_sha256=version * 64,
        title=f"Title of {doc_id} – “ünïcode”",
        source_uri=f"file:///{doc_id}.md",
        media_type="text/markdown",
        language="en",
        modified_at=AT,
        access=access,
        chars=40,
        headings=(Block(BlockKind.HEADING, 0, 10, 2),),
        pages=(Page(1, 0, 40),),
        metadata=(("owner", "people"),),
        warnings=("ingest.broken_utf8",),
    )


def pieces(of: Document, count: int = 2) -> tuple[Chunk, ...]:
    return tuple(
        Chunk(
            chunk_id=f"{of.doc_id}-{of.text_sha256[:4]}-{number}",
            doc_id=of.doc_id,
            text_sha256=of.text_sha256,
            ordinal=number,
            start=number * 10,
            end=number * 10 + 10,
            text="ten chars.",
            title=of.title,
            heading_path=("One", "Two"),
            kind=BlockKind.TABLE,
            language="en",
            access=of.access,
            page=1,
            source_uri=of.source_uri,
            modified_at=of.modified_at,
        )
        for number in range(count)
    )


def source(uri: str, *doc_ids: str, root: str = "docs") -> SourceState:
    return SourceState(uri, root, 40, 1_700_000_000_000_000_001, "a" * 64, "markdown.v1", doc_ids)


def with_pieces(*documents: Document) -> list[tuple[Document, tuple[Chunk, ...]]]:
    return [(one, pieces(one)) for one in documents]


def golden(name: str = "support", *, cases: int = 2, question: str = "How long is probation?") -> GoldenSet:
    first = Case(
        case_id="c-0",
        question=question,
        expected=Expected(True, ("six months",), (Evidence("hr/probation", "six months", 2),), ("six",), ("seven",)),
        history=(Turn("user", "Hello"),),
        scope=SCOPE,
        slices=("kind=numeric", "language=en"),
        cluster="hr/probation",
        provenance={"author": "a person"},
    )
    rest = (Case(f"c-{number}", "And then?", Expected(answerable=False)) for number in range(1, cases))
    return GoldenSet(name, (first, *rest), created_at=AT, note="a note")


def run(run_id: str = "run-1", created_at: str = AT) -> Run:
    return Run(
        run_id=run_id,
        app="helpdesk",
        system="assist.v1",
        bundle_id="b" * 64,
        golden_name="support",
        golden_version="c" * 64,
        cases=2,
        repeats=1,
        seed=7,
        metrics=(
            Metric("nDCG@10", MetricKind.MEAN, Direction.HIGHER),
            Metric("latency", MetricKind.SKEWED, Direction.LOWER, "ms"),
        ),
        created_at=created_at,
        versions={"assay": "0.1.0"},
    )


def reply(passages: int = 8) -> Reply:
    span = Span("hr/probation", "d" * 64, 100, 160)
    cited = Citation(span, "Probation lasts six months.", "Probation", "file:///hr/probation.md", "chunk-1", 3, AT)
    sentence = AnswerSentence("Probation lasts six months.", (cited,), Check(CheckStatus.SUPPORTED, 0.98))
    shown = tuple(
        Passage(
            number, f"chunk-{number}", replace(span, start=number), 0.5, {"bm25": (number, 12.25), "dense": (2, 0.5)}
        )
        for number in range(1, passages + 1)
    )
    return Reply(
        outcome=Outcome.ANSWERED,
        sentences=(sentence, sentence),
        withheld=(Check(CheckStatus.UNSUPPORTED, 0.1, ("number",)),),
        passages=shown,
        snapshot_id="e" * 64,
        confidence=0.83,
        usage=Usage(120, 30, None),
        stages=(StageDone("retrieve", 0.0, 3.25, {"hits": 8, "mode": "hybrid"}), StageDone("verify", 4.0, 1.5)),
        duration_ms=12.5,
    )


def sample(case_id: str, repeat: int = 0, value: float = 1.0) -> Sample:
    return Sample(
        case_id, repeat, reply(), {"nDCG@10": value, "latency": 12.5}, {"recall@5": "no_gold_evidence"}, attempts=2
    )
