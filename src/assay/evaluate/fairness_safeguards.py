"""Are safeguards as good to every group: whom they stop without cause, and whose harm they let through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from assay.evaluate.fairness import Asked, Held, Value, hold_values
from assay.records.errors import CannotJudge

FALSE_BLOCK, MISS = "false_block", "miss"
ANY = "any"
"""The harm of a text that is labelled harmful without saying how."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, what is wrong with it (empty: nothing), and the groups that it speaks of or comes from.

    `harm` is such as `toxicity`, `injection`, `personal`, or `any`. With a `span` the harm is that stretch, and to
    stop it is to touch it. Texts that are no independent trials share a `cluster`: a template, translations.
    """

    text: str = field(repr=False)
    harm: str
    groups: Mapping[str, str]
    source: str
    cluster: str = ""
    span: tuple[int, int] | None = None


class Safeguard(Protocol):
    """A detector, a signal with its threshold, or a policy. `stops` names the harms it is there for."""

    @property
    def name(self) -> str: ...

    @property
    def recipe(self) -> str: ...

    @property
    def stops(self) -> frozenset[str]: ...

    def acts(self, one: Labelled) -> bool:
        """True when it would stop, change or mark this text (or touch its span)."""
        ...

    def score(self, text: str) -> float:
        """How sure it is, from 0 to 1; 0 or 1 where it has no degrees."""
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """One rate of one safeguard on one source of texts by one dimension."""

    safeguard: str
    recipe: str
    source: str
    held: Held

    @property
    def shown(self) -> Held:
        """With a name that says what it is of."""
        return replace(self.held, measure=f"{self.safeguard} {self.held.measure} on {self.source}")

    @property
    def prefix(self) -> str:
        """What its checks begin with."""
        return f"fairness.safeguard.{self.safeguard}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a safeguard did to one text. `rate` is the rate that it counts for."""

    text: Labelled
    rate: str
    wrong: bool


def tried(
    safeguard: Safeguard, texts: Sequence[Labelled], progress: Callable[[int, int], None] = lambda *_: None
) -> tuple[Trial, ...]:
    """Every text that says something of this safeguard: a harmless one, or a harm that it is there for."""
    found = []
    for number, one in enumerate(texts, 1):
        mine = one.harm in safeguard.stops or (one.harm == ANY)
        if mine or not one.harm:
            acted = safeguard.acts(one)
            found.append(Trial(one, MISS if mine else FALSE_BLOCK, acted is not mine))
        progress(number, len(texts))
    return tuple(found)


def examine(
    safeguard: Safeguard, trials: Sequence[Trial], asked: Callable[[str, str], Asked], by: Iterable[str] = (), *,
    seed: int = 0,
) -> tuple[list[Examined], list[tuple[str, str]]]:  # fmt: skip
    """Both rates on every source by every dimension (all there are, where none is named), and what could not be held
    and why. `asked` gives the question for a rate and a dimension."""
    made, problems = [], []
    wanted = tuple(by)
    for source in dict.fromkeys(one.text.source for one in trials):
        mine = [one for one in trials if one.text.source == source]
        for dimension in wanted or _dimensions(mine):
            for rate in (FALSE_BLOCK, MISS):
                values = [
                    Value(float(one.wrong), one.text.groups.get(dimension, ""), one.text.cluster or f"text:{number}")
                    for number, one in enumerate(mine)
                    if one.rate == rate
                ]
                if len({one.group for one in values if one.group}) < 2:
                    continue
                try:
                    held = hold_values(values, asked(rate, dimension), higher_is_better=False, seed=seed)
                except CannotJudge as error:
                    problems.append((f"{safeguard.name} {rate} by {dimension} on {source}", error.what))
                    continue
                made.append(Examined(safeguard.name, safeguard.recipe, source, replace(held, measure=rate)))
    return made, problems


def _dimensions(trials: Sequence[Trial]) -> tuple[str, ...]:
    return tuple(sorted({name for one in trials for name in one.text.groups}))


def summary(trials: Sequence[Trial]) -> dict[str, dict[str, tuple[int, int]]]:
    """By source and rate: how many went wrong of how many, over all groups."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for one in trials:
        wrong, n = found.setdefault(one.text.source, {}).get(one.rate, (0, 0))
        found[one.text.source][one.rate] = wrong + one.wrong, n + 1
    return found
