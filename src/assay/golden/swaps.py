"""Texts with one term for a group of people swapped for another: what a fair system must not notice.

Counterfactual fairness on the surface of a text (Garg et al., "Counterfactual Fairness in Text Classification through
Robustness", 2019). Every form of a term is swapped (adjective and plural), articles and capitals agree, and pronouns go
with gendered names. English; a text in which nothing can be swapped makes no variant.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from assay.golden.swap_terms import AMBIGUOUS, DIALECTS, GENDERED, GROUPS, NAMES, PEOPLE
from assay.records.digest import sha256_json
from assay.records.errors import InputError
from assay.text.lists import word_set

SIGNED = "name"
"""The dimension in which every text gets a line with the name of who asks."""


@dataclass(frozen=True, slots=True)
class Swap:
    """A text before and after; `one` and `other` name the groups, such as `Muslim` and `Christian`."""

    dimension: str
    one: str
    other: str
    before: str = field(repr=False)
    after: str = field(repr=False)
    back: tuple[tuple[str, str], ...] = ()
    """What stands in the new text for what in the old one, so that an answer can be read as one to the old text."""


def swaps(text: str, dimensions: Iterable[str] = (), *, most: int = 12) -> tuple[Swap, ...]:
    """At most `most` swaps of each dimension, drawn by the text itself, so that many texts together have them all; all
    dimensions where none is named. Raises InputError `fairness.unknown_dimension`."""
    wanted = tuple(dimensions) or tuple(DIMENSIONS)
    if unknown := [one for one in wanted if one not in DIMENSIONS]:
        raise InputError(
            "fairness.unknown_dimension", "no terms are known for this", where=", ".join(unknown),
            remedy=f"use some of {', '.join(DIMENSIONS)}",
        )  # fmt: skip
    made: list[Swap] = []
    for dimension in wanted:
        found = [one for one in DIMENSIONS[dimension](text) if one.after != one.before]
        if len(found) > most:
            chance = random.Random(sha256_json([dimension, text]))  # noqa: S311 - drawn again from the text
            found = [found[at] for at in sorted(chance.sample(range(len(found)), most))]
        made += found
    return tuple(made)


def _identity(dimension: str) -> Callable[[str], Iterator[Swap]]:
    """Each group that the text names becomes each other group of the dimension."""

    def made(text: str) -> Iterator[Swap]:
        groups = GROUPS[dimension]
        for name, forms in groups.items():
            if not any(_places(text, form) for form in forms):
                continue
            for other, theirs in groups.items():
                if other != name:
                    pairs = tuple(zip(forms, theirs, strict=True))
                    yield Swap(dimension, name, other, text, swapped(text, pairs), tuple((b, a) for a, b in pairs))

    return made


def swapped(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The text with every whole word or phrase of `pairs` replaced, longest first, with capitals and articles."""
    listed = tuple(pairs)
    to = {one.casefold(): other for one, other in listed}
    proper = {one.casefold() for one, _ in listed if one[0].isupper()}
    if not to:
        return text
    longest = sorted(to, key=lambda one: (-len(one), one))
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest))})(?!\w)", re.IGNORECASE)

    def replaced(found: re.Match[str]) -> str:
        if not _is_meant(text, found):
            return found.group()
        word, other = found.group(), to[found.group().casefold()]
        opens = not text[: found.start()].rstrip() or text[: found.start()].rstrip()[-1] in ".!?"
        if word.casefold() in proper and not word.isupper() and not opens:
            return other  # a name's capital says nothing of the place it stands in
        return _cased(other, word)

    return _articles(pattern.sub(replaced, text), to.values())


def _places(text: str, form: str) -> list[re.Match[str]]:
    pattern = re.compile(rf"(?<!\w){re.escape(form)}(?!\w)", re.IGNORECASE)
    return [found for found in pattern.finditer(text) if _is_meant(text, found)]


def _is_meant(text: str, found: re.Match[str]) -> bool:
    """A word that means other things too counts only before a word for people."""
    if found.group().casefold() not in _AMBIGUOUS:
        return True
    after = re.match(r"\W+(\w+)", text[found.end() :])
    return bool(after and after.group(1).casefold() in PEOPLE)


_AMBIGUOUS = frozenset(one.casefold() for one in AMBIGUOUS)


def _cased(other: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return other.upper()
    if like[0].isupper() and other[0].islower():
        return other[0].upper() + other[1:]
    return other


def _articles(text: str, terms: Iterable[str]) -> str:
    """`a` and `an` before the swapped terms as their first sound asks."""
    starts = "|".join(sorted({re.escape(one) for one in terms}, key=len, reverse=True))

    def fitted(found: re.Match[str]) -> str:
        vowel = found.group(3)[0].casefold() in "aeio" or found.group(3).casefold().startswith(("un", "ugl", "uw"))
        article = "an" if vowel else "a"
        return (article.capitalize() if found.group(1)[0] == "A" else article) + found.group(2) + found.group(3)

    return re.sub(rf"(?<!\w)([Aa]n?)(\s+)({starts})(?!\w)", fitted, text, flags=re.IGNORECASE)


_OF_HER = re.compile(r"\s+(?:own\s+)?[^\W\d_]{3,}")
_NO_NOUN = word_set("and or but if when for with from about into that this the than then because who what how")


def _gender(text: str) -> Iterator[Swap]:
    """Male words, pronouns and known names become female, or the other way round, all at once."""
    male, female = ("male", "female") if _counts(text)[0] >= _counts(text)[1] else ("female", "male")
    to_female = male == "male"
    pairs = [(m, f) if to_female else (f, m) for m, f in GENDERED]
    for names in NAMES.values():
        pairs += zip(names[male], names[female], strict=True)
    made = swapped(_pronouns(text, to_female), pairs)
    yield Swap("gender", male, female, text, made, tuple((b, a) for a, b in pairs))


def _counts(text: str) -> tuple[int, int]:
    words = [word.casefold() for word in re.findall(r"[\w']+", text)]
    male = {one for one, _ in GENDERED} | {"him", "his"}
    female = {other for _, other in GENDERED} | {"her", "hers"}
    for names in NAMES.values():
        male |= {one.casefold() for one in names["male"]}
        female |= {one.casefold() for one in names["female"]}
    return sum(word in male for word in words), sum(word in female for word in words)


def _pronouns(text: str, to_female: bool) -> str:
    """`his` is `her` before a noun and `hers` elsewhere; `her` is `his` before a noun and `him` elsewhere."""

    def replaced(found: re.Match[str]) -> str:
        word = found.group().casefold()
        after = _OF_HER.match(text[found.end() :])
        noun = bool(after) and after is not None and after.group().split()[-1].casefold() not in _NO_NOUN
        to = (
            {"him": "her", "his": "her" if noun else "hers"} if to_female
            else {"her": "his" if noun else "him", "hers": "his"}
        )  # fmt: skip
        return _cased(to.get(word, found.group()), found.group())

    return re.sub(r"(?<!\w)(?:him|his|hers?)(?!\w)", replaced, text, flags=re.IGNORECASE)


def _origin(text: str) -> Iterator[Swap]:
    """Known names of one origin become those of another, of the same gender and place in the lists."""
    for origin, names in NAMES.items():
        mine = [one for kind in names.values() for one in kind]
        if not any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text) for one in mine):
            continue
        for other, theirs in NAMES.items():
            if other != origin:
                pairs = tuple((one, two) for kind in names for one, two in zip(names[kind], theirs[kind], strict=True))
                yield Swap("origin", origin, other, text, swapped(text, pairs), tuple((b, a) for a, b in pairs))


def _signed(text: str) -> Iterator[Swap]:
    """The text of somebody with an English man's name, against that of others."""
    before = signature("english", "male")
    for origin, names in NAMES.items():
        for gender in ("male", "female"):
            if (origin, gender) != ("english", "male"):
                after = signature(origin, gender)
                back = ((names[gender][0], NAMES["english"]["male"][0]), (names["family"][0], "Smith"))
                yield Swap(SIGNED, "english male", f"{origin} {gender}", f"{before} {text}", f"{after} {text}", back)


def signature(origin: str, gender: str) -> str:
    """Such as `My name is James Smith.`"""
    return f"My name is {NAMES[origin][gender][0]} {NAMES[origin]['family'][0]}."


def _dialect(text: str) -> Iterator[Swap]:
    for dialect, changes in DIALECTS.items():
        made = text
        for pattern, to in changes:
            made = re.sub(pattern, to, made, flags=re.IGNORECASE)
        yield Swap("dialect", "standard", dialect, text, made)


DIMENSIONS: dict[str, Callable[[str], Iterator[Swap]]] = {
    "gender": _gender,
    **{name: _identity(name) for name in GROUPS},
    "origin": _origin,
    SIGNED: _signed,
    "dialect": _dialect,
}
