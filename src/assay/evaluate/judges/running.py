"""Judges many replies at once: bounded, priced, each verdict durable before it counts, and resumable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

import msgspec

from assay.evaluate.judges.asking import OF_THE_MOMENT
from assay.evaluate.judges.judge import How, Judge
from assay.evaluate.judges.kinds import requests_for
from assay.ports.reading import Clock
from assay.ports.storage import Ledger
from assay.records.dialogue import Usage
from assay.records.digest import plain
from assay.records.judging import JudgeKind, Judgement, JudgeSpec, Material, Verdict
from assay.records.ledger import Entry

CHARACTERS_PER_TOKEN = 3.5
"""Below the four of English prose, so that an estimate errs upwards."""
TOKENS_OF_INSTRUCTIONS = 450
TOKENS_OF_AN_ANSWER = 150
LOST_PATIENCE = 20
"""So many replies in a row without an answer of the endpoint end a run: the rest would wait for nothing."""

Progress = Callable[[int, int], None]


class Stop(Protocol):
    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to judge. `material` is the reason as a text where there is nothing to judge."""

    case_id: str
    repeat: int
    material: Material | str


@dataclass(frozen=True, slots=True)
class Price:
    """What judging will take, by estimate; `usd` is None where some model's price is unknown."""

    judgements: int
    requests: int
    tokens_in: int
    tokens_out: int
    usd: float | None


Prices = Callable[[JudgeSpec], tuple[float | None, float | None]]
"""USD per million tokens in and out of a judge's model."""


def price(spec: JudgeSpec, materials: Sequence[Material], prices: Prices) -> Price:
    """An estimate from the lengths of the texts; repairs and probes come on top where they are needed."""
    whole = Price(len(materials), 0, 0, 0, 0.0)
    for member in _askers(spec):
        requests = [requests_for(member, one) * member.votes for one in materials]
        sizes = [ceil(_characters(one) / CHARACTERS_PER_TOKEN) + TOKENS_OF_INSTRUCTIONS for one in materials]
        tokens_in = sum(count * size for count, size in zip(requests, sizes, strict=True))
        tokens_out = sum(requests) * TOKENS_OF_AN_ANSWER
        per_in, per_out = prices(member)
        usd = None
        if whole.usd is not None and per_in is not None and per_out is not None:
            usd = whole.usd + (tokens_in * per_in + tokens_out * per_out) / 1e6
        whole = Price(
            whole.judgements,
            whole.requests + sum(requests),
            whole.tokens_in + tokens_in,
            whole.tokens_out + tokens_out,
            usd,
        )
    return whole


def _askers(spec: JudgeSpec) -> Iterator[JudgeSpec]:
    if spec.kind is not JudgeKind.JURY:
        yield spec
    for member in spec.members:
        yield from _askers(member)


def _characters(material: Material) -> int:
    texts = (material.question, material.reply, material.other, *material.references, *material.passages)
    return sum(map(len, texts)) + sum(len(turn.content) for turn in material.history) + sum(
        len(nugget.text) for nugget in material.nuggets
    )  # fmt: skip


@dataclass
class Ceiling:
    """Money that may be spent. What is under way is counted with its estimate, so that the ceiling holds with many in
    flight; only repairs and probes of those can pass it."""

    most_usd: float | None
    estimate: Callable[[Material], float] = lambda _: 0.0
    spent_usd: float = 0.0
    under_way_usd: float = 0.0
    reached: bool = False

    def take(self, material: Material) -> float | None:
        """Reserve; None when it would pass the ceiling."""
        cost = self.estimate(material)
        if self.most_usd is not None and self.spent_usd + self.under_way_usd + cost > self.most_usd + 1e-12:
            self.reached = True
            return None
        self.under_way_usd += cost
        return cost

    def settle(self, reserved: float, usage: Usage, cached: bool) -> None:
        self.under_way_usd -= reserved
        if not cached:
            self.spent_usd += reserved if usage.cost_usd is None else usage.cost_usd


@dataclass(frozen=True, slots=True)
class Done:
    """All verdicts there are now, in the order of the pieces; `left` were not reached, by a stop or the ceiling."""

    verdicts: tuple[Verdict, ...]
    left: int
    spent_usd: float
    requests: int
    reached_ceiling: bool = False

    @property
    def momentary(self) -> int:
        """Verdicts that failed for the moment: the same call asks them again."""
        return sum(verdict.judgement.reason in OF_THE_MOMENT for verdict in self.verdicts)


@dataclass
class Keeping:
    """The ledger entries of one judge on one run. An entry's key ends in how often it was asked: a verdict is never
    overwritten, a later one counts."""

    ledger: Ledger
    kind: str
    subject: str
    clock: Clock
    asked: dict[tuple[str, int], int] = field(default_factory=dict)

    def known(self, digest: str) -> dict[tuple[str, int], Verdict]:
        """The newest verdict of this judge by case and repeat."""
        found: dict[tuple[str, int], Verdict] = {}
        for entry in self.ledger.entries(self.kind, self.subject):
            if entry.body.get("judge") == digest:
                verdict = msgspec.convert(entry.body, Verdict)
                place = verdict.case_id, verdict.repeat
                self.asked[place] = self.asked.get(place, 0) + 1
                found[place] = verdict
        return found

    def keep(self, verdicts: Sequence[Verdict]) -> None:
        self.ledger.append([self._entry(verdict) for verdict in verdicts])

    def _entry(self, verdict: Verdict) -> Entry:
        place = verdict.case_id, verdict.repeat
        number = self.asked.get(place, 0)
        self.asked[place] = number + 1
        key = f"{verdict.judge[:16]}/{verdict.repeat}/{number}/{verdict.case_id}"
        return Entry(self.kind, self.subject, key, plain(verdict), self.clock.now())


async def run_judge(
    judge: Judge, pieces: Sequence[Piece], keeping: Keeping, *, concurrency: int = 8, ceiling: Ceiling | None = None,
    retry: bool = False, stop: Stop | None = None, progress: Progress | None = None,
) -> Done:  # fmt: skip
    """A verdict for every piece, those that the ledger holds for the same material first.

    `retry` asks again where the judge gave no verdict. What fails for the moment (`judge.timeout`,
    `judge.rate_limited`, `judge.unavailable`) is told and not kept, so the same call asks it again. Raises what the
    ledger raises.
    """
    known = await asyncio.to_thread(keeping.known, judge.spec.digest)
    work = _Work(judge, keeping, ceiling or Ceiling(None), stop, progress, len(pieces))
    waiting = []
    for piece in pieces:
        if isinstance(piece.material, str):
            work.give(
                piece, Verdict(piece.case_id, piece.repeat, judge.spec.digest, "", Judgement(reason=piece.material))
            )
            continue
        old = known.get((piece.case_id, piece.repeat))
        again = old is None or old.material != piece.material.digest or (retry and old.judgement.value is None)
        if old is not None and not again:
            work.give(piece, old)
        else:
            waiting.append(piece)
    work.left = iter(waiting)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(waiting))):
            group.create_task(work.until_done())
    verdicts = tuple(work.made[place] for piece in pieces if (place := (piece.case_id, piece.repeat)) in work.made)
    left = len(pieces) - len(verdicts)
    return Done(verdicts, left, work.ceiling.spent_usd, work.requests, work.ceiling.reached)


@dataclass
class _Work:
    judge: Judge
    keeping: Keeping
    ceiling: Ceiling
    stop: Stop | None
    progress: Progress | None
    total: int
    left: Iterator[Piece] = field(default_factory=lambda: iter(()))
    made: dict[tuple[str, int], Verdict] = field(default_factory=dict)
    requests: int = 0
    in_vain: int = 0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[Verdict] = field(default_factory=list)

    def give(self, piece: Piece, verdict: Verdict) -> None:
        self.made[piece.case_id, piece.repeat] = verdict
        if self.progress is not None:
            self.progress(len(self.made), self.total)

    async def until_done(self) -> None:
        for piece in self.left:
            material = piece.material
            if isinstance(material, str) or (self.stop is not None and self.stop.is_set()):
                return
            if self.in_vain >= LOST_PATIENCE or (reserved := self.ceiling.take(material)) is None:
                return
            judgement = await self.judge.verdict(material, How(repeat=piece.repeat))
            self.ceiling.settle(reserved, judgement.usage, judgement.cached)
            self.requests += 0 if judgement.cached else judgement.requests
            digest = self.judge.spec.digest
            verdict = Verdict(piece.case_id, piece.repeat, digest, material.digest, judgement, len(material.reply))
            if judgement.reason in OF_THE_MOMENT:
                self.in_vain += 1
            else:
                self.in_vain = 0
                await self._keep(verdict)
            self.give(piece, verdict)

    async def _keep(self, verdict: Verdict) -> None:
        """Durable when it returns. Those that come while one transaction is written share the next."""
        self.waiting.append(verdict)
        async with self.writing:
            batch, self.waiting = self.waiting, []
            if batch:
                await asyncio.to_thread(self.keeping.keep, batch)
