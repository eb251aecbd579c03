"""What `assay label` prints of a task: how it was drawn, how far it is, how people agree, what they estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assay.cli.common import say, table

if TYPE_CHECKING:
    from assay.golden.labelling.agreement import Agreement, Figure
    from assay.golden.labelling.estimate import Estimate
    from assay.golden.labelling.standing import Standing
    from assay.records.labels import LabelTask
    from assay.wiring.labelling_standing import Status


def say_created(made: LabelTask, wanted: int) -> None:
    design = made.design
    asked, checks = len(made.asked), len(made.checks)
    say(
        f"{made.name}  {asked} of {design.population} drawn by {design.by}, {checks} attention checks, seed {made.seed}"
    )
    if asked < wanted:
        say(f"there are no more than {asked}")
    for reason, count in design.left_out.items():
        why = {"failed": "failed and have no reply", "no_partner": "have no partner in the other run"}.get(
            reason, reason
        )
        say(f"{count} samples {why}: they are not in what is estimated")
    if not checks:
        say("no attention checks: nothing will tell who reads and who clicks (--checks FILE, --swap-checks N)")
    say(f"Label them: assay label do {made.name} --as PSEUDONYM")


def say_status(found: Status) -> None:
    made = found.task
    how = ", ".join(f"{count} {kind}" for kind, count in found.resolved.items()) or "none"
    say(f"{made.name}  {len(made.asked)} items: resolved {how}; disputed {found.disputed}; open {found.unlabelled}")
    say(f"with all {made.per_item} labels: {found.complete}")
    if not found.people:
        say(f"nobody has labelled yet: assay label do {made.name} --as PSEUDONYM")
        return
    rows = [_person(p, found.assigned) for p in found.people]
    headers = ("person", "labels", "passed", "checks right", "seconds", "assigned", "labels count")
    say(table(headers, rows, right=(1, 2, 3, 4, 5)))
    _say_aside(made, [p.annotator for p in found.people if p.aside])
    if found.disputed:
        say(f"A third person decides {found.disputed} disputes: assay label adjudicate {made.name} --as PSEUDONYM")


def _person(one: Standing, assigned: Mapping[str, int]) -> tuple[object, ...]:
    seconds = "–" if one.seconds is None else f"{one.seconds:.0f}"
    stands = "SET ASIDE" if one.aside else "counts"
    checks = f"{one.checks_right}/{one.checks}"
    return one.annotator, one.labelled, one.passed, checks, seconds, assigned.get(one.annotator, ""), stands


def _say_aside(made: LabelTask, aside: list[str]) -> None:
    if aside:
        say(f"set aside: labels of {', '.join(aside)} (attention checks below {made.check_floor:.0%})")


def _figure(figure: Figure) -> str:
    return figure if isinstance(figure, str) else f"{figure.estimate:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def say_agreement(made: LabelTask, found: Agreement) -> None:
    say(f"{made.name}  {found.doubly} of {found.items} labelled items by at least two people; 95 % intervals")
    _say_aside(made, list(found.aside))
    say(f"all alike            {_figure(found.percent)}")
    say(f"Krippendorff's alpha {_figure(found.alpha)}")
    if found.first_chosen:
        say(f"the first was chosen {_figure(found.first_chosen)}")
    if found.pairs:
        rows = [(p.first, p.second, p.items, _figure(p.percent), _figure(p.kappa), _figure(p.ac1)) for p in found.pairs]
        say(table(("person", "and", "items", "percent", "Cohen's kappa", "Gwet's AC1"), rows, right=(2,)))
    if found.doubly:
        per_label = [(one.label, one.given, _figure(one.specific), _figure(one.alpha)) for one in found.labels]
        say(table(("label", "given", "the other said so too", "alpha of it or not"), per_label, right=(1,)))


def say_estimate(made: LabelTask, one: Estimate, level: float) -> None:
    from assay.golden.labelling.estimate import plan_sentence

    of = {"pair": "pairs", "case": made.golden_name}.get(made.kind.value, "all runs together")
    if one.run_id and made.kind.value == "reply":
        of = f"run {one.run_id}"
    if one.interval is None:
        say(f"{of}: {one.why_not}")
        return
    i = one.interval
    say(f"{of}: {' or '.join(made.positive)} {i.estimate:.1%}, {level:.0%} interval {i.low:.1%} to {i.high:.1%}")
    say(f"  {one.positive} of {one.labelled} labelled, from {one.population}; {i.method}; drawn by {made.design.by}")
    if one.between is not None:
        low, high = one.between
        say(f"  {one.disputed} disputed items are not in it: with them it lies between {low:.1%} and {high:.1%}")
    if one.plan is not None:
        say(f"  {plan_sentence(one.plan, made.name)}")


def say_doubts(made: LabelTask, standing: Status, agreed: Agreement) -> None:
    """What the interval does not know of."""
    alpha = agreed.alpha
    if isinstance(alpha, str):
        say(f"agreement: {alpha}")
    else:
        little = " (below .667: the labels themselves are in doubt, the interval does not know it)"
        say(f"agreement: Krippendorff's alpha {_figure(alpha)}{little if alpha.estimate < 0.667 else ''}")
    _say_aside(made, [p.annotator for p in standing.people if p.aside])
    single = standing.resolved.get("single", 0)
    if made.per_item > 1 and single:
        say(f"{single} items rest on one person alone")
    for reason, count in made.design.left_out.items():
        say(f"{count} samples are not in the population ({reason})")
