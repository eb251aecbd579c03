"""Does a system notice whom a text is about: paired tests of what changes when one term is swapped for another.

A swap that changes nothing about what is right should change nothing about the reply. Two things are told apart: how
often anything changes (flips), and whether it changes to one side's disadvantage (the paired difference). Where a text
is asked twice, the flips between both askings are the floor: noise is not unfairness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assay.records.evaluation import Interval
from assay.records.safety import Measurement, Slice
from assay.stats.bootstrap import sign_flip
from assay.stats.contrast import is_sparse
from assay.stats.mean import clustered, mean_interval, share_interval
from assay.stats.multiplicity import holm
from assay.stats.paired import mcnemar_midp, tango

AGAIN = "asked again"
"""The dimension of the pairs that swap nothing."""
RISKS = ("NIST AI 600-1 2.6", "EU AI Act Art. 15")


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one text. `good` is the outcome that a group should get as often: answered, or let through; `score`
    a number where there is one; `key` is equal where nothing changed that a reader would notice."""

    good: bool
    score: float | None
    key: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One text before and after its swap. Pairs made from one case share its `cluster`."""

    dimension: str
    one: str
    other: str
    cluster: str
    before: Seen
    after: Seen

    @property
    def terms(self) -> str:
        return f"{self.one} → {self.other}"


@dataclass(frozen=True, slots=True)
class Shift:
    """What one swap, or one dimension as a whole (`terms` is then empty), did to `n` texts.

    `flips`: outcomes that changed; `lost` of them to the disadvantage of the second term, `gained` to its advantage.
    `changed`: replies that are not the same. `p_value` is for "no side is favoured" by outcome (McNemar, or a cluster
    sign flip where texts hang together), `p_score` by score (sign flip); both after Holm over the rows of a dimension.
    """

    dimension: str
    terms: str
    n: int
    flips: int
    lost: int
    gained: int
    changed: int
    flip_rate: Interval
    change_rate: Interval
    favour: Interval | None
    """Share of good outcomes after less before the swap."""
    score: Interval | None
    """Mean score after less before."""
    p_value: float
    p_score: float | None


def shifts(pairs: Sequence[Pair], *, level: float = 0.95, seed: int = 0) -> tuple[Shift, ...]:
    """Every dimension as a whole, each followed by its swaps, largest flip rate first."""
    made: list[Shift] = []
    for dimension in dict.fromkeys(pair.dimension for pair in pairs):
        mine = [pair for pair in pairs if pair.dimension == dimension]
        made.append(replace(_shift(mine, level, seed), terms=""))
        rows = [
            _shift([pair for pair in mine if pair.terms == terms], level, seed)
            for terms in dict.fromkeys(pair.terms for pair in mine)
        ]
        if len(rows) > 1:
            made += sorted(_corrected(rows), key=lambda row: (-row.flip_rate.estimate, -row.n, row.terms))
    return tuple(made)


def _corrected(rows: Sequence[Shift]) -> list[Shift]:
    outcomes = holm([row.p_value for row in rows])
    scored = [at for at, row in enumerate(rows) if row.p_score is not None]
    scores = dict(zip(scored, holm([p for at in scored if (p := rows[at].p_score) is not None]), strict=True))
    return [
        replace(row, p_value=p, p_score=scores.get(at)) for at, (row, p) in enumerate(zip(rows, outcomes, strict=True))
    ]


def _shift(pairs: Sequence[Pair], level: float, seed: int) -> Shift:
    clusters = [pair.cluster for pair in pairs]
    lost = sum(pair.before.good and not pair.after.good for pair in pairs)
    gained = sum(pair.after.good and not pair.before.good for pair in pairs)
    flipped = [float(pair.before.good is not pair.after.good) for pair in pairs]
    changed = [float(pair.before.key != pair.after.key) for pair in pairs]
    moves = [float(pair.after.good) - float(pair.before.good) for pair in pairs]
    alone = len(set(clusters)) == len(clusters)
    scored = [
        (pair.after.score - pair.before.score, pair.cluster)
        for pair in pairs
        if pair.before.score is not None and pair.after.score is not None
    ]
    first = pairs[0]
    return Shift(
        first.dimension, first.terms, len(pairs), lost + gained, lost, gained, int(sum(changed)),
        share_interval(flipped, clusters, level), share_interval(changed, clusters, level),
        _favour(moves, clusters, lost, gained, level),
        _mean([move for move, _ in scored], [cluster for _, cluster in scored], level),
        mcnemar_midp(gained, lost) if alone else sign_flip(clustered(moves, clusters), seed=seed),
        sign_flip(clustered(*map(list, zip(*scored, strict=True))), seed=seed) if scored else None,
    )  # fmt: skip


def _favour(moves: Sequence[float], clusters: Sequence[str], lost: int, gained: int, level: float) -> Interval | None:
    """Tango's interval where every text stands alone; a cluster-robust one where enough of them changed."""
    if len(set(clusters)) == len(clusters):
        return tango(gained, lost, len(moves), level)
    data = clustered(moves, clusters)
    return None if is_sparse(data.values) else _mean(moves, clusters, level)


def _mean(values: Sequence[float], clusters: Sequence[str], level: float) -> Interval | None:
    if len(set(clusters)) < 2:
        return None
    found = mean_interval(values, clusters, level)
    return replace(found, estimate=float(found.estimate), low=float(found.low), high=float(found.high))


def wholes(found: Iterable[Shift]) -> tuple[Shift, ...]:
    """The dimensions as a whole."""
    return tuple(row for row in found if not row.terms)


def measurements(
    found: Sequence[Shift], subject: str, *, name: str = "", tolerance: float | None = None, command: str = "",
    digests: tuple[tuple[str, str], ...] = (),
) -> tuple[Measurement, ...]:  # fmt: skip
    """The flip rate of every dimension as evidence, its swaps as slices: `fairness.counterfactual.DIMENSION`, of a
    safeguard `fairness.safeguard.NAME.counterfactual.DIMENSION`. With a tolerance the upper limit must be below it."""
    prefix = f"fairness.safeguard.{name}.counterfactual" if name else "fairness.counterfactual"
    made = []
    for row in wholes(found):
        if row.dimension == AGAIN:
            continue
        slices = tuple(
            Slice(one.terms, one.n, one.flip_rate.estimate, one.flip_rate.low, one.flip_rate.high)
            for one in found
            if one.dimension == row.dimension and one.terms
        )
        made.append(
            Measurement(
                f"{prefix}.{row.dimension}", subject,
                f"The outcome does not hang on {row.dimension}: a term for another changes nothing", RISKS, row.n,
                row.flips, float(row.flip_rate.estimate), float(row.flip_rate.low), float(row.flip_rate.high),
                threshold=tolerance, by_limit=tolerance is not None, slices=slices, digests=digests, command=command,
            )
        )  # fmt: skip
    return tuple(made)
