"""Access lists in a workspace: the rules with their plug-in, applying them anew, and who may read what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.ingest.access import Ruling
from assay.ingest.reaccess import Applied, reapply, ruling
from assay.ports.reading import AccessResolver
from assay.records.access import AccessList, Scope
from assay.records.documents import Document
from assay.records.errors import Busy, ConfigError
from assay.wiring import auditing
from assay.wiring.build import Workspace
from assay.wiring.history import publishing
from assay.wiring.plugins import load

GROUP = "assay.access"


def resolver(place: Workspace) -> AccessResolver | None:
    """The plug-in that `access.plugin` names, called with the workspace's folder. Raises ConfigError: without the
    plug-in nobody can tell who may read what, so nothing is ingested or applied."""
    name = place.settings.access.plugin
    if not name:
        return None
    make = load(GROUP, name, "access.plugin")
    try:
        made = make(place.root)
    except Exception as error:
        raise ConfigError(
            "plugin.broken", f"the plug-in cannot be started ({type(error).__name__})", where="access.plugin",
            remedy="it is called with the workspace's folder and returns an AccessResolver (ports/reading.py)",
        ) from error  # fmt: skip
    if not callable(getattr(made, "resolve", None)):
        raise ConfigError(
            "plugin.shape", "the plug-in has no method resolve(doc_id, path, stated)", where="access.plugin",
            remedy="it returns an AccessResolver (ports/reading.py)",
        )  # fmt: skip
    return made  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Published:
    """An application of the rules and how far it is: `published` is False when another process, which writes the index
    now, will make what was opened searchable."""

    applied: Applied
    published: bool


def apply(place: Workspace, progress: Callable[[int, int], object]) -> Published:
    """Give all documents the access lists that today's rules say, and publish. Nothing is read from the sources."""
    from assay.wiring.ingesting import access_rules

    catalog = place.stores.catalog
    total, _ = catalog.counts()
    rules = access_rules(place)
    applied = reapply(catalog, rules, progress=lambda done: progress(done, total))
    auditing.record(place, "access.apply", counts={"changed": len(applied.changed)})
    if not applied.changed and not catalog.pending():
        return Published(applied, published=True)
    try:
        with place.writing("assay access apply") as index, publishing(place, index) as publisher:
            publisher.publish()
    except Busy:
        return Published(applied, published=False)
    return Published(applied, published=True)


@dataclass(frozen=True, slots=True)
class Explained:
    """A document's access list as it is in force, what the rules say today, and whether the index knows it yet."""

    document: Document
    ruling: Ruling
    searchable: bool

    @property
    def in_force(self) -> AccessList:
        return self.document.access

    @property
    def stale(self) -> bool:
        return self.ruling.access != self.document.access


def explain(place: Workspace, doc_id: str) -> Explained:
    """Raises NotFound `access.no_document`."""
    from assay.wiring.ingesting import access_rules

    document, said = ruling(place.stores.catalog, access_rules(place), doc_id)
    return Explained(document, said, document.doc_id not in place.stores.catalog.pending())


def why(scope: Scope, access: AccessList) -> str:
    """One reason, in words, why a caller in `scope` may or may not read a document under `access`."""
    if not Scope(scope.tenant).allows(AccessList(access.tenant)):
        return "the document belongs to another tenant"
    if not access.groups:
        return "everybody of the tenant may read it" if access.tenant != "*" else "it is shared by all tenants"
    common = sorted(scope.groups.intersection(access.groups))
    return f"member of {', '.join(common)}" if common else "member of none of the groups that may read it"
