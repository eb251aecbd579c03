"""A person's word on each draft: accepted as it is, accepted with changes, or rejected; once, with name and time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.golden.drafts import Draft
from assay.golden.fields import Fields
from assay.golden.jsonl import read_cases, read_rows, write_cases
from assay.golden.problems import BadCases, Problem
from assay.records.errors import InputError
from assay.records.golden import Case
from assay.records.ledger import Entry

DRAFTED = "golden.draft"
REVIEWED = "golden.review"
DECISIONS = ("accept", "edit", "reject")
EDITABLE = frozenset({
    "question", "answers", "answer", "answerable", "evidence", "must", "must_not", "slices", "cluster", "split",
    "history", "nuggets",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided of one draft. `changes` are keys of the file format with their new values."""

    draft_id: str
    decision: str
    changes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def draft_entry(name: str, draft: Draft, at: str) -> Entry:
    """The draft as a fact of the ledger: its case as a row of the file format, so that it reads back the same."""
    row = json.loads(write_cases((draft.case,)))
    body = {
        "row": row, "kind": draft.kind, "checks": draft.checks, "text_sha256": draft.text_sha256,
        "start": draft.start, "end": draft.end,
    }  # fmt: skip
    return Entry(DRAFTED, name, draft.draft_id, body, at)


def read_draft(entry: Entry) -> Draft:
    """The draft that an entry holds."""
    body = entry.body
    (case,) = read_cases(json.dumps(body["row"]).encode(), entry.key)
    return Draft(case, body["kind"], dict(body["checks"]), body["text_sha256"], body["start"], body["end"])


def review_entry(name: str, made: Decision, by: str, at: str) -> Entry:
    body = {"decision": made.decision, "by": by, "changes": made.changes, "reason": made.reason}
    return Entry(REVIEWED, name, made.draft_id, body, at)


def read_decisions(data: bytes, name: str) -> tuple[Decision, ...]:
    """Decisions from JSONL: `{"draft": id, "decision": "accept" | "edit" | "reject"}`, for `edit` with the changed keys
    under `case`, and a `reason` where there is one; lines whose `decision` is empty are left out.

    Other keys that an export of the open drafts has are read over. Raises BadCases with every problem in the file.
    """
    problems: list[Problem] = []
    rows = [made for _, made in read_rows(data, name, problems, _decision) if made.decision]
    seen: set[str] = set()
    for made in rows:
        if made.draft_id in seen:
            problems.append(Problem(0, "$.draft", "golden.duplicate_id", "a draft stands in the file twice"))
        seen.add(made.draft_id)
    if problems:
        raise BadCases(name, problems)
    return tuple(rows)


def _decision(fields: Fields) -> Decision:
    fields.only(frozenset({"draft", "decision", "case", "reason", "checks", "kind", "question", "answers", "evidence"}))
    decision = fields.text("decision")
    if decision and decision not in DECISIONS:
        fields.report("decision", "golden.bad_decision", f"must be one of {', '.join(DECISIONS)}")
    changes = fields.json_object("case")
    inner = Fields(changes, fields.line, f"{fields.path}.case", fields.problems)
    inner.only(EDITABLE)
    if decision == "edit" and not changes:
        fields.report("case", "golden.missing", "is missing: what to change")
    if changes and decision not in ("edit", ""):
        fields.report("case", "golden.bad_decision", "only an edit changes a case")
    return Decision(fields.text("draft", required=True), decision, changes, fields.text("reason"))


def accepted_case(draft: Draft, made: Decision, by: str, at: str) -> Case:
    """The case as it enters the set; its provenance says who accepted it, when, and whether it was changed.

    Raises BadCases when the changes make no case.
    """
    case = draft.case
    if made.decision == "edit":
        row = json.loads(write_cases((case,)))
        if "answer" in made.changes:
            row.pop("answers", None)
        row |= made.changes
        (case,) = read_cases(json.dumps(row).encode(), draft.draft_id)
    edited = {"edited": ", ".join(sorted(made.changes))} if made.changes else {}
    return replace(case, provenance={**case.provenance, "accepted_by": by, "accepted_at": at, **edited})


def settled(
    decisions: Sequence[Decision], drafts: Mapping[str, Draft], before: Mapping[str, Entry]
) -> tuple[Decision, ...]:
    """The decisions that are new. Raises InputError for drafts that are not of this set (`golden.unknown_draft`) and
    for such as somebody decided otherwise (`golden.decided_draft`)."""
    unknown = [
        at for at, made in enumerate(decisions, 1) if made.draft_id not in drafts and made.draft_id not in before
    ]
    if unknown:
        raise InputError(
            "golden.unknown_draft", f"{len(unknown)} of {len(decisions)} decisions are about drafts of another set",
            where=f"decision {unknown[0]}", remedy="assay golden review NAME --json shows this set's open drafts",
        )  # fmt: skip
    new = []
    for at, made in enumerate(decisions, 1):
        old = before.get(made.draft_id)
        if old is None:
            new.append(made)
        elif (old.body["decision"], old.body["changes"]) != (made.decision, made.changes):
            raise InputError(
                "golden.decided_draft", "this draft was decided before, and otherwise", where=f"decision {at}",
                remedy="change the case itself: assay golden export, then import",
            )  # fmt: skip
    return tuple(new)
