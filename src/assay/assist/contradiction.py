"""Where another source says otherwise: the same sentence with another number, another date, or a denial."""

from __future__ import annotations

from collections.abc import Sequence

from assay.records.dialogue import Citation, Conflict, ConflictKind
from assay.records.documents import BlockKind, Chunk, Span
from assay.records.moments import moment
from assay.records.retrieval import Ranked
from assay.text.statements import Statement, statements
from assay.text.tokens import is_stop_word, stem, words

LEAST_SHARED = 3
LEAST_OVERLAP = 0.6
"""Two sentences are about the same when they share so many words (of the topic, units, and words such as `least`), and
of the topic so large a share of the longer one's."""
MOST_CONFLICTS = 3
_DATE_UNITS = frozenset({"month-name"})


def find_conflicts(cited: Sequence[Citation], passages: Sequence[Ranked]) -> tuple[Conflict, ...]:
    """For each citation, the sentences of other documents, or other versions, that say otherwise; at most
    `MOST_CONFLICTS`.

    Made to be believed rather than to find all: both sentences must be about the same in nearly the same words, under
    headings that name no other thing, and differ in one number, one date, or one denial. Paraphrases are missed.
    """
    found: list[Conflict] = []
    seen: set[tuple[Span, Span]] = set()
    chunks = {ranked.chunk.chunk_id: ranked.chunk for ranked in passages}
    for citation in cited:
        mine = chunks.get(citation.chunk_id)
        if mine is None:
            continue
        for ranked in passages:
            theirs = ranked.chunk
            if theirs.span.doc_id == mine.doc_id and theirs.text_sha256 == mine.text_sha256:
                continue
            for kind, one, other in _between(mine, citation.span, theirs):
                pair = (citation.span, Span(theirs.doc_id, theirs.text_sha256, theirs.start + other.start,
                                            theirs.start + other.end))  # fmt: skip
                if pair in seen or (pair[1], pair[0]) in seen or len(found) >= MOST_CONFLICTS:
                    continue
                seen.add(pair)
                found.append(Conflict(kind, _cite(mine, one), _cite(theirs, other), _fresher(mine, theirs)))
    return tuple(found)


def _between(mine: Chunk, span: Span, theirs: Chunk) -> list[tuple[ConflictKind, Statement, Statement]]:
    if BlockKind.CODE in (mine.kind, theirs.kind) or not _same_language(mine, theirs) or not _same_things(mine, theirs):
        return []
    language = mine.language or "en"
    ours = [
        f
        for f in statements(mine.text, language)
        if mine.start + f.end > span.start and mine.start + f.start < span.end
    ]
    found = []
    for one in ours:
        for other in statements(theirs.text, language):
            kind = _kind(one, other)
            if kind is not None:
                found.append((kind, one, other))
    return found


def disagree(one: str, other: str, language: str = "en") -> ConflictKind | None:
    """How two single sentences contradict each other, or None."""
    first, second = statements(one, language), statements(other, language)
    return _kind(first[0], second[0]) if len(first) == len(second) == 1 else None


def _kind(one: Statement, other: Statement) -> ConflictKind | None:
    if not _same_topic(one, other) or one.bounds != other.bounds or one.labels != other.labels:
        return None
    if one.denials != other.denials:
        same = one.topic == other.topic and one.quantities == other.quantities and abs(one.denials - other.denials) == 1
        return ConflictKind.NEGATION if same else None
    if [unit for _, unit in one.quantities] != [unit for _, unit in other.quantities]:
        return None
    differing = [a for a, b in zip(one.quantities, other.quantities, strict=True) if a != b]
    if not differing:
        return None
    dated = any(unit in _DATE_UNITS or _is_year(value, unit) for value, unit in differing)
    measured = [quantity for quantity in differing if not _belongs_to_date(one.quantities, quantity)]
    if dated:
        return None if measured else ConflictKind.DATE
    return ConflictKind.NUMBER if len(differing) == 1 else None


def _same_topic(one: Statement, other: Statement) -> bool:
    """The same words on both sides, or all of one side's in the other, and the same names."""
    shared = one.topic & other.topic
    units = {unit for _, unit in one.quantities if unit}
    if len(shared) + len(units) + len(one.bounds) < LEAST_SHARED or len(shared) < LEAST_OVERLAP * max(
        len(one.topic), len(other.topic)
    ):
        return False
    if one.topic - shared and other.topic - shared:
        return False
    return one.names == other.names


def _is_year(value: str, unit: str) -> bool:
    return not unit and len(value) == 4 and value.isdigit() and "1900" <= value <= "2100"


def _belongs_to_date(found: tuple[tuple[str, str], ...], quantity: tuple[str, str]) -> bool:
    """True for the parts of a date: a month, a year, and a day where the sentence names a month."""
    value, unit = quantity
    if unit in _DATE_UNITS or _is_year(value, unit):
        return True
    month = any(other in _DATE_UNITS for _, other in found)
    return month and not unit and value.isdigit() and 1 <= int(value) <= 31


def _same_language(one: Chunk, other: Chunk) -> bool:
    return not one.language or not other.language or one.language == other.language


def _same_things(one: Chunk, other: Chunk) -> bool:
    """False when titles and headings name different numbers, such as years or versions, or both name something that
    the other does not know at all: two countries, two products, two quarters."""
    mine, theirs = _context(one), _context(other)
    numbers = [frozenset(word for word in words if any(char.isdigit() for char in word)) for words in (mine, theirs)]
    if numbers[0] != numbers[1]:
        return False
    apart, known = mine - theirs, theirs - mine
    if not apart or not known:
        return True
    told = frozenset(stem(word, one.language or "en") for word in words(one.text))
    told_there = frozenset(stem(word, other.language or "en") for word in words(other.text))
    return bool(mine & theirs) or bool(apart & told_there) or bool(known & told)


def _context(chunk: Chunk) -> frozenset[str]:
    language = chunk.language or "en"
    named = words(" ".join((chunk.title, *chunk.heading_path)))
    return frozenset(stem(word, language) for word in named if not is_stop_word(word, language))


def _cite(chunk: Chunk, frame: Statement) -> Citation:
    span = Span(chunk.doc_id, chunk.text_sha256, chunk.start + frame.start, chunk.start + frame.end)
    quote = chunk.text[frame.start : frame.end]
    return Citation(span, quote, chunk.title, chunk.source_uri, chunk.chunk_id, chunk.page, chunk.modified_at)


def _fresher(one: Chunk, other: Chunk) -> str:
    """`cited` or `other`: the source that was changed later; empty where that is not known."""
    try:
        mine, theirs = moment(one.modified_at), moment(other.modified_at)
    except ValueError:
        return ""
    return "" if mine == theirs else "cited" if mine > theirs else "other"
