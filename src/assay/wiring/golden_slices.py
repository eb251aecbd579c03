"""Slices by rule in a workspace: rules of `assay.yaml` or of a file, documents of its catalog."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from assay.golden.slicing import About, Range, Rule, slice_by
from assay.records.documents import Document
from assay.records.errors import InputError, NotFound
from assay.records.golden import GoldenSet
from assay.wiring import golden_sets
from assay.wiring.build import Workspace
from assay.wiring.settings_golden import RangeSetting, SliceName, SliceRuleSetting

_RULES: TypeAdapter[dict[str, SliceRuleSetting]] = TypeAdapter(dict[SliceName, SliceRuleSetting])


def slice_set(place: Workspace, reference: str, rules: Path | None) -> tuple[GoldenSet, dict[str, int]]:
    """A set sliced by the rules of a YAML file, or else of `assay.yaml`, kept as a new version, with the number of
    cases in each rule's slice. Raises InputError `golden.no_rules` and `golden.bad_rules`."""
    golden = golden_sets.resolve(place, reference)
    stated = _read(rules) if rules else place.settings.slices
    if not stated:
        raise InputError(
            "golden.no_rules", "there is no slice rule", where="slices" if rules is None else str(rules),
            remedy="slices: in assay.yaml, or --rules FILE; docs/golden-sets.md",
        )  # fmt: skip
    documents = {one.doc_id: one for one in place.stores.catalog.documents()}
    made = slice_by(golden, [_rule(name, one) for name, one in stated.items()], partial(_about, place, documents),
                    place.clock.now())  # fmt: skip
    counts = {name: sum(name in case.slices for case in made.cases) for name in stated}
    return golden_sets.keep(place, golden.name, made.cases, f"{len(stated)} slices by rule"), counts


def _read(path: Path) -> Mapping[str, SliceRuleSetting]:
    """`NAME: {condition: …}`, alone or under `slices:`. Raises InputError with the first thing that is wrong."""
    try:
        found: Any = yaml.safe_load(golden_sets.read_bytes(path).decode())
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InputError("golden.bad_rules", "is no YAML", where=str(path), remedy="check the file") from None
    if isinstance(found, dict) and found.keys() == {"slices"}:
        found = found["slices"]
    try:
        return _RULES.validate_python(found or {})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        step = ".".join(str(part) for part in first["loc"])
        raise InputError(
            "golden.bad_rules",
            first["msg"],
            where=f"{path}: $.{step}",
            remedy="docs/golden-sets.md lists what a rule asks",
        ) from None


def _rule(name: str, stated: SliceRuleSetting) -> Rule:
    values = {key: getattr(stated, key) for key in SliceRuleSetting.model_fields}
    ranges = {key: Range(value.min, value.max) for key, value in values.items() if isinstance(value, RangeSetting)}
    return Rule(name, **(values | ranges))


def _about(place: Workspace, documents: Mapping[str, Document], doc_id: str) -> About | None:
    found = documents.get(doc_id)
    if found is None:
        return None

    def text() -> str:
        try:
            return place.stores.blobs.get(found.text_sha256).decode()
        except NotFound:
            return ""

    return About(found.media_type, found.modified_at, found.pages, found.metadata, text)
