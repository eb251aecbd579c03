"""The events of an answer as a policy lets them leave: sentences, quotes, titles, conflicts and structured outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from assay.guard.acting import WITHHELD, Acted
from assay.guard.policy import Context, Where
from assay.records.dialogue import (
    AnswerSentence,
    Citation,
    Conflict,
    ConflictFound,
    LabelledSpan,
    Output,
    OutputReady,
    ReplyEvent,
    SentenceReady,
    ToolCall,
)

TAIL = 200
"""Signs of the sentence before that are looked at with the next one."""
REMEMBERED = 256
"""Short texts of one answer that are looked at once, such as titles."""
DEEPEST = 32
"""Values nested more deeply in an output are withheld."""


class Acts(Protocol):
    """Decides about one text, as `Acting` does."""

    def act(self, text: str, context: Context, *, whole: bool = True) -> Acted: ...


class Stopped(Exception):
    """The policy refuses what was about to leave."""


class Leaving:
    """Changes one answer's events. Of a value that runs over the end of a sentence, what stands in the second one does
    not leave. Raises Stopped; `note` is told what was done to every text."""

    def __init__(self, acting: Acts, context: Context, note: Callable[[Acted, Where], str]) -> None:
        self._acting, self._context, self._note = acting, context, note
        self._tail = ""
        self._acted: dict[str, Acted] = {}

    def speaks(self, event: ReplyEvent) -> bool:
        """True for events that carry text."""
        return isinstance(event, SentenceReady | ConflictFound | OutputReady)

    def size(self, event: ReplyEvent) -> int:
        """About how many signs an event carries."""
        match event:
            case SentenceReady(sentence):
                return len(sentence.text) + sum(len(one.quote) for one in sentence.citations)
            case OutputReady(output):
                return len(repr(output))
        return 0

    def event(self, event: ReplyEvent, *, lowered: bool = False) -> ReplyEvent:
        match event:
            case SentenceReady(sentence):
                return SentenceReady(self._sentence(sentence))
            case ConflictFound(conflict):
                return ConflictFound(self._conflict(conflict))
            case OutputReady(output):
                return OutputReady(self._output(output, lowered))
        return event

    def _text(self, text: str) -> str:
        acted = self._acted.get(text)
        if acted is None:
            acted = self._acting.act(text, self._context)
            if len(self._acted) < REMEMBERED and len(text) < TAIL:
                self._acted[text] = acted
        shown = self._note(acted, Where.ANSWER)
        if acted.refused:
            raise Stopped
        return shown

    def _sentence(self, sentence: AnswerSentence) -> AnswerSentence:
        citations = tuple(self._citation(citation) for citation in sentence.citations)
        return replace(sentence, text=self._after_tail(self._text(sentence.text)), citations=citations)

    def _after_tail(self, text: str) -> str:
        """`text` without the rest of a value that began in the sentence before."""
        before, self._tail = self._tail, text[-TAIL:]
        if not before:
            return text
        joined = f"{before} {text}"
        acted = self._acting.act(joined, self._context, whole=False)
        if acted.text == joined and not acted.refused:
            return text
        self._note(acted, Where.ANSWER)
        if acted.refused:
            raise Stopped
        kept = _common_tail(acted.text, text)
        return f"{WITHHELD}{kept}" if len(kept) < len(text) else text

    def _conflict(self, conflict: Conflict) -> Conflict:
        return replace(conflict, cited=self._citation(conflict.cited), other=self._citation(conflict.other))

    def _citation(self, citation: Citation) -> Citation:
        quote, title = self._text(citation.quote), self._text(citation.title)
        return replace(citation, quote=quote, title=title, source_uri=self._text(citation.source_uri))

    def _output(self, output: Output, lowered: bool) -> Output:
        tools = () if lowered else tuple(ToolCall(one.name, self._value(one.arguments)) for one in output.tools)
        return replace(
            output,
            label=self._text(output.label),
            scores={self._text(name): score for name, score in output.scores.items()},
            fields=self._value(output.fields),
            spans=tuple(LabelledSpan(one.start, one.end, self._text(one.label)) for one in output.spans),
            tools=tools,
        )

    def _value(self, value: Any, depth: int = 0) -> Any:
        if depth > DEEPEST:
            return WITHHELD
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {self._text(str(name)): self._value(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inner, depth + 1) for inner in value]
        return self._number(value)

    def _number(self, value: Any) -> Any:
        """A card number is one without quotation marks, too."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        said = str(value)
        shown = self._text(said)
        return value if shown == said else shown


def _common_tail(one: str, other: str) -> str:
    """The longest ending that both have."""
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    return other[len(other) - length :]
