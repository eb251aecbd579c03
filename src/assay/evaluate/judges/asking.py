"""Asks a chat model for one JSON object: found inside prose, asked for once more, and otherwise said to be missing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from assay.evaluate.judges.frame import Frame
from assay.ports.answering import ChatModel
from assay.records.chat import ChatDone, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage
from assay.records.errors import Unavailable

PROSE, REFUSED, MALFORMED = "judge.prose", "judge.refused", "judge.malformed"
OUT_OF_RANGE, CUT_OFF, NO_ID = "judge.out_of_range", "judge.cut_off", "judge.no_id"
TIMEOUT, RATE_LIMITED, UNAVAILABLE = "judge.timeout", "judge.rate_limited", "judge.unavailable"
OF_THE_MOMENT = frozenset({TIMEOUT, RATE_LIMITED, UNAVAILABLE})
"""Reasons that say nothing about judge or reply: never kept, asked again next time."""

_MOMENTS = {"chat.timeout": TIMEOUT, "chat.rate_limited": RATE_LIMITED}
_LONGEST = 100_000
_MOST_OBJECTS = 200
_REPEATED = 4000
_REFUSING = re.compile(
    r"\b(?:i\s*(?:['’]?m| am) (?:sorry|unable|not able)|i (?:can(?:no|['’])t|cannot|won['’]?t|will not|must decline)|"
    r"(?:unable|not able) to (?:assist|help|comply|provide|judge|grade|evaluate)|as an ai\b|against my)",
    re.IGNORECASE,
)

Reader = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Takes the object that was answered and gives its checked content; raises BadAnswer."""


class BadAnswer(Exception):
    """An answer that has not the form asked for. `reason` is a code of this module, `problem` goes to the judge."""

    def __init__(self, reason: str, problem: str) -> None:
        self.reason = reason
        self.problem = problem
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came back: `found`, or why there is nothing. `texts` are the raw answers."""

    found: dict[str, Any] | None
    reason: str = ""
    usage: Usage = Usage(0, 0, 0.0)
    models: tuple[str, ...] = ()
    requests: int = 0
    texts: tuple[str, ...] = ()


@dataclass
class _Heard:
    """What the requests of one question have cost so far."""

    usage: Usage = field(default_factory=lambda: Usage(0, 0, 0.0))
    models: dict[str, None] = field(default_factory=dict)
    requests: int = 0
    texts: list[str] = field(default_factory=list)

    def asked(self, found: dict[str, Any] | None, reason: str = "") -> Asked:
        return Asked(found, reason, self.usage, tuple(self.models), self.requests, tuple(self.texts))


def schema_of(properties: Mapping[str, Any], frame: Frame) -> dict[str, Any]:
    """A JSON Schema of one object with these properties, all of them required, and the answer's id."""
    whole = {**properties, "id": {"type": "string", "enum": [frame.answer_id]}}
    return {"type": "object", "properties": whole, "required": list(whole), "additionalProperties": False}


async def ask(
    chat: ChatModel, system: str, user: str, *, frame: Frame, properties: Mapping[str, Any], read: Reader,
    options: ChatOptions,
) -> Asked:  # fmt: skip
    """Ask, read the answer, and ask once more when it cannot be read. Never raises for what the model or its endpoint
    does: the reason is in what comes back. An object without the id of this request does not count, so that one
    which the judge copied from the judged text is never taken for its own."""
    schema = schema_of(properties, frame)
    closing = (
        "Answer with one JSON object and nothing else, by this JSON Schema:\n"
        f"{json.dumps(schema, ensure_ascii=False)}\nIts id is {frame.answer_id}."
    )
    messages = [Turn("system", f"{system}\n\n{frame.rule}"), Turn("user", f"{user}\n\n{closing}")]
    heard = _Heard()
    problem = BadAnswer(PROSE, "")
    for _ in range(2):
        try:
            text, finish = await _answer(chat, messages, replace(options, schema=schema), heard)
        except Unavailable as error:
            return heard.asked(None, _MOMENTS.get(error.code, UNAVAILABLE))
        try:
            return heard.asked(_read(text, finish, frame, read))
        except BadAnswer as bad:
            problem = bad
        again = f"That was not the answer asked for: {problem.problem}. {closing}"
        messages = [*messages[:2], Turn("assistant", text[:_REPEATED] or "…"), Turn("user", again)]
    return heard.asked(None, problem.reason)


async def _answer(chat: ChatModel, messages: Sequence[Turn], options: ChatOptions, heard: _Heard) -> tuple[str, str]:
    """The text and why it ended. A model that does not take the schema is asked without."""
    try:
        return await _streamed(chat, messages, options, heard)
    except _NoSchema:
        return await _streamed(chat, messages, replace(options, schema=None), heard)


class _NoSchema(Exception):
    """The endpoint refuses the schema before it says a word."""


async def _streamed(chat: ChatModel, messages: Sequence[Turn], options: ChatOptions, heard: _Heard) -> tuple[str, str]:
    pieces: list[str] = []
    done: ChatDone | None = None
    heard.requests += 1
    try:
        async with aclosing(cast(Any, chat.stream(messages, options))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    pieces.append(event.text)
                else:
                    done = event
                    break
    except Unavailable as error:
        if error.code != "chat.refused_schema":
            raise
        if not pieces and options.schema is not None:
            raise _NoSchema from None  # what stands in prose can still be read, and cost nothing is known of it
    text = "".join(pieces)
    heard.texts.append(text)
    heard.usage = heard.usage.plus(done.usage if done else Usage())
    if done and done.model:
        heard.models[done.model] = None
    return text, done.finish_reason if done else "stop"


def _read(text: str, finish: str, frame: Frame, read: Reader) -> dict[str, Any]:
    """The one readable object with this request's id. Raises BadAnswer with the reason nearest to a reading."""
    nearest: BadAnswer | None = None
    kept: list[dict[str, Any]] = []
    for found in objects_in(text):
        try:
            if found.get("id") != frame.answer_id:
                raise BadAnswer(NO_ID, "the id was not the one asked for")
            made = read({name: value for name, value in found.items() if name != "id"})
            if made not in kept:
                kept.append(made)
        except BadAnswer as bad:
            if nearest is None or nearest.reason == NO_ID:
                nearest = bad
    if len(kept) == 1:
        return kept[0]
    if kept:
        raise BadAnswer(MALFORMED, "there were several objects that say different things")
    if finish == "content_filter" or (nearest is None and _REFUSING.search(text)):
        raise BadAnswer(REFUSED, "there was no JSON object, but a refusal")
    if nearest is None or nearest.reason == NO_ID:
        if finish == "length":
            raise BadAnswer(CUT_OFF, "it was cut off: be brief")
        raise nearest or BadAnswer(PROSE, "there was no JSON object")
    raise nearest


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost JSON object that stands in `text`, in prose or in a code fence or alone."""
    decoder = json.JSONDecoder()
    text = text[:_LONGEST]
    at = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if at < 0:
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield found
        at = text.find("{", end)


def words(found: Mapping[str, Any], name: str, longest: int = 600) -> str:
    """A text field of an answer, cut; empty where there is none."""
    value = found.get(name)
    return value[:longest].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
