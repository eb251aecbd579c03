"""One record under the checks that need nothing but the record: what they find, and what later checks compare."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from assay.ingest import poison_claims
from assay.ingest.poison import CLAIMS, FOUND, SKETCH, VERSION, Actions, Check, Suspicion, packed
from assay.ingest.poison_hidden import HiddenText
from assay.ingest.poison_sketch import sketch
from assay.ingest.poison_stuffing import stuffed
from assay.records.documents import Parsed

_HIDDEN = (Check.HIDDEN_TEXT, Check.HIDDEN_INSTRUCTIONS, Check.INSTRUCTIONS)
ALIKE = (Check.NEAR_DUPLICATE, Check.ALTERED_COPY)


@dataclass(frozen=True)
class Checks:
    """Everything that is looked for in a record by itself; runs wherever the record is read."""

    actions: Actions
    hidden: HiddenText

    @property
    def recipe(self) -> str:
        return f"{self.actions.recipe}+{self.hidden.recipe}"

    def notes(self, parsed: Parsed, language: str) -> tuple[tuple[str, str], ...]:
        """Metadata of the document: findings, the sketch and the claims; a name is left out where there is nothing."""
        found = [one for one in self._found(parsed, language) if self.actions.on(one.check)]
        made = {
            FOUND: packed(found) if found else "",
            VERSION: examined(parsed),
            SKETCH: sketch(parsed.text) if self.actions.on(*ALIKE) else "",
            CLAIMS: self._claims(parsed, language),
        }
        return tuple((name, value) for name, value in made.items() if value)

    def _found(self, parsed: Parsed, language: str) -> Iterator[Suspicion]:
        if self.actions.on(*_HIDDEN):
            yield from self.hidden.find(parsed)
        if self.actions.on(Check.STUFFING):
            yield from stuffed(parsed.text, parsed.blocks, language)

    def _claims(self, parsed: Parsed, language: str) -> str:
        if not self.actions.on(Check.CONTRADICTION):
            return ""
        return poison_claims.packed(poison_claims.claims(parsed.text, parsed.blocks, language))


def examined(parsed: Parsed) -> str:
    """A hash of all that was looked at, text and what no reader sees: a decision is about exactly this."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (parsed.title, parsed.text, *(f"{one.place}\n{one.text}" for one in parsed.asides)):
        data = part.encode("utf-8", "replace")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:31]
