"""Mechanical checks of a drafted question: is its evidence found, and does nothing else answer otherwise?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.ports.answering import Retriever
from assay.records.access import Scope
from assay.records.documents import Chunk
from assay.records.retrieval import Query, Ranked
from assay.text.numbers import number_keys
from assay.text.sentences import sentence_spans
from assay.text.tokens import content_stems

FOUND_WITHIN = 10
"""The evidence must stand among so many passages, or nobody could answer the question from this corpus."""
SAYS_IT = 0.8
"""A sentence that holds this share of the topic of a question may answer it."""
SAYS_NEARLY = 0.7
"""A passage that holds this share is too close to call the question unanswerable."""
SAME_ANSWER = 0.6
FILLERS = frozenset(content_stems("happen happens do mean many much often long people person thing things name"))
"""Words of the question's form, that no answer repeats."""


@dataclass(frozen=True, slots=True)
class Judged:
    """`refused` names the check that failed, empty when all passed; `rank` is where the evidence was found, from 1."""

    refused: str = ""
    rank: int = 0


def topic(text: str, language: str = "en") -> frozenset[str]:
    """The stems that a text is about, without the words that only make it a question."""
    return frozenset(content_stems(text, language)) - FILLERS


def judge_answerable(question: str, answer: str, quote: str, chunk: Chunk, search: Retriever, scope: Scope) -> Judged:
    """Is the answer in the quote, the evidence within reach, and no other passage of another opinion?"""
    if " ".join(answer.split()).casefold() not in " ".join(quote.split()).casefold():
        return Judged("answer_outside_quote")
    if " ".join(quote.split()) not in " ".join(chunk.text.split()):
        return Judged("quote_outside_document")
    about = topic(question, chunk.language)
    if topic(answer, chunk.language) <= about and not number_keys(answer) - number_keys(question):
        return Judged("answer_in_question")
    found = search.retrieve(Query(question, scope, FOUND_WITHIN)).ranked
    rank = next((at for at, one in enumerate(found, 1) if _holds(one, quote, chunk)), 0)
    if not rank:
        return Judged("evidence_not_found")
    said = topic(answer, chunk.language)
    opens = _definition(question)
    if any(_differs(one, about, said, quote, opens) for one in found):
        return Judged("answered_otherwise", rank)
    return Judged("", rank)


def _definition(question: str) -> str:
    """How a sentence begins that answers `What is X?`, where `X` alone is little of a topic; else empty."""
    found = re.fullmatch(r"What (is|are) ((?:\S+ ?){1,3})\?", question)
    return f"{found[2].strip()} {found[1]} ".casefold() if found else ""


def _holds(one: Ranked, quote: str, chunk: Chunk) -> bool:
    wanted = " ".join(quote.split())
    return one.chunk.chunk_id == chunk.chunk_id or any(
        wanted in " ".join(other.text.split()) for other in (one.chunk, *one.also)
    )


def _differs(one: Ranked, about: frozenset[str], said: frozenset[str], quote: str, opens: str) -> bool:
    """Whether another sentence speaks of all that is asked and says something else."""
    wanted = " ".join(quote.split())
    for start, end in sentence_spans(one.chunk.text, one.chunk.language):
        sentence = one.chunk.text[start:end]
        plain = " ".join(sentence.split())
        if plain in wanted or wanted in plain:
            continue
        if opens and opens not in plain.casefold():
            continue
        stems = frozenset(content_stems(sentence, one.chunk.language))
        if len(about & stems) >= SAYS_IT * len(about) and len(said & stems) < SAME_ANSWER * len(said):
            return True
    return False


def judge_unanswerable(question: str, search: Retriever, scope: Scope, language: str = "en") -> Judged:
    """Does no passage that is found hold most of what is asked? `rank` is then 0."""
    about = topic(question, language)
    for one in search.retrieve(Query(question, scope, FOUND_WITHIN)).ranked:
        stems = frozenset(content_stems(f"{one.chunk.text}", one.chunk.language))
        if len(about & stems) >= SAYS_NEARLY * len(about) and _close(one, about):
            return Judged("may_be_answered")
    return Judged()


def _close(one: Ranked, about: frozenset[str]) -> bool:
    """Whether two sentences that follow one another hold most of it: a passage may name all words far apart."""
    spans = sentence_spans(one.chunk.text, one.chunk.language)
    sets = [frozenset(content_stems(one.chunk.text[start:end], one.chunk.language)) for start, end in spans]
    pairs = [here | after for here, after in zip(sets, [*sets[1:], frozenset[str]()], strict=True)]
    return any(len(about & pair) >= SAYS_NEARLY * len(about) for pair in pairs)


def mentions(name: str, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Chunks that hold a name, as it is written, in their text, headings or title."""
    return [one for one in chunks if any(name in text for text in (one.text, one.title, *one.heading_path))]
