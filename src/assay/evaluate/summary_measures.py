"""Summaries against reference summaries (ROUGE) and against what they summarise (faithfulness), without a model."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Literal

import snowballstemmer

from assay.assist.verify import check_sentence
from assay.evaluate.measures import Value
from assay.evaluate.wording import plain_words
from assay.records.dialogue import CheckStatus, Reply
from assay.records.evaluation import Unscored
from assay.records.golden import Case
from assay.text.sentences import sentence_spans

Part = Literal["", "precision", "recall"]
_LANGUAGE = re.compile(r"language=([a-z]{2})")
_stemmer = snowballstemmer.stemmer("porter")


@lru_cache(maxsize=512)
def _tokens(text: str, stem: bool) -> tuple[str, ...]:
    """Words in lower case; with `stem`, those of more than three letters in Porter's form, as rouge-score does.

    Letters outside ASCII count as letters, which the original drops.
    """
    words = tuple(part for word in plain_words(text.replace("_", " ")) for part in re.split(r"[.,]", word) if part)
    return tuple(_stemmer.stemWord(w) if len(w) > 3 else w for w in words) if stem else words


def rouge(kind: str, part: Part = "", *, stem: bool = False) -> Value:
    """ROUGE-1, -2 or -L of the answer: F1, or its `part`; the best over the gold answers by F1.

    Source: Lin, "ROUGE", 2004; L over the whole text, as `rougeL` of rouge-score.
    """

    def value(case: Case, reply: Reply) -> float:
        ours = _tokens(reply.text, stem)
        found = [_rouge(kind, ours, _tokens(answer, stem)) for answer in case.expected.answers]
        precision, recall = max(found, key=lambda pr: _f1(*pr))
        return {"": _f1(precision, recall), "precision": precision, "recall": recall}[part]

    return value


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _rouge(kind: str, ours: tuple[str, ...], gold: tuple[str, ...]) -> tuple[float, float]:
    """Precision and recall."""
    if kind == "L":
        common, mine, theirs = _lcs(ours, gold), len(ours), len(gold)
    else:
        a, b = _ngrams(ours, int(kind)), _ngrams(gold, int(kind))
        common, mine, theirs = (a & b).total(), a.total(), b.total()
    return (common / mine if mine else 0.0), (common / theirs if theirs else 0.0)


def _ngrams(words: tuple[str, ...], n: int) -> Counter[tuple[str, ...]]:
    return Counter(words[i : i + n] for i in range(len(words) - n + 1))


def _lcs(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö 2004): one step a word of `b`."""
    masks: dict[str, int] = {}
    for i, word in enumerate(a):
        masks[word] = masks.get(word, 0) | 1 << i
    full = (1 << len(a)) - 1
    state = full
    for word in b:
        matched = state & masks.get(word, 0)
        state = ((state + matched) | (state - matched)) & full
    return len(a) - state.bit_count()


def faithfulness(case: Case, reply: Reply) -> float | Unscored:
    """The share of the answer's sentences that the source bears out, 0 to 1.

    The source is the quotes of the gold evidence, or the question, which holds the text to be summarised, where there
    are none. A sentence is borne out by its words, numbers, names and denials (`check_sentence`), not by its meaning:
    a summary in its own words scores low.
    """
    language = language_of(case)
    source = [e.quote for e in case.expected.evidence if e.quote.strip()] or [case.question]
    sentences = [reply.text[a:b] for a, b in sentence_spans(reply.text, language) if plain_words(reply.text[a:b])]
    if not sentences:
        return Unscored("no_claims")
    held = [check_sentence(text, source, language=language).status is CheckStatus.SUPPORTED for text in sentences]
    return sum(held) / len(held)


def language_of(case: Case) -> str:
    """The language that the case's slices name; English where they name none."""
    found = (_LANGUAGE.fullmatch(name) for name in case.slices)
    return next((match[1] for match in found if match), "en")
