"""Moments as text: ISO 8601 in UTC with microseconds, so that their order as text is their order in time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def moment(text: str) -> str:
    """A date or time of ISO 8601 as `2026-01-31T08:00:00.000000Z`. Without a zone it is UTC, and a bare date is its
    first microsecond. Raises ValueError."""
    return _written(_read(text, time.min))


def end_of(text: str) -> str:
    """As `moment`, but a bare date is its last microsecond: the state at the end of that day. Raises ValueError."""
    return _written(_read(text, time.max))


def just_after(known: str) -> str:
    """One microsecond later than a moment written as `moment` writes it."""
    return _written(datetime.fromisoformat(known) + timedelta(microseconds=1))


def days_between(earlier: str, later: str) -> float:
    """Days from one moment to the other, never below 0: a source whose clock is ahead is not younger than new."""
    return max(0.0, (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds() / 86_400)


def _read(text: str, at: time) -> datetime:
    plain = text.strip()
    try:
        found = datetime.combine(date.fromisoformat(plain), at)
    except ValueError:
        found = datetime.fromisoformat(plain)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the moment is outside the calendar") from error


def _written(found: datetime) -> str:
    return found.isoformat(timespec="microseconds").replace("+00:00", "Z")
