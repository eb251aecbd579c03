"""Personal data with a structure: e-mail addresses, payment cards, IBANs, phone and US social security numbers.

Time is linear in the text: patterns run in RE2, and every walk has a bound. What has check digits is checked by them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from assay.detect.checksums import IBAN_LENGTH, mod97, payment_card
from assay.detect.findings import masked, separate
from assay.records.errors import ConfigError
from assay.records.findings import Finding

Finder = Callable[[str], Iterator[tuple[int, int]]]

_DIGIT_RUN = r"\d(?:[ \x{A0}-]?\d){12,}"
_IBAN_START = r"\b[A-Za-z]{2}\d{2}"
_US_SSN = r"\b\d{3}([- ])\d{2}([- ])\d{4}\b"
_PHONE = (
    r"\+\d{1,3}(?:[ .\x{A0}/-]?(?:\(\d{1,4}\)|\d{1,4})){2,6}"
    r"|(?:\([2-9]\d{2}\) ?|\b[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}\b"
    r"|\b(?i:tel|phone|telephone|telefon|fon|mobile|mobil|fax|cell)\b"
    r"[.:]{0,2}[ \x{A0}]{0,3}(\(?\d[\d ()/.\x{A0}-]{5,22}\d)"
)

LONGEST_LOCAL_PART = 64
LONGEST_DOMAIN = 255
MOST_GROUPS = 19
"""A card number has at most 19 digits, so it spans at most that many groups."""


@cache
def _compiled(pattern: str) -> Any:
    import re2

    return re2.compile(pattern)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """Around each at sign, as far as RFC 5321 lets an address reach; letters of every script, which no compact pattern
    can hold (in RE2 it took 200,000 states)."""
    at = text.find("@")
    while at >= 0:
        start = at
        while start > 0 and at - start < LONGEST_LOCAL_PART and _in_local_part(text[start - 1]):
            start -= 1
        while start < at and not text[start].isalnum():
            start += 1
        end = _domain_end(text, at + 1)
        if start < at and end:
            yield start, end
        at = text.find("@", at + 1)


def _in_local_part(sign: str) -> bool:
    return sign.isalnum() or sign in "._%+'-"


def _domain_end(text: str, start: int) -> int:
    """The end of the host name with a top-level domain that begins at `start`; 0 where there is none."""
    end = start
    while end < len(text) and end - start < LONGEST_DOMAIN and (text[end].isalnum() or text[end] in ".-"):
        end += 1
    labels: list[str] = []
    for label in text[start:end].split("."):
        if not label or label.startswith("-"):
            break
        labels.append(label.rstrip("-"))
        if len(labels[-1]) < len(label):
            break
    while labels and not (labels[-1].isalpha() and len(labels[-1]) >= 2):
        labels.pop()
    return start + len(".".join(labels)) if len(labels) >= 2 else 0


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Within a run of digit groups a card may stand beside other numbers, so every stretch of groups is tried."""
    for run in _compiled(_DIGIT_RUN).finditer(text):
        # The engine encodes what it is given on each call, so it is given the run and never the whole text again.
        digits, offset = run.group(), run.start()
        groups = [group.span() for group in _compiled(r"\d+").finditer(digits)]
        taken = 0
        for first, (start, _) in enumerate(groups):
            found = 0 if start < taken else _card_end(digits, groups[first : first + MOST_GROUPS])
            if found:
                yield offset + start, offset + found
                taken = found


def _card_end(text: str, groups: Sequence[tuple[int, int]]) -> int:
    """The end of the longest card number that begins with the first group, 0 where there is none."""
    digits, end = "", 0
    for start, stop in groups:
        digits += text[start:stop]
        if len(digits) > MOST_GROUPS:
            break
        if len(digits) >= 13 and payment_card(digits):
            end = stop
    return end


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _compiled(_IBAN_START).finditer(text):
        end = _iban_end(text, match.start())
        if end:
            yield match.start(), end


def _iban_end(text: str, start: int) -> int:
    """The end of the IBAN that begins at `start`, single spaces between its groups allowed; 0 where there is none."""
    length = IBAN_LENGTH.get(text[start : start + 2].upper(), 0)
    signs, at = "", start
    while len(signs) < length and at < len(text):
        sign = text[at]
        if sign.isascii() and sign.isalnum():
            signs += sign.upper()
        elif sign not in (" ", "\xa0") or text[at - 1] == sign:
            return 0
        at += 1
    if not length or len(signs) < length or (at < len(text) and text[at].isascii() and text[at].isalnum()):
        return 0
    return at if mod97(signs) else 0


def _social_security(text: str) -> Iterator[tuple[int, int]]:
    """Numbers that the US administration could have given out: no area 000, 666 or 9xx, no zero group."""
    for match in _compiled(_US_SSN).finditer(text):
        area, group, serial = match.group()[:3], match.group()[4:6], match.group()[7:]
        issued = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
        if issued and match.group(1) == match.group(2):
            yield match.span()


def _phones(text: str) -> Iterator[tuple[int, int]]:
    """International, North American, or announced as a phone; at most 15 digits (ITU-T E.164)."""
    for match in _compiled(_PHONE).finditer(text):
        start, end = match.span(1) if match.group(1) else match.span()
        digits = sum(1 for sign in text[start:end] if sign.isdigit())
        fewest = 7 if match.group(1) else 8
        if fewest <= digits <= 15 and not text[end : end + 1].isdigit():
            yield start, end


RULES = MappingProxyType(
    {"card": _cards, "email": _emails, "iban": _ibans, "phone": _phones, "us_ssn": _social_security}
)
"""Finders by rule id. Where two see the same characters, the more certain one wins: see `check_rules`."""


def check_rules(rules: Sequence[str]) -> tuple[str, ...]:
    """The rules in the order of certainty. Raises ConfigError `detect.unknown_rule`."""
    unknown = sorted(set(rules) - set(RULES))
    if unknown:
        raise ConfigError(
            "detect.unknown_rule",
            "no rule of this name",
            where=", ".join(unknown),
            remedy="one of: " + ", ".join(RULES),
        )
    return tuple(rule for rule in ("card", "iban", "us_ssn", "email", "phone") if rule in rules)


def find(text: str, rules: Sequence[str] = tuple(RULES)) -> tuple[Finding, ...]:
    """Personal data in `text`, without overlap, in reading order. Raises ConfigError for a rule that does not exist."""
    # A lone surrogate has no UTF-8 form; one character takes its place, so that offsets stay.
    sound = text.encode("utf-8", "replace").decode("utf-8")
    found: tuple[Finding, ...] = ()
    for rule in check_rules(rules):
        spans = [Finding(rule, start, end) for start, end in RULES[rule](sound)]
        starts = [one.start for one in found]
        found = separate((*found, *(span for span in spans if not _overlaps(span, found, starts))))
    return found


def redacted(text: str, rules: Sequence[str] = tuple(RULES)) -> tuple[str, tuple[Finding, ...]]:
    """`text` with all personal data masked, and what was found, in the order of finding.

    Masking one number can bare another that was glued to it, so it goes on until there is nothing to find. It ends: a
    finding holds digits or an at sign, and what takes its place holds neither. Spans of later findings count in the
    text as it was masked before.
    """
    every: list[Finding] = []
    while findings := find(text, rules):
        every += findings
        text = masked(text, findings)
    return text, tuple(every)


def _overlaps(span: Finding, found: Sequence[Finding], starts: Sequence[int]) -> bool:
    """Whether `span` touches one of the findings, which are in reading order and do not overlap."""
    after = bisect_left(starts, span.end)
    return after > 0 and found[after - 1].end > span.start
