"""Cases to examples: quotes name chunks, scopes hold; and questions made from a corpus."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.memory import MemoryCatalog
from assay.adapters.memory_index import MemoryIndex
from assay.ports.storage import SourceState
from assay.records.access import CLOSED, AccessList, Scope
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.golden import Case, Evidence, Expected
from assay.retrieve.backfill import embed_missing
from assay.retrieve.features import CandidateFeatures
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy
from assay.text.tokens import words
from assay.train.examples import carries, examples_of, usable
from assay.train.synthetic import PER_DOCUMENT, synthetic_cases

LONG = "The {} committee publishes seven binding recommendations about harbour dredging every second autumn."


def chunk(doc_id: str, text: str, ordinal: int = 0, access: AccessList = AccessList(), **more: object) -> Chunk:  # noqa: B008
    plain = Chunk(
        f"{doc_id}#{ordinal}",
        doc_id,
        "0" * 64,
        ordinal,
        0,
        len(text),
        text,
        "Title",
        (),
        BlockKind.PARAGRAPH,
        "en",
        access,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def searching(chunks: list[Chunk]) -> HybridRetriever:
    catalog, index, embedder = MemoryCatalog(), MemoryIndex(), HashingEmbedder(64)
    for doc_id in dict.fromkeys(one.doc_id for one in chunks):
        mine = [one for one in chunks if one.doc_id == doc_id]
        document = Document(doc_id, "0" * 64, "T", f"file:{doc_id}", "text/plain", "en", "", mine[0].access, 9)
        catalog.put_source(SourceState(f"file:{doc_id}", "test", 1, 0, "", "", (doc_id,)), [(document, mine)])
    index.add(chunks)
    index.commit()
    embed_missing(index, catalog, embedder)
    return HybridRetriever(index.head(), catalog, embedder, RetrievePolicy(), FakeClock())


def test_a_quote_names_the_chunk_and_its_absence_the_document() -> None:
    """White space and case do not matter; a quote that no chunk holds whole falls back to the document."""
    chunks = [chunk("a", "One thing.\nSays it."), chunk("a", "Another.", 1), chunk("b", "One thing.")]
    assert carries(Evidence("a", "one thing. says"), chunks).tolist() == [True, False, False]
    assert carries(Evidence("a"), chunks).tolist() == [True, True, False]
    assert carries(Evidence("a", "not there"), chunks).tolist() == [True, True, False]


def test_every_case_is_searched_in_its_own_scope() -> None:
    """A document closed to the case's scope is no candidate of it."""
    chunks = [chunk("open", "lemon tart"), chunk("closed", "lemon tart", access=AccessList("default", ("hr",)))]
    asked = Case("q", "lemon tart", Expected(evidence=(Evidence("open"),)))
    member = replace(asked, case_id="m", scope=Scope("default", frozenset({"hr"})))
    mine, theirs = examples_of([asked, member], searching(chunks), CandidateFeatures(), 32)
    assert set(mine.documents) == {"open"}
    assert set(theirs.documents) == {"open", "closed"}


def test_only_cases_that_name_evidence_are_used() -> None:
    """Unanswerable ones and those without evidence say nothing of a ranking."""
    good = Case("a", "q", Expected(evidence=(Evidence("d"),)))
    assert usable([good, Case("b", "q", Expected()), Case("c", "q", Expected(answerable=False))]) == (good,)


def corpus() -> list[Chunk]:
    names = ("Harbour", "Granite", "Walnut", "Meridian", "Falcon", "Copper")
    return [chunk(f"d{i}", LONG.format(name), j) for i, name in enumerate(names) for j in range(5)]


def test_the_same_corpus_and_seed_give_the_same_questions() -> None:
    """Reproducible, and another seed asks others."""
    assert synthetic_cases(corpus(), 1) == synthetic_cases(corpus(), 1)
    assert synthetic_cases(corpus(), 1) != synthetic_cases(corpus(), 2)


def test_questions_are_shorter_than_their_sentence_and_few_from_one_document() -> None:
    """Words are dropped, order is kept, evidence is the chunk."""
    made = synthetic_cases(corpus(), 3)
    assert made
    for one in made:
        assert len(words(one.question)) < len(words(LONG))
        assert set(words(one.question)) <= set(words(one.expected.evidence[0].quote))
    assert max(sum(one.cluster == f"d{i}" for one in made) for i in range(6)) <= PER_DOCUMENT
    assert len(synthetic_cases(corpus(), 3, most=2)) == 2


def test_a_heading_is_a_question_only_where_one_document_has_it() -> None:
    """What stands over many documents asks for none of them."""
    own = [replace(one, heading_path=(f"Dredging rules of {one.doc_id}",)) for one in corpus()]
    shared = [replace(one, heading_path=("General dredging rules",)) for one in corpus()]
    kinds = [{one.slices[0] for seed in range(8) for one in synthetic_cases(of, seed)} for of in (own, shared)]
    assert kinds == [{"kind=heading", "kind=sentence"}, {"kind=sentence"}]


def test_a_question_asks_in_a_scope_that_may_read_its_evidence_and_closed_documents_are_left_out() -> None:
    """The evidence of every question can be found by whoever asks it."""
    access = AccessList("acme", ("hr", "it"))
    made = synthetic_cases([replace(one, access=access) for one in corpus()], 1)
    assert made
    assert all(one.scope.allows(access) for one in made)
    assert synthetic_cases([replace(one, access=CLOSED) for one in corpus()], 1) == ()


@pytest.mark.parametrize("text", ["", "Short.", "漢字だけの文章です。"])
def test_a_corpus_without_sentences_gives_no_questions(text: str) -> None:
    """Nothing is made up where there is nothing to ask about."""
    assert synthetic_cases([chunk("a", text)], 0) == ()
