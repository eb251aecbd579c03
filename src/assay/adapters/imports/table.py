"""A plain table of scores: one row per case and repeat, one column per metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.adapters.imports.files import read_table
from assay.adapters.imports.inputs import count, positive, whole
from assay.adapters.imports.rows import MISSING, ForeignRun, Header, Row, Wishes, build, number
from assay.records.dialogue import Usage
from assay.records.errors import InputError

_ID = ("case_id", "id", "example_id", "sample_id", "question_id")
_NAMED = {
    "repeat": ("repeat", "epoch"),
    "question": ("question", "input", "prompt"),
    "answer": ("answer", "expected", "target", "reference"),
    "output": ("output", "reply", "response", "prediction"),
    "error": ("error",),
}
_MEASURED = ("latency_ms", "tokens_in", "tokens_out", "cost_usd")
_EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})


def read_csv(data: bytes, name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """One run. Needed: a column `case_id` (or `id`). Known where they are there: `repeat`, `question`, `answer`,
    `output`, `error`, `latency_ms`, `tokens_in`, `tokens_out`, `cost_usd`. A column whose cells are numbers, yes or no,
    or empty is a metric; all others can be named by `--cluster` and `--slice`.

    Raises InputError `import.no_id_column`, and `import.mixed_column` for a metric with a word among its numbers.
    """
    header, rows = read_table(data, name)
    lower = {column.lower(): column for column in header}
    named = {what: next((lower[n] for n in names if n in lower), "") for what, names in _NAMED.items()}
    key = next((lower[n] for n in _ID if n in lower), "")
    if not key:
        raise InputError(
            "import.no_id_column", "has no column that names the case", where=name,
            remedy=f"name it case_id (one of {', '.join(_ID)} is read)",
        )  # fmt: skip
    measured = [lower[n] for n in _MEASURED if n in lower]
    told = {key, *named.values(), *measured, *wishes.slices, wishes.cluster}
    metrics = [c for at, c in enumerate(header, 1) if c not in told and _is_metric(c, rows, f"column {at}", name)]
    made = [_row(line, row, key, named, metrics, {m.lower(): row.get(m, "") for m in measured}) for line, row in rows]
    dataset = Path(name).stem
    return (build(Header("csv", dataset=dataset, has_inputs=bool(named["question"])), made, wishes, name),)


def _is_metric(column: str, rows: Sequence[tuple[int, Mapping[str, str]]], place: str, name: str) -> bool:
    """True when its cells are numbers. A column of words is none; one of both is a slip that somebody should see."""
    cells = [(line, row.get(column, "").strip()) for line, row in rows]
    stated = [(line, cell) for line, cell in cells if cell.lower() not in _EMPTY]
    words = [line for line, cell in stated if isinstance(number(cell), str) and number(cell) != "not_finite"]
    if words and len(words) < len(stated) / 2:
        raise InputError(
            "import.mixed_column", "a column of numbers has a cell that is none",
            where=f"{name}: line {words[0]}, {place}", remedy="leave the cell empty where there is no score",
        )  # fmt: skip
    return bool(stated) and not words


def _row(
    line: int,
    row: Mapping[str, str],
    key: str,
    named: Mapping[str, str],
    metrics: Sequence[str],
    noted: Mapping[str, str],
) -> Row:
    def cell(what: str) -> str:
        return row.get(named[what], "") if named[what] else ""

    answer = cell("answer")
    return Row(
        case_id=row.get(key, "").strip(),
        repeat=whole(cell("repeat")),
        question=cell("question"),
        answers=(answer,) if answer else (),
        output=cell("output"),
        failed=cell("error").strip().lower() not in {*_EMPTY, "false", "0"},
        scores={metric: _score(row.get(metric, "")) for metric in metrics},
        metadata=row,
        duration_ms=positive(noted.get("latency_ms")) or 0.0,
        usage=Usage(count(noted.get("tokens_in")), count(noted.get("tokens_out")), positive(noted.get("cost_usd"))),
        where=f"line {line}",
    )


def _score(cell: str) -> float | str:
    text = cell.strip().lower()
    return ("not_finite" if text == "nan" else MISSING) if text in _EMPTY else number(text)
