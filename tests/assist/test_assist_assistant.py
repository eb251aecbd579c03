"""The assistant shows checked sentences only, cites exact spans, and ends every stream properly."""

import pytest
from assist_library import OPENING, RULES, Scripted, Shelf, ranked

from assay.adapters.clocks import FakeClock
from assay.assist.assistant import NOT_KNOWN, Abstention, Assistant
from assay.assist.extractive import ExtractiveComposer
from assay.assist.verify import VerifyPolicy
from assay.ports.answering import Generator
from assay.records.chat import DraftSentence
from assay.records.dialogue import CheckStatus, Finished, Outcome, Reply, ReplyEvent, Request, Turn, fold
from assay.records.documents import Span
from assay.records.errors import Unavailable

PASSAGES = ranked(OPENING, RULES)


async def events_of(assistant: Assistant, question: str, history: tuple[Turn, ...] = ()) -> list[ReplyEvent]:
    return [event async for event in assistant.answer(Request("r", question, history=history))]


def assistant(generator: Generator, shelf: Shelf | None = None, **fields: object) -> Assistant:
    return Assistant(shelf or Shelf(PASSAGES), generator, FakeClock(), **fields)  # type: ignore[arg-type]


async def reply_of(made: Assistant, question: str = "When was the library founded?") -> Reply:
    return fold(await events_of(made, question))


async def test_an_extractive_answer_cites_exactly_what_it_shows() -> None:
    """The quote is the copy's characters of the span, and the sentence is that quote."""
    reply = await reply_of(assistant(ExtractiveComposer()))
    assert reply.outcome is Outcome.ANSWERED
    first = reply.sentences[0]
    assert first.text == "The library was founded in 1897 by Ada Berg."
    (citation,) = first.citations
    assert OPENING[citation.span.start - 10 : citation.span.end - 10] == citation.quote == first.text
    assert (citation.page, citation.title, citation.source_uri) == (3, "Title of d1", "file:d1")
    assert first.check.status is CheckStatus.SUPPORTED


async def test_generated_sentences_are_aligned_with_their_passage() -> None:
    """A sentence without spans gets the span of the sentences that bear it out."""
    reply = await reply_of(assistant(Scripted([DraftSentence("Ada Berg founded the library in 1897.", (1,))])))
    assert reply.citations[0].quote == "The library was founded in 1897 by Ada Berg."


@pytest.mark.parametrize(
    ("sentence", "failure"),
    [
        (DraftSentence("The library was founded in 1997 by Ada Berg.", (1,)), "number"),
        (DraftSentence("Fines are charged for children.", (1,)), "negation"),
        (DraftSentence("The library was founded in 1897 by Ada Berg.", ()), "no_citation"),
        (DraftSentence("Penguins swim.", (1,)), "alignment"),
        (DraftSentence("The library was founded in 1897 by Ada Berg.", (9,)), "no_citation"),
    ],
)
async def test_a_sentence_that_fails_is_withheld(sentence: DraftSentence, failure: str) -> None:
    """An unsupported sentence is counted, not shown; with nothing left the system says that it does not know."""
    reply = await reply_of(assistant(Scripted([sentence])))
    assert reply.outcome is Outcome.ABSTAINED
    assert reply.reason == "assist.nothing_verified"
    assert failure in reply.withheld[0].failures
    assert [s.check.status for s in reply.sentences] == [CheckStatus.NOT_CHECKED]


async def test_by_policy_a_failing_sentence_is_marked_instead() -> None:
    """With `mark` the sentence is shown, flagged, with its failures."""
    drafted = Scripted([DraftSentence("The library was founded in 1997 by Ada Berg.", (1,))])
    reply = await reply_of(assistant(drafted, verify=VerifyPolicy(on_failure="mark")))
    assert reply.outcome is Outcome.ANSWERED
    assert reply.sentences[0].marked
    assert reply.sentences[0].check.failures == ("number",)


async def test_below_the_threshold_the_generator_is_not_asked() -> None:
    """An uncertain question is declined in its own language, before any model is paid for."""
    drafted = Scripted([DraftSentence("x", (1,))], error=RuntimeError("must not run"))
    made = assistant(drafted, abstain=Abstention(threshold=1.0))
    reply = await reply_of(made, "Wann wurde die Bibliothek gegründet?")
    assert (reply.outcome, reply.reason) == (Outcome.ABSTAINED, "assist.below_threshold")
    assert reply.text == NOT_KNOWN["de"]
    assert reply.confidence is not None
    assert not drafted.closed


async def test_no_passages_and_a_declining_generator_abstain() -> None:
    """Each way of not knowing has its own reason."""
    assert (await reply_of(assistant(Scripted(), Shelf()))).reason == "assist.no_passages"
    assert (await reply_of(assistant(Scripted(declined=True)))).reason == "assist.declined"


@pytest.mark.parametrize(
    ("shelf", "drafted", "reason"),
    [
        (Shelf(error=Unavailable("store.gone", "x")), Scripted(), "store.gone"),
        (Shelf(PASSAGES), Scripted(error=Unavailable("chat.timeout", "x")), "chat.timeout"),
        (Shelf(PASSAGES), Scripted(error=KeyError("secret words")), "system.internal"),
    ],
)
async def test_every_failure_ends_in_finished(
    shelf: Shelf, drafted: Scripted, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors become the last event, once, and what was written is never logged."""
    events = await events_of(assistant(drafted, shelf), "When was it founded?")
    ends = [event for event in events if isinstance(event, Finished)]
    assert [(end.outcome, end.reason) for end in ends] == [(Outcome.FAILED, reason)]
    assert events[-1] is ends[0]
    assert "secret" not in caplog.text


async def test_stages_and_passages_are_reported() -> None:
    """Retrieval, confidence, generation and checking each leave a duration; passages are numbered as shown."""
    shelf = Shelf(PASSAGES)
    history = (Turn("user", "Tell me about the library"), Turn("assistant", "Yes."))
    reply = fold(await events_of(assistant(ExtractiveComposer(), shelf), "When was it founded?", history))
    assert [stage.name for stage in reply.stages] == ["retrieve", "confidence", "generate", "verify"]
    assert [(p.number, p.span) for p in reply.passages] == [(1, PASSAGES[0].chunk.span), (2, PASSAGES[1].chunk.span)]
    assert reply.snapshot_id == "snap"
    assert shelf.asked[0].history == ("Tell me about the library",)


async def test_leaving_early_closes_the_generator() -> None:
    """A client that goes away stops the model behind it."""
    drafted = Scripted([DraftSentence("The library was founded in 1897 by Ada Berg.", (1,))] * 3)
    stream = assistant(drafted).answer(Request("r", "When was the library founded?"))
    async for event in stream:
        if type(event).__name__ == "SentenceReady":
            break
    await stream.aclose()  # type: ignore[attr-defined]
    assert drafted.closed


async def test_the_page_of_a_span_can_be_looked_up() -> None:
    """A wiring that knows page boundaries overrides the chunk's first page."""

    def page_of(span: Span) -> int:
        return span.start

    reply = await reply_of(assistant(ExtractiveComposer(), page_of=page_of))
    assert reply.citations[0].page == reply.citations[0].span.start
