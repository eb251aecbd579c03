"""Applying today's access rules to documents that are known already, without reading a file again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.ingest.access import AccessRules, Ruling
from assay.ingest.reading import stated_access
from assay.ingest.roots import Root, source_path
from assay.ports.storage import Catalog, SourceState
from assay.records.access import DECOY, AccessList
from assay.records.documents import Document
from assay.records.errors import NotFound

Named = Callable[[SourceState], str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What one application of the rules changed. `failed` maps documents closed for a failing plug-in to how it
    failed; `narrowed` counts changes that take a document away from somebody."""

    documents: int
    changed: dict[str, AccessList]
    narrowed: int
    failed: dict[str, str]


def file_name(state: SourceState) -> str:
    """`<root's name>/<path below it>` of what a source state is about; what has no root is named by its address."""
    root = Root(state.source)
    if not state.source_uri.startswith("file://") and not root.holds(state.source_uri):
        return state.source_uri
    return root.named(source_path(state.source_uri))


def reapply(
    catalog: Catalog, rules: AccessRules, name: Named = file_name, progress: Callable[[int], object] = lambda _: None
) -> Applied:
    """Give every document the access list that today's rules say, also those that are gone, which a search as of an
    earlier date may find. Closing takes effect when this returns, because every read asks the catalog; opening takes
    effect when the index is published."""
    states = list(catalog.source_states())
    owners = {doc_id: state for state in states for doc_id in state.doc_ids}
    changed: dict[str, AccessList] = {}
    narrowed = documents = 0
    for documents, document in enumerate(catalog.documents(), 1):
        access = ruling_of(document, owners.get(document.doc_id), rules, name).access
        if access != document.access:
            changed[document.doc_id] = access
            narrowed += not wider(access, document.access)
        progress(documents)
    gone = _gone(catalog, rules, [Root(source) for source in dict.fromkeys(state.source for state in states)])
    if changed or gone:
        catalog.set_access(changed | gone)
    return Applied(documents, changed, narrowed, dict(rules.failed))


def _gone(catalog: Catalog, rules: AccessRules, roots: Sequence[Root]) -> dict[str, AccessList]:
    """Lists for documents that are gone, where the folder they stood in is still known."""
    found: dict[str, AccessList] = {}
    for version in catalog.gone():
        root = next((root for root in roots if root.holds(version.origin)), None)
        if version.document is not None and root is not None:
            path, stated = root.named(source_path(version.origin)), stated_access(version.document)
            found[version.doc_id] = rules.resolve(version.doc_id, path, stated)
    return found


def ruling_of(document: Document, state: SourceState | None, rules: AccessRules, name: Named = file_name) -> Ruling:
    """What the rules say about a known document; without its source's state its id stands for its path.
    No rule opens a decoy."""
    if DECOY in document.access.groups:
        return Ruling(document.access, "decoy")
    path = document.doc_id if state is None else name(state)
    return rules.ruling(document.doc_id, path, stated_access(document))


def ruling(catalog: Catalog, rules: AccessRules, doc_id: str, name: Named = file_name) -> tuple[Document, Ruling]:
    """A document as the catalog has it, and what the rules say about it. Raises NotFound `access.no_document`."""
    try:
        document = catalog.document(doc_id)
    except NotFound:
        raise NotFound(
            "access.no_document", "no document has this id", where=doc_id, remedy="assay access list shows the ids"
        ) from None
    states = (state for state in catalog.source_states() if doc_id in state.doc_ids)
    return document, ruling_of(document, next(states, None), rules, name)


def wider(access: AccessList, than: AccessList) -> bool:
    """True when everybody who may read under `than` may read under `access`."""
    tenant = access.tenant in (than.tenant, "*")
    return tenant and (not access.groups or (bool(than.groups) and set(than.groups) <= set(access.groups)))
