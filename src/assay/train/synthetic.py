"""Questions made from the corpus itself, without a language model: what a ranker is trained on before anyone asks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from assay.ingest.askable import askable
from assay.records.access import Scope
from assay.records.documents import Chunk
from assay.records.golden import Case, Evidence, Expected
from assay.text.sentences import sentence_spans
from assay.text.tokens import content_stems, is_stop_word, stem, words

RECIPE = "synthetic_questions.v1"
MOST = 600
PER_DOCUMENT = 3
_FEWEST_WORDS, _MOST_WORDS = 8, 40
_KEPT = (0.35, 0.75)
_FORGOTTEN = 2
_FEWEST_KEPT = 3


def synthetic_cases(chunks: Sequence[Chunk], seed: int = 0, most: int = MOST) -> tuple[Case, ...]:
    """At most `most` questions, at most three from one document; the same corpus and seed give the same.

    One in four is the heading over a chunk, where no other document has it. The others are a key sentence of the
    chunk, the one whose words are rarest in the corpus, as somebody would type it who remembers part of it: its two
    rarest words are forgotten, a share of 35 to 75 % of its other topic words is kept, in order, and half of the
    questions lose their small words too. The evidence is the chunk. A question whose words are all in the document's
    title is left out: it would teach that titles are all.
    """
    rng = np.random.default_rng(seed)
    holders = Counter(term for chunk in chunks for term in set(content_stems(chunk.text, chunk.language)))
    heads = Counter(path for _, path in {(one.doc_id, one.heading_path[-1:]) for one in chunks if one.heading_path})
    made: list[Case] = []
    taken: Counter[str] = Counter()
    for row in rng.permutation(len(chunks)):
        chunk = chunks[row]
        if len(made) >= most:
            break
        if taken[chunk.doc_id] >= PER_DOCUMENT or not askable(chunk):
            continue
        by_heading = heads[chunk.heading_path[-1:]] == 1 and rng.random() < 0.25
        text = _heading(chunk) if by_heading else _sentence(chunk, holders, len(chunks), rng)
        if text:
            taken[chunk.doc_id] += 1
            made.append(_case(chunk, text, "heading" if by_heading else "sentence"))
    return tuple(made)


def _case(chunk: Chunk, text: str, kind: str) -> Case:
    return Case(
        f"synthetic-{chunk.chunk_id}",
        text,
        Expected(evidence=(Evidence(chunk.doc_id, chunk.text),)),
        scope=Scope(chunk.access.tenant, frozenset(chunk.access.groups)),
        slices=(f"kind={kind}", f"language={chunk.language or 'unknown'}"),
        cluster=chunk.doc_id,
        provenance={"author": RECIPE},
    )


def _heading(chunk: Chunk) -> str:
    """The innermost heading, with the title where the heading alone is a word or two."""
    heading = chunk.heading_path[-1].strip()
    named = heading if len(words(heading)) > 2 else f"{chunk.title} {heading}"
    return named if len(words(named)) >= 2 else ""


def _sentence(chunk: Chunk, holders: Counter[str], count: int, rng: np.random.Generator) -> str:
    found = [chunk.text[start:end] for start, end in sentence_spans(chunk.text)]
    fitting = [one for one in found if _FEWEST_WORDS <= len(words(one)) <= _MOST_WORDS]
    if not fitting:
        return ""

    def rarity(text: str) -> float:
        terms = set(content_stems(text, chunk.language))
        return sum(math.log(1 + count / (1 + holders[term])) for term in terms) / (4 + len(terms))

    key = max(fitting, key=rarity)
    return _remembered(key, chunk, holders, rng)


def _remembered(sentence: str, chunk: Chunk, holders: Counter[str], rng: np.random.Generator) -> str:
    terms = dict.fromkeys(content_stems(sentence, chunk.language))
    forgotten = set(sorted(terms, key=lambda term: holders[term])[:_FORGOTTEN])
    share = rng.uniform(*_KEPT)
    keeps_small = rng.random() < 0.5
    kept: list[str] = []
    topic: list[str] = []
    for word in words(sentence):
        if is_stop_word(word, chunk.language):
            if keeps_small:
                kept.append(word)
        elif rng.random() < share and stem(word, chunk.language) not in forgotten:
            kept.append(word)
            topic.append(stem(word, chunk.language))
    named = set(content_stems(chunk.title, chunk.language))
    return " ".join(kept) if len(topic) >= _FEWEST_KEPT and not set(topic) <= named else ""
