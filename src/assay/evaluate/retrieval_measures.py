"""Was the gold evidence among the passages the generator saw: recall, nDCG and reciprocal rank, by document.

A passage counts for its document, and a document counts once, at its best rank: gold evidence names documents, because
those survive another chunking. Whether the right piece of the document was shown is what the citation measures say.
"""

from __future__ import annotations

from math import log2

from assay.evaluate.measures import Value
from assay.records.dialogue import Reply
from assay.records.golden import Case


def ranked_documents(reply: Reply) -> tuple[str, ...]:
    """Document ids in the order of their best passage, each once; those that a passage was folded with behind it."""
    passages = sorted(reply.passages, key=lambda passage: passage.number)
    return tuple(dict.fromkeys(doc_id for passage in passages for doc_id in (passage.span.doc_id, *passage.also)))


def gold_grades(case: Case) -> dict[str, int]:
    """Relevance grade by document: the highest among its evidence."""
    grades: dict[str, int] = {}
    for evidence in case.expected.evidence:
        grades[evidence.doc_id] = max(evidence.grade, grades.get(evidence.doc_id, 0))
    return grades


def recall_at(k: int) -> Value:
    """The share of gold documents among the first k documents, 0 to 1."""

    def value(case: Case, reply: Reply) -> float:
        gold = gold_grades(case)
        return len(gold.keys() & set(ranked_documents(reply)[:k])) / len(gold)

    return value


def ndcg_at(k: int) -> Value:
    """Discounted cumulative gain over the ideal one, 0 to 1, with linear gain and a discount of log2(rank + 1).

    Source: Järvelin and Kekäläinen, 2002, with the gain that trec_eval and BEIR use.
    """

    def value(case: Case, reply: Reply) -> float:
        gold = gold_grades(case)
        found = [gold.get(document, 0) for document in ranked_documents(reply)[:k]]
        return min(1.0, _gain(found) / _gain(sorted(gold.values(), reverse=True)[:k]))

    return value


def _gain(grades: list[int]) -> float:
    return sum(grade / log2(rank + 1) for rank, grade in enumerate(grades, start=1))


def reciprocal_rank(k: int | None = None) -> Value:
    """One over the rank of the first gold document, 0 when there is none among the first k; its mean is MRR."""

    def value(case: Case, reply: Reply) -> float:
        gold = gold_grades(case)
        for rank, document in enumerate(ranked_documents(reply)[:k], start=1):
            if document in gold:
                return 1 / rank
        return 0.0

    return value


def precision_at(k: int) -> Value:
    """The share of the first k places that hold a gold document, 0 to 1; `P@k` of ir_measures."""

    def value(case: Case, reply: Reply) -> float:
        return len(gold_grades(case).keys() & set(ranked_documents(reply)[:k])) / k

    return value


def average_precision(k: int | None = None) -> Value:
    """The mean over all gold documents of the precision at their rank, 0 for those not among the first k; `AP`."""

    def value(case: Case, reply: Reply) -> float:
        gold, found, total = gold_grades(case), 0, 0.0
        for rank, document in enumerate(ranked_documents(reply)[:k], start=1):
            if document in gold:
                found += 1
                total += found / rank
        return total / len(gold)

    return value


def success_at(k: int) -> Value:
    """1 when a gold document is among the first k; `Success@k`."""

    def value(case: Case, reply: Reply) -> float:
        return float(not gold_grades(case).keys().isdisjoint(ranked_documents(reply)[:k]))

    return value


def judged_at(k: int) -> Value:
    """The share of the first k documents that the golden set says anything about, 0 to 1; `Judged@k`. Where fewer were
    found it is the share of those, and 0 of none. Golden sets name relevant documents only, so a low value says how
    much of the other measures rests on documents that nobody looked at."""

    def value(case: Case, reply: Reply) -> float:
        found = ranked_documents(reply)[:k]
        return len(gold_grades(case).keys() & set(found)) / len(found) if found else 0.0

    return value
