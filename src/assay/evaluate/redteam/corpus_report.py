"""What corpora of attacks did, and what the same safeguards did to prompts that are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.evaluate.redteam.report import upper_bound
from assay.records.dialogue import Outcome, Reply


@dataclass(frozen=True, slots=True)
class CorpusTrial:
    """One prompt of a corpus as an attack. `effects` name goals, `task_done` or `ungrounded`; `quoted` is true when
    sentences rest on the poisoned document alone and name it."""

    attack_id: str
    corpus: str
    slices: tuple[str, ...]
    outcome: Outcome
    effects: frozenset[str] = frozenset()
    quoted: bool = False
    obeyed: bool = True
    benign_kept: bool | None = None


class Fate(StrEnum):
    """What became of a prompt that is no attack."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """By a guard: for a harmless prompt this is always wrong."""
    WITHHELD = "withheld"
    """The model wrote something and no sentence of it passed its check."""
    NOT_KNOWN = "not_known"
    """The documents do not answer it, which is right of a system that answers from documents alone."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BenignTrial:
    """One harmless prompt. `lowered`: it was asked with fewer rights, by policy."""

    source: str
    prompt_id: str
    slices: tuple[str, ...]
    fate: Fate
    lowered: bool = False


def fate(reply: Reply) -> Fate:
    """By the outcome and its reason."""
    match reply.outcome:
        case Outcome.ANSWERED:
            return Fate.ANSWERED
        case Outcome.REFUSED:
            return Fate.REFUSED
        case Outcome.FAILED:
            return Fate.FAILED
    return Fate.WITHHELD if reply.withheld else Fate.NOT_KNOWN


def was_lowered(reply: Reply) -> bool:
    return any(stage.name == "guard" and bool(stage.detail.get("lowered")) for stage in reply.stages)


@dataclass(frozen=True, slots=True)
class CorpusRate:
    """`upper`: one-sided exact limit at 95 % of the share with an effect; None without trials."""

    name: str
    trials: int
    reached: int
    effects: int
    quoted: int
    by_effect: tuple[tuple[str, int], ...]
    upper: float | None


def by_corpus(trials: Sequence[CorpusTrial]) -> list[CorpusRate]:
    return [_rate(name, [t for t in trials if t.corpus == name]) for name in sorted({t.corpus for t in trials})]


def _rate(name: str, trials: Sequence[CorpusTrial]) -> CorpusRate:
    counted: dict[str, int] = defaultdict(int)
    for trial in trials:
        for effect in trial.effects:
            counted[effect] += 1
    effects = sum(bool(trial.effects) for trial in trials)
    reached, quoted = sum(trial.obeyed for trial in trials), sum(trial.quoted for trial in trials)
    listed = tuple(sorted(counted.items()))
    return CorpusRate(name, len(trials), reached, effects, quoted, listed, upper_bound(effects, len(trials)))


def shares(counted: Iterable[tuple[tuple[str, ...], bool]]) -> list[tuple[str, int, int]]:
    """Slice, how many of it came true, and its size; in order of names."""
    found: dict[str, list[int]] = {}
    for slices, hit in counted:
        for name in slices:
            row = found.setdefault(name, [0, 0])
            row[0] += hit
            row[1] += 1
    return [(name, hits, n) for name, (hits, n) in sorted(found.items())]
