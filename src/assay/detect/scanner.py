"""One scanner over the rules that exist: personal data by its kind, credentials by theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.detect.registry import chosen, recipe_of
from assay.detect.scanning import merged, scan
from assay.ports.reading import Recognizer
from assay.records.findings import Finding

SECRETS = "secrets"
"""Stands for all kinds of credential."""


@dataclass(frozen=True, slots=True)
class RuleScanner:
    """A TextScanner. Rules are ids such as `card` or `github_token`, kinds such as `national_id`, or `personal` and
    `secrets` for all of theirs; recognizers add what rules cannot find. Raises ConfigError `detect.unknown_rule`."""

    rules: tuple[str, ...]
    recognizers: tuple[Recognizer, ...] = ()
    ids: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", chosen(self.rules))

    @property
    def recipe(self) -> str:
        return "+".join((f"scan.v2({recipe_of(self.ids)})", *(one.recipe for one in self.recognizers)))

    def scan(self, text: str) -> tuple[Finding, ...]:
        """What the rules and the recognizers find, without overlap, in reading order."""
        found = scan(text, self.ids)
        if not self.recognizers:
            return found
        return merged((*found, *(finding for one in self.recognizers for finding in one.recognise(text))))
