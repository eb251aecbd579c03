"""BM25 inside a scope: queries are built from analysed terms, and the scope is applied the cheapest exact way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.adapters.embedded_index.allowed import Allowance, AllowedRows
from assay.adapters.embedded_index.lexical import HEAD_BOOST, access_term, in_language
from assay.records.access import Scope
from assay.records.retrieval import Hit
from assay.retrieve.analysis import Analyzer

_WIDE = 0.2
"""Share of chunks above which the best are asked for without the scope and then sifted: the engine can skip most chunks
then, where a filter would read the readers of every one. 100,000 chunks, half of them allowed: .5 ms instead of 2."""
_SPARE = 1.5
"""How many more than the share says are asked for before sifting."""


class WordSearch:
    """Words in one state of the index. The result is that of a filter inside the engine, whichever way is taken."""

    def __init__(
        self, schema: Any, searcher: Any, analyzer: Analyzer, groups: Sequence[str], allowed: AllowedRows
    ) -> None:
        """`groups` are the analyser's names of the languages that the index holds."""
        self._schema = schema
        self._searcher = searcher
        self._analyzer = analyzer
        self._groups = groups
        self._allowed = allowed

    def search(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """At most `limit` chunks inside the scope, best first; equal scores by chunk id."""
        allowance = self._allowed.of(scope)
        if limit < 1 or not allowance.chunks:
            return ()
        words = self._any_of(self._terms(text))
        if words is None:
            return ()
        hits = self._best(words, allowance, limit)
        return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id)))

    def _best(self, words: Any, allowance: Allowance, limit: int) -> list[Hit]:
        if allowance.everything:
            return [Hit(chunk_id, score) for chunk_id, _, score in self._found(words, limit)]
        share = allowance.chunks / max(self._searcher.num_docs, 1)
        if share >= _WIDE:
            asked = int(limit / share * _SPARE) + 1
            found = list(self._found(words, asked))
            hits = [Hit(chunk_id, score) for chunk_id, readers, score in found if readers in allowance.names]
            if len(hits) >= limit or len(found) < asked:
                return hits[:limit]
        return [Hit(chunk_id, score) for chunk_id, _, score in self._found(self._inside(words, allowance), limit)]

    def _found(self, query: Any, limit: int) -> Iterator[tuple[str, str, float]]:
        """(chunk id, its readers, score), best first."""
        for score, address in self._searcher.search(query, limit, count=False).hits:
            document = self._searcher.doc(address)
            yield document.get_first("chunk"), document.get_first("readers"), float(score)

    def _inside(self, words: Any, allowance: Allowance) -> Any:
        """Words that must stand in a chunk that the scope may see."""
        from tantivy import Occur, Query

        terms = [access_term(tenant, group) for tenant, group in allowance.groups]
        readers = Query.const_score_query(Query.term_set_query(self._schema, "access", terms), 0.0)
        return Query.boolean_query([(Occur.Must, readers), (Occur.Must, words)])

    def _terms(self, text: str) -> dict[str, int]:
        """The query's terms in each language of the index, with how often each stands in it."""
        return {
            in_language(term, group): count
            for group in self._groups
            for term, count in self._analyzer.query_terms(text, group).items()
        }

    def _any_of(self, terms: Mapping[str, int]) -> Any | None:
        from tantivy import Occur, Query

        should = [(Occur.Should, query) for query in self._term_queries(terms)]
        return Query.boolean_query(should) if should else None

    def _term_queries(self, terms: Mapping[str, int]) -> Iterator[Any]:
        from tantivy import Query

        for term, count in terms.items():
            body = Query.term_query(self._schema, "body", term, "freq")
            yield body if count == 1 else Query.boost_query(body, float(count))
            yield Query.boost_query(Query.term_query(self._schema, "head", term, "freq"), HEAD_BOOST * count)
