"""Where sentences start and end, as offsets into the text, in one pass over it."""

from __future__ import annotations

import re

from assay.text.lists import word_set

_STOP = re.compile(r"[.!?…。！？｡\n\x0b\x0c\x85\u2028\u2029]")
_LINE_ENDS = frozenset("\n\x0b\x0c\x85\u2028\u2029")
_CJK_STOPS = frozenset("。！？｡")
_CLOSERS = frozenset("\"'”’»«)]}›」』）】》*_`")
_OPENERS = "\"'“‘«»([{‹„‚「『（【《*_`"
_NOTE = re.compile(r"\[\d{1,4}\]")
_BULLET = re.compile(r"[-*+•‣◦▪●–—·]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s|#{1,6}\s|>\s?|\[[ xX]\]\s")
_MARKS = re.compile(r"(?:[-*+•‣◦▪●·>|]\s*(?=\s|\|)\s*|#{1,6}\s+|\(?(?:\d{1,2}|[a-zA-Z])[.)]\s+|\[[ xX]\]\s+)*")
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])$")
_MIN_WRAPPED = 50
"""A line shorter than this that ends without punctuation was ended on purpose, not wrapped by an editor or a PDF."""
_WORD_BEFORE = 24
"""No abbreviation is longer, so looking back is bounded and the whole pass stays linear."""

_ABBREVIATIONS = word_set(
    # titles, references and Latin: these stand before a capital letter inside a sentence
    "mr mrs ms dr prof sr jr st gen col sgt capt lt cmdr rev hon gov sen rep pres messrs mme mlle "
    "vs v cf al ca approx esp incl excl ed eds vol no nos nr fig figs eq eqs ch sec art pp p par app ref refs "
    "inc ltd co corp dept est min max avg tel ext "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun "
    # German
    "bzw usw evtl ggf vgl bspw abs abschn anm aufl bd hr hrn fr frl ing dipl ges gem inkl exkl zzgl mind sog str tel "
    "uvm zb ua dh od art nr ziff jh jhd mio mrd "
    # French, Spanish
    "m mm env av ex sra srta dña ud uds pág núm"
)
_MAY_END = word_set("inc ltd co corp usw etc jr sr uvm al no max min app ref st dec mar art ex sun")
"""Abbreviations that end a sentence often enough: a following sentence opener decides."""
_STARTERS = word_set(
    "the a an it its in on at he she they we you i this that these those there here however but and if when while "
    "after before as for from to with by his her their our your what who why how where which some many most all "
    "der die das ein eine es er sie wir ihr ich dies diese dieser dieses im in am an auf bei nach vor wenn als und "
    "aber jedoch le la les un une il elle ils el los las"
)
_MONTHS = word_set(
    "januar jänner februar märz april mai juni juli august september oktober november dezember "
    "jan feb mrz apr jun jul aug sep sept okt nov dez"
)
_ORDINAL_LANGUAGES = frozenset({"de", "da", "no", "nb", "fi", "cs", "hu"})


def sentence_spans(text: str, language: str = "") -> tuple[tuple[int, int], ...]:
    """Offsets `(start, end)` of every sentence, in order, trimmed of white space, together covering all other text.

    A blank line, a list item, a heading and a table row each end a unit; a line break inside a wrapped paragraph does
    not. Full stops in decimals, initials, abbreviations, file names and German ordinals end nothing. CJK full stops
    end a sentence without a following space. `language` is a BCP 47 primary tag; empty means unknown.
    Time is linear in the text's length.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _STOP.finditer(text):
        at = match.start()
        if at < start:
            continue
        end = _line_end(text, start, at) if text[at] in _LINE_ENDS else _stop_end(text, start, at, language)
        if end is not None:
            _keep(text, start, end, spans)
            start = end
    _keep(text, start, len(text), spans)
    return tuple(spans)


def after_marks(text: str, start: int = 0) -> int:
    """Where the words of a unit begin: after its list bullet, number, heading or quotation mark, if it has one."""
    match = _MARKS.match(text, start)
    return match.end() if match else start


def _keep(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    if left < right:
        spans.append((start + left, start + right))


def _line_end(text: str, start: int, at: int) -> int | None:
    """The end of the unit when the line break at `at` ends one, else None."""
    line_start = max(start, text.rfind("\n", start, at) + 1)
    line = text[line_start:at].strip()
    following = _line_after(text, at + 1)
    if not line or not following:
        return at + 1
    if _is_row(line) or _is_row(following) or _BULLET.match(following) or line.startswith("#"):
        return at + 1
    if following[0].islower():
        return None
    if line[-1] in ":;" or len(line) < _MIN_WRAPPED:
        return at + 1
    return None


def _line_after(text: str, at: int) -> str:
    """The beginning of the next line, stripped on the left; empty when that line is blank. Looks at 80 characters."""
    head = text[at : at + 80]
    newline = head.find("\n")
    if newline >= 0:
        head = head[:newline]
    return head.strip()


def _is_row(line: str) -> bool:
    return line.startswith("|") or line.count("|") > 1 or "\t" in line


def _stop_end(text: str, start: int, at: int, language: str) -> int | None:
    """The end of the sentence when the stop at `at` ends one, else None."""
    end = at + 1
    while end < len(text) and text[end] in ".!?…。！？｡":
        end += 1
    while end < len(text) and text[end] in _CLOSERS:
        end += 1
    while note := _NOTE.match(text, end):
        end = note.end()
    if text[at] in _CJK_STOPS or end >= len(text):
        return end
    if not text[end].isspace():
        return None
    following = text[end : end + 60].lstrip()
    if not following or "\n" in text[end : end + 60][: 60 - len(following)]:
        return None if _is_list_number(text, start, at) else end
    first = following.lstrip(_OPENERS)[:1]
    if first.islower():
        return None
    if text[at] == "." and end == at + 1 and _is_short_for(text, start, at, following, language):
        return None
    return end


def _is_list_number(text: str, start: int, at: int) -> bool:
    head = text[start:at].lstrip() if at - start < _WORD_BEFORE else ""
    return text[at] == "." and _NUMBERED.match(head) is not None


def _is_short_for(text: str, start: int, at: int, following: str, language: str) -> bool:
    """True when the full stop at `at` belongs to the word before it: a list number, an initial, an abbreviation."""
    if _is_list_number(text, start, at):
        return True
    before = text[max(start, at - _WORD_BEFORE) : at].split()
    word = before[-1].lstrip(_OPENERS) if before else ""
    next_word = (following.lstrip(_OPENERS).split(maxsplit=1) or [""])[0].rstrip(".,;:")
    opens = next_word.casefold() in _STARTERS
    if word.isdigit() and len(word) <= 3:
        return next_word.casefold() in _MONTHS or (language in _ORDINAL_LANGUAGES and len(word) <= 2 and not opens)
    if len(word) == 1 and word.isalpha():
        return word.isupper() or not opens
    if "." in word and len(word) <= 8 and all(len(part) <= 2 and part.isalpha() for part in word.split(".")):
        return not opens
    folded = word.casefold()
    return folded in _ABBREVIATIONS and not (opens and folded in _MAY_END)
