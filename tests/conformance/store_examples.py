"""Records to put into stores, and the stores to put them into."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from assay.adapters import memory
from assay.adapters.files import FileBlobs
from assay.adapters.sql.database import open_database
from assay.adapters.sql.stores import sql_stores
from assay.ports.storage import (
    BlobStore,
    BundleStore,
    CalibrationStore,
    Catalog,
    DecisionStore,
    GoldenStore,
    KeyStore,
    ReleaseStore,
    RunStore,
    SourceState,
    TraceStore,
)
from assay.records.access import AccessList, Scope
from assay.records.bundles import Bundle, Calibration, ReleaseEvent
from assay.records.comparison import Clause, ClauseKind, ClauseResult, Decision, Delta, GatePolicy, Verdict
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
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, Run, Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.operations import ApiKey, Feedback, Trace


@dataclass(frozen=True)
class Kept:
    blobs: BlobStore
    catalog: Catalog
    golden: GoldenStore
    runs: RunStore
    bundles: BundleStore
    releases: ReleaseStore
    decisions: DecisionStore
    calibrations: CalibrationStore
    traces: TraceStore
    keys: KeyStore


def in_memory() -> Kept:
    return Kept(
        blobs=memory.MemoryBlobs(),
        catalog=memory.MemoryCatalog(),
        golden=memory.MemoryGolden(),
        runs=memory.MemoryRuns(),
        bundles=memory.MemoryBundles(),
        releases=memory.MemoryReleases(),
        decisions=memory.MemoryDecisions(),
        calibrations=memory.MemoryCalibrations(),
        traces=memory.MemoryTraces(),
        keys=memory.MemoryKeys(),
    )


@contextmanager
def on_disk(folder: Path, url: str = "") -> Iterator[Kept]:
    database = open_database(url or folder / "assay.db")
    every = sql_stores(database)
    others = {each.name: getattr(every, each.name) for each in fields(Kept) if each.name != "blobs"}
    yield Kept(FileBlobs(folder / "blobs"), **others)
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


def bundle(app: str = "helpdesk", prompt: str = "Answer.", created_at: str = AT) -> Bundle:
    components = {"prompt": {"text": prompt, "shots": []}, "abstain": {"threshold": 0.25}, "snapshot": {"id": "e" * 64}}
    return Bundle(app, "assistant", components, created_at, "a note")


def event(bundle_id: str, app: str = "helpdesk", action: str = "promote") -> ReleaseEvent:
    return ReleaseEvent(
        app=app,
        revision=0,
        action=action,
        bundle_id=bundle_id,
        previous_bundle_id="",
        decision_id="d-1",
        actor="a person",
        reason="because",
        override=False,
        at=AT,
    )


def decision(
    decision_id: str = "d-1",
    candidate: str = "1" * 64,
    baseline: str = "2" * 64,
    verdict: Verdict = Verdict.SHIP,
    created_at: str = AT,
) -> Decision:
    metric = Metric("nDCG@10", MetricKind.MEAN, Direction.HIGHER)
    clause = Clause("nDCG@10", ClauseKind.NON_INFERIORITY, 0.02, slice="language=de")
    delta = Delta(metric, "", 0.5, 0.75, Interval(0.25, 0.125, 0.375, 0.95, "bootstrap", 40), 40, 10, 2, 28, 0.3)
    policy = GatePolicy((clause,))
    return Decision(
        decision_id=decision_id,
        verdict=verdict,
        app="helpdesk",
        candidate_bundle=candidate,
        baseline_bundle=baseline,
        policy=policy,
        policy_digest=policy.digest,
        golden_name="support",
        golden_version="c" * 64,
        candidate_run="run-2",
        baseline_run="run-1",
        run_digests={"run-1": "f" * 64, "run-2": "a" * 64},
        clauses=(ClauseResult(clause, verdict, "not worse", delta, 0.01), ClauseResult(clause, verdict, "no", None)),
        seed=7,
        versions={"assay": "0.1.0"},
        created_at=created_at,
        notes=("a note",),
    )


def calibration(threshold: float = 0.25) -> Calibration:
    return Calibration(
        app="helpdesk",
        golden_name="support",
        golden_version="c" * 64,
        threshold=threshold,
        target_error=0.05,
        level=0.95,
        coverage=0.83,
        error=0.03,
        error_low=0.01,
        error_high=0.06,
        answered=83,
        cases=100,
        scorer="f1.v1",
        curve=((0.9, 0.1, 0.0, 0.0, 0.2, 10), (0.25, 0.83, 0.03, 0.01, 0.06, 83)),
        weights={"top_score": 1.5},
        created_at=AT,
    )


def trace(trace_id: str = "t-1", tenant: str = "acme", at: str = AT) -> Trace:
    whole = reply()
    return Trace(
        trace_id=trace_id,
        app="helpdesk",
        bundle_id="b" * 64,
        snapshot_id=whole.snapshot_id,
        tenant=tenant,
        groups=("hr",),
        at=at,
        outcome=whole.outcome,
        reason="",
        confidence=None,
        duration_ms=12.5,
        stages=whole.stages,
        passages=whole.passages,
        checks=tuple(sentence.check for sentence in whole.sentences),
        usage=whole.usage,
        question="How long?",
        answer=whole.text,
    )


def opinion(feedback_id: str = "f-1", trace_id: str = "t-1", at: str = AT) -> Feedback:
    return Feedback(feedback_id, trace_id, "acme", "down", "wrong", at)


def key(key_id: str = "k-1", digest: str = "9" * 64, created_at: str = AT) -> ApiKey:
    return ApiKey(key_id, digest, "a label", "acme", ("hr",), created_at, roles=frozenset({"ask", "operate"}))
