"""Where a snapshot that held forgotten documents leads: a small file beside the snapshots names what took its place."""

from __future__ import annotations

import json
from pathlib import Path

from assay.adapters.embedded_index.durable import write_durably
from assay.records.errors import CannotJudge

_ENDING = ".forgotten.json"


def note_successor(folder: Path, snapshot_id: str, successor: str) -> None:
    """`successor` is empty where nothing took the snapshot's place."""
    write_durably(folder / f"{snapshot_id}{_ENDING}", json.dumps({"successor": successor}).encode())


def successor_of(folder: Path, snapshot_id: str) -> str:
    """The snapshot that stands for this one today: itself, unless documents in it were forgotten.

    Raises CannotJudge (`index.snapshot_forgotten`) where nothing took its place.
    """
    while snapshot_id.isalnum() and (folder / f"{snapshot_id}{_ENDING}").exists():
        named = json.loads((folder / f"{snapshot_id}{_ENDING}").read_bytes())["successor"]
        if not named:
            raise CannotJudge(
                "index.snapshot_forgotten",
                "documents in this snapshot were forgotten, and it was dropped with them",
                where=snapshot_id[:12],
                remedy="make a new bundle from the index as it is now, gate it and promote it",
            )
        snapshot_id = named
    return snapshot_id
