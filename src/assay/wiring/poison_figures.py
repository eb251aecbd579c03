"""What the checks at ingestion find and whom they accuse, as measurements that a gate and a safety report can read."""

from __future__ import annotations

from collections.abc import Mapping

from assay.records.safety import Measurement
from assay.stats.proportion import clopper_pearson

RISKS = ("LLM04:2025", "LLM01:2025", "LLM08:2025", "NIST AI 600-1 2.9")
MOST_QUARANTINED = 0.001
"""Share of innocent documents that the default settings may keep from search."""


def recall(
    subject: str,
    placement: str,
    found: int,
    planted: int,
    *,
    command: str = "",
    digests: Mapping[str, str] | None = None,
) -> Measurement:
    """How many of the documents planted in one way are found by the check that is there for it."""
    return _share(
        f"poison.recall.{placement}", subject, f"documents poisoned by {placement} are found at ingestion", found,
        planted, command, digests or {}, higher=True,
    )  # fmt: skip


def false_alarm(
    subject: str, corpus: str, quarantined: int, documents: int, *, command: str = "",
    digests: Mapping[str, str] | None = None,
) -> Measurement:  # fmt: skip
    """How many innocent documents of a corpus the settings keep from search."""
    return _share(
        f"poison.false_alarm.{corpus}", subject, f"innocent documents of {corpus} are not quarantined", quarantined,
        documents, command, digests or {}, threshold=MOST_QUARANTINED,
    )  # fmt: skip


def _share(
    check: str, subject: str, control: str, events: int, n: int, command: str, digests: Mapping[str, str], *,
    higher: bool = False, threshold: float | None = None,
) -> Measurement:  # fmt: skip
    if not n:
        return Measurement(check, subject, control, RISKS, reason="no document of this kind", command=command,
                           higher_is_better=higher, threshold=threshold)  # fmt: skip
    limits = clopper_pearson(events, n)
    return Measurement(
        check, subject, control, RISKS, n=n, events=events, value=events / n, low=limits.low, high=limits.high,
        higher_is_better=higher, threshold=threshold, digests=tuple(sorted(digests.items())), command=command,
    )  # fmt: skip
