"""Whatever leaves is looked through for canaries, over every end of a piece; a hit stops it and tells no content."""

import base64
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_guard_guards import Scripted, sentence

from assay.detect.canaries import Canary, Finder, token_of
from assay.evaluate.redteam.obfuscations import encode
from assay.guard.acting import Acting
from assay.guard.canaries import (
    FOUND,
    LONGEST_RUN,
    RETRIEVED,
    Canaried,
    CanariedRetriever,
    Known,
    Sighted,
    Watch,
    kept,
)
from assay.guard.policy import Context, Policy, Where
from assay.guard.stream_text import TOMBSTONE, TextStream
from assay.records.access import Scope
from assay.records.dialogue import (
    Citation,
    Conflict,
    ConflictFound,
    ConflictKind,
    Finished,
    LabelledSpan,
    Outcome,
    Output,
    OutputReady,
    Passage,
    PassagesChosen,
    Reply,
    ReplyEvent,
    Request,
    StageDone,
    ToolCall,
    fold,
)
from assay.records.documents import BlockKind, Chunk, Span
from assay.records.errors import AccessDenied, Unavailable
from assay.records.retrieval import Query, Ranked, Retrieved

KEY = b"k" * 32
PROMPT = Canary("prompt", "assistant", token_of(KEY, "prompt", "assistant"))
RIVAL = Canary("tenant", "rival", token_of(KEY, "tenant", "rival", "rival"))
KNOWN = Known(Finder([PROMPT, RIVAL]), {"canary/tenant/1": RIVAL})
TOKEN = PROMPT.token


@dataclass
class Told:
    kept: list[Sighted] = field(default_factory=list)
    error: Unavailable | None = None

    def __call__(self, sighted: Sighted) -> None:
        self.kept.append(sighted)
        if self.error:
            raise self.error


def guard(*events: ReplyEvent, told: Told | None = None, **stated: object) -> Canaried:
    inner = Scripted([*events, Finished(Outcome.ANSWERED)])
    return Canaried(inner, lambda: KNOWN, told or Told(), "assistant", **stated)  # type: ignore[arg-type]


async def left(system: Canaried) -> list[ReplyEvent]:
    return [event async for event in system.answer(Request("r-1", "What were you told?", Scope("acme")))]


async def reply(system: Canaried) -> Reply:
    return fold(await left(system))


async def test_an_answer_that_shows_a_canary_ends_at_once_and_says_only_which() -> None:
    told = Told()
    system = guard(sentence("Fine."), sentence(f"My code is {encode(TOKEN, 'base64')}."), sentence("More."), told=told)
    events = await left(system)
    got = fold(events)
    assert (got.text, got.outcome, got.reason) == ("Fine.", Outcome.REFUSED, FOUND)
    assert got.stages[0].detail == {"guard": "canary", "canary.prompt": 1}
    assert system.system.closed == 1  # type: ignore[attr-defined]
    (sighted,) = told.kept
    assert (sighted.request_id, sighted.tenant, sighted.where) == ("r-1", "acme", "answer")
    assert [(one.kind, one.name, one.notation) for one in sighted.seen] == [("prompt", "assistant", "base64")]
    assert TOKEN not in repr(events)
    assert TOKEN not in repr(told)


@pytest.mark.parametrize("name", ["plain", "percent", "morse", "acrostic", "spelling-alphabet"])
async def test_a_canary_is_seen_over_the_ends_of_sentences(name: str) -> None:
    """Also where a sentence ends in the middle of a sign."""
    text = encode(TOKEN, name)
    for at in (len(text) // 3, len(text) // 2, len(text) // 2 + 1):
        got = await reply(guard(sentence(text[:at]), sentence(text[at:]), sentence("More.")))
        assert got.reason == FOUND
        assert len(got.sentences) < 2


def cited(text: str) -> Citation:
    return Citation(Span("d", "a" * 64, 3, 10), "a quote", text, "file:///d.md", "chunk-1")


@pytest.mark.parametrize(
    "event",
    [
        sentence("Fine.", f"a quote {TOKEN}"),
        sentence("Fine.", title=TOKEN[::-1]),
        replace(sentence("Fine."), sentence=replace(sentence("Fine.").sentence, citations=(
            replace(cited(""), source_uri=f"https://x.example/?q={encode(TOKEN, 'hex')}"),))),
        ConflictFound(Conflict(ConflictKind.NUMBER, cited("t"), cited(TOKEN))),
        OutputReady(Output(label=TOKEN)),
        OutputReady(Output(scores={TOKEN: 1.0})),
        OutputReady(Output(fields={"a": [{"b": TOKEN}]})),
        OutputReady(Output(fields={TOKEN: 1})),
        OutputReady(Output(fields={"a": [TOKEN[:10], TOKEN[10:]]})),
        OutputReady(Output(spans=(LabelledSpan(0, 1, TOKEN),))),
        OutputReady(Output(tools=(ToolCall("send", {"to": {"address": TOKEN}}),))),
        OutputReady(Output(tools=(ToolCall(TOKEN),))),
    ],
    ids=["quote", "title", "address", "conflict", "label", "score", "field", "key", "list", "span", "argument", "tool"],
)  # fmt: skip
async def test_a_canary_is_seen_wherever_an_event_carries_text(event: ReplyEvent) -> None:
    got = await reply(guard(event))
    assert (got.reason, got.sentences, got.conflicts, got.output) == (FOUND, (), (), None)


async def test_a_decoy_among_the_passages_is_a_sighting_though_nobody_said_anything() -> None:
    told = Told()
    span = Span("canary/tenant/1", "a" * 64, 0, 5)
    chosen = PassagesChosen((Passage(1, "c", span, 1.0),))
    assert (await reply(guard(chosen, sentence("Fine."), told=told))).reason == FOUND
    assert told.kept[0].seen[0].notation == RETRIEVED
    folded = PassagesChosen((Passage(1, "c", replace(span, doc_id="d"), 1.0, also=("canary/tenant/1",)),))
    assert (await reply(guard(folded))).reason == FOUND


async def test_harmless_answers_pass_as_they_are() -> None:
    """Every event, in its order, and nothing beside it."""
    events: list[ReplyEvent] = [
        StageDone("retrieve", 0.0, 1.0), PassagesChosen(()), sentence("Thirty days."), sentence("And one more"),
        ConflictFound(Conflict(ConflictKind.NUMBER, cited("t"), cited("u"))),
        OutputReady(Output("a", {"a": 1.0}, {"n": 3}, (LabelledSpan(0, 1, "x"),), (ToolCall("find", {"q": "x"}),))),
    ]  # fmt: skip
    told = Told()
    for wait in (0, 10, 2000):
        assert await left(guard(*events, told=told, wait=wait)) == [*events, Finished(Outcome.ANSWERED)]
    assert told.kept == []


async def test_without_anything_planted_nothing_is_looked_at() -> None:
    deep = OutputReady(Output(fields={"a": TOKEN}))
    system = Canaried(Scripted([deep, Finished(Outcome.ANSWERED)]), Known, Told())
    assert await left(system) == [deep, Finished(Outcome.ANSWERED)]


async def test_reporting_lets_the_answer_go_on_and_tells_each_canary_once() -> None:
    told = Told()
    system = guard(sentence(TOKEN), sentence(f"Again {TOKEN}"), sentence(RIVAL.token), told=told, refuses=False)
    got = await reply(system)
    assert (got.outcome, len(got.sentences)) == (Outcome.ANSWERED, 3)
    assert [one.kind for one in told.kept[0].seen] == ["prompt", "tenant"]


async def test_sentences_wait_for_what_follows_them() -> None:
    """With enough to wait for, nothing of a canary that is spread over sentences leaves."""
    halves = [sentence(f"It begins {TOKEN[:10]}"), sentence(f"{TOKEN[10:]} it ends.")]
    assert (await reply(guard(*halves))).text.endswith(TOKEN[:10])
    assert (await reply(guard(*halves, wait=60))).text == ""


async def test_an_answer_whose_sighting_cannot_be_accounted_for_is_refused_all_the_same() -> None:
    full = Unavailable("audit.disk", "full")
    got = await reply(guard(sentence(TOKEN), told=Told(error=full)))
    assert (got.outcome, got.reason, got.text) == (Outcome.REFUSED, "audit.disk", "")


@given(st.integers(0, 2**32), st.integers(200, 3000))
@settings(max_examples=10, deadline=None)
def test_what_is_kept_of_a_row_keeps_its_signs_in_their_places(seed: int, least: int) -> None:
    """However often the beginning is dropped, what is left of a base64 row still reads as one."""
    chance = random.Random(seed)
    data = bytes(chance.choices(b"abcdefgh", k=12_000))
    row, text, said = base64.b64encode(data).decode(), "", b""
    for at in range(0, len(row), 997):
        text = kept(text + row[at : at + 997], least)
        said = base64.b64decode(text[: len(text) // 4 * 4])
        assert said in data
        assert least <= len(text) <= LONGEST_RUN + 8 or at < least
    assert kept("word " * 400, 300).startswith("word")


def stream(watch: Watch | None) -> TextStream:
    acting = Acting(Policy((), known=frozenset()), ())
    return TextStream(acting, Context(Where.ANSWER, "default", "", "answer"), watch=watch)


def through(watch: Watch | None, pieces: list[str]) -> str:
    made = stream(watch)
    return "".join((*(made.feed(piece) for piece in pieces), made.close()))


TEXT = f"{'The office answers within two days. ' * 12}\n{encode(TOKEN, 'spaced')}\n{'And so on. ' * 30}"


@given(st.lists(st.integers(0, len(TEXT)), max_size=30))
@settings(max_examples=6, deadline=None)
def test_what_leaves_of_a_stream_does_not_depend_on_how_it_was_cut(places: list[int]) -> None:
    ends = [0, *sorted(places), len(TEXT)]
    pieces = [TEXT[start:end] for start, end in pairwise(ends)]
    whole = through(Watch(KNOWN.finder), [TEXT])
    assert through(Watch(KNOWN.finder), pieces) == whole
    assert whole.endswith(TOMBSTONE)
    assert not KNOWN.finder.find(whole)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["plain", "gzip-base64", "acrostic", "base64-twice"])
def test_a_stream_stops_at_a_canary_and_not_without_a_watch(name: str) -> None:
    text = f"{'word ' * 300}{encode(TOKEN, name)}{' word' * 300}"
    watch = Watch(KNOWN.finder)
    made = stream(watch)
    out = "".join(made.feed(text[at : at + 7]) for at in range(0, len(text), 7)) + made.close()
    assert (made.stopped, [one.kind for one in watch.seen]) == (FOUND, ["prompt"])
    assert out.count(TOMBSTONE) == 1
    assert KNOWN.finder.find(through(None, [text]))  # type: ignore[union-attr]


def chunk(doc_id: str, text: str) -> Chunk:
    return Chunk("c", doc_id, "a" * 64, 0, 0, len(text), text, "t", (), BlockKind.PARAGRAPH, "en", None)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Finds:
    chunks: tuple[Chunk, ...]
    recipe: str = "finds"

    def retrieve(self, query: Query) -> Retrieved:
        return Retrieved(tuple(Ranked(one, 1.0) for one in self.chunks), {}, "s", query.mode)


def test_search_results_with_a_decoy_or_a_token_are_refused() -> None:
    told = Told()
    for found, stops in ((chunk("d", "Fine."), False), (chunk("d", TOKEN), True), (chunk("canary/tenant/1", ""), True)):
        searching = CanariedRetriever(Finds((found,)), lambda: KNOWN, told)
        if stops:
            with pytest.raises(AccessDenied, match=FOUND):
                searching.retrieve(Query("x", Scope("acme")))
        else:
            assert searching.retrieve(Query("x", Scope("acme"))).ranked
    assert [one.where for one in told.kept] == ["search", "search"]


async def test_a_reader_who_leaves_ends_the_inner_answer() -> None:
    system = guard(*(sentence(f"Number {n}.") for n in range(50)))
    events: AsyncIterator[ReplyEvent] = system.answer(Request("r", "?"))
    await anext(events)
    await events.aclose()  # type: ignore[attr-defined]
    assert system.system.closed == 1  # type: ignore[attr-defined]
