"""The data sheet of a golden set: what is in it, where it comes from, what the checks say, how to cite it."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from assay.golden.check import clusters_of
from assay.golden.problems import Finding
from assay.golden.sheet_known import UNKNOWN, Known, licences, made_by_rule, people, recipes
from assay.records.golden import Case, GoldenSet

MOST_VALUES = 12
"""A field with more different values than this is described by their number."""
_MARKUP = re.compile(r"([\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_]))")
"""An underscore inside a word is no markup."""


def data_sheet(golden: GoldenSet, findings: Sequence[Finding] = (), known: Known | None = None) -> str:
    """Markdown, after "Datasheets for Datasets" (Gebru et al., 2021): composition and provenance counted from the
    cases, and with what is `known` of the set beyond them its collection, labelling, uses, distribution and
    maintenance. What nobody stated is said to be so. Names from the set are shown, never rendered."""
    parts = [
        f"# Golden set {_text(golden.name)}",
        _facts(golden),
        _composition(golden.cases),
        _table("Slices", ("slice", "cases"), _counted(name for case in golden.cases for name in case.slices)),
        _provenance(golden.cases),
        _checks(findings),
        *(_beyond(golden, known) if known else ()),
        _citing(golden),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(golden: GoldenSet) -> str:
    lines = [f"- Version: `{golden.version}`"]
    if golden.created_at:
        lines.append(f"- Made: {_text(golden.created_at)}")
    if golden.note:
        lines.append(f"- Note: {_text(golden.note)}")
    return "\n".join(lines)


def _composition(cases: Sequence[Case]) -> str:
    expected = [case.expected for case in cases]
    rows = [
        ("cases", len(cases)),
        ("clusters", len(set(clusters_of(cases)))),
        ("answerable", sum(e.answerable for e in expected)),
        ("unanswerable", sum(not e.answerable for e in expected)),
        ("with a gold answer", sum(bool(e.answers) for e in expected)),
        ("with a quoted piece of evidence", sum(any(x.quote for x in e.evidence) for e in expected)),
        ("with evidence in several documents", sum(len({x.doc_id for x in e.evidence}) > 1 for e in expected)),
        ("with a conversation before the question", sum(bool(case.history) for case in cases)),
        *((f"split {split}", count) for split, count in _counted(case.split for case in cases)),
        *((f"tenant {tenant}", count) for tenant, count in _counted(case.scope.tenant for case in cases)),
    ]
    return _table("What is in it", ("", "number"), rows)


def _provenance(cases: Sequence[Case]) -> str:
    rows: list[tuple[str, object]] = []
    for field in sorted({field for case in cases for field in case.provenance}):
        values = _counted(case.provenance[field] for case in cases if field in case.provenance)
        if len(values) > MOST_VALUES:
            rows.append((field, f"{len(values)} different values"))
        else:
            rows.append((field, ", ".join(f"{value} ({count})" for value, count in values)))
    unknown = sum(not case.provenance for case in cases)
    if unknown:
        rows.append(("(not stated)", f"{unknown} cases"))
    return _table("Where it comes from", ("field", "values (cases)"), rows)


def _beyond(golden: GoldenSet, known: Known) -> tuple[str, ...]:
    """The sections on how the set was made and may be used."""
    drafted = ", ".join(f"{count} {kind}" for kind, count in known.drafts if count)
    collection = [
        ("written or accepted by", ", ".join(people(golden)[:MOST_VALUES]) or UNKNOWN),
        ("drafted by a program", f"{made_by_rule(golden)} of {len(golden.cases)} cases"),
        ("programs", ", ".join(recipes(golden)) or "none"),
        *((("drafts", drafted),) if drafted else ()),
        ("personal data", "not examined by this sheet: assay ingest scans documents, not cases"),
    ]
    labels = [
        (one.name, f"{one.items} items, {one.per_item} people each; {one.agreement}") for one in known.labels
    ] or [("labelling tasks", "none in this workspace")]
    limit = f" of {known.budget}" if known.budget else ""
    uses = [
        ("meant for", "testing; never for training, tuning, prompts or an index"),
        *((f"looks at split {split or '(all cases)'}", f"{count}{limit}") for split, count in known.looks),
    ]
    distribution = [
        ("licence", ", ".join(licences(golden)) or UNKNOWN),
        ("canary", known.canary or "none yet: assay golden export makes one"),
    ]
    maintenance = [
        ("this version", f"number {known.number}" if known.number else UNKNOWN),
        ("corrections", "each makes a new version; the earlier ones stay: assay golden diff NAME A B"),
    ]
    return tuple(
        _table(title, ("", "known"), rows)
        for title, rows in (
            ("How it was collected", collection), ("How it was labelled", labels), ("What it is for", uses),
            ("How it is distributed", distribution), ("How it is maintained", maintenance),
        )
    )  # fmt: skip


def _checks(findings: Sequence[Finding]) -> str:
    if not findings:
        return "## Checks\n\nNothing was found."
    severity = {finding.code: finding.severity for finding in findings}
    rows = [(f"{severity[code]}: {code}", count) for code, count in _counted(f.code for f in findings)]
    return _table("Checks", ("finding", "number"), rows)


def _citing(golden: GoldenSet) -> str:
    return (
        "## How to cite it\n\n"
        f"{_text(golden.name)}@{golden.version}\n\n"
        "The version is the SHA-256 of the cases: whoever holds the same version holds the same cases."
    )


def _counted(names: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(names).items())


def _table(title: str, header: tuple[str, str], rows: Sequence[tuple[str, object]]) -> str:
    if not rows:
        return ""
    lines = [f"| {_text(str(name))} | {_text(str(value))} |" for name, value in rows]
    return "\n".join([f"## {title}", "", f"| {header[0]} | {header[1]} |", "| --- | ---: |", *lines])


def _text(text: str) -> str:
    """A name from the set on one line, with everything Markdown or HTML would act on escaped."""
    return _MARKUP.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
