"""Access lists that name a group nobody is in: a mistyped name closes a document, and somebody should be told."""

from __future__ import annotations

from dataclasses import replace

from assay.records.access import RESERVED
from assay.records.documents import IngestReport, ParseOutcome, ParseStatus
from assay.wiring.build import Workspace

UNKNOWN_GROUP = "access.unknown_group"


def with_unknown_groups(place: Workspace, report: IngestReport) -> IngestReport:
    """The report with a line for each document whose access list names a group that is not in `access.known_groups`.

    Nothing is opened by this: such a document is read by callers in that very group and by nobody else. Without
    `access.known_groups` there is nothing to compare with, and no document is looked at.
    """
    known = frozenset(place.settings.access.known_groups)
    if not known:
        return report
    told = []
    for document in place.stores.catalog.documents():
        unknown = {group for group in document.access.groups if not group.startswith(RESERVED)} - known
        if unknown:
            why = f"{len(unknown)} of its groups are not in access.known_groups; only callers in its groups read it"
            told.append(ParseOutcome(document.doc_id, ParseStatus.UNCHANGED, UNKNOWN_GROUP, why))
    return replace(report, outcomes=(*report.outcomes, *told))
