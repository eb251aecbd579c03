"""Cases as lines of JSON, the format people write golden sets in.

One object per line, UTF-8. Only `question` is required:

| key | value | meaning |
| --- | --- | --- |
| `id` | text | unique in the file; made from the question when absent |
| `question` | text | what is asked |
| `history` | list of texts (the user's turns) or of `{"role", "content"}` | what was said before, oldest first |
| `answerable` | true or false, default true | false: the right behaviour is to decline |
| `answer` or `answers` | text, or list of texts | acceptable answers, any of which is right |
| `evidence` | list of `{"doc", "quote", "grade"}` | where the answer stands; `quote` word for word, `grade` from 1. On an unanswerable case: documents that this caller must not be shown |
| `must`, `must_not` | lists of texts | what a right answer contains; what no acceptable answer contains |
| `slices` | list of texts, or object of texts | `["kind=numeric"]` and `{"kind": "numeric"}` are the same |
| `tenant`, `groups` | text, list of texts | on whose behalf it is asked |
| `cluster` | text | cases that depend on one another share it |
| `split` | text, default `test` | |
| `provenance` | object of texts | who wrote it, when, from what |
| `label` | text | the class, for a classifier |
| `fields` | object of JSON values | what an extractor must find; null: this field must be left out |
| `spans` | list of `{"start", "end", "label"}` | labelled stretches of the question, in characters, end excluded |
| `tools` | list of `{"name", "arguments"}` | the calls that should be made |
| `nuggets` | list of texts (vital) or of `{"text", "vital"}` | facts that a good answer holds |
| `canary` | text | written by `export`, the same in every row of a set; not part of the case |
| `relation` | `{"kind", "of", "quantity", "direction", "tolerance"}` | CheckList: `minimum`, `invariance` or `directional`, with respect to the case `of` |
"""  # noqa: E501  (a table row cannot be wrapped)

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from assay.golden.expecting import KEYS as TASK_KEYS
from assay.golden.expecting import check_relations, read_task, task_row
from assay.golden.fields import Fields
from assay.golden.problems import BadCases, Problem
from assay.records.access import Scope
from assay.records.dialogue import Turn
from assay.records.digest import sha256_json
from assay.records.golden import Case, Evidence, Expected

KEYS = frozenset({
    "id", "question", "history", "answerable", "answer", "answers", "evidence", "must", "must_not", "slices", "tenant",
    "groups", "cluster", "split", "provenance", "canary",
}) | TASK_KEYS  # fmt: skip
ROLES = frozenset({"user", "assistant", "system"})
Row = TypeVar("Row")


def read_cases(data: bytes, name: str) -> tuple[Case, ...]:
    """The cases of a JSONL file, in order. Raises BadCases (`golden.invalid`) with every problem in the file."""
    problems: list[Problem] = []
    cases = read_rows(data, name, problems, _case)
    _check_ids(cases, problems)
    if not problems:  # a line that could not be read may be the one that a relation names
        check_relations(cases, problems)
    if not cases and not problems:
        problems.append(Problem(0, "$", "golden.empty", "there is no case in it"))
    if problems:
        raise BadCases(name, sorted(problems, key=lambda problem: problem.line))
    return tuple(case for _, case in cases)


def stated_canary(data: bytes) -> str:
    """The canary that the first row carries, empty when it has none."""
    found = re.search(rb'"canary"\s*:\s*"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"', data.partition(b"\n")[0])
    return found.group(1).decode() if found else ""


def write_cases(cases: tuple[Case, ...], canary: str = "") -> bytes:
    """The JSONL that `read_cases` reads back to the same cases. Keys at their default are left out; a canary stands in
    every row, so that each can be found where it should not be."""
    marked = {"canary": canary} if canary else {}
    return b"".join(
        json.dumps(_row(case) | marked, ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode() + b"\n"
        for case in cases
    )


def made_id(question: str, scope: Scope) -> str:
    """The id of a case that was given none: the same for the same question in the same scope."""
    return f"case-{sha256_json([question, scope])[:10]}"


def read_rows(
    data: bytes, name: str, problems: list[Problem], make: Callable[[Fields], Row | None]
) -> list[tuple[int, Row]]:
    """What `make` makes of each line's object, with the line's number. Problems are added to `problems`."""
    rows: list[tuple[int, Row]] = []
    for line, text in _lines(data, name):
        try:
            value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
        except _Twice:
            problems.append(Problem(line, "$", "golden.duplicate_key", "a key stands in one object twice"))
            continue
        except (ValueError, RecursionError):
            problems.append(Problem(line, "$", "golden.bad_json", "is no JSON"))
            continue
        if not isinstance(value, dict):
            problems.append(Problem(line, "$", "golden.wrong_type", "must be an object"))
            continue
        before = len(problems)
        row = make(Fields(value, line, "$", problems))
        if row is not None and len(problems) == before:
            rows.append((line, row))
    return rows


class _Twice(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _lines(data: bytes, name: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank. Only a line feed ends one: JSON texts may hold other separators."""
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            raise BadCases(name, [Problem(number, "$", "golden.not_utf8", "is not UTF-8")]) from None
        if text:
            yield number, text


def _case(fields: Fields) -> Case | None:
    fields.only(KEYS)
    question = fields.text("question", required=True)
    if fields.has("answer") and fields.has("answers"):
        fields.report("answer", "golden.answer_and_answers", "give `answer` or `answers`, not both")
    scope = Scope(fields.text("tenant") or "default", frozenset(fields.texts("groups")))
    expected = Expected(
        answerable=fields.flag("answerable", default=True),
        answers=fields.texts("answers" if fields.has("answers") else "answer", one_is_enough=True),
        evidence=tuple(_evidence(item) for item in fields.objects("evidence")),
        must=fields.texts("must"),
        must_not=fields.texts("must_not"),
        **read_task(fields, question),
    )
    return Case(
        case_id=fields.text("id") or made_id(question, scope),
        question=question,
        expected=expected,
        history=_history(fields),
        scope=scope,
        slices=_slices(fields),
        cluster=fields.text("cluster"),
        split=fields.text("split") or "test",
        provenance=fields.named_texts("provenance"),
    )


def _evidence(fields: Fields) -> Evidence:
    fields.only(frozenset({"doc", "quote", "grade"}))
    return Evidence(fields.text("doc", required=True), fields.text("quote"), fields.count("grade", default=1))


def _history(fields: Fields) -> tuple[Turn, ...]:
    if fields.all_texts("history"):
        return tuple(Turn("user", text) for text in fields.texts("history"))
    turns = []
    for item in fields.objects("history"):
        item.only(frozenset({"role", "content"}))
        turn = Turn(item.text("role", required=True), item.text("content", required=True))
        if turn.role and turn.role not in ROLES:
            item.report("role", "golden.bad_role", f"must be one of {', '.join(sorted(ROLES))}")
        turns.append(turn)
    return tuple(turns)


def _slices(fields: Fields) -> tuple[str, ...]:
    if fields.is_object("slices"):
        return tuple(f"{name}={value}" for name, value in fields.named_texts("slices").items())
    return fields.texts("slices")


def _check_ids(cases: list[tuple[int, Case]], problems: list[Problem]) -> None:
    first: dict[str, int] = {}
    for line, case in cases:
        if case.case_id in first:
            what = f"the same id as in line {first[case.case_id]}"
            problems.append(Problem(line, "$.id", "golden.duplicate_id", what))
        first.setdefault(case.case_id, line)


def _row(case: Case) -> dict[str, Any]:
    expected, scope = case.expected, case.scope
    evidence = [
        {"doc": e.doc_id} | ({"quote": e.quote} if e.quote else {}) | ({"grade": e.grade} if e.grade != 1 else {})
        for e in expected.evidence
    ]
    row: dict[str, Any] = {
        "id": case.case_id,
        "question": case.question,
        "history": [{"role": turn.role, "content": turn.content} for turn in case.history],
        "answerable": expected.answerable,
        "answers": list(expected.answers),
        "evidence": evidence,
        "must": list(expected.must),
        "must_not": list(expected.must_not),
        "slices": list(case.slices),
        "tenant": scope.tenant,
        "groups": sorted(scope.groups),
        "cluster": case.cluster,
        "split": case.split,
        "provenance": case.provenance,
    } | task_row(expected)
    defaults = {"answerable": True, "tenant": "default", "split": "test"}
    return {key: value for key, value in row.items() if value != defaults.get(key) and value not in ([], {}, "")}
