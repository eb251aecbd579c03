"""Where a text comes from, whose it is, how secret it is and whether it is trusted: labels that only ever rise.

Labels form a join semilattice (Denning, A lattice model of secure information flow, 1976): what is made from several
texts has the least trusted, most confidential of their labels, and all of their origins and tenants.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce


class Origin(StrEnum):
    USER = "user"
    HISTORY = "history"
    OPERATOR = "operator"
    DOCUMENT = "document"
    TOOL = "tool"
    MODEL = "model"


class Classification(StrEnum):
    """From what everybody may see to what few may."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"

    @property
    def level(self) -> int:
        """0 to 3."""
        return _LEVELS[self]

    def within(self, limit: Classification) -> bool:
        return self.level <= limit.level


class Integrity(StrEnum):
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"


_LEVELS = {one: level for level, one in enumerate(Classification)}


def highest(*many: Classification) -> Classification:
    return max(many, key=lambda one: one.level)


def lowest(*many: Classification) -> Classification:
    return min(many, key=lambda one: one.level)


def stated(word: str) -> Classification:
    """The classification that a document or request names; a word that is none counts as `restricted`, because whoever
    wrote it meant to keep something."""
    try:
        return Classification(word.strip().lower())
    except ValueError:
        return Classification.RESTRICTED


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a text. Without origins it is the label of the empty text, below every other."""

    origins: frozenset[Origin] = frozenset()
    tenants: frozenset[str] = frozenset()
    classification: Classification = Classification.PUBLIC
    integrity: Integrity = Integrity.TRUSTED

    @property
    def trusted(self) -> bool:
        return self.integrity is Integrity.TRUSTED

    def join(self, other: Label) -> Label:
        """The label of what is made from both."""
        trusted = self.trusted and other.trusted
        return Label(
            self.origins | other.origins,
            self.tenants | other.tenants,
            highest(self.classification, other.classification),
            Integrity.TRUSTED if trusted else Integrity.UNTRUSTED,
        )

    def flows_to(self, other: Label) -> bool:
        """True when nothing is lost by calling a text of this label `other`: the order that `join` is made of."""
        return self.join(other) == other

    def __str__(self) -> str:
        origins = "+".join(sorted(self.origins)) or "nothing"
        return f"{self.classification} {self.integrity} from {origins}"


NOTHING = Label()
"""Of the empty text: joining it changes nothing."""


def joined(labels: Iterable[Label]) -> Label:
    """The label of what is made from texts with these labels."""
    return reduce(Label.join, labels, NOTHING)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A stretch of text in a prompt, with its label."""

    text: str
    label: Label

    def derive(self, text: str, *others: Labelled) -> Labelled:
        """`text`, made from this and from `others`."""
        return Labelled(text, joined([self.label, *(other.label for other in others)]))


def of_user(tenant: str) -> Label:
    """A caller's own words, which may ask for what the caller may do."""
    return Label(frozenset({Origin.USER}), frozenset({tenant}))


def of_turn(role: str, tenant: str, classification: Classification) -> Label:
    """An earlier turn as a client sends it: nobody knows what an answer in it was made of, so it is not trusted."""
    spoken = role == "user"
    return Label(
        frozenset({Origin.HISTORY}), frozenset({tenant}), Classification.PUBLIC if spoken else classification,
        Integrity.TRUSTED if spoken else Integrity.UNTRUSTED,
    )  # fmt: skip


def of_document(tenant: str, classification: Classification, *, trusted: bool = False) -> Label:
    return Label(
        frozenset({Origin.DOCUMENT}), frozenset({tenant}), classification,
        Integrity.TRUSTED if trusted else Integrity.UNTRUSTED,
    )  # fmt: skip


def of_tool(tenant: str, classification: Classification) -> Label:
    """A tool's result: whoever wrote what the tool reads wrote it."""
    return Label(frozenset({Origin.TOOL}), frozenset({tenant}), classification, Integrity.UNTRUSTED)
