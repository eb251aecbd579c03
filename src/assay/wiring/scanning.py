"""What `assay scan` looks at and tells: spans, rules and shapes of what was found, never what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.detect import hidden
from assay.detect import texts as about
from assay.detect.registry import GROUPS, PERSONAL_IDS, RULES, SECRET_IDS, chosen
from assay.detect.scanning import merged, scan
from assay.records.errors import InputError
from assay.records.findings import Basis, Finding
from assay.wiring.names import recognisers

HIDDEN = "hidden"
DEFAULT_KINDS = ("personal", "secrets")
LONGEST_SHAPE = 32
SIGNALS = ("injection", "toxicity")
ABOUT = (*about.SPANS, *(f"{about.SIGNAL}{name}" for name in SIGNALS))
"""What can be looked for without a policy; other languages need a list of welcome ones."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One finding in one text, as a person reads it: `line` counts from 1, `shape` shows digits as 9 and letters as a
    or A."""

    text: str
    rule: str
    version: int
    kind: str
    start: int
    end: int
    line: int
    score: float
    basis: str
    shape: str


def look(source: str, kinds: Sequence[str], names_model: str = "") -> tuple[Seen, ...]:
    """Findings in a file, or in standard input where `source` is `-`; with a spaCy model names of persons as well.

    `kinds` are rule ids, kinds or groups, `hidden` for invisible characters, `text` for hidden and confusable text, and
    `signal.injection` or `signal.toxicity`. Raises ConfigError `detect.unknown_rule`, InputError `scan.unreadable`,
    `scan.not_text` and those of the parsers.
    """
    named = recognisers(names_model)
    names = tuple(kinds or DEFAULT_KINDS)
    ids = chosen([name for name in names if name not in (HIDDEN, *ABOUT, about.GROUP)])
    whole = about.ids_of([name for name in names if name in (*ABOUT, about.GROUP)])
    seen: list[Seen] = []
    for name, text in texts(source):
        found: tuple[Finding, ...] = scan(text, ids)
        if named:
            found = merged((*found, *(one for recogniser in named for one in recogniser.recognise(text))))
        if HIDDEN in names:
            found = tuple(sorted((*found, *hidden.find(text)), key=lambda one: (one.start, one.end)))
        if whole:
            found = tuple(sorted((*found, *_about(text, whole)), key=lambda one: (one.start, one.end)))
        seen += _seen(name, text, found)
    return tuple(seen)


def _about(text: str, ids: Sequence[str]) -> Iterator[Finding]:
    yield from about.find(text, ids)
    for name in ids:
        if name.startswith(about.SIGNAL):
            from assay.detect.signals.packaged import load

            yield from load(name.removeprefix(about.SIGNAL)).find(text)


def _seen(name: str, text: str, findings: Sequence[Finding]) -> Iterator[Seen]:
    kinds = {rule.rule_id: rule.kind for rule in RULES}
    line, at = 1, 0
    for one in findings:
        line += text.count("\n", at, one.start)
        at = one.start
        yield Seen(
            name, one.rule_id, one.version, kinds.get(one.rule_id) or _kind(one.rule_id), one.start, one.end, line,
            round(one.score, 2), str(one.basis), shape(text[one.start : one.end]),
        )  # fmt: skip


def _kind(rule_id: str) -> str:
    return next((kind for kind in (about.GROUP, "signal") if rule_id.startswith(f"{kind}.")), HIDDEN)


def shape(value: str) -> str:
    """The form of a value without its content: 9 for a digit, a and A for letters, · for what shows nothing."""
    signs = [_sign(sign) for sign in value[:LONGEST_SHAPE]]
    return "".join(signs) + ("…" if len(value) > LONGEST_SHAPE else "")


def _sign(sign: str) -> str:
    if sign.isdigit():
        return "9"
    if sign.isalpha():
        return "A" if sign.isupper() else "a"
    return sign if sign.isprintable() else "·"


def texts(source: str) -> Iterator[tuple[str, str]]:
    """The file's own text where it is text, so that spans count in it; else what its parser reads out of it."""
    if source == "-":
        yield source, _decoded(sys.stdin.buffer.read(), source)
        return
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("scan.unreadable", str(error.strerror), where=source) from None
    from assay.adapters.parsers.registry import parsers

    parser = parsers().get(path.suffix.lower())
    if parser is None or (b"\0" not in data[:4096] and _is_text(data)):
        yield path.name, _decoded(data, source)
        return
    for parsed in parser.parse(data, path.name):
        yield f"{path.name}#{parsed.record_id}" if parsed.record_id else path.name, parsed.text


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not data.startswith(b"%PDF-")


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            "scan.not_text", "is not UTF-8", where=source, remedy="convert it, or give it the suffix of its format"
        ) from None


def rules() -> tuple[tuple[str, str, str, str], ...]:
    """Rule id, kind, version and what its findings rest on, for every rule."""
    rows: dict[str, tuple[str, str, str, str]] = {}
    for rule_id in (*PERSONAL_IDS, *SECRET_IDS):
        forms = [rule for rule in RULES if rule.rule_id == rule_id]
        bases = dict.fromkeys(str(rule.basis) for rule in forms)
        rows[rule_id] = (rule_id, forms[0].kind, str(forms[0].version), ", ".join(bases))
    for one in about.RULES:
        rows[one.rule_id] = (one.rule_id, about.GROUP, str(one.version), str(one.basis))
    from assay.detect.signals.packaged import card

    for name in SIGNALS:
        told = card(name)
        rows[f"{about.SIGNAL}{name}"] = (f"{about.SIGNAL}{name}", "signal", str(told["version"]), str(Basis.CONTEXT))
    return tuple(rows.values())


def groups() -> str:
    """Names that stand for several rules."""
    return ", ".join([*GROUPS, HIDDEN, about.GROUP])
