"""Text made to be found by everything: one word over and over, or words upon words that make no sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from assay.ingest.poison import MOST_SPANS, Check, Suspicion
from assay.records.documents import Block, BlockKind
from assay.text.tokens import STOP_WORDS

LEAST_WORDS = 80
"""Shorter blocks say nothing about how words are spread."""
MOST_OF_ONE = 0.25
"""No word but a stop word makes up so large a share of a paragraph that people wrote."""
LEAST_SMALL = 0.03
"""Every running text of a language has more small words than this share."""
LEAST_LINES = 8
"""Lists of names and links stand in lines; text to be found by everything seldom does."""
_MOST_CHARS = 4_000
_EDGES = ".,;:!?()[]\"'«»„“”|-"
_PROSE = frozenset({BlockKind.PARAGRAPH, BlockKind.QUOTE})


def stuffed(text: str, blocks: Sequence[Block], language: str) -> Iterator[Suspicion]:
    """Paragraphs that are stuffed: at least `LEAST_WORDS` words, of which one makes up more than `MOST_OF_ONE`, or
    among which less than `LEAST_SMALL` are small words where those of the language are known. Linear: of a long
    paragraph the beginning is looked at."""
    spans = [
        (block.start, block.end)
        for block in blocks
        if block.kind in _PROSE and block.end - block.start > 4 * LEAST_WORDS
        and _is_stuffed(text[block.start : min(block.end, block.start + _MOST_CHARS)], STOP_WORDS.get(language))
    ]  # fmt: skip
    if spans:
        yield Suspicion(Check.STUFFING, "text", len(spans), tuple(spans[:MOST_SPANS]))


def _is_stuffed(text: str, small: frozenset[str] | None) -> bool:
    if text.count("\n") >= LEAST_LINES or len(text.split()) < LEAST_WORDS:
        return False
    counts = _counted(text)
    total = counts.total()
    if total < LEAST_WORDS:
        return False
    known = small or frozenset()
    most = max((number for word, number in counts.items() if word not in known), default=0)
    if most > MOST_OF_ONE * total:
        return True
    return bool(small) and sum(counts[word] for word in known if word in counts) < LEAST_SMALL * total


def _counted(text: str) -> Counter[str]:
    """How often each word stands there; only the few spellings that are more than letters are looked at one by one."""
    counts = Counter(text.lower().split())
    for raw in [raw for raw in counts if not raw.isalpha()]:
        number = counts.pop(raw)
        word = raw.strip(_EDGES)
        if word and word[0].isalpha():
            counts[word] += number
    return counts
