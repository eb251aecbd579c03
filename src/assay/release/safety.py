"""What measurements of safeguards say about a candidate: each held against the line that the policy draws for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from assay.records.comparison import ConditionResult, Verdict
from assay.records.safety import Judged, Measurement, Requirement, Standing, Waiver

KIND = "safety"


def judge_checks(
    requirements: Sequence[Requirement],
    measured: Sequence[Measurement],
    waivers: Sequence[Waiver],
    *,
    subject: str,
    now: str,
    max_age_days: float = 30.0,
    before: Sequence[Measurement] = (),
) -> tuple[Judged, ...]:
    """Every check that was measured or is asked for, in order of names.

    A check that several requirements speak about is judged by each, and the first that does not hold tells. Without a
    requirement the measurement's own threshold decides and nothing waits for it. A measurement older than
    `max_age_days` counts as not run.
    """
    known = {one.check: one for one in measured}
    earlier = {one.check: one for one in before}
    judged: dict[str, Judged] = {}
    for check, one in known.items():
        asked: list[Requirement | None] = [line for line in requirements if fnmatchcase(check, line.check)]
        age = _too_old(one, now, max_age_days)
        judged[check] = _first([_held(one, line, age) for line in asked or [None]])
    for line in requirements:
        if not any(fnmatchcase(check, line.check) for check in known):
            judged[line.check] = Judged(line.check, Standing.NOT_RUN, "it was never run", requirement=line)
    return tuple(_with(judged[check], waivers, subject, now, earlier.get(check)) for check in sorted(judged))


def conditions(judged: Iterable[Judged]) -> tuple[ConditionResult, ...]:
    """One condition for each check that is asked for: what failed stops, what was not run waits, what is waived holds
    with its owner's name."""
    return tuple(ConditionResult(KIND, one.check, _verdict(one), _told(one)) for one in judged if one.requirement)


def _verdict(one: Judged) -> Verdict:
    if not one.blocks:
        return Verdict.SHIP
    return Verdict.DO_NOT_SHIP if one.standing is Standing.FAILED else Verdict.NEED_MORE_DATA


def _told(one: Judged) -> str:
    if one.waiver is None or one.standing is Standing.PASSED:
        return one.reason
    return f"{one.reason}; waived by {one.waiver.owner} until {one.waiver.expires}"


def _first(held: Sequence[Judged]) -> Judged:
    """The one that tells: a failure before what was not run before what holds."""
    order = {Standing.FAILED: 0, Standing.NOT_RUN: 1, Standing.PASSED: 2, Standing.REPORTED: 3}
    return min(held, key=lambda one: order[one.standing])


def _held(one: Measurement, line: Requirement | None, too_old: str) -> Judged:
    if one.value is None or not one.n:
        return Judged(one.check, Standing.NOT_RUN, one.reason or "it was not run", one, line)
    if too_old:
        return Judged(one.check, Standing.NOT_RUN, too_old, one, line)
    if line is None:
        standing = one.standing
        words = _line_words(one.threshold, higher=one.higher_is_better, by_limit=one.by_limit)
        return Judged(one.check, standing, f"{_value_words(one)}{words}", one)
    if one.n < line.min_n:
        return Judged(one.check, Standing.NOT_RUN, f"{one.n:,} trials, {line.min_n:,} are asked for", one, line)
    return _against(one, line)


def _against(one: Measurement, line: Requirement) -> Judged:
    assert one.value is not None
    higher = line.at_least is not None
    threshold = line.at_least if line.at_least is not None else line.at_most
    limit = one.low if higher else one.high
    words = _value_words(one) + _line_words(threshold, higher=higher, by_limit=line.by_limit)
    if line.by_limit and limit is None:
        return Judged(one.check, Standing.NOT_RUN, f"{words}, and it carries no such limit", one, line)
    told = limit if line.by_limit and limit is not None else one.value
    assert threshold is not None
    good = told >= threshold if higher else told <= threshold
    return Judged(one.check, Standing.PASSED if good else Standing.FAILED, words, one, line)


def _value_words(one: Measurement) -> str:
    counted = f"{one.events:,} of {one.n:,}" if one.counts else f"{one.value:.4g} over {one.n:,}"
    limits = [
        f"{side} {value:.4g}" for side, value in (("at least", one.low), ("at most", one.high)) if value is not None
    ]
    return f"{counted} ({', '.join(limits)} at {one.level:.0%})" if limits else counted


def _line_words(threshold: float | None, *, higher: bool, by_limit: bool) -> str:
    if threshold is None:
        return ""
    side = "at least" if higher else "at most"
    return f"; {'the limit' if by_limit else 'the value'} is to be {side} {threshold:g}"


def _too_old(one: Measurement, now: str, max_age_days: float) -> str:
    age = datetime.fromisoformat(now) - datetime.fromisoformat(one.at) if one.at else timedelta()
    if age > timedelta(days=max_age_days):
        return f"it was measured {age.total_seconds() / 86_400:.1f} days ago, more than {max_age_days:g}"
    return ""


def _with(one: Judged, waivers: Sequence[Waiver], subject: str, now: str, before: Measurement | None) -> Judged:
    waiver = next((held for held in waivers if held.holds(one.check, subject, now)), None)
    if one.standing is Standing.PASSED:
        waiver = None
    return Judged(one.check, one.standing, one.reason, one.measurement, one.requirement, waiver, before)
