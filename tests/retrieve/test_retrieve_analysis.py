"""How words are divided, stemmed and left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.retrieve.analysis import STEMMED, Analyzer

ANALYZER = Analyzer()
GROUPS = st.sampled_from([*sorted(STEMMED), "und"])


@given(st.text(max_size=200), GROUPS)
def test_terms_are_words_without_white_space(text: str, group: str) -> None:
    """Whatever the text, no term is empty or holds white space: the engine divides stored terms at spaces."""
    for term in ANALYZER.terms(text, group):
        assert term
        assert term.split() == [term]


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=80), GROUPS)
def test_case_does_not_matter_to_what_is_indexed(text: str, group: str) -> None:
    """Upper and lower case give the same terms."""
    assert ANALYZER.terms(text.upper(), group) == ANALYZER.terms(text.lower(), group)


@given(st.text(max_size=80), GROUPS)
def test_a_query_asks_only_for_terms_that_the_same_text_would_hold(text: str, group: str) -> None:
    """Every term of a query is a term of the text, and a text with words never makes an empty query."""
    indexed = ANALYZER.terms(text, group)
    asked = ANALYZER.query_terms(text, group)
    assert set(asked) <= set(indexed)
    assert bool(asked) == bool(indexed)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("claude-3.5", "en", ["claud", "3", "5", "claude-3.5"]),
        ("max_tokens", "en", ["max", "token", "max_tokens"]),
        ("1,000,000 seats", "en", ["1000000", "seat"]),
        ("1,000 and 1000", "en", ["1000", "and", "1000"]),
        ("CVE-2024-1234", "en", ["cve", "2024", "1234", "cve-2024-1234"]),
        ("state-of-the-art", "en", ["state", "of", "the", "art"]),
        ("the user's key", "en", ["the", "user", "key"]),
        ("l'eau", "fr", ["l", "eau"]),
        ("Häuser", "de", ["haus"]),
        ("café", "und", ["cafe"]),
        ("ＦＵＬＬ", "en", ["full"]),
        ("東京2023", "ja", ["東京", "東", "京", "2023"]),
        ("数据库", "zh", ["数据", "据库", "数", "据", "库"]),
        ("1.000,50 Euro", "de", ["1000", "50", "1000.50", "euro"]),
        ("1.000 or 3,5", "en", ["1", "000", "1.000", "or", "3", "5", "3.5"]),
        ("1\u202f000 1’000", "fr", ["1000", "1000"]),
        ("192.168.100.200", "de", ["192", "168", "100", "200", "192.168.100.200"]),
        ("5GB of v1.2.3", "en", ["5gb", "5", "gb", "of", "v1", "2", "3", "v1.2.3", "1.2.3"]),
        ("getUserName", "en", ["getusernam", "get", "user", "name"]),
        ("GitHub iOS URLs", "en", ["github", "io", "url"]),
        ("C++ and C# or c", "en", ["c", "and", "c", "or", "c", "c++", "c#"]),
        ("/etc/ssl/certs and/or", "en", ["etc", "ssl", "cert", "etc/ssl/certs", "and", "or"]),
        ("ann@x.org", "en", ["ann", "x", "org", "ann@x.org"]),
        ("am 15.01.2024", "de", ["am", "15", "01", "2024", "15.01.2024", "2024-01-15"]),
        ("猫", "ja", ["猫"]),
        ("", "en", []),
        ("?!…", "en", []),
    ],
)
def test_known_divisions(text: str, language: str, expected: list[str]) -> None:
    """Identifiers and numbers stay whole beside their parts; scripts without spaces give pairs."""
    assert ANALYZER.terms(text, ANALYZER.group(language)) == expected


@pytest.mark.parametrize(
    ("asked", "written", "language"),
    [
        ("1000", "1,000", "en"),
        ("1,000", "1.000", "de"),
        ("3.5", "3,5", "de"),
        ("2024-01-15", "January 15, 2024", "en"),
        ("2024-01-15", "15. Januar 2024", "de"),
        ("15.01.2024", "le 15 janvier 2024", "fr"),
        ("5 GB", "5GB", "en"),
        ("1.2.3", "v1.2.3", "en"),
        ("ERR_CONNECTION_REFUSED", "err_connection_refused", "en"),
        ("水", "热水器", "zh"),
        ("图书馆", "北京大学的图书馆", "zh"),
        ("データ", "顧客データベース", "ja"),
        ("東京タワー", "昨日東京タワーに行きました", "ja"),
        ("ไทย", "ภาษาไทยสวยงาม", "th"),
        ("น้ำ", "ดื่มน้ำทุกวัน", "th"),
        ("학교", "우리학교에서", "ko"),
    ],
)
def test_another_spelling_or_an_unspaced_sentence_is_found(asked: str, written: str, language: str) -> None:
    """More than half of a query's terms stand in a text with the same number, date, unit, version or word."""
    indexed = set(ANALYZER.terms(written, ANALYZER.group(language)))
    terms = set(ANALYZER.query_terms(asked, ANALYZER.group(language)))
    assert len(terms & indexed) * 2 > len(terms)


def test_thai_is_not_divided_inside_a_syllable() -> None:
    """No term begins with a vowel sign or a tone mark, or ends with a vowel that is waiting for its consonant."""
    for term in ANALYZER.terms("เด็กๆ กำลังเล่นน้ำที่โรงเรียนใหญ่", "und"):
        assert term[0] not in "ัิีึืฺุู็่้๊๋์ํๅะา"
        assert term[-1] not in "เแโใไ"


@pytest.mark.parametrize(
    ("query", "language", "expected"),
    [
        ("What is the refund policy?", "en", {"refund", "polici"}),
        ("Who are we", "en", {"who", "are", "we"}),
        ("the IT policy", "en", {"it", "polici"}),
        ("what is vitamin A", "en", {"vitamin", "a"}),
        ("WHAT IS THE POLICY", "en", {"polici"}),
        ("Wie ist der Vertrag", "de", {"vertrag"}),
    ],
)
def test_small_words_leave_a_query_unless_they_are_all_there_is(query: str, language: str, expected: set[str]) -> None:
    """Question words are dropped, names in capitals are kept, and a query of small words alone stays whole."""
    assert set(ANALYZER.query_terms(query, language)) == expected


def test_repeats_in_a_query_are_counted_and_a_book_is_cut() -> None:
    """A word that stands twice counts twice; at most 512 different terms are asked for."""
    assert ANALYZER.query_terms("lemon tart lemon", "en") == {"lemon": 2, "tart": 1}
    assert len(ANALYZER.query_terms(" ".join(f"word{i}" for i in range(9999)), "en")) == 512


@pytest.mark.parametrize(
    ("language", "group"), [("en-GB", "en"), ("", "en"), ("nb", "no"), ("zh", "und"), ("PL", "und"), ("DE", "de")]
)
def test_languages_fall_back_to_plain_words(language: str, group: str) -> None:
    """A regional tag counts as its language; one without a stemmer is divided without stemming."""
    assert ANALYZER.group(language) == group


def test_the_recipe_names_the_default_language() -> None:
    """Two analysers that divide words differently have different recipes."""
    assert Analyzer("de").recipe != Analyzer("en").recipe
