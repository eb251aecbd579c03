"""How readable a text is: real text scores high, text that was read wrongly scores low, and a rule holds it back."""

from __future__ import annotations

import random
import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_fakes import Lab

from assay.adapters.parsers.registry import parsers
from assay.ingest.quality import COMPONENTS, SAMPLE_CHARS, parse_quality
from assay.ingest.sync import Ingest
from assay.records.documents import Page, ParseStatus

DATA = Path(__file__).resolve().parents[3] / "shared/data"

ENGLISH = (
    "The company grew in every quarter of the year and hired many people. Each team writes down what it has learned, "
    "so that those who join later can find it. Requests for leave are made to the manager two weeks in advance, and "
    "the answer is given within three days. Whoever travels for work keeps the receipts, because the tax office asks "
    "for them. A laptop that is lost must be reported on the same day, also at night and on a holiday. The office in "
    "Berlin has twelve desks, and the one in Porto has eight; both can be booked by everybody. "
)
GERMAN = (
    "Die Gesellschaft prüft jährlich, ob die Übertragung der Beiträge für alle Angehörigen möglich wäre. Außerdem "
    "müssen Anträge über größere Beträge schriftlich begründet werden, und die Prüfung dauert höchstens fünf Tage. "
) * 3


def _shuffled(text: str, alphabet: str) -> str:
    letters = list(alphabet)
    random.Random(3).shuffle(letters)
    return text.translate(str.maketrans(alphabet, "".join(letters)))


def _speckled(text: str, share: float) -> str:
    chance = random.Random(4)
    noise = ["|", "1", "0", "~", "l", "rn", "ii", ".", "'", " ", "_", "^", "x", "J", "¢", "$", "*"]
    return "".join(chance.choice(noise) if chance.random() < share and sign != " " else sign for sign in text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (GERMAN.encode().decode("cp1252"), "mojibake"),
        (ENGLISH.replace("e", "\ufffd"), "unreadable"),
        ("".join(chr(0xE000 + ord(sign)) if sign.isalpha() else sign for sign in ENGLISH), "unreadable"),
        (random.Random(1).randbytes(3000).decode("latin-1"), "unreadable"),
        (_shuffled(ENGLISH, string.ascii_lowercase), "letters"),
        (_shuffled(ENGLISH, string.printable[:95]), "letters"),
        (_speckled(ENGLISH, 0.25), "mixed_words"),
        (" ".join(ENGLISH.replace(" ", "")), "single_letters"),
        (ENGLISH.replace(" ", ""), "glued_words"),
    ],
    ids=["mojibake", "replaced", "private-use", "random-bytes", "letters", "glyphs", "ocr", "broken", "glued"],
)
def test_text_that_was_read_wrongly_scores_below_a_half_and_says_why(text: str, cause: str) -> None:
    """Each corruption of a readable text is named."""
    quality = parse_quality(text)
    assert quality.score < 0.5
    assert cause in quality.causes
    assert quality.warning.startswith("ingest.parse_quality: ")


@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus K\ufffdln",
        "GrÃ¼ÃŸe",
        ENGLISH,
        GERMAN,
        "",
        "1",
        "北京是中华人民共和国的首都。" * 40,
        "اللغة العربية جميلة جدا. " * 40,
    ],
)
def test_readable_text_scores_one(text: str) -> None:
    """Also short text, and scripts for which few components count."""
    assert parse_quality(text).score == 1
    assert parse_quality(text).warning == ""


@given(st.text(max_size=400), st.lists(st.booleans(), max_size=30))
def test_every_text_has_a_score_between_nothing_and_one(text: str, unread: list[bool]) -> None:
    """Whatever stands in it, and however many of its pages could not be read."""
    pages = [Page(number, 0, len(text)) for number in range(1, len(unread) + 1)]
    quality = parse_quality(
        text, pages, [page.number for page, not_read in zip(pages, unread, strict=True) if not_read]
    )
    assert 0 <= quality.score <= 1
    assert set(quality.causes) <= {component.name for component in COMPONENTS}


@given(st.integers(0, 20), st.integers(0, 20))
def test_more_unread_pages_never_raise_the_score(one: int, other: int) -> None:
    """The score falls with the share of pages that could not be read."""
    pages = [Page(number, number, number + 1) for number in range(1, 21)]
    few, many = sorted((one, other))
    scores = [parse_quality(ENGLISH, pages, range(1, count + 1)).score for count in (few, many)]
    assert scores[0] >= scores[1]


def test_a_long_text_is_judged_by_all_its_parts() -> None:
    """Garbage at the end of a book counts, though not every sign of it is looked at."""
    readable = ENGLISH * (SAMPLE_CHARS // len(ENGLISH) * 4)
    assert parse_quality(readable + "\ufffd\ue000\x01" * (len(readable) // 3)).score < 0.5


def _lab(min_quality: float) -> tuple[Lab, Ingest]:
    lab = Lab()
    return lab, _with(lab, min_quality)


def _with(lab: Lab, min_quality: float) -> Ingest:
    work = lab.ingest()
    return replace(work, reader=replace(work.reader, min_quality=min_quality))


def test_an_unreadable_document_is_held_back_and_released_by_the_setting() -> None:
    """It is told with its causes, told again while nothing changes, and comes in when the setting is lowered."""
    lab, work = _lab(0.5)
    lab.tree.write("/docs/bad.md", _shuffled(ENGLISH, string.ascii_lowercase))
    lab.tree.write("/docs/good.md", ENGLISH)
    told = {o.source_uri: o for o in work.sync(["/docs"]).outcomes}["file:///docs/bad.md"]
    assert (told.status, told.code) == (ParseStatus.SKIPPED, "ingest.low_quality")
    assert "letters distributed as in no language" in told.reason
    assert set(lab.catalog.current) == {"docs/good.md"} == set(lab.index.by_document)
    again = {o.source_uri: o for o in work.sync(["/docs"]).outcomes}["file:///docs/bad.md"]
    assert (again.status, again.code) == (ParseStatus.SKIPPED, "ingest.low_quality")
    report = _with(lab, 0.0).sync(["/docs"])
    assert report.count(ParseStatus.ADDED) == 1
    assert lab.catalog.document("docs/bad.md").quality < 0.5
    assert lab.catalog.document("docs/good.md").quality == 1


def test_raising_the_setting_takes_a_document_out_again() -> None:
    """What is held back is not left in the index as it was before."""
    lab, work = _lab(0.0)
    lab.tree.write("/docs/bad.md", _shuffled(ENGLISH, string.ascii_lowercase))
    work.sync(["/docs"])
    assert set(lab.index.by_document) == {"docs/bad.md"}
    _with(lab, 0.5).sync(["/docs"])
    assert not lab.index.by_document
    assert not lab.catalog.current


@pytest.mark.data
def test_no_real_page_is_held_back() -> None:
    """Handbooks, policies and filings all stand far above the default."""
    folder = DATA / "documents"
    if not folder.exists():
        pytest.skip("../shared/data is not here")
    found = parsers()
    low = []
    for path in sorted(folder.rglob("*.md"))[::7]:
        for parsed in found[".md"].parse(path.read_bytes(), path.name):
            if parsed.text.strip() and parse_quality(parsed.text).score < 0.9:
                low.append(path.name)
    assert not low
