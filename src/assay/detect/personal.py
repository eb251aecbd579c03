"""Personal data with a structure: what is found in a text, and the text without it.

Time is linear in the text: patterns run in RE2, and what a candidate makes the scan read has a bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.detect.findings import masked
from assay.detect.registry import PERSONAL_IDS, chosen
from assay.detect.scanning import scan
from assay.records.errors import ConfigError
from assay.records.findings import Finding

RULES = PERSONAL_IDS
"""Ids of all rules for personal data."""
COMMON = ("card", "iban", "us_ssn", "email", "phone")
"""What is looked for where nothing else is asked for."""


def check_rules(rules: Sequence[str]) -> tuple[str, ...]:
    """Rule ids that the names stand for: ids, kinds such as `national_id`, or `personal` for all.

    Raises ConfigError `detect.unknown_rule`, also for a rule about credentials.
    """
    ids = chosen(rules)
    others = sorted(set(ids) - set(RULES))
    if others:
        raise ConfigError(
            "detect.unknown_rule", "this is no rule for personal data", where=", ".join(others),
            remedy="one of: " + ", ".join(RULES),
        )  # fmt: skip
    return ids


def find(text: str, rules: Sequence[str] = COMMON) -> tuple[Finding, ...]:
    """Personal data in `text`, without overlap, in reading order. Raises ConfigError for a rule that does not exist."""
    return scan(text, check_rules(rules))


def redacted(text: str, rules: Sequence[str] = COMMON) -> tuple[str, tuple[Finding, ...]]:
    """`text` with all personal data masked, and what was found, in the order of finding.

    Masking one number can bare another that was glued to it, so it goes on until there is nothing to find. It ends: no
    rule finds a mask, so each round leaves fewer characters that are none. Spans of later findings count in the text as
    it was masked before.
    """
    every: list[Finding] = []
    while findings := find(text, rules):
        every += findings
        text = masked(text, findings)
    return text, tuple(every)
