"""How far a candidate reaches in the text: card numbers among others, IBANs in groups, e-mail addresses, links."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from assay.detect.checksums import IBAN_LENGTH, mod97, payment_card

LONGEST_LOCAL_PART = 64
LONGEST_DOMAIN = 255
LONGEST_LINK = 2048
MOST_DIGITS = 19
"""A card number has at most 19 digits."""

_SPACES = (b" ", b"\xc2\xa0")
_LOCAL_SIGNS = "._%+'-"
LINK_SIGNS = "[^\\x00-\\x20\"'<>`{}|\\\\^]"
"""What can stand in a link as people paste it."""
_TRAILING = b".,;:!?*_~"
_OPENED = {ord(")"): ord("("), ord("]"): ord("[")}


def card(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The longest card number that begins with the first group of digits and ends with a group."""
    whole = data[start:end]
    if whole.isdigit():
        alone = not data[end : end + 1].isdigit() and payment_card(whole.decode("ascii"))
        return (start, end) if alone else None
    digits, best, at = "", 0, start
    while at < end and len(digits) <= MOST_DIGITS:
        sign = data[at]
        if 48 <= sign <= 57:
            digits += chr(sign)
            closed = at + 1 == len(data) or not 48 <= data[at + 1] <= 57
            if closed and 12 <= len(digits) <= MOST_DIGITS and payment_card(digits):
                best = at + 1
        at += 1
    return (start, best) if best else None


def iban(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """An IBAN of its country's length, single spaces between its groups allowed."""
    length = IBAN_LENGTH.get(data[start : start + 2].decode("ascii").upper(), 0)
    signs, at, spaced = "", start, False
    while len(signs) < length and at < min(end + 2, len(data)):
        sign = data[at : at + 1]
        if sign.isalnum():
            signs, spaced = signs + sign.decode("ascii").upper(), False
        elif spaced or data[at : at + 1] not in (b" ", b"\xc2", b"-"):
            return None
        elif sign == b"\xc2":
            if data[at : at + 2] not in _SPACES:
                return None
            at, spaced = at + 1, True
        else:
            spaced = True
        at += 1
    if not length or len(signs) < length or data[at : at + 1].isalnum() or not mod97(signs):
        return None
    return start, at


def email(data: bytes, start: int, _end: int) -> tuple[int, int] | None:
    """Around an at sign, as far as RFC 5321 lets an address reach; letters of every script."""
    before = data[max(start - 4 * LONGEST_LOCAL_PART, 0) : start].decode("utf-8", "ignore")
    local = _local_part(before)
    if not local:
        return None
    after = data[start + 1 : start + 1 + 4 * LONGEST_DOMAIN].decode("utf-8", "ignore")
    domain = _domain(after)
    if not domain:
        return None
    return start - len(local.encode()), start + 1 + len(domain.encode())


def _local_part(before: str) -> str:
    at = len(before)
    first = max(at - LONGEST_LOCAL_PART, 0)
    while at > first and (before[at - 1].isalnum() or before[at - 1] in _LOCAL_SIGNS):
        at -= 1
    while at < len(before) and not before[at].isalnum():
        at += 1
    return before[at:]


def _domain(after: str) -> str:
    """The host name with a top-level domain at the start of `after`; empty where there is none."""
    end = 0
    while end < min(len(after), LONGEST_DOMAIN) and (after[end].isalnum() or after[end] in ".-"):
        end += 1
    labels: list[str] = []
    for label in after[:end].split("."):
        if not label or label.startswith("-"):
            break
        labels.append(label.rstrip("-"))
        if len(labels[-1]) < len(label):
            break
    while labels and not ((labels[-1].isalpha() or labels[-1][:4] == "xn--") and len(labels[-1]) >= 2):
        labels.pop()
    return ".".join(labels) if len(labels) >= 2 else ""


def link(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Without the marks of a sentence or of Markdown that follow it: a bracket is its own where it opened one."""
    while True:
        while data[end - 1] in _TRAILING:
            end -= 1
        opened = _OPENED.get(data[end - 1])
        if opened is None or data.count(data[end - 1], start, end) <= data.count(opened, start, end):
            break
        end -= 1
    slashes = data.find(b"://", start, start + 8)
    host = data[slashes + 3 if slashes >= 0 else start : end]
    return (start, end) if host[:1].isalnum() or host[:1] == b"[" or host[:1] > b"\x7f" else None


def internet_address(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """An address of version 4 or 6 that nothing longer holds: no fifth number, no word beside it."""
    if data[end : end + 1] in (b".", b":") and data[end + 1 : end + 2].isalnum():
        return None
    if data[start - 1 : start] in (b".", b":", b"-", b"_", b"/") and data[start - 2 : start - 1].isalnum():
        return None
    try:
        ip_address(data[start:end].decode("ascii"))
    except ValueError:
        return None
    return start, end


def until(closing: bytes, longest: int) -> Callable[[bytes, int, int], tuple[int, int] | None]:
    """An extent that ends with `closing`, or with what was matched where that does not come within `longest` bytes."""

    def extent(data: bytes, start: int, end: int) -> tuple[int, int]:
        at = data.find(closing, end, end + longest)
        if at < 0:
            return start, end
        line = data.find(b"-----", at + len(closing), at + len(closing) + 64)
        return start, (line + 5 if line >= 0 else at + len(closing))

    return extent


def hardware_address(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Six pairs that no seventh follows or precedes."""
    beside = data[end : end + 1] + data[start - 1 : start]
    return None if b":" in beside or b"-" in beside else (start, end)


def number_begins(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """A number that is not the rest of a longer one, nor an amount of money."""
    before = data[max(start - 2, 0) : start]
    if before[-1:] in (b".", b",", b"/") and before[:1].isdigit():
        return None
    if before[-1:] in (b"-", b"_") and before[:1].isalnum():
        return None
    return None if before[-1:] == b"$" or before in (b"\x82\xac", b"\xc2\xa3") else (start, end)


def number_alone(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """As `number_begins`, and no digit follows behind a hyphen or a stroke."""
    if number_begins(data, start, end) is None:
        return None
    return None if data[end : end + 1] in (b"-", b"/") and data[end + 1 : end + 2].isdigit() else (start, end)


_LONGEST_WORD = 48
_BREAKS = b' \t\r\n,;:()[]{}<>"|/*_='


def joined_street(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """From the beginning of the name that a kind of street ends: one word, or the word before where it stands apart."""
    first = _word_start(data, start)
    if first == start:  # the kind of street is a word of its own
        first = _word_start(data, start - 1) if data[start - 1 : start] in (b" ", b"-") else start
    if first == start or not (65 <= data[first] <= 90 or 0xC3 <= data[first] <= 0xD4):
        return None
    return first, end


def _word_start(data: bytes, end: int) -> int:
    start = end
    while start > 0 and end - start < _LONGEST_WORD and data[start - 1] not in _BREAKS:
        start -= 1
    return start


def preceded(count: int) -> Callable[[bytes, int, int], tuple[int, int] | None]:
    """An extent that takes `count` letters, digits, `_`, `~` or `.` before what was matched, and is nothing without."""

    def extent(data: bytes, start: int, end: int) -> tuple[int, int] | None:
        before = data[max(start - count, 0) : start]
        sound = len(before) == count and before.translate(None, b"_~.").isalnum()
        return (start - count, end) if sound else None

    return extent
