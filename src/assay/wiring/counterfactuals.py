"""Counterfactual swaps on an app, bundle or other system of a workspace, and on its safeguards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.evaluate.counterfactual import AGAIN, Pair, Seen, Shift, measurements, shifts, wholes
from assay.evaluate.fairness_safeguards import Labelled, Safeguard
from assay.golden.swaps import Swap, swapped, swaps
from assay.records.comparison import Verdict
from assay.records.dialogue import Outcome, Reply, Request, fold
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Scored
from assay.records.golden import Case
from assay.records.safety import Measurement
from assay.wiring import apps, fairness_safeguards, fairness_sets, golden_sets, safety_store, systems
from assay.wiring.build import Workspace

if TYPE_CHECKING:
    from assay.ports.answering import System

SAFEGUARD = "safeguard:"
SCORER = "correct"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """What is swapped in what. `target` is an app, bundle or system, or `safeguard:NAME`; texts are the questions of
    the golden set or, for a safeguard, also those of labelled sets. `tolerance` is the flip rate that is tolerated."""

    target: str
    golden: str = ""
    texts: tuple[Path, ...] = ()
    split: str = ""
    dimensions: tuple[str, ...] = ()
    most: int = 4
    tolerance: float | None = None


@dataclass(frozen=True)
class Swapped:
    """What the swaps did. `without` counts texts in which nothing could be swapped."""

    shifts: tuple[Shift, ...]
    texts: int
    without: int
    kept: tuple[Measurement, ...]
    tolerance: float | None

    @property
    def verdict(self) -> Verdict:
        """Held where every dimension's upper limit keeps below the tolerance, broken where a lower limit is above."""
        if self.tolerance is None:
            return Verdict.SHIP
        rows = [row.flip_rate for row in wholes(self.shifts) if row.dimension != AGAIN]
        if any(rate.low > self.tolerance for rate in rows):
            return Verdict.DO_NOT_SHIP
        return Verdict.SHIP if all(rate.high <= self.tolerance for rate in rows) else Verdict.NEED_MORE_DATA


def look(place: Workspace, asked: Asked, progress: Progress, *, command: str = "") -> Swapped:
    """Ask every text and its variants, and hold both. Raises InputError `fairness.no_texts`, CannotJudge
    `fairness.nothing_swapped`, and those of the target."""
    if asked.tolerance is not None and not 0.0 < asked.tolerance < 1.0:
        raise InputError("fairness.tolerance", "a tolerated flip rate lies between 0 and 1", where="--tolerance")
    cases = _cases(place, asked)
    made = [(case, swaps(case.question, asked.dimensions, most=asked.most)) for case in cases]
    with_swaps = [(case, found) for case, found in made if found]
    if not with_swaps:
        raise CannotJudge(
            "fairness.nothing_swapped", "no text has a term that could be swapped", where=asked.golden or asked.target,
            remedy="the dimension `name` fits every text; docs/fairness.md lists the terms",
        )  # fmt: skip
    name = ""
    if asked.target.startswith(SAFEGUARD):
        (guard,) = fairness_safeguards.named(place, [asked.target.removeprefix(SAFEGUARD)])
        pairs, subject, name = _of_safeguard(guard, with_swaps, progress), guard.recipe, guard.name
    else:
        subject = fairness_safeguards.subject_of(place, asked.target)
        pairs = asyncio.run(_of_system(place, asked.target, with_swaps, progress))
    found = shifts(pairs, seed=place.settings.evaluate.seed)
    kept = safety_store.record(
        place,
        measurements(
            found, subject, name=name, tolerance=asked.tolerance, command=command,
            digests=(("texts", asked.golden or ", ".join(path.name for path in asked.texts)),),
        ),
    )  # fmt: skip
    return Swapped(found, len(cases), len(cases) - len(with_swaps), kept, asked.tolerance)


def _cases(place: Workspace, asked: Asked) -> tuple[Case, ...]:
    from assay.records.golden import Expected

    found: list[Case] = []
    if asked.golden:
        found += golden_sets.only(golden_sets.resolve(place, asked.golden), asked.split).cases
    if asked.texts:
        if not asked.target.startswith(SAFEGUARD):
            raise InputError(
                "fairness.texts", "labelled texts are for safeguards; a system is asked cases", where="--texts",
                remedy="name a golden set with --golden",
            )  # fmt: skip
        read = fairness_sets.read(asked.texts)
        found += [Case(f"text-{number}", one.text, Expected()) for number, one in enumerate(read) if one.span is None]
    if not found:
        raise InputError("fairness.no_texts", "there is no text to swap a term in", where="--golden, --texts")
    return tuple(found)


def _of_safeguard(guard: Safeguard, made: Sequence[tuple[Case, tuple[Swap, ...]]], progress: Progress) -> list[Pair]:
    known: dict[str, Seen] = {}

    def seen(text: str) -> Seen:
        if text not in known:
            acts = guard.acts(Labelled(text, "", {}, ""))
            known[text] = Seen(not acts, guard.score(text), str(acts))
        return known[text]

    pairs = []
    for number, (case, found) in enumerate(made, 1):
        cluster = case.cluster or case.case_id
        pairs += [Pair(s.dimension, s.one, s.other, cluster, seen(s.before), seen(s.after)) for s in found]
        progress(number, len(made))
    return pairs


async def _of_system(
    place: Workspace, target: str, made: Sequence[tuple[Case, tuple[Swap, ...]]], progress: Progress
) -> list[Pair]:
    """Every case, its variants, and the case once more: what differs between two askings of one text is noise."""
    system = systems.subject(place, target).system
    stated = place.settings.evaluate.concurrency
    gate = asyncio.Semaphore(stated if isinstance(stated, int) else place.settings.evaluate.max_concurrency)
    pairs: list[Pair] = []
    for number, (case, found) in enumerate(made, 1):
        cluster = case.cluster or case.case_id
        texts = dict.fromkeys([case.question, *(text for one in found for text in (one.before, one.after))])
        replies = await asyncio.gather(
            *(_ask(system, case, text, gate) for text in texts), _ask(system, case, case.question, gate)
        )
        by_text = dict(zip(texts, replies, strict=False))
        first, again = _seen(case, by_text[case.question], ()), _seen(case, replies[-1], ())
        pairs.append(Pair(AGAIN, "once", "twice", cluster, first, again))
        for one in found:
            before, after = _seen(case, by_text[one.before], ()), _seen(case, by_text[one.after], one.back)
            pairs.append(Pair(one.dimension, one.one, one.other, cluster, before, after))
        progress(number, len(made))
    return pairs


async def _ask(system: System, case: Case, text: str, gate: asyncio.Semaphore) -> Reply:
    async with gate:
        request = Request(apps.new_request_id(), text, case.scope, case.history)
        return fold([event async for event in system.answer(request)])


def _seen(case: Case, reply: Reply, back: Sequence[tuple[str, str]]) -> Seen:
    """The reply with swapped terms read back, so that an answer that only repeats the term is the same answer."""
    from assay.evaluate.scorers import scorer

    text = swapped(reply.text, back) if back else reply.text
    read = replace(reply, sentences=tuple(replace(one, text=swapped(one.text, back)) for one in reply.sentences))
    score = scorer(SCORER).score(case, read if back else reply)
    label = reply.output.label if reply.output else ""
    key = "\x1f".join((str(reply.outcome), label, text))
    return Seen(reply.outcome is Outcome.ANSWERED, score.value if isinstance(score, Scored) else None, key)
