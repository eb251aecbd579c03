"""One scanner over the rules that exist: personal data by its kind, credentials by theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.detect import personal, secrets
from assay.detect.findings import separate
from assay.records.errors import ConfigError
from assay.records.findings import Finding

SECRETS = "secrets"
"""Stands for all kinds of credential."""


@dataclass(frozen=True, slots=True)
class RuleScanner:
    """A TextScanner. Rules are `card`, `iban`, `us_ssn`, `email`, `phone`, a kind of credential such as
    `github_token`, or `secrets` for all of these kinds. Raises ConfigError `detect.unknown_rule`."""

    rules: tuple[str, ...]

    def __post_init__(self) -> None:
        known = {*personal.RULES, *secrets.KINDS, SECRETS}
        unknown = sorted(set(self.rules) - known)
        if unknown:
            raise ConfigError(
                "detect.unknown_rule", "no rule of this name", where=", ".join(unknown),
                remedy=f"one of: {', '.join([*personal.RULES, SECRETS, *secrets.KINDS])}",
            )  # fmt: skip

    @property
    def recipe(self) -> str:
        return f"scan.v1({','.join(sorted(self.rules))})"

    def scan(self, text: str) -> tuple[Finding, ...]:
        """What the rules find, without overlap, in reading order; of two on the same characters the first one wins."""
        credentials = _kinds(self.rules)
        found = secrets.find(text, credentials) if credentials else ()
        personal_rules = tuple(rule for rule in self.rules if rule in personal.RULES)
        return separate((*found, *(personal.find(text, personal_rules) if personal_rules else ())))


def _kinds(rules: Sequence[str]) -> tuple[str, ...]:
    return secrets.KINDS if SECRETS in rules else tuple(rule for rule in rules if rule in secrets.KINDS)
