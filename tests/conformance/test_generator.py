"""What every generator must do: end in one DraftDone, cite passages that exist, decline without evidence."""

from collections.abc import AsyncIterator

import pytest

from assay.adapters.fake_chat import FakeChat
from assay.assist.chat import ChatGenerator
from assay.assist.extractive import ExtractiveComposer
from assay.assist.prompt import DECLINE
from assay.ports.answering import Generator
from assay.records.access import AccessList
from assay.records.chat import DraftDone, DraftEvent, DraftSentence
from assay.records.dialogue import Turn
from assay.records.documents import BlockKind, Chunk
from assay.records.retrieval import Ranked

TEXTS = ("The mill was built in 1820. It burned down in 1911.", "Bread was sold on Fridays only.")


def passages() -> tuple[Ranked, ...]:
    made = []
    for number, text in enumerate(TEXTS):
        chunk = Chunk(
            f"c{number}", f"d{number}", "0" * 64, 0, 50, 50 + len(text), text, "Mill", (), BlockKind.PARAGRAPH, "en",
            AccessList(),
        )  # fmt: skip
        made.append(Ranked(chunk, 1.0 / (number + 1)))
    return tuple(made)


def model(messages: object) -> str:
    prompt = str(messages)
    return "The mill was built in 1820 [1]. It burned down in 1911 [1]." if "1820" in prompt else DECLINE


GENERATORS = {
    "extractive": lambda: ExtractiveComposer(),
    "chat": lambda: ChatGenerator(FakeChat([model])),
    "chat-json": lambda: ChatGenerator(
        FakeChat(
            [
                lambda messages: (
                    '{"sentences": [{"text": "The mill was built in 1820.", "cites": [1]}]}'
                    if "1820" in str(messages)
                    else '{"sentences": []}'
                )
            ]
        ),
        output="json",
    ),
}


@pytest.fixture(params=sorted(GENERATORS))
def generator(request: pytest.FixtureRequest) -> Generator:
    made: Generator = GENERATORS[request.param]()
    return made


async def events_of(stream: AsyncIterator[DraftEvent]) -> list[DraftEvent]:
    return [event async for event in stream]


async def test_sentences_cite_passages_and_one_done_comes_last(generator: Generator) -> None:
    """Every sentence names passages by numbers that exist, and the stream ends in exactly one DraftDone."""
    events = await events_of(generator.draft("When was the mill built?", (), passages()))
    sentences = [event for event in events if isinstance(event, DraftSentence)]
    assert sentences
    assert all(1 <= number <= len(TEXTS) for sentence in sentences for number in sentence.cited)
    assert [type(event) for event in events].count(DraftDone) == 1
    assert isinstance(events[-1], DraftDone)
    assert not events[-1].declined


async def test_spans_are_in_the_text_copy(generator: Generator) -> None:
    """Where a generator knows its spans, they hold the sentence in the document's own offsets."""
    for event in await events_of(generator.draft("When was the mill built?", (), passages())):
        if isinstance(event, DraftSentence):
            for number, span in zip(event.cited, event.spans, strict=False):
                text = TEXTS[number - 1]
                assert " ".join(text[span.start - 50 : span.end - 50].split()) == event.text


async def test_without_passages_it_declines(generator: Generator) -> None:
    """Nothing to rest on means no sentence and `declined`."""
    events = await events_of(generator.draft("When was the mill built?", (), ()))
    assert [type(event) for event in events] == [DraftDone]
    assert isinstance(events[0], DraftDone)
    assert events[0].declined


async def test_history_is_taken(generator: Generator) -> None:
    """Earlier turns are no obstacle."""
    history = (Turn("user", "Tell me about the mill."), Turn("assistant", "It is old."))
    events = await events_of(generator.draft("When was it built?", history, passages()))
    assert isinstance(events[-1], DraftDone)


def test_the_recipe_is_stable_and_versioned(generator: Generator) -> None:
    """Two reads give the same recipe, and its name carries a version."""
    assert generator.recipe == generator.recipe
    assert ".v1" in generator.recipe
