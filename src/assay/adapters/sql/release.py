"""Bundles, the live pointer and its history, decisions and calibrations."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import bindparam, select, update

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import add_new, missing, one_by_prefix, records
from assay.adapters.sql.schema import bundles, calibrations, decisions, pointers, release_events
from assay.records.bundles import Bundle, Calibration, Pointer, ReleaseEvent
from assay.records.comparison import Decision
from assay.records.digest import plain
from assay.records.errors import Busy, CannotJudge

SHORTEST_ID = 6

_pointer = select(pointers.c.revision, pointers.c.bundle_id).where(pointers.c.app == bindparam("name"))


class SqlBundles:
    """BundleStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, bundle: Bundle) -> str:
        bundle_id = bundle.bundle_id
        row = {
            "bundle_id": bundle_id,
            "app": bundle.app,
            "created_at": bundle.created_at,
            # Sets and whole floats take the form that the digest gives them, so that what is read has the same digest.
            "record": to_text(replace(bundle, components=plain(bundle.components))),
        }
        with self._database.write() as connection:
            add_new(connection, bundles, [row])
        return bundle_id

    def get(self, bundle_id: str) -> Bundle:
        """Raises NotFound, and CannotJudge when the content no longer matches its id."""
        if len(bundle_id) < SHORTEST_ID:
            raise missing("bundle", "name at least six digits of its id")
        found = select(bundles.c.bundle_id, bundles.c.record)
        with self._database.read() as connection:
            row = one_by_prefix(connection, found, bundles.c.bundle_id, bundle_id, "bundle")
        bundle = from_text(Bundle, row.record)
        if bundle.bundle_id != row.bundle_id:
            raise CannotJudge(
                "bundle.digest_mismatch",
                "the stored bundle does not match the id it is named by",
                where=row.bundle_id,
                remedy="freeze the app again",
            )
        return bundle

    def bundles(self, app: str = "") -> tuple[Bundle, ...]:
        """Newest first."""
        of_app = bundles.c.app == app if app else None
        newest_first = (bundles.c.created_at.desc(), bundles.c.bundle_id)
        with self._database.read() as connection:
            texts = records(connection, bundles, *newest_first, where=of_app)
        return tuple(from_text(Bundle, text) for text in texts)


class SqlReleases:
    """ReleaseStore. The pointer and the event that moved it are written in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pointer(self, app: str) -> Pointer | None:
        with self._database.read() as connection:
            row = connection.execute(_pointer, {"name": app}).first()
        return None if row is None else Pointer(app, row.revision, row.bundle_id)

    def swap(self, event: ReleaseEvent, expected_revision: int) -> Pointer:
        """Compare-and-swap, also between processes. Raises Busy `release.moved`."""
        moved = replace(event, revision=expected_revision + 1)
        values = {"app": moved.app, "revision": moved.revision, "bundle_id": moved.bundle_id}
        mine = (pointers.c.app == moved.app, pointers.c.revision == expected_revision)
        with self._database.write() as connection:
            if expected_revision == 0:
                changed = add_new(connection, pointers, [values])
            else:
                changed = connection.execute(update(pointers).where(*mine).values(values)).rowcount
            if changed != 1:
                raise Busy(
                    "release.moved", "the live pointer was moved meanwhile", remedy="read its state and try again"
                )
            row = {"app": moved.app, "revision": moved.revision, "record": to_text(moved)}
            connection.execute(release_events.insert(), row)
        return Pointer(moved.app, moved.revision, moved.bundle_id)

    def history(self, app: str) -> tuple[ReleaseEvent, ...]:
        """Newest first."""
        of_app = release_events.c.app == app
        with self._database.read() as connection:
            texts = records(connection, release_events, release_events.c.revision.desc(), where=of_app)
        return tuple(from_text(ReleaseEvent, text) for text in texts)


class SqlDecisions:
    """DecisionStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, decision: Decision) -> None:
        row = {
            "decision_id": decision.decision_id,
            "candidate_bundle": decision.candidate_bundle,
            "created_at": decision.created_at,
            "record": to_text(decision),
        }
        with self._database.write() as connection:
            add_new(connection, decisions, [row])

    def get(self, decision_id: str) -> Decision:
        """By id or by its start. Raises NotFound."""
        found = select(decisions.c.record)
        with self._database.read() as connection:
            row = one_by_prefix(connection, found, decisions.c.decision_id, decision_id, "decision")
        return from_text(Decision, row.record)

    def for_bundle(self, bundle_id: str) -> tuple[Decision, ...]:
        """Decisions about this candidate, newest first."""
        return self._newest_first(decisions.c.candidate_bundle == bundle_id)

    def decisions(self) -> tuple[Decision, ...]:
        """Newest first."""
        return self._newest_first(None)

    def _newest_first(self, where: object) -> tuple[Decision, ...]:
        order = (decisions.c.created_at.desc(), decisions.c.decision_id)
        with self._database.read() as connection:
            texts = records(connection, decisions, *order, where=where)
        return tuple(from_text(Decision, text) for text in texts)


class SqlCalibrations:
    """CalibrationStore. Earlier ones stay in the table as evidence of what a bundle was frozen with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, calibration: Calibration) -> None:
        row = {"app": calibration.app, "record": to_text(calibration)}
        with self._database.write() as connection:
            connection.execute(calibrations.insert(), row)

    def get(self, app: str) -> Calibration | None:
        of_app = select(calibrations.c.record).where(calibrations.c.app == app)
        with self._database.read() as connection:
            text = connection.execute(of_app.order_by(calibrations.c.seq.desc()).limit(1)).scalar()
        return None if text is None else from_text(Calibration, text)
