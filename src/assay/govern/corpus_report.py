"""What a whole corpus holds, in numbers: findings by rule and source, never what was found; and what has changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

PERSONAL, SECRET, HIDDEN, ORDERS, CHECK = "personal data", "secrets", "hidden text", "instructions", "checks"
KINDS = (PERSONAL, SECRET, HIDDEN, ORDERS, CHECK)
MOST_TOP = 20
_QUALITY = (0.5, 0.8, 0.95)


@dataclass(frozen=True, slots=True)
class Scanned:
    """One document's numbers. `findings` maps (kind, rule) to how often; `alike` names documents that say the same."""

    doc_id: str
    source: str
    chars: int
    language: str
    quality: float
    findings: Mapping[tuple[str, str], int]
    alike: tuple[str, ...] = ()
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class RuleCount:
    """A rule over the corpus: how often, in how many documents, and how often by source."""

    kind: str
    rule: str
    findings: int
    documents: int
    by_source: dict[str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """Against the scan before: documents that came and went, findings that did, by rule."""

    since: str
    same_detectors: bool
    documents_new: int
    documents_gone: int
    new: dict[str, int]
    gone: dict[str, int]


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """One scan. `corpus` is a digest of every document's id and text, `detectors` names each rule's version."""

    at: str
    corpus: str
    detectors: str
    documents: int
    chars: int
    quarantined: int
    sources: dict[str, int]
    rules: tuple[RuleCount, ...]
    languages: dict[str, int]
    quality: dict[str, int]
    duplicate_groups: int
    duplicate_documents: int
    top: tuple[tuple[str, int], ...]
    """Documents with the most findings of personal data, secrets, hidden text and instructions."""
    change: Change | None = None


@dataclass
class Tally:
    """Takes documents one by one."""

    _findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    _documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    _by_source: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _sources: Counter[str] = field(default_factory=Counter)
    _languages: Counter[str] = field(default_factory=Counter)
    _quality: Counter[str] = field(default_factory=Counter)
    _totals: Counter[str] = field(default_factory=Counter)
    _alike: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _chars: int = 0
    _quarantined: int = 0

    def add(self, one: Scanned) -> None:
        self._sources[one.source] += 1
        self._languages[one.language or "unknown"] += 1
        self._quality[_band(one.quality)] += 1
        self._chars += one.chars
        self._quarantined += one.quarantined
        if one.alike:
            self._alike[one.doc_id] = one.alike
        for rule, count in one.findings.items():
            self._findings[rule] += count
            self._documents[rule] += 1
            self._by_source[rule][one.source] += count
            if rule[0] != CHECK:
                self._totals[one.doc_id] += count

    def report(self, at: str, corpus: str, detectors: str, change: Change | None) -> CorpusReport:
        groups = list(_groups(self._alike))
        ordered = sorted(self._findings, key=lambda rule: (KINDS.index(rule[0]), -self._findings[rule], rule[1]))
        return CorpusReport(
            at, corpus, detectors, self._sources.total(), self._chars, self._quarantined, dict(self._sources),
            tuple(
                RuleCount(kind, name, self._findings[kind, name], self._documents[kind, name],
                          dict(self._by_source[kind, name].most_common()))
                for kind, name in ordered
            ),
            dict(self._languages.most_common()), {name: self._quality[name] for name in _bands()},
            len(groups), sum(map(len, groups)), tuple(self._totals.most_common(MOST_TOP)), change,
        )  # fmt: skip


def _bands() -> Iterator[str]:
    low = 0.0
    for high in (*_QUALITY, 1.0):
        yield f"{low:g}-{high:g}"
        low = high


def _band(quality: float) -> str:
    return list(_bands())[sum(quality >= edge for edge in _QUALITY)]


def _groups(alike: Mapping[str, Sequence[str]]) -> Iterator[set[str]]:
    """Documents that hang together (disjoint sets: Tarjan, 1975)."""
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while above.setdefault(name, name) != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for name, others in alike.items():
        for other in others:
            above[root(other)] = root(name)
    groups: dict[str, set[str]] = defaultdict(set)
    for name in list(above):
        groups[root(name)].add(name)
    yield from groups.values()


Rows = Mapping[str, Mapping[str, int]]
"""Every document, under a digest of its id, with its findings by rule."""


def compared(before: Rows, now: Rows, since: str, *, same_detectors: bool) -> Change:
    """What has come and gone since the scan before, document by document."""
    new: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    for name in {*before, *now}:
        was, is_ = before.get(name, {}), now.get(name, {})
        for rule in {*was, *is_}:
            step = is_.get(rule, 0) - was.get(rule, 0)
            (new if step > 0 else gone)[rule] += abs(step)
    return Change(
        since, same_detectors, len(now.keys() - before.keys()), len(before.keys() - now.keys()),
        _counted(new), _counted(gone),
    )  # fmt: skip


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {rule: count for rule, count in counts.most_common() if count}


def rule_rows(report: CorpusReport) -> list[tuple[str, ...]]:
    """Kind, rule, findings, documents, and the sources with the most."""
    return [
        (one.kind, one.rule, f"{one.findings:,}", f"{one.documents:,}", _most(one.by_source)) for one in report.rules
    ]


RULE_HEADER = ("kind", "rule", "findings", "documents", "by source")


def _most(by_source: Mapping[str, int]) -> str:
    told = [f"{source} {count:,}" for source, count in list(by_source.items())[:3]]
    return ", ".join(told) + (" …" if len(by_source) > 3 else "")


def summary_rows(report: CorpusReport) -> list[tuple[str, str]]:
    """What stands at the top, for text, Markdown and HTML alike."""
    rows = [
        ("documents", f"{report.documents:,}"),
        ("characters", f"{report.chars:,}"),
        ("in quarantine", f"{report.quarantined:,}"),
        ("groups of near-duplicates", f"{report.duplicate_groups:,} ({report.duplicate_documents:,} documents)"),
        ("languages", _listed(report.languages)),
        ("parse quality", _listed(report.quality)),
        ("sources", _listed(report.sources)),
        ("corpus", report.corpus[:16]),
        ("scanned", report.at),
    ]
    return rows + change_rows(report.change)


def change_rows(change: Change | None) -> list[tuple[str, str]]:
    if change is None:
        return [("before", "this is the first scan")]
    return [
        ("since", change.since + ("" if change.same_detectors else " (with other detectors: findings are not alike)")),
        ("documents new, gone", f"{change.documents_new:,}, {change.documents_gone:,}"),
        ("findings new", _listed(change.new) or "none"),
        ("findings gone", _listed(change.gone) or "none"),
    ]


def _listed(counts: Mapping[str, int]) -> str:
    told = [f"{name} {count:,}" for name, count in list(counts.items())[:12]]
    return ", ".join(told) + (" …" if len(counts) > 12 else "")


def markdown(report: CorpusReport) -> str:
    """The report as Markdown; names of files and sources are escaped."""
    lines = ["# Corpus scan", "", *_table(("what", "how much"), summary_rows(report)), "", "## Findings by rule", ""]
    lines += [*_table(RULE_HEADER, rule_rows(report)), "", "## Documents with the most findings", ""]
    lines += _table(("document", "findings"), [(name, f"{count:,}") for name, count in report.top])
    return "\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    return lines + ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]


def _cell(text: str) -> str:
    """What stands in a file's name is no markup."""
    plain = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\|*_`[]<>#!&" else sign for sign in plain)
