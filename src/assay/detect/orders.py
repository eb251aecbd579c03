"""Where a text gives orders to an assistant: stretches that match known wordings, in the open or under disguise."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from assay.detect import hidden
from assay.detect.engine import encoded
from assay.records.findings import Basis, Finding

ORDERS = "orders.plain"
VEILED = "orders.veiled"
"""An order that only shows when hidden characters are taken out, or read as the letters that they stand for."""
RULES = (ORDERS, VEILED)
_VERSION = 1
_TAGS = 0xE0000
_LONGEST = 300
_FORMS = "\uff00-\uff5e\U0001d400-\U0001d7ff"
_GAP = r"(?:\W+\w+){0,4}?\W+"
_WHICH = (
    "previous|prior|above|earlier|preceding|all|any|system|your|original|other|initial|foregoing|former"
    "|following|safety"
)
_TARGETS = r"(?:instructions?|instruct|prompts?|rules|guidelines?|directives?|commands?|programming|context|messages?)"
_MODEL = (
    r"(?:AI|LLMs?|chat ?bots?|large language models?|language models?|AI models?|AI assistants?|AI agents?|assistants?)"
)

# Written from the wordings that the literature on prompt injection describes; no attack list was read into them.
_WORDINGS = (
    # take back what was said
    rf"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|discard)\b(?:{_GAP}(?:{_WHICH}))\b"
    rf"(?:\W+\w+){{0,4}}?\W+{_TARGETS}\b",
    r"\b(?:ignore|disregard|forget)\W+(?:everything|anything|all|what(?:ever)?)\W+(?:\w+\W+){0,3}?"
    r"(?:above|before|previously|so far|told|said)\b",
    # become another
    r"\byou(?:\W+are|'re)\W+now\W+(?:(?:an?|the|my)\W+)?(?:\w+\W+){0,3}?"
    r"(?:assistant|AI|model|bot|chatbot|persona|jailbroken|unrestricted|DAN|mode)\b",
    r"\b(?:enter|activate)\W+(?:developer|debug|god|DAN|jailbreak)\W+mode\b",
    r"\bnew\W+(?:system\W+prompt|system\W+instructions?|instructions?\W+for\W+the\W+(?:assistant|AI|model))\b",
    # keep it from the user
    r"\b(?:do\W+not|don't|don’t|never|without)\W+(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?"
    r"|warn(?:ing)?|mention(?:ing)?|reveal(?:ing)?)(?:\W+(?:this|it|that|anything))?(?:\W+to)?\W+the\W+user\b",
    # tell what is secret
    r"\b(?:reveal|print|repeat|output|show|leak|display|disclose|send|expose|append|include|recite)\b(?:\W+\w+){0,4}?"
    r"\W+(?:system|hidden|initial|secret|developer)\W+(?:prompt|instructions?|messages?)\b",
    r"\b(?:append|include|insert|add|embed|render|send|post|forward|exfiltrate|encode)\b(?:\W+\w+){0,5}?\W+"
    r"(?:conversation|chat\W+history|system\W+prompt|user'?s?\W+(?:question|message|data|password|query))\b"
    r"(?:\W+\w+){0,5}?\W+(?:https?|url|link|image|address)\b",
    # speak to the model
    rf"\b(?:note|notice|message|instructions?|important|attention|warning|hint|memo)\W+(?:(?:to|for)\W+)?"
    rf"(?:the\W+|any\W+|all\W+|every\W+)?{_MODEL}\b",
    rf"\b(?:if|when|since)\W+you\W+are\W+(?:an?|the)\W+(?:\w+\W+)?{_MODEL}\b",
    r"\b(?:AI\W+assistants?|AI\W+models?|language\W+models?|LLMs?|chatbots?|assistant)\W+"
    r"(?:must|shall|should\W+(?:now|always|never|only|instead))\b",
    r"\b(?:answer|respond|reply)\b(?:\W+\w+){0,3}?\W+(?:every|any|all|each)\W+(?:questions?|quer(?:y|ies)|requests?)"
    r"\W+with\b",
    r"\bwhen(?:ever)?\W+(?:you\W+are\W+asked|the\W+user\W+asks|users\W+ask|anyone\W+asks)\b(?:\W+\w+){0,10}?\W+"
    r"(?:answer|say|reply|respond|recommend|tell\W+them|insist)\b",
    # marks of a dialogue with a model
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id)\|>|\[/?INST\]|<</?SYS>>"
    r"|(?:^|\n)\s*#{2,4}\s*(?:system|instruction|assistant)\s*:|\bBEGIN\W+(?:SYSTEM|ADMIN)\W+(?:PROMPT|MESSAGE)\b",
    # German, French, Spanish, Italian, Portuguese, Dutch, Chinese
    r"\b(?:ignorier(?:e|en|t)|vergiss|vergessen|missachte[nt]?|umgehe[nt]?)\b(?:\s+sie)?(?:\W+\S+){0,3}?\W+"
    r"(?:anweisung(?:en)?|regeln|vorgaben|instruktion(?:en)?|befehle?|anleitung(?:en)?)\b",
    r"\bdu\W+bist\W+(?:jetzt|nun|ab\W+sofort)\W+(?:ein|eine|im|der|die)\b",
    r"\b(?:sag|sage|sagen\W+sie|verrate)\W+(?:es\W+)?de[mr]\W+(?:be)?nutzer(?:in)?\b",
    r"\b(?:ignore[rz]?|oublie[rz]?)\b(?:\W+\S+){0,4}?\W+(?:instructions|consignes|r.{1,2}gles|directives)\b",
    r"\b(?:ignora|ignore|ignoren|olvida|olvide|descarta)\b(?:\W+\S+){0,4}?\W+"
    r"(?:instrucciones|indicaciones|.{1,2}rdenes|reglas)\b",
    r"\b(?:ignora|ignorare|dimentica)\b(?:\W+\S+){0,4}?\W+(?:istruzioni|regole|direttive)\b",
    r"\b(?:ignore|ignora|esque.a)\b(?:\W+\S+){0,4}?\W+(?:instru..{1,3}es|regras)\b",
    r"\b(?:negeer|vergeet)\b(?:\W+\S+){0,4}?\W+(?:instructies|regels|aanwijzingen)\b",
    "(?:忽略|无视|忘记|忽視|無視)[^。\n]{0,12}(?:指令|指示|说明|提示|规则|命令|規則|說明)",
)


@cache
def _compiled() -> tuple[Any, Any, Any]:
    """The wordings; any letter in a form of its own, and any such or character that hides."""
    import re2

    options = re2.Options()
    options.case_sensitive = False
    return (
        re2.compile("|".join(_WORDINGS), options),
        re2.compile(f"[{_FORMS}]"),
        re2.compile(f"[{_FORMS}{hidden.CHARACTERS}]"),
    )


@dataclass(frozen=True, slots=True)
class OrderScanner:
    """A TextScanner for orders to an assistant, as documents that inform people do not give them.

    It knows wordings in eight languages and nothing else: what it does not find is not harmless, and what it finds
    may be a text about such orders. No text of a document is ever followed, found here or not.
    """

    recipe: str = f"orders.v{_VERSION}"

    def scan(self, text: str) -> tuple[Finding, ...]:
        """Stretches in reading order, without overlap. Time is linear in the text."""
        if text.isascii() or _compiled()[2].search(encoded(text)) is None:
            return tuple(Finding(ORDERS, start, end, _VERSION, 0.5, Basis.CONTEXT) for start, end in _spans(text))
        return tuple(_unveiled(text))


def _unveiled(text: str) -> Iterator[Finding]:
    """As they stand and, where characters are hidden, without those; runs of tag characters as what they spell."""
    sound = encoded(text).decode("utf-8")
    veils = hidden.find(sound)
    shown = hidden.without(sound, veils) if veils else sound
    starts = [one.start for one in veils]
    kept = [start - cut for start, cut in zip(starts, _cut_before(veils), strict=True)]
    cuts = [0, *accumulate(one.end - one.start for one in veils)]

    def origin(at: int) -> int:
        return at + cuts[bisect_right(kept, at)]

    found = [
        Finding(VEILED if any(start < at < end for at in starts) else ORDERS, start, end, _VERSION, 0.5, Basis.CONTEXT)
        for start, end in ((origin(start), origin(end - 1) + 1) for start, end in _spans(_folded(shown)))
    ]
    found += [
        Finding(VEILED, one.start, one.end, _VERSION, 0.9, Basis.CONTEXT)
        for one in veils
        if one.rule_id == "hidden.tag" and _spans(_spelt(sound[one.start : one.end]))
    ]
    yield from sorted(found, key=lambda one: one.start)


def _cut_before(veils: Sequence[Finding]) -> list[int]:
    return [0, *accumulate(one.end - one.start for one in veils)][: len(veils)]


def _spelt(tags: str) -> str:
    return "".join(chr(ord(sign) - _TAGS) for sign in tags if 0x20 <= ord(sign) - _TAGS < 0x7F)


def _folded(text: str) -> str:
    """Compatibility forms as plain letters, where that keeps every character in its place."""
    if _compiled()[1].search(text) is None:
        return text
    return "".join(plain if len(plain := unicodedata.normalize("NFKC", sign)) == 1 else sign for sign in text)


def _spans(text: str) -> list[tuple[int, int]]:
    sound = text if text.isascii() else encoded(text).decode("utf-8")
    return [(m.start(), min(m.end(), m.start() + _LONGEST)) for m in _compiled()[0].finditer(sound)]
