"""Slices by rule: which cases belong together because of what they ask, where their evidence stands, how old it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assay.records.digest import plain, sha256_json
from assay.records.documents import Page
from assay.records.golden import Case, Evidence, GoldenSet
from assay.records.moments import days_between, moment
from assay.text.language import likely_language
from assay.text.lists import word_set
from assay.text.names import names
from assay.text.negation import polarity
from assay.text.numbers import quantities
from assay.text.tokens import words

BY_RULE = "slice_rules"
"""The key of a case's provenance that names the rules its slices come from."""
_DATE = re.compile(r"\b(?:19|20)\d{2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")
_OPENING = re.compile(r"[^\W\d_]+")
TYPES = ("how", "how_many", "what", "when", "where", "which", "who", "why", "yes_no", "other")
_AUXILIARIES = word_set(
    "is are was were do does did can could may must should shall will would has have had am "
    "ist sind war waren kann können darf muss soll hat haben gibt wird werden"
)
_ASKING = {
    "how": "how", "wie": "how", "comment": "how", "cómo": "how", "what": "what", "was": "what", "que": "what",
    "quoi": "what", "qué": "what", "when": "when", "wann": "when", "quand": "when", "cuándo": "when",
    "where": "where", "wo": "where", "où": "where", "dónde": "where", "which": "which", "welche": "which",
    "welcher": "which", "welches": "which", "quel": "which", "quelle": "which", "cuál": "which", "who": "who",
    "whom": "who", "whose": "who", "wer": "who", "wem": "who", "wen": "who", "qui": "who", "quién": "who",
    "why": "why", "warum": "why", "wieso": "why", "weshalb": "why", "pourquoi": "why",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends included; None is open."""

    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Rule:
    """All that is stated must hold. Ranges and lists that are absent ask for nothing."""

    slice: str
    question_words: Range | None = None
    question_type: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    """Words, any of which stands in the question."""
    has: tuple[str, ...] = ()
    """`number`, `date`, `name`, `negation`: all of them stand in the question."""
    language: tuple[str, ...] = ()
    answerable: bool | None = None
    history_turns: Range | None = None
    evidence_documents: Range | None = None
    evidence_format: tuple[str, ...] = ()
    """Media types such as `application/pdf`, or their last part."""
    evidence_page: Range | None = None
    """The page on which a quote begins, from 1."""
    document_age_days: Range | None = None
    document_metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provenance: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rule_id(self) -> str:
        """The slice's name and eight digits over what the rule asks."""
        return f"{self.slice}#{sha256_json(plain(self))[:8]}"


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a document that holds evidence."""

    media_type: str
    modified_at: str
    pages: tuple[Page, ...]
    metadata: tuple[tuple[str, str], ...]
    text: Callable[[], str]


Documents = Callable[[str], About | None]
"""What is known of a document by its id; None when it is not in the corpus."""


def slice_by(golden: GoldenSet, rules: Sequence[Rule], documents: Documents, now: str) -> GoldenSet:
    """The same cases, each in the slices whose rule it meets, with the rules' ids in its provenance.

    Slices that people gave stay; those that an earlier rule gave go. Ages are counted up to `now`.
    """
    return replace(golden, cases=tuple(_sliced(case, rules, documents, now) for case in golden.cases))


def _sliced(case: Case, rules: Sequence[Rule], documents: Documents, now: str) -> Case:
    old = {one.rpartition("#")[0] for one in case.provenance.get(BY_RULE, "").split(", ") if one}
    met = [rule for rule in rules if meets(case, rule, documents, now)]
    by_hand = [name for name in case.slices if name not in old]
    provenance = {name: text for name, text in case.provenance.items() if name != BY_RULE}
    new = [rule for rule in met if rule.slice not in by_hand]
    if new:
        provenance[BY_RULE] = ", ".join(rule.rule_id for rule in new)
    slices = tuple(dict.fromkeys((*by_hand, *(rule.slice for rule in met))))
    return replace(case, slices=slices, provenance=provenance)


def meets(case: Case, rule: Rule, documents: Documents, now: str) -> bool:
    """Whether a case meets every condition of a rule. What is not known of a document meets none."""
    return _question_meets(case, rule) and _case_meets(case, rule) and _evidence_meets(case, rule, documents, now)


def _question_meets(case: Case, rule: Rule) -> bool:
    found = words(case.question)
    if rule.question_words and not rule.question_words.holds(len(found)):
        return False
    if rule.question_type and question_type(case.question) not in rule.question_type:
        return False
    if rule.contains and not any(_stands_in(words(one), found) for one in rule.contains):
        return False
    language = likely_language(case.question)
    if rule.language and language not in rule.language:
        return False
    return all(HAS[name](case.question, language) for name in rule.has)


HAS: dict[str, Callable[[str, str], bool]] = {
    "number": lambda text, language: any(not one.weak for one in quantities(text, language)),
    "date": lambda text, language: (
        bool(_DATE.search(text)) or any(one.unit == "month-name" for one in quantities(text, language))
    ),
    "name": lambda text, language: bool(names(text, language)),
    "negation": lambda text, language: polarity(text, language).cues > 0,
}


def _stands_in(wanted: tuple[str, ...], found: tuple[str, ...]) -> bool:
    return bool(wanted) and any(found[at : at + len(wanted)] == wanted for at in range(len(found) - len(wanted) + 1))


def question_type(question: str) -> str:
    """One of `TYPES`, by the first word that asks among the first five."""
    found = [match.group().casefold() for match in _OPENING.finditer(question)][:5]
    for at, word in enumerate(found):
        if word in _ASKING and not (at and word in ("was", "que", "qui")):
            after = found[at + 1] if at + 1 < len(found) else ""
            counted = (word, after) in {
                ("how", "many"),
                ("how", "much"),
                ("how", "long"),
                ("wie", "viele"),
                ("wie", "viel"),
            }
            return "how_many" if counted or word == "wieviel" else _ASKING[word]
    return "yes_no" if found and found[0] in _AUXILIARIES else "other"


def _case_meets(case: Case, rule: Rule) -> bool:
    if rule.answerable is not None and case.expected.answerable is not rule.answerable:
        return False
    if rule.history_turns and not rule.history_turns.holds(len(case.history)):
        return False
    named = {one.doc_id for one in case.expected.evidence}
    if rule.evidence_documents and not rule.evidence_documents.holds(len(named)):
        return False
    return all(case.provenance.get(name) in values for name, values in rule.provenance.items())


def _evidence_meets(case: Case, rule: Rule, documents: Documents, now: str) -> bool:
    asked = (rule.evidence_format, rule.evidence_page, rule.document_age_days, rule.document_metadata)
    if not any(asked):
        return True
    return any(
        about is not None and _document_meets(evidence, about, rule, now)
        for evidence in case.expected.evidence
        for about in (documents(evidence.doc_id),)
    )


def _document_meets(evidence: Evidence, about: About, rule: Rule, now: str) -> bool:
    kind = about.media_type
    if rule.evidence_format and not {kind, kind.rpartition("/")[2]} & set(rule.evidence_format):
        return False
    if rule.evidence_page and not rule.evidence_page.holds(_page(evidence, about)):
        return False
    if rule.document_age_days:
        if not about.modified_at:
            return False
        if not rule.document_age_days.holds(days_between(moment(about.modified_at), moment(now))):
            return False
    known = dict(about.metadata)
    return all(known.get(name) in values for name, values in rule.document_metadata.items())


def _page(evidence: Evidence, about: About) -> float:
    """The page on which the quote begins; 0, which is on no page, when that is not known."""
    at = about.text().find(evidence.quote) if evidence.quote and about.pages else -1
    return next((page.number for page in about.pages if page.start <= at < page.end), 0)
