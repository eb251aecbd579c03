"""Cases from what teams already have: our JSONL, a CSV of questions and answers, a retrieval set in BEIR's layout."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from pathlib import Path

from assay.golden.fields import Fields
from assay.golden.jsonl import made_id, read_cases, read_rows
from assay.golden.problems import BadCases, Problem
from assay.records.access import Scope
from assay.records.dialogue import Turn
from assay.records.errors import InputError
from assay.records.golden import Case, Evidence, Expected

DECLINED = frozenset({"UNANSWERABLE", "UNDERSPECIFIED"})
"""MT-RAG's labels of questions that a grounded system must not answer."""
CONVERSATION = "<::>"
"""In MT-RAG's ids: what stands before it names the conversation."""
CATEGORIES = frozenset({"type", "kind", "category", "language", "topic", "difficulty"})
"""A CSV column whose name ends in one of these words becomes a slice."""
CSV_COLUMNS = frozenset({"id", "question", "answer", "doc", "quote", "tenant", "split", "cluster", "label"})


def read_path(path: Path) -> tuple[Case, ...]:
    """The cases of a JSONL file, a CSV file (`.csv`) or a BEIR-style folder. Raises InputError, code `golden.*`."""
    try:
        if path.is_dir():
            return read_beir((path / "queries.jsonl").read_bytes(), _qrels(path).read_bytes(), path.name)
        read = read_csv if path.suffix.lower() == ".csv" else read_cases
        return read(path.read_bytes(), path.name)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        remedy = "a folder must hold queries.jsonl and qrels/test.tsv" if path.is_dir() else "check the path"
        raise InputError("golden.unreadable", f"cannot be read ({reason})", where=str(path), remedy=remedy) from error


def _qrels(folder: Path) -> Path:
    """`qrels/test.tsv`, or the only other file there."""
    found = sorted((folder / "qrels").glob("*.tsv"))
    return found[0] if len(found) == 1 else folder / "qrels" / "test.tsv"


def read_beir(queries: bytes, qrels: bytes, name: str = "queries.jsonl") -> tuple[Case, ...]:
    """Cases from queries (`_id`, `text`, and where there are any `answer`, `history`, `answerability`) and judgements.

    A query without a positive judgement is a case only when it states its answerability: the others belong to another
    part of the set, as BEIR's layout means it. Cases of one conversation, and else of one first document, are a
    cluster. Raises BadCases with every problem in both files.
    """
    problems: list[Problem] = []
    judged = _judgements(qrels, problems)
    rows = read_rows(queries, name, problems, lambda fields: _query(fields, judged))
    first: dict[str, int] = {}
    for line, case in rows:
        if first.setdefault(case.case_id, line) != line:
            what = f"the same id as in line {first[case.case_id]}"
            problems.append(Problem(line, "$._id", "golden.duplicate_id", what))
    cases = tuple(case for _, case in rows if case.expected.evidence or "answerability" in case.provenance)
    if not cases and not problems:
        problems.append(Problem(0, "$", "golden.empty", "no query has a judgement"))
    if problems:
        raise BadCases(name, problems)
    return cases


def _judgements(qrels: bytes, problems: list[Problem]) -> dict[str, list[Evidence]]:
    """Relevant documents by query: tab-separated query, document, grade (or TREC's four columns), header or not."""
    judged: dict[str, list[Evidence]] = defaultdict(list)
    for line, text in enumerate(qrels.decode("utf-8-sig", errors="replace").split("\n"), start=1):
        columns = text.strip("\r").split("\t")
        if len(columns) == 4:
            del columns[1]
        if not text.strip() or (line == 1 and not columns[-1].strip().lstrip("-").isdecimal()):
            continue
        if len(columns) != 3 or not columns[2].strip().lstrip("-").isdecimal():
            what = "must be query, document and a whole number, separated by tabs"
            problems.append(Problem(line, "qrels", "golden.bad_qrels", what))
        elif (grade := int(columns[2])) > 0:
            judged[columns[0]].append(Evidence(columns[1], grade=grade))
    return judged


def _query(fields: Fields, judged: dict[str, list[Evidence]]) -> Case:
    query_id = fields.text("_id", required=True)
    labels = fields.texts("answerability", one_is_enough=True)
    evidence = tuple(judged.get(query_id, ()))
    declined = not DECLINED.isdisjoint(labels)
    conversation, in_conversation, _ = query_id.partition(CONVERSATION)
    label = "+".join(labels)
    return Case(
        case_id=query_id,
        question=fields.text("text", required=True),
        # what a declined question's judgements name is on its topic, not forbidden: it is no evidence of anything
        expected=Expected(not declined, _answers(fields, declined), () if declined else evidence),
        history=tuple(Turn("user", text) for text in fields.texts("history")),
        slices=(f"answerability={label.lower()}",) if label else (),
        cluster=conversation if in_conversation else (evidence[0].doc_id if evidence else ""),
        provenance={"format": "beir"} | ({"answerability": label} if label else {}),
    )


def _answers(fields: Fields, declined: bool) -> tuple[str, ...]:
    if declined or fields.value.get("answer") == "":
        return ()
    return fields.texts("answer", one_is_enough=True)


def read_csv(data: bytes, name: str) -> tuple[Case, ...]:
    """Cases from a table with a header: `question`, and where there are any `id`, `answer`, `doc`, `quote`, `tenant`,
    `split`, `cluster`, `label` (in any case). Columns named as a category become slices, all others provenance.

    Raises BadCases with every problem in the file.
    """
    problems: list[Problem] = []
    rows = _table(data, name)
    if not rows or "question" not in rows[0][1]:
        raise BadCases(name, [Problem(1, "$", "golden.missing", "there is no column named question")])
    cases: dict[str, Case] = {}
    for line, row in rows[1:]:
        case = _csv_case(dict(zip(rows[0][1], row, strict=False)))
        if len(row) > len(rows[0][1]):
            problems.append(Problem(line, "$", "golden.bad_csv", "has more columns than the header"))
        if not case.question:
            problems.append(Problem(line, "$.question", "golden.empty_question", "is empty"))
        if case.case_id in cases:
            problems.append(Problem(line, "$.id", "golden.duplicate_id", "the same id, or question, as a line above"))
        cases[case.case_id] = case
    if not cases:
        problems.append(Problem(0, "$", "golden.empty", "there is no case in it"))
    if problems:
        raise BadCases(name, problems)
    return tuple(cases.values())


def _table(data: bytes, name: str) -> list[tuple[int, list[str]]]:
    """Rows that are not blank with the line they end in; the header's names are lower case."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except UnicodeDecodeError:
        raise BadCases(name, [Problem(0, "$", "golden.not_utf8", "is not UTF-8")]) from None
    except csv.Error:
        raise BadCases(name, [Problem(reader.line_num, "$", "golden.bad_csv", "is no CSV")]) from None
    return [(line, [cell.strip().lower() for cell in row] if at == 0 else row) for at, (line, row) in enumerate(rows)]


def _csv_case(row: dict[str, str]) -> Case:
    cells = {name: cell.strip() for name, cell in row.items() if cell.strip()}
    others = {name: cell for name, cell in cells.items() if name not in CSV_COLUMNS}
    slices = {name.replace(" ", "_"): cell for name, cell in others.items() if _is_category(name)}
    scope = Scope(cells.get("tenant", "default"))
    question = cells.get("question", "")
    return Case(
        case_id=cells.get("id") or made_id(question, scope),
        question=question,
        expected=Expected(
            answers=(cells["answer"],) if "answer" in cells else (),
            evidence=(Evidence(cells["doc"], cells.get("quote", "")),) if "doc" in cells else (),
            label=cells.get("label", ""),
        ),
        scope=scope,
        slices=tuple(f"{name}={value}" for name, value in slices.items()),
        cluster=cells.get("cluster", ""),
        split=cells.get("split", "test"),
        provenance={"format": "csv"} | {name: cell for name, cell in others.items() if not _is_category(name)},
    )


def _is_category(column: str) -> bool:
    return column.replace("_", " ").split()[-1] in CATEGORIES
