"""What is known of a text as a whole or of its signs: hidden and confusable text, other languages, signals' findings.

These are no rows of the engine: each has a finder of its own. They have ids, versions, examples of both kinds and a
budget all the same, and a policy names them as it names the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from assay.detect import hidden
from assay.records.findings import Basis, Finding

HIDDEN, CONFUSABLE, OTHER_LANGUAGE = "text.hidden", "text.confusable", "text.language.other"
SIGNAL = "signal."
"""The ids of signals' findings begin so."""
GROUP = "text"
"""Stands for hidden and confusable text."""
LANGUAGE_PIECE = 600
"""Signs that are identified at a time: so many tell a language, and no beginning hides what follows it."""

# Letters of other scripts that look like Latin ones in most type faces, from the pairs that Unicode's table of
# confusables (UTS 39) lists for them. Those that formulas set beside Latin letters (alpha, mu, delta) are left out.
_CYRILLIC = "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u0501\u051b\u051d\u04bb\u04cf" \
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408"  # fmt: skip
_GREEK = "\u03bf\u03c1\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
_STYLED = "\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7cb"
"""Full width and mathematical letters, which normalisation makes Latin ones."""
_SHORTEST = 3
_LAST_LATIN = "\u024f"


@dataclass(frozen=True, slots=True)
class TextRule:
    """One kind of finding about a text. `found` and `passed` are examples of both kinds; in those that are found `«`
    and `»` stand round the finding. `whole` findings are about the text and not about a part that could be masked.
    `ms_per_kb` is what a look may cost for 1,000 signs."""

    rule_id: str
    version: int
    what: str
    found: tuple[str, ...]
    passed: tuple[str, ...]
    basis: Basis
    whole: bool
    ms_per_kb: float


RULES = (
    TextRule(
        HIDDEN, 1, "signs that a reader does not see: zero width, direction overrides, tags",
        ("pass«\u200b»word", "a«\u202e»cod«\u202c»", "hi«\U000e0048\U000e0049» there"),
        ("plain text", "\ufeffstarts with a mark", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        Basis.CHECKED, False, 2.0,
    ),
    TextRule(
        CONFUSABLE, 1, "words of Latin letters with look-alikes of other scripts among them, or in styled letters",
        ("go to «p\u0430ypal».com", "«\u0420assword»", "«\uff29\uff47\uff4e\uff4f\uff52\uff45» it",
         "«\U0001d422\U0001d420\U0001d427\U0001d428\U0001d42b\U0001d41e»"),
        ("paypal", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",
         "\u0394T = 5 \u03bcm", "\u03b1-helix", "na\u00efve caf\u00e9", "Stra\u00dfe",
         "IT-\u043e\u0442\u0434\u0435\u043b", "IT\u043e\u0442\u0434\u0435\u043b", "\u6771\u4eacTower"),
        Basis.SHAPE, False, 2.0,
    ),
    TextRule(
        OTHER_LANGUAGE, 1, "a language that the policy does not list",
        ("«Bitte senden Sie mir die Rechnung noch in dieser Woche an die neue Anschrift.»",),
        ("Please send me the invoice to the new address before the end of this week.", "OK", "12345"),
        Basis.CONTEXT, True, 8.0,
    ),
)  # fmt: skip
"""The examples of languages are for a list of English alone."""
RULE_OF = MappingProxyType({rule.rule_id: rule for rule in RULES})
SPANS = (HIDDEN, CONFUSABLE)
"""Findings with spans: what a policy may mask."""


def known(name: str) -> bool:
    """True for the id of a finding about a text, and for the group of them."""
    return name in RULE_OF or name == GROUP or name.startswith(SIGNAL)


def is_whole(rule_id: str) -> bool:
    """True for findings about a whole text, which leave no part that could be masked."""
    return rule_id.startswith(SIGNAL) or (rule_id in RULE_OF and RULE_OF[rule_id].whole)


def ids_of(names: Sequence[str]) -> tuple[str, ...]:
    """Ids that these names stand for; the group stands for what has spans."""
    return tuple(dict.fromkeys(one for name in names for one in (SPANS if name == GROUP else (name,))))


def find(text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]:
    """Hidden and confusable text, as far as it is asked for, in reading order. Time is linear in the text."""
    found: list[Finding] = []
    if HIDDEN in rule_ids:
        found += (
            Finding(HIDDEN, one.start, one.end, RULE_OF[HIDDEN].version, 1.0, Basis.CHECKED)
            for one in hidden.find(text)
        )
    if CONFUSABLE in rule_ids:
        found += confusable(text)
    return tuple(sorted(found, key=lambda one: (one.start, one.end)))


def confusable(text: str) -> Iterator[Finding]:
    """Words of at least three letters in which Latin letters and their look-alikes stand together, and runs of at
    least three styled letters. A word with a letter that looks like none is passed: it is one of its own script."""
    if text.isascii():
        return
    rule = RULE_OF[CONFUSABLE]
    sound = text.encode("utf-8", "replace").decode("utf-8")
    for match in _mixed().finditer(sound):
        start, end = match.start(), match.end()
        beside = (sound[start - 1 : start], sound[end : end + 1])
        if end - start >= _SHORTEST and not any(_other_script(sign) for sign in beside):
            yield Finding(CONFUSABLE, start, end, rule.version, 0.9, rule.basis)


def _other_script(sign: str) -> bool:
    return sign.isalpha() and sign > _LAST_LATIN


def other_language(text: str, identify: Callable[[str], str], languages: Sequence[str]) -> tuple[Finding, ...]:
    """Stretches in a language that is not among `languages` (BCP 47 primary tags), piece by piece; what `identify` is
    not sure of is passed."""
    found: list[Finding] = []
    for at in range(0, len(text), LANGUAGE_PIECE):
        piece, start = text[at : at + LANGUAGE_PIECE], at
        language = identify(piece)
        if not language or language in languages:
            continue
        if found and found[-1].end == at:
            start = found.pop().start
        found.append(
            Finding(OTHER_LANGUAGE, start, at + len(piece), RULE_OF[OTHER_LANGUAGE].version, 0.85, Basis.CONTEXT)
        )
    return tuple(found)


@cache
def _mixed() -> Any:
    """RE2, whose time is linear."""
    import re2

    alike, latin = _CYRILLIC + _GREEK, "A-Za-z"
    word = f"[{latin}{alike}]*"
    return re2.compile(f"{word}(?:[{latin}][{alike}]|[{alike}][{latin}]){word}|[{_STYLED}]+")
