"""Chunks, retrievers and generators for the tests of the assistant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from assay.records.access import AccessList
from assay.records.chat import DraftDone, DraftEvent, DraftSentence
from assay.records.dialogue import Turn
from assay.records.digest import sha256_bytes
from assay.records.documents import BlockKind, Chunk
from assay.records.retrieval import Query, Ranked, Retrieved

OPENING = "The library was founded in 1897 by Ada Berg. It holds 12,000 books. Fines are not charged for children."
RULES = "Loans last three weeks. A loan can be renewed twice. The reading room closes at 18:00."


def chunk(text: str, doc_id: str = "d", start: int = 0, **fields: object) -> Chunk:
    made = {
        "chunk_id": f"{doc_id}-{start}",
        "doc_id": doc_id,
        "text_sha256": sha256_bytes(text.encode()),
        "ordinal": 0,
        "start": start,
        "end": start + len(text),
        "text": text,
        "title": "Title of " + doc_id,
        "heading_path": (),
        "kind": BlockKind.PARAGRAPH,
        "language": "en",
        "access": AccessList(),
        "page": 3,
        "source_uri": f"file:{doc_id}",
        "modified_at": "2026-01-02T00:00:00Z",
    }
    return Chunk(**(made | fields))  # type: ignore[arg-type]


def ranked(*texts: str, **fields: object) -> tuple[Ranked, ...]:
    return tuple(
        Ranked(chunk(text, f"d{n}", start=10 * n, **fields), 1.0 / n, {"lexical": (n, 9.0 / n)})
        for n, text in enumerate(texts, start=1)
    )


@dataclass
class Shelf:
    """A retriever that always finds the same passages, or fails."""

    found: Sequence[Ranked] = ()
    error: Exception | None = None
    asked: list[Query] = field(default_factory=list)

    @property
    def recipe(self) -> str:
        return "shelf.v1"

    def retrieve(self, query: Query) -> Retrieved:
        self.asked.append(query)
        if self.error:
            raise self.error
        return Retrieved(tuple(self.found), {"lexical": 1.0}, "snap", query.mode)


@dataclass
class Scripted:
    """A generator that drafts what it was given."""

    sentences: Sequence[DraftSentence] = ()
    declined: bool = False
    error: Exception | None = None
    closed: bool = False

    @property
    def recipe(self) -> str:
        return "scripted.v1"

    async def draft(
        self, question: str, history: Sequence[Turn], passages: Sequence[Ranked]
    ) -> AsyncIterator[DraftEvent]:
        try:
            for sentence in self.sentences:
                yield sentence
            if self.error:
                raise self.error
            yield DraftDone(declined=self.declined)
        finally:
            self.closed = True
