"""Guards refuse, mask and clean, say what they did by rule and never by content, and pass everything else on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from assay.detect.personal import find
from assay.guard.build import LimitsPolicy, MaskPolicy, VisiblePolicy, build_guards
from assay.guard.hidden import Visible
from assay.guard.limits import Limits
from assay.guard.masked import Masked
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Finished,
    Outcome,
    Reply,
    ReplyEvent,
    Request,
    SentenceReady,
    SentenceWithheld,
    StageDone,
    Turn,
    fold,
)
from assay.records.documents import Span
from assay.records.errors import ConfigError

CARD = "4111 1111 1111 1111"


def sentence(text: str, quote: str = "a quote", title: str = "A title") -> SentenceReady:
    cited = Citation(Span("d", "a" * 64, 3, 10), quote, title, "file:///d.md", "chunk-1")
    return SentenceReady(AnswerSentence(text, (cited,), Check(CheckStatus.SUPPORTED, 1.0)))


@dataclass
class Scripted:
    """Says what it was given, and remembers what it was asked and whether it was closed."""

    events: list[ReplyEvent] = field(default_factory=lambda: [Finished(Outcome.ANSWERED, duration_ms=5.0)])
    asked: list[Request] = field(default_factory=list)
    closed: int = 0
    recipe: str = "scripted.v1"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        self.asked.append(request)
        try:
            for event in self.events:
                yield event
        finally:
            self.closed += 1


async def replied(system: object, question: str = "How long?", *history: str) -> Reply:
    request = Request("r-1", question, history=tuple(Turn("user", text) for text in history))
    return fold([event async for event in system.answer(request)])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("", "guard.empty"),
        ("  \n", "guard.empty"),
        ("ab " * 10, "guard.too_long"),
        ("abcdefghijk", "guard.long_word"),
        ("aaaaaa", "guard.long_run"),
    ],
)
async def test_a_question_that_breaks_a_limit_is_refused_before_anything_reads_it(question: str, reason: str) -> None:
    inner = Scripted()
    reply = await replied(Limits(inner, 20, max_word=10, max_run=5), question)
    assert (reply.outcome, reply.reason) == (Outcome.REFUSED, reason)
    assert inner.asked == []
    assert reply.stages[0].name == "guard"
    assert reply.stages[0].detail == {"guard": "limits", f"limits.{reason.removeprefix('guard.')}": 1}


async def test_a_history_has_a_limit_of_its_own() -> None:
    reply = await replied(Limits(Scripted(), max_history_chars=10), "How long?", "a b c", "d e f g")
    assert reply.reason == "guard.long_history"


async def test_a_question_within_the_limits_passes_unchanged() -> None:
    inner = Scripted([sentence("Six months."), Finished(Outcome.ANSWERED, confidence=0.5, duration_ms=5.0)])
    reply = await replied(Limits(inner, max_chars=9), "How long?")
    assert inner.asked[0].question == "How long?"
    assert (reply.outcome, reply.confidence, reply.text) == (Outcome.ANSWERED, 0.5, "Six months.")
    assert reply.duration_ms >= 5.0


async def test_personal_data_is_masked_in_sentence_quote_and_title_and_the_span_stays() -> None:
    inner = Scripted([sentence(f"Use {CARD}.", f"Card: {CARD}", f"On {CARD}"), Finished(Outcome.ANSWERED)])
    reply = await replied(Masked(inner, ["card"]))
    shown = reply.sentences[0]
    assert (shown.text, shown.citations[0].quote, shown.citations[0].title) == (
        "Use [card].",
        "Card: [card]",
        "On [card]",
    )
    assert shown.citations[0].span == Span("d", "a" * 64, 3, 10)
    assert shown.check == Check(CheckStatus.SUPPORTED, 1.0)
    assert reply.stages[-1].detail == {"guard": "mask", "card": 3}
    assert CARD not in repr(reply)


async def test_only_the_rules_that_were_asked_for_mask() -> None:
    inner = Scripted([sentence(f"Write to a@b.example about {CARD}."), Finished(Outcome.ANSWERED)])
    reply = await replied(Masked(inner, ["email"]))
    assert reply.text == f"Write to [email] about {CARD}."


async def test_what_holds_no_personal_data_passes_unchanged_and_in_order() -> None:
    said: list[ReplyEvent] = [
        StageDone("retrieve", 0.0, 1.0),
        sentence("Six months."),
        SentenceWithheld(Check(CheckStatus.UNSUPPORTED)),
        Finished(Outcome.ANSWERED),
    ]
    events = [event async for event in Masked(Scripted(said)).answer(Request("r-1", "How long?"))]
    assert [event for event in events if not (isinstance(event, StageDone) and event.name == "guard")] == said
    assert isinstance(events[-1], Finished)


async def test_hidden_characters_do_not_reach_the_system() -> None:
    inner = Scripted()
    reply = await replied(Visible(inner), "How\u200b long\u202e?", "ear\U000e0041lier")
    assert inner.asked[0].question == "How long?"
    assert inner.asked[0].history[0].content == "earlier"
    assert reply.stages[0].detail == {
        "guard": "visible", "hidden.zero_width": 1, "hidden.bidi": 1, "hidden.tag": 1,
    }  # fmt: skip


async def test_the_first_policy_sees_the_request_first() -> None:
    inner = Scripted([sentence(f"Use {CARD}."), Finished(Outcome.ANSWERED)])
    guarded = build_guards(inner, [LimitsPolicy(max_chars=12), VisiblePolicy(), MaskPolicy(("card",))])
    assert guarded.recipe.startswith("limits.v1(max_chars=12")
    assert guarded.recipe.endswith("(visible.v1(mask.v1(rules=card)(scripted.v1)))")
    assert (await replied(guarded, "How\u200b long?")).text == "Use [card]."
    assert (await replied(guarded, "How long is it?")).outcome is Outcome.REFUSED
    assert build_guards(inner, []) is inner


async def test_an_answer_that_nobody_reads_on_is_closed_to_the_bottom() -> None:
    inner = Scripted([sentence("One."), sentence("Two."), Finished(Outcome.ANSWERED)])
    stream = build_guards(inner, [LimitsPolicy(), VisiblePolicy(), MaskPolicy()]).answer(Request("r-1", "How long?"))
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]
    assert inner.closed == 1


def test_an_unknown_rule_fails_when_the_guard_is_built() -> None:
    with pytest.raises(ConfigError):
        Masked(Scripted(), ["blood_type"])


async def test_masking_looks_at_the_whole_sentence_so_chunking_cannot_matter() -> None:
    """Sentences arrive whole: what a guard leaves holds nothing that the detector finds."""
    texts = [f"{CARD[:9]}", f"{CARD[9:]} and GB82 WEST 1234 5698 7654 32", f"x{CARD}x, 123-45-6789"]
    inner = Scripted([*(sentence(text) for text in texts), Finished(Outcome.ANSWERED)])
    reply = await replied(Masked(inner))
    assert all(find(shown.text, ["card", "iban", "us_ssn"]) == () for shown in reply.sentences)
