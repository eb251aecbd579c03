"""Drafts an answer with any chat model: numbered passages in, cited sentences out as they complete."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from assay.assist.closing import closing
from assay.assist.prompt import ANSWER_SCHEMA, DEFAULT_PROMPT, PromptTemplate, messages
from assay.detect.canaries import ALPHABET, LENGTH, Canary, Finder, new_token
from assay.ports.answering import ChatModel
from assay.records.chat import ChatDone, ChatEvent, ChatOptions, DraftDone, DraftEvent, DraftSentence, TextDelta
from assay.records.dialogue import Turn
from assay.records.errors import Unavailable
from assay.records.retrieval import Ranked
from assay.text.normalise import comparable
from assay.text.sentences import after_marks, sentence_spans

_CITES = re.compile(r"\s?\[(\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,9})\]")
_LEADING = re.compile(r"(?:\s?\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,9}\])+[.。]?")
TEXT = "text"
JSON = "json"
_TEXT_NUMBER = 100
"""A bracketed number from here on that names no passage is text, such as an error code, and no mistaken citation."""
_SENTENCE_ENDS = frozenset('.!?…。！？|)]"”’»')
_COMPLETE_WORD = re.compile(r"\S\s")


_REMEMBERED = 2000
"""Characters before a sentence that are read with it, so that a marker cut over sentences is found."""
LEAKED = "marker_withheld"


@dataclass(frozen=True)
class ChatGenerator:
    """A `Generator` on a chat model.

    With `output` `json` the model is held to a JSON Schema and its sentences come when it is done; with `text` they
    come one by one while it writes. Citation numbers that name no passage are dropped, so that such a
    sentence fails its check. The marker round the passages is a canary: a sentence that repeats it, in any notation
    that `detect.canaries` reads, goes no further, and the count of those stands in `DraftDone.detail`.
    """

    model: ChatModel
    prompt: PromptTemplate = DEFAULT_PROMPT
    options: ChatOptions = field(default_factory=ChatOptions)
    output: str = TEXT
    new_marker: Callable[[], str] = new_token
    assemble: Callable[..., tuple[Turn, ...]] = messages
    """How passages are set apart from what is asked; see `prompt.messages`. Only a sabotage run has another way."""

    def __post_init__(self) -> None:
        if self.output not in (TEXT, JSON):
            raise ValueError(f"output is {TEXT} or {JSON}, not {self.output}")

    @property
    def recipe(self) -> str:
        return (
            f"chat.v1(model={self.model.recipe}, prompt={self.prompt.digest}, output={self.output}, "
            f"temperature={self.options.temperature}, max_tokens={self.options.max_tokens})"
        )

    async def draft(
        self, question: str, history: Sequence[Turn], passages: Sequence[Ranked]
    ) -> AsyncIterator[DraftEvent]:
        """Yield sentences, then `DraftDone`. Raises Unavailable as the model does, and `chat.refused_schema` when
        its JSON does not have the shape asked for."""
        as_json = self.output == JSON
        marker = self.new_marker()
        asked = self.assemble(self.prompt, question, history, passages, marker, as_json)
        secret = _Secret(marker)
        options = replace(self.options, schema=ANSWER_SCHEMA) if as_json else self.options
        async with closing(self.model.stream(asked, options)) as events:
            drafted = self._json_draft(events, len(passages)) if as_json else self._text_draft(events, len(passages))
            async with closing(drafted) as sentences:
                async for event in sentences:
                    if isinstance(event, DraftDone) and secret.leaks:
                        event = replace(event, detail={**event.detail, LEAKED: secret.leaks})
                    if isinstance(event, DraftDone) or not secret.is_in(event.text):
                        yield event

    async def _text_draft(self, events: AsyncIterator[ChatEvent], passages: int) -> AsyncIterator[DraftEvent]:
        cutter = SentenceCutter(passages)
        shown, declined, done = 0, False, None
        async for event in events:
            if isinstance(event, ChatDone):
                done = event
                break
            for sentence in cutter.feed(event.text):
                declined = declined or self._declines(sentence)
                if not self._declines(sentence):
                    shown += 1
                    yield sentence
        cut_off = done is not None and done.finish_reason == "length"
        for sentence in cutter.close(cut_off):
            declined = declined or self._declines(sentence)
            if not self._declines(sentence):
                shown += 1
                yield sentence
        yield _done(done, declined=not shown and (declined or not cut_off), truncated=cut_off)

    async def _json_draft(self, events: AsyncIterator[ChatEvent], passages: int) -> AsyncIterator[DraftEvent]:
        pieces: list[str] = []
        done = None
        async for event in events:
            if isinstance(event, TextDelta):
                pieces.append(event.text)
            else:
                done = event
                break
        sentences = [s for s in _read_json("".join(pieces), passages) if not self._declines(s)]
        for sentence in sentences:
            yield sentence
        yield _done(done, declined=not sentences, truncated=False)

    def _declines(self, sentence: DraftSentence) -> bool:
        return comparable(sentence.text).rstrip(".") == comparable(self.prompt.decline).rstrip(".")


def _done(done: ChatDone | None, declined: bool, truncated: bool) -> DraftDone:
    if done is None:
        raise Unavailable("chat.dropped", "the model's stream ended without saying that it was done")
    detail: dict[str, str | int | float] = {"finish_reason": done.finish_reason, "attempts": done.attempts}
    return DraftDone(done.usage, declined, detail | ({"truncated": 1} if truncated else {}))


class _Secret:
    """Watches for the marker of one request, also when it comes bit by bit."""

    def __init__(self, marker: str) -> None:
        ours = len(marker) == LENGTH and set(marker) <= set(ALPHABET)
        self._finder = Finder([Canary("request", "", marker)]) if ours else None
        self._before = ""
        self.leaks = 0

    def is_in(self, sentence: str) -> bool:
        said = f"{self._before}\n{sentence}"
        self._before = said[-_REMEMBERED:]
        if self._finder is None or not self._finder.find(said):  # a row of letters in the sentence is one in both
            return False
        self.leaks += 1
        return True


@dataclass
class SentenceCutter:
    """Cuts a growing text into sentences as soon as each is surely over, and reads their `[n]` citations.

    Citations that follow the full stop belong to the sentence before them.
    """

    passages: int
    waiting: str = ""

    def feed(self, text: str) -> Iterator[DraftSentence]:
        """Sentences that `text` completed."""
        self.waiting += text
        consumed = 0
        for (start, end), (following, _) in pairwise(sentence_spans(self.waiting)):
            end, following = self._with_citations(end, following)
            if not _COMPLETE_WORD.search(self.waiting, following):
                break  # the next word decides whether this was the sentence's end
            yield from self._sentence(self.waiting[max(start, consumed) : end])
            consumed = end
        self.waiting = self.waiting[consumed:]

    def close(self, cut_off: bool = False) -> Iterator[DraftSentence]:
        """What is left; without its last sentence when the model was cut off in the middle of it."""
        consumed = 0
        for start, end in sentence_spans(self.waiting):
            end, _ = self._with_citations(end, end)
            piece = self.waiting[max(start, consumed) : end]
            consumed = end
            broken = cut_off and not self.waiting[end:].strip() and piece.rstrip()[-1:] not in _SENTENCE_ENDS
            if not broken:
                yield from self._sentence(piece)
        self.waiting = ""

    def _with_citations(self, end: int, following: int) -> tuple[int, int]:
        match = _LEADING.match(self.waiting, end)
        return (match.end(), match.end()) if match else (end, following)

    def _sentence(self, piece: str) -> Iterator[DraftSentence]:
        cited: list[int] = []

        def take(match: re.Match[str]) -> str:
            numbers = _numbers(match[1])
            known = [number for number in numbers if 1 <= number <= self.passages]
            cited.extend(known)
            return "" if known or max(numbers) < _TEXT_NUMBER else match[0]

        text = " ".join(_CITES.sub(take, piece).split())
        text = text[after_marks(text) :]
        if any(char.isalnum() for char in text):
            yield DraftSentence(text, tuple(dict.fromkeys(cited)))


def _numbers(inside: str) -> list[int]:
    """The numbers of `1`, `1, 3` and `2-4`."""
    found: list[int] = []
    for part in re.split(r"[,;]", inside):
        ends = [int(number) for number in re.split(r"[–-]", part)]
        found.extend(range(ends[0], min(ends[-1], ends[0] + 20) + 1) if len(ends) == 2 else ends)
    return found


def _read_json(text: str, passages: int) -> Iterator[DraftSentence]:
    refused = Unavailable(
        "chat.refused_schema",
        "the model's answer is not the JSON that was asked for",
        remedy="use a model that supports JSON schema output, or set output: text",
    )
    try:
        body = json.loads(text)
    except ValueError:
        raise refused from None
    listed = body.get("sentences") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise refused
    for entry in listed:
        sentence = entry.get("text") if isinstance(entry, dict) else None
        cites = entry.get("cites") if isinstance(entry, dict) else None
        if not isinstance(sentence, str) or not isinstance(cites, list):
            raise refused
        numbers = [n for n in cites if isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= passages]
        shown = " ".join(_CITES.sub("", sentence).split())
        if shown:
            yield DraftSentence(shown, tuple(dict.fromkeys(numbers)))
