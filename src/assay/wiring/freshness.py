"""How old what is cited is, and which sources miss the objective that `ingest.freshness` sets for them.

Two ages, two objectives. `max_age`: since the document was last modified, as its source says. `max_unseen`: since the
document was last compared with its source by a sync that ended, which is how far the copy may lag behind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.ingest.access import matches
from assay.ingest.roots import Root, source_path, source_uri
from assay.records.dialogue import Age, Citation
from assay.records.moments import days_between, moment
from assay.wiring.build import Workspace
from assay.wiring.settings_ingest import FreshnessRule

SEEN = "seen.json"
_DAYS = {"m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0}


@dataclass(frozen=True, slots=True)
class SourceAge:
    """One file with its ages and objectives, all in days; None where there is none. `age_days` is that of its oldest
    document. `missed` names the objectives that it misses."""

    source_uri: str
    documents: int
    bytes: int
    problem: str
    age_days: float | None
    unseen_days: float | None
    max_age_days: float | None
    max_unseen_days: float | None
    missed: tuple[str, ...]


def age_of(place: Workspace) -> Callable[[Citation], Age]:
    """What says how old a citation's document is at this moment."""
    rules = place.settings.ingest.freshness

    def age(citation: Citation) -> Age:
        days = _age_days(citation.modified_at, place.clock.now())
        rule = _rule(rules, citation.span.doc_id, citation.source_uri)
        most = _days(rule.max_age) if rule else None
        return Age(days, days is not None and most is not None and days > most)

    return age


def source_ages(place: Workspace) -> Iterator[SourceAge]:
    """Every file that was read, by address."""
    now, seen = place.clock.now(), _seen(place)
    modified = {document.doc_id: document.modified_at for document in place.stores.catalog.documents()}
    for state in sorted(place.stores.catalog.source_states(), key=lambda state: state.source_uri):
        ages = [_age_days(modified[doc_id], now) for doc_id in state.doc_ids if doc_id in modified]
        known = [age for age in ages if age is not None]
        moments = [at for root, at in seen.items() if Root(source_path(root)).holds(state.source_uri)]
        rule = _rule(place.settings.ingest.freshness, (*state.doc_ids, "")[0], state.source_uri)
        age = max(known) if known else None
        unseen = days_between(max(moments), now) if moments else None
        max_age, max_unseen = (_days(rule.max_age), _days(rule.max_unseen)) if rule else (None, None)
        missed = [
            name
            for name, days, most in (("max_age", age, max_age), ("max_unseen", unseen, max_unseen))
            if most is not None and (days is None or days > most) and (name == "max_unseen" or state.doc_ids)
        ]
        yield SourceAge(
            state.source_uri, len(state.doc_ids), state.size, state.code, age, unseen, max_age, max_unseen,
            tuple(missed),
        )  # fmt: skip


def note_seen(place: Workspace, paths: Sequence[Path], remotes: Sequence[str] = ()) -> None:
    """A sync of these files, folders and remote roots has ended: what stands below them equals its source now."""
    now = place.clock.now()
    roots = [*(os.path.realpath(path.expanduser()) for path in paths), *remotes]
    seen = _seen(place) | {source_uri(root): now for root in roots}
    aside = place.store / f".{SEEN}.{os.getpid()}"
    aside.write_text(json.dumps(seen, indent=1, sort_keys=True), encoding="utf-8")
    aside.replace(place.store / SEEN)


def shown(days: float | None) -> str:
    """A span of time for people."""
    return str(Age(days)).removesuffix(" old") or "unknown"


def _seen(place: Workspace) -> dict[str, str]:
    """Root to the moment of its last sync. What cannot be read counts as never: then every objective is missed."""
    try:
        found = json.loads((place.store / SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(root): str(at) for root, at in found.items()} if isinstance(found, dict) else {}


def _rule(rules: Sequence[FreshnessRule], doc_id: str, address: str) -> FreshnessRule | None:
    """The last rule whose glob names the document, by its id or by where its file stands."""
    path = source_path(address).strip("/")
    name = doc_id.partition("#")[0]
    named = (
        rule
        for rule in reversed(rules)
        if (name and matches(rule.path, name)) or (path and matches(f"**/{rule.path.strip('/')}", path))
    )
    return next(named, None)


def _days(written: str) -> float | None:
    return float(written[:-1]) * _DAYS[written[-1]] if written else None


def _age_days(modified_at: str, now: str) -> float | None:
    try:
        return days_between(moment(modified_at), now)
    except ValueError:
        return None
