"""Questions made from English sentences by rule: the sentence is turned round, and what was asked for is the answer.

In the tradition of rule-based question generation (Heilman and Smith, "Good Question! Statistical Ranking for Question
Generation", NAACL 2010), without a parser: a few patterns that are nearly always right, and silence elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assay.golden.draft_wording import Wording
from assay.golden.draft_words import (
    BES,
    MODALS,
    MONTHS,
    NO_SUBJECT,
    NUMBER_WORDS,
    PEOPLE,
    PLACED,
    PLACEHOLDERS,
    TAKES_OBJECT,
    UNCLEAR,
    UNITS,
)
from assay.records.documents import Chunk
from assay.text.names import names
from assay.text.sentences import after_marks, sentence_spans
from assay.text.tokens import content_stems, is_stop_word, words

RECIPE = "golden.questions.v1"
SENTENCE_WORDS = (6, 45)
QUESTION_WORDS = (4, 24)
LONGEST_ANSWER = 40
"""Words."""
LEAST_TOPIC = 2
"""Words of a question that carry a topic; with fewer nobody knows what it is about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its answer, both from one sentence. `answer` stands in `quote` word for word; `start` and `end`
    are the offsets of `quote` in the document's text copy."""

    question: str
    answer: str
    quote: str
    start: int
    end: int
    kind: str
    chunk: Chunk
    recipe: str = RECIPE


@dataclass(frozen=True, slots=True)
class _Made:
    question: str
    answer: str
    kind: str


def questions_of(chunk: Chunk, wording: Wording) -> Iterator[Asked]:
    """Every question that a pattern makes of a sentence of the chunk, at most one a sentence, in reading order."""
    if chunk.language not in ("en", ""):
        return
    for start, end in sentence_spans(chunk.text, chunk.language):
        start = after_marks(chunk.text, start)
        sentence = chunk.text[start:end].rstrip()
        if not _is_prose(sentence):
            continue
        for pattern in PATTERNS:
            made = pattern(" ".join(sentence.split()).rstrip("."), wording)
            if made is not None and _fits(made):
                at = chunk.start + start
                yield Asked(
                    made.question,
                    _as_written(made.answer, sentence),
                    sentence,
                    at,
                    at + len(sentence),
                    made.kind,
                    chunk,
                )
                break


def _is_prose(sentence: str) -> bool:
    fewest, most = SENTENCE_WORDS
    if not sentence[:1].isupper() or sentence[-1:] != "." or not fewest <= len(words(sentence)) <= most:
        return False
    if any(mark in sentence for mark in PLACEHOLDERS) or sentence.count("(") != sentence.count(")"):
        return False
    return sentence.count('"') % 2 == 0 and sentence.count("“") == sentence.count("”")


def _fits(made: _Made) -> bool:
    asked = words(made.question)
    fewest, most = QUESTION_WORDS
    if not fewest <= len(asked) <= most or not 1 <= len(words(made.answer)) <= LONGEST_ANSWER:
        return False
    if not made.question.startswith("How do I") and "i" in asked:
        return False
    if (
        UNCLEAR & (set(asked) - {"i", "my"})
        or _POINTS.search(made.answer)
        or ":" in made.question
        or ";" in made.question
    ):
        return False
    return made.kind == "definition" or len(set(content_stems(made.question))) >= LEAST_TOPIC


_POINTS = re.compile(r"\b(?:above|below|following|as follows|this page|this section|this document)\b|\(see\b")
"""An answer that ends in a pointer to somewhere else."""


def _as_written(answer: str, sentence: str) -> str:
    """The answer with the white space of the sentence, so that it stands in the quote character by character."""
    found = re.search(r"\s+".join(re.escape(word) for word in answer.split()), sentence)
    return found.group() if found else answer


def _subject(text: str, wording: Wording, most: int = 9) -> str:
    """The subject as it stands inside a question; empty when it is none that a template may turn round."""
    first, _, rest = text.partition(" ")
    opens = first.casefold().strip("’'")
    if len(text.split()) > most or opens in NO_SUBJECT or wording.is_verb(opens) or _NOT_INSIDE.search(text):
        return ""
    if re.search(
        r"\b(?:you|we|is|are|was|were|who|which|that|what|if|must|should|can|will|shall|may|has|have|do|does|not)\b",
        rest,
    ):
        return ""
    named = rest[:1].isupper() and len(text.split()) == 2 and not is_stop_word(opens)
    return text if named else f"{wording.lower(first)} {rest}".strip()


_NOT_INSIDE = re.compile(r"[,;:()\"“”]|[—–]| - | (?:and|or|also|then|that|which)$")


_NUMBER = rf"(?:\d[\d,.]*|{NUMBER_WORDS})"
_UNIT = "|".join(unit.replace("~", " ") for unit in UNITS.split())
_AUX = "|".join((*MODALS, *BES))
_LIKE_GOAL = re.compile(r"^to [a-z]+ ")


def _how_to(text: str, wording: Wording) -> _Made | None:
    """`To enable it, open the page.`"""
    found = re.match(r"To (?P<goal>[a-z]+ [^,:;]{4,100}), (?P<answer>[^:]+)$", text)
    if not found or re.search(r"\b(?:you|we|us|be|do so|make sure|yourself)\b", found["goal"]):
        return None
    answer = re.sub(r"^(?:please|you (?:can|should|must|will need to|need to|have to|may)) ", "", found["answer"])
    if len(answer.split()) < 3 or not wording.orders(answer):
        return None
    goal = re.sub(r"\byour\b", "my", found["goal"])
    return _Made(f"How do I {goal}?", answer, "how")


def _by_doing(text: str, wording: Wording) -> _Made | None:
    """`Teams can raise it by opening an issue.`"""
    found = re.match(
        rf"(?P<s>[^,]+?) (?P<m>{'|'.join(MODALS)}) (?P<v>[a-z]+ [^,:]+?),? by (?P<a>[a-z]+ing [^:]+)$", text
    )
    subject = _subject(found["s"], wording) if found else ""
    if not found or not subject or found["m"] == "cannot" or re.match(r"be |.* and (?:can|you|we|may)\b", found["v"]):
        return None
    return _Made(f"How {found['m']} {subject} {found['v']}?", f"by {found['a']}", "how")


def _condition(text: str, wording: Wording) -> _Made | None:
    """`If a build fails, restart it.`"""
    found = re.match(r"(?P<w>If|When) (?P<c>[^,:;]{8,110}), (?:then )?(?:please )?(?P<a>[^:]+)$", text)
    if not found or len(found["a"].split()) < 3 or found["a"][0].isdigit() or _GOES_ON.match(found["a"]):
        return None
    if (
        _BARE.match(found["c"])
        or _gerund(found["c"])
        or re.search(r"\(| you should ", found["c"])
        or re.match(r"[a-z]+ (?:and|or) ", found["a"])
    ):
        return None
    asks = re.match(r"you(?:’ll|'ll)? (?P<m>should|must|can|may|need to|have to|will need to)\b", found["a"])
    if wording.orders(found["a"]) or (asks and asks["m"] not in ("can", "may")):
        what = "What should you do"
    else:
        what = "What can you do" if asks else "What happens"
    return _Made(f"{what} {found['w'].casefold()} {found['c']}?", found["a"], "condition")


_GOES_ON = re.compile(r"(?:it|this|they|that|and|or|who|also|we|there)\b|(?:\S+ ){0,4}\S*, (?:or|and) ", re.IGNORECASE)
"""No main clause, one that needs the text before, or the rest of a list."""
_BARE = re.compile(
    r"(?:at|in|on|by|from|possible|necessary|applicable|needed|in doubt|appropriate|not|so|that|all|any)\b"
)
"""Conditions that say nothing without the text before them."""


def _gerund(text: str) -> bool:
    return text.split()[0].endswith("ing")


def _responsible(text: str, wording: Wording) -> _Made | None:
    """`The platform team is responsible for the clusters.`"""
    found = re.match(r"(?P<s>[^,:;]+?) (?P<b>is|are) (?:also )?responsible for (?P<o>[^:;]+)$", text)
    if not found or not _subject(found["s"], wording):
        return None
    return _Made(f"Who is responsible for {_first_part(found['o'])}?", found["s"], "who")


def _done_by(text: str, wording: Wording) -> _Made | None:
    """`Expenses are approved by the budget owner.`"""
    found = re.match(
        rf"(?P<s>[^,:;]+?) (?P<x>(?:(?:{'|'.join(MODALS)}) be)|is|are|was|were) "
        r"(?P<v>[a-z]+(?:ed|wn|en|t)|led|run|held|set|made) by "
        r"(?P<a>(?:the |a |an |our |your )?[^,:;]+)$", text
    )  # fmt: skip
    subject = _subject(found["s"], wording) if found else ""
    if not found or not subject or found["a"].split()[0].endswith("ing") or len(found["a"].split()) > 8:
        return None
    modal, _, be = found["x"].partition(" ")
    who = "Who" if PEOPLE & set(words(found["a"])) else "What"
    return _Made(
        f"{who} {modal} {subject} {be + ' ' if be else ''}{found['v']} by?",
        found["a"],
        "who" if who == "Who" else "what",
    )


def _where(text: str, wording: Wording) -> _Made | None:
    """`Runbooks are stored in the operations repository.`"""
    found = re.match(
        rf"(?P<s>[^,:;]+?) (?P<x>(?:can|should|must|may|will) be|is|are) (?P<v>{PLACED}) "
        r"(?P<a>(?:in|at|on|under) [^,:;]+)$",
        text,
    )
    subject = _subject(found["s"], wording) if found else ""
    if not found or not subject or re.search(r"\b(?:this|these|those|here)\b", found["a"]):
        return None
    modal, _, be = found["x"].partition(" ")
    return _Made(f"Where {modal} {subject} {be + ' ' if be else ''}{found['v']}?", found["a"], "where")


def _why(text: str, wording: Wording) -> _Made | None:
    """`Secrets must not be shared because they cannot be revoked.`"""
    found = re.match(rf"(?P<s>[^,:;]+?) (?P<m>{_AUX}) (?P<v>[^,:;]+?),? (?P<a>(?:because|so that) [^:]+)$", text)
    if found and (subject := _subject(found["s"], wording)):
        if len(set(content_stems(f"{subject} {found['v']}"))) <= LEAST_TOPIC:
            return None
        return _Made(f"Why {found['m']} {subject} {found['v']}?", found["a"], "why")
    found = re.match(r"We (?P<v>[a-z]+ [^,:;]+?),? (?P<a>(?:because|so that) [^:]+)$", text)
    if (
        found
        and not re.match(rf"(?:{_AUX}|have|had|’|'|also|always|do)\b", found["v"])
        and not found["v"].split()[0].endswith("ed")
    ):
        return _Made(f"Why do we {found['v']}?", found["a"], "why")
    return None


def _often(text: str, wording: Wording) -> _Made | None:
    """`Access is reviewed every quarter.`"""
    found = re.match(
        rf"(?P<s>[^,:;]+?) (?P<m>{_AUX}) (?P<v>[^,:;]+?) (?P<a>(?:at least )?"
        r"(?:(?:once |twice )?every [A-Za-z]+(?: [a-z]+)?|(?:once|twice) an? [a-z]+|annually|quarterly|monthly|weekly|"
        r"daily|on an? [a-z]+ly basis))$",
        text,
    )  # fmt: skip
    subject = _subject(found["s"], wording) if found else ""
    if (
        not found
        or not subject
        or re.search(r"\b(?:for|of|from|in|to|a|the|per|every)$", found["v"])
        or re.search(r"every (?:single|time|one)", found["a"])
        or re.match(r"(?:the|an?) ", found["v"])
    ):
        return None
    return _Made(f"How often {found['m']} {subject} {found['v']}?", found["a"], "number")


def _how_many(text: str, wording: Wording) -> _Made | None:
    """`Invoices must be paid within 14 days of receipt.`"""
    found = re.match(
        rf"(?P<s>[^,:;]+?) (?P<m>{_AUX}) (?P<v>[^,:;0-9]*?)(?P<p>\b(?:within|for|after|in) )?"
        r"(?P<q>(?:at least|up to|at most|no more than|more than|less than|a maximum of|a minimum of|about|over) )?"
        rf"(?P<n>{_NUMBER}) (?P<u>(?:(?!per|or|and|to)[a-z]+ )?(?:{_UNIT}))\b(?P<t>[^,:;0-9]*)$", text
    )  # fmt: skip
    subject = _subject(found["s"], wording) if found else ""
    if not found or not subject or len(found["v"].split()) > 9 or len(found["t"].split()) > 10:
        return None
    verb, tail = found["v"].strip(), found["t"].rstrip()
    if (
        " and " in tail
        or re.search(
            r"\b(?:the|a|an|every|each|of|by|or|and|than|to|last|first|next|least|every|per|in|at|on|from|[$€£])$", verb
        )
        or re.match(r"-| (?:and|or|ago|old|later|before|after)\b", tail)
    ):
        return None
    number = found["n"].rstrip(".,")
    answer = f"{found['p'] or ''}{found['q'] or ''}{number} {found['u']}"
    of_what, tail = (tail, "") if tail.startswith(" of ") else ("", tail)
    asked = f"{(found['p'] or '').capitalize()}how many {found['u']}{of_what}"
    asked = asked[0].upper() + asked[1:]
    if number in ("1", "one"):
        return None
    return _Made(f"{asked} {found['m']} {subject}{' ' + verb if verb else ''}{tail}?", answer, "number")


def _when(text: str, wording: Wording) -> _Made | None:
    """`The report was published in March 2021.`"""
    found = re.match(
        rf"(?P<s>[^,:;]+?) (?P<m>{_AUX}) (?P<v>[^,:;]+?) (?P<a>(?:in|on|by|at|until|before|after) "
        rf"(?:the (?:end|beginning|start) of [^,:;]+|(?:(?:early|late|mid) )?(?:{MONTHS})s?\b[^:;]{{0,20}}|"
        r"(?:19|20)\d\d))$", text
    )  # fmt: skip
    subject = _subject(found["s"], wording) if found else ""
    if not found or not subject or found["v"].startswith(("a ", "an ", "the ")):
        return None
    return _Made(f"When {found['m']} {subject} {found['v']}?", found["a"], "when")


def _value(text: str, wording: Wording) -> _Made | None:
    """`The purpose of the plan is to restore services.`"""
    found = re.match(r"(?P<s>(?:The|Our|Your) [^,:;]+?) (?P<b>is|are|was|were) (?P<a>[^:;]+)$", text)
    subject = _subject(found["s"], wording) if found else ""
    if not found or not subject or len(set(content_stems(found["s"]))) < LEAST_TOPIC:
        return None
    if not re.search(r" (?:of|for) ", subject) and not names(subject):
        return None
    if not re.match(rf"(?:to [a-z]+ |an? |the |one of |{_NUMBER}\b|[A-Z$€£])", found["a"]):
        return None
    return _Made(f"What {found['b']} {subject}?", found["a"], "what")


def _definition(text: str, wording: Wording) -> _Made | None:
    """`A runbook is a document that tells how to operate a service.`"""
    found = re.match(r"(?P<s>[A-Z][^,:;]*?) (?P<b>is|are) (?P<a>(?:an?|one of|any|the) [^:;]+)$", text)
    subject = _subject(found["s"], wording, 6) if found else ""
    if (
        not found
        or not subject
        or len(found["a"].split()) < 4
        or re.match(r"(?:We|You|Everyone|All|Some|Most|One|Each|Nobody)\b", found["s"])
    ):
        return None
    if re.match(r"(?:a|an|the) (?:lot|few|great|good|big|bit|same|only|best|right|must|way|next)\b", found["a"]):
        return None
    return _Made(f"What {found['b']} {subject}?", found["a"], "definition")


def _object(text: str, wording: Wording) -> _Made | None:
    """`The form requires a signature.`"""
    verbs = "|".join(TAKES_OBJECT)
    found = re.match(rf"(?P<s>[A-Z][^,:;]*?) (?P<v>{verbs}) (?P<a>[^:;]{{6,}})$", text)
    subject = _subject(found["s"], wording, 7) if found else ""
    if not found or len(set(content_stems(subject))) < LEAST_TOPIC or _NO_OBJECT.match(found["a"]):
        return None
    return _Made(f"What does {subject} {TAKES_OBJECT[found['v']]}?", found["a"], "what")


_NO_OBJECT = re.compile(r"(?:that|whether|how|it|this|them|us|you)\b")


def _first_part(text: str) -> str:
    """Up to the first comma, unless that would leave a list without its end."""
    head = text.split(",")[0]
    return head if "," in text and not re.search(r", (?:and|or) ", text) else text


PATTERNS = (
    _how_to, _condition, _why, _responsible, _done_by, _where, _often, _how_many, _when, _by_doing, _value,
    _definition, _object,
)  # fmt: skip
