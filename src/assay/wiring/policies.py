"""Policies as files: read and checked with line numbers, compiled, tested on cases, explained and replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from assay.detect import texts
from assay.detect.registry import GROUPS, SECRET_IDS, chosen
from assay.detect.samples import restored
from assay.guard.acting import Acted, Acting
from assay.guard.policy import Action, Context, Policy, Rule, Where, contradictions
from assay.records.digest import sha256_json
from assay.records.errors import ConfigError, InputError
from assay.records.operations import Trace
from assay.wiring import policy_signals
from assay.wiring.settings_guards import PolicyFile

if TYPE_CHECKING:
    from assay.wiring.build import Workspace


@dataclass(frozen=True)
class Loaded:
    """A policy that was read. `content` is what its digest is of, as JSON values."""

    file: PolicyFile
    policy: Policy

    @property
    def content(self) -> dict[str, Any]:
        return _content(self.file)

    @property
    def digest(self) -> str:
        return self.policy.digest


def load(path: Path) -> Loaded:
    """Read a policy file. Raises ConfigError `policy.unreadable`, `policy.syntax`, `policy.value`,
    `policy.contradiction` and `detect.unknown_rule`, with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("policy.syntax", "the file is not UTF-8", where=f"{path}:byte {error.start}") from None
    except OSError as error:
        raise ConfigError("policy.unreadable", f"cannot read it ({error.strerror})", where=str(path)) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError("policy.syntax", "this is not YAML", where=where, remedy="check indentation") from None
    return of_content(data, str(path), _lines(node, path))


def of_content(data: Any, where: str, lines: dict[tuple[str, ...], int] | None = None) -> Loaded:
    """A policy from its values, such as a bundle holds them."""
    lines = lines or {}
    try:
        file = PolicyFile.model_validate(data)
    except ValidationError as error:
        raise _readable(where, lines, error) from None
    rules = tuple(_rule(file, number, lines.get(("rules", str(number)), 0), where) for number in range(len(file.rules)))
    for allows, forbids, about in contradictions(rules):
        raise ConfigError(
            "policy.contradiction",
            f"the rule {allows.rule_id} (line {allows.line}) allows what the rule {forbids.rule_id} "
            f"(line {forbids.line}) forbids wherever the first one holds: {about}",
            where=where, remedy="take one of them out, or make one narrower: a rule that forbids always wins",
        )  # fmt: skip
    own = {name for one in file.detectors.values() for name in one.reports}
    known = {*GROUPS["personal"], *SECRET_IDS, *own, *(name for rule in rules for name in rule.find)}
    apart = frozenset(name for name in known if texts.known(name))
    return Loaded(file, Policy(rules, Action(file.default), frozenset(known), sha256_json(_content(file)), apart))


def pinned(loaded: Loaded, pins: dict[str, str]) -> Loaded:
    """The policy with the pins of its signals in its content, and so in its digest."""
    if not pins:
        return loaded
    signals = {name: {**use, "pin": pins[name]} for name, use in loaded.content["signals"].items()}
    file = PolicyFile.model_validate({**loaded.content, "signals": signals})
    return Loaded(file, replace(loaded.policy, digest=sha256_json(_content(file))))


def _content(file: PolicyFile) -> dict[str, Any]:
    """Without what came to policies later and is not used, so that the digests of older ones stay."""
    whole = file.model_dump(mode="json")
    for detector in whole["detectors"].values():
        if not detector["options"]:
            del detector["options"]
    return {name: value for name, value in whole.items() if value or name not in ("signals", "languages")}


def _rule(file: PolicyFile, number: int, line: int, where: str) -> Rule:
    stated = file.rules[number]
    own = {name for one in file.detectors.values() for name in one.reports}
    place = f"{where}:{line}" if line else where
    try:
        about = policy_signals.checked(file, stated, place)
        rest = [name for name in stated.find if name not in own and not texts.known(name)]
        found = {*chosen(rest), *(own & set(stated.find)), *about}
    except ConfigError as error:
        if error.code == "policy.signal":
            raise
        raise ConfigError(error.code, f"{error.what}: {error.where}", where=place, remedy=error.remedy) from None
    return Rule(
        stated.id, Action(stated.action), frozenset(found), frozenset(Where(one) for one in stated.where),
        frozenset(stated.tenants), frozenset(stated.apps), frozenset(stated.purposes), line,
    )  # fmt: skip


def _lines(node: yaml.Node | None, path: Path) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}

    def walk(inner: yaml.Node | None, prefix: tuple[str, ...]) -> None:
        if isinstance(inner, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in inner.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in seen:
                    raise ConfigError("policy.value", f"the key {name} stands twice", where=f"{path}:{line}")
                seen.add(name)
                found[*prefix, name] = line
                walk(value, (*prefix, name))
        elif isinstance(inner, yaml.SequenceNode):
            for number, item in enumerate(inner.value):
                found[*prefix, str(number)] = item.start_mark.line + 1
                walk(item, (*prefix, str(number)))

    walk(node, ())
    return found


def _readable(where: str, lines: dict[tuple[str, ...], int], error: ValidationError) -> ConfigError:
    told = []
    for detail in error.errors():
        place = tuple(str(part) for part in detail["loc"])
        line = next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), 1)
        what = {"extra_forbidden": "unknown key", "missing": "this key is missing"}.get(
            detail["type"], detail["msg"].removeprefix("Value error, ")
        )
        told.append((line, f"line {line}: {'.'.join(place)}{': ' if place else ''}{what}"))
    return ConfigError(
        "policy.value", "the policy has problems\n  " + "\n  ".join(text for _, text in sorted(told)), where=where,
        remedy="docs/policy.md lists every key",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a policy's tests: what it should come to and what it does."""

    case_id: str
    line: int
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        return self.expected == self.got


def outcome(acted: Acted, before: str) -> str:
    """What happened to a text, in one word: `allow`, `change`, `lower_rights`, or the reason of a refusal without its
    room, such as `refused` or `escalated`."""
    if acted.refused:
        return acted.refused.removeprefix("policy.")
    if acted.text != before:
        return "change"
    return "lower_rights" if acted.lowered else "allow"


def run_cases(acting: Acting, path: Path) -> tuple[CaseResult, ...]:
    """Cases from a YAML list: `text`, `where`, `expect` (the whole text that leaves) or `outcome`, and optionally
    `id`, `tenant`, `app`, `purpose`. Raises InputError `policy.cases`."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        cases = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("policy.cases", f"cannot read it ({error.strerror})", where=str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InputError("policy.cases", "this is not YAML", where=str(path)) from None
    lines = _lines(node, path)
    if not isinstance(cases, list) or not cases:
        raise InputError("policy.cases", "the file must hold a list of cases", where=str(path))
    return tuple(
        _run_case(acting, case, number, lines.get((str(number),), 0), path) for number, case in enumerate(cases)
    )


_CASE_KEYS = frozenset({"id", "text", "where", "expect", "outcome", "tenant", "app", "purpose"})


def _run_case(acting: Acting, case: Any, number: int, line: int, path: Path) -> CaseResult:
    sound = isinstance(case, dict) and set(case) <= _CASE_KEYS and isinstance(case.get("text"), str)
    if not sound or ("expect" in case) == ("outcome" in case) or case.get("where") not in list(Where):
        raise InputError(
            "policy.cases", "a case has text, where, and either expect or outcome", where=f"{path}:{line}",
            remedy="outcomes are allow, change, lower_rights, refused and escalated; docs/policy.md",
        )  # fmt: skip
    context = Context(
        Where(case["where"]), str(case.get("tenant", "default")), str(case.get("app", "")),
        str(case.get("purpose", "answer")),
    )  # fmt: skip
    acted = acting.act(case["text"], context)
    got = outcome(acted, case["text"])
    name = str(case.get("id", number + 1))
    if "outcome" in case:
        return CaseResult(name, line, str(case["outcome"]), got)
    matches = not acted.refused and acted.text == case["expect"]
    return CaseResult(name, line, "the expected text", "the expected text" if matches else f"another text ({got})")


@dataclass(frozen=True, slots=True)
class Explained:
    """One finding and what a policy does about it."""

    found: str
    start: int
    end: int
    action: str
    rules: str


def explain(acting: Acting, text: str, context: Context) -> tuple[Explained, ...]:
    """Every finding that something is done about in this context, in reading order."""
    decisions = acting.policy.decisions(context)
    rows = []
    for one in acting.found(Acted(text), decisions, context):
        end = decisions[one.rule_id]
        parts = [str(end.change)] if end.change is not Action.ALLOW else []
        parts += ["lower_rights"] * end.lowers + ["escalate"] * end.escalates
        rows.append(Explained(one.rule_id, one.start, one.end, " + ".join(parts), ", ".join(end.rules) or "default"))
    return tuple(sorted(rows, key=lambda row: (row.start, row.end)))


@dataclass
class Replay:
    """What traces would have got under a policy: outcomes before and now, and how many could not be replayed."""

    traces: int = 0
    no_content: int = 0
    changed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By direction, outcome that was, outcome that would be."""
    same: int = 0
    rules: Counter[str] = field(default_factory=Counter)

    @property
    def replayed(self) -> int:
        return self.traces - self.no_content


def replay(acting: Acting, traces: Iterable[Trace], before: dict[str, Acting] | None = None) -> Replay:
    """Compare each trace whose content was kept with what `before` says of its app (nothing: everything allowed).

    A kept answer is what left then, without what `privacy.redact` took out: where it left a mark such as `[card]`, an
    example of that rule is judged. Passages are not in traces and are not replayed."""
    result = Replay()
    for trace in traces:
        result.traces += 1
        if not trace.question and not trace.answer:
            result.no_content += 1
            continue
        differs = False
        for where, kept in ((Where.QUESTION, trace.question), (Where.ANSWER, trace.answer)):
            text = restored(kept)
            context = Context(where, trace.tenant, trace.app)
            old = (before or {}).get(trace.app)
            was = outcome(old.act(text, context), text) if old else "allow"
            if was not in ("allow", "change", "lower_rights") and where is Where.ANSWER:
                continue
            acted = acting.act(text, context)
            now = outcome(acted, text)
            result.rules.update({f"{where}.{name}": count for name, count in acted.counts.items()})
            if was != now:
                result.changed[where, was, now] += 1
                differs = True
        result.same += not differs
    return result


def read_traces(place: Workspace, most: int) -> Iterable[Trace]:
    """The newest traces of all tenants, at most so many."""
    return place.stores.traces.list(None, most)
