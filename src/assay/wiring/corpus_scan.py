"""`assay corpus scan`: every document of the catalog once, from what is remembered where its text has not changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from assay.detect import hidden
from assay.detect.orders import OrderScanner
from assay.detect.registry import PERSONAL_IDS, SECRET_IDS, chosen, recipe_of
from assay.detect.scanning import scan as scan_text
from assay.govern.corpus_report import (
    CHECK,
    HIDDEN,
    ORDERS,
    PERSONAL,
    SECRET,
    Change,
    CorpusReport,
    Rows,
    Scanned,
    Tally,
    compared,
)
from assay.ingest.poison import Check, held, suspicions
from assay.ingest.poison_known import short
from assay.records.digest import sha256_bytes
from assay.records.documents import Document
from assay.records.errors import NotFound
from assay.records.ledger import Entry

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

KIND = "corpus.scan"
SUBJECT = "workspace"
_ALIKE = (Check.NEAR_DUPLICATE, Check.ALTERED_COPY)
_RULES = ("personal", "secrets")
Counts = dict[str, int]
Progress = Callable[[int, int, str], object]


def detectors() -> str:
    """What the numbers depend on besides the corpus: a digest of every rule's version."""
    recipes = (recipe_of(chosen(_RULES)), "hidden.v1", OrderScanner().recipe)
    return f"corpus.v1({sha256_bytes(' '.join(recipes).encode())[:16]})"


def scan(place: Workspace, progress: Progress = lambda *_: None) -> CorpusReport:
    """Count, compare with the scan before, and remember. Interrupted, the next one goes on from there."""
    catalog, tool = place.stores.catalog, detectors()
    total, _ = catalog.counts()
    sources = {doc_id: state.source for state in catalog.source_states() for doc_id in state.doc_ids}
    documents = list(catalog.documents())
    names = {short(document.doc_id): document.doc_id for document in documents}
    tally, rows, digest = Tally(), dict[str, Counts](), sha256()
    for done, document in enumerate(sorted(documents, key=lambda one: one.doc_id), 1):
        digest.update(f"{document.doc_id}\n{document.text_sha256}\n".encode())
        found = _findings(document, _counts(place, document, tool))
        tally.add(_scanned(document, sources.get(document.doc_id, ""), found, names))
        rows[short(document.doc_id)] = {rule: count for (_, rule), count in found.items()}
        progress(done, total, "")
    at = place.clock.now()
    change = _change(place, rows, tool)
    report = tally.report(at, digest.hexdigest(), tool, change)
    _remember(place, report, rows)
    return report


def _scanned(
    document: Document, source: str, found: dict[tuple[str, str], int], names: dict[str, str]
) -> Scanned:  # fmt: skip
    others = {names[other] for one in suspicions(document) if one.check in _ALIKE for other in one.others
              if other in names}  # fmt: skip
    return Scanned(
        document.doc_id, source, document.chars, document.language, document.quality, found, tuple(sorted(others)),
        bool(held(document)),
    )  # fmt: skip


def _findings(document: Document, counts: Counts) -> dict[tuple[str, str], int]:
    """What the rules count in the text, and what the checks found when the document was read."""
    found = {(_kind(rule), rule): count for rule, count in counts.items()}
    for one in suspicions(document):
        key = CHECK, f"check.{one.check.value}"
        found[key] = found.get(key, 0) + (1 if one.check is Check.HIDDEN_TEXT else one.count)
    return found


def _kind(rule: str) -> str:
    if rule.startswith("hidden."):
        return HIDDEN
    if rule.startswith("orders."):
        return ORDERS
    return SECRET if rule in _SECRETS else PERSONAL


_SECRETS = frozenset(SECRET_IDS) - frozenset(PERSONAL_IDS)


def _counts(place: Workspace, document: Document, tool: str) -> Counts:
    """Findings by rule in a text, remembered by its digest."""
    key = f"{KIND}:{sha256_bytes(f'{document.text_sha256} {tool}'.encode())}"
    kept = place.stores.cache.get(key)
    if kept is not None:
        counts: Counts = json.loads(kept)
        return counts
    text = place.stores.blobs.get(document.text_sha256).decode("utf-8")
    counts = dict(Counter(_rules(text)))
    place.stores.cache.put(key, json.dumps(counts))
    return counts


def _rules(text: str) -> Iterator[str]:
    yield from (one.rule_id for one in scan_text(text, chosen(_RULES)))
    yield from (one.rule_id for one in (() if text.isascii() else hidden.find(text)))
    yield from (one.rule_id for one in OrderScanner().scan(text))


def _change(place: Workspace, rows: Rows, tool: str) -> Change | None:
    """Against the newest scan whose numbers are there still."""
    for entry in reversed(list(place.stores.ledger.entries(KIND, SUBJECT))):
        try:
            before = json.loads(place.stores.blobs.get(entry.body["rows"]))
        except NotFound:
            continue
        return compared(before, rows, entry.at, same_detectors=entry.body["detectors"] == tool)
    return None


def _remember(place: Workspace, report: CorpusReport, rows: Rows) -> None:
    """Digests and numbers: no document's name, so that there is nothing to forget."""
    blob = place.stores.blobs.put(json.dumps(rows, sort_keys=True).encode())
    body = {"rows": blob, "corpus": report.corpus, "detectors": report.detectors, "documents": report.documents}
    place.stores.ledger.append([Entry(KIND, SUBJECT, report.at, body, report.at)])
