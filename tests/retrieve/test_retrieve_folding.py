"""Folding near-duplicates: eight passages are eight different ones, and nothing that disagrees is folded away."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.retrieve.folding import FoldingRetriever, fold

LONG = "Every parent takes sixteen weeks of paid leave in the first year after the birth or adoption of a child."


def ranked(text: str, doc_id: str, score: float = 1.0) -> Ranked:
    chunk = Chunk(
        doc_id, doc_id, "1" * 64, 0, 0, len(text), text, "T", (), BlockKind.PARAGRAPH, "en", AccessList()
    )  # fmt: skip
    return Ranked(chunk, score)


@dataclass
class Fixed:
    """A retriever that has these passages and counts how often it is asked."""

    passages: list[Ranked]
    asked: list[int] = field(default_factory=list)
    recipe: str = "fixed"

    def retrieve(self, query: Query) -> Retrieved:
        self.asked.append(query.limit)
        return Retrieved(tuple(self.passages[: query.limit]), {}, "s", "lexical")


def test_copies_are_folded_into_the_best_one_which_lists_them() -> None:
    twin = LONG.replace("Every parent", "A parent")
    kept = fold(
        [ranked(LONG, "a", 3), ranked("Something else altogether stands in this other text.", "b"), ranked(twin, "c")]
    )
    assert [item.chunk.doc_id for item in kept] == ["a", "b"]
    assert [twin.doc_id for twin in kept[0].also] == ["c"]
    assert kept[0].score == 3


def test_passages_with_another_number_or_a_denial_stay_apart() -> None:
    for other in (LONG.replace("sixteen", "twenty"), LONG.replace("takes", "never takes")):
        assert len(fold([ranked(LONG, "a"), ranked(other, "b")])) == 2


def test_short_passages_are_folded_only_when_they_are_equal_word_for_word() -> None:
    assert len(fold([ranked("See the handbook.", "a"), ranked("see the Handbook", "b")])) == 1
    assert len(fold([ranked("See the handbook.", "a"), ranked("See the guide.", "b")])) == 2


def test_as_many_different_passages_come_back_as_were_asked_for() -> None:
    others = [
        f"Passage {chr(97 + n)} speaks of matter {chr(97 + n)} alone, " + f"word{chr(97 + n)} " * 8 for n in range(8)
    ]
    inner = Fixed([ranked(LONG, f"copy{n}") for n in range(10)] + [ranked(text, text[:9]) for text in others])
    found = FoldingRetriever(inner).retrieve(Query("q", Scope(), 5))
    assert len(found.ranked) == 5
    assert len(found.ranked[0].also) == 9
    assert inner.asked == [5, 10, 20]


def test_what_the_inner_retriever_does_not_have_is_not_asked_for_again() -> None:
    inner = Fixed([ranked(LONG, "a"), ranked(LONG, "b")])
    assert len(FoldingRetriever(inner).retrieve(Query("q", Scope(), 5)).ranked) == 1
    assert inner.asked == [5]
    assert FoldingRetriever(Fixed([])).retrieve(Query("q", Scope(), 0)).ranked == ()


@given(st.lists(st.sampled_from([LONG, LONG + " And more.", "One two three.", "Four five six seven eight nine ten."])))
def test_folding_loses_and_doubles_no_passage_keeps_the_order_and_is_done_after_once(texts: list[str]) -> None:
    items = [ranked(text, str(number)) for number, text in enumerate(texts)]
    kept = fold(items)
    everyone = [chunk.doc_id for item in kept for chunk in (item.chunk, *item.also)]
    assert sorted(everyone, key=int) == [str(number) for number in range(len(texts))]
    order = [int(item.chunk.doc_id) for item in kept]
    assert order == sorted(order)
    assert [item.chunk for item in fold(kept)] == [item.chunk for item in kept]
