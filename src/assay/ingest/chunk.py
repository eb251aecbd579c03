"""Cutting a document into the units that are indexed, along its structure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.records.digest import sha256_bytes
from assay.records.documents import Block, BlockKind, Chunk, Document
from assay.text.sentences import sentence_spans

_DENSE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_CHARS_A_WORD = 8
_LINE = re.compile(r"[^\n]+")
_WHOLE = frozenset({BlockKind.TABLE, BlockKind.CODE})


@dataclass(frozen=True, slots=True)
class ChunkPolicy:
    """How large chunks are, in words as `word_count` counts them.

    Blocks are packed up to `target_words`; no prose is larger than `max_words`. A table or code listing stays whole up
    to half as much again, and a rest smaller than a fifth of the target joins its neighbour below `max_words`.
    """

    target_words: int = 200
    max_words: int = 300

    def __post_init__(self) -> None:
        if not 1 <= self.target_words <= self.max_words:
            raise ValueError("1 <= target_words <= max_words must hold")

    @property
    def whole_words(self) -> int:
        return self.max_words * 3 // 2

    @property
    def min_words(self) -> int:
        return self.target_words // 5

    @property
    def recipe(self) -> str:
        return f"chunk.v1({self.target_words},{self.max_words})"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span that is not cut any more."""

    kind: BlockKind
    start: int
    end: int
    words: int


def word_count(text: str) -> int:
    """Words by white space, Chinese, Japanese and Korean characters as half a word each, and never less than an eighth
    of the characters, so that long tables of figures, code and encoded data do not pass as small."""
    dense = 0 if text.isascii() else len(_DENSE.findall(text)) // 2
    return max(len(text.split()) + dense, len(text) // _CHARS_A_WORD)


def chunk_document(document: Document, text: str, blocks: Sequence[Block], policy: ChunkPolicy) -> tuple[Chunk, ...]:
    """Chunks in order, without overlap, together covering all text that is neither blank nor a heading.

    No chunk crosses a heading. A document of headings alone is one chunk, so that it can be found at all. `text` is
    the copy that `document.text_sha256` names.
    """
    chunks: list[Chunk] = []
    starts = [page.start for page in document.pages]
    for path, section in _sections(text, blocks):
        pieces = [piece for block in section for piece in _pieces(text, block, document.language, policy)]
        for packed in _pack(pieces, policy):
            span = _Piece(_kind(packed), packed[0].start, packed[-1].end, 0)
            chunks.append(_chunk(document, text, span, path, len(chunks), starts, policy))
    headings = [block for block in blocks if block.kind is BlockKind.HEADING]
    if not chunks and headings:
        span = _Piece(BlockKind.HEADING, headings[0].start, headings[-1].end, 0)
        chunks.append(_chunk(document, text, span, (), 0, starts, policy))
    return tuple(chunks)


def _sections(text: str, blocks: Sequence[Block]) -> Iterator[tuple[tuple[str, ...], list[Block]]]:
    """Runs of blocks under one heading, each with its heading path."""
    open_headings: list[Block] = []
    section: list[Block] = []
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            section.append(block)
            continue
        if section:
            yield _path(text, open_headings), section
            section = []
        while open_headings and open_headings[-1].level >= block.level:
            open_headings.pop()
        open_headings.append(block)
    if section:
        yield _path(text, open_headings), section


def _path(text: str, headings: Sequence[Block]) -> tuple[str, ...]:
    return tuple(" ".join(text[heading.start : heading.end].split()) for heading in headings)


def _pieces(text: str, block: Block, language: str, policy: ChunkPolicy) -> list[_Piece]:
    """The block whole when it is small enough, else cut at lines, sentences or, when nothing else helps, words."""
    piece = _piece(text, block.kind, block.start, block.end)
    limit = policy.whole_words if block.kind in _WHOLE else policy.max_words
    if piece.words <= limit:
        return [piece] if piece.words else []
    if block.kind in {BlockKind.PARAGRAPH, BlockKind.QUOTE}:
        body = text[block.start : block.end]
        spans = [(block.start + start, block.start + end) for start, end in sentence_spans(body, language)]
    else:
        spans = [match.span() for match in _LINE.finditer(text, block.start, block.end) if match.group().strip()]
    return [cut for start, end in spans for cut in _small(text, block.kind, start, end, language, policy)]


def _small(text: str, kind: BlockKind, start: int, end: int, language: str, policy: ChunkPolicy) -> list[_Piece]:
    """A line or sentence, cut further when it alone is over the limit."""
    piece = _piece(text, kind, start, end)
    if piece.words <= policy.max_words:
        return [piece] if piece.words else []
    if kind in {BlockKind.LIST, BlockKind.TABLE}:
        spans = sentence_spans(text[start:end], language)
        if len(spans) > 1:
            return [cut for s, e in spans for cut in _by_words(text, kind, start + s, start + e, policy)]
    return _by_words(text, kind, start, end, policy)


def _by_words(text: str, kind: BlockKind, start: int, end: int, policy: ChunkPolicy) -> list[_Piece]:
    """Cut at white space, and inside a word that alone is over the limit."""
    pieces: list[_Piece] = []
    begin = start
    while begin < end:
        stop = _reach(text, begin, end, policy.target_words)
        if stop < end and not text[stop].isspace():
            space = max(text.rfind(" ", begin, stop), text.rfind("\n", begin, stop))
            stop = space + 1 if space > begin else stop
        pieces.append(_trimmed(text, kind, begin, stop))
        begin = stop
    return [piece for piece in pieces if piece.start < piece.end]


def _reach(text: str, begin: int, end: int, words: int) -> int:
    """The farthest offset up to which the text from `begin` has at most `words` words, but at least one character."""
    low, high = begin + 1, min(end, begin + words * _CHARS_A_WORD)
    while low < high:
        middle = (low + high + 1) // 2
        if word_count(text[begin:middle]) <= words:
            low = middle
        else:
            high = middle - 1
    return low


def _trimmed(text: str, kind: BlockKind, start: int, end: int) -> _Piece:
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return _piece(text, kind, start, end)


def _piece(text: str, kind: BlockKind, start: int, end: int) -> _Piece:
    body = text[start:end]
    return _Piece(kind, start, end, max(word_count(body), 1) if body.strip() else 0)


def _pack(pieces: Sequence[_Piece], policy: ChunkPolicy) -> list[list[_Piece]]:
    """Neighbours together up to the target; what is small goes with its neighbour: a lead-in with the table below it,
    a rest with the chunk above."""
    packed: list[list[_Piece]] = []
    size = 0
    for piece in pieces:
        room = policy.max_words if size < policy.min_words else policy.target_words
        if packed and size + piece.words <= room:
            packed[-1].append(piece)
            size += piece.words
        else:
            packed.append([piece])
            size = piece.words
    small = len(packed) > 1 and _words(packed[-1]) < policy.min_words
    if small and _words(packed[-2]) + _words(packed[-1]) <= policy.max_words:
        packed[-2:] = [packed[-2] + packed[-1]]
    return packed


def _words(pieces: Sequence[_Piece]) -> int:
    return sum(piece.words for piece in pieces)


def _kind(pieces: Sequence[_Piece]) -> BlockKind:
    """The kind that most of the chunk's words are of."""
    if len(pieces) == 1:
        return pieces[0].kind
    counts: dict[BlockKind, int] = {}
    for piece in pieces:
        counts[piece.kind] = counts.get(piece.kind, 0) + piece.words
    return max(counts, key=lambda kind: counts[kind])


def _chunk(
    document: Document,
    text: str,
    span: _Piece,
    path: tuple[str, ...],
    ordinal: int,
    page_starts: Sequence[int],
    policy: ChunkPolicy,
) -> Chunk:
    named = "\n".join((document.doc_id, document.text_sha256, str(span.start), str(span.end), policy.recipe))
    return Chunk(
        chunk_id=sha256_bytes(named.encode())[:32],
        doc_id=document.doc_id,
        text_sha256=document.text_sha256,
        ordinal=ordinal,
        start=span.start,
        end=span.end,
        text=text[span.start : span.end],
        title=document.title,
        heading_path=path,
        kind=span.kind,
        language=document.language,
        access=document.access,
        page=bisect_right(page_starts, span.start),
        source_uri=document.source_uri,
        modified_at=document.modified_at,
    )
