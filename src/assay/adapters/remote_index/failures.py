"""What all engines on servers say when the server cannot be reached or a snapshot is not there."""

from __future__ import annotations

from assay.records.errors import CannotJudge, NotFound, Unavailable


def unreachable(where: str) -> Unavailable:
    return Unavailable(
        "index.unreachable",
        "the index server does not answer; nothing of this step was written, and what was committed stays",
        where=where,
        remedy="check that it runs and that its address is right; no restart is needed once it is back",
    )


def refused(where: str, kind: str) -> Unavailable:
    """`kind` is the server's error class or number, never its message, which may repeat what was written."""
    return Unavailable(
        "index.refused", f"the index server refused a step ({kind})", where=where,
        remedy="look into its log; what was committed before stays",
    )  # fmt: skip


def no_snapshot() -> NotFound:
    return NotFound(
        "index.no_snapshot", "there is no such snapshot", remedy="list the snapshots with `assay index status`"
    )


def other_recipe(where: str) -> CannotJudge:
    return CannotJudge(
        "index.analyzer",
        "the index was written by another version, which divided words differently",
        where=where,
        remedy="name another schema or collection in assay.yaml and fill it with `assay index migrate`",
    )
