"""The head, its states and counts of terms, and the snapshots, as rows of the database."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from assay.adapters.remote_index.failures import no_snapshot
from assay.adapters.remote_index.state import State
from assay.adapters.remote_index.terms import TermCounts
from assay.records.digest import canonical_json, plain
from assay.records.retrieval import Snapshot

_MOST_CHANGES = 16
"""Changes of the counts that a reader adds up before they are written down as a whole."""


def recipe(connection: Connection, mine: str) -> str:
    """The recipe that the schema was written with: this one when it is new."""
    found = connection.exec_driver_sql("SELECT value FROM facts WHERE name = 'recipe'").scalar()
    if found is None:
        connection.exec_driver_sql(
            "INSERT INTO facts VALUES ('recipe', %s), ('head', '0') ON CONFLICT DO NOTHING", (mine,)
        )
        found = connection.exec_driver_sql("SELECT value FROM facts WHERE name = 'recipe'").scalar()
    return str(found)


def number_of_head(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT value FROM facts WHERE name = 'head'").scalar() or 0)


def head(connection: Connection) -> State:
    found = connection.exec_driver_sql(
        "SELECT record FROM states WHERE version = (SELECT value::bigint FROM facts WHERE name = 'head')"
    ).scalar()
    return State.from_json(found) if found else State()


def locked_head(connection: Connection) -> State:
    """The head; whoever asks next waits until this transaction ends."""
    connection.exec_driver_sql("SELECT value FROM facts WHERE name = 'head' FOR UPDATE")
    return head(connection)


def move(connection: Connection, state: State) -> None:
    """This state becomes the head. States that no snapshot names go."""
    connection.exec_driver_sql(
        "DELETE FROM states s WHERE NOT EXISTS (SELECT 1 FROM snapshots f WHERE f.version = s.version)"
    )
    connection.exec_driver_sql("INSERT INTO states VALUES (%s, %s)", (state.version, state.as_json()))
    connection.exec_driver_sql("UPDATE facts SET value = %s WHERE name = 'head'", (str(state.version),))


def count(connection: Connection, version: int, change: TermCounts) -> None:
    """Note what a commit did to the counts; after enough changes they are written as a whole."""
    connection.exec_driver_sql("INSERT INTO term_counts VALUES (%s, false, %s)", (version, change.encoded()))
    changes = connection.exec_driver_sql(
        "SELECT count(*) FROM term_counts WHERE NOT whole "
        "AND version > coalesce((SELECT max(version) FROM term_counts WHERE whole), 0)"
    ).scalar_one()
    if changes >= _MOST_CHANGES:
        _write_whole(connection, version)


def _write_whole(connection: Connection, version: int) -> None:
    total = counts(connection, version)
    connection.exec_driver_sql(
        "INSERT INTO term_counts VALUES (%s, true, %s) ON CONFLICT DO NOTHING", (version, total.encoded())
    )
    _forget_counts(connection)


def _forget_counts(connection: Connection) -> None:
    """Changes below the newest whole, and wholes that neither head nor snapshot needs."""
    connection.exec_driver_sql(
        "DELETE FROM term_counts t WHERE version < (SELECT max(version) FROM term_counts WHERE whole) "
        "AND NOT (whole AND EXISTS (SELECT 1 FROM snapshots s WHERE s.version = t.version))"
    )


def counts(connection: Connection, version: int) -> TermCounts:
    """In how many chunks each term stands at a version: the newest whole, and the changes after it."""
    found = connection.exec_driver_sql(
        "SELECT data FROM term_counts WHERE version <= %(v)s AND ((whole AND version = base) OR "
        "(NOT whole AND version > base)) ORDER BY version".replace(
            "base", "coalesce((SELECT max(version) FROM term_counts WHERE whole AND version <= %(v)s), 0)"
        ),
        {"v": version},
    )
    return TermCounts.total([TermCounts.decoded(bytes(row[0])) for row in found])


def freeze(connection: Connection, state: State, snapshot: Snapshot) -> Snapshot:
    """Name the head, unless this content has a name already."""
    found = connection.exec_driver_sql(
        "SELECT record FROM snapshots WHERE snapshot_id = %s", (snapshot.snapshot_id,)
    ).scalar()
    if found:
        return Snapshot(**json.loads(found))
    record = canonical_json(plain(snapshot)).decode()
    connection.exec_driver_sql(
        "INSERT INTO snapshots VALUES (%s, %s, %s, %s)",
        (snapshot.snapshot_id, state.version, snapshot.created_at, record),
    )
    connection.exec_driver_sql(
        "INSERT INTO states VALUES (%s, %s) ON CONFLICT DO NOTHING", (state.version, state.as_json())
    )
    _write_whole(connection, state.version)
    return snapshot


def frozen_state(connection: Connection, snapshot_id: str) -> State:
    """Raises NotFound."""
    found = connection.exec_driver_sql(
        "SELECT t.record FROM snapshots s JOIN states t USING (version) WHERE snapshot_id = %s",
        (snapshot_id.encode("utf-8", "replace").decode().replace("\x00", ""),),
    ).scalar()
    if not found:
        raise no_snapshot()
    return State.from_json(found)


def snapshots(connection: Connection) -> tuple[Snapshot, ...]:
    found = connection.exec_driver_sql("SELECT record FROM snapshots ORDER BY created_at, snapshot_id")
    return tuple(Snapshot(**json.loads(row[0])) for row in found)


def drop(connection: Connection, state: State, snapshot_id: str) -> None:
    """Raises NotFound."""
    version = frozen_state(connection, snapshot_id).version
    connection.exec_driver_sql("DELETE FROM snapshots WHERE snapshot_id = %s", (snapshot_id,))
    if version != state.version:
        connection.exec_driver_sql(
            "DELETE FROM states s WHERE version = %s AND NOT EXISTS "
            "(SELECT 1 FROM snapshots f WHERE f.version = s.version)",
            (version,),
        )
    _forget_counts(connection)
