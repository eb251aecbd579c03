"""The scan at ingestion: counted by rule, never kept as text, and held back where that is wanted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from ingest_fakes import Lab

from assay.detect.scanner import RuleScanner
from assay.ingest.scan import ScanPolicy
from assay.ingest.sync import Ingest
from assay.records.documents import ParseStatus
from assay.records.errors import ConfigError

RULES = ("card", "iban", "us_ssn", "email", "phone", "secrets")
CARD, TOKEN = "4111 1111 1111 1111", "ghp_" + "a1B2" * 10
TEXT = f"Write to ann@example.org or bob@example.org. The card is {CARD}; the token is {TOKEN}."


def _with(lab: Lab, *, hold: bool, rules: tuple[str, ...] = RULES) -> Ingest:
    work = lab.ingest()
    return replace(work, reader=replace(work.reader, scan=ScanPolicy(RuleScanner(rules), hold=hold)))


def test_findings_are_counted_by_rule_and_their_text_is_kept_nowhere() -> None:
    """The document's metadata and the report have numbers."""
    lab = Lab()
    lab.tree.write("/docs/a.md", TEXT)
    report = _with(lab, hold=False).sync(["/docs"])
    document = lab.catalog.document("docs/a.md")
    assert dict(document.metadata) == {"scan.card": "1", "scan.email": "2", "scan.github_token": "1"}
    assert report.findings == {"email": 2, "card": 1, "github_token": 1}
    assert not any(part in repr((report, document)) for part in ("ann@", "4111", TOKEN))


def test_hold_keeps_a_document_with_findings_out_and_tells_the_counts() -> None:
    """Whether it is new or was indexed before the rule came."""
    lab = Lab()
    lab.tree.write("/docs/a.md", TEXT)
    lab.tree.write("/docs/clean.md", "Nothing of that kind stands here.")
    _with(lab, hold=False).sync(["/docs"])
    assert set(lab.index.by_document) == {"docs/a.md", "docs/clean.md"}
    report = _with(lab, hold=True).sync(["/docs"])
    assert set(lab.index.by_document) == {"docs/clean.md"}
    (told,) = [o for o in report.outcomes if o.code == "ingest.scan_held"]
    assert told.status is ParseStatus.SKIPPED
    assert told.reason == "held back: findings by rule: card 1, email 2, github_token 1"
    assert report.findings == {"email": 2, "card": 1, "github_token": 1}
    _with(lab, hold=True, rules=("iban",)).sync(["/docs"])
    assert set(lab.index.by_document) == {"docs/a.md", "docs/clean.md"}


def test_a_source_cannot_state_findings() -> None:
    """Names that the scan uses are dropped from front matter."""
    lab = Lab()
    lab.tree.write("/docs/a.md", "---\nid: X\nscan.card: 9\n---\nNothing.")
    _with(lab, hold=False).sync(["/docs"])
    assert not [name for name, _ in lab.catalog.document("X").metadata if name.startswith("scan.")]


def test_a_rule_that_does_not_exist_is_told() -> None:
    """With those that do."""
    with pytest.raises(ConfigError) as caught:
        RuleScanner(("card", "shoe_size"))
    assert caught.value.code == "detect.unknown_rule"
    assert caught.value.where == "shoe_size"
    assert "secrets" in caught.value.remedy


def test_findings_do_not_overlap_and_stand_in_reading_order() -> None:
    """A credential that holds an address is one finding."""
    text = f"https://ann:{'p' * 12}@example.org and {TEXT}"
    spans = [(finding.start, finding.end) for finding in RuleScanner(RULES).scan(text)]
    assert spans == sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
