"""BM25 inside a scope: queries are built from analysed terms, and the scope is applied the cheapest exact way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.adapters.embedded_index.allowed import Allowance, AllowedRows
from assay.adapters.embedded_index.kindred import Kindred
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
        self._kindred = Kindred(searcher)

    def search(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        """At most `limit` chunks inside the scope, best first; equal scores by chunk id."""
        allowance = self._allowed.of(scope)
        if limit < 1 or not allowance.chunks:
            return ()
        terms = {group: self._analyzer.query_terms(text, group) for group in self._groups}
        words = self._any_of(self._kindred.widened(terms))
        if words is None:
            return ()
        hits = _in_order(self._best(words, allowance, limit))
        quoted = self._quoted(text, words)
        return _first(_in_order(self._best(quoted, allowance, limit)), hits)[:limit] if quoted else hits

    def _quoted(self, text: str, words: Any) -> Any | None:
        """The same words in chunks where every quoted phrase stands as it is; None where nothing is quoted."""
        from tantivy import Occur, Query

        every: list[tuple[Any, Any]] = []
        for group in self._groups:
            runs = self._analyzer.phrases(text, group)
            phrases = [
                Query.phrase_query(self._schema, "body", [in_language(term, group) for term in run]) for run in runs
            ]
            if phrases:
                every.append((Occur.Should, Query.boolean_query([(Occur.Must, phrase) for phrase in phrases])))
        if not every:
            return None
        phrased = Query.const_score_query(Query.boolean_query(every), 0.0)
        return Query.boolean_query([(Occur.Must, phrased), (Occur.Must, words)])

    def _best(self, words: Any, allowance: Allowance, limit: int) -> list[Hit]:
        if allowance.everything:
            return self._hits(words, limit)
        share = allowance.chunks / max(self._searcher.num_docs, 1)
        if share >= _WIDE:
            asked = int(limit / share * _SPARE) + 1
            sifted, every = self._sifted(words, asked, allowance.names, limit)
            if len(sifted) == limit or every:
                return sifted
        return self._hits(self._inside(words, allowance), limit)

    def _hits(self, query: Any, limit: int) -> list[Hit]:
        found = self._searcher.search(query, limit, count=False).hits
        return [Hit(self._searcher.doc(address).get_first("chunk"), float(score)) for score, address in found]

    def _sifted(self, query: Any, asked: int, names: frozenset[str], limit: int) -> tuple[list[Hit], bool]:
        """At most `limit` of the best `asked` that stand under these access lists, and whether there were no more."""
        found = self._searcher.search(query, asked, count=False).hits
        hits: list[Hit] = []
        for score, address in found:
            document = self._searcher.doc(address)
            if document.get_first("readers") in names:
                hits.append(Hit(document.get_first("chunk"), float(score)))
                if len(hits) == limit:
                    break
        return hits, len(found) < asked

    def _inside(self, words: Any, allowance: Allowance) -> Any:
        """Words that must stand in a chunk that the scope may see."""
        from tantivy import Occur, Query

        terms = [access_term(tenant, group) for tenant, group in allowance.groups]
        readers = Query.const_score_query(Query.term_set_query(self._schema, "access", terms), 0.0)
        return Query.boolean_query([(Occur.Must, readers), (Occur.Must, words)])

    def _any_of(self, terms: Mapping[str, float]) -> Any | None:
        from tantivy import Occur, Query

        should = [(Occur.Should, query) for query in self._term_queries(terms)]
        return Query.boolean_query(should) if should else None

    def _term_queries(self, terms: Mapping[str, float]) -> Iterator[Any]:
        """`terms` as the engine keeps them, with their weights."""
        from tantivy import Query

        for term, weight in terms.items():
            body = Query.term_query(self._schema, "body", term, "freq")
            yield body if weight == 1 else Query.boost_query(body, float(weight))
            yield Query.boost_query(Query.term_query(self._schema, "head", term, "freq"), HEAD_BOOST * weight)


def _in_order(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Best first; equal scores by chunk id."""
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id)))


def _first(quoted: tuple[Hit, ...], others: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """Chunks with the quoted phrases before all others, whose scores are cut so that they stay in order."""
    if not quoted:
        return others
    taken = {hit.chunk_id for hit in quoted}
    least = quoted[-1].score
    return (*quoted, *(Hit(hit.chunk_id, min(hit.score, least)) for hit in others if hit.chunk_id not in taken))
