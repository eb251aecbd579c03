"""Data sheets and Croissant: a golden set described by what its workspace knows."""

from __future__ import annotations

import json
from pathlib import Path

from assay.golden.canary import canary_of
from assay.golden.croissant import Stated, croissant
from assay.golden.jsonl import write_cases
from assay.golden.sheet_known import Known, Labelled
from assay.records.digest import sha256_bytes
from assay.records.errors import AssayError, InputError
from assay.records.golden import GoldenSet
from assay.records.labels import LabelTask
from assay.wiring import golden_drafts, golden_looks, golden_sets
from assay.wiring.build import Workspace


def known(place: Workspace, golden: GoldenSet) -> Known:
    """Looks, labels, canary, drafts and the number of this version."""
    splits = golden_looks.looks_of_splits(place, f"{golden.name}@{golden.version}")
    versions = sorted(place.stores.golden.versions(golden.name), key=lambda one: one[1])
    number = next((at for at, one in enumerate(versions, 1) if one[0] == golden.version), 0)
    return Known(
        canary=canary_of(place.stores.ledger, golden.name, place.clock.now()),
        looks=tuple((split, len(seen)) for split, seen in splits.items()),
        budget=place.settings.gate.looks.budget,
        labels=tuple(_labelled(place, golden)),
        number=number,
        drafts=tuple(golden_drafts.counts(place, golden.name).items()),
    )


def _labelled(place: Workspace, golden: GoldenSet) -> list[Labelled]:
    from assay.wiring import labelling

    tasks = (labelling.task(place, name) for name in labelling.names(place))
    ours = [task for task in tasks if (task.golden_name, task.golden_version) == (golden.name, golden.version)]
    return [Labelled(task.name, len(task.items), task.per_item, _agreement(place, task)) for task in ours]


def _agreement(place: Workspace, task: LabelTask) -> str:
    """Krippendorff's alpha in words, or why there is none."""
    from assay.wiring.labelling_standing import task_agreement

    try:
        _, found = task_agreement(place, task.name)
    except AssayError as error:
        return error.what
    if isinstance(found.alpha, str):
        return found.alpha
    return f"Krippendorff's alpha {found.alpha.estimate:.3f} ({found.alpha.low:.3f} to {found.alpha.high:.3f})"


def export_croissant(place: Workspace, reference: str, folder: Path, stated: Stated) -> tuple[GoldenSet, Path]:
    """`NAME.jsonl` and `croissant.json` in a folder, which is made. Raises InputError `golden.croissant_incomplete` and
    `golden.unwritable`; then nothing was written."""
    golden, findings = golden_sets.check(place, reference, None, None)
    facts = known(place, golden)
    rows = write_cases(golden.cases, facts.canary)
    name = f"{''.join(char if char.isalnum() or char in '-_.' else '-' for char in golden.name)}.jsonl"
    made = croissant(golden, name, sha256_bytes(rows), len(rows), facts, stated, findings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(rows)
        (folder / "croissant.json").write_text(json.dumps(made, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("golden.unwritable", f"cannot be written ({reason})", where=str(folder)) from None
    return golden, folder / "croissant.json"
