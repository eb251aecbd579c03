"""Cases made from cases by small changes of the question, for invariance and directional tests (CheckList).

Source of the method: Ribeiro et al., "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", 2020. Every
change is drawn from the seed, the kind and the case's id: the same call makes the same cases. A change that cannot be
made to a question (no number to swap, nothing to contract) makes no case, and is counted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from assay.records.digest import sha256_json
from assay.records.errors import InputError
from assay.records.golden import Case, Expected, Relation, RelationKind
from assay.text.negation import is_cue

Change = Callable[[str, random.Random], str]
"""A question to a changed one; the same one, or an empty text, where it cannot be changed."""

_CONTRACTIONS = (
    ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("is not", "isn't"), ("are not", "aren't"),
    ("was not", "wasn't"), ("were not", "weren't"), ("cannot", "can't"), ("can not", "can't"), ("will not", "won't"),
    ("would not", "wouldn't"), ("should not", "shouldn't"), ("have not", "haven't"), ("has not", "hasn't"),
    ("what is", "what's"), ("where is", "where's"), ("who is", "who's"), ("how is", "how's"), ("that is", "that's"),
    ("it is", "it's"), ("there is", "there's"), ("I am", "I'm"), ("I have", "I've"), ("I will", "I'll"),
    ("you are", "you're"), ("we are", "we're"), ("they are", "they're"),
)  # fmt: skip
_IRRELEVANT = (
    "Thanks for your help.", "I hope you are well.", "It is a sunny day here.", "I am asking for a colleague.",
    "My phone is blue.", "By the way, I had coffee this morning.", "Please take your time.",
)  # fmt: skip
_NAMES = ("Alex", "Maria", "Wei", "Fatima", "Jonas", "Priya", "Kofi", "Elena", "Mateo", "Yuki", "Amina", "Lars")
_PARAPHRASES = (
    (re.compile(r"how (?:long|much|many)\b", re.IGNORECASE), "Please tell me: {question}"),
    (re.compile(r"(?:what|who|when|where|which|why|how)\b", re.IGNORECASE), "I would like to know: {question}"),
    (
        re.compile(r"(?:can|could|may|is|are|do|does|did|will|must|should)\b", re.IGNORECASE),
        "Quick question: {question}",
    ),
    (re.compile(r""), "{question} Please answer."),
)
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|do|does|did|can|could|will|would|should|must|may|has|have|had)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,])\d{1,9}(?![\w]|[.,]\d)")
_WORD = re.compile(r"[^\W\d_]{5,}")


def typos(question: str, chance: random.Random) -> str:
    """Two neighbouring letters inside one word of at least five letters change places."""
    places = [
        at
        for match in _WORD.finditer(question)
        for at in range(match.start() + 1, match.end() - 2)
        if question[at] != question[at + 1]
    ]
    if not places:
        return ""
    at = chance.choice(places)
    return question[:at] + question[at + 1] + question[at] + question[at + 2 :]


def contractions(question: str, _chance: random.Random) -> str:
    """`do not` becomes `don't`, and where nothing can be drawn together, the other way round."""
    for pairs in (_CONTRACTIONS, [(short, long) for long, short in _CONTRACTIONS]):
        changed = question
        for written, other in pairs:
            pattern = re.compile(rf"(?<!\w){re.escape(written)}(?!\w)", re.IGNORECASE)
            changed = pattern.sub(lambda found, other=other: _cased(other, found.group()), changed)  # type: ignore[misc]
        if changed != question:
            return changed
    return ""


def _cased(text: str, like: str) -> str:
    return text[0].upper() + text[1:] if like[0].isupper() else text


def casing(question: str, chance: random.Random) -> str:
    """All letters small, or all large."""
    return chance.choice((question.lower(), question.upper()))


def punctuation(question: str, _chance: random.Random) -> str:
    """The mark at the end is left out, or one is put there."""
    bare = question.rstrip(" ?.!？。！")
    return bare if bare != question.rstrip() else f"{question.rstrip()}."


def numbers(question: str, chance: random.Random) -> str:
    """One whole number becomes another of as many digits."""
    found = list(_NUMBER.finditer(question))
    if not found:
        return ""
    match = chance.choice(found)
    width = len(match.group())
    least = 0 if width == 1 else 10 ** (width - 1)
    others = chance.sample(range(least, 10**width), k=2) if width < 7 else [int(match.group()) ^ 1]
    other = next(str(number) for number in others if str(number) != match.group())
    return question[: match.start()] + other + question[match.end() :]


def people(question: str, chance: random.Random) -> str:
    """The first name that is known to be one of a person becomes another."""
    for found in re.finditer(r"\b[A-Z][a-z]+\b", question):
        if found.group() in _NAMES:
            other = chance.choice([name for name in _NAMES if name != found.group()])
            return question[: found.start()] + other + question[found.end() :]
    return ""


def paraphrase(question: str, _chance: random.Random) -> str:
    """The question inside a frame that changes nothing about what is asked."""
    frame = next(text for pattern, text in _PARAPHRASES if pattern.match(question.strip()))
    return frame.format_map({"question": question.strip()})


def irrelevant(question: str, chance: random.Random) -> str:
    """A sentence that has nothing to do with it is put before or behind."""
    extra = chance.choice(_IRRELEVANT)
    return f"{extra} {question}" if chance.random() < 0.5 else f"{question} {extra}"


def negation(question: str, _chance: random.Random) -> str:
    """`not` behind the first auxiliary of a sentence that denies nothing yet."""
    if any(is_cue(word.casefold()) for word in re.findall(r"[\w']+", question)):
        return ""
    found = _AUXILIARY.search(question)
    if found is None:
        return ""
    word = found.group()
    denied = f"{word}not" if word.casefold() == "can" else f"{word} not"
    return question[: found.start()] + denied + question[found.end() :]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of change: `same` says that the right reply stays as it is."""

    change: Change
    same: bool
    capability: str


KINDS: dict[str, Kind] = {
    "typos": Kind(typos, True, "robustness"),
    "contractions": Kind(contractions, True, "robustness"),
    "casing": Kind(casing, True, "robustness"),
    "punctuation": Kind(punctuation, True, "robustness"),
    "irrelevant": Kind(irrelevant, True, "robustness"),
    "paraphrase": Kind(paraphrase, True, "paraphrase"),
    "names": Kind(people, True, "fairness"),
    "numbers": Kind(numbers, False, "numbers"),
    "negation": Kind(negation, False, "negation"),
}


@dataclass(frozen=True, slots=True)
class Perturbed:
    """The new cases, the whole set with them, and by kind how many questions could not be changed so.

    In the whole set a case stands in one cluster with those that were made from it: they are not independent.
    """

    made: tuple[Case, ...]
    whole: tuple[Case, ...]
    unchanged: dict[str, int]


def perturb(cases: Sequence[Case], kinds: Iterable[str], *, seed: int = 0, tolerance: float = 0.0) -> Perturbed:
    """One case for every case and kind that fit. Cases that were made so themselves are left alone.

    An invariance test keeps what is expected, since the right reply is the same; labelled spans, whose places would no
    longer fit, are dropped. A directional test (`numbers`, `negation`) expects another reply than its source's, and
    nothing of the old one. Cases that are there already are not made again. Raises InputError
    `golden.unknown_perturbation`.
    """
    wanted = tuple(dict.fromkeys(kinds))
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise InputError(
            "golden.unknown_perturbation", "there is no such change of a question", where=", ".join(unknown),
            remedy=f"use some of {', '.join(KINDS)}",
        )  # fmt: skip
    there = {case.case_id for case in cases}
    made: list[Case] = []
    unchanged = dict.fromkeys(wanted, 0)
    for case in cases:
        if case.expected.relation is not None and case.expected.relation.of:
            continue
        for kind in wanted:
            chance = random.Random(sha256_json([seed, kind, case.case_id]))  # noqa: S311 - no secret is drawn
            question = KINDS[kind].change(case.question, chance)
            if not question.strip() or question == case.question:
                unchanged[kind] += 1
            elif f"{case.case_id}~{kind}" not in there:
                made.append(_made(case, kind, question, seed, tolerance))
    sources = {case.expected.relation.of for case in made if case.expected.relation is not None}
    kept = (replace(c, cluster=c.cluster or c.case_id) if c.case_id in sources else c for c in cases)
    return Perturbed(tuple(made), (*kept, *made), unchanged)


def _made(case: Case, name: str, question: str, seed: int, tolerance: float) -> Case:
    kind = KINDS[name]
    relation = Relation(
        RelationKind.INVARIANCE if kind.same else RelationKind.DIRECTIONAL, case.case_id, tolerance=tolerance
    )
    kept = (one for one in case.slices if not one.startswith(("capability=", "perturbation=")))
    same = replace(case.expected, spans=(), relation=relation)
    other = Expected(answerable=case.expected.answerable, must_not=case.expected.must_not, relation=relation)
    return replace(
        case,
        case_id=f"{case.case_id}~{name}",
        question=question,
        expected=same if kind.same else other,
        slices=(*kept, f"capability={kind.capability}", f"perturbation={name}"),
        cluster=case.cluster or case.case_id,
        provenance={**case.provenance, "made_from": case.case_id, "change": f"{name}, seed {seed}"},
    )
