"""A judge's card: agreement with people, overall and by slice, with every control beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assay.evaluate.judges.agreement import agreement
from assay.evaluate.judges.labels import HumanLabel, labels_digest
from assay.records.digest import sha256_json
from assay.records.judging import Agreement, Control, JudgeCard, JudgeKind, JudgeSpec, Verdict

MIN_SLICE = 20
"""Slices with fewer labels are not shown."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A reply (or pair) on which judge and people both said something."""

    verdict: Verdict
    label: HumanLabel
    cluster: str
    slices: tuple[str, ...] = ()
    subject: str = ""
    """The run, or the pair of runs."""

    @property
    def human(self) -> bool:
        return self.label.value > 0.5


def passes(spec: JudgeSpec, value: float) -> bool:
    """The judge's word as one of two: of a reply that it passes, of a pair that the second is better."""
    return value > 0.5 if is_pairwise(spec) else spec.passes(value)


def is_pairwise(spec: JudgeSpec) -> bool:
    return spec.kind is JudgeKind.PAIRWISE or any(member.kind is JudgeKind.PAIRWISE for member in spec.members)


def sorted_out(spec: JudgeSpec, rows: Sequence[Compared]) -> tuple[list[Compared], dict[str, int]]:
    """Rows that can be counted, and how many cannot by reason: no verdict, or a tie of judge or people on a pair."""
    kept, reasons = [], Counter[str]()
    for row in rows:
        value = row.verdict.judgement.value
        if value is None:
            reasons[row.verdict.judgement.reason] += 1
        elif is_pairwise(spec) and row.label.value == 0.5:
            reasons["tie.people"] += 1
        elif is_pairwise(spec) and value == 0.5:
            reasons["tie.judge"] += 1
        else:
            kept.append(row)
    return kept, dict(sorted(reasons.items()))


def measured(spec: JudgeSpec, rows: Sequence[Compared], level: float = 0.95) -> Agreement:
    """Agreement on rows that `sorted_out` kept."""
    return agreement(
        [passes(spec, row.verdict.judgement.value or 0.0) for row in rows],
        [row.human for row in rows],
        [row.cluster for row in rows],
        level=level,
    )


def make_card(
    spec: JudgeSpec, rows: Sequence[Compared], *, labels: str, controls: Sequence[Control], anchors: str, now: str,
    expires: str, versions: Mapping[str, str],
) -> JudgeCard:  # fmt: skip
    """The card of one judge on these rows. Its id is the SHA-256 of everything else in it."""
    kept, reasons = sorted_out(spec, rows)
    slices = sorted({name for row in kept for name in row.slices})
    by_slice = {name: [row for row in kept if name in row.slices] for name in slices}
    people = {person for row in rows for person in row.label.annotators}
    made = JudgeCard(
        card_id="",
        judge=spec.name,
        digest=spec.digest,
        spec=spec,
        labels=labels,
        labels_digest=labels_digest(row.label for row in rows),
        annotators=len(people),
        agreement=measured(spec, kept),
        slices={name: measured(spec, part) for name, part in by_slice.items() if len(part) >= MIN_SLICE},
        controls=tuple(controls),
        unscored=reasons,
        models=tuple(sorted({name for row in rows for name in row.verdict.judgement.models})),
        anchors=anchors,
        created_at=now,
        expires_at=expires,
        versions=dict(versions),
        notes=_notes(kept, len(people)),
    )
    return replace(made, card_id=sha256_json(made))


def _notes(kept: Sequence[Compared], people: int) -> tuple[str, ...]:
    notes = []
    if people == 1:
        notes.append("labels of one person only: how far people agree among themselves is not known")
    if people == 0:
        notes.append("the labels do not say who gave them")
    passed = sum(row.human for row in kept)
    if kept and passed in (0, len(kept)):
        missing = "TNR" if passed else "TPR"
        notes.append(f"people {'passed' if passed else 'failed'} every reply: {missing} and kappa are not known")
    return tuple(notes)
