"""Tells sentences that address an assistant ("ignore previous instructions") from sentences that inform a reader."""

from __future__ import annotations

from assay.text.lists import word_set
from assay.text.tokens import words

_VERBS = word_set("ignore disregard forget override bypass ignoriere ignorieren vergiss vergessen missachte")
_TARGETS = word_set("instruction instructions prompt prompts rules guidelines anweisung anweisungen regeln vorgaben")
_WHICH = word_set(
    "previous prior above earlier all any preceding system your other vorherige vorherigen bisherige bisherigen alle "
    "obigen früheren deine ihre"
)
_REACH = 7
_OPENINGS = (
    ("you", "are", "now"),
    ("do", "not", "tell", "the", "user"),
    ("don't", "tell", "the", "user"),
    ("reveal", "your", "system", "prompt"),
    ("new", "system", "prompt"),
    ("assistant", "must"),
    ("ai", "assistant", "must"),
    ("du", "bist", "jetzt"),
    ("du", "bist", "ab", "sofort"),
    ("sage", "dem", "benutzer"),
)
_FIRST_WORDS = _VERBS.union(opening[0] for opening in _OPENINGS)


def addresses_assistant(text: str, loosely: bool = False) -> bool:
    """True when a sentence gives orders to whoever reads it for the user, instead of informing the user.

    `loosely` asks of a question whether it is about such orders ("which instructions does the note give?"). It knows
    a few plain wordings in English and German and nothing else: it keeps such sentences from being shown as answers,
    and is no defence against injection, which needs none here, since no text of a document is ever followed.
    """
    found = words(text)
    if loosely and not _TARGETS.isdisjoint(found):
        return True
    if _FIRST_WORDS.isdisjoint(found):
        return False
    for at, word in enumerate(found):
        near = found[at + 1 : at + 1 + _REACH]
        if word in _VERBS and not _TARGETS.isdisjoint(near) and not _WHICH.isdisjoint(near):
            return True
    return any(
        found[at : at + len(opening)] == opening for opening in _OPENINGS for at in range(len(found) - len(opening) + 1)
    )
