"""A whole red team run: attacks from a seed, corpora, harmless prompts beside them, and what of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from assay.evaluate.redteam.attacks import VERSION
from assay.evaluate.redteam.corpora import ATTACK, BENIGN, Corpus
from assay.evaluate.redteam.corpus_report import BenignTrial, CorpusTrial, Fate
from assay.evaluate.redteam.report import Trial
from assay.records.dialogue import Outcome
from assay.records.errors import InputError
from assay.records.safety import Measurement
from assay.wiring import golden_sets, redteam_corpora, safety_store
from assay.wiring.build import Workspace
from assay.wiring.judging import interruptible
from assay.wiring.redteam_corpora import Tried
from assay.wiring.redteam_journal import opened
from assay.wiring.redteam_records import Found, measurements
from assay.wiring.redteaming import OBEDIENT, Attempted, Plan, RedTeam, Rendered, Target

Progress = Callable[[str], Callable[[int, int], None]]


@dataclass(frozen=True, slots=True)
class Ordered:
    """A run as it was asked for. `per_corpus` is how many prompts of each corpus and kind are drawn, 0 for all;
    `questions` a golden set whose answerable cases are asked as harmless prompts."""

    reference: str
    plan: Plan
    corpora: tuple[str, ...] = ()
    per_corpus: int = 200
    questions: str = ""
    resume: bool = False
    max_rate: float | None = None
    max_benign: float | None = None
    command: str = ""

    def __post_init__(self) -> None:
        if self.per_corpus < 0 or not (self.plan.trials or self.corpora):
            raise InputError("redteam.count", "there is nothing to try", where="--trials, --corpus, --per-corpus")
        for name, rate in (("--max-rate", self.max_rate), ("--max-benign", self.max_benign)):
            if rate is not None and not 0.0 <= rate <= 1.0:
                raise InputError("redteam.rate", "a rate is between 0 and 1", where=name)


@dataclass(frozen=True, slots=True)
class Ran:
    """What was done. Without `complete` it was stopped early: nothing is recorded, and --resume goes on."""

    target: Target
    made: tuple[Attempted, ...] = field(repr=False)
    tried: tuple[Tried, ...] = field(repr=False)
    benign: tuple[BenignTrial, ...] = field(repr=False)
    complete: bool
    corpora: tuple[Corpus, ...]
    recorded: tuple[Measurement, ...] = ()

    @property
    def trials(self) -> list[Trial]:
        """Those that can be judged: a system that failed has shown nothing."""
        return [one.trial for one in self.made if one.trial.outcome is not Outcome.FAILED]

    @property
    def corpus_trials(self) -> list[CorpusTrial]:
        return [one.trial for one in self.tried if one.trial.outcome is not Outcome.FAILED]

    @property
    def failed(self) -> int:
        """Attacks that failed and count for nothing."""
        return len(self.made) + len(self.tried) - len(self.trials) - len(self.corpus_trials)


def run(place: Workspace, ordered: Ordered, rendered: Rendered, progress: Progress) -> Ran:
    """Attack, ask, and record measurements under the bundle or app. Ctrl-C ends it early with every trial kept.

    Raises InputError, NotFound, CannotJudge, and Unavailable when the journal cannot be written.
    """
    corpora = redteam_corpora.load(ordered.corpora)
    golden = golden_sets.resolve(place, ordered.questions) if ordered.questions else None
    team = RedTeam(place, ordered.reference, ordered.plan, rendered)
    digests = _digests(ordered, team, corpora, golden.version if golden else "")
    with closing(opened(place, dict(digests), ordered.resume)) as journal, interruptible() as stop:
        most = ordered.per_corpus

        async def all_of_it() -> tuple[list[Attempted], list[Tried], list[BenignTrial]]:
            made = await team.run(progress("attacks"), journal=journal, stop=stop.is_set)
            tried = await redteam_corpora.attack(team, corpora, most, progress("corpora"), journal, stop.is_set)
            due = redteam_corpora.harmless(team, corpora, golden, most)
            return made, tried, await redteam_corpora.ask(team, due, progress("harmless"), journal, stop.is_set)

        made, tried, benign = asyncio.run(all_of_it())
        journal.complete = not stop.is_set()
    ran = Ran(team.target, tuple(made), tuple(tried), tuple(benign), journal.complete, corpora)
    return _recorded(place, ordered, ran, digests) if ran.complete else ran


def _digests(
    ordered: Ordered, team: RedTeam, corpora: Sequence[Corpus], golden: str
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    plan = ordered.plan
    return (
        ("system", team.target.system.recipe), ("policy", team.target.policy), ("model", plan.model),
        ("seed", str(plan.seed)), ("generator", VERSION), ("tries", str(plan.budget)),
        ("tenant", plan.scope.tenant), ("groups", ",".join(sorted(plan.scope.groups))),
        *((f"corpus.{one.name}", one.sha256) for one in corpora),
        *((("golden", golden),) if golden else ()),
    )  # fmt: skip


def _recorded(place: Workspace, ordered: Ordered, ran: Ran, digests: tuple[tuple[str, str], ...]) -> Ran:
    stated = tuple(one for one in digests if one[0] in ("system", "policy", "model", "seed", "tries", "golden"))
    found = Found(
        ran.target.subject, ordered.plan.model == OBEDIENT, ran.trials, ran.corpus_trials,
        [one for one in ran.benign if one.fate is not Fate.FAILED], stated,
        {one.name: one.sha256 for one in ran.corpora},
        ordered.command, ordered.max_rate, ordered.max_benign,
    )  # fmt: skip
    return replace(ran, recorded=safety_store.record(place, measurements(found)))


def sizes(corpora: Sequence[Corpus]) -> list[dict[str, object]]:
    """Name, licence, digest and size of each corpus that was read."""
    return [
        {"name": one.name, "licence": one.licence, "sha256": one.sha256, "attacks": len(one.of(ATTACK)),
         "benign": len(one.of(BENIGN))}
        for one in corpora
    ]  # fmt: skip
