"""Golden drafts from this workspace's traces, redacted once more on their way."""

from __future__ import annotations

from assay.golden.review import DRAFTED, draft_entry
from assay.golden.traffic import Traffic, drafts_of
from assay.records.errors import InputError
from assay.wiring.build import Workspace
from assay.wiring.privacy_redacting import every_trace


def from_traffic(
    place: Workspace, name: str, most: int, *, rating: str = "", app: str = "", tenant: str = ""
) -> Traffic:
    """At most `most` drafts from the newest traces, for `assay golden review`. Raises InputError `golden.no_traffic`
    where no trace has kept its content."""
    known = (
        [case.question for case in place.stores.golden.get(name).cases] if name in place.stores.golden.names() else []
    )
    known += [entry.body["row"]["question"] for entry in place.stores.ledger.entries(DRAFTED, name)]
    asked = (one for one in every_trace(place, tenant) if app in ("", one[0].app))
    made = drafts_of(asked, known, name, most, rating)
    if not made.drafts and set(made.passed) <= {"no content was kept"}:
        raise InputError(
            "golden.no_traffic", "no trace has kept what was asked", where=name,
            remedy="traces.keep_content: true keeps it from now on, redacted as privacy.redact says",
        )  # fmt: skip
    place.stores.ledger.append([draft_entry(name, one, place.clock.now()) for one in made.drafts])
    return made
