"""Labels of documents from their front matter and the rules of `assay.yaml`, and who is cleared for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from assay.ingest.access import matches
from assay.ingest.reaccess import file_name
from assay.ports.answering import Retriever
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.documents import Document
from assay.records.errors import NotFound
from assay.records.taint import Classification, Label, highest, lowest, of_document, stated
from assay.retrieve.cleared import Cleared, LabelledRetriever
from assay.wiring.settings import Settings
from assay.wiring.settings_tools import LabelRule, LabelSettings

STATED = "classification"
"""The key in front matter and records."""


@dataclass(frozen=True)
class DocumentLabels:
    """The labels of documents as they are now: like access lists they are never frozen.

    A rule goes by the address that a file was read from, never by an id or address that the document gives itself. A
    document may raise itself above its rule, never lower itself; without a rule it is what it states, or the default
    where it says nothing or is not trusted to (`access.trust_stated`). What is not known any more is `restricted`.
    """

    catalog: Catalog
    settings: LabelSettings
    trust_stated: bool = True

    def __call__(self, doc_ids: Sequence[str]) -> dict[str, Label]:
        return {doc_id: self.of(doc_id) for doc_id in doc_ids}

    def of(self, doc_id: str) -> Label:
        document = self._document(doc_id)
        if document is None:
            return of_document("", Classification.RESTRICTED)
        rule = self._rule(doc_id) if self.settings.rules else LabelRule(path="")
        if rule is None:
            return of_document(document.access.tenant, Classification.RESTRICTED)
        return of_document(document.access.tenant, self._classified(document, rule), trusted=rule.trusted)

    def _document(self, doc_id: str) -> Document | None:
        try:
            return self.catalog.document(doc_id)
        except NotFound:
            known = self.catalog.versions(doc_id)
            return known[-1].document if known else None

    def _rule(self, doc_id: str) -> LabelRule | None:
        """The rule for the file that a document was read from, an empty one where none fits; None where the file is not
        known any more."""
        known = self.catalog.versions(doc_id)
        state = self.catalog.source_state(known[-1].origin) if known else None
        if state is None:
            return None
        path = file_name(state)
        return next((one for one in reversed(self.settings.rules) if matches(one.path, path)), LabelRule(path=""))

    def _classified(self, document: Document, rule: LabelRule) -> Classification:
        said = dict(document.metadata).get(STATED, "")
        own = [stated(said)] if said else []
        if rule.classification:
            return highest(Classification(rule.classification), *own)
        if own and self.trust_stated:
            return own[0]
        return highest(Classification(self.settings.default), *own)


def document_labels(catalog: Catalog, settings: Settings) -> DocumentLabels:
    return DocumentLabels(catalog, settings.labels, settings.access.trust_stated)


def clearance(settings: LabelSettings, scope: Scope) -> Classification:
    """The highest classification that a caller may be shown: of the groups' the highest, never below everybody's."""
    own = [Classification(one.classification) for one in settings.clearances if one.group in scope.groups]
    return highest(Classification(settings.clearance), *own)


def with_clearance(catalog: Catalog, settings: Settings, most: str = "restricted") -> Catalog:
    """The catalog as callers may see it who are cleared by their groups, and for nothing above `most`; itself where
    nobody is limited."""
    limit = Classification(most)
    if limit is Classification.RESTRICTED and settings.labels.clearance == "restricted":
        return catalog
    labels = document_labels(catalog, settings)
    return cast(Catalog, Cleared(catalog, labels, lambda scope: lowest(limit, clearance(settings.labels, scope))))


def labelled(retriever: Retriever, catalog: Catalog, settings: Settings) -> Retriever:
    return LabelledRetriever(retriever, document_labels(catalog, settings))
