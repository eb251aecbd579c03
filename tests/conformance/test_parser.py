"""Every parser: exact offsets, the same result every time, and clear errors for anything else."""

from __future__ import annotations

import contextlib
import itertools
import random

import parser_examples as examples
import parser_more_examples as more
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.adapters.parsers.registry import parsers
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

PARSERS = parsers()
EXAMPLES = {
    ".md": examples.MARKDOWN,
    ".html": examples.HTML,
    ".txt": examples.TEXT,
    ".csv": examples.CSV_RECORDS,
    ".jsonl": examples.JSONL,
    ".pdf": examples.pdf(),
    ".docx": examples.docx(),
    ".pptx": more.pptx(),
    ".xlsx": more.xlsx(),
    ".epub": more.epub(),
    ".eml": more.MAIL,
    ".ipynb": more.NOTEBOOK,
    ".rst": more.RST,
    ".py": more.CODE,
    ".zip": more.archive(),
}
SUFFIXES = sorted(EXAMPLES)
TEXTUAL = [".csv", ".html", ".jsonl", ".md", ".py", ".rst", ".txt"]


def read(suffix: str, data: bytes) -> list[Parsed]:
    return list(PARSERS[suffix].parse(data, f"folder/file{suffix}"))


def read_or_refuse(suffix: str, data: bytes) -> list[Parsed]:
    """What was read; nothing when the parser refused it, as it may, with an InputError."""
    with contextlib.suppress(InputError):
        return read(suffix, data)
    return []


def check(parsed: Parsed) -> None:
    """The law of parsed documents: blocks inside the text, in order, apart, trimmed; pages in order up to the end."""
    parsed.text.encode()
    parsed.title.encode()
    assert all(0 <= block.start < block.end <= len(parsed.text) for block in parsed.blocks)
    assert all(a.end < b.start for a, b in itertools.pairwise(parsed.blocks))
    pieces = [parsed.text[block.start : block.end] for block in parsed.blocks]
    assert parsed.text == "\n\n".join(pieces)
    assert all(piece.strip("\n").rstrip() == piece and piece.strip() for piece in pieces)
    assert all((1 <= block.level <= 6) == (block.kind is BlockKind.HEADING) for block in parsed.blocks)
    assert all(page.start <= page.end <= len(parsed.text) for page in parsed.pages)
    assert all(a.end == b.start and b.number == a.number + 1 for a, b in itertools.pairwise(parsed.pages))
    if parsed.pages:
        assert (parsed.pages[0].number, parsed.pages[0].start, parsed.pages[-1].end) == (1, 0, len(parsed.text))


def test_every_suffix_has_a_parser_with_a_recipe_and_a_media_type() -> None:
    """Recipes carry a version, because a new one reads every file again."""
    assert set(EXAMPLES) <= set(PARSERS)
    for suffix, parser in PARSERS.items():
        assert suffix.startswith(".")
        assert ".v" in parser.recipe
        assert "/" in parser.media_type


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_example_obeys_the_law_and_parses_the_same_twice(suffix: str) -> None:
    """Citations point into the copy, so the copy may not depend on the day."""
    found = read(suffix, EXAMPLES[suffix])
    assert found
    assert all(parsed.text or parsed.warnings for parsed in found)
    assert any(parsed.text for parsed in found)
    for parsed in found:
        check(parsed)
    assert found == read(suffix, EXAMPLES[suffix])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_gives_no_text_or_a_clear_error(suffix: str) -> None:
    """No bytes are no crash."""
    assert not any(parsed.text for parsed in read_or_refuse(suffix, b""))


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_gives_a_document_or_a_clear_error(suffix: str, seed: int) -> None:
    """Bytes changed, cut or doubled anywhere end in an InputError or in a document that obeys the law."""
    chance = random.Random(seed)
    data = bytearray(EXAMPLES[suffix])
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        data[at : at + chance.choice([0, 1, 20])] = chance.randbytes(chance.choice([0, 1, 5]))
    for parsed in read_or_refuse(suffix, bytes(data[: chance.choice([len(data), len(data) // 2])])):
        check(parsed)


MARKUP = st.lists(
    st.sampled_from(
        ["# ", "\n", "\n\n", "- ", "  ", "1. ", "|", "| a | b |\n|---|---|\n| c | d |\n", "```", "> ", "<b>", "</p>",
         "<table>", "<td>", "<ul><li>", "<pre>\n", "<h2>", "**", "[x](y)", "![", "é漢", "\u2028", "\x0b", "&#0;",
         "\ufeff", "---\n", "a: b\n", '"', ",", ";", '{"id": 1, "text": "\\ud800"}', "word ", "<details>", "<br>", "\\",
         "\t", "~~"]
    ),
    max_size=40,
)  # fmt: skip


@pytest.mark.parametrize("suffix", TEXTUAL)
@settings(max_examples=80, deadline=None)
@given(pieces=MARKUP)
def test_any_markup_obeys_the_law(suffix: str, pieces: list[str]) -> None:
    """However markup is mixed up, offsets stay exact."""
    for parsed in read_or_refuse(suffix, "".join(pieces).encode()):
        check(parsed)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_random_bytes_are_refused(suffix: str) -> None:
    """A binary renamed to any suffix is told as what it is."""
    with pytest.raises(InputError) as caught:
        read(suffix, random.Random(1).randbytes(5_000))
    assert caught.value.code.startswith("ingest.")
    assert caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", TEXTUAL)
def test_deep_nesting_and_long_lines_are_survived(suffix: str) -> None:
    """Nesting without end exhausts no stack."""
    for data in (
        b"<div>" * 50_000,
        b"<div>" * 1_900 + b"deep",
        b"> " * 5_000,
        b"[" * 9_000,
        b"- " * 5_000,
        b"a" * 500_000,
    ):
        for parsed in read_or_refuse(suffix, data):
            check(parsed)
