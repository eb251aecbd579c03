"""What folding near-duplicates costs and gives, and how often a conflict is told, on real sets and on the demo corpus.

    make bench NAME=freshness
    .venv/bin/python bench/freshness.py claude-docs --show 20     # prints the conflicts, to be judged by eye

Folding: nDCG@10 of the hybrid pipeline with and without it, paired by question, and how many of the first eight
passages repeat another. Conflicts: the extractive composer answers from the first eight passages, and every conflict
between what it cites and the other passages is counted. None of these sets marks contradictions, so the rate is of
alarms, and an eye tells which are false. Nothing was tuned on these sets but what docs/freshness.md says.

The last line is JSON. Sets come from ../shared/data; without them the bench says so and measures nothing.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import corpora
from assay.adapters.clocks import SystemClock
from assay.assist.contradiction import find_conflicts
from assay.assist.extractive import ExtractiveComposer
from assay.ports.answering import Retriever
from assay.records.access import Scope
from assay.records.chat import DraftSentence
from assay.records.dialogue import Citation, Conflict
from assay.records.retrieval import Query, Ranked
from assay.retrieve.folding import FOLD_AT, FoldingRetriever, shingles_of, similar
from assay.retrieve.fuse import best_of_documents
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy

PASSAGES = 8
FETCH = 50


def main(arguments: Sequence[str]) -> None:
    shown = int(arguments[arguments.index("--show") + 1]) if "--show" in arguments else 0
    names = [name for name in arguments if name in corpora.SETS] or ["claude-docs", "mtrag-un-pooled", "scifact"]
    figures: dict[str, float] = {}
    print(f"{'set':<18} {'questions':>9} {'nDCG@10':>8} {'folded':>8} {'difference':>22} {'repeats of 8':>13} "
          f"{'left':>6} {'ms':>6} {'answers':>8} {'with a conflict':>16}")  # fmt: skip
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            figures |= _measure(name, Path(folder), shown)
    print(json.dumps(figures))


def _measure(name: str, folder: Path, shown: int) -> dict[str, float]:
    corpus = corpora.load(name)
    catalog = corpora.catalog_of(corpus)
    embedder = corpora.cached_embedder()
    index = corpora.build_index(corpus, catalog, embedder, folder)
    plain = HybridRetriever(index.head(), catalog, embedder, RetrievePolicy(), SystemClock())
    folding = FoldingRetriever(plain)
    scores: list[tuple[float, float]] = []
    repeats, left, spent, conflicts, answers = 0, 0, 0.0, 0, 0
    told: list[Conflict] = []
    asked = [question for question in corpus.questions if question.relevant]
    for done, question in enumerate(asked, 1):
        query = Query(question.text, Scope(), FETCH, "hybrid", question.history)
        scores.append((_score(plain, query, question.relevant), _score(folding, query, question.relevant)))
        short = Query(question.text, Scope(), PASSAGES, "hybrid", question.history)
        repeats += _repeats(plain.retrieve(short).ranked)
        began = time.perf_counter()
        first = folding.retrieve(short).ranked
        spent += time.perf_counter() - began
        left += _repeats(first)
        cited = _cited(question.text, first)
        answers += bool(cited)
        found = find_conflicts(cited, first)
        conflicts += bool(found)
        told.extend(found[:1])
        if sys.stderr.isatty() or done % 100 == 0:
            print(f"\r{name}: {done}/{len(asked)} ", end="", file=sys.stderr)
    before, after = (statistics.fmean(score[side] for score in scores) for side in (0, 1))
    low, high = _interval([b - a for a, b in scores])
    rate = conflicts / max(1, answers)
    print(f"{name:<18} {len(asked):>9} {before:>8.4f} {after:>8.4f} {after - before:>+8.4f} [{low:+.4f}, {high:+.4f}] "
          f"{repeats / len(asked):>10.2f} {left / len(asked):>6.2f} {1000 * spent / len(asked):>6.1f} {answers:>8} "
          f"{conflicts:>8} ({rate:.1%})")  # fmt: skip
    for conflict in told[:shown]:
        print(f"  {conflict.kind.value}: {' '.join(conflict.cited.quote.split())}  ({conflict.cited.title})\n"
              f"    against: {' '.join(conflict.other.quote.split())}  ({conflict.other.title})")  # fmt: skip
    key = name.replace("-", "_")
    return {
        f"{key}_fold_difference": round(after - before, 4),
        f"{key}_fold_low": round(low, 4),
        f"{key}_repeats": round(repeats / len(asked), 3),
        f"{key}_conflict_rate": round(rate, 4),
    }


def _score(retriever: Retriever, query: Query, relevant: Mapping[str, int]) -> float:
    """nDCG@10 of documents; those that a passage was folded with stand behind it, as the product lists them."""
    documents = [
        doc_id
        for ranked in best_of_documents(retriever.retrieve(query).ranked)
        for doc_id in dict.fromkeys((ranked.chunk.doc_id, *(twin.doc_id for twin in ranked.also)))
    ]
    return corpora.ndcg(list(dict.fromkeys(documents)), relevant)


def _repeats(ranked: Sequence[Ranked]) -> int:
    """Passages that overlap with one before them by what folding asks for."""
    sets = [shingles_of(item.chunk.text) for item in ranked]
    return sum(any(similar(mine, other) >= FOLD_AT for other in sets[:at]) for at, mine in enumerate(sets))


def _cited(question: str, ranked: Sequence[Ranked]) -> list[Citation]:
    async def drafts() -> list[DraftSentence]:
        events = [event async for event in ExtractiveComposer().draft(question, (), ranked)]
        return [event for event in events if isinstance(event, DraftSentence)]

    found = []
    for draft in asyncio.run(drafts()):
        chunk = ranked[draft.cited[0] - 1].chunk
        found += [Citation(span, "", chunk.title, "", chunk.chunk_id) for span in draft.spans]
    return found


def _interval(differences: Sequence[float]) -> tuple[float, float]:
    """Paired mean difference, normal 95 % interval."""
    mean = statistics.fmean(differences)
    error = 1.96 * statistics.stdev(differences) / len(differences) ** 0.5
    return mean - error, mean + error


if __name__ == "__main__":
    main(sys.argv[1:])
