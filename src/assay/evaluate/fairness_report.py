"""What was found about groups, told: in lines, in a figure, on a page, and as a measurement for the safety report."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.evaluate.fairness import Held
from assay.evaluate.page import page, section
from assay.plot.figure import Figure
from assay.plot.groups import GroupMark, Groups, figure_groups
from assay.records.digest import plain
from assay.records.safety import Measurement, Slice
from assay.stats.contrast import Limits
from assay.stats.disparity import Disparity, GroupRow, Reading

RISKS = ("NIST AI 600-1 2.6", "EU AI Act Art. 10", "EU AI Act Art. 15")
"""Harmful bias and homogenization; examination for possible biases; accuracy and robustness."""


def sentence(held: Held) -> str:
    """What the groups came to, in one line."""
    found, name = held.disparity, f"{held.measure} by {held.by}"
    spread = f"values reach from {_least(found):.3f} to {_least(found) + found.largest_difference:.3f}"
    if found.tolerance is None:
        told = "no tolerance is declared, so nothing is judged"
        if found.p_groups is not None:
            told += f"; that group does not matter has p = {_p(found.p_groups)}"
        return f"{name}: {spread} over {len(found.rows)} groups; {told}."
    about = f"tolerated: {found.tolerance} to {found.reference}"
    match found.reading:
        case Reading.UNFAIR:
            told = f"unfair to or for {_names(found, Reading.UNFAIR)}"
        case Reading.FAIR:
            told = "every group is shown to lie within the tolerance"
        case _:
            told = f"needs more data: {need(found)}"
    return f"{name}: {told} ({about}; {spread})."


def need(found: Disparity) -> str:
    """Which groups are not settled and how many cases each is likely to need."""
    open_rows = [row for row in found.rows if row.reading in (Reading.OPEN, Reading.SMALL)]
    told = [f"{row.name} has {row.n} cases and needs about {row.n_needed:,}" for row in open_rows if row.n_needed]
    more = f" and {len(told) - 4} more groups" if len(told) > 4 else ""
    return "; ".join(told[:4]) + more if told else f"{len(open_rows)} groups cannot be held against a reference"


def _least(found: Disparity) -> float:
    large = [row.value for row in found.rows if row.reading is not Reading.SMALL]
    return min(large or [row.value for row in found.rows])


def _names(found: Disparity, reading: Reading) -> str:
    return ", ".join(f"{row.name} ({row.value:.3f} against {row.against})" for row in found.of(reading))


def _p(value: float) -> str:
    return "below .001" if value < 0.001 else f"{value:.3f}"


def figure(held: Held, identity: str = "groups") -> Figure:
    """The forest of groups with the tolerance as a band."""
    found = held.disparity
    ratio = found.tolerance is not None and found.tolerance.ratio is not None
    tolerance = (found.tolerance.ratio if ratio else found.tolerance.difference) if found.tolerance else None
    band = None if tolerance is None else (1.0 / tolerance, tolerance) if ratio else (-tolerance, tolerance)
    marks = tuple(_mark(row, ratio) for row in sorted(found.rows, key=_worst_first(held)))
    reference = {"overall": "all cases", "best": "the best group"}.get(found.reference, found.reference)
    return figure_groups(
        Groups(held.measure, held.by, f"{'ratio' if ratio else 'difference'} to {reference}", marks, sentence(held),
               band, 1.0 if ratio else 0.0, notes(held)),
        identity,
    )  # fmt: skip


def _worst_first(held: Held) -> Callable[[GroupRow], tuple[bool, float, str]]:
    sign = 1.0 if held.higher_is_better else -1.0
    return lambda row: (row.reading is Reading.SMALL, sign * row.value, row.name)


def _mark(row: GroupRow, ratio: bool) -> GroupMark:
    none = Limits(None, None, None)
    limits = (row.ratio if ratio else row.difference) or none
    return GroupMark(row.name, row.n, row.value, limits.estimate, limits.low, limits.high, str(row.reading))


def notes(held: Held) -> tuple[str, ...]:
    """How the numbers were made and what was left out."""
    found = held.disparity
    told = [f"Intervals at {100 * found.level:g} %, the level at which one inside the band means fair."]
    if found.tolerance is not None:
        told.append("Unfair after Holm's correction over the groups.")
    if found.p_groups is not None:
        told.append(f"Permutation test that group does not matter: p = {_p(found.p_groups)}.")
    if held.outside:
        told.append(f"{held.outside} cases say nothing of {held.by}, or stand in no group that was asked for.")
    if held.dropped:
        told.append("Left out: " + ", ".join(f"{count} {reason}" for reason, count in held.dropped.items()) + ".")
    return tuple(told)


def html(title: str, about: str, found: Sequence[Held]) -> str:
    """A page of its own that fetches nothing."""
    sections = [
        section(f"{held.measure} by {held.by}", figure(held, f"groups-{number}").html())
        for number, held in enumerate(found)
    ]
    return page(title, about, sections)


def markdown(found: Sequence[Held]) -> str:
    """For a pull request."""
    return "\n".join(figure(held).markdown() for held in found)


def measurement(
    held: Held, subject: str, *, prefix: str = "fairness", control: str = "", command: str = "",
    digests: Mapping[str, str] | None = None,
) -> Measurement:  # fmt: skip
    """The largest disparity of a measure as evidence: `fairness.METRIC.BY`, the groups' values as slices.

    With a tolerance, `value` is the group farthest from its reference (as a ratio above 1 or a difference), `high` the
    upper limit of the one that reaches farthest, and passing asks for that limit to be within: a suite that is too
    small does not pass. Without one, the largest difference between groups is reported.
    """
    found = held.disparity
    told = f"{held.measure} differs between groups by {held.by} by no more than is tolerated"
    value, high = _farthest(found)
    stated = found.tolerance
    threshold = None if stated is None else stated.ratio or stated.difference
    settled, shown = found.reading is not Reading.OPEN, found.reading is Reading.UNFAIR
    return Measurement(
        check=f"{prefix}.{_named(held.measure)}.{_named(held.by)}", subject=subject, control=control or told,
        risks=RISKS, n=found.n if stated is None or value is not None else 0, value=value, high=high,
        level=found.level, threshold=threshold, by_limit=stated is not None and not shown,
        slices=tuple(_slice(held.by, row) for row in found.rows), digests=tuple((digests or {}).items()),
        command=command, reason="" if settled or stated is None else need(found),
    )  # fmt: skip


def _slice(by: str, row: GroupRow) -> Slice:
    low, high = (row.interval.low, row.interval.high) if row.interval else (None, None)
    return Slice(f"{by}={row.name}", row.n, row.value, low, high)


def _farthest(found: Disparity) -> tuple[float | None, float | None]:
    """The largest disparity and the farthest end of an interval; no end where some group has none or was not judged."""
    if found.tolerance is None:
        return found.largest_difference, None
    ratio = found.tolerance.ratio is not None
    ends: list[float | None] = []
    values: list[float] = []
    for row in found.rows:
        limits = row.ratio if ratio else row.difference
        if row.reading is Reading.REFERENCE:
            continue
        if limits is None or limits.low is None or limits.high is None:
            ends.append(None)
        else:
            ends.append(_away(limits.low, limits.high, ratio))
        if limits is not None and (far := _far(limits, ratio)) is not None:
            values.append(far)
    known = [one for one in ends if one is not None]
    return max(values, default=None), max(known) if known and len(known) == len(ends) else None


def _far(limits: Limits, ratio: bool) -> float | None:
    """The disparity; of a ratio without a bound, how far it is at least."""
    if limits.estimate is None:
        return _away(limits.low, limits.low, ratio) if limits.low else None
    if limits.estimate == 0.0 and ratio:
        return 1.0 / limits.high if limits.high else None
    return _away(limits.estimate, limits.estimate, ratio)


def _away(low: float, high: float, ratio: bool) -> float | None:
    if not ratio:
        return max(abs(low), abs(high))
    return max(high, 1.0 / low) if low > 0.0 else None


def _named(text: str) -> str:
    """A name as it may stand in the name of a check."""
    return re.sub(r"[^a-z0-9_@]+", "_", text.lower()).strip("_")


def twin(held: Held) -> dict[str, Any]:
    """The same as JSON values."""
    found = held.disparity
    return {
        "measure": held.measure, "by": held.by, "higher_is_better": held.higher_is_better, "unit": held.unit,
        "n": found.n, "overall": found.overall, "reference": found.reference, "level": found.level,
        "tolerance": str(found.tolerance) if found.tolerance else None, "reading": str(found.reading),
        "sentence": sentence(held), "p_groups": found.p_groups, "largest_difference": found.largest_difference,
        "largest_ratio": found.largest_ratio, "n_needed": found.n_needed, "outside": held.outside,
        "groups": plain(found.rows),
    }  # fmt: skip
