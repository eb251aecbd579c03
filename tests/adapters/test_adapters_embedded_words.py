"""Words in the embedded engine: phrases, foreign questions, scopes of any width, and text that nobody would write."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk

EVERYONE = Scope()


def chunk(doc_id: str, text: str, language: str = "en", access: AccessList = AccessList(), title: str = "") -> Chunk:  # noqa: B008 - frozen
    return Chunk(
        f"{doc_id}#0", doc_id, "0" * 64, 0, 0, len(text), text, title, (), BlockKind.PARAGRAPH, language, access
    )


def filled(folder: Path, chunks: Sequence[Chunk]) -> EmbeddedIndex:
    index = EmbeddedIndex(folder)
    index.add(chunks)
    index.commit()
    return index


def found(index: EmbeddedIndex, text: str, scope: Scope = EVERYONE, limit: int = 50) -> list[str]:
    return [hit.chunk_id.removesuffix("#0") for hit in index.head().lexical(text, scope, limit)]


PHRASES = [
    chunk("scattered", "leave leave leave annual annual: the parental policy of annual reports, leave"),
    chunk("phrase", "Whoever works here for longer than a year has a right to annual leave, among other things."),
    chunk("other", "The policy of the house says nothing."),
    chunk("over", "leave a message", title="annual"),
]


@pytest.mark.parametrize("query", ['"annual leave" policy', "„annual leave“ policy", "«Annual leaves» policy"])
def test_a_quoted_phrase_comes_first(tmp_path: Path, query: str) -> None:
    """A chunk where the quoted words stand together beats one that repeats them, and the others follow in order."""
    index = filled(tmp_path, PHRASES)
    assert found(index, query.strip('"„“«»').replace('"', ""))[0] == "scattered"
    hits = index.head().lexical(query, EVERYONE, 10)
    assert hits[0].chunk_id == "phrase#0"
    assert {hit.chunk_id for hit in hits} == {"phrase#0", "scattered#0", "other#0", "over#0"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_phrase_that_stands_nowhere_is_searched_as_words(tmp_path: Path) -> None:
    """Quotation marks never make a search come back empty, and a phrase does not run from a title into the text."""
    index = filled(tmp_path, PHRASES)
    assert sorted(found(index, '"policy parental"')) == ["other", "scattered"]
    assert found(index, '"annual leave a message"')[0] == found(index, "annual leave a message")[0]


def test_a_phrase_of_an_earlier_turn_does_not_rule(tmp_path: Path) -> None:
    """The retriever repeats the question and adds earlier turns, a line each: only the question's phrase counts."""
    index = filled(tmp_path, PHRASES)
    assert found(index, 'annual policy\nannual policy\nwhat is "annual leave"')[0] == "scattered"
    assert found(index, 'what is "annual leave"\nwhat is "annual leave"\nannual policy')[0] == "phrase"


def test_phrases_of_unspaced_scripts_are_found_inside_sentences(tmp_path: Path) -> None:
    """Quoted Chinese characters must stand together, in that order."""
    index = filled(
        tmp_path,
        [chunk("together", "他在北京大学读书", "zh"), chunk("apart", "京北的大京学大北 大学大学 北京北京", "zh")],
    )
    assert found(index, "「北京大学」")[0] == "together"


def test_a_foreign_question_is_answered_through_what_is_written_alike(tmp_path: Path) -> None:
    """Names, numbers and cognates carry a German or Spanish question to an English chunk."""
    index = filled(
        tmp_path,
        [
            chunk("poland", "The University of Warsaw opened its philosophy department in 1816."),
            chunk("coast", "Southern California has a long coast."),
            chunk("wine", "Who will die in the war? The man was told to go where the wine is."),
        ],
    )
    assert found(index, "Wann wurde die philosophische Abteilung der Universität Warschau eröffnet?")[0] == "poland"
    assert found(index, "¿Cuándo abrió la universidad su departamento de filosofía?")[0] == "poland"
    assert found(index, "Wo liegt die Küste von Kalifornien?")[0] == "coast"


def test_a_question_in_the_index_language_is_not_widened(tmp_path: Path) -> None:
    """One unknown word among known ones brings nothing that only looks like it."""
    index = filled(tmp_path, [chunk("a", "the refund policy for customers"), chunk("b", "the university library")])
    assert found(index, "refund policy for the universum") == ["a"]


def test_a_wide_scope_finds_what_a_filter_would(tmp_path: Path) -> None:
    """From one group to all of twelve, hits and scores are those of the full ranking with the others taken out."""
    pick = random.Random(5)
    words = ["lemon", "tart", "cake", "pear", "sugar", "cream"]
    chunks = [
        chunk(
            f"d{n:03}", " ".join(pick.choices(words, k=pick.randint(1, 9))), access=AccessList(groups=(f"g{n % 12}",))
        )
        for n in range(300)
    ]
    index = filled(tmp_path, chunks)
    everyone = Scope(groups=frozenset(f"g{n}" for n in range(12)))
    full = index.head().lexical("lemon tart", everyone, 300)
    assert len(full) > 100
    for count in range(1, 13):
        scope = Scope(groups=frozenset(f"g{n}" for n in range(count)))
        mine = {c.chunk_id for c in chunks if scope.allows(c.access)}
        wanted = [hit for hit in full if hit.chunk_id in mine]
        got = index.head().lexical("lemon tart", scope, 300)
        assert [hit.chunk_id for hit in got] == [hit.chunk_id for hit in wanted]
        assert [hit.score for hit in got] == pytest.approx([hit.score for hit in wanted])
        few = index.head().lexical("lemon tart", scope, 7)
        assert [hit.score for hit in few] == pytest.approx([hit.score for hit in wanted[:7]])


def test_a_wide_scope_that_sees_none_of_the_best_still_finds_its_own(tmp_path: Path) -> None:
    """When all the best hits are closed to a caller who sees most chunks, the search goes on inside the engine."""
    closed = [chunk(f"closed{n:03}", "lemon", access=AccessList(groups=("hr",))) for n in range(60)]
    others = [chunk(f"open{n:03}", "plain words about something else") for n in range(90)]
    mine = [chunk("mine", "among very many other words there is one lemon in this long sentence")]
    index = filled(tmp_path, [*closed, *others, *mine])
    assert found(index, "lemon", limit=5) == ["mine"]


def test_thousands_of_access_lists_give_each_caller_exactly_their_own(tmp_path: Path) -> None:
    """With a list for every person, each finds their own chunk and what is open, and nothing else."""
    chunks = [chunk(f"p{n}", "lemon", access=AccessList(groups=(f"person-{n}",))) for n in range(2000)]
    index = filled(tmp_path, [*chunks, chunk("open", "lemon")])
    for n in (0, 7, 1999):
        assert sorted(found(index, "lemon", Scope(groups=frozenset({f"person-{n}", "nobody"})))) == ["open", f"p{n}"]
    assert found(index, "lemon", Scope("other")) == []


@pytest.mark.parametrize(
    ("text", "language", "query"),
    [
        ("مرحبا بالعالم version 2 שלום עולם", "ar", "שלום"),
        ("مرحبا بالعالم version 2 שלום עולם", "ar", "version 2"),
        ("Das 東京-Büro (Tōkyō) liegt in 日本", "de", "東京 Büro"),
        ("zero\u200bwidth \u202eright to left\u202c lemon", "en", "lemon"),
        ("a\0lemon\0b", "en", "lemon"),
        ("bad \ud800 surrogate lemon \udfff", "en", "lemon"),
        ("𝓁𝑒𝓂𝑜𝓃 in fancy letters", "en", "lemon"),
        ("🍋 lemon 👩‍👩‍👧‍👦", "en", "lemon"),
    ],
)
def test_any_script_and_any_control_character_is_text(tmp_path: Path, text: str, language: str, query: str) -> None:
    """Right-to-left and mixed scripts, NUL, lone surrogates and invisible marks neither fail nor hide a word."""
    index = filled(tmp_path, [chunk("it", text, language), chunk("not", "nothing of the kind")])
    assert found(index, query) == ["it"]
    for bad in (text, "\0", "\ud800", text * 50):
        found(index, bad)


def test_a_document_of_one_endless_line_and_a_pasted_book_are_searched(tmp_path: Path) -> None:
    """100,000 words on one line are one chunk; a query of 100,000 characters is cut and answered."""
    line = " ".join(f"word{n % 5000}" for n in range(100_000))
    index = filled(tmp_path, [chunk("long", line + " lemon"), replace(chunk("short", "lemon tart"), title="x")])
    assert found(index, "lemon") == ["short", "long"]
    assert found(index, "lemon " + "x" * 100_000)[0] == "short"
    assert found(index, ("lemon tart " * 10_000)[:100_000])[0] == "short"
    for heavy in ('"' * 100_000, '" ' * 50_000, "a" * 100_000, "1," * 50_000, "a.b" * 33_000, "aB" * 50_000):
        found(index, heavy)
