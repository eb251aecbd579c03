"""Names of groups of people made one, so that a score cannot depend on which group a sentence is about."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Plural names, names of one person, and adjectives; slurs are no names and stay what they are.
_MANY = (
    r"women|females|men|girls|boys|gays|lesbians|homosexuals|bisexuals|transsexuals|blacks|muslims|jews|christians|hindus"
    r"|sikhs|buddhists|catholics|atheists|immigrants|migrants|refugees|foreigners|asians|arabs|mexicans|latinos|africans"
    r"|african americans|native americans|roma|people with disabilities|whites"
)
_ONE = (
    r"woman|female|girl|lesbian|homosexual|transsexual|muslim|jew|christian|hindu|sikh|buddhist|catholic|atheist"
    r"|immigrant|migrant|refugee|foreigner|asian|arab|mexican|latino|latina|african|african american|native american"
)
_KIND = (
    r"trans|transgender|gay|bisexual|queer|black|white|disabled|jewish|female|muslim|immigrant|migrant|refugee|asian"
    r"|arab|mexican|african|foreign|lesbian|christian|hindu|blind|deaf"
)
_PEOPLE, _PERSON = r"people|folks?|men|women|guys|persons", r"person|man|woman|guy|human being"


@cache
def _patterns() -> tuple[tuple[Any, str], ...]:
    import re2

    return (
        (re2.compile(rf"\b(?:{_MANY}|(?:{_KIND}) (?:{_PEOPLE}))\b"), "qgroup"),
        (re2.compile(rf"\b(?:an? )?(?:{_ONE}|(?:{_KIND}) (?:{_PERSON}))\b"), "a qmember"),
        (re2.compile(rf"\b(?:{_KIND})\b"), "qkind"),
    )


def without_groups(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A window's case-folded code points with each name of a group replaced by one and the same word."""
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    for pattern, word in _patterns():
        text = pattern.sub(word, text)
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
