"""What a site asks robots not to read (RFC 9309)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote


@dataclass(frozen=True, slots=True)
class Robots:
    """Rules for one robot: (allowed, pattern). The longest pattern that matches decides; a tie allows."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay_s: float = 0.0

    def allows(self, target: str) -> bool:
        """`target` is path and query of an address."""
        plain = _plain(target)
        matching = [(len(pattern), allowed) for allowed, pattern in self.rules if _matches(pattern, plain)]
        return max(matching, default=(0, True))[1]


def robots(text: str, agent: str) -> Robots:
    """The rules of all groups that name `agent`, or else those for everybody. Unknown lines are passed over."""
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    open_group = False
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if not open_group:
                agents = []
            agents.append(value.lower())
            groups.setdefault(value.lower(), [])
            open_group = True
        elif key in ("allow", "disallow", "crawl-delay"):
            open_group = False
            for one in agents:
                groups[one].append((key, value))
    found = groups.get(agent.lower(), groups.get("*", []))
    rules = tuple((key == "allow", _plain(value)) for key, value in found if key != "crawl-delay" and value)
    return Robots(rules, max((_seconds(value) for key, value in found if key == "crawl-delay"), default=0.0))


def _seconds(value: str) -> float:
    return float(value) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value) else 0.0


def _plain(target: str) -> str:
    """One spelling of a path: percent-quoted only where it must be."""
    return quote(unquote(target), safe="/*$?=&;:@+,!~'()")


def _matches(pattern: str, target: str) -> bool:
    """`*` stands for anything, `$` at the end for the end. Linear: the parts between stars are sought in turn."""
    anchored = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not target.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(rest):
        if anchored and number == len(rest) - 1:
            return len(target) - len(part) >= at and target.endswith(part)
        at = target.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return not anchored or bool(rest) or at == len(target)
