"""A golden set as Croissant: JSON-LD metadata that dataset search engines and loaders read.

After the Croissant Format Specification 1.1 (MLCommons, 2026) with the Croissant RAI vocabulary 1.0 (2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.golden.problems import Finding
from assay.golden.sheet_known import Known, licences, made_by_rule, people, recipes
from assay.records.errors import InputError
from assay.records.golden import GoldenSet
from assay.text.language import likely_language

CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_PLAIN_TERMS = (
    "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileProperty fileObject "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField recordSet references regex readLines "
    "sdVersion separator source subField transform unArchive value"
)
FIELDS = (
    ("id", "sc:Text", False, "Names the case; unique in the set."),
    ("question", "sc:Text", False, "What is asked."),
    ("answerable", "sc:Boolean", False, "False: the right behaviour is to decline. Absent means true."),
    ("answers", "sc:Text", True, "Acceptable answers, any of which is right."),
    ("must", "sc:Text", True, "Strings that a right answer contains."),
    ("must_not", "sc:Text", True, "Strings that no acceptable answer contains."),
    ("label", "sc:Text", False, "The class, for a classifier."),
    ("cluster", "sc:Text", False, "Cases of one cluster are not independent."),
    ("split", "sc:Text", False, "Absent means test."),
    ("canary", "sc:Text", False, "By which copies are found."),
)
REQUIRED = ("@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished")


@dataclass(frozen=True, slots=True)
class Stated:
    """What nobody can know but who publishes the set; empty: from the cases' provenance where that says it."""

    licence: str = ""
    creators: tuple[str, ...] = ()
    url: str = ""
    description: str = ""


def croissant(
    golden: GoldenSet, file_name: str, file_sha256: str, file_bytes: int, known: Known, stated: Stated,
    findings: Sequence[Finding] = (),
) -> dict[str, Any]:  # fmt: skip
    """The metadata of a set whose cases stand in a JSONL file beside it.

    Raises InputError `golden.croissant_incomplete` where the licence or the creator is known to nobody.
    """
    licence = (stated.licence,) if stated.licence else licences(golden)
    creators = stated.creators or people(golden)
    missing = [name for name, value in (("--license", licence), ("--creator", creators)) if not value]
    if missing:
        raise InputError(
            "golden.croissant_incomplete", "Croissant requires what the cases' provenance does not say",
            where=golden.name, remedy=f"state {' and '.join(missing)}",
        )  # fmt: skip
    made = {
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS),
        "name": golden.name,
        "description": stated.description or _description(golden),
        "license": list(licence),
        "url": stated.url or f"urn:sha256:{golden.version}",
        "creator": [{"@type": "sc:Person", "name": name} for name in creators],
        "datePublished": golden.created_at,
        "version": f"{max(known.number, 1)}.0.0+{golden.version[:12]}",
        "inLanguage": sorted({likely_language(case.question) for case in golden.cases}),
        "isLiveDataset": False,
        "citeAs": f"{golden.name}@{golden.version}",
        **_responsible(golden, known, findings),
        "distribution": [_file(file_name, file_sha256, file_bytes)],
        "recordSet": [_records(file_name)],
    }
    wrong = problems(made)
    if wrong:
        raise InputError("golden.croissant_invalid", wrong[0], where=golden.name, remedy="assay golden check NAME")
    return made


def context() -> dict[str, Any]:
    """The context that the specification recommends (appendix 1)."""
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        **{term: f"cr:{term}" for term in _PLAIN_TERMS.split()},
    }


def _description(golden: GoldenSet) -> str:
    answerable = sum(case.expected.answerable for case in golden.cases)
    return (
        f"Golden set of {len(golden.cases)} questions with what is expected of an answer, {answerable} answerable and "
        f"{len(golden.cases) - answerable} not, for testing language services."
    )


def _responsible(golden: GoldenSet, known: Known, findings: Sequence[Finding]) -> dict[str, Any]:
    drafted = made_by_rule(golden)
    splits = sorted({case.split for case in golden.cases})
    seen = [f"split {split or '(all)'}: results of {count} runs have been looked at" for split, count in known.looks]
    errors = sum(finding.severity == "error" for finding in findings)
    rows: dict[str, Any] = {
        "rai:dataCollection": f"{drafted} of {len(golden.cases)} cases drafted by a program and accepted by people.",
        "rai:dataCollectionType": ["Manual Human Curator", *(["Software Collection"] if drafted else [])],
        "rai:dataUseCases": [
            f"Testing (splits: {', '.join(splits)}). Not for training, fine tuning, prompts or indexes."
        ],
        "rai:dataLimitations": [
            f"Contamination check: every record carries the canary {known.canary}." if known.canary else "No canary.",
            f"{errors} errors and {len(findings) - errors} other findings of assay golden check.",
            *seen,
        ],
        "rai:dataReleaseMaintenancePlan": [
            "A version is the hash of its cases. Corrections make a new version; earlier ones are kept."
        ],
        "rai:machineAnnotationTools": list(recipes(golden)),
        "rai:dataAnnotationProtocol": "; ".join(f"{one.name}: {one.per_item} people an item" for one in known.labels),
        "rai:annotationsPerItem": ", ".join(str(one.per_item) for one in known.labels),
        "rai:dataAnnotationAnalysis": [f"{one.name}: {one.agreement}" for one in known.labels],
        "rai:dataBiases": [_shares(golden)] if drafted else [],
    }
    return {name: value for name, value in rows.items() if value}


def _shares(golden: GoldenSet) -> str:
    share = made_by_rule(golden) / len(golden.cases)
    return f"{share:.0%} of the questions follow the wording of the documents: people ask otherwise."


def _file(name: str, sha256: str, size: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{size} B",
        "encodingFormat": "application/jsonlines",
        "sha256": sha256,
    }


def _records(file_name: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "cases",
        "name": "cases",
        "description": "One case a record; the file holds further keys that are objects.",
        "key": {"@id": "cases/id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"cases/{name}",
                "name": name,
                "description": said,
                "dataType": kind,
                **({"isArray": True, "arrayShape": "-1"} if many else {}),
                "source": {"fileObject": {"@id": file_name}, "extract": {"column": name}},
            }
            for name, kind, many, said in FIELDS
        ],
    }  # fmt: skip


def problems(made: dict[str, Any]) -> tuple[str, ...]:
    """What the specification requires and this metadata does not have: required properties, identifiers that are
    unique and exist, fields with a type and a source. Empty when nothing is wrong."""
    found = [f"{name} is missing" for name in REQUIRED if not made.get(name)]
    if made.get("@type") not in ("sc:Dataset", "Dataset", "https://schema.org/Dataset"):
        found.append("@type must be a schema.org Dataset")
    if CONFORMS[0] not in (made.get("conformsTo") or ()):
        found.append(f"conformsTo must name {CONFORMS[0]}")
    files = {one.get("@id") for one in made.get("distribution", [])}
    for one in made.get("distribution", []):
        if not one.get("encodingFormat") or not (one.get("sha256") or one.get("md5")):
            found.append(f"{one.get('@id')}: encodingFormat and sha256 are required")
    ids = [one["@id"] for one in (*made.get("distribution", []), *made.get("recordSet", []))]
    for records in made.get("recordSet", []):
        fields = records.get("field", [])
        ids.extend(field.get("@id") for field in fields)
        if not fields:
            found.append(f"{records['@id']}: has no field")
        if records.get("key", {}).get("@id") not in {field.get("@id") for field in fields}:
            found.append(f"{records['@id']}: its key is no field of it")
        for field in fields:
            source = field.get("source", {}).get("fileObject", {}).get("@id")
            if not field.get("dataType") or source not in files:
                found.append(f"{field.get('@id')}: has no dataType, or a source that does not exist")
    if len(ids) != len(set(ids)):
        found.append("an @id stands twice")
    return tuple(found)
