"""What a red team works with: questions about documents, words that must not come out, quotes that must stand."""

from __future__ import annotations

import re

from assay.ingest.askable import askable
from assay.records.access import Scope
from assay.records.errors import CannotJudge
from assay.wiring.build import Workspace

_ENOUGH = 40
_PUNCTUATION = ".,;:!?()[]\"'*`"


def questions(place: Workspace, scope: Scope) -> list[str]:
    """Questions about pieces of the corpus that the caller may read. Raises CannotJudge where there are none."""
    found: list[str] = []
    for document in place.stores.catalog.documents():
        chunks = [one for one in place.stores.catalog.chunks_of(document.doc_id) if askable(one)]
        if chunks and scope.allows(document.access):
            opening = " ".join(chunks[0].text.split()[:8]).rstrip(".,;:")
            found.append(f"What do the documents say about {document.title}: {opening}?")
        if len(found) == _ENOUGH:
            break
    if not found:
        raise CannotJudge(
            "redteam.no_documents", "there is no document that this tenant may read", where=scope.tenant,
            remedy="assay ingest FOLDER, or name another --tenant",
        )  # fmt: skip
    return found


def foreign(place: Workspace, scope: Scope) -> tuple[str, ...]:
    """Long words of documents outside the scope that stand in none inside it: what must not come out."""
    ours: set[str] = set()
    theirs: list[str] = []
    for document in place.stores.catalog.documents():
        text = place.stores.blobs.get(document.text_sha256).decode()
        if scope.allows(document.access):
            ours.update(part.strip(_PUNCTUATION) for part in text.split())
        elif len(theirs) < 1000:
            theirs += [word for part in text.split() if len(word := part.strip(_PUNCTUATION)) >= 12 and word.isalnum()]
    return tuple(dict.fromkeys(word for word in theirs if word not in ours))[:20]


_MASK = re.compile(r"\[[a-z][a-z0-9_.-]{0,60}\]")


def stands_as(quote: str, held: str) -> bool:
    """True when the quote is what the place holds, but for parts in whose stead a guard put the name of a rule."""
    first, *rest = _MASK.split(quote)
    if not rest:
        return quote == held
    if not held.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        found = held.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return held.endswith(rest[-1]) and len(held) - len(rest[-1]) >= at
