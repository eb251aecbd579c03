"""One scanner over the rules that exist: personal data by its kind, credentials by theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.detect.registry import chosen, recipe_of
from assay.detect.scanning import scan
from assay.records.findings import Finding

SECRETS = "secrets"
"""Stands for all kinds of credential."""


@dataclass(frozen=True, slots=True)
class RuleScanner:
    """A TextScanner. Rules are ids such as `card` or `github_token`, kinds such as `national_id`, or `personal` and
    `secrets` for all of theirs. Raises ConfigError `detect.unknown_rule`."""

    rules: tuple[str, ...]
    ids: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", chosen(self.rules))

    @property
    def recipe(self) -> str:
        return f"scan.v2({recipe_of(self.ids)})"

    def scan(self, text: str) -> tuple[Finding, ...]:
        """What the rules find, without overlap, in reading order."""
        return scan(text, self.ids)
