"""A policy on retrieved passages, before anything ranks them for an answer or shows them to a model."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from assay.guard.acting import Acted, Acting
from assay.guard.policy import Context, Where
from assay.ports.answering import Retriever
from assay.records.documents import Chunk
from assay.records.retrieval import Query, Retrieved

REMEMBERED = 4096


@dataclass
class PassageNotes:
    """What the policy did to passages, by context, chunk and text: the same passage is looked at once while it is
    remembered, and the answer's guard learns from here what a passage costs in rights. For several threads."""

    most: int = REMEMBERED
    _kept: OrderedDict[tuple[Context, str, str], Acted] = field(default_factory=OrderedDict)
    _newest: OrderedDict[tuple[Context, str], Acted] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, context: Context, chunk: Chunk) -> Acted | None:
        with self._lock:
            return self._kept.get((context, chunk.chunk_id, chunk.text))

    def put(self, context: Context, chunk: Chunk, acted: Acted) -> None:
        with self._lock:
            self._kept[context, chunk.chunk_id, chunk.text] = acted
            self._newest[context, chunk.chunk_id] = acted
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
            while len(self._newest) > self.most:
                self._newest.popitem(last=False)

    def of(self, context: Context, chunk_id: str) -> Acted | None:
        with self._lock:
            return self._newest.get((context, chunk_id))


@dataclass(frozen=True)
class PolicedRetriever:
    """Masks findings in passages sign for sign, so that offsets of citations stay true, and takes out passages that
    the policy refuses. Titles are masked too. The search itself sees the documents as they are."""

    retriever: Retriever
    acting: Acting
    app: str
    notes: PassageNotes

    @property
    def recipe(self) -> str:
        return f"policed.v1({self.acting.policy.digest[:12]})({self.retriever.recipe})"

    def retrieve(self, query: Query) -> Retrieved:
        found = self.retriever.retrieve(query)
        context = Context(Where.PASSAGES, query.scope.tenant, self.app, query.scope.purpose)
        if not self.acting.policy.decisions(context):
            return found
        kept = []
        for ranked in found.ranked:
            chunk = self._chunk(ranked.chunk, context)
            if chunk is not None:
                kept.append(replace(ranked, chunk=chunk, also=self._twins(ranked.also, context)))
        return replace(found, ranked=tuple(kept))

    def _twins(self, twins: Sequence[Chunk], context: Context) -> tuple[Chunk, ...]:
        seen = (self._chunk(twin, context) for twin in twins)
        return tuple(twin for twin in seen if twin is not None)

    def _chunk(self, chunk: Chunk, context: Context) -> Chunk | None:
        acted = self.notes.get(context, chunk)
        over = [self.acting.act(text, context) for text in (chunk.title, *chunk.heading_path)]
        if acted is None:
            acted = self.acting.act(chunk.text, context)
            acted.lowered = acted.lowered or any(one.lowered for one in over)
            self.notes.put(context, chunk, acted)
        if acted.refused or any(one.refused for one in over):
            return None
        title, *headings = [one.text for one in over]
        return replace(chunk, text=acted.text, title=title, heading_path=tuple(headings))
