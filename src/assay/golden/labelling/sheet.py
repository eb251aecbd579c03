"""Labels as CSV, for a spreadsheet: an item a row to be filled in, or a label a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from assay.golden.labelling.exchange import BadLabels, Given, Incoming, Out, Reading, Who, texts
from assay.golden.problems import Problem

COLUMNS = ("item", "label", "annotator", "at", "seconds", "note")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def write(_task_name: str, items: Sequence[Out]) -> str:
    """A row for every label; for an item without one, a row whose label and annotator are empty.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, which reading takes away.
    """
    shown = list(dict.fromkeys(name for out in items for name in texts(out.shown)))
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([*COLUMNS[:1], *shown, "choices", *COLUMNS[1:]])
    for out in items:
        said = texts(out.shown)
        for given in out.given or (Given(out.shown.item_id, "", ""),):
            seconds = "" if given.seconds is None else repr(given.seconds)
            row = [given.item_id, *(said.get(name, "") for name in shown), " | ".join(out.shown.choices)]
            label = given.choice or (PASS if given.annotator else "")
            writer.writerow([_plain(cell) for cell in [*row, label, given.annotator, given.at, seconds, given.note]])
    return file.getvalue()


PASS = "(pass)"  # noqa: S105  (no password: what stands for "cannot say")


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _raw(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def read(data: bytes, name: str, who: Who) -> Incoming:
    """Rows with the columns `item`, `label` and `annotator`; `at`, `seconds` and `note` where there are any; others
    are not read. A row without a label is blank, the label `(pass)` is a pass. Raises BadLabels."""
    reading = Reading(name)
    rows = _rows(data, name)
    given: list[Given] = []
    blank = 0
    for line, row in rows:
        item, label, person = row.get("item", ""), row.get("label", "").strip(), row.get("annotator", "").strip()
        if not item:
            reading.report(line, "$.item", "label.no_item", "is missing: it names what was labelled")
        elif not label:
            blank += 1
        elif not person and "" not in who:
            reading.report(line, "$.annotator", "label.annotator", "is missing: whose label is it? (--as NAME)")
        else:
            choice = "" if label == PASS else label
            seconds = _seconds(reading, line, row.get("seconds", ""))
            annotator = who.get(person, person)
            given.append(Given(item, annotator, choice, row.get("at", ""), seconds, row.get("note", ""), line))
    return reading.done(given, blank)


def _rows(data: bytes, name: str) -> list[tuple[int, Mapping[str, str]]]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error):
        raise BadLabels(name, [Problem(0, "$", "label.bad_csv", "is no CSV in UTF-8")]) from None
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if not {"item", "label"} <= set(header):
        raise BadLabels(name, [Problem(1, "$", "label.bad_csv", "needs columns named item and label")])
    return [(line, dict(zip(header, map(_raw, row), strict=False))) for line, row in rows[1:]]


def _seconds(reading: Reading, line: int, text: str) -> float | None:
    try:
        value = float(text) if text.strip() else None
    except ValueError:
        value = -1.0
    if value is not None and not 0.0 <= value < 1e7:
        reading.report(line, "$.seconds", "label.seconds", "must be a number of seconds")
        return None
    return value
