"""An answer as the page shows it: sentences with numbered sources, and what is known about the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from assay.records.dialogue import (
    Age,
    AnswerSentence,
    Citation,
    Conflict,
    ConflictFound,
    Finished,
    Outcome,
    ReplyEvent,
    SentenceReady,
    SentenceWithheld,
)


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """`numbers` are the numbers of the sentence's sources, beside the citations themselves."""

    sentence: AnswerSentence
    numbers: tuple[tuple[int, Citation], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A document (or one page of it) that sentences cite, with every quote that was cited."""

    number: int
    quotes: list[Citation]

    @property
    def first(self) -> Citation:
        return self.quotes[0]


@dataclass
class ShownAnswer:
    """Grows with the stream of events."""

    trace_id: str
    app: str
    bundle_id: str
    question: str
    sentences: list[ShownSentence] = field(default_factory=list)
    sources: dict[tuple[str, str, int], Source] = field(default_factory=dict)
    withheld: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    age_of: Callable[[Citation], Age] = lambda _: Age()
    finished: Finished = Finished(Outcome.FAILED, "system.unfinished")

    def add(self, event: ReplyEvent) -> ShownSentence | None:
        """The sentence to show, when the event brings one."""
        match event:
            case SentenceReady(sentence):
                shown = ShownSentence(sentence, tuple((self._number(c), c) for c in sentence.citations))
                self.sentences.append(shown)
                return shown
            case SentenceWithheld():
                self.withheld += 1
            case ConflictFound(conflict):
                self.conflicts.append(conflict)
            case Finished():
                self.finished = event
        return None

    def _number(self, citation: Citation) -> int:
        key = (citation.span.doc_id, citation.span.text_sha256, citation.page)
        source = self.sources.setdefault(key, Source(len(self.sources) + 1, []))
        if citation.span not in [quoted.span for quoted in source.quotes]:
            source.quotes.append(citation)
        return source.number
