"""The retrieval lab, and where failed cases lost their evidence: on fakes whose losses are planted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryCatalog
from assay.adapters.memory_index import MemoryIndex
from assay.evaluate.attribution import Attribution, Attributor, Loss, holding, loss_table
from assay.evaluate.attribution_html import attribution_html
from assay.evaluate.lab import CUTOFFS, Pipeline, missed, run_lab, search_cases
from assay.evaluate.lab_html import lab_html
from assay.evaluate.placing import PlacedReader, PlacedRetriever, Placement
from assay.plot.curves import Curve, curves_svg
from assay.plot.stacked import Bar, stacked_svg
from assay.ports.answering import Retriever
from assay.ports.storage import SourceState
from assay.records.access import AccessList, Scope
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Passage, Reply
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.errors import CannotJudge
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy

TEXTS = {
    "leave": "Every employee has 25 days of leave.",
    "pay": "Salaries are paid on the 27th.",
    "lunch": "Lunch is at noon in the canteen.",
    "parking": "Parking costs 40 euros a month.",
    "secret": "The board is paid 900 euros a day.",
}
ACCESS = {"secret": AccessList("default", ("board",))}


def chunk(doc_id: str, text: str) -> Chunk:
    access = ACCESS.get(doc_id, AccessList())
    return Chunk(f"{doc_id}#0", doc_id, "0" * 64, 0, 0, len(text), text, doc_id, (), BlockKind.PARAGRAPH, "en", access)


CHUNKS = {doc_id: chunk(doc_id, text) for doc_id, text in TEXTS.items()}


@pytest.fixture
def catalog() -> MemoryCatalog:
    made = MemoryCatalog()
    for doc_id, piece in CHUNKS.items():
        document = Document(doc_id, "0" * 64, doc_id, f"docs/{doc_id}", "text/plain", "en", "", piece.access, 9)
        made.put_source(SourceState(f"docs/{doc_id}", "docs", 1, 0, "", "test", (doc_id,)), [(document, (piece,))])
    return made


@dataclass(frozen=True)
class Listed:
    """A retriever that returns the documents it was told to, in that order, to whoever may see them."""

    order: tuple[str, ...]
    engine_rank: int = 1

    @property
    def recipe(self) -> str:
        return f"listed({','.join(self.order)})"

    def retrieve(self, query: Query) -> Retrieved:
        allowed = [CHUNKS[d] for d in self.order if query.scope.allows(CHUNKS[d].access)]
        ranked = [
            Ranked(piece, 1 / rank, {"lexical": (self.engine_rank, 1.0), "fused": (rank, 1 / rank)})
            for rank, piece in enumerate(allowed, 1)
        ]
        return Retrieved(tuple(ranked[: query.limit]), {}, "snapshot", "lexical")


def case(name: str, doc_id: str, answer: str, **more: object) -> Case:
    expected = Expected(True, (answer,), (Evidence(doc_id, TEXTS.get(doc_id, "")),))
    return replace(Case(name, f"question of {name}", expected), **more)  # type: ignore[arg-type]


CASES = (case("a", "leave", "25"), case("b", "pay", "27th"), case("c", "parking", "40", slices=("kind=numeric",)))


def test_pipelines_are_measured_by_document_and_paired_with_the_baseline() -> None:
    """Known values: gold always first gives nDCG 1; always second gives 1/log2(3) and recall@1 of 0."""
    golden = GoldenSet("known", CASES)
    firsts = _PerCase({"a": ("leave",), "b": ("pay",), "c": ("parking",)})
    seconds = _PerCase({"a": ("lunch", "leave"), "b": ("lunch", "pay"), "c": ("lunch", "parking")})
    told: list[tuple[int, int, str]] = []
    result = run_lab(
        golden, [Pipeline("first", firsts), Pipeline("second", seconds)], FakeClock(), baseline="first",
        progress=lambda done, total, name: told.append((done, total, name)),
    )  # fmt: skip
    first, second = result.pipelines
    assert first.curves["nDCG"] == (1.0,) * len(CUTOFFS)
    assert second.curves["recall"][:2] == (0.0, 1.0)
    assert second.curves["MRR"][-1] == 0.5
    delta = next(d for d in result.comparisons[0].deltas if d.metric.name == "nDCG@10" and not d.slice)
    assert delta.interval.estimate == pytest.approx(1 / 1.584962500721156 - 1)
    assert (delta.won, delta.lost, delta.interval.n) == (0, 3, 3)
    assert told[-1] == (6, 6, "second")
    assert missed(second, golden, 1) == CASES
    assert missed(second, golden, 2) == ()


@dataclass(frozen=True)
class _PerCase:
    """A retriever with an order of its own for every case, told by the question's last word."""

    orders: dict[str, tuple[str, ...]]
    recipe: str = "per case"

    def retrieve(self, query: Query) -> Retrieved:
        return Listed(self.orders[query.text.split()[-1]]).retrieve(query)


def test_each_case_is_searched_in_its_own_scope() -> None:
    """What the case's caller may not read is not found for it."""
    closed = case("a", "secret", "900")
    opened = replace(closed, case_id="b", scope=Scope(groups=frozenset({"board"})))
    golden = GoldenSet("scopes", (closed, opened))
    result = run_lab(golden, [Pipeline("all", Listed(("secret",)))], FakeClock(), baseline="all")
    assert [sample.scores["recall@10"] for sample in result.pipelines[0].samples] == [0.0, 1.0]


def test_a_golden_set_without_evidence_cannot_be_judged() -> None:
    """Unanswerable cases and cases that name no document say nothing about a ranking."""
    silent = GoldenSet("silent", (Case("a", "?", Expected(False)), Case("b", "?", Expected(True, ("x",)))))
    with pytest.raises(CannotJudge, match=r"lab\.no_evidence"):
        search_cases(silent)
    with pytest.raises(CannotJudge, match=r"lab\.no_baseline"):
        run_lab(GoldenSet("g", CASES), [Pipeline("one", Listed(()))], FakeClock(), baseline="other")


def test_the_labs_page_is_one_file_without_scripts_or_addresses() -> None:
    """Names and questions are data there."""
    golden = GoldenSet("<b>g</b>", CASES)
    pipelines = [Pipeline("one", Listed(("leave",))), Pipeline("<i>two</i>", Listed(("pay", "leave")))]
    html = lab_html(run_lab(golden, pipelines, FakeClock(), baseline="one"))
    assert "<b>g</b>" not in html
    assert "<i>two</i>" not in html
    assert not re.search(r"<script|href=|src=|\son\w+=", html)


@pytest.mark.parametrize(
    "svg",
    [
        curves_svg([Curve("a", (0.1, 0.5, 0.9)), Curve("b & c", (0.2, 0.5, 0.9))], (1, 5, 10), "recall@k"),
        curves_svg([], (1,), "recall@k"),
        stacked_svg([Bar("lost <here>", (3, 0, 9)), Bar("there", (0, 0, 1))], ("x", "y", "z")),
        stacked_svg([], ("x",)),
    ],
)
def test_new_plots_are_well_formed_and_named(svg: str) -> None:
    """A reader of XML takes them, and they carry a title for those who cannot see them."""
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"


def test_labels_of_curves_that_end_together_do_not_cover_each_other() -> None:
    """Three lines with one last value have labels at least a line's height apart."""
    svg = curves_svg([Curve(name, (0.1, 0.9)) for name in "abc"], (1, 10), "recall@k")
    heights = sorted(float(y) for y in re.findall(r'<text x="616" y="([\d.]+)"', svg))
    assert len(heights) == 3
    assert min(b - a for a, b in pairwise(heights)) >= 14


def test_a_placed_reader_finds_gold_first_in_both_engines_and_only_for_whoever_may_see_it() -> None:
    """Replaying never opens what the scope closes."""
    index = MemoryIndex()
    index.add([piece for doc_id, piece in CHUNKS.items() if doc_id != "parking"])
    index.commit()
    placed = PlacedReader(index.head(), (CHUNKS["leave"], CHUNKS["secret"]))
    found = [hit.chunk_id for hit in placed.lexical("lunch canteen leave", Scope(), 10)]
    assert found[0] == "leave#0"
    assert found.count("leave#0") == 1
    assert "secret#0" not in found
    assert placed.lexical("nothing", Scope(groups=frozenset({"board"})), 10)[-1].chunk_id == "secret#0"


Answering = Callable[[Sequence[Ranked]], str]


def attributor(
    catalog: MemoryCatalog, retriever: Retriever, answering: Answering, passages: int = 2, candidates: int = 100
) -> Attributor:
    """A system that searches and then answers with `answering`; right means that the gold answer stands in it."""

    async def answer(case: Case, placement: Placement, gold: tuple[Chunk, ...]) -> Reply:
        placed = PlacedRetriever(retriever, gold, placement is Placement.ALONE)
        return replied(placed, case, answering, passages)

    def right(case: Case, reply: Reply) -> bool:
        return any(text in reply.text for text in case.expected.answers)

    return Attributor(catalog, retriever, passages, "hybrid", right, answer, candidates)


def replied(retriever: Retriever, case: Case, answering: Answering, passages: int = 2) -> Reply:
    found = retriever.retrieve(Query(case.question, case.scope, passages)).ranked
    shown = tuple(Passage(n, r.chunk.chunk_id, r.chunk.span, r.score) for n, r in enumerate(found, 1))
    text = answering(found)
    if not text:
        return Reply(Outcome.ABSTAINED, "assist.below_threshold", passages=shown)
    source = next(r.chunk for r in found if text in r.chunk.text)
    citation = Citation(source.span, source.text, source.title, "", source.chunk_id)
    sentence = AnswerSentence(text, (citation,), Check(CheckStatus.SUPPORTED, 1.0))
    return Reply(Outcome.ANSWERED, sentences=(sentence,), passages=shown)


def first_text(found: Sequence[Ranked]) -> str:
    return found[0].chunk.text if found else ""


def last_text(found: Sequence[Ranked]) -> str:
    return found[-1].chunk.text if found else ""


def nothing(_found: Sequence[Ranked]) -> str:
    return ""


PLANTED: list[tuple[str, Case, Retriever, Answering, Loss, str]] = [
    ("gone", case("x", "never-there", "1"), Listed(("leave",)), first_text, Loss.NOT_IN_CORPUS, ""),
    ("closed", case("x", "secret", "900"), Listed(("leave",)), first_text, Loss.NOT_ALLOWED, ""),
    ("unfound", case("x", "leave", "25"), Listed(("pay", "lunch")), first_text, Loss.NOT_RETRIEVED, "engines"),
    ("below", case("x", "leave", "25"), Listed(("pay", "lunch", "leave")), first_text, Loss.RANKED_AWAY, "ranking"),
    ("deep", case("x", "leave", "25"), Listed(("pay", "pay", "leave"), 999), first_text, Loss.NOT_RETRIEVED, "engines"),
    ("declined", case("x", "leave", "25"), Listed(("leave", "pay")), nothing, Loss.DECLINED, ""),
    ("other source", case("x", "leave", "25"), Listed(("leave", "pay")), last_text, Loss.CONTRADICTED, "alone"),
    ("useless", case("x", "leave", "30"), Listed(("leave", "pay")), first_text, Loss.IGNORED, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "asked", "retriever", "answering", "loss", "repaired"), PLANTED)
async def test_a_planted_loss_is_named(
    catalog: MemoryCatalog, name: str, asked: Case, retriever: Retriever, answering: Answering, loss: Loss,
    repaired: str,
) -> None:  # fmt: skip
    """Each way to lose evidence is told by its name, and by the placement that repairs it."""
    found = await attributor(catalog, retriever, answering).attribute(asked, replied(retriever, asked, answering))
    assert (found.loss, found.repaired_by) == (loss, repaired)


async def test_a_quote_that_no_chunk_holds_was_lost_in_parsing(catalog: MemoryCatalog) -> None:
    """The document is there, its words are not; a quote with some other words is still found."""
    lost = Case("x", "?", Expected(True, ("z",), (Evidence("leave", "a table that no parser read"),)))
    reply = Reply(Outcome.ABSTAINED)
    found = await attributor(catalog, Listed(("pay",)), first_text).attribute(lost, reply)
    assert found.loss is Loss.LOST_IN_PARSING
    near = Evidence("leave", "Each employee has  25 days of LEAVE")
    assert holding(near, (CHUNKS["leave"],), lost) == (CHUNKS["leave"],)


async def test_passages_that_were_ranked_but_not_handed_over_were_packed_out(catalog: MemoryCatalog) -> None:
    """A folded or trimmed passage is told from one that ranked too low."""
    asked = case("x", "leave", "25")
    reply = replace(replied(Listed(("pay", "lunch")), asked, first_text))
    found = await attributor(catalog, Listed(("leave", "pay")), first_text).attribute(asked, reply)
    assert (found.loss, found.repaired_by) == (Loss.PACKED_OUT, "passages")


async def test_cases_without_evidence_are_told_apart(catalog: MemoryCatalog) -> None:
    """An unanswerable case that was answered lost nothing, and a case that names no evidence cannot be followed."""
    made = attributor(catalog, Listed(("pay",)), first_text)
    unanswerable = await made.attribute(Case("x", "?", Expected(False)), Reply(Outcome.ANSWERED))
    unnamed = await made.attribute(Case("y", "?", Expected(True, ("z",))), Reply(Outcome.ANSWERED))
    assert (unanswerable.loss, unnamed.loss) == (Loss.WRONGLY_ANSWERED, Loss.NO_EVIDENCE_NAMED)


def test_losses_are_counted_once_and_shown_with_escaped_questions() -> None:
    """Every failed case is in exactly one row, and rows divide into proved, later and never."""
    found = [
        Attribution("a", Loss.NOT_RETRIEVED, "engines", {}),
        Attribution("b", Loss.NOT_RETRIEVED, "alone", {}),
        Attribution("c", Loss.NOT_RETRIEVED, "", {"rank": 7}),
        Attribution("d", Loss.IGNORED, "alone", {}),
    ]
    rows = loss_table(found)
    assert [(r.loss, r.cases, r.proved, r.repaired_later, r.never) for r in rows] == [
        (Loss.NOT_RETRIEVED, 3, 1, 1, 1),
        (Loss.IGNORED, 1, 1, 0, 0),
    ]
    cases = {name: Case(name, "<script>alert(1)</script>", Expected()) for name in "abcd"}
    html = attribution_html(found, cases, "run <x>", 9)
    assert "<script>alert" not in html
    assert "4 of 9 cases failed" in html


def test_a_real_retriever_serves_as_a_pipeline(catalog: MemoryCatalog) -> None:
    """The lab asks what the app would use: here words over a real index."""
    index = MemoryIndex()
    index.add(list(CHUNKS.values()))
    index.commit()
    finder = HybridRetriever(index.head(), catalog, None, RetrievePolicy("lexical"), FakeClock())
    asked = Case("a", "days of leave", Expected(True, ("25",), (Evidence("leave"),)))
    result = run_lab(GoldenSet("g", (asked,)), [Pipeline("words", finder, "lexical")], FakeClock(), baseline="words")
    assert result.pipelines[0].samples[0].scores["nDCG@10"] == 1.0
    assert result.pipelines[0].mode == "lexical"
