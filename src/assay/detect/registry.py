"""All rules that exist, and the names by which they are chosen: a rule's id, its kind, or a group of kinds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType

from assay.detect import (
    rules_assigned,
    rules_contact,
    rules_national,
    rules_numbers,
    rules_papers,
    rules_places,
    rules_secrets,
)
from assay.detect.engine import Engine
from assay.detect.rules import Rule
from assay.records.errors import ConfigError

PERSONAL: tuple[Rule, ...] = (
    *rules_numbers.RULES,
    *rules_national.RULES,
    *rules_contact.RULES,
    *rules_papers.RULES,
    *rules_places.RULES,
)
"""Personal data with a structure. Where two forms are equally certain, the one that stands first wins."""
SECRETS: tuple[Rule, ...] = (*rules_secrets.TOKENS, *rules_assigned.RULES)
"""Credentials."""
RULES: tuple[Rule, ...] = (*SECRETS, *PERSONAL)


def _ids(rules: Sequence[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.rule_id for rule in rules))


PERSONAL_IDS = _ids(PERSONAL)
SECRET_IDS = _ids(SECRETS)
KINDS = MappingProxyType(
    {kind: _ids([rule for rule in PERSONAL if rule.kind == kind]) for kind in dict.fromkeys(r.kind for r in PERSONAL)}
)
"""Rule ids by kind of personal data."""
GROUPS = MappingProxyType(
    {**KINDS, "personal": tuple(one for one in PERSONAL_IDS if one != "date"), "secrets": SECRET_IDS}
)
"""What a name of several rules stands for. Any `date` is asked for by its own name, because most are no one's."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Rule ids that rule ids, kinds and groups stand for, in the order of the registry.

    Raises ConfigError `detect.unknown_rule`.
    """
    known = {*PERSONAL_IDS, *SECRET_IDS}
    unknown = sorted(name for name in names if name not in known and name not in GROUPS)
    if unknown:
        raise ConfigError(
            "detect.unknown_rule",
            "no rule of this name",
            where=", ".join(unknown),
            remedy=f"a group: {', '.join(GROUPS)}; or a rule such as us_ssn: `assay scan --rules` lists all",
        )
    wanted = {one for name in names for one in GROUPS.get(name, (name,))} | (known & set(names))
    return tuple(one for one in _ids(RULES) if one in wanted)


@lru_cache(maxsize=32)
def engine_of(ids: tuple[str, ...]) -> Engine:
    """The engine of rules by their ids, built once."""
    wanted = frozenset(ids)
    return Engine([rule for rule in RULES if rule.rule_id in wanted])


def recipe_of(ids: Sequence[str]) -> str:
    """Ids with the version of each, such as `card@2,iban@2`: what a stored result depends on."""
    versions = {rule.rule_id: rule.version for rule in RULES}
    return ",".join(f"{one}@{versions[one]}" for one in sorted(ids))
