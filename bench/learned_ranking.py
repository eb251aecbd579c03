"""The learned stage on a real set: questions as golden cases, judged only by rankers that did not see them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import corpora
from assay.ports.answering import Retriever
from assay.records.dialogue import Turn
from assay.records.golden import Case, Evidence, Expected
from assay.retrieve.features import CandidateFeatures
from assay.retrieve.linear_ranker import POOL
from assay.train.examples import Example, examples_of
from assay.train.proof import Difference, Held, cross_validated, proof_of, trained
from assay.train.proof import held_out as measured
from assay.train.synthetic import synthetic_cases


def cases_of(corpus: corpora.Corpus) -> tuple[Case, ...]:
    """Questions with a relevant document; turns of one conversation share a cluster."""
    return tuple(
        Case(
            question.question_id,
            question.text,
            Expected(evidence=tuple(Evidence(doc_id, grade=grade) for doc_id, grade in question.relevant.items())),
            history=tuple(Turn("user", turn) for turn in question.history),
            cluster=question.question_id.partition("<::>")[0] if "<::>" in question.question_id else "",
        )
        for question in corpus.questions
        if question.relevant
    )


def examples(corpus: corpora.Corpus, plain: Retriever) -> tuple[Example, ...]:
    """The set's questions with the candidates that the plain hybrid finds."""
    return examples_of(cases_of(corpus), plain, CandidateFeatures(), POOL, _progress(f"{corpus.name}: searching"))


def held_out(name: str, made: Sequence[Example]) -> tuple[Held, ...]:
    """Grouped five-fold cross-validation, the ridge chosen inside each training part."""
    return cross_validated(made, progress=_progress(f"{name}: training"))


def from_the_corpus(corpus: corpora.Corpus, plain: Retriever) -> tuple[Example, ...]:
    """Questions that the product makes of the corpus itself, with their candidates."""
    cases = synthetic_cases([chunk for _, chunks in corpus.documents for chunk in chunks])
    return examples_of(cases, plain, CandidateFeatures(), POOL, _progress(f"{corpus.name}: made-up questions"))


def elsewhere(name: str, by_set: Mapping[str, Sequence[Example]]) -> list[Example]:
    """Examples of the other sets, 300 of each at most; sets of the same paragraphs in two languages go together."""
    family = name.split("-")[0]
    return [one for other, made in by_set.items() if other.split("-")[0] != family for one in made[:_OF_EACH_SET]]


def transferred(train_on: Sequence[Example], judged: Sequence[Example], method: str) -> Difference:
    """A ranker trained on other questions, judged on these."""
    return proof_of(measured(judged, trained(train_on)[0]), method).overall


_OF_EACH_SET = 300


class _progress:
    def __init__(self, label: str) -> None:
        self.label = label

    def __call__(self, done: int, total: int) -> None:
        if done == total or done % 50 == 0 or total < 50:
            end = "\n" if done == total else ""
            print(f"\r{self.label} {done}/{total} ", end=end, file=sys.stderr, flush=True)
