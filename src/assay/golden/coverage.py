"""Does a golden set ask what people ask: the share of traffic near some golden case, and the gaps by topic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.ports.index import Embedder
from assay.records.errors import CannotJudge
from assay.records.evaluation import Interval
from assay.stats.proportion import wilson
from assay.text.language import likely_language
from assay.text.tokens import content_stems, is_stop_word, stem, words

NEAR_MEANING, NEAR_WORDS = 0.6, 0.35
"""Cosine from which two questions are about one thing: of MiniLM's vectors, and of weighted words."""
LEAST_HOLDERS = 3
"""A word names a gap when so many of its questions hold it: what one person wrote is not shown."""
TERMS = 5
EXAMPLES = 3
BLOCK = 1000
LEADERS = 2000
LEAST_GAP = 2
FIRST = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of production, by the id it can be looked up under; `documents` are those that it was answered from,
    best first. The text is empty where traces keep none."""

    asked_id: str
    text: str
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions about one thing that no golden case comes near. `share` is of all traffic; `terms` are stems that many
    of them hold, empty when no word is common to enough of them; `examples` are ids."""

    size: int
    share: float
    terms: tuple[str, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """`covered` is the share of questions within `near` of a golden case, with Wilson's interval. `unseen` are golden
    cases that no question comes near. `without_text` counts what could not be compared."""

    covered: Interval
    near: float
    method: str
    gaps: tuple[Gap, ...]
    unseen: tuple[str, ...]
    without_text: int = 0


def coverage(
    traffic: Sequence[Asked],
    golden: Sequence[tuple[str, str]],
    embedder: Embedder | None,
    *,
    near: float | None = None,
    most_gaps: int = 10,
) -> Coverage:
    """Traffic against the golden questions (id and text), by meaning with an embedder, else by weighted words.

    Raises CannotJudge `golden.no_traffic` when no question has a text.
    """
    asked = [one for one in traffic if one.text.strip()]
    if not asked:
        raise CannotJudge(
            "golden.no_traffic", f"none of {len(traffic)} questions has a text to compare",
            remedy="traces.keep_content: true keeps questions from now on; --file FILE reads them from elsewhere",
        )  # fmt: skip
    texts = [one.text for one in asked]
    cases = [text for _, text in golden]
    method = embedder.recipe if embedder else "words weighted by rarity"
    limit = near if near is not None else (NEAR_MEANING if embedder else NEAR_WORDS)
    vectors, known = _vectors(texts, cases, embedder)
    best_of_asked, best_of_case = _nearest(vectors, known)
    within = best_of_asked >= limit
    open_rows = [at for at in range(len(asked)) if not within[at]]
    return Coverage(
        wilson(int(within.sum()), len(asked)),
        limit,
        method,
        _gaps(asked, vectors, open_rows, limit, most_gaps),
        tuple(case_id for at, (case_id, _) in enumerate(golden) if best_of_case[at] < limit),
        len(traffic) - len(asked),
    )


def _vectors(texts: Sequence[str], cases: Sequence[str], embedder: Embedder | None) -> tuple[Floats, Floats]:
    if embedder is not None:
        made = embedder.embed([*texts, *cases]).astype(np.float64)
    else:
        made = _word_vectors([*texts, *cases])
    return made[: len(texts)], made[len(texts) :]


def _word_vectors(texts: Sequence[str]) -> Floats:
    """Rows of length 1: stems by their rarity, none of them without any weight: a set's own topic is common in it."""
    counted = [Counter(content_stems(text, likely_language(text))) for text in texts]
    held = Counter(root for one in counted for root in one)
    column = {root: at for at, root in enumerate(sorted(held))}
    made = np.zeros((len(texts), max(1, len(column))))
    for row, one in enumerate(counted):
        for root, count in one.items():
            made[row, column[root]] = (1 + math.log(count)) * (1 + math.log((1 + len(texts)) / (1 + held[root])))
    norms = np.linalg.norm(made, axis=1, keepdims=True)
    return np.asarray(made / np.where(norms == 0, 1.0, norms))


def _nearest(vectors: Floats, known: Floats) -> tuple[Floats, Floats]:
    """The best cosine of every question over the cases, and of every case over the questions."""
    of_asked, of_case = np.full(len(vectors), -1.0), np.full(len(known), -1.0)
    for start in range(0, len(vectors), BLOCK):
        if len(known):
            block = vectors[start : start + BLOCK] @ known.T
            of_asked[start : start + BLOCK] = block.max(axis=1)
            of_case = np.maximum(of_case, block.max(axis=0))
    return of_asked, of_case


def _gaps(asked: Sequence[Asked], vectors: Floats, rows: Sequence[int], limit: float, most: int) -> tuple[Gap, ...]:
    """The question with most others near it leads a gap and takes them; so on with what is left.

    Leaders are chosen among at most `LEADERS` questions, evenly taken, so that the cost stays bounded.
    """
    left = np.array(rows, dtype=np.int64)
    outside = Counter(root for one in asked for root in set(content_stems(one.text, likely_language(one.text))))
    found: list[Gap] = []
    while len(left) and len(found) < most:
        some = left[:: max(1, -(-len(left) // LEADERS))]
        leader = int(np.argmax((vectors[some] @ vectors[some].T >= limit).sum(axis=1)))
        near = (vectors[left] @ vectors[some[leader]] >= limit) | (left == some[leader])
        if near.sum() < LEAST_GAP and found:
            break
        found.append(_gap(asked, [int(at) for at in left[near]], outside))
        left = left[~near]
    return tuple(sorted(found, key=lambda gap: -gap.size))


def _gap(asked: Sequence[Asked], members: Sequence[int], outside: Counter[str]) -> Gap:
    """A gap, named by the stems that many of its questions and few others hold, in their most frequent spelling."""
    held, spelt = Counter[str](), Counter[tuple[str, str]]()
    for at in members:
        language = likely_language(asked[at].text)
        pairs = {(stem(word, language), word) for word in words(asked[at].text) if not is_stop_word(word, language)}
        held.update({root for root, _ in pairs})
        spelt.update(pairs)
    shared = [root for root, count in held.items() if count >= LEAST_HOLDERS]
    shared.sort(key=lambda root: (-held[root] * held[root] / max(1, outside[root]), root))
    terms = tuple(max((count, word) for (of, word), count in spelt.items() if of == root)[1] for root in shared[:TERMS])
    examples = tuple(asked[at].asked_id for at in members[:EXAMPLES])
    return Gap(len(members), len(members) / len(asked), terms, examples)


def document_coverage(
    traffic: Sequence[Asked], golden: Sequence[tuple[str, frozenset[str]]], most_gaps: int = 10
) -> Coverage:
    """Traffic without texts: a question is covered when one of the first three documents it was answered from is
    evidence of a golden case (id and documents). Gaps are documents, named by their ids.

    Raises CannotJudge `golden.no_traffic` when no question names a document.
    """
    asked = [one for one in traffic if one.documents]
    if not asked:
        raise CannotJudge(
            "golden.no_traffic", f"none of {len(traffic)} questions has a text or a document to compare",
            remedy="traces.keep_content: true keeps questions from now on; --file FILE reads them from elsewhere",
        )  # fmt: skip
    evidence = frozenset[str]().union(*(documents for _, documents in golden))
    firsts = [frozenset(one.documents[:FIRST]) for one in asked]
    open_rows = [at for at, first in enumerate(firsts) if not first & evidence]
    by_document = Counter(asked[at].documents[0] for at in open_rows)
    gaps = tuple(
        Gap(count, count / len(asked), (doc_id,),
            tuple([asked[at].asked_id for at in open_rows if asked[at].documents[0] == doc_id][:EXAMPLES]))
        for doc_id, count in by_document.most_common(most_gaps)
    )  # fmt: skip
    met = frozenset[str]().union(*firsts)
    unseen = tuple(case_id for case_id, documents in golden if documents and not documents & met)
    method = f"evidence among the first {FIRST} documents answered from"
    return Coverage(
        wilson(len(asked) - len(open_rows), len(asked)), 0.0, method, gaps, unseen, len(traffic) - len(asked)
    )
