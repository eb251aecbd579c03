"""What a question will cost before it is asked: cases, repeats and money, from two runs or from stated numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.records.comparison import Clause, ClauseKind
from assay.records.errors import InputError
from assay.records.evaluation import Direction, Metric, MetricKind, Sample
from assay.wiring.build import Workspace

if TYPE_CHECKING:
    from assay.evaluate.pairing import Pairs
    from assay.plot.power import PowerCurve

MOST_CASES = 1_000_000
REPEATS = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be shown. `gain` is what is assumed of the truth, in the metric's good direction."""

    kind: ClauseKind
    margin: float
    gain: float = 0.0
    alpha: float = 0.05
    power: float = 0.8

    @property
    def distance(self) -> float:
        """How far the assumed truth lies on the good side of the line."""
        return self.gain + self.margin if self.kind is ClauseKind.NON_INFERIORITY else self.gain - self.margin


@dataclass(frozen=True, slots=True)
class Noise:
    """Per case: the standard deviation of the paired difference with clusters counted in, and pseudo-cases."""

    spread: float
    pseudo: float = 0.0
    cluster_size: float = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A number of cases: the chance to show it, the smallest margin with the wanted power, and what it costs."""

    cases: int
    power: float
    smallest_margin: float
    price_usd: float | None


@dataclass(frozen=True, slots=True)
class RepeatStep:
    """Asking each case so often: cases needed then, answers of both systems in all, and what they cost."""

    repeats: int
    cases: int
    answers: int
    price_usd: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """`needed` is None where no number of cases up to a million would do; prices are for both systems together.

    `best_repeats` is None unless the pilot asked its cases more than once.
    """

    subject: str
    question: Question
    noise: Noise
    cases_today: int
    power_today: float
    needed: int | None
    price_per_case_usd: float | None
    steps: tuple[Step, ...]
    repeats: tuple[RepeatStep, ...] = ()
    best_repeats: int | None = None
    notes: tuple[str, ...] = ()


def from_numbers(
    question: Question,
    *,
    discordance: float | None = None,
    spread: float | None = None,
    cluster_size: float = 1.0,
    correlation: float = 0.0,
    cases: int = 0,
    price: float | None = None,
) -> Plan:
    """A plan from a stated share of cases that will differ, or a stated standard deviation of the difference.

    Raises InputError for numbers that make no sense, and when not exactly one of both is given.
    """
    if (discordance is None) == (spread is None):
        raise _senseless("state either --discordance (pass or fail) or --spread (scores)")
    if discordance is not None and not 0.0 < discordance <= 1.0:
        raise _senseless("a discordance is a share of cases above 0 and at most 1")
    if spread is not None and not (math.isfinite(spread) and spread > 0.0):
        raise _senseless("a spread is a finite number above 0")
    if cluster_size < 1.0 or not -1.0 <= correlation <= 1.0 or 1.0 + (cluster_size - 1.0) * correlation <= 0.0:
        raise _senseless("clusters hold at least one case, and their correlation lies between 0 and 1")
    if price is not None and not (math.isfinite(price) and price >= 0.0):
        raise _senseless("a price is a finite number of at least 0")
    _check(question, 1.0 if discordance is not None else None)
    gain = question.gain
    if discordance is not None and abs(gain) > discordance:
        raise _senseless("the assumed gain is larger than the share of cases that differ")
    variance = discordance - gain**2 if discordance is not None else (spread or 0.0) ** 2
    variance *= 1.0 + (cluster_size - 1.0) * correlation
    noise = Noise(math.sqrt(variance), 0.0, cluster_size)
    subject = "pass or fail" if discordance is not None else "score"
    return _plan(subject, question, noise, cases, price, (), None, ())


def from_runs(
    place: Workspace,
    baseline: str,
    candidate: str,
    *,
    metric: str = "",
    name: str = "",
    margin: float | None = None,
    kind: ClauseKind | None = None,
    gain: float | None = None,
    alpha: float | None = None,
    power: float | None = None,
    price: float | None = None,
    case_price: float = 0.0,
) -> tuple[Plan, ...]:
    """Plans from two runs on one golden set as the pilot, one a clause of the gate, or one for the metric named.

    What is not stated comes from the gate's clause for that metric and slice. Raises InputError for a metric that the
    runs do not share, a slice that no case is in, or a margin that makes no sense; CannotJudge for runs that cannot be
    compared.
    """
    from assay.evaluate.compare import check_comparable, narrowed, shared_metrics
    from assay.evaluate.pairing import applicable, pair
    from assay.wiring import golden_sets, judging, releasing

    a, b = judging.run_named(place, baseline), judging.run_named(place, candidate)
    golden = golden_sets.resolve(place, f"{b.golden_name}@{b.golden_version}")
    check_comparable(a, b, golden)
    metrics = {one.name: one for one in shared_metrics(a, b)}
    policy = releasing.policy(place)
    clauses = _clauses(metrics, policy.clauses, metric, name, margin, kind, alpha)
    samples = (tuple(place.stores.runs.samples(a.run_id)), tuple(place.stores.runs.samples(b.run_id)))
    cases = applicable(golden.cases, a.split)
    found_price = price if price is not None else _price_per_case(samples)
    plans = []
    for clause in clauses:
        whole = pair(metrics[clause.metric], *samples, cases)
        pairs = narrowed(whole, clause.slice) if clause.slice else whole
        plans.append(_piloted(clause, pairs, samples, gain, power or policy.power, found_price, case_price))
    return tuple(plans)


def curve(plan: Plan) -> PowerCurve:
    """The plan as a power curve to draw, with the assumed truth and one half of the distance to the line."""
    from assay.plot.power import PowerCurve, PowerLine
    from assay.stats.power import power_curve

    sizes = [step.cases for step in plan.steps]
    question, noise = plan.question, plan.noise
    lines = [
        PowerLine(
            said,
            power_curve(
                noise.spread, distance, sizes, alpha=question.alpha, pseudo=noise.pseudo,
                cluster_size=noise.cluster_size,
            ),
        )
        for said, distance in (
            (truth_sentence(question), question.distance),
            ("a truth half as far from the line", question.distance / 2.0),
        )
    ]  # fmt: skip
    return PowerCurve(
        asks_sentence(plan), tuple(lines), max(plan.cases_today, 1), plan.power_today, plan.needed, question.power,
        plan.price_per_case_usd, plan.notes,
    )  # fmt: skip


def asks_sentence(plan: Plan) -> str:
    """What is to be shown, in words."""
    if plan.question.kind is ClauseKind.NON_INFERIORITY:
        return f"{plan.subject}: not worse by more than {plan.question.margin:g}"
    return f"{plan.subject}: better by more than {plan.question.margin:g}"


def truth_sentence(question: Question) -> str:
    return "no true difference" if question.gain == 0.0 else f"a true gain of {question.gain:g}"


def _clauses(
    metrics: dict[str, Metric], policy: Sequence[Clause], metric: str, name: str, margin: float | None,
    kind: ClauseKind | None, alpha: float | None,
) -> list[Clause]:  # fmt: skip
    if not metric:
        known = [c for c in policy if c.metric in metrics and c.kind is not ClauseKind.NO_LOSS and c.slice == name]
        if margin is not None or not known:
            raise _senseless("name the --metric that the margin is for" if margin is not None else "name a --metric")
        return known
    if metric not in metrics:
        raise InputError(
            "power.unknown_metric", "the two runs do not both measure this", where=metric,
            remedy="shared metrics: " + ", ".join(metrics),
        )  # fmt: skip
    stated = next((c for c in policy if (c.metric, c.slice) == (metric, name)), None)
    if margin is None and stated is None:
        raise _senseless("state a --margin: the gate has no clause for this metric")
    chosen = kind or (stated.kind if stated else ClauseKind.NON_INFERIORITY)
    if chosen is ClauseKind.NO_LOSS:
        raise _senseless("a no_loss clause is no test, so no number of cases has a power")
    found = margin if margin is not None else stated.margin if stated else 0.0
    level = alpha if alpha is not None else stated.alpha if stated else 0.05
    return [Clause(metric, chosen, found, level, name)]


def _piloted(
    clause: Clause,
    pairs: Pairs,
    samples: tuple[tuple[Sample, ...], tuple[Sample, ...]],
    gain: float | None,
    power: float,
    price: float | None,
    case_price: float,
) -> Plan:
    from assay.evaluate.pairing import cluster_of, measure

    subject = clause.metric + (f" [{clause.slice}]" if clause.slice else "")
    groups = len({cluster_of(case) for case in pairs.cases})
    if groups < 2:
        raise InputError(
            "power.too_few", f"the pilot has {pairs.n} pairs in {groups} independent groups; a spread needs two",
            where=subject, remedy="evaluate both systems on more cases, or state --discordance or --spread",
        )  # fmt: skip
    delta, effect = measure(pairs, clause.slice, 0.95)
    seen = effect.estimate if pairs.metric.direction is Direction.HIGHER else -effect.estimate
    superior = clause.kind is ClauseKind.SUPERIORITY
    assumed = gain if gain is not None else (seen if superior else 0.0)
    question = Question(clause.kind, clause.margin, assumed, clause.alpha, power)
    _check(question, None if pairs.metric.kind is MetricKind.SKEWED else 1.0)
    notes = [f"spread from a pilot of {pairs.n} pairs in {groups} independent groups; it has an error of its own"]
    if superior and gain is None:
        notes.append("the gain is the pilot's own, which is easily too hopeful: state --gain to plan with another")
    if delta.won + delta.lost == 0:
        notes.append("no pair of the pilot differs: the plan counts on what the interval still allows, no more")
    noise = Noise(effect.spread, effect.pseudo, pairs.n / groups)
    repeats, best = _repeated(pairs, samples, question, price, case_price)
    return _plan(subject, question, noise, pairs.n, price, repeats, best, tuple(notes))


def _plan(
    subject: str, question: Question, noise: Noise, today: int, price: float | None,
    repeats: tuple[RepeatStep, ...], best: int | None, notes: tuple[str, ...],
) -> Plan:  # fmt: skip
    from assay.stats.power import cases_on_scale, power_at, smallest_margin

    needed = _needed(question, noise)
    low = math.ceil(2.0 * noise.cluster_size)
    scale = cases_on_scale(max(today, 1), needed) if today else cases_on_scale(needed or 100, needed)
    steps = tuple(
        Step(
            n,
            _power(question, noise, n),
            smallest_margin(noise.spread, n, alpha=question.alpha, power=question.power, pseudo=noise.pseudo),
            None if price is None else n * price,
        )
        for n in scale
        if n >= low
    )
    now = 0.0
    if today >= low:
        now = power_at(
            noise.spread, question.distance, today, alpha=question.alpha, pseudo=noise.pseudo,
            cluster_size=noise.cluster_size,
        )  # fmt: skip
    return Plan(subject, question, noise, today, now, needed, price, steps, repeats, best, notes)


def _power(question: Question, noise: Noise, n: int) -> float:
    from assay.stats.power import power_at

    return power_at(
        noise.spread, question.distance, n, alpha=question.alpha, pseudo=noise.pseudo, cluster_size=noise.cluster_size
    )


def _needed(question: Question, noise: Noise) -> int | None:
    """The fewest cases with the wanted power, by bisection; power grows with the cases when the truth is on the good
    side."""
    if question.distance <= 0.0:
        return None
    low, high = 1, math.ceil(2.0 * noise.cluster_size)
    while _power(question, noise, high) < question.power:
        low, high = high, high * 2
        if high > 2 * MOST_CASES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = middle >= 2.0 * noise.cluster_size and _power(question, noise, middle) >= question.power
        low, high = (low, middle) if enough else (middle, high)
    return high if high <= MOST_CASES else None


def _repeated(
    pairs: Pairs,
    samples: tuple[tuple[Sample, ...], tuple[Sample, ...]],
    question: Question,
    price: float | None,
    case_price: float,
) -> tuple[tuple[RepeatStep, ...], int | None]:
    """What asking each case more often would change, by the split of the pilot's variance (Miller 2024)."""
    from assay.stats.power import exact_cases
    from assay.stats.variance import paired_components, repeats_worth

    scores = [_by_case(side, pairs) for side in samples]
    if min(max((len(s) for s in side), default=0) for side in scores) < 2 or question.distance <= 0.0:
        return (), None
    split = paired_components(*scores)
    within = sum(part.estimate for part in (split.baseline, split.candidate) if part is not None)
    asked = max(len(s) for s in scores[0])
    steps = []
    for repeats in REPEATS:
        variance = split.between.estimate + within / repeats
        need = exact_cases(variance, question.distance, alpha=question.alpha, power=question.power, sides=1)
        cases = max(2, math.ceil(need))
        cost = None if price is None else cases * (price * repeats / asked + case_price)
        steps.append(RepeatStep(repeats, cases, 2 * cases * repeats, cost))
    if price is None or price == 0.0:
        return tuple(steps), None
    return tuple(steps), repeats_worth(split.between.estimate, within, case_price, price / asked)


def _by_case(samples: Sequence[Sample], pairs: Pairs) -> list[list[float]]:
    """Every score of each paired case, in the pairs' order; a case that only counts as worst has that one value."""
    found: dict[str, list[float]] = {}
    for sample in samples:
        if pairs.metric.name in sample.scores:
            found.setdefault(sample.case_id, []).append(sample.scores[pairs.metric.name])
    return [found.get(case.case_id, [0.0]) for case in pairs.cases]


def _price_per_case(samples: tuple[tuple[Sample, ...], tuple[Sample, ...]]) -> float | None:
    """US dollars that one case cost in both runs, all repeats; None when some answer's price is unknown."""
    total = 0.0
    for side in samples:
        costs = [sample.reply.usage.cost_usd for sample in side if not sample.error]
        known = [cost for cost in costs if cost is not None]
        if not known or len(known) < len(costs):
            return None
        counted = Counter(sample.case_id for sample in side)
        total += sum(known) / len(known) * (sum(counted.values()) / len(counted))
    return total


def _check(question: Question, scale: float | None) -> None:
    from assay.stats.margins import check_margin

    try:
        check_margin(question.margin, scale=scale)
    except ValueError as error:
        raise _senseless(str(error)) from None
    if not 0.0 < question.alpha < 0.5 or not 0.0 < question.power < 1.0:
        raise _senseless("alpha lies between 0 and .5 and power between 0 and 1")
    if not math.isfinite(question.gain) or (scale is not None and abs(question.gain) > scale):
        raise _senseless("the assumed gain lies within the range of the scores")


def _senseless(what: str) -> InputError:
    return InputError("power.bad_question", what, where="assay power", remedy="assay power --help shows the options")
