"""Finds what a set of rules describes, in one pass over a text and in linear time.

One automaton over all rules runs along the text and stops where a candidate begins. There a second one, anchored, tells
which rules match, and each of these looks at no more than its reach. So the work is bounded by the number of places at
which a candidate can begin times the reach of the rules, whatever the text is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from assay.detect.context import BEFORE, Surroundings, inside_link, latin, words_after, words_before
from assay.detect.rules import Rule, compacted
from assay.records.findings import Basis, Finding

WINDOW = 192
"""Bytes from a candidate's beginning by which the rules that match there are told; a longer shape shows in its head."""
_OPENING = b"+("
"""Signs with which a number begins; behind a letter or a digit they do not."""
_PROVED = 0.99
_OTHER = "other"
_RAISE = 0.1
"""What a word that speaks for a rule adds to its score."""
_FARTHEST = 0.2
"""What a rule that rests on such a word loses when it stands at the edge of what counts as near."""


@dataclass(slots=True)
class Work:
    """What a scan did: candidates looked at, and the bytes that they made it read."""

    candidates: int = 0
    bytes_read: int = 0


def encoded(text: str) -> bytes:
    """UTF-8. A lone surrogate has no form there; one character takes its place, so that offsets stay."""
    return text.encode("utf-8", "replace")


class Candidate(NamedTuple):
    """Bytes `start` to `end` match the rule with this number, with this score."""

    rule: int
    start: int
    end: int
    score: float
    basis: Basis


class Engine:
    """Compiled rules. Building one takes some milliseconds; it can be used from several threads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        import re2

        self.rules = tuple(rules)
        self._window = min(max((rule.reach for rule in rules), default=1), WINDOW)
        begins = "|".join(dict.fromkeys(rule.begins for rule in self.rules))
        # The calls under re2's own Python layer: it makes a match object and looks up groups for each hit, which cost
        # more than the automaton.
        self._unanchored = re2._Anchor.UNANCHORED
        self._anchored = re2._Anchor.ANCHOR_START
        self._next = re2.compile(begins.encode(), latin(groups=False))._regexp.Match
        which = re2.Set.MatchSet(latin())
        for rule in self.rules:
            which.Add((rule.starts if rule.starts and rule.reach > WINDOW else rule.shape).encode())
        which.Compile()
        self._which = which._set.Match
        self._shapes = [re2.compile(rule.shape.encode(), latin())._regexp.Match for rule in self.rules]
        groups = {group for rule in self.rules for group in rule.context}
        self._surroundings = Surroundings(frozenset(groups | {_OTHER} if groups else ()))

    def find(self, text: str, work: Work | None = None) -> tuple[Finding, ...]:
        """Findings without overlap, in reading order: see `find_in`."""
        data = encoded(text)
        return self.find_in(data, work, plain=len(data) == len(text))

    def find_in(self, data: bytes, work: Work | None = None, *, plain: bool = False) -> tuple[Finding, ...]:
        """Findings in UTF-8 bytes, their spans in code points; `plain` says that each of these is one byte.

        Of two that overlap the one that encloses by its nature wins (a link, a private key), then the higher score,
        then the longer, then the one whose rule stands first.
        """
        candidates = self.separate(self.candidates(data, work))
        if not candidates:
            return ()
        if not plain:
            offsets = _characters(data, candidates)
            return tuple(self._finding(one, offsets[one.start], offsets[one.end]) for one in candidates)
        return tuple(self._finding(one, one.start, one.end) for one in candidates)

    def _finding(self, one: Candidate, start: int, end: int) -> Finding:
        rule = self.rules[one.rule]
        return Finding(rule.rule_id, start, end, rule.version, one.score, one.basis)

    def candidates(self, data: bytes, work: Work | None = None) -> list[Candidate]:
        """All that the rules match in UTF-8 bytes, by rule without overlap, in the order of their beginnings."""
        found: list[Candidate] = []
        ends: dict[str, int] = {}
        at, end, following, unanchored = 0, len(data), self._next, self._unanchored
        while at < end:
            begin = following(unanchored, data, at, end)[0][0]
            if begin < 0:
                break
            at = begin + 1
            matched = self._which(data[begin : begin + self._window])
            if work is not None:
                work.candidates += 1
                work.bytes_read += self._window + sum(self.rules[number].reach for number in matched)
            if not matched:
                continue
            for one in self._at(data, begin, matched):
                rule = self.rules[one.rule]
                if one.start >= ends.get(rule.rule_id, 0):
                    ends[rule.rule_id] = one.end
                    found.append(one)
                    if rule.whole:
                        at = max(at, one.end)
        return found

    def _at(self, data: bytes, begin: int, matched: Sequence[int]) -> Sequence[Candidate]:
        """Candidates of the rules that match here, the best first."""
        inside = begin > 0 and data[begin - 1 : begin].isalnum()
        seen = ""
        around: _Around | None = None
        found: list[Candidate] = []
        for number in sorted(matched):
            rule = self.rules[number]
            if rule.rule_id == seen or (inside and (rule.at_word or data[begin] in _OPENING)):
                continue
            if rule.context:
                if around is None:
                    around = _Around(self._surroundings, data, begin)
                if rule.needs and (around.in_link or (not rule.follows and not around.speaks_for(rule))):
                    continue
            start, end = self._shapes[number](self._anchored, data, begin, min(begin + rule.reach, len(data)))[-1]
            if start < 0:
                continue
            if rule.extent is not None:
                span = rule.extent(data, start, end)
                if span is None:
                    continue
                start, end = span
            if rule.check is not None and not _holds(rule, data[start:end]):
                continue
            score = rule.score
            if around is not None and rule.context:
                score = around.score(rule, end)
                if score <= 0:
                    continue
            basis = rule.basis
            if rule.proof is not None and rule.proof(data[start:end].decode("utf-8", "ignore")):
                score, basis = _PROVED, Basis.CHECKED
            seen = rule.rule_id  # its forms stand in the order of their certainty
            found.append(Candidate(number, start, end, score, basis))
        if len(found) > 1:
            found.sort(key=self._rank)
        return found

    def _rank(self, one: Candidate) -> tuple[bool, float, int, int, int]:
        return not self.rules[one.rule].whole, -one.score, one.start - one.end, one.start, one.rule

    def separate(self, candidates: list[Candidate]) -> list[Candidate]:
        """Those that win where candidates overlap, in reading order."""
        if all(before.end <= after.start for before, after in pairwise(candidates)):
            return candidates
        kept: list[Candidate] = []
        first = min(one.start for one in candidates)
        taken = bytearray(max(one.end for one in candidates) - first)
        for one in sorted(candidates, key=self._rank):
            if taken.find(1, one.start - first, one.end - first) < 0:
                taken[one.start - first : one.end - first] = b"\x01" * (one.end - one.start)
                kept.append(one)
        kept.sort(key=lambda one: one.start)
        return kept


def _holds(rule: Rule, value: bytes) -> bool:
    text = value.decode("utf-8", "ignore")
    assert rule.check is not None
    return rule.check(compacted(text) if rule.compact else text)


class _Around:
    """The words before one place, and those after a span when a rule asks."""

    def __init__(self, surroundings: Surroundings, data: bytes, start: int) -> None:
        self._surroundings = surroundings
        self._data = data
        self._before = words_before(data, start)
        self._groups = surroundings.groups(self._before)
        self.in_link = inside_link(data, start)

    def speaks_for(self, rule: Rule) -> bool:
        """Whether a word of the rule's stands before the place."""
        return not self._groups.isdisjoint(rule.context)

    def score(self, rule: Rule, end: int) -> float:
        """The rule's score by the words around; 0 where it needs one and none speaks for it."""
        if not rule.needs:
            return min(rule.score + _RAISE, 1.0) if self.speaks_for(rule) else rule.score
        near = tuple(group for group in rule.context if group in self._groups)
        if near:
            distance = self._surroundings.distance(self._before, near)
            if _OTHER in self._groups and self._surroundings.distance(self._before, (_OTHER,)) < distance:
                return 0.0
            return rule.score - _FARTHEST * distance / BEFORE
        if rule.follows and self._surroundings.groups(words_after(self._data, end)).intersection(rule.context):
            return rule.score - _FARTHEST
        return 0.0


_CONTINUING = bytes(range(0x80, 0xC0))


def _characters(data: bytes, candidates: Sequence[Candidate]) -> dict[int, int]:
    """Offsets in code points of the beginnings and ends of candidates, in one walk along the bytes."""
    offsets: dict[int, int] = {}
    at = characters = 0
    for place in sorted({*(one.start for one in candidates), *(one.end for one in candidates)}):
        characters += len(data[at:place].translate(None, _CONTINUING))
        at = place
        offsets[place] = characters
    return offsets
