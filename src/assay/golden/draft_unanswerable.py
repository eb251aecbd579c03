"""Near questions that a corpus does not answer: one name put in the place of another, or a fact nobody wrote down.

What people ask in vain is about the right subject; an unanswerable question about something else would be no test
(Rajpurkar et al., "Know What You Don't Know", ACL 2018).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.golden.draft_checks import mentions
from assay.golden.draft_questions import Asked
from assay.records.documents import Chunk
from assay.text.lists import word_set
from assay.text.names import names
from assay.text.tokens import content_stems, words

RECIPE = "golden.unanswerable.v1"
FEWEST = 3
"""A name that fewer chunks hold may be a slip of spelling."""
_USED = re.compile(
    r"\b(?:[Uu]se|[Uu]sing|via|into|[Ii]nstall|[Oo]pen|through|with) ((?:[A-Z][\w.]+)(?: [A-Z][\w.]+)?)(?=[ ,.;:)])"
)
"""What a corpus uses is a tool; `with` may be a person, so `FEWEST` uses are asked for."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact about a tool that a corpus may lack. `cues` are words of which one stands where it is told."""

    kind: str
    question: str
    cues: frozenset[str]


def _cues(text: str) -> frozenset[str]:
    return frozenset(content_stems(text))


FACTS = (
    Missing("cost", "How much does {name} cost per month?", _cues(
        "cost price pricing fee charge pay paid payment budget dollar usd eur free subscription licence license "
        "invoice expense billing seat plan spend money")),
    Missing("author", "Who first proposed using {name}?", _cues(
        "propose proposal suggest introduce decide choose chose founder author rfc switch adopt move")),
    Missing("since", "In which year did we start using {name}?", _cues(
        "since year start began begin introduce launch adopt switch migrate move founded")),
    Missing("end", "What is going to replace {name} next year?", _cues(
        "replace deprecate migrate retire successor sunset switch move alternative instead")),
    Missing("count", "How many people use {name} every day?", _cues(
        "people users employees teams customers engineers daily active everyone")),
    Missing("outage", "When was the last outage of {name}?", _cues(
        "outage down downtime incident unavailable failure")),
    Missing("language", "Which programming language is {name} written in?", _cues(
        "written language go golang python java javascript typescript ruby rust codebase source code")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Near:
    """A question that should have no answer, `why` in words, and the chunk that it comes near."""

    question: str
    kind: str
    why: str
    chunk: Chunk
    recipe: str = RECIPE


def tools_of(chunks: Sequence[Chunk]) -> list[str]:
    """Names of what a corpus uses, several times, in order of the alphabet."""
    used = Counter(name.rstrip(".") for chunk in chunks for name in _USED.findall(chunk.text))
    return sorted(name for name, count in used.items() if count >= FEWEST and not _is_common(name))


def missing_facts(chunks: Sequence[Chunk], rng: Any) -> Iterator[Near]:
    """Questions for facts about the tools that a corpus names, where no chunk that names the tool has a cue of the
    fact, nor a number where one is asked for. In an order that the generator `rng` decides."""
    tools = tools_of(chunks)
    orders = [rng.permutation(len(tools)) for _ in FACTS]
    for tool, fact in (
        (tools[order[at]], fact) for at in range(len(tools)) for order, fact in zip(orders, FACTS, strict=True)
    ):
        where = mentions(tool, chunks)
        told = frozenset(stem for chunk in where for stem in content_stems(f"{chunk.title} {chunk.text}"))
        if where and not fact.cues & told:
            why = f"no passage that names it tells of its {fact.kind}"
            yield Near(fact.question.format(name=tool), "missing", why, where[0])


def _is_common(name: str) -> bool:
    return words(name)[0] in _COMMON if words(name) else True


_COMMON = word_set("the a an your our this that these all any each you we i if it for and or no new")


def swapped(asked: Sequence[Asked], chunks: Sequence[Chunk], rng: Any) -> Iterator[Near]:
    """Questions in which one tool gave way to another of the corpus that never stands with the rest of the question."""
    pool = tools_of(chunks)
    for at in rng.permutation(len(asked)):
        one = asked[at]
        inside = [name.text for name in names(one.question) if name.text in pool]
        if not inside or len(pool) < 2:
            continue
        old = inside[int(rng.integers(len(inside)))]
        other = _stranger(one, old, pool, chunks, rng)
        if other:
            question = one.question.replace(old, other)
            yield Near(question, "swapped", "one name stands in the place of another", one.chunk)


def _stranger(asked: Asked, old: str, pool: Sequence[str], chunks: Sequence[Chunk], rng: Any) -> str:
    """A name of as many words that no passage brings together with half of what else is asked."""
    rest = frozenset(content_stems(asked.question.replace(old, " ")))
    for _ in range(5):
        name = pool[int(rng.integers(len(pool)))]
        if len(name.split()) != len(old.split()) or name in asked.question or name in asked.quote:
            continue
        near = (frozenset(content_stems(chunk.text)) for chunk in mentions(name, chunks))
        if all(len(rest & stems) < max(1, len(rest) / 2) for stems in near):
            return name
    return ""
