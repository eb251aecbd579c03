"""Traces, the feedback on them, and API keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, select

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import add_new, missing, one_by_prefix, records, upsert
from assay.adapters.sql.schema import feedback as opinions
from assay.adapters.sql.schema import keys, traces
from assay.records.operations import ApiKey, Feedback, Trace

_by_hash = select(keys.c.record).where(keys.c.key_sha256 == bindparam("digest"))


class SqlTraces:
    """TraceStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, traces: Sequence[Trace]) -> None:
        rows = {trace.trace_id: _trace_row(trace) for trace in traces}
        with self._database.write() as connection:
            upsert(connection, _traces, list(rows.values()))

    def get(self, trace_id: str) -> Trace:
        """By id or by its start. Raises NotFound."""
        with self._database.read() as connection:
            row = one_by_prefix(connection, select(traces.c.record), traces.c.trace_id, trace_id, "trace")
        return from_text(Trace, row.record)

    def list(self, tenant: str | None = None, limit: int = 50, before: str = "") -> tuple[Trace, ...]:
        """Newest first, those that began earlier than `before`."""
        newest_first = select(traces.c.record).order_by(traces.c.at.desc(), traces.c.trace_id).limit(limit)
        if tenant is not None:
            newest_first = newest_first.where(traces.c.tenant == tenant)
        if before:
            newest_first = newest_first.where(traces.c.at < before)
        with self._database.read() as connection:
            return tuple(from_text(Trace, text) for text in connection.execute(newest_first).scalars())

    def prune(self, before: str) -> int:
        """Delete traces that began earlier, and the feedback on them or on no kept trace; returns how many traces."""
        old = select(traces.c.trace_id).where(traces.c.at < before)
        nowhere = opinions.c.trace_id.not_in(select(traces.c.trace_id))
        with self._database.write() as connection:
            connection.execute(delete(opinions).where(opinions.c.trace_id.in_(old)))
            gone = connection.execute(delete(traces).where(traces.c.at < before)).rowcount
            # Feedback may arrive before its trace is flushed, so only what is old goes for want of a trace.
            connection.execute(delete(opinions).where(opinions.c.at < before, nowhere))
        return gone

    def add_feedback(self, feedback: Feedback) -> None:
        row = {
            "feedback_id": feedback.feedback_id,
            "trace_id": feedback.trace_id,
            "at": feedback.at,
            "record": to_text(feedback),
        }
        with self._database.write() as connection:
            add_new(connection, opinions, [row])

    def feedback(self, trace_id: str) -> tuple[Feedback, ...]:
        """Oldest first."""
        of_trace = opinions.c.trace_id == trace_id
        with self._database.read() as connection:
            texts = records(connection, opinions, opinions.c.at, opinions.c.feedback_id, where=of_trace)
        return tuple(from_text(Feedback, text) for text in texts)


class SqlKeys:
    """KeyStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: ApiKey) -> None:
        with self._database.write() as connection:
            upsert(connection, keys, [_key_row(key)])

    def by_hash(self, key_sha256: str) -> ApiKey | None:
        with self._database.read() as connection:
            text = connection.execute(_by_hash, {"digest": key_sha256}).scalar()
        return None if text is None else from_text(ApiKey, text)

    def keys(self) -> tuple[ApiKey, ...]:
        """Oldest first."""
        with self._database.read() as connection:
            texts = records(connection, keys, keys.c.created_at, keys.c.key_id)
        return tuple(from_text(ApiKey, text) for text in texts)

    def revoke(self, key_id: str, at: str) -> None:
        """Raises NotFound."""
        with self._database.write() as connection:
            text = connection.execute(select(keys.c.record).where(keys.c.key_id == key_id)).scalar()
            if text is None:
                raise missing("key")
            upsert(connection, keys, [_key_row(replace(from_text(ApiKey, text), revoked_at=at))])


# The port names an argument of `append` like the table.
_traces = traces


def _trace_row(trace: Trace) -> dict[str, object]:
    return {"trace_id": trace.trace_id, "tenant": trace.tenant, "at": trace.at, "record": to_text(trace)}


def _key_row(key: ApiKey) -> dict[str, object]:
    return {"key_id": key.key_id, "key_sha256": key.key_sha256, "created_at": key.created_at, "record": to_text(key)}
