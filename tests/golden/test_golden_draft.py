"""Drafts: questions turned out of sentences, held to mechanical checks, spread, and never more than a corpus gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from assay.golden.draft import Drafting
from assay.golden.draft_chat import ChatDrafter
from assay.golden.draft_checks import judge_answerable, judge_unanswerable
from assay.golden.draft_questions import questions_of
from assay.golden.draft_unanswerable import missing_facts, tools_of
from assay.golden.draft_wording import Wording
from assay.records.access import CLOSED, AccessList, Scope
from assay.records.chat import ChatDone, ChatEvent, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage
from assay.records.documents import BlockKind, Chunk
from assay.records.errors import InputError
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.text.tokens import content_stems

PAGES = {
    "expenses": "Travel expenses must be submitted within 30 days of the trip. Expenses are approved by the budget "
    "owner. To correct a submitted expense, open the form and choose Withdraw.",
    "incidents": "The incident lead is responsible for the written review. If a customer reports a leak, call the duty "
    "phone at once. Runbooks are stored in the operations folder. The duty phone rota is published every Monday.",
    "tools": "We use Trello for tasks. You can use Trello on a phone. People who use Trello should archive old cards. "
    "A postmortem is a written account of an incident and of what follows from it.",
}


def chunk(doc_id: str, text: str, access: AccessList | None = None, start: int = 0) -> Chunk:
    return Chunk(f"{doc_id}#0", doc_id, "0" * 64, 0, start, start + len(text), text, doc_id, (), BlockKind.PARAGRAPH,
                 "en", access or AccessList())  # fmt: skip


CORPUS = [chunk(name, text) for name, text in PAGES.items()]


@dataclass
class Words:
    """Finds the chunks that share most stems with the query, inside the scope."""

    chunks: Sequence[Chunk] = field(default_factory=lambda: CORPUS)
    recipe: str = "words"

    def retrieve(self, query: Query) -> Retrieved:
        asked = set(content_stems(query.text))
        allowed = [one for one in self.chunks if query.scope.allows(one.access)]
        scored = [Ranked(one, float(len(asked & set(content_stems(one.text))))) for one in allowed]
        found = sorted((one for one in scored if one.score), key=lambda one: -one.score)
        return Retrieved(tuple(found[: query.limit]), {}, "s", "lexical")


def questions(text: str) -> dict[str, str]:
    wording = Wording([*PAGES.values(), text, "to open to call to choose the employees"])
    return {one.question: one.answer for one in questions_of(chunk("d", text), wording)}


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Travel expenses must be submitted within 30 days of the trip.",
         "Within how many days of the trip must travel expenses be submitted?", "within 30 days"),
        ("Expenses are approved by the budget owner.", "Who are expenses approved by?", "the budget owner"),
        ("To correct a submitted expense, open the form and choose Withdraw.",
         "How do I correct a submitted expense?", "open the form and choose Withdraw"),
        ("The incident lead is responsible for the written review.", "Who is responsible for the written review?",
         "The incident lead"),
        ("If a customer reports a leak, call the duty phone at once.",
         "What should you do if a customer reports a leak?", "call the duty phone at once"),
        ("Runbooks are stored in the operations folder.", "Where are runbooks stored?", "in the operations folder"),
        ("The duty phone rota is published every Monday.", "How often is the duty phone rota published?",
         "every Monday"),
        ("A postmortem is a written account of an incident and of what follows from it.", "What is a postmortem?",
         "a written account of an incident and of what follows from it"),
        ("Secrets must not be shared by mail because they cannot be revoked.",
         "Why must secrets not be shared by mail?", "because they cannot be revoked"),
        ("The new office was opened in March 2021.", "When was the new office opened?", "in March 2021"),
    ],
)  # fmt: skip
def test_a_sentence_is_turned_round_into_a_question_and_its_answer(sentence: str, question: str, answer: str) -> None:
    assert questions(sentence) == {question: answer}


@pytest.mark.parametrize(
    "sentence",
    [
        "This must be submitted within 30 days of the trip.",
        "If necessary, call the duty phone at once and wait there.",
        "It is stored in the operations folder of the team.",
        "See {% link %} to open the form within 30 days of it.",
        "To enable the feature, see the section below.",
        "Runbooks are stored in the folder (see the list.",
    ],
)
def test_a_sentence_that_needs_the_text_around_it_makes_no_question(sentence: str) -> None:
    assert questions(sentence) == {}


def test_the_quote_stands_in_the_document_at_its_offsets_and_holds_the_answer() -> None:
    text = "Intro line here.\n\n- Runbooks are stored\n  in the operations folder.\n"
    (found,) = questions_of(chunk("d", text, start=100), Wording([text]))
    assert text[found.start - 100 : found.end - 100] == found.quote
    assert found.answer in found.quote


def test_drafts_are_checked_spread_marked_and_the_same_for_the_same_seed() -> None:
    made = Drafting(CORPUS, Words(), seed=3).draft(6, 0.0)
    assert made == Drafting(CORPUS, Words(), seed=3).draft(6, 0.0)
    assert len(made.drafts) == 6
    assert {one.case.cluster for one in made.drafts} == set(PAGES)
    assert len({one.case.question for one in made.drafts}) == 6
    for one in made.drafts:
        (evidence,) = one.case.expected.evidence
        assert one.case.expected.answers[0] in evidence.quote
        assert PAGES[evidence.doc_id][one.start : one.end] == evidence.quote
        assert one.case.provenance["author"] == "assay golden draft"
        assert "accepted_by" not in one.case.provenance


def test_a_corpus_that_gives_fewer_says_how_many_and_an_empty_one_is_refused() -> None:
    one_page = Drafting(CORPUS[:1], Words(CORPUS[:1])).draft(50, 0.2)
    assert 0 < len(one_page.drafts) < one_page.wanted == 50
    with pytest.raises(InputError, match=r"golden\.no_documents"):
        Drafting([], Words([])).draft(5, 0.0)


def test_what_the_set_or_an_earlier_draft_asks_is_not_asked_again() -> None:
    first = Drafting(CORPUS, Words()).draft(20, 0.0)
    known = [one.case.question for one in first.drafts]
    again = Drafting(CORPUS, Words(), known).draft(20, 0.0)
    assert not {one.case.question for one in again.drafts} & set(known)
    assert again.refused["duplicate"] >= len(known)


def test_nothing_is_drafted_from_a_document_that_nobody_may_read_and_scopes_are_kept() -> None:
    closed = [chunk("c", PAGES["expenses"], CLOSED)]
    assert Drafting(closed, Words(closed)).draft(5, 0.5).drafts == ()
    hr = [chunk("h", PAGES["expenses"], AccessList("acme", ("hr",)))]
    scopes = {one.case.scope for one in Drafting(hr, Words(hr)).draft(5, 0.0).drafts}
    assert scopes == {Scope("acme", frozenset({"hr"}))}


def test_a_question_another_document_answers_otherwise_is_refused() -> None:
    other = [*CORPUS, chunk("old", "Travel expenses must be submitted within 14 days of the trip.")]
    quote = "Travel expenses must be submitted within 30 days of the trip."
    question = "Within how many days of the trip must travel expenses be submitted?"
    assert judge_answerable(question, "30 days", quote, CORPUS[0], Words(), Scope()).refused == ""
    assert (
        judge_answerable(question, "30 days", quote, CORPUS[0], Words(other), Scope()).refused == "answered_otherwise"
    )
    assert judge_answerable(question, "31 days", quote, CORPUS[0], Words(), Scope()).refused == "answer_outside_quote"
    assert judge_answerable(question, "30 days", quote, CORPUS[0], Words([]), Scope()).refused == "evidence_not_found"
    made_up = quote.replace("30", "31")
    found = judge_answerable(question, "31 days", made_up, CORPUS[0], Words(), Scope())
    assert found.refused == "quote_outside_document"


def test_unanswerable_questions_are_about_what_is_used_here_and_nothing_found_says_it() -> None:
    assert tools_of(CORPUS) == ["Trello"]
    priced = [*CORPUS, chunk("p", "Trello costs 5 dollars a month for each seat that we pay.")]

    def kinds(chunks: list[Chunk]) -> set[str]:
        import numpy as np

        return {one.question for one in missing_facts(chunks, np.random.default_rng(0))}

    asked = "How much does Trello cost per month?"
    assert asked in kinds(CORPUS)
    assert asked not in kinds(priced)
    assert judge_unanswerable(asked, Words(), Scope()).refused == ""
    assert judge_unanswerable(asked, Words(priced), Scope()).refused == "may_be_answered"
    drafted = Drafting(CORPUS, Words()).draft(10, 0.3).drafts
    near = [one for one in drafted if not one.case.expected.answerable]
    assert len(near) == 3
    assert all("Trello" in one.case.question and not one.case.expected.evidence for one in near)


@dataclass
class Writer:
    """A chat model that always writes the same."""

    text: str
    asked: list[Sequence[Turn]] = field(default_factory=list)
    recipe: str = "writer"

    async def stream(self, messages: Sequence[Turn], options: ChatOptions):  # type: ignore[no-untyped-def]
        self.asked.append(messages)
        event: ChatEvent = TextDelta(self.text)
        yield event
        yield ChatDone(Usage())


async def test_what_a_model_writes_is_held_to_the_checks_and_the_passage_is_marked_as_data() -> None:
    good = (
        '{"question": "Whose approval do expenses need?", "answer": "the budget owner", "quote": '
        '"Expenses are approved by the budget owner.", "kind": "who", '
        '"unanswerable": "Who is the budget owner in Rome?"}'
    )
    model = Writer(f"Here you are: {good}")
    asked, near = await ChatDrafter(model, new_marker=lambda: "MARK").draft(CORPUS[0])
    assert asked is not None
    assert near is not None
    assert PAGES["expenses"][asked.start : asked.end] == asked.quote
    made = Drafting(CORPUS, Words()).draft(1, 0.0, [asked], [near])
    assert [one.case.question for one in made.drafts] == ["Whose approval do expenses need?"]
    assert made.drafts[0].case.provenance["recipe"].startswith("golden.chat.v1")
    system, passage = model.asked[0]
    assert "It is data" in system.content
    assert passage.content.startswith("passage MARK")

    invented = good.replace("Expenses are approved by the budget owner.", "The CEO approves the budget owner.")
    asked, _ = await ChatDrafter(Writer(invented)).draft(CORPUS[0])
    assert asked is not None
    refused = Drafting(CORPUS, Words()).draft(1, 0.0, [asked])
    assert refused.refused.get("quote_outside_document") == 1
    for prose in ("I will not.", "[1, 2]", '{"question": 7}', "{" * 5000):
        assert await ChatDrafter(Writer(prose)).draft(CORPUS[0]) == (None, None)
