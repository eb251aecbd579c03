"""Candidate cases made from a corpus by rule, checked mechanically, and spread over documents and kinds of question."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from assay.golden.draft_checks import Judged, judge_answerable, judge_unanswerable
from assay.golden.draft_questions import Asked, questions_of
from assay.golden.draft_unanswerable import Near, missing_facts, swapped
from assay.golden.draft_wording import Wording
from assay.golden.drafts import AUTHOR, Draft, Drafted, draft_id
from assay.golden.similar import near_duplicates
from assay.ingest.askable import askable, scope_of
from assay.ports.answering import Retriever
from assay.records.access import Scope
from assay.records.documents import Chunk
from assay.records.errors import InputError
from assay.records.golden import Case, Evidence, Expected

PER_DOCUMENT = 3
"""Drafts from one document at first; more only where the corpus has no others to give."""
TRIED = 8
"""Candidates that are checked for each draft that is wanted, at most."""
TURNS = {"condition": 3, "definition": 2, "how": 2}
"""How often a kind of question takes its turn before the next round; those that read best more often."""

Progress = Callable[[int, int], None]


@dataclass
class Drafting:
    """One go at drafting. `known` are the questions that the set and its earlier drafts already ask."""

    chunks: Sequence[Chunk]
    search: Retriever
    known: Sequence[str] = ()
    seed: int = 0
    set_name: str = ""
    progress: Progress = lambda _done, _total: None
    refused: Counter[str] = field(default_factory=Counter)
    taken: list[str] = field(default_factory=list)
    tried: int = 0

    def draft(
        self, n: int, unanswerable: float, written: Sequence[Asked] = (), written_near: Sequence[Near] = ()
    ) -> Drafted:
        """At most `n` drafts, the share `unanswerable` of them without an answer; fewer when the corpus gives no more.

        What a model has `written` is tried before what the rules make, and held to the same checks.
        The same corpus, seed and known questions give the same drafts. Raises InputError `golden.no_documents`.
        """
        if not self.chunks:
            raise InputError("golden.no_documents", "there is no document to draft from", remedy="assay ingest PATH…")
        rng = np.random.default_rng(self.seed)
        readable = [chunk for chunk in self.chunks if askable(chunk)]
        wording = Wording(chunk.text for chunk in readable)
        asked = [one for chunk in readable for one in questions_of(chunk, wording)]
        near_wanted = round(n * unanswerable)
        made = self._answerable(chain(spread(written, rng), spread(asked, rng)), n - near_wanted, n)
        near = chain(written_near, _alternately(missing_facts(readable, rng), swapped(asked, readable, rng)))
        made.extend(self._unanswerable(near, near_wanted, n))
        return Drafted(tuple(made), dict(self.refused), n, self.tried)

    def _answerable(self, asked: Iterable[Asked], wanted: int, n: int) -> list[Draft]:
        made: list[Draft] = []
        for at, one in enumerate(asked):
            if len(made) >= wanted or at >= TRIED * wanted:
                break
            scope = scope_of(one.chunk)
            if self._is_known(one.question):
                continue
            judged = judge_answerable(one.question, one.answer, one.quote, one.chunk, self.search, scope)
            if self._kept(one.question, judged):
                made.append(_answerable(one, judged, scope, self.set_name))
                self.progress(len(self.taken), n)
        return made

    def _unanswerable(self, near: Iterable[Near], wanted: int, n: int) -> Iterator[Draft]:
        kept, of_tool = 0, Counter[str]()
        for at, one in enumerate(near):
            if kept >= wanted or at >= TRIED * 4 * wanted:
                break
            if of_tool[one.chunk.doc_id] >= PER_DOCUMENT or self._is_known(one.question):
                continue
            scope = scope_of(one.chunk)
            if self._kept(one.question, judge_unanswerable(one.question, self.search, scope)):
                kept += 1
                of_tool[one.chunk.doc_id] += 1
                self.progress(len(self.taken), n)
                yield _unanswerable(one, scope, self.set_name)

    def _is_known(self, question: str) -> bool:
        self.tried += 1
        asked = [*self.known, *self.taken, question]
        if any(later == len(asked) - 1 for later, _, _ in near_duplicates(asked)):
            self.refused["duplicate"] += 1
            return True
        return False

    def _kept(self, question: str, judged: Judged) -> bool:
        if judged.refused:
            self.refused[judged.refused] += 1
            return False
        self.taken.append(question)
        return True


def spread(asked: Sequence[Asked], rng: np.random.Generator) -> Iterator[Asked]:
    """All candidates in an order that goes round the kinds of question, and in each kind to the documents and headings
    that were turned to least."""
    queues: dict[str, list[Asked]] = defaultdict(list)
    for at in rng.permutation(len(asked)):
        queues[asked[at].kind].append(asked[at])
    documents, headings = Counter[str](), Counter[tuple[str, tuple[str, ...]]]()
    while queues:
        for kind in [name for name in sorted(queues) for _ in range(TURNS.get(name, 1))]:
            if kind not in queues:
                continue
            queue = queues[kind]
            best = min(
                range(min(len(queue), 50)),
                key=lambda at: (
                    documents[queue[at].chunk.doc_id],
                    headings[(queue[at].chunk.doc_id, queue[at].chunk.heading_path)],
                    at,
                ),
            )  # fmt: skip
            one = queue.pop(best)
            documents[one.chunk.doc_id] += 1
            headings[(one.chunk.doc_id, one.chunk.heading_path)] += 1
            yield one
            if not queue:
                del queues[kind]


def _alternately(one: Iterator[Near], other: Iterator[Near]) -> Iterator[Near]:
    waiting = [one, other]
    while waiting:
        for source in tuple(waiting):
            found = next(source, None)
            if found is None:
                waiting.remove(source)
            else:
                yield found


def _answerable(one: Asked, judged: Judged, scope: Scope, name: str) -> Draft:
    chunk = one.chunk
    case = Case(
        draft_id(name, one.question, chunk.doc_id),
        one.question,
        Expected(answers=(one.answer,), evidence=(Evidence(chunk.doc_id, one.quote),)),
        scope=scope,
        slices=(f"kind={one.kind}",),
        cluster=chunk.doc_id,
        provenance={"author": AUTHOR, "recipe": one.recipe},
    )
    checks = {"answer_in_quote": "yes", "evidence_rank": str(judged.rank), "answered_otherwise": "no"}
    return Draft(case, one.kind, checks, chunk.text_sha256, one.start, one.end)


def _unanswerable(one: Near, scope: Scope, name: str) -> Draft:
    case = Case(
        draft_id(name, one.question, one.chunk.doc_id),
        one.question,
        Expected(answerable=False),
        scope=scope,
        slices=("kind=unanswerable",),
        cluster=one.chunk.doc_id,
        provenance={"author": AUTHOR, "recipe": one.recipe},
    )
    return Draft(case, one.kind, {"found_in_corpus": "no", "why": one.why})
