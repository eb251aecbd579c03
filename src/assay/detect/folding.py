"""Text in disguise: numbers in other digits, full width or with invisible signs between, found through normalisation.

Only stretches round such signs are normalised, so that plain text costs one look for them. Offsets are those of the
original, by the map that the normalisation keeps.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from assay.detect.context import latin
from assay.detect.engine import Engine, Work
from assay.records.findings import Finding
from assay.text.normalise import Normalised, normalise

# UTF-8 of signs that hide what a number or an address is: soft hyphen; zero width and direction marks; word joiner and
# its neighbours; byte order mark; variation selectors; full width digits, letters, at sign, stop and hyphen;
# mathematical letters and digits; tags; digits of Arabic, Persian, Devanagari, Bengali and Thai.
_DISGUISES = (
    rb"\xc2\xad|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xef\xb8[\x80-\x8f]"
    rb"|\xef\xbc[\x8d\x8e\x90-\x99\xa0-\xba]|\xef\xbd[\x81-\x9a]|\xf0\x9d[\x90-\x9f][\x80-\xbf]|\xf3\xa0[\x80\x81][\x80-\xbf]"
    rb"|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9]|\xe0\xa5[\xa6-\xaf]|\xe0\xa7[\xa6-\xaf]|\xe0\xb9[\x90-\x99]"
)
MARGIN = 160
"""Characters beside a disguised sign that are looked at with it."""


@cache
def _disguises() -> Any:
    import re2

    return re2.compile(rb"(?:" + _DISGUISES + rb")+", latin(groups=False))._regexp.Match


def disguised(text: str, data: bytes, engine: Engine, work: Work | None = None) -> tuple[Finding, ...]:
    """Findings that only normalisation brings out, with their spans in `text`, whose UTF-8 is `data`."""
    found: list[Finding] = []
    for start, end in _stretches(text, data):
        plain = normalise(text[start:end])
        shown = "".join(_digit(sign) for sign in plain.text)
        for one in engine.find(shown, work):
            first, last = _original(plain, one.start, one.end)
            first, last = start + first, start + last
            cut = (one.start == 0 and start > 0) or (one.end == len(shown) and end < len(text))
            if not cut and text[first:last] != shown[one.start : one.end]:
                found.append(Finding(one.rule_id, first, last, one.version, one.score, one.basis))
    return tuple(found)


def _stretches(text: str, data: bytes) -> Iterator[tuple[int, int]]:
    """Stretches of the text round disguised signs, apart from one another."""
    import re2

    match = _disguises()
    at = counted = characters = 0
    start = end = -1
    while (span := match(re2._Anchor.UNANCHORED, data, at, len(data))[0])[0] >= 0:
        characters += len(data[counted : span[0]].translate(None, _CONTINUING))
        hit = characters
        characters += len(data[span[0] : span[1]].translate(None, _CONTINUING))
        counted = at = span[1]
        if end < 0:
            start = max(hit - MARGIN, 0)
        elif hit - MARGIN > end:
            yield start, end
            start = hit - MARGIN
        end = min(characters + MARGIN, len(text))
    if end >= 0:
        yield start, end


_CONTINUING = bytes(range(0x80, 0xC0))


def _digit(sign: str) -> str:
    if sign.isascii():
        return sign
    value = unicodedata.decimal(sign, None)
    return sign if value is None else str(value)


def _original(plain: Normalised, start: int, end: int) -> tuple[int, int]:
    """The span of the original, without copying what comes after it."""
    last, at = plain.origins[end - 1], end
    while at < len(plain.origins) - 1 and plain.origins[at] <= last:
        at += 1
    return plain.origins[start], plain.origins[at]
