"""An answer as a plain chat client reads it: sentences with `[1]` markers, and the sources at the end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.records.dialogue import Age, AnswerSentence, Citation, Conflict, Finished, Outcome
from assay.records.documents import public_source
from assay.serve.wire import Annotation, CitationOut, ConflictOut, UrlCitation

UNVERIFIED = "[not verified]"
NOTHING_SAID = {
    Outcome.ANSWERED: "Every sentence of the answer failed its check against the sources, so none is shown.",
    Outcome.ABSTAINED: "I do not know: the documents that you may see do not hold the answer.",
    Outcome.REFUSED: "This request was stopped by a guard.",
    Outcome.FAILED: "The answer could not be completed.",
}
"""What is said when an answer ends without a sentence."""

_SPECIAL = re.compile(r"([\\`*_\[\]()!<>|#~])")


def one_line(text: str, limit: int = 200) -> str:
    """`text` without control characters or line ends, and with Markdown's own characters escaped: titles and addresses
    come from documents, and a client that renders Markdown must not get a link or image out of them."""
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: limit * 2])
    shown = " ".join(shown.split())
    return _SPECIAL.sub(r"\\\1", shown if len(shown) <= limit else shown[: limit - 1] + "…")


@dataclass
class Content:
    """Grows by one sentence at a time. `text` is the content so far; offsets count its characters."""

    numbers: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """By document, version and page: what a reader would call one source. The exact spans stand in `annotations`."""
    sources: list[Citation] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    marked: int = 0
    age_of: Callable[[Citation], Age] = lambda _: Age()
    conflicts: list[ConflictOut] = field(default_factory=list)
    escaped: Callable[[str], str] = one_line
    """For titles and addresses; only a sabotage run has another way."""
    _length: int = 0
    _pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, sentence: AnswerSentence) -> tuple[str, list[Annotation]]:
        """The content that shows `sentence`, and its annotations."""
        separator = " " if self._pieces else ""
        start = self._length + len(separator)
        end = start + len(sentence.text)
        numbered = [(self.number(citation), citation) for citation in sentence.citations]
        annotations = [self._annotation(number, citation, start, end) for number, citation in numbered]
        markers = "".join(f"[{number}]" for number in dict.fromkeys(number for number, _ in numbered))
        self.marked += sentence.marked
        flags = [part for part in (markers, UNVERIFIED if sentence.marked else "") if part]
        self.annotations += annotations
        return self.say(separator + " ".join([sentence.text, *flags])), annotations

    def number(self, citation: Citation) -> int:
        """The number of the citation's source, from 1 in the order of first use."""
        source = (citation.span.doc_id, citation.span.text_sha256, citation.page)
        if source not in self.numbers:
            self.numbers[source] = len(self.numbers) + 1
            self.sources.append(citation)
        return self.numbers[source]

    def contradict(self, conflict: Conflict) -> None:
        """Keep what another source says; it has no number of its own, since the answer does not lean on it."""
        cited, other = (self._citation(number, citation) for number, citation in (
            (self.number(conflict.cited), conflict.cited), (0, conflict.other)
        ))  # fmt: skip
        self.conflicts.append(ConflictOut(conflict.kind.value, conflict.fresher, cited, other))

    def finish(self, finished: Finished) -> str:
        """The content that ends the answer: the list of sources, or why nothing was said."""
        if not self._pieces:
            return self.say(NOTHING_SAID[finished.outcome])
        if not self.sources:
            return ""
        lines = [f"[{number}] {self._source(citation)}" for number, citation in enumerate(self.sources, 1)]
        return self.say("\n\nSources:\n" + "\n".join(lines))

    def _annotation(self, number: int, citation: Citation, start: int, end: int) -> Annotation:
        where = public_source(citation.source_uri, citation.span.doc_id)
        return Annotation(UrlCitation(start, end, citation.title, where), self._citation(number, citation))

    def _citation(self, number: int, citation: Citation) -> CitationOut:
        span, age = citation.span, self.age_of(citation)
        return CitationOut(
            number,
            span.doc_id,
            span.text_sha256,
            span.start,
            span.end,
            citation.page,
            citation.title,
            public_source(citation.source_uri, span.doc_id),
            citation.quote,
            citation.chunk_id,
            citation.modified_at,
            None if age.days is None else round(age.days, 4),
            list(citation.also),
            age.stale,
        )

    def say(self, piece: str) -> str:
        self._pieces.append(piece)
        self._length += len(piece)
        return piece

    def _source(self, citation: Citation) -> str:
        title = self.escaped(citation.title or citation.span.doc_id)
        page = f", page {citation.page}" if citation.page else ""
        where = self.escaped(public_source(citation.source_uri, citation.span.doc_id))
        return f"{title}{page} ({where})" if where else f"{title}{page}"
