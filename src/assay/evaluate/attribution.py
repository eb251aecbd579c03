"""Where failed answers lost their evidence: observed stage by stage, and proved by replaying with it put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.evaluate.placing import Placement
from assay.evaluate.wording import overlaps, plain_words, stands_in
from assay.ports.answering import Retriever
from assay.ports.storage import Catalog
from assay.records.dialogue import Outcome, Reply
from assay.records.documents import Chunk
from assay.records.errors import NotFound
from assay.records.golden import Case, Evidence
from assay.records.retrieval import Query

ENOUGH_OF_QUOTE = 0.6
"""The share of a quote's words that a chunk must hold when the quote does not stand in it as it is."""
MOST_GOLD_CHUNKS = 3


class Loss(StrEnum):
    """The first stage after which the gold evidence was no longer there, or did not do its work."""

    NOT_IN_CORPUS = "not_in_corpus"
    NOT_ALLOWED = "not_allowed"
    """The case's own caller may not read it: the golden set and the access lists disagree."""
    LOST_IN_PARSING = "lost_in_parsing"
    """The document is there, the quote is in none of its chunks."""
    NOT_RETRIEVED = "not_retrieved"
    """No engine had it among its candidates."""
    RANKED_AWAY = "ranked_away"
    """An engine found it; fusion or reranking put it below the passages."""
    PACKED_OUT = "packed_out"
    """Ranked high enough, yet not handed to the generator."""
    DECLINED = "declined"
    """Handed over, and the system said that it does not know."""
    CONTRADICTED = "contradicted"
    """Handed over; the answer rests on another source, and without the others it is right."""
    IGNORED = "ignored"
    """Handed over, and the generator made something else of it."""
    WRONGLY_ANSWERED = "wrongly_answered"
    """There is no evidence to lose: the case is not answerable, and was answered."""
    NO_EVIDENCE_NAMED = "no_evidence_named"
    """The golden case does not say where its answer stands."""


PLACED_AFTER: Mapping[Loss, Placement] = {
    Loss.NOT_RETRIEVED: Placement.ENGINES,
    Loss.RANKED_AWAY: Placement.RANKING,
    Loss.PACKED_OUT: Placement.PASSAGES,
    Loss.DECLINED: Placement.ALONE,
    Loss.CONTRADICTED: Placement.ALONE,
    Loss.IGNORED: Placement.ALONE,
}
"""The placement that undoes the observed loss and nothing after it."""
_ORDER = tuple(Placement)


@dataclass(frozen=True, slots=True)
class Attribution:
    """One failed case. `detail` holds ranks and counts, never text.

    `repaired_by` is the earliest placement, from the observed loss on, with which the answer is right; empty when the
    answer stays wrong even with nothing but the gold evidence, or when there is nothing to place.
    """

    case_id: str
    loss: Loss
    repaired_by: str
    detail: Mapping[str, int | str]

    @property
    def proved(self) -> bool:
        """True when putting the evidence back where it was lost makes the answer right."""
        placement = PLACED_AFTER.get(self.loss)
        return placement is not None and self.repaired_by == placement.value


Answer = Callable[[Case, Placement, tuple[Chunk, ...]], Awaitable[Reply]]
"""Asks the system with the gold chunks placed at one stage."""


@dataclass(frozen=True)
class Attributor:
    """Tells for one failed case where its evidence was lost. `passages` is how many the generator gets."""

    catalog: Catalog
    retriever: Retriever
    passages: int
    mode: str
    right: Callable[[Case, Reply], bool]
    answer: Answer
    candidates: int = 100
    """How many chunks each engine is asked for when the system answers."""

    async def attribute(self, case: Case, reply: Reply) -> Attribution:
        """The loss of a case that `reply` failed."""
        if not case.expected.answerable:
            return Attribution(case.case_id, Loss.WRONGLY_ANSWERED, "", {})
        if not case.expected.evidence:
            return Attribution(case.case_id, Loss.NO_EVIDENCE_NAMED, "", {})
        loss, gold, detail = self._observed(case, reply)
        if loss not in PLACED_AFTER:
            return Attribution(case.case_id, loss, "", detail)
        placed = await self._replayed(case, PLACED_AFTER[loss], gold)
        if loss is Loss.IGNORED and placed and _rests_elsewhere(case, reply):
            loss = Loss.CONTRADICTED
        return Attribution(case.case_id, loss, placed, detail)

    async def _replayed(self, case: Case, first: Placement, gold: tuple[Chunk, ...]) -> str:
        for placement in _ORDER[_ORDER.index(first) :]:
            if self.right(case, await self.answer(case, placement, gold)):
                return placement.value
        return ""

    def _observed(self, case: Case, reply: Reply) -> tuple[Loss, tuple[Chunk, ...], dict[str, int | str]]:
        found = [(evidence, self._document_chunks(evidence)) for evidence in case.expected.evidence]
        present = [(evidence, chunks) for evidence, chunks in found if chunks]
        detail: dict[str, int | str] = {"evidence": len(found), "in_corpus": len(present)}
        if not present:
            return Loss.NOT_IN_CORPUS, (), detail
        allowed = [(e, chunks) for e, chunks in present if case.scope.allows(chunks[0].access)]
        if not allowed:
            return Loss.NOT_ALLOWED, (), detail
        gold = tuple(dict.fromkeys(chunk for e, chunks in allowed for chunk in holding(e, chunks, case)))
        if not gold:
            return Loss.LOST_IN_PARSING, (), detail
        names = {chunk.chunk_id for chunk in gold}
        if names & {passage.chunk_id for passage in reply.passages}:
            abstained = reply.outcome in (Outcome.ABSTAINED, Outcome.REFUSED)
            return (Loss.DECLINED if abstained else Loss.IGNORED), gold, detail
        loss, ranks = self._searched(case, names)
        return loss, gold, {**detail, **ranks}

    def _document_chunks(self, evidence: Evidence) -> tuple[Chunk, ...]:
        try:
            self.catalog.document(evidence.doc_id)
        except NotFound:
            return ()
        return self.catalog.chunks_of(evidence.doc_id)

    def _searched(self, case: Case, names: set[str]) -> tuple[Loss, dict[str, int | str]]:
        """Where in a deeper search the evidence stands, and at which stage it fell behind."""
        asked = tuple(turn.content for turn in case.history if turn.role == "user")
        depth = 2 * max(self.candidates, self.passages)
        found = self.retriever.retrieve(Query(case.question, case.scope, depth, self.mode, asked))
        places = [(rank, item) for rank, item in enumerate(found.ranked, 1) if item.chunk.chunk_id in names]
        if not places:
            return Loss.NOT_RETRIEVED, {"looked_at": len(found.ranked)}
        rank, item = places[0]
        ranks: dict[str, int | str] = {"rank": rank, **{name: at for name, (at, _) in item.stages.items()}}
        engines = [at for name, (at, _) in item.stages.items() if name in ("lexical", "dense")]
        if engines and min(engines) > self.candidates:
            return Loss.NOT_RETRIEVED, ranks
        last = max((at for name, (at, _) in item.stages.items() if name in ("fused", "reranked")), default=rank)
        return (Loss.PACKED_OUT if min(rank, last) <= self.passages else Loss.RANKED_AWAY), ranks


def holding(evidence: Evidence, chunks: Sequence[Chunk], case: Case) -> tuple[Chunk, ...]:
    """The chunks of a document that hold the evidence, at most three; empty when the quote stands in none of them.

    Without a quote the whole document is the evidence: then the chunks that hold a gold answer, else its first ones.
    """
    if not evidence.quote.strip():
        answered = [chunk for chunk in chunks if any(stands_in(a, chunk.text) for a in case.expected.answers)]
        return tuple((answered or list(chunks))[:MOST_GOLD_CHUNKS])
    exact = [c for c in chunks if stands_in(evidence.quote, c.text) or overlaps(evidence.quote, c.text)]
    if exact:
        return tuple(exact[:MOST_GOLD_CHUNKS])
    wanted = set(plain_words(evidence.quote))
    best = max(chunks, key=lambda chunk: len(wanted & set(plain_words(chunk.text))))
    enough = wanted and len(wanted & set(plain_words(best.text))) >= ENOUGH_OF_QUOTE * len(wanted)
    return (best,) if enough else ()


def _rests_elsewhere(case: Case, reply: Reply) -> bool:
    """True when the answer cites documents and none of them is a gold one."""
    cited = {citation.span.doc_id for citation in reply.citations}
    return bool(cited) and cited.isdisjoint(evidence.doc_id for evidence in case.expected.evidence)


@dataclass(frozen=True, slots=True)
class LossRow:
    """One kind of loss: how many cases, how many are right once the evidence is put back there, later, or never."""

    loss: Loss
    cases: int
    proved: int
    repaired_later: int
    never: int


def loss_table(attributions: Sequence[Attribution]) -> tuple[LossRow, ...]:
    """Rows in the order of the pipeline; losses that did not occur are left out."""
    counts = Counter(attribution.loss for attribution in attributions)
    rows: list[LossRow] = []
    for loss in Loss:
        mine = [attribution for attribution in attributions if attribution.loss is loss]
        proved = sum(attribution.proved for attribution in mine)
        later = sum(bool(attribution.repaired_by) and not attribution.proved for attribution in mine)
        if counts[loss]:
            rows.append(LossRow(loss, counts[loss], proved, later, counts[loss] - proved - later))
    return tuple(rows)
