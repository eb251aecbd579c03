"""Chunks: along the structure, in order, without overlap, losing nothing."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.parsers.copying import TextCopy
from assay.adapters.parsers.markdown import write_markdown
from assay.ingest.chunk import ChunkPolicy, chunk_document, word_count
from assay.records.access import AccessList
from assay.records.digest import sha256_bytes
from assay.records.documents import BlockKind, Chunk, Document, Page

DEFAULT = ChunkPolicy()


def document(text: str, pages: tuple[Page, ...] = ()) -> Document:
    return Document(
        doc_id="d",
        text_sha256=sha256_bytes(text.encode()),
        title="T",
        source_uri="file:///d",
        media_type="text/plain",
        language="en",
        modified_at="",
        access=AccessList(),
        chars=len(text),
        pages=pages,
    )


def chunks_of(copy: TextCopy, policy: ChunkPolicy = DEFAULT) -> tuple[Chunk, ...]:
    return chunk_document(document(copy.text), copy.text, copy.blocks, policy)


def from_markdown(source: str, policy: ChunkPolicy = DEFAULT) -> tuple[Chunk, ...]:
    copy = TextCopy()
    write_markdown(copy, source)
    return chunks_of(copy, policy)


WORDS = st.text("abc .\n|é漢。!", max_size=300)
BLOCKS = st.lists(st.tuples(st.sampled_from(list(BlockKind)), WORDS, st.integers(1, 6)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(BLOCKS, st.integers(1, 40), st.integers(0, 40))
def test_chunks_are_ordered_disjoint_exact_and_cover_everything(
    blocks: list[tuple[BlockKind, str, int]], target: int, more: int
) -> None:
    """The law of chunking holds for any blocks and any sizes."""
    copy = TextCopy()
    for kind, text, level in blocks:
        copy.add(kind, text, level)
    policy = ChunkPolicy(target, target + more)
    chunks = chunks_of(copy, policy)
    text = copy.text
    assert chunks == chunks_of(copy, policy)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks)
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
    assert all(chunk.text.strip("\n").rstrip() == chunk.text for chunk in chunks)
    assert all(a.end <= b.start for a, b in itertools.pairwise(chunks))
    headings = [block for block in copy.blocks if block.kind is BlockKind.HEADING]
    covered = {at for chunk in chunks for at in range(chunk.start, chunk.end)}
    bodies = [block for block in copy.blocks if block.kind is not BlockKind.HEADING]
    assert all(at in covered for block in bodies for at in range(block.start, block.end) if not text[at].isspace())
    if bodies:
        assert not any(at in covered for heading in headings for at in range(heading.start, heading.end))


@settings(max_examples=60, deadline=None)
@given(WORDS, st.integers(5, 40))
def test_no_prose_is_over_the_maximum(text: str, target: int) -> None:
    """Even a text without a single space is cut."""
    copy = TextCopy()
    copy.add(BlockKind.PARAGRAPH, text * 20)
    policy = ChunkPolicy(target, target * 2)
    assert all(word_count(chunk.text) <= policy.max_words for chunk in chunks_of(copy, policy))


def test_a_chunk_never_crosses_a_heading_and_knows_its_path() -> None:
    """Sections become chunks, however short, under all their headings."""
    chunks = from_markdown("# A\n\none\n\n## B\n\ntwo\n\n### C\n\nthree\n\n## D\n\nfour\n")
    assert [(chunk.text, chunk.heading_path) for chunk in chunks] == [
        ("one", ("A",)),
        ("two", ("A", "B")),
        ("three", ("A", "B", "C")),
        ("four", ("A", "D")),
    ]


def test_a_short_document_is_one_or_two_chunks() -> None:
    """An abstract of 200 to 300 words stays together, because embedding is dear."""
    sentence = "The quick brown fox jumps over the lazy dog again today. "
    for words in (200, 250, 300):
        assert len(from_markdown(sentence * (words // 11))) <= 2


def test_long_prose_is_cut_between_sentences() -> None:
    """A paragraph over the maximum is cut where sentences end, near the target."""
    chunks = from_markdown(" ".join(f"Sentence number {n} says a few words more than nothing." for n in range(100)))
    assert len(chunks) > 3
    assert all(chunk.text.startswith("Sentence") and chunk.text.endswith("nothing.") for chunk in chunks)
    assert all(word_count(chunk.text) <= 300 for chunk in chunks)


def test_a_table_stays_whole_until_it_is_far_over_the_limit() -> None:
    """Up to half as much again as the maximum; then it is cut between rows."""
    head = "| a | b |\n|---|---|\n"
    (whole,) = from_markdown(head + "| one two three | four |\n" * 70)
    assert whole.kind is BlockKind.TABLE
    cut = from_markdown(head + "| one two three | four |\n" * 200)
    assert len(cut) > 1
    assert all(line == "one two three | four" for chunk in cut[1:] for line in chunk.text.split("\n"))


def test_code_is_cut_between_lines() -> None:
    """A listing too long for one chunk keeps its lines whole."""
    lines = [f"    call_{n}(first, second, third)" for n in range(300)]
    chunks = from_markdown("```\n" + "\n".join(lines) + "\n```\n")
    assert len(chunks) > 1
    assert [line for chunk in chunks for line in chunk.text.split("\n")] == lines


def test_a_lead_in_goes_with_the_table_below_it() -> None:
    """A line such as "The prices are:" says nothing alone."""
    table = "| plan | price |\n|---|---|\n" + "| Pro one two three | 12 |\n" * 35
    (chunk,) = from_markdown("The prices are as follows for all plans:\n\n" + table)
    assert chunk.text.startswith("The prices")
    assert chunk.kind is BlockKind.TABLE


def test_chinese_is_measured_by_its_characters() -> None:
    """Text without spaces is not one word."""
    assert word_count("漢" * 100) in (50, 51)
    assert len(from_markdown("这是一个句子，它说明了一些事情。" * 100)) > 3


def test_a_document_of_headings_alone_can_be_found() -> None:
    """Its headings are its one chunk."""
    (chunk,) = from_markdown("# Contact\n\n## Berlin office\n")
    assert chunk.text == "Contact\n\nBerlin office"


def test_the_page_of_a_chunk_is_where_it_starts() -> None:
    """An empty page owns nothing."""
    copy = TextCopy()
    for word in ("one", "three"):
        copy.add(BlockKind.HEADING, word.upper(), 1)
        copy.add(BlockKind.PARAGRAPH, word)
    pages = (Page(1, 0, 10), Page(2, 10, 10), Page(3, 10, len(copy.text)))
    chunks = chunk_document(document(copy.text, pages), copy.text, copy.blocks, ChunkPolicy())
    assert [chunk.page for chunk in chunks] == [1, 3]


def test_the_recipe_is_part_of_the_identity() -> None:
    """Another policy gives other chunk ids, so vectors of one are never taken for the other's."""
    assert from_markdown("a")[0].chunk_id != from_markdown("a", ChunkPolicy(10, 20))[0].chunk_id
    with pytest.raises(ValueError, match="must hold"):
        ChunkPolicy(100, 50)
