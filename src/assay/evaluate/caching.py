"""Replies kept by all that decides them, so that no unchanged case is paid for twice. Failures are never kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from assay.ports.reading import Clock
from assay.ports.storage import Cache
from assay.records.dialogue import Outcome, Reply
from assay.records.digest import sha256_json
from assay.records.evaluation import Sample
from assay.records.golden import Case
from assay.records.moments import days_between

FORMAT = 1
"""Goes up when what is kept could no longer be read as it was meant."""


@dataclass(frozen=True, slots=True)
class _Kept:
    at: str
    reply: Reply


_decode = msgspec.json.Decoder(_Kept).decode
_encode = msgspec.json.Encoder().encode


@dataclass
class ReplyCache:
    """Replies of one system. `fingerprint` names everything on its side that decides a reply: its recipe, the model,
    the state of the corpus. A reply older than `days` is asked for anew: what stands behind an endpoint may change
    without a word.
    """

    store: Cache
    fingerprint: str
    clock: Clock
    days: float = 7.0
    hits: int = 0
    _cases: dict[str, Case] = field(default_factory=dict, repr=False)

    def expect(self, cases: Iterable[Case]) -> None:
        """The cases whose samples `keep` will be given."""
        self._cases = {case.case_id: case for case in cases}

    def key(self, case: Case, repeat: int) -> str:
        """64 hex digits over the input as the system sees it, the system, and the repeat: repeats stay independent."""
        asked = [case.question, case.history, case.scope]
        return sha256_json({"reply": FORMAT, "system": self.fingerprint, "asked": asked, "repeat": repeat})

    def get(self, case: Case, repeat: int) -> Reply | None:
        """The reply that was kept, or None. What cannot be read any more is a miss."""
        text = self.store.get(self.key(case, repeat))
        if text is None:
            return None
        try:
            kept = _decode(text)
            if days_between(kept.at, self.clock.now()) > self.days:
                return None
        except (msgspec.DecodeError, ValueError):
            return None
        self.hits += 1
        return kept.reply

    def keep(self, samples: Iterable[Sample]) -> None:
        """Keep the replies that were given now and did not fail."""
        now = self.clock.now()
        for sample in samples:
            case = self._cases.get(sample.case_id)
            if case is not None and not sample.cached and sample.reply.outcome is not Outcome.FAILED:
                self.store.put(self.key(case, sample.repeat), _encode(_Kept(now, sample.reply)).decode())


def fingerprint(recipe: str, more: Mapping[str, object]) -> str:
    """One name for a system's recipe and what else decides its replies."""
    return sha256_json({"recipe": recipe, **more})
