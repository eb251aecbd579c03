"""Runs and their samples: a journal in which a sample counts once and outlives the process that wrote it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, select, update

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import add_new, missing, one_by_prefix
from assay.adapters.sql.schema import runs, samples
from assay.records.errors import CannotJudge
from assay.records.evaluation import Run, RunStatus, Sample, same_specification

PAGE = 200
"""Samples read at a time: a reader never keeps a state of the database open while its caller works."""

_columns = samples.c
_page = (
    select(_columns.seq, _columns.record)
    .where(_columns.run_id == bindparam("run"), _columns.seq > bindparam("after"))
    .order_by(_columns.seq)
    .limit(PAGE)
)
_known = select(runs.c.run_id).where(runs.c.run_id == bindparam("run"))
_header = select(runs.c.run_id, runs.c.status, runs.c.record)


class SqlRuns:
    """RunStore. See `database.py` for what durable means."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, run: Run) -> None:
        """Begin a run, or begin it again. Raises CannotJudge when the id stands for another specification."""
        with self._database.write() as connection:
            row = connection.execute(_header.where(runs.c.run_id == run.run_id)).first()
            if row is None:
                value = {
                    "run_id": run.run_id,
                    "created_at": run.created_at,
                    "status": run.status,
                    "record": to_text(run),
                }
                add_new(connection, runs, [value])
                return
            known = from_text(Run, row.record)
            if not same_specification(run, known):
                raise CannotJudge(
                    "run.other_specification",
                    "a run with this id exists and was specified otherwise",
                    where=run.run_id,
                    remedy="start a new run",
                )
            _set_status(connection, run.run_id, run.status)

    def append(self, run_id: str, samples: Sequence[Sample]) -> None:
        """Journal samples in one transaction. Raises NotFound for an unknown run, ValueError for a score that is not
        finite."""
        rows = [_row(run_id, sample) for sample in samples]
        with self._database.write() as connection:
            if connection.execute(_known, {"run": run_id}).first() is None:
                raise missing("run")
            add_new(connection, _columns.seq.table, rows)

    def samples(self, run_id: str) -> Iterator[Sample]:
        """In the order in which they were journalled."""
        after = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(_page, {"run": run_id, "after": after}).all()
            for row in rows:
                yield from_text(Sample, row.record)
            if len(rows) < PAGE:
                return
            after = rows[-1].seq

    def sample(self, run_id: str, case_id: str, repeat: int = 0) -> Sample | None:
        mine = (_columns.run_id == run_id, _columns.case_id == case_id, _columns.repeat == repeat)
        with self._database.read() as connection:
            record = connection.execute(select(_columns.record).where(*mine)).scalar()
        return None if record is None else from_text(Sample, record)

    def done(self, run_id: str) -> frozenset[tuple[str, int]]:
        found = select(_columns.case_id, _columns.repeat).where(_columns.run_id == run_id)
        with self._database.read() as connection:
            return frozenset((row.case_id, row.repeat) for row in connection.execute(found))

    def finish(self, run_id: str, status: RunStatus, samples_digest: str = "") -> None:
        with self._database.write() as connection:
            _set_status(connection, run_id, status)
            if samples_digest:
                row = connection.execute(_header.where(runs.c.run_id == run_id)).one()
                noted = replace(from_text(Run, row.record), samples_digest=samples_digest)
                connection.execute(update(runs).where(runs.c.run_id == run_id).values(record=to_text(noted)))

    def run(self, run_id: str) -> Run:
        """By id or by its start. Raises NotFound."""
        with self._database.read() as connection:
            row = one_by_prefix(connection, _header, runs.c.run_id, run_id, "run")
        return _run(row.record, row.status)

    def runs(self) -> tuple[Run, ...]:
        """Newest first."""
        newest_first = _header.order_by(runs.c.created_at.desc(), runs.c.run_id)
        with self._database.read() as connection:
            return tuple(_run(row.record, row.status) for row in connection.execute(newest_first))


def _run(record: str, status: str) -> Run:
    return replace(from_text(Run, record), status=RunStatus(status))


def _set_status(connection: Connection, run_id: str, status: RunStatus) -> None:
    changed = connection.execute(update(runs).where(runs.c.run_id == run_id).values(status=status))
    if not changed.rowcount:
        raise missing("run")


def _row(run_id: str, sample: Sample) -> dict[str, object]:
    if not all(map(math.isfinite, sample.scores.values())):
        raise ValueError("a score that is not finite is no score")
    return {"run_id": run_id, "case_id": sample.case_id, "repeat": sample.repeat, "record": to_text(sample)}
