"""Small steps from one state to the next, and the check that a state is what its name says."""

from __future__ import annotations

from dataclasses import replace

from assay.adapters.remote_index.state import State
from assay.records.errors import CannotJudge


def next_of(state: State, recipe: str) -> State:
    """The next version, searched with this recipe."""
    return replace(state, version=state.version + 1, recipe=recipe)


def check_identity(found: str, snapshot_id: str) -> None:
    """Raises CannotJudge when a snapshot is not what its name says."""
    if found != snapshot_id:
        raise CannotJudge(
            "index.snapshot_digest",
            "the snapshot is not what it was when it was made, or this version analyses words differently",
            where=snapshot_id[:12],
            remedy="freeze the index again and make a new bundle",
        )
