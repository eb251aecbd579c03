"""Redaction of what is kept: found values are replaced until a look finds nothing, and every other sign stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.guard.acting import WITHHELD, Acting
from assay.guard.policy import Action, Context
from assay.ports.guarding import Vault
from assay.records.errors import AssayError
from assay.records.findings import Finding

ROUNDS = 8
"""Replacing one value can bare another that was glued to it; after so many rounds the whole text is withheld."""
CHANGES = frozenset({Action.MASK, Action.HASH, Action.PSEUDONYMISE})

Find = Callable[[str], Sequence[Finding]]


class How(StrEnum):
    """What stands for a value: its rule, a keyed hash, or a name that the tenant's vault turns back."""

    MASK = "mask"
    HASH = "hash"
    PSEUDONYMISE = "pseudonymise"


@dataclass(frozen=True, slots=True)
class Piece:
    """`shown` stands for the characters `start` to `end` of the text as it was."""

    start: int
    end: int
    rule_id: str
    shown: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that may be kept, and which stretches of the original were replaced, in order and without overlap."""

    text: str
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Redaction:
    """Replaces whatever `find` finds. What cannot be looked at is withheld as a whole: nothing is kept unseen.

    Redacting a redacted text changes nothing. Hashes and pseudonyms need a vault and a tenant; where the tenant is not
    known, or its vault fails, the value is masked.
    """

    find: Find
    how: How = How.MASK
    vault: Vault | None = None

    def text(self, text: str, tenant: str = "") -> str:
        return self.of(text, tenant).text

    def of(self, text: str, tenant: str = "") -> Redacted:
        pieces: tuple[Piece, ...] = ()
        shown = text
        for _ in range(ROUNDS):
            try:
                found = self.find(shown) if shown else ()
            except AssayError:
                break
            if not found:
                return Redacted(shown, pieces)
            stretches = [*((one.start, one.end, one.rule_id) for one in pieces), *_mapped(pieces, found)]
            pieces = tuple(self._piece(text, one, tenant) for one in _united(stretches))
            shown = _rendered(text, pieces)
        return Redacted(WITHHELD, (Piece(0, len(text), "", WITHHELD),))

    def _piece(self, text: str, stretch: tuple[int, int, str], tenant: str) -> Piece:
        start, end, rule_id = stretch
        return Piece(start, end, rule_id, self._shown(text[start:end], rule_id, tenant))

    def _shown(self, value: str, rule_id: str, tenant: str) -> str:
        if self.how is not How.MASK and self.vault is not None and tenant:
            name = self.vault.pseudonym if self.how is How.PSEUDONYMISE else self.vault.hashed
            try:
                return name(tenant, rule_id, value)
            except AssayError:
                pass  # a vault that is gone must not make the value be kept
        return f"[{rule_id}]"


def of_policy(acting: Acting, context: Context) -> Find:
    """Finds what a policy changes in this context, with the policy's own detectors."""
    decisions = acting.policy.decisions(context)
    changed = {name for name, decision in decisions.items() if decision.change in CHANGES}
    looks = [(one.detector, tuple(sorted(changed & one.reports))) for one in acting.looking]

    def find(text: str) -> list[Finding]:
        return [finding for detector, ids in looks if ids for finding in detector.find(text, ids)]

    return find


def either(*finds: Find) -> Find:
    """Finds what any of these finds."""
    return lambda text: [one for find in finds for one in find(text)]


def _mapped(pieces: Sequence[Piece], found: Sequence[Finding]) -> list[tuple[int, int, str]]:
    """Findings of the shown text as stretches of the original; one that touches a replacement takes all of it in."""
    return [(_back(pieces, one.start)[0], _back(pieces, one.end - 1)[1], one.rule_id) for one in found]


def _back(pieces: Sequence[Piece], at: int) -> tuple[int, int]:
    """Start and end, in the original, of what shows the character `at`."""
    moved = 0
    for piece in pieces:
        start = piece.start + moved
        if at < start:
            break
        if at < start + len(piece.shown):
            return piece.start, piece.end
        moved += len(piece.shown) - (piece.end - piece.start)
    return at - moved, at - moved + 1


def _united(stretches: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Overlapping stretches made one, which has the name of the longest of them."""
    made: list[tuple[int, int, str]] = []
    longest = 0
    for start, end, rule_id in sorted(stretches, key=lambda one: (one[0], -one[1])):
        if made and start < made[-1][1]:
            before = made[-1]
            name = rule_id if end - start > longest else before[2]
            longest = max(longest, end - start)
            made[-1] = (before[0], max(before[1], end), name)
        else:
            made.append((start, end, rule_id))
            longest = end - start
    return made


def _rendered(text: str, pieces: Sequence[Piece]) -> str:
    parts: list[str] = []
    at = 0
    for piece in pieces:
        parts += (text[at : piece.start], piece.shown)
        at = piece.end
    return "".join((*parts, text[at:]))
