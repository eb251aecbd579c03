"""PDF in depth: columns, tables, running lines, hyphens, scans and OCR."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_fakes import Lab
from pdf_pages import blank, column, interleaved, numbered, pages_of, picture_of, place, scanned

from assay.adapters.ocr import SeenWord, tesseract
from assay.adapters.parsers.pdf import PdfParser, numbers
from assay.adapters.parsers.pdf_lines import Line, row_cells
from assay.adapters.parsers.pdf_running import drop_running
from assay.records.documents import BlockKind, Parsed, ParseStatus
from assay.records.errors import ConfigError, InputError

DATA = Path(__file__).resolve().parents[3] / "shared/data"
LEFT, RIGHT = 40, 310


def read(data: bytes, parser: PdfParser | None = None) -> Parsed:
    (parsed,) = (parser or PdfParser()).parse(data, "file.pdf")
    return parsed


def order(text: str, *needles: str) -> bool:
    places = [text.index(needle) for needle in needles]
    return places == sorted(places)


def tables(parsed: Parsed) -> list[list[list[str]]]:
    found = [parsed.text[b.start : b.end] for b in parsed.blocks if b.kind is BlockKind.TABLE]
    return [[line.split("\t") for line in text.split("\n")] for text in found]


@pytest.mark.parametrize("across", [False, True], ids=["column by column", "line by line"])
def test_two_columns_are_read_one_after_the_other(across: bool) -> None:
    """In whatever order the file writes them, also below a heading over both."""
    made = blank()
    made.add_page()
    made.set_font("helvetica", "B", 16)
    made.text(LEFT, 60, "A heading that runs over the whole width of the page, both columns")
    made.set_font("helvetica", size=10)
    left, right = column(numbered("left", 120)), column(numbered("right", 120))
    if across:
        interleaved(made, 100, (LEFT, left), (RIGHT, right))
    else:
        place(made, LEFT, 100, left)
        place(made, RIGHT, 100, right)
    text = read(bytes(made.output())).text
    assert order(text, "A heading", "left0", "left50", "left110", "right0", "right50", "right110")


def test_what_crosses_the_gutter_divides_the_columns() -> None:
    """A caption and a figure between: the columns above it are read before it, those below it after it."""
    made = blank()
    made.add_page()
    low = interleaved(made, 80, (LEFT, column(numbered("ul", 60))), (RIGHT, column(numbered("ur", 60))))
    made.rect(LEFT, low, 500, 120)
    made.text(LEFT + 60, low + 140, "Figure 1: a caption that stands in the middle and crosses the gutter of the page")
    interleaved(made, low + 170, (LEFT, column(numbered("ll", 60))), (RIGHT, column(numbered("lr", 60))))
    text = read(bytes(made.output())).text
    assert order(text, "ul0", "ul50", "ur0", "ur50", "Figure 1", "ll0", "ll50", "lr0", "lr50")


def test_three_columns_are_read_from_the_left() -> None:
    """Gutters are looked for on both sides of a gutter."""
    made = blank()
    made.add_page()
    texts = [column(numbered(tag, 80), 4) for tag in ("a", "b", "c")]
    interleaved(made, 80, *zip((40, 225, 410), texts, strict=True))
    text = read(bytes(made.output())).text
    assert order(text, "a0", "a70", "b0", "b70", "c0", "c70")


def test_a_table_is_not_taken_for_columns() -> None:
    """Rows with text in every cell stay rows, heads included."""
    made = blank()
    made.add_page()
    rows = [("Role", "Team", "Office"), ("Engineer", "Platform", "Berlin"), ("Designer", "Brand", "Porto")]
    rows += [("Writer", "Docs", "Oslo"), ("Analyst", "Finance", "Leeds"), ("Lawyer", "Legal", "Bergen")]
    for number, row in enumerate(rows):
        for x, cell in zip((40, 200, 360), row, strict=True):
            made.text(x, 100 + 16 * number, cell)
    assert tables(read(bytes(made.output()))) == [[list(row) for row in rows]]


def test_rows_that_the_file_writes_column_by_column_are_rows_again() -> None:
    """Labels first and figures later, as many report generators write them."""
    made = blank()
    made.add_page()
    place(made, 40, 100, ["Revenue", "Cost of sales", "Gross margin"], 16)
    place(made, 300, 100, ["$ 1,200", "(700)", "500"], 16)
    place(made, 400, 100, ["$ 1,000", "(650)", "350"], 16)
    assert tables(read(bytes(made.output()))) == [
        [["Revenue", "$ 1,200", "$ 1,000"], ["Cost of sales", "(700)", "(650)"], ["Gross margin", "500", "350"]]
    ]


@pytest.mark.parametrize(
    ("parts", "cells"),
    [
        (("Net income $ 2,872 $ 9,879",), ["Net income", "$ 2,872", "$ 9,879"]),
        (("Other", "(174 ) 315"), ["Other", "(174)", "315"]),
        (("Net income", "$ 18,299 $", "16,728"), ["Net income", "$ 18,299", "$ 16,728"]),
        (("River", "99.5 %", "4 hours"), ["River", "99.5 %", "4 hours"]),
        (("As of December 31, 2022", "1,200"), ["As of December 31, 2022", "1,200"]),
    ],
)
def test_figures_are_cells_with_their_signs(parts: tuple[str, ...], cells: list[str]) -> None:
    """A currency sign, a closing bracket and a per cent sign go with the figure; a date is no row of figures."""
    assert row_cells(parts) == cells


def test_a_word_that_breaks_at_the_line_end_is_whole_again() -> None:
    """The hyphen goes, unless the document writes the word with it or a capital follows."""
    made = blank()
    made.add_page()
    lines = ["We keep a long-term plan and we store all of its data-", "bases in one place, because it is a long-"]
    lines += ["term matter for the North-", "Sea offices and for those who inherit it from us all."]
    place(made, 40, 100, lines)
    text = read(bytes(made.output())).text
    assert "all of its databases in one place, because it is a long-term matter for the North-Sea offices" in text


def test_letters_set_one_by_one_are_words() -> None:
    """A file that places every letter has no spaces of its own worth believing."""
    made = blank()
    made.add_page()
    x = 40.0
    for sign in "kerned letters make words":
        if sign != " ":
            made.text(x, 100, sign)
        x += made.get_string_width(sign)
    assert "kerned letters make words" in read(bytes(made.output())).text


def test_headers_footers_and_page_numbers_go_and_the_text_stays() -> None:
    """A header word for word, a footer that counts pages and bare numbers; rows that differ in a figure stay."""

    def draw(made: object, number: int) -> None:
        made.text(40, 30, "Annual report of Example")  # type: ignore[attr-defined]
        place(made, 40, 100, column(numbered(f"{'abcdef'[number]}", 60, number)))  # type: ignore[arg-type]
        made.text(40, 780, f"Subtotal carried forward {number * 37 + 11}")  # type: ignore[attr-defined]
        made.text(40, 800, f"Example plc, page {number + 5} of 12")  # type: ignore[attr-defined]
        made.text(300, 820, str(number + 5))  # type: ignore[attr-defined]

    text = read(pages_of(6, draw)).text
    assert "Annual report" not in text
    assert "page" not in text
    for number in range(6):
        assert f"{'abcdef'[number]}50" in text
        assert f"Subtotal carried forward {number * 37 + 11}" in text


body_lines = st.lists(st.text("abc 0123456789.", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=8)


@given(st.lists(body_lines, min_size=1, max_size=8), st.booleans())
@settings(max_examples=200)
def test_a_line_that_stands_on_few_pages_is_never_removed(pages: list[list[str]], placed: bool) -> None:
    """Body text is safe: only what repeats on pages, or counts them, can go."""
    made = [
        [Line(f"{text}~{n}{'abcdefgh'[n]}", 100, 700 - 12 * i, 10 if placed else 0) for i, text in enumerate(page)]
        for n, page in enumerate(pages)
    ]
    assert [[line.text for line in page] for page in drop_running(made)] == [[line.text for line in p] for p in made]


TEXT = ["The budget of the library was raised by four per cent.", "Visitors may borrow twelve books at a time."]
PROSE = " ".join(["All members of the staff can read this page, because it has a text layer of its own."] * 6)


def _scan() -> bytes:
    made = blank()
    made.add_page()
    made.set_font("helvetica", size=18)
    place(made, 50, 120, TEXT, 40)
    return picture_of(bytes(made.output()))


def test_scanned_pages_are_told_by_their_numbers() -> None:
    """The text of the others is read."""
    parsed = read(scanned(_scan(), _scan(), texts=[PROSE] * 3))
    assert parsed.unread_pages == (4, 5)
    assert parsed.warnings[0].startswith("ingest.scanned_page: pages 4-5 of 5 ")
    assert "a text layer of its own" in parsed.text


def test_a_file_of_nothing_but_scans_is_held_back() -> None:
    """With a way to read it, through a whole sync."""
    lab = Lab()
    lab.tree.write("/docs/scan.pdf", scanned(_scan()))
    (told,) = lab.ingest().sync(["/docs"]).outcomes
    assert (told.status, told.code) == (ParseStatus.FAILED, "ingest.scanned")
    assert "ingest.ocr: tesseract" in told.reason


def test_many_scanned_pages_lower_the_quality() -> None:
    """Four of five pages that nobody read are more than the default forgives."""
    lab = Lab()
    lab.tree.write("/docs/half.pdf", scanned(*[_scan()] * 4, texts=[PROSE]))
    work = lab.ingest()
    report = replace(work, reader=replace(work.reader, min_quality=0.5)).sync(["/docs"])
    assert [o.code for o in report.outcomes] == ["ingest.low_quality"]


class Seeing:
    """A picture reader that says what it was told to."""

    recipe = "seeing.v1"

    def __init__(self, *words: SeenWord, fails: bool = False) -> None:
        self.found, self.fails, self.pictures = words, fails, 0

    def words(self, picture: bytes) -> tuple[SeenWord, ...]:
        assert picture.startswith(b"P5 ")
        self.pictures += 1
        if self.fails:
            raise InputError("ingest.ocr_failed", "a page took more than 1 s")
        return self.found


def test_ocr_reads_only_pages_that_have_no_text() -> None:
    """And its recipe is part of the parser's, so that turning it on reads files again."""
    seeing = Seeing(*(SeenWord(word, 100 + 90 * i, 200, 170 + 90 * i, 230, (1, 1, 1)) for i, word in enumerate("abc")))
    parsed = read(scanned(_scan(), texts=[PROSE]), PdfParser(seeing))
    assert seeing.pictures == 1
    assert parsed.text.endswith("a b c")
    assert parsed.unread_pages == ()
    assert parsed.warnings == ("ingest.ocr_page: pages 2 of 2 were read by OCR",)
    assert PdfParser(seeing).recipe == "pdf.v2 seeing.v1" != PdfParser().recipe


def test_a_page_on_which_ocr_fails_is_told_and_costs_nothing_else() -> None:
    """The rest of the file is read."""
    parsed = read(scanned(_scan(), texts=[PROSE]), PdfParser(Seeing(fails=True)))
    assert parsed.unread_pages == (2,)
    assert "a page took more than 1 s" in parsed.warnings[0]
    assert "a text layer of its own" in parsed.text


needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


@needs_tesseract
def test_tesseract_reads_a_scanned_page() -> None:
    """The real program, from a picture of a page to the words of a document."""
    parsed = read(scanned(_scan()), PdfParser(tesseract(["eng"])))
    for sentence in TEXT:
        assert sentence in parsed.text
    assert parsed.warnings == ("ingest.ocr_page: pages 1 of 1 were read by OCR",)


@needs_tesseract
def test_tesseract_is_ended_when_a_page_takes_too_long() -> None:
    """And the page is told as unread."""
    hurried = replace(tesseract(["eng"]), page_s=0.001)
    parsed = read(scanned(_scan(), texts=[PROSE]), PdfParser(hurried))
    assert parsed.unread_pages == (2,)
    assert "took more than 0.001 s" in parsed.warnings[0]


@needs_tesseract
def test_a_language_that_tesseract_has_no_data_for_is_told() -> None:
    """With those that it has."""
    with pytest.raises(ConfigError) as caught:
        tesseract(["eng", "klingon"])
    assert caught.value.code == "ingest.ocr_language"
    assert "eng" in caught.value.remedy


def test_a_missing_program_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any document is read."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError) as caught:
        tesseract(["eng"])
    assert caught.value.code == "ingest.ocr_missing"
    assert "apt-get install tesseract-ocr" in caught.value.remedy


def test_page_numbers_are_told_in_runs() -> None:
    """At most twenty runs."""
    assert numbers([2, 5, 6, 7, 9]) == "2, 5-7, 9"
    assert numbers(range(1, 200, 2)).endswith("39 …")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("2023 Q3 AMZN.pdf", "Net sales"),
        ("2023 Q3 AMZN.pdf", "Total assets\t$ 462,675\t$ 486,883"),
        ("2023 Q1 AAPL.pdf", "Total shareholders’ equity\t56,727\t50,672"),
        ("2023 Q2 MSFT.pdf", "Other income (expense), net\t321\t(174)\t315\t380"),
        ("2022 Q3 NVDA.pdf", "Gross profit"),
        ("2023 Q1 INTC.pdf", "Total current assets"),
    ],
)
def test_statements_of_real_filings_are_read_row_by_row(name: str, row: str) -> None:
    """A label and its figures, cell by cell."""
    path = DATA / "documents/sec-10q" / name
    if not path.exists():
        pytest.skip("../shared/data is not here")
    lines = [line for table in tables(read(path.read_bytes())) for line in table]
    wanted = row.split("\t")
    found = [line for line in lines if line[: len(wanted)] == wanted]
    assert found
    assert all(len(line) > 1 for line in found[:1])
