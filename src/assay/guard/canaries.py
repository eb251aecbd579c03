"""A guard that stops an answer which shows a canary: a token that stands only where nobody should repeat it from."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from assay.detect.canaries import Canary, Finder, Sighting
from assay.guard.acting import Acted
from assay.guard.leaving import Leaving
from assay.guard.policy import Context, Where
from assay.guard.streams import closed_after
from assay.ports.answering import Retriever, System
from assay.records.dialogue import (
    Finished,
    Outcome,
    OutputReady,
    PassagesChosen,
    ReplyEvent,
    Request,
    SentenceReady,
    StageDone,
)
from assay.records.documents import Chunk
from assay.records.errors import AccessDenied, AssayError
from assay.records.retrieval import Query, Retrieved

FOUND = "guard.canary"
"""The reason of what was stopped."""
RETRIEVED = "found by the search"
"""The notation of a decoy whose text was not shown: that it was found at all is the sighting."""
LOOK_BACK = 1000
LONGEST_RUN = 8_000
"""Signs of a row without blanks, or of a packed text, that are looked through from its beginning."""
_PACKED = "H4sI"
_WHOLE = 8
"""Encodings give whole bytes for 2, 4 or 8 signs: a row is cut so that its signs keep their places."""
_ENDS = ".!?…。！？"
SMALL = 600
"""Signs that are looked through where they are; more of them in a thread."""


@dataclass(frozen=True)
class Known:
    """Everything that is planted: `finder` for its tokens, None where there is nothing, and decoys by document id."""

    finder: Finder | None = None
    decoys: Mapping[str, Canary] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Sighted:
    """What an alarm is told: ids, kinds and notations, never a token or a text."""

    request_id: str
    tenant: str
    """Of whoever asked."""
    where: str
    """`answer`, `search` or `stream`."""
    seen: tuple[Sighting, ...]


Alarm = Callable[[Sighted], object]
"""Keeps account of a sighting and calls a person. May raise AssayError; the text is stopped all the same."""


@dataclass
class Watch:
    """One text that leaves piece by piece: each piece is looked through together with what left before it, so that a
    canary is seen over the ends of pieces and sentences. `told` is called with every new sighting; when `stops`, a
    hit ends the text."""

    finder: Finder | None
    look_back: int = LOOK_BACK
    wait: int = 0
    told: Callable[[tuple[Sighting, ...]], object] = lambda _: None
    refuses: bool = True
    before: str = ""
    seen: dict[Sighting, None] = field(default_factory=dict)

    def stops(self, piece: str) -> bool:
        """Whether a piece shows a canary, by itself or with what left, and may therefore not leave."""
        if self.finder is None:
            return False
        known = {(one.kind, one.name) for one in self.seen}
        found = tuple(one for one in self.finder.find(self.before + piece) if (one.kind, one.name) not in known)
        if found:
            self.seen |= dict.fromkeys(found)
            self.told(found)
        return bool(found) and self.refuses

    def left(self, piece: str) -> None:
        """A piece has left."""
        self.before = kept(self.before + piece, self.look_back)


def kept(text: str, least: int) -> str:
    """The end of a text that is still needed: `least` signs, and from its beginning a row or packed text that reaches
    into them, as far as `LONGEST_RUN`."""
    at = len(text) - least
    if at <= 0:
        return text
    row = max(text.rfind(" ", 0, at), text.rfind("\n", 0, at)) + 1
    packed = text.rfind(_PACKED, 0, at)
    start = min(row, packed) if packed >= 0 else row
    if len(text) - start <= LONGEST_RUN:
        return text[start:]
    return text[row + (at - row) // _WHOLE * _WHOLE :]


class _Texts:
    """Takes down every text of an event as `Leaving` comes by it, and changes none."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def act(self, text: str, context: Context, *, whole: bool = True) -> Acted:  # noqa: ARG002 - the shape of `Acts`
        self.texts.append(text)
        return Acted(text)


class Spoken:
    """The texts of one answer's events: what is said, sentence after sentence, and what stands beside it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def of(self, event: ReplyEvent) -> tuple[ReplyEvent, str, str]:
        """The event as it may leave (values nested too deeply to be looked at do not), what it says, and its quotes,
        titles, addresses, fields, labels and arguments."""
        texts = _Texts()
        left = Leaving(texts, self._context, lambda acted, _: acted.text).event(event)
        said = event.sentence.text if isinstance(event, SentenceReady) else ""
        names = [tool.name for tool in event.output.tools] if isinstance(event, OutputReady) else []
        beside = [text for text in texts.texts if text != said]
        return left, said, "\n".join(dict.fromkeys([*beside, *names]))


@dataclass
class _Course:
    """How one answer goes: events that wait, what was seen, and what looking cost."""

    began: float
    said: Watch
    glued: Watch
    """The same sentences without a blank between them, for one that ends in the middle of a word or a sign."""
    beside: Watch
    waiting: deque[tuple[ReplyEvent, int]] = field(default_factory=deque)
    size: int = 0
    spent_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    seen: list[Sighting] = field(default_factory=list)

    def note(self, found: tuple[Sighting, ...]) -> None:
        new = [one for one in found if (one.kind, one.name) not in {(old.kind, old.name) for old in self.seen}]
        self.seen += new
        self.counts.update(f"canary.{one.kind}" for one in new)

    def hold(self, event: ReplyEvent, size: int) -> None:
        self.waiting.append((event, size))
        self.size += size

    def due(self, wait: int) -> list[ReplyEvent]:
        """Events that enough signs follow, in order; what says nothing waits only for what stands before it."""
        due = []
        while self.waiting and (not self.waiting[0][1] or self.size - self.waiting[0][1] >= wait):
            event, size = self.waiting.popleft()
            self.size -= size
            due.append(event)
        return due

    def stage(self) -> StageDone:
        passed_ms = (time.perf_counter() - self.began - self.spent_s) * 1000
        return StageDone("guard", max(passed_ms, 0.0), self.spent_s * 1000, {"guard": "canary", **self.counts})

    def finished(self, reason: str = FOUND) -> Finished:
        return Finished(Outcome.REFUSED, reason, duration_ms=(time.perf_counter() - self.began) * 1000)


@dataclass(frozen=True)
class Canaried:
    """Looks for canaries in everything that a system says: sentences over their ends, quotes, titles, addresses,
    conflicts, structured outputs and tool calls; a decoy among the chosen passages is a sighting, too.

    On a hit the inner answer is closed, nothing more leaves, what waited is dropped, and `alarm` is told; with
    `refuses` False it is told and the answer goes on. What was found is counted by kind in a `guard` stage, never told.
    It changes no answer, so its recipe is the inner one's.
    """

    system: System
    known: Callable[[], Known]
    alarm: Alarm
    app: str = ""
    refuses: bool = True
    wait: int = 0
    look_back: int = LOOK_BACK

    @property
    def recipe(self) -> str:
        return self.system.recipe

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        known = await asyncio.to_thread(self.known)
        course = self._course(known)
        spoken = Spoken(Context(Where.ANSWER, request.scope.tenant, self.app, request.scope.purpose))
        async with closed_after(self.system.answer(request)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    for held in course.due(0):
                        yield held
                    if course.seen:
                        event = await self._alarmed(request, course, event)
                        yield course.stage()
                    yield event
                    continue
                began = time.perf_counter()
                event, size, stops = await self._looked(event, known, spoken, course)
                course.spent_s += time.perf_counter() - began
                if stops:
                    break
                course.hold(event, size)
                for held in course.due(self.wait):
                    yield held
            else:
                return
        ended = await self._alarmed(request, course, course.finished())
        yield course.stage()
        yield ended

    def _course(self, known: Known) -> _Course:
        said, glued, beside = (Watch(known.finder, self.look_back, refuses=self.refuses) for _ in range(3))
        course = _Course(time.perf_counter(), said, glued, beside)
        said.told = glued.told = beside.told = course.note
        return course

    async def _looked(
        self, event: ReplyEvent, known: Known, spoken: Spoken, course: _Course
    ) -> tuple[ReplyEvent, int, bool]:
        """The event as it may leave, how many signs it says, and whether it may not leave at all."""
        if known.finder is None:
            return event, 0, False
        if isinstance(event, PassagesChosen):
            ids = [doc_id for one in event.passages for doc_id in (one.span.doc_id, *one.also)]
            found = decoys_among(ids, known)
            course.note(found)
            return event, 0, bool(found) and self.refuses
        left, said, beside = spoken.of(event)
        if not said and not beside:
            return left, 0, False
        look = partial(_look, course, said, beside)
        much = len(said) + len(beside) + len(course.said.before) + len(course.beside.before) > SMALL
        stops = await asyncio.to_thread(look) if much else look()
        return left, len(said), stops

    async def _alarmed(self, request: Request, course: _Course, ended: Finished) -> Finished:
        told = Sighted(request.request_id, request.scope.tenant, "answer", tuple(course.seen))
        try:
            await asyncio.to_thread(self.alarm, told)
        except AssayError as error:  # what cannot be accounted for does not leave as if nothing had been
            return course.finished(error.code)
        return ended


def _look(course: _Course, said: str, beside: str) -> bool:
    stops = False
    inside = bool(course.glued.before) and not _is_over(course.glued.before)
    watches = [(course.said, said, " "), (course.glued, said, ""), (course.beside, beside, "\n")]
    looked = [(watch, piece) for watch, piece, _ in watches if piece and (inside or watch is not course.glued)]
    # All texts at once, since most show nothing: a row of letters that is in one of them is in all of them together.
    finder = course.said.finder
    if finder is not None and (len(looked) == 1 or finder.find("\n".join(one.before + piece for one, piece in looked))):
        for watch, piece in looked:
            stops = watch.stops(piece) or stops
    for watch, piece, glue in watches:
        if piece:
            watch.left(piece + glue)
    return stops


def _is_over(said: str) -> bool:
    """Whether a text ends as sentences do: with their mark behind a word. In Morse and escapes it does not."""
    return said[-1] in _ENDS and said[-2:-1].isalnum()


def decoys_among(doc_ids: Sequence[str], known: Known) -> tuple[Sighting, ...]:
    """Sightings of decoys among the documents that a search found."""
    found = (known.decoys[doc_id] for doc_id in dict.fromkeys(doc_ids) if doc_id in known.decoys)
    return tuple(Sighting(one.kind, one.name, RETRIEVED) for one in found)


@dataclass(frozen=True)
class CanariedRetriever:
    """For search results that leave as they are. Raises AccessDenied `guard.canary` when one is a decoy or shows a
    canary."""

    retriever: Retriever
    known: Callable[[], Known]
    alarm: Alarm
    refuses: bool = True

    @property
    def recipe(self) -> str:
        return self.retriever.recipe

    def retrieve(self, query: Query) -> Retrieved:
        found = self.retriever.retrieve(query)
        known = self.known()
        if known.finder is None:
            return found
        chunks = [chunk for ranked in found.ranked for chunk in (ranked.chunk, *ranked.also)]
        seen = decoys_among([chunk.doc_id for chunk in chunks], known)
        seen = seen or known.finder.find("\n".join(map(_shown, chunks)))
        if seen:
            self.alarm(Sighted("", query.scope.tenant, "search", seen))
        if seen and self.refuses:
            raise AccessDenied(FOUND, "a search found what nobody may find; nothing of it left", where="search")
        return found


def _shown(chunk: Chunk) -> str:
    return "\n".join((chunk.title, *chunk.heading_path, chunk.source_uri, chunk.text))
