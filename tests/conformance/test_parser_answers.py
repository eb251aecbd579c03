"""Known answers: the copy that each parser makes of a small file, and what it refuses."""

from __future__ import annotations

import io
import zipfile

import parser_examples as examples
import pytest

from assay.adapters.parsers.pdf_layout import layout
from assay.adapters.parsers.pdf_lines import Line, is_row
from assay.adapters.parsers.pdf_running import drop_running
from assay.adapters.parsers.registry import parsers
from assay.records.access import AccessList
from assay.records.documents import BlockKind, Page, Parsed
from assay.records.errors import InputError

PARSERS = parsers()


def read(suffix: str, data: bytes) -> list[Parsed]:
    return list(PARSERS[suffix].parse(data, f"file{suffix}"))


def refusal(suffix: str, data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(suffix, data)
    return caught.value.code


def kinds(parsed: Parsed) -> list[str]:
    return [block.kind.value for block in parsed.blocks]


def test_markdown_reads_as_a_person_sees_it() -> None:
    """Addresses, emphasis marks and comments go; bullets, rows, code and struck-out marks stay."""
    (parsed,) = read(".md", examples.MARKDOWN)
    assert parsed.text == (
        "Leave\n\nEvery employee has 30 days of leave. Ask hr@example.com.\n\n- one\n- two\n  - inner\n\n"
        "1. first\n2. second\n\nCountry | Days\nDE | 30\nFR | 25\n\ndef leave():\n\n    return 30\n\n"
        "Quoted ~~old~~ text\nnext line\n\nMore\n\nHidden until opened."
    )
    assert kinds(parsed) == ["heading", "paragraph", "list", "list", "table", "code", "quote", "paragraph", "paragraph"]


def test_front_matter_states_what_a_document_is() -> None:
    """Title, id, access, language and date; the rest is metadata."""
    (parsed,) = read(".md", examples.MARKDOWN)
    assert (parsed.title, parsed.language) == ("Leave policy", "en")
    assert parsed.access == AccessList("acme", ("hr", "board"))
    assert dict(parsed.metadata) == {"id": "HR-7", "modified": "2026-03-01T00:00:00Z", "owner": "People"}


def test_broken_front_matter_that_may_restrict_access_refuses_the_file() -> None:
    """An unknown access list must not become an open one; without one the page is read and a warning given."""
    assert refusal(".md", b"---\ngroups: [hr\n---\nText") == "ingest.front_matter"
    assert refusal(".md", b"---\ngroups: {hr: yes}\n---\nText") == "ingest.stated_access"
    (parsed,) = read(".md", b"---\ntitle: a: b: [\n---\nText")
    assert parsed.text == "Text"
    assert parsed.warnings[0].startswith("ingest.front_matter: ")


def test_front_matter_that_would_unfold_into_gigabytes_is_left_out() -> None:
    """YAML aliases are refused before they are resolved."""
    bomb = b"---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\nText"
    assert read(".md", bomb)[0].warnings


def test_two_rules_are_no_front_matter() -> None:
    """A text between two thematic breaks is text."""
    assert read(".md", b"---\nHello there\n---\nText")[0].text == "Hello there\n\nText"


def test_markdown_without_a_title_takes_its_first_heading() -> None:
    """Heading anchors and template tags are no part of it."""
    assert read(".md", b"intro\n\n## Setup {#setup}\n\ntext")[0].title == "Setup"
    (parsed,) = PARSERS[".md.erb"].parse(b"---\ntitle: T\n---\n# <%= page.title %>\n\ntext", "a.html.md.erb")
    assert (parsed.title, parsed.text) == ("T", "text")


def test_html_is_what_a_visitor_reads() -> None:
    """Navigation, scripts, styles and hidden instructions are dropped; the one main element is the page."""
    (parsed,) = read(".html", examples.HTML)
    assert parsed.text == (
        "Urlaub\n\nJeder hat 30 Tage.\nImmer.\n\n- eins\n- zwei\n  3. drei\n\nTage\n\nLand | Tage\nDE | 30\n\n"
        "x = 1\n  y = 2\n\nZitat"
    )
    assert (parsed.title, parsed.language) == ("Urlaub & Zeit", "de")
    assert dict(parsed.metadata) == {"modified": "2026-02-03T03:05:06Z"}


def test_html_in_an_old_character_set_is_read_as_declared() -> None:
    """The page's own declaration counts, but only for character sets of the web."""
    page = '<meta charset="{}"><p>Grüße aus Österreich</p>'
    assert read(".html", page.format("iso-8859-1").encode("latin-1"))[0].text == "Grüße aus Österreich"
    assert read(".html", page.format("punycode").encode())[0].text == "Grüße aus Österreich"


def test_a_page_nested_beyond_reason_is_refused() -> None:
    """Parsing time would grow with the square of the depth."""
    assert refusal(".html", b"<div>" * 5_000) == "ingest.nested_too_deep"


def test_plain_text_is_paragraphs_and_lists() -> None:
    """Windows line ends become line feeds."""
    (parsed,) = read(".txt", examples.TEXT)
    assert parsed.text == "Ein Satz.\nNoch einer.\n\n- a\n- b"
    assert kinds(parsed) == ["paragraph", "list"]


@pytest.mark.parametrize(
    ("data", "text", "warning"),
    [
        ("Grüße".encode(), "Grüße", ""),
        ("\ufeffGrüße".encode(), "Grüße", ""),
        ("Grüße".encode("utf-16"), "Grüße", ""),
        ("Grüße aus Wien".encode("cp1252"), "Grüße aus Wien", "ingest.not_utf8"),
        ("Grüße aus der Stadt ".encode() + b"\xff hier", "Grüße aus der Stadt \ufffd hier", "ingest.broken_utf8"),
        (b"a\x00b" * 40, None, ""),
        (b"\x01\x02\x03abc" * 40, None, ""),
    ],
)
def test_every_encoding_is_read_or_told(data: bytes, text: str | None, warning: str) -> None:
    """Broken places are shown as such, never dropped."""
    if text is None:
        assert refusal(".txt", data) == "ingest.binary"
        return
    (parsed,) = read(".txt", data)
    assert parsed.text == text
    assert "".join(parsed.warnings).startswith(warning)


def test_csv_rows_with_id_and_text_are_documents() -> None:
    """The other columns follow the text; an access list may stand in the row."""
    one, two = read(".csv", examples.CSV_RECORDS)
    assert (one.record_id, one.title, one.text) == ("1", "How long?", "Thirty days.\n\n- team: People")
    assert one.access == AccessList("acme", ("hr", "board"))
    assert (two.record_id, two.text, two.access) == ("2", "You.", None)


def test_any_other_csv_is_a_table_whose_rows_speak_for_themselves() -> None:
    """Each cell carries its column's name."""
    (parsed,) = read(".csv", examples.CSV_TABLE)
    assert parsed.text == "Country: DE | Days: 30\nCountry: FR, Paris | Days: 25"
    assert kinds(parsed) == ["table"]


def test_jsonl_lines_are_documents_with_their_own_ids() -> None:
    """A number is an id too."""
    one, two = read(".jsonl", examples.JSONL)
    assert (one.record_id, one.title, one.text) == ("d1", "One", "First.\n\nSecond.")
    assert dict(one.metadata) == {"id": "d1", "url": "https://example.com/1"}
    assert (two.record_id, two.language, two.access) == ("2", "de", AccessList("acme", ("hr",)))


@pytest.mark.parametrize(
    "line", ["{", "[1]", '{"text": "a"}', '{"_id": "1"}', '{"_id": "1", "text": 5}', '{"_id": true, "text": "a"}']
)
def test_a_bad_line_is_a_record_without_text_that_says_why(line: str) -> None:
    """The lines round it are read."""
    bad, good = read(".jsonl", f'{line}\n{{"_id": "2", "text": "b"}}'.encode())
    assert (bad.text, bad.warnings[0].split(":")[0]) == ("", "ingest.bad_record")
    assert "file.jsonl:1" in bad.warnings[0]
    assert good.text == "b"


def test_a_record_with_an_unreadable_access_list_is_refused() -> None:
    """It must not become readable by more people than its author meant."""
    (parsed,) = read(".jsonl", b'{"_id": "1", "text": "a", "groups": {"hr": 1}}')
    assert (parsed.text, parsed.warnings[0].split(":")[0]) == ("", "ingest.stated_access")


def test_pdf_has_headings_paragraphs_tables_and_pages() -> None:
    """Wrapped lines are one paragraph; rows of figures are a table; every page knows its span."""
    (parsed,) = read(".pdf", examples.pdf())
    sentence = "The company grew in every quarter of the year and hired many people."
    table = "Revenue\t2025\t2024\nGermany\t1,200\t1,100\nFrance\t800\t(70)"
    pages = [f"Chapter {number}\n\n{' '.join([sentence] * 4)}\n\n{table}" for number in (1, 2)]
    assert parsed.text == "\n\n".join(pages)
    assert kinds(parsed) == ["heading", "paragraph", "table"] * 2
    assert parsed.pages == (Page(1, 0, len(pages[0]) + 2), Page(2, len(pages[0]) + 2, len(parsed.text)))
    assert parsed.title == "Annual report of Example"


def test_pdfs_that_cannot_be_read_say_why() -> None:
    """Encrypted, damaged and scanned are three different things to do something about."""
    assert refusal(".pdf", examples.pdf(password="secret")) == "ingest.encrypted_pdf"
    assert refusal(".pdf", examples.pdf()[:200]) == "ingest.unreadable_pdf"
    assert refusal(".pdf", examples.pdf_without_text()) == "ingest.no_text_layer"


def test_a_hyphen_that_only_breaks_a_line_goes() -> None:
    """One between words that belong together stays."""
    lines = [Line("The data-", 500, 700, 11), Line("base is a two-", 500, 688, 11), Line("Phase system.", 500, 676, 11)]
    (element,) = layout([lines])
    assert element.text == "The database is a two-Phase system."


def test_a_paragraph_goes_on_over_a_page_break() -> None:
    """The second page begins inside the block."""
    first = [Line("It ends in the", 500, 100, 11)]
    second = [Line("middle of it.", 500, 700, 11)]
    (element,) = layout([first, second])
    assert (element.text, element.page_starts) == ("It ends in the middle of it.", [(1, 0), (2, 15)])


def test_running_headers_and_page_numbers_are_dropped() -> None:
    """A line at the edge of many pages, digits aside, is no text of the document."""
    pages = [[Line(f"Report 2026, page {n}"), Line(f"Body of {'abcdef'[n]}"), Line(f"- {n} -")] for n in range(6)]
    assert [[line.text for line in page] for page in drop_running(pages)] == [[f"Body of {c}"] for c in "abcdef"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Revenue $ 5,931 $ 7,103", True),
        ("Acquisition termination cost — — 1,353 —", True),
        ("Interest expense (65) (62)", True),
        ("Finance leases 3.4% 3.1%", True),
        ("For the period ended October 30, 2022", False),
        ("We have 30 days and 12 months.", False),
        ("Item 4 12", True),
    ],
)
def test_rows_of_figures_are_told_from_sentences(text: str, expected: bool) -> None:
    """At least two numbers end the line, and a date is none."""
    assert is_row(text) is expected


def test_docx_is_read_in_the_order_of_the_document() -> None:
    """Headings, lists with their depth, and tables row by row."""
    (parsed,) = read(".docx", examples.docx())
    assert parsed.text == (
        "Our team\n\nWe meet every day.\n\n- Ann\n  - Bob\n\nRole | Name\nLead | Ann\n\nNorms\n\nBe kind."
    )
    assert kinds(parsed) == ["heading", "paragraph", "list", "table", "heading", "paragraph"]
    assert [block.level for block in parsed.blocks if block.kind is BlockKind.HEADING] == [1, 2]
    assert (parsed.title, dict(parsed.metadata)) == ("Team charter", {"modified": "2026-01-02T03:04:05Z"})


def test_word_files_that_cannot_be_read_say_why() -> None:
    """Encrypted, something else, and small files that unpack to a flood."""
    assert refusal(".docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600) == "ingest.encrypted_docx"
    assert refusal(".docx", b"no zip") == "ingest.unreadable_docx"
    flood = io.BytesIO()
    with zipfile.ZipFile(flood, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in range(7):
            archive.writestr(f"word/{part}.xml", bytes(50_000_000))
    assert refusal(".docx", flood.getvalue()) == "ingest.too_large"


def page(*lines: tuple[str, bool]) -> list[Line]:
    """Lines of one size, 12 points apart, with 12 more above a bold one."""
    made, bottom = [], 800.0
    for text, bold in lines:
        bottom -= 24 if bold else 12
        made.append(Line(text, 500, bottom, 11, bold))
    return made


PROSE = "Revenue is recognised when control of the goods has passed."


def test_a_bold_line_above_prose_is_a_heading() -> None:
    """Two in a row stay two."""
    found = layout([page((PROSE, False), ("Note 3", True), ("Revenue", True), (PROSE, False))])
    assert [(element.kind.value, element.text) for element in found[1:3]] == [
        ("heading", "Note 3"),
        ("heading", "Revenue"),
    ]


def test_bold_heads_of_columns_are_no_headings() -> None:
    """They belong to the table below them."""
    found = layout(
        [page((PROSE, False), ("Three Months Ended", True), ("Revenue", True), ("Sales 5,931 7,103", False))]
    )
    assert [element.kind.value for element in found] == ["paragraph", "table"]
    assert found[1].text == "Three Months Ended\nRevenue\nSales\t5,931\t7,103"
