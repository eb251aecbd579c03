"""Golden sets of a workspace: read, checked against its corpus, written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from assay.golden.canary import canary_of
from assay.golden.check import check as check_cases
from assay.golden.difference import Difference, difference
from assay.golden.jsonl import stated_canary, write_cases
from assay.golden.problems import Finding
from assay.golden.reading import read_path
from assay.golden.sheet import data_sheet
from assay.golden.splits import divide
from assay.records.access import Scope
from assay.records.digest import sha256_json
from assay.records.errors import InputError, NotFound
from assay.records.golden import Case, Expected, GoldenSet
from assay.wiring.build import Workspace


def resolve(place: Workspace, reference: str) -> GoldenSet:
    """`NAME` or `NAME@VERSION` to a golden set. Raises NotFound with the names there are."""
    name, _, version = reference.partition("@")
    try:
        return place.stores.golden.get(name, version)
    except NotFound:
        names = ", ".join(place.stores.golden.names()) or "none yet"
        raise NotFound(
            "golden.unknown", f"no golden set of this name and version (there are: {names})",
            where=reference, remedy="assay golden list; assay golden import NAME FILE",
        ) from None  # fmt: skip


def only(golden: GoldenSet, split: str) -> GoldenSet:
    """The cases of one split; all of them for an empty split. Raises InputError when there are none."""
    cases = tuple(case for case in golden.cases if not split or case.split == split)
    if not cases:
        splits = ", ".join(sorted({case.split for case in golden.cases}))
        raise InputError(
            "golden.empty_split", f"no case stands in this split (there are: {splits})", where=golden.name,
            remedy="name another with --split, or all cases with --split ''",
        )  # fmt: skip
    return replace(golden, cases=cases)


def import_file(place: Workspace, name: str, path: Path, note: str) -> GoldenSet:
    """Cases from JSONL, CSV or a BEIR-style folder into a new version. A canary in the file stays the set's."""
    cases = read_path(path)
    stated = stated_canary(path.read_bytes()) if path.is_file() else ""
    if stated:
        canary_of(place.stores.ledger, name, place.clock.now(), stated)
    return keep(place, name, cases, note)


def read_bytes(path: Path) -> bytes:
    """A file that was handed in. Raises InputError `golden.unreadable`."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(
            "golden.unreadable", f"cannot be read ({reason})", where=str(path), remedy="check the path"
        ) from None


def keep(place: Workspace, name: str, cases: tuple[Case, ...], note: str) -> GoldenSet:
    """These cases as a new version of the set."""
    golden = GoldenSet(name, cases, place.clock.now(), note)
    place.stores.golden.put(golden)
    return golden


def add_case(
    place: Workspace, name: str, question: str, expected: Expected, case_id: str, scope: Scope, slices: tuple[str, ...]
) -> GoldenSet:
    """The newest version and one more case, as a new version; the first case makes the set."""
    known = place.stores.golden.get(name).cases if name in place.stores.golden.names() else ()
    made_id = case_id or f"case-{sha256_json([question, scope])[:10]}"
    if any(case.case_id == made_id for case in known):
        raise InputError(
            "golden.duplicate_id", "a case with this id exists", where=made_id, remedy="choose another --id"
        )
    if not question.strip():
        raise InputError("golden.empty_question", "the question is empty", where=made_id)
    added = Case(made_id, question, expected, scope=scope, slices=slices, provenance={"author": "assay golden add"})
    return keep(place, name, (*known, added), "")


def check(
    place: Workspace, reference: str, few_shot: Path | None, training: Path | None
) -> tuple[GoldenSet, tuple[Finding, ...]]:
    """All findings about a version, against the corpus and the examples that were named."""
    golden = resolve(place, reference)
    documents = texts(place)
    found = check_cases(
        golden,
        documents=documents,
        few_shot=[case.question for case in read_path(few_shot)] if few_shot else [],
        training=[case.question for case in read_path(training)] if training else [],
    )
    return golden, tuple(found)


def texts(place: Workspace) -> Mapping[str, str]:
    """The text copies of the corpus by document id."""
    return _Texts(place)


class _Texts(Mapping[str, str]):
    """Text copies by document id, read when asked for."""

    def __init__(self, place: Workspace) -> None:
        self._place = place
        self._digests = {d.doc_id: d.text_sha256 for d in place.stores.catalog.documents()}

    def __getitem__(self, doc_id: str) -> str:
        return self._place.stores.blobs.get(self._digests[doc_id]).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)


def export_file(place: Workspace, reference: str, path: Path) -> GoldenSet:
    golden = resolve(place, reference)
    guid = canary_of(place.stores.ledger, golden.name, place.clock.now())
    path.write_bytes(write_cases(golden.cases, guid))
    return golden


def divide_set(place: Workspace, reference: str, dev: float, seed: int) -> GoldenSet:
    """The set divided into `dev` and `test` by cluster, kept as a new version."""
    golden = resolve(place, reference)
    divided = divide(golden, {"dev": dev, "test": 1.0 - dev}, seed)
    return keep(place, golden.name, divided.cases, golden.note)


def differences(place: Workspace, old: str, new: str) -> Difference:
    """What happened to the cases from one version to the other."""
    return difference(resolve(place, old), resolve(place, new))


def case(place: Workspace, reference: str, case_id: str) -> Case:
    for found in resolve(place, reference).cases:
        if found.case_id == case_id:
            return found
    raise NotFound("golden.unknown_case", "no case with this id", where=case_id)


def sheet(place: Workspace, reference: str) -> str:
    """The data sheet, with today's findings and all that the workspace knows of the set."""
    from assay.wiring.golden_describing import known

    golden, findings = check(place, reference, None, None)
    return data_sheet(golden, findings, known(place, golden))
