"""Passages by their labels: what is classified too high is never found, and what is found says what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.ports.answering import Retriever
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.retrieval import Query, Retrieved
from assay.records.taint import Classification, Label, joined

LabelsOf = Callable[[Sequence[str]], Mapping[str, Label]]
"""Document ids to their labels; every id gets one."""


class Cleared:
    """A `Catalog` in which chunks of documents above a limit are not visible.

    Whoever searches asks the catalog before anything is ranked, cached, logged or cited, and asks the engines for more
    when it takes something away: so nothing is lost by it, and nothing slips through.
    """

    def __init__(self, catalog: Catalog, labels: LabelsOf, limit: Callable[[Scope], Classification]) -> None:
        self._catalog = catalog
        self._labels = labels
        self._limit = limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        return self._cleared(self._catalog.visible(chunk_ids, scope), scope)

    def visible_at(self, chunk_ids: Sequence[str], scope: Scope, at: str) -> frozenset[str]:
        return self._cleared(self._catalog.visible_at(chunk_ids, scope, at), scope)

    def _cleared(self, chunk_ids: frozenset[str], scope: Scope) -> frozenset[str]:
        limit = self._limit(scope)
        if limit is Classification.RESTRICTED or not chunk_ids:
            return chunk_ids
        chunks = self._catalog.chunks(sorted(chunk_ids))
        labels = self._labels(sorted({chunk.doc_id for chunk in chunks.values()}))
        return frozenset(
            chunk_id for chunk_id, chunk in chunks.items() if labels[chunk.doc_id].classification.within(limit)
        )


@dataclass(frozen=True)
class LabelledRetriever:
    """Puts on each passage the label of its document, joined with those of the passages folded into it."""

    retriever: Retriever
    labels: LabelsOf

    @property
    def recipe(self) -> str:
        return self.retriever.recipe

    def retrieve(self, query: Query) -> Retrieved:
        found = self.retriever.retrieve(query)
        every = sorted({chunk.doc_id for one in found.ranked for chunk in (one.chunk, *one.also)})
        if not every:
            return found
        labels = self.labels(every)
        ranked = tuple(
            replace(one, label=joined(labels[chunk.doc_id] for chunk in (one.chunk, *one.also)))
            for one in found.ranked
        )  # fmt: skip
        return replace(found, ranked=ranked)
