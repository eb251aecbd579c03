"""What a document says in numbers, as keys of the subject and digests of the value, so that two can be compared."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice

from assay.records.documents import Block, BlockKind
from assay.text.sentences import sentence_spans
from assay.text.statements import Statement, figures

MOST_CLAIMS = 8
"""A document's first ones; the time for more would show in an ingestion."""
LEAST_TOPIC = 3
"""Words of the subject, names and units together: less is no subject."""
_KINDS = frozenset({BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.QUOTE})
_DIGIT = re.compile("[0-9٠-٩۰-۹０-９]")
_ENDING = re.compile(r"(?<=\w{3})(?:ings?|ie[sd]|e[sdnrm]|[seyn])$")
_LONGEST_LINE = 1_500
_LEAST, _MOST = 24, 300
_ROW = struct.Struct("<6s3sIH")


@dataclass(frozen=True, slots=True)
class Claim:
    """`subject` (12 hex digits) is the same for sentences about the same, `value` (6) for those that say the same."""

    subject: str
    value: str
    start: int
    end: int


def claims(text: str, blocks: Sequence[Block], language: str) -> tuple[Claim, ...]:
    """Sentences of the text that state one or two numbers or dates of something, at most `MOST_CLAIMS`."""
    found: list[Claim] = []
    for start, end in _sentences(text, blocks, language):
        said = figures(text[start:end], language or "en", 2, _root)
        if said is not None and (claim := _claim(said, start, language)) is not None:
            found.append(claim)
            if len(found) == MOST_CLAIMS:
                break
    return tuple(found)


def _sentences(text: str, blocks: Sequence[Block], language: str) -> Iterator[tuple[int, int]]:
    """Spans of sentences with a digit, in order; twice as many as claims are looked at."""
    spans = (
        (first + start, first + last)
        for first, line in _lines(text, blocks)
        for start, last in sentence_spans(line, language or "en")
        if _LEAST <= last - start <= _MOST and _DIGIT.search(line, start, last)
    )
    return islice(spans, 2 * MOST_CLAIMS)


def _lines(text: str, blocks: Sequence[Block]) -> Iterator[tuple[int, str]]:
    """Lines of running text with a digit, and where they begin. Goes from digit to digit, so others cost nothing."""
    for block in blocks:
        at = block.start
        while block.kind in _KINDS and (digit := _DIGIT.search(text, at, block.end)) is not None:
            first = max(text.rfind("\n", at, digit.start()) + 1, at)
            at = text.find("\n", digit.end(), block.end)
            at = block.end if at < 0 else at
            if _LEAST <= at - first <= _LONGEST_LINE:
                yield first, text[first:at]


@lru_cache(maxsize=1 << 16)
def _root(word: str, _language: str) -> str:
    """A word without the ending of its number or tense, in English and German: rougher than a stemmer, and much
    quicker. Two subjects are one only when all their words agree, so a wrong root does no harm by itself."""
    return _ENDING.sub("", word)


def _claim(said: Statement, start: int, language: str) -> Claim | None:
    units = tuple(unit for _, unit in said.quantities)
    size = len(said.topic) + len(said.names) + sum(map(bool, units))
    if not 1 <= len(said.quantities) <= 2 or said.denials or size < LEAST_TOPIC or not said.topic:
        return None
    subject = "\n".join(
        (language, *sorted(said.topic), "", *sorted(said.names), "", *sorted(said.bounds), "", *sorted(said.labels),
         "", *units)
    )  # fmt: skip
    value = "\n".join(number for number, _ in said.quantities)
    return Claim(_digest(subject, 6), _digest(value, 3), start + said.start, start + said.end)


def _digest(text: str, size: int) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=size).hexdigest()


def packed(found: Sequence[Claim]) -> str:
    """Claims as one word of metadata: fifteen bytes each, in base 64."""
    rows = [
        _ROW.pack(bytes.fromhex(one.subject), bytes.fromhex(one.value), one.start, min(one.end - one.start, 65_535))
        for one in found
    ]
    return base64.b64encode(b"".join(rows)).decode("ascii")


def unpacked(stored: str) -> tuple[Claim, ...]:
    """The claims of a document's metadata."""
    return tuple(
        Claim(subject.hex(), value.hex(), start, start + length)
        for subject, value, start, length in _ROW.iter_unpack(base64.b64decode(stored))
    )
