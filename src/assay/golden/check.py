"""Is a golden set fit to judge by: evidence that stands in the corpus, no duplicates, no leakage, no contradictions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from assay.golden.check_tasks import label_variants, nothing_expected, relations
from assay.golden.problems import Finding
from assay.golden.similar import Occurrences, near_duplicates
from assay.records.golden import Case, Evidence, GoldenSet
from assay.text.tokens import words

LEAST_WORDS = 5
"""A shorter question may stand in a document by chance."""
SHORT_ANSWER = 5
"""Gold answers of at most so many words are expected to stand in their evidence; longer ones may be paraphrases."""
LEAST_CASES = 30
"""Fewer cases, or clusters, carry no interval worth a gate's clause."""
UNANSWERABLE_SHARE = (0.05, 0.6)
"""Outside of this, abstention cannot be judged: too few cases on one of its two sides."""


def check(
    golden: GoldenSet, *, documents: Mapping[str, str], few_shot: Sequence[str] = (), training: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """All findings about a golden set, in the order of its cases, those about the whole set last.

    `documents` gives the corpus' texts by document id; each is asked for once. `few_shot` and `training` are texts the
    system has seen. Time grows with the size of the corpus plus that of the set.
    """
    found = [
        *(finding for case in golden.cases for finding in _contradictions(case)),
        *nothing_expected(golden.cases),
        *relations(golden.cases),
        *label_variants(golden.cases),
        *_against_corpus(golden.cases, documents),
        *_duplicates(golden.cases),
        *_seen_before(golden.cases, few_shot, "few_shot", "few-shot example"),
        *_seen_before(golden.cases, training, "training", "training text"),
    ]
    order = {case.case_id: at for at, case in enumerate(golden.cases)}
    found.sort(key=lambda finding: (order[finding.case_id], finding.code, finding.where))
    return (*found, *_balance(golden.cases))


def _contradictions(case: Case) -> Iterator[Finding]:
    expected, name = case.expected, case.case_id
    if not expected.answerable and expected.answers:
        yield Finding("warning", "golden.answer_to_unanswerable", name, "$.answers", "declining is right here")
    if not expected.answerable and expected.must:
        yield Finding("warning", "golden.must_on_unanswerable", name, "$.must", "declining is right here")
    for at, forbidden in enumerate(expected.must_not):
        where = f"$.must_not[{at}]"
        for place, wanted in enumerate(expected.must):
            if _stands_in(forbidden, wanted):
                yield Finding("error", "golden.must_contradiction", name, where, f"stands in $.must[{place}]")
        for place, answer in enumerate(expected.answers):
            if _stands_in(forbidden, answer):
                yield Finding("error", "golden.must_not_in_answer", name, where, f"stands in $.answers[{place}]")


def _stands_in(part: str, whole: str) -> bool:
    """True when the words of `part` follow one another in `whole`, or its characters do at the borders of words."""
    wanted, found = words(part), words(whole)
    if wanted and any(found[at : at + len(wanted)] == wanted for at in range(len(found) - len(wanted) + 1)):
        return True
    literal = re.escape(" ".join(part.casefold().split()))
    # Scripts without spaces have no borders between words.
    pattern = rf"(?<!\w){literal}(?!\w)" if part.isascii() and wanted else literal
    return re.search(pattern, " ".join(whole.casefold().split())) is not None


def _against_corpus(cases: Sequence[Case], documents: Mapping[str, str]) -> Iterator[Finding]:
    """One pass over the documents: evidence, answers in evidence, questions that stand in the corpus."""
    named: dict[str, list[tuple[Case, int, Evidence]]] = defaultdict(list)
    for case in cases:
        for at, evidence in enumerate(case.expected.evidence):
            named[evidence.doc_id].append((case, at, evidence))
    questions = Occurrences([case.question for case in cases], LEAST_WORDS)
    texts: dict[str, list[str]] = defaultdict(list)
    for doc_id in documents:
        text = documents[doc_id]
        for number in sorted(questions.within(text)):
            detail = "the question stands in a document word for word"
            yield Finding("warning", "golden.question_in_corpus", cases[number].case_id, "$.question", detail)
        for case, at, evidence in named.pop(doc_id, ()):
            texts[case.case_id].append(evidence.quote or text)
            yield from _quote(case, at, evidence, text)
    for missing in named.values():
        for case, at, _ in missing:
            detail = "there is no such document in the corpus"
            yield Finding("error", "golden.evidence_document_missing", case.case_id, f"$.evidence[{at}].doc", detail)
    for case in cases:
        yield from _answer_in(case, texts.get(case.case_id, []))


def _quote(case: Case, at: int, evidence: Evidence, text: str) -> Iterator[Finding]:
    if not evidence.quote or " ".join(evidence.quote.split()) in " ".join(text.split()):
        return
    offset = nearest(evidence.quote, text)
    hint = f"; the document has something like it at offset {offset}" if offset >= 0 else ""
    yield Finding(
        "error", "golden.evidence_quote_missing", case.case_id, f"$.evidence[{at}].quote",
        f"the quote does not stand in the document{hint}",
    )  # fmt: skip


def nearest(quote: str, text: str) -> int:
    """The offset in `text` of the longest piece of the quote that stands there (half of its words, a quarter, … at
    least three), -1 when there is none."""
    pieces = quote.split()
    size = len(pieces)
    while size > 3:
        size = max(3, size // 2)
        for start in (*range(0, len(pieces) - size, size), len(pieces) - size):
            pattern = r"\s+".join(re.escape(piece) for piece in pieces[start : start + size])
            if match := re.search(pattern, text, re.IGNORECASE):
                return match.start()
    return -1


def _answer_in(case: Case, texts: Sequence[str]) -> Iterator[Finding]:
    short = [answer for answer in case.expected.answers if len(words(answer)) <= SHORT_ANSWER]
    if not texts or not case.expected.answerable or len(short) < len(case.expected.answers) or not short:
        return
    if {" ".join(words(answer)) for answer in short} <= {"yes", "no"}:
        return
    if not any(_stands_in(answer, text) for answer in short for text in texts):
        detail = "no gold answer stands in the evidence"
        yield Finding("warning", "golden.answer_outside_evidence", case.case_id, "$.answers", detail)


def _duplicates(cases: Sequence[Case]) -> Iterator[Finding]:
    """Near-duplicates among questions that are asked in one scope after one history, but for those made to be alike."""
    groups: dict[object, list[Case]] = defaultdict(list)
    for case in cases:
        groups[(case.scope, case.history)].append(case)
    for group in groups.values():
        for later, earlier, similarity in near_duplicates([case.question for case in group]):
            if not _made_alike(group[later], group[earlier]):
                yield _duplicate(group[later], group[earlier], similarity)


def _made_alike(case: Case, other: Case) -> bool:
    """One was made from the other, or both from a third, and they stand in one split."""
    one, two = case.expected.relation, other.expected.relation
    names = {case.case_id, other.case_id}
    related = (one and one.of in names) or (two and two.of in names) or (one and two and one.of and one.of == two.of)
    return bool(related) and case.split == other.split


def _duplicate(case: Case, other: Case, similarity: float) -> Finding:
    severity, code = "warning", "golden.near_duplicate"
    if case.split != other.split:
        severity, code = "error", "golden.duplicate_across_splits"
    elif similarity == 1.0 and case.expected.answerable != other.expected.answerable:
        severity, code = "error", "golden.contradicting_duplicate"
    detail = f"{similarity:.2f} alike to the question of {other.case_id}"
    return Finding(severity, code, case.case_id, "$.question", detail)


def _seen_before(cases: Sequence[Case], seen: Sequence[str], name: str, kind: str) -> Iterator[Finding]:
    """Questions that a text the system has seen repeats, or nearly repeats. Cases and texts count from 0."""
    overlapping: dict[int, int] = {}
    questions = Occurrences([case.question for case in cases], LEAST_WORDS)
    for at, text in enumerate(seen):
        for number in questions.within(text):
            overlapping.setdefault(number, at)
    if seen:
        for later, earlier, _ in near_duplicates([*seen, *(case.question for case in cases)]):
            if earlier < len(seen) <= later:
                overlapping.setdefault(later - len(seen), earlier)
    for number, at in sorted(overlapping.items()):
        yield Finding(
            "error", f"golden.{name}_overlap", cases[number].case_id, "$.question", f"{kind} {at} says it too"
        )


def _balance(cases: Sequence[Case]) -> Iterator[Finding]:
    if len(cases) < LEAST_CASES:
        yield _about_set("warning", "golden.few_cases", f"{len(cases)} cases; {LEAST_CASES} are the least to judge by")
        return
    share = sum(not case.expected.answerable for case in cases) / len(cases)
    low, high = UNANSWERABLE_SHARE
    if not low <= share <= high:
        detail = f"{share:.0%} of the cases are unanswerable; between {low:.0%} and {high:.0%} abstention can be judged"
        yield _about_set("warning", "golden.unanswerable_share", detail)
    clusters = len(set(clusters_of(cases)))
    if clusters < LEAST_CASES:
        yield _about_set("warning", "golden.few_clusters", f"{clusters} clusters; intervals need {LEAST_CASES}")
    for name, count in sorted(Counter(name for case in cases for name in case.slices).items()):
        if count < LEAST_CASES:
            detail = f"{count} cases; a clause on this slice needs {LEAST_CASES}"
            yield _about_set("info", "golden.small_slice", detail, f"$.slices[{name}]")


def clusters_of(cases: Iterable[Case]) -> Iterator[str]:
    """The cluster of each case; a case without one is its own."""
    return (f"cluster {case.cluster}" if case.cluster else f"case {case.case_id}" for case in cases)


def _about_set(severity: str, code: str, detail: str, where: str = "$") -> Finding:
    return Finding(severity, code, "", where, detail)
